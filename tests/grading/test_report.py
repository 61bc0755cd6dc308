"""What is printed and written about a class, on verdicts that are made up."""

import re
import shutil
import subprocess
from statistics import correlation, stdev
from urllib.parse import unquote

import nbformat
import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.inbox.intake import Record
from course.grading.out.report import summary
from course.grading.results import read_result, table
from tests.grading.test_feedback import CHROMIUM, words
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


def test_one_paper_says_nothing_about_an_exercise(school):
    """Of the eight that are not blank, one missed `shapes` and three missed `build`."""
    found = {e.name: e for e in summary(CourseFolder(school.folder), "hw").exercises}
    assert found["shapes"].discrimination is None
    by_hand = correlation([1] * 4 + [0] * 3 + [1], [12] * 4 + [9] * 3 + [6])
    assert found["build"].discrimination == pytest.approx(by_hand)


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


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to open pages in")
def test_the_pages_fit_a_telephone(school, tmp_path):
    """As wide as the frame that they are in; a table may be scrolled by itself."""
    page(school, tmp_path / "report.html")
    assert school.course("feedback", "hw") == 0
    shutil.copy(school.folder / "feedback/wrong0/hw/p1.html", tmp_path / "feedback.html")
    pages = ("report.html", "feedback.html")
    frames = "".join(f'<iframe width=400 style="border:0" src="{name}"></iframe>' for name in pages)
    script = (
        "onload = () => { document.title = [...document.querySelectorAll('iframe')]"
        ".map(f => f.contentDocument.documentElement)"
        ".map(e => e.scrollWidth - e.clientWidth).join(' ') }"
    )
    top = tmp_path / "top.html"
    top.write_text(f"<!DOCTYPE html><title>-</title>{frames}<script>{script}</script>")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files",
            "--virtual-time-budget=5000", "--dump-dom", top.as_uri(),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert re.search("<title>(.*?)</title>", done.stdout)[1] == "0 0", done.stderr[-2000:]
