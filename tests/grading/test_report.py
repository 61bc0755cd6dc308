"""What is printed and written about a class, on verdicts that are made up."""

import re
from statistics import stdev
from urllib.parse import unquote

import nbformat
import numpy as np
import pytest
from nbgrader.api import Gradebook

from course.check.questions import wrong
from course.grading.folder import CourseFolder
from course.grading.inbox.intake import Record
from course.grading.notebook.defang import Defang
from course.grading.results import read_result, table
from course.grading.verdict.outputs import metadata
from tests import axe
from tests.grading.test_feedback import words
from tests.school import School

FORGED = "it is wrong\nh9   100 / 100\r\x1b[2K\u2028h8   100 / 100" + "x" * 1_900_000


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A student whose texts try to look like other students' rows."""
    school = School(tmp_path_factory.mktemp("hostile"))
    finding = ("first\nrow", "PADDING", FORGED)
    school.hand_in("mallory", shapes=[finding], build=[finding], repairs=[FORGED])
    school.hand_in("finn", failed=FORGED)
    return school


def test_no_text_of_a_students_forges_a_row_of_the_table(hostile):
    course = CourseFolder(hostile.folder)
    shown = table([read_result(course, "hw", student) for student in ("mallory", "finn")])
    lines = shown.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["mallory", "finn"]
    assert all(len(line) < 600 for line in lines)
    assert "it is wrong\\nh9 100 / 100\\r\\x1b[2K\\u2028h8 100 / 100xx" in shown


