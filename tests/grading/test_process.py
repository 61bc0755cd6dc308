"""How a class came to its answers: kept in a kernel, handed in, and shown on the report."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.check.process import LONGEST, MIME, MOST, said
from course.cli import main
from course.grading.folder import CourseFolder
from course.grading.out.process import (
    ALL,
    FEWEST,
    Refused,
    Way,
    _about,
    classes,
    keeps,
    record_in,
    ways_in,
)
from course.grading.results import read_result
from tests.grading.test_feedback import words
from tests.grading.test_report import rows
from tests.notebook import executed
from tests.school import cell

ROOT = Path(__file__).parents[2]
SETUP = "import course\nfrom course import check\ncourse.setup(keep_progress=True)"
ONE = "# Exercise one (60 points)\ncheck.value(a, 3)"
TWO = "# Exercise two (40 points)\ncheck.value(b, 4)"
SHOWN = 'check.progress({"one": 60, "two": 40})'
WRONG = ("wrong", "", "WRONG_VALUE")


def answer(name, value):
    return f"{name} = None\n### BEGIN SOLUTION\n{name} = {value}\n### END SOLUTION"


def source(setup=SETUP):
    test = {"grade": True, "locked": True}
    return new_notebook(
        cells=[
            new_markdown_cell("# Two numbers: 100 points", id="title"),
            cell(new_code_cell, setup, "setup", locked=True),
            cell(new_code_cell, answer("a", 3), "one-answer", solution=True),
            cell(new_code_cell, ONE, "one", 60, **test),
            cell(new_code_cell, answer("b", 4), "two-answer", solution=True),
            cell(new_code_cell, TWO, "two", 40, **test),
            cell(new_code_cell, SHOWN, "progress", locked=True),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The cells of a notebook after one kernel ran them, and what stands beside the notebook."""
    texts = [
        "import course\nfrom course import check\ncourse.setup()",
        "a = 9", ONE, SHOWN,
        SETUP,
        "a, b = 5, None", ONE, ONE, TWO,
        "a = 'x'", ONE,
        "b = 1", TWO,
        "course.setup(seed=1)",  # as before a training: it leaves the record as it is
        "a = 3", ONE, ONE, SHOWN,
    ]  # fmt: skip
    tags = {"tags": ["raises-exception"]}
    nb = new_notebook(cells=[new_code_cell(text, metadata=tags) for text in texts])
    folder = tmp_path_factory.mktemp("student")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NBGRADER_EXECUTION", raising=False)
        cells = executed(nb, folder, go_on=True).cells
    return cells, json.loads((folder / ".progress.json").read_text())


def test_a_kernel_keeps_what_the_first_cell_says_and_only_then(ran):
    cells, noted = ran
    off, on = cells[3].outputs[0].data, cells[-1].outputs[0].data
    assert MIME not in off and "kept" not in str(off) + str(cells[0].outputs)
    assert said() in cells[4].outputs[0].text and said() not in str(cells[13].outputs)
    runs = [(name, *rest) for name, minutes, *rest in on[MIME]["runs"]]
    assert runs == [
        ("one", *WRONG),  # and not once more, when the check said the same
        ("two", "open", "", ""),
        ("one", *WRONG),
        ("two", *WRONG),
        ("one", "right", "", ""),
    ]
    assert list(on[MIME]) == ["runs"] and all(type(run[1]) is int for run in on[MIME]["runs"])
    assert "This output keeps 5 runs of checks." in on["text/plain"]
    assert "<details>" in on["text/html"] and "wrong value" in on["text/html"]
    assert [run["number"] for run in noted["one"]["runs"]] == [1, 3, 5]


class Class:
    """A course with one assignment; what its students hand in has a record, if any."""

    def __init__(self, folder):
        self.folder = folder

    def course(self, command, *arguments):
        return main([command, "--course", str(self.folder), *arguments])

    def hand_in(self, student, record=None, name="p1.ipynb", **data):
        """A file with both answers right. `record` is what its output has under the type."""
        nb = nbformat.read(self.folder / "assignments/hw/p1.ipynb", 4)
        nb.cells[2].source, nb.cells[4].source = "a = 3", "b = 4"
        data |= {} if record is None else {MIME: record}
        nb.cells[-1].outputs = [new_output("display_data", data)] if data else []
        folder = self.folder / "submitted" / student / "hw"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(nbformat.writes(nb), encoding="utf-8")

    def page(self):
        assert self.course("report", "hw", "--to", str(self.folder / "report.html")) == 0
        html = (self.folder / "report.html").read_text(encoding="utf-8")
        assert "secret" not in html
        return html


