"""An assignment of two notebooks, of which a student hands in one."""

import html
import json
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.cli import main
from course.grading.folder import CourseFolder
from course.grading.out.filled import reasons
from course.grading.out.scores import scored
from course.grading.results import read_result
from tests.inbox import packed
from tests.school import ROOT, cell

ABSENT = "p2.ipynb was not handed in, so its exercises have no points."


def source(name):
    """A notebook with a test of 3 points and an essay of 2."""
    test = f"# Exercise {name} (3 points)\nassert {name} == 3"
    return new_notebook(
        cells=[
            new_markdown_cell(f"# {name}", id=f"title-{name}"),
            cell(new_code_cell, f"### BEGIN SOLUTION\n{name} = 3\n### END SOLUTION",
                 f"{name}-answer", solution=True),
            cell(new_code_cell, test, name, 3, grade=True, locked=True),
            cell(new_markdown_cell, "Why?", f"{name}-why", 2, grade=True, solution=True),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3",
                                 "language": "python"}},
    )  # fmt: skip


class Two:
    def __init__(self, folder):
        self.folder = folder
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        (folder / "solutions" / "two").mkdir(parents=True)
        for file, name in (("p1", "one"), ("p2", "two")):
            nbformat.write(source(name), folder / "solutions" / "two" / f"{file}.ipynb")
        assert self.run("release", "two") == 0
        self.course = CourseFolder(folder)

    def run(self, command, *arguments):
        return main([command, "--course", str(self.folder), *map(str, arguments)])

    def answered(self, file, essay=None):
        path = self.folder / "assignments" / "two" / f"{file}.ipynb"
        nb = nbformat.read(path, 4)
        nb.cells[1].source = nb.cells[1].metadata.nbgrader.grade_id.split("-")[0] + " = 3"
        nb.cells[3].source = essay or nb.cells[3].source
        return nbformat.writes(nb)

    def hand_in(self, files):
        """`files` is {student/name: text}."""
        archive = packed(self.folder / "class.zip", files)
        return self.run("collect", archive, "--from", "folders")

    def result(self, student):
        return read_result(self.course, "two", student)

    def row(self, student):
        (one,) = scored(self.course, ["two"], [student])
        return one


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return Two(tmp_path_factory.mktemp("two"))


def test_a_missing_notebook_has_no_points_and_the_other_one_is_graded(two, capsys):
    files = {"ada/p1.ipynb": two.answered("p1"), "bo/p1.ipynb": two.answered("p1", "Because.")}
    files |= {f"cy/{file}.ipynb": two.answered(file) for file in ("p1", "p2")}
    assert two.hand_in(files) == 0
    capsys.readouterr()
    assert two.run("grade", "two") == 0
    said = capsys.readouterr().out
    about_ada = f"ada 3 / 10 −7 not answered: one-why, two, two-why {ABSENT}"
    assert about_ada in " ".join(said.split())
    assert "3 / 10  (an answer waits to be graded by hand)" in said  # bo's essay in p1

    ada = two.row("ada")
    assert (ada.row["state"], ada.final, ada.row["note"]) == ("graded", 3, ABSENT)
    assert reasons(ada) == [
        "−2 one-why: There is no answer yet.", f"−3 two: {ABSENT}", f"−2 two-why: {ABSENT}",
    ]  # fmt: skip
    assert (two.row("bo").row["state"], two.row("cy").final) == ("needs manual grade", 6)
    assert two.run("feedback", "two") == 0
    pages = {path.stem: html.unescape(path.read_text()) for path in
             (two.folder / "feedback" / "ada" / "two").glob("*.html")}  # fmt: skip
    assert ABSENT in pages["p2"] and "not graded" not in pages["p2"].lower()
    assert ABSENT not in pages["p1"] and "✓ right" in pages["p1"]
    assert two.run("report", "two", "--to", two.folder / "report.html") == 0
    report = (two.folder / "report.html").read_text()
    assert "could not be graded" not in report
    for name in ("one", "one-why", "two", "two-why"):  # of both notebooks
        assert re.search(rf"<th[^>]*>(<[^>]*>)?{name}\b", report), name

    # She hands in the other one, too.
    assert two.hand_in({"ada/p2.ipynb": two.answered("p2", "So.")}) == 0
    assert two.row("ada").row["state"] == "handed in anew, not graded yet"
    assert two.run("grade", "two") == 0
    assert (two.result("ada").score, two.result("ada").manual, two.result("ada").absent) == (
        6, True, [],
    )  # fmt: skip


def test_a_file_that_is_no_notebook_is_told_beside_the_missing_one(two):
    files = {"deb/p1.ipynb": two.answered("p1"), "deb/p2.pdf": "%PDF"}
    assert two.hand_in(files) == 0 and two.run("grade", "two") == 0
    note = two.row("deb").row["note"]
    assert note == f"{ABSENT}; handed in, unreadable: p2.pdf is no notebook (.ipynb)"
    assert two.hand_in({"deb/p1.ipynb": two.answered("p1", "Or so.")}) == 0
    assert two.hand_in({"deb/p2.ipynb": two.answered("p2")}) == 0
    assert two.run("grade", "two") == 0 and two.row("deb").row["note"] == ""


def test_a_person_looks_where_a_file_could_be_the_missing_one_or_nothing_is_there(two, capsys):
    for student, files in {
        "none": {"notes.txt": "I was ill."},
        "several": {"p1.ipynb": two.answered("p1"), "p2 (1).ipynb": two.answered("p2"),
                    "p2 (2).ipynb": two.answered("p2", "Yes.")},
        "unread": {"p1.ipynb": two.answered("p1"), "homework.ipynb": "{"},
        "broken": {"p1.ipynb": "{"},
        "renamed": {"p1.ipynb": two.answered("p1"), "Copy of p2.ipynb": two.answered("p2")},
    }.items():  # fmt: skip
        folder = two.folder / "submitted" / student / "two"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    assert two.run("grade", "two") == 1
    found = {name: two.result(name) for name in ("none", "several", "unread", "broken", "renamed")}
    assert "p1.ipynb was not handed in" in found["none"].failed
    assert "2 files could be it" in found["several"].failed
    assert "homework.ipynb (is not JSON" in found["unread"].failed
    assert found["broken"].failed.startswith("p1.ipynb is not JSON")
    assert found["renamed"].failed is None and found["renamed"].score == 6


def test_a_pack_judges_the_one_that_is_there(two, tmp_path, capsys):
    assert two.run("pack", "two", "--to", tmp_path / "two.course") == 0
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "p1.ipynb").write_text(two.answered("p1"))
    capsys.readouterr()
    arguments = ["judge", "--pack", str(tmp_path / "two.course"), str(tmp_path / "in")]
    assert main([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["score"], found["max_score"], found["state"]) == (3, 10, "graded")
    assert (found["absent"], found["reasons"]) == ([ABSENT], [])
    assert main([*arguments, "--format", "md"]) == 0
    assert "p2.ipynb was not handed in, so its" in capsys.readouterr().out