def test_nor_a_page(hostile, tmp_path):
    assert hostile.course("report", "--to", str(tmp_path / "report.html")) == 0
    assert hostile.course("feedback", "hw") == 0
    pages = [tmp_path / "report.html", *hostile.folder.glob("feedback/mallory/hw/*.html")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "it is wrong\\nh9 100 / 100\\r\\x1b" in text
        assert len(text) < 60_000


# --- the page about the class

WRONG = [("conv2", "PADDING", "The padding is wrong.")]
OPEN = [("", "NOT_ANSWERED", "There is no answer yet.")]


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Nine papers, one of them blank; others are absent, unreadable, not graded yet."""
    school = School(tmp_path_factory.mktemp("class"))
    for number in range(4):
        school.hand_in(f"right{number}")
    for number in range(3):
        school.hand_in(f"wrong{number}", build=WRONG, manual=3)
    school.hand_in("one", shapes=WRONG)
    school.hand_in("blank", shapes=OPEN, build=OPEN, manual=0)
    waiting = school.folder / "submitted/new/hw"
    waiting.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), waiting / "p1.ipynb")
    course = CourseFolder(school.folder)
    with Gradebook(course.database) as gradebook:
        gradebook.add_student("absent")
        gradebook.add_student("pdf")
    record = Record(course)
    record.of("hw", "pdf").unreadable = [["essay.pdf", "is no notebook (.ipynb)"]]
    record.save()
    return school


def page(school, to):
    assert school.course("report", "hw", "--to", str(to)) == 0
    return to.read_text(encoding="utf-8")


def test_the_report_has_spread_titles_and_everybody(school, tmp_path):
    html = page(school, tmp_path / "report.html")
    said = words(html)
    # 4 × 20, 3 × 9, 14, 0
    assert "9 graded submissions, mean 13.44 and median 14 of 20 points" in said
    assert "between 9 and 20 (quartiles), all between 0 and 20" in said
    assert f"standard deviation is {stdev([20] * 4 + [9] * 3 + [14, 0]):.2f}." in said
    assert "1 without a single answer" in said
    assert "shapes 1 · Shapes 6 7 of 9" in said
    for row in (
        "absent – has not handed in",
        "new – handed in, not graded yet",
        "pdf – handed in, unreadable: essay.pdf: is no notebook",
        "right0 20 graded",
    ):
        assert row in said


# What eleven students got for `shapes` (of 6), `build` (of 8) and the essay (of 6).
KNOWN = [
    (6, 8, 6), (6, 8, 6), (6, 8, 5), (6, 8, 3), (6, 0, 4), (6, 0, 2), (6, 0, 3), (0, 8, 2),
    (0, 8, 1), (0, 0, 1), (0, 0, 0),
]  # fmt: skip
A = ("the pool", "CHOICE", "the pool: It is not a. A pool has no weights.", "a")
C = ("the pool", "CHOICE", "the pool: It is not c. It halves both sides.", "c")
D = ("the stride", "CHOICE", "the stride: It is not d. It is 2.", "d")


def known(folder, points):
    """A class with these points; papers that are blank or not there beside it."""
    school = School(folder)
    wrong = iter([[A, D], [A], [C, D], [A]] * 3)
    for number, (shapes, build, essay) in enumerate(points):
        school.hand_in(
            f"s{number}", shapes=() if shapes else next(wrong), build=() if build else WRONG,
            manual=essay,
        )  # fmt: skip
    school.hand_in("blank", shapes=OPEN, build=OPEN, manual=0)
    with Gradebook(CourseFolder(school.folder).database) as gradebook:
        gradebook.add_student("absent")
    return school


def rows(html, caption):
    """The rows of one of the page's tables, as lists of plain text."""
    body = re.search(rf'aria-label="{caption}".*?<tbody>(.*?)</tbody>', html, re.DOTALL)[1]
    found = (re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>"))
    return [[words(cell) for cell in cells] for cells in found if cells]


def measured(school, to):
    """{exercise: [difficulty, discrimination]}, as the page shows them."""
    return {row[0].split()[0]: row[-2:] for row in rows(page(school, to), "Exercises")}


@pytest.fixture(scope="module")
def class_(tmp_path_factory):
    return known(tmp_path_factory.mktemp("known"), KNOWN)


def test_difficulty_and_discrimination_are_those_of_the_book(class_, tmp_path):
    """Neither the blank paper nor the student who handed nothing in counts as answers of zero."""
    points = np.array(KNOWN, float)
    shown = measured(class_, tmp_path / "report.html")
    for column, (name, maximum) in enumerate({"shapes": 6, "build": 8, "essay": 6}.items()):
        difficulty = points[:, column].mean() / maximum
        rest = points.sum(axis=1) - points[:, column]
        discrimination = np.corrcoef(points[:, column], rest)[0, 1]
        assert shown[name] == [f"{difficulty:.2f}", f"{discrimination:.2f}"]


def test_a_point_that_a_person_has_yet_to_give_is_no_zero(tmp_path):
    """The waiting essay counts in nobody's rest, and only the others' in its own difficulty."""
    school = known(tmp_path, [*KNOWN[:-1], (0, 0, None)])
    shown = measured(school, tmp_path / "report.html")
    points = np.array([*KNOWN[:-1], (0, 0, 0)], float)
    both = f"{np.corrcoef(points[:, 0], points[:, 1])[0, 1]:.2f}"
    assert (shown["shapes"][1], shown["build"][1]) == (both, both)
    assert shown["essay"][0] == f"{points[:-1, 2].mean() / 6:.2f}"


@pytest.mark.parametrize(
    "points",
    [KNOWN[:9], [*[(6, 8, n % 6) for n in range(9)], (0, 8, 0)]],
    ids=["nine papers", "all alike, or one paper would decide"],
)
def test_a_discrimination_that_cannot_be_computed_is_a_dash(points, tmp_path):
    shown = measured(known(tmp_path, points), tmp_path / "report.html")
    assert shown["shapes"][1] == shown["build"][1] == "–"


def test_the_wrong_letters_are_counted(class_, tmp_path):
    """Four papers have wrong letters: a and d, a, c and d, a."""
    shown = rows(page(class_, tmp_path / "report.html"), "Wrong letters")
    assert shown == [
        ["shapes", "the pool", "a: 3 of 12; c: 1 of 12"],
        ["shapes", "the stride", "d: 2 of 12"],
    ]


def test_a_judged_notebook_holds_the_letters():
    """What a check finds, in the notebook that is graded and then cleaned."""
    findings = wrong({"two numbers": "b", "the naive module": "c"}, "comparison-flops")
    meta = metadata(findings, passed=False)
    cell = nbformat.v4.new_code_cell("", metadata={"course": meta})
    nb, _ = Defang().preprocess(nbformat.v4.new_notebook(cells=[cell]), {})
    (found,) = nb.cells[0].metadata["course"]["findings"]
    assert (found["row"], found["received"]) == ("two numbers", "b")


def test_a_page_without_letters_has_no_table_of_them(school, tmp_path):
    assert "Wrong letters" not in page(school, tmp_path / "report.html")


def test_the_report_leads_to_the_students_pages(school, tmp_path):
    assert "once they are written" in page(school, tmp_path / "report.html")
    assert school.course("feedback", "hw") == 0
    for folder in (tmp_path, school.folder, tmp_path / "a b"):
        folder.mkdir(exist_ok=True)
        html = page(school, folder / "report.html")
        links = dict(re.findall(r'<a href="([^"#]+)">(\w+)</a>', html))
        assert len(links) == 9
        for link, student in links.items():
            target = (folder / unquote(link)).resolve()
            assert target.is_file() and student in target.parts


def test_everybody_can_read_the_pages(class_, browser, tmp_path):
    page(class_, tmp_path / "report.html")
    assert class_.course("feedback", "hw") == 0
    feedback = class_.folder / "feedback/s7/hw/p1.html"
    assert not axe.unreadable(browser, feedback)
    assert not axe.unreadable(browser, tmp_path / "report.html")


def test_the_report_can_be_used_with_the_keyboard(class_, browser, tmp_path):
    page(class_, tmp_path / "report.html")
    shown = browser.new_page(viewport={"width": 320, "height": 900})
    shown.goto((tmp_path / "report.html").as_uri())
    used = set()
    for _ in range(20):
        shown.keyboard.press("Tab")
        focused = shown.locator(":focus")
        if not focused.count():
            break  # behind the last one
        line = focused.evaluate("element => getComputedStyle(element).outlineStyle")
        assert line == "solid"  # who cannot point sees where the keyboard is
        used.add(focused.get_attribute("aria-label") or focused.inner_text())
        if focused.evaluate("element => element.scrollWidth > element.clientWidth"):
            shown.keyboard.press("ArrowRight")
            moved = (focused.evaluate("element => element.scrollLeft") for _ in range(300))
            assert any(far or shown.wait_for_timeout(100) for far in moved)
        elif focused.evaluate("element => element.matches('summary')"):
            shown.keyboard.press("Enter")
            assert focused.evaluate("element => element.parentElement.open")
    assert used >= {"Exercises", "Wrong letters", "Mistakes", "Students", "which students"}