def made(*states, name="one", begin=0, row="C1"):
    """Runs of one exercise, two minutes apart: the number of wrong ones, then those named."""
    wrong, *last = states
    runs = [[name, 0, "wrong", row, "WRONG_VALUE"] for _ in range(wrong)]
    runs += [[name, 0, state, "", ""] for state in last]
    return [[n, begin + 2 * at, *rest] for at, (n, _, *rest) in enumerate(runs, 1)]


def record(*runs):
    return {"runs": [run for some in runs for run in some]}


HOSTILE = {
    "it does not have the form in which the course writes it": [
        [], "secret", 7, None, {"runs": {}}, {"runs": [["one", 1, "right", ""]]},
        {"runs": [{"secret": 1}]}, {"runs": [], "secret": 1}, {"secret": []},
        {"runs": [[["one"], 1, "right", "", ""]]},
    ],
    f"it holds more than {MOST:,} runs": [record(made(MOST + 1))],
    "it names no exercise of the assignment": [record(made(1, name="secret"))],
    "its minutes are not whole numbers that grow": [
        {"runs": [["one", minutes, "right", "", ""]]} for minutes in (-1, 1.5, True, "1", 10**9)
    ] + [{"runs": [["one", 5, "open", "", ""], ["one", 4, "right", "", ""]]}],
    "it has a state that no check gives": [
        {"runs": [["one", 1, state, "", ""]]} for state in ("secret", "", None, ["right"])
    ],
    f"a row in it is no text of at most {LONGEST} characters": [
        {"runs": [["one", 1, "wrong", row, "KERNEL"]]} for row in ("x" * (LONGEST + 1), 3, None)
    ],
    "it has a cause that no check gives": [
        {"runs": [["one", 1, *rest]]}
        for rest in (
            ("wrong", "", "secret"), ("wrong", "", "NOT_ANSWERED"), ("wrong", "", ""),
            ("right", "", "KERNEL"), ("wrong", "", []), ("wrong", "", None),
        )
    ],
}  # fmt: skip


def test_what_the_course_does_not_write_is_refused_with_a_sentence():
    for why, records in HOSTILE.items():
        for found in records:
            text = json.dumps({"metadata": {}, "cells": [{"outputs": [{"data": {MIME: found}}]}]})
            with pytest.raises(Refused) as refused:
                record_in(text.encode(), ["one", "two"])
            assert str(refused.value) == why
    for text in (f'{{"{MIME}": {"[" * 200_000}', f'{{"{MIME}": {{"runs": [', f'"{MIME}":'):
        with pytest.raises(Refused):
            record_in(text.encode(), ["one"])


def test_the_last_record_of_a_file_counts_also_of_a_damaged_one():
    two = [json.dumps({MIME: record(made(n, "right"))}, indent=1) for n in (1, 2)]
    assert len(record_in(f"{{{','.join(two)} and no end".encode(), ["one"])) == 3
    told = new_notebook(cells=[new_code_cell(f'print({{"{MIME}": {{}}}})')])  # a text is no record
    assert record_in(nbformat.writes(told).encode(), ["one"]) == []


def test_a_way_ends_where_the_answer_is_right():
    runs = [*made(1), *made(1, name="two", begin=10), *made(1, "right", "open", begin=20)]
    ways = ways_in([*runs, *made(3, begin=40)])
    assert (ways["one"].tries, ways["one"].solved, ways["one"].returned) == (3, True, True)
    assert ways["one"].minutes == 2 + 10 + 2  # its first try, and all behind that of `two`
    assert (ways["two"].tries, ways["two"].solved, ways["two"].returned) == (1, False, False)
    assert ways_in([["one", 1, "open", "", ""]]) == {}


def test_a_class_of_tries_never_holds_fewer_than_five():
    assert classes([1] * 5 + [2] * 3 + [3] + [4] * 2) == [("1", 5), ("2 or more", 5)]
    assert classes([2] * 2 + [3] * 4 + [9] * 6 + [40]) == [("1 to 3", 5), ("4 or more", 5)]
    assert classes([1] * 4) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.booleans()), max_size=40
    )
)
def test_no_number_of_files_minus_another_is_about_fewer_than_five(files):
    def way(wrong, row, solved, returned):
        return Way([(str(row), "KERNEL")] * wrong, solved, 2, returned and wrong > 0)

    ways = [each for each in (way(*file) for file in files) if each.tries]
    about = _about("one", ways)
    numbers = [about.files, about.solved, about.returned, *(n for _, n in about.classes)]
    for first in about.firsts:
        numbers += [first.files, first.solved, *(n for *_, n in first.last)]
    numbers = {number for number in numbers if number not in (None, ALL)}
    assert not [a - b for a in numbers for b in numbers if 0 < a - b < FEWEST]
    assert about.files is None or about.files <= len(ways) < about.files + FEWEST
    half = [value for value in (about.minutes, about.unsolved, *(about.tries or ())) if value]
    assert all(type(value) is int for value in half)  # a half would tell odd from even


@pytest.fixture(scope="module")
def school(tmp_path_factory, ran, box):
    """Seventeen files with a record, of which the first was kept by a kernel; others beside them.

    Answers to `one`: solved in 1 try (5), 2 (3), 3 (the kernel's) and 4 (2); not solved in 6 (6).
    """
    school = Class(tmp_path_factory.mktemp("class"))
    (school.folder / "solutions/hw").mkdir(parents=True)
    nbformat.write(source(), school.folder / "solutions/hw/p1.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", school.folder)
    assert school.course("release", "--no-trial", "hw") == 0
    school.hand_in("kernel", **ran[0][-1].outputs[0].data)
    for number in range(5):
        school.hand_in(f"first-{number}", record(made(0, "right")))
    for number in range(3):
        school.hand_in(f"second-{number}", record(made(1, "right"), made(1, name="two", begin=9)))
    for number in range(2):
        renamed = made(1, name="secret")  # since the release that they had
        school.hand_in(f"fourth-{number}", record(renamed, made(3, "right", row="secret", begin=2)))
    for number in range(5):
        school.hand_in(f"never-{number}", record(made(6, row="C<b>\n1")))
    school.hand_in("again", record(made(0, "right")))
    school.hand_in("again", record(made(6, row="C<b>\n1")))  # handed in once more: this one counts
    school.hand_in("cleared")
    school.hand_in("renamed", record(made(1, name="secret")), name="my (1).ipynb")
    school.hand_in("forged", record(made(MOST + 1)))
    named = [f"--student={name}" for name in ("kernel", "cleared", "renamed", "forged")]
    assert school.course("grade", "hw", *named) == 0
    return school


def test_the_report_shows_how_the_class_came_to_its_answers(school):
    html = school.page()
    said = words(html)
    assert "At least 15 of 20 submissions hold the runs of their checks" in said
    for why in (f"more than {MOST:,} runs", "names no exercise of the assignment"):
        assert why in said
    assert said.count("1 more holds a record that was not read: it ") == 2
    one, two = rows(html, "Tries")
    # The eleven who solved it: 1 1 1 1 1 2 2 2 3 4 4 tries.
    tries = (
        "median 2, quartiles 1 and 2 1 tries: 5 2 or more tries: 5 "
        "Not solved after 6 tries (median)."
    )
    # Of eleven, five took 2 minutes, three 4, two 8, and the kernel 0.
    assert one == ["one", "15", "10", tries, "2", "fewer than 5"]
    assert two == ["two", "fewer than 5", "–", "–", "–", "–"]
    (first,) = rows(html, "First findings")  # that of three other files is not told
    assert first == ["one", r"wrong value C&lt;b&gt;\n1", "5", "none", "–", "the same: 5"]


def test_no_point_depends_on_it_and_no_feedback_shows_it(school):
    course = CourseFolder(school.folder)
    for student in ("kernel", "cleared", "renamed", "forged"):
        result = read_result(course, "hw", student)
        assert (result.score, result.maximum, result.failed) == (100, 100, None)
    judged = (school.folder / "autograded/kernel/hw/p1.ipynb").read_text(encoding="utf-8")
    assert MIME not in judged and "This output keeps" not in judged


def copied(school, folder):
    """The class once more, to be changed."""
    shutil.copytree(school.folder, folder, dirs_exist_ok=True)
    return Class(folder)


def test_fewer_than_five_records_are_told_by_nobody(school, tmp_path):
    school = copied(school, tmp_path)
    for folder in sorted(school.folder.glob("submitted/*")):
        if folder.name not in ("kernel", "first-0", "never-0", "never-1", "cleared"):
            shutil.rmtree(folder)
    html = school.page()
    assert "Fewer than 5 of 5 submissions hold the runs of their checks" in words(html)
    assert "It takes 5 to tell about a class." in words(html)
    assert 'aria-label="Tries"' not in html


def test_a_course_that_does_not_say_so_reads_no_record(school, tmp_path):
    school = copied(school, tmp_path)
    assert not keeps(source("course.setup(keep_progress=False)")) and keeps(source())
    nbformat.write(source("course.setup()"), school.folder / "solutions/hw/p1.ipynb")
    assert "How the class came" not in school.page()
