"""What a person graded in the formgrader stays until the student's answer changes."""

import nbformat
import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.out.scores import scored
from tests.classroom import Classroom
from tests.grading.test_feedback import nbgraders_page
from tests.grading.test_several import Two

ESSAY = "ship"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("hand"), "07-comparison", "comparison")


def by_hand(room, student, points, comment=None):
    """Do what the formgrader does when a person gives {grade id: points} and a comment on each."""
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        for name, given in points.items():
            where = (name, room.name, room.assignment, student)
            grade = gradebook.find_grade(*where)
            grade.manual_score, grade.needs_manual_grade = given, False
            for cell in gradebook.find_submission_notebook(*where[1:]).comments:
                if cell.name == name:
                    cell.manual_comment = comment
        gradebook.db.commit()


def row(room, student):
    (found,) = scored(CourseFolder(room.folder), [room.assignment], [student])
    return found.row


def maxima(room):
    """{grade id: most points} of all exercises."""
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        notebook = gradebook.find_notebook(room.name, room.assignment)
        return {cell.name: cell.max_score for cell in notebook.grade_cells}


def again(room, student):
    assert room.course("grade", room.assignment, "--student", student, "--again") == 0
    return room.result(student)


def test_a_graded_essay_stays_graded_until_it_is_changed(room, capsys):
    most = maxima(room)[ESSAY]
    notebook = room.written(**{ESSAY: "VGG is the **largest**."})
    _, result = room.grade("amina", notebook)
    assert result.manual and result.score == 100 - most
    judged = nbformat.read(room.folder / "autograded/amina/07-comparison/comparison.ipynb", 4)
    assert judged.cells[0].source.endswith(f"**To be graded by a person:** [{ESSAY}](#{ESSAY})")
    assert f'id="{ESSAY}"' in nbgraders_page(judged, "formgrade")  # the link leads there
    by_hand(room, "amina", {ESSAY: most - 2.5}, "No number\nis given.")
    result = again(room, "amina")
    assert not result.manual and result.score == 97.5
    assert f"−2.5 {ESSAY}: No number is given." in capsys.readouterr().out
    assert row(room, "amina")["state"] == "graded"

    # Another exercise changes: the essay is as it was.
    first = "claims-answer"
    room.submit("amina", room.written(**{ESSAY: "VGG is the **largest**.", first: "pass"}))
    result = again(room, "amina")
    assert not result.manual and result.score < 97.5

    # The essay changes: its points stay until a person has looked at it.
    room.submit("amina", room.written(**{ESSAY: "VGG is the largest, with 138 million."}))
    result = again(room, "amina")
    assert result.manual and row(room, "amina")["state"] == "needs manual grade"
    assert again(room, "amina").manual  # not forgotten by the next run
    by_hand(room, "amina", {ESSAY: most})
    assert again(room, "amina").score == 100


def test_a_group_is_graded_by_hand_once(room, capsys, tmp_path):
    files = {
        "eve": room.written(**{ESSAY: "GoogLeNet."}),
        "dan": room.written(**{ESSAY: "ResNet."}),
    }
    for student, nb in files.items():
        (tmp_path / "in" / student).mkdir(parents=True)
        nbformat.write(nb, tmp_path / "in" / student / "comparison.ipynb")
    roster = tmp_path / "r.csv"
    roster.write_text("student_id,team\neve,1\nfay,1\ngus,1\ndan,2\nhal,2\n")
    options = ("--from", "folders", "--roster", str(roster), "--groups", "team")
    assert room.course("collect", str(tmp_path / "in"), *options) == 0
    everybody = [f"--student={name}" for name in ("eve", "fay", "gus", "dan", "hal")]
    assert room.course("grade", room.assignment, *everybody) == 0
    assert all(room.result(name).manual for name in ("eve", "fay", "gus", "dan", "hal"))
    most = maxima(room)[ESSAY]
    by_hand(room, "fay", {ESSAY: most - 3}, "Why?")
    capsys.readouterr()
    assert room.course("grade", room.assignment, *everybody) == 0
    shown = capsys.readouterr().out
    assert "eve, gus: what a person graded for another member of the group" in shown
    assert [room.result(name).score for name in ("eve", "fay", "gus")] == [97] * 3
    assert shown.count(f"−3 {ESSAY}: Why?") == 3
    assert room.result("dan").manual and room.result("hal").manual  # another file
    assert "different points" not in shown
    # Of two members who got different points each keeps them, and that is told: for tests, too.
    by_hand(room, "dan", {ESSAY: most})
    by_hand(room, "hal", {ESSAY: most - 1})
    by_hand(room, "fay", {"comparison-claims": 0})
    assert room.course("grade", room.assignment, *everybody) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert [room.result(name).score for name in ("dan", "hal")] == [100, 99]
    told = "members of a group, who handed in the same file, have different points by hand"
    assert f"{ESSAY}: {told} (dan {most:g}, hal {most - 1:g}). If" in shown
    full = maxima(room)["comparison-claims"]
    assert f"comparison-claims: {told} (eve {full:g}, fay 0, gus {full:g}). If" in shown
    assert shown.count(told) == 2


def test_a_persons_own_points_for_a_test_stay(room):
    first = "claims-answer"
    exercise = "comparison-claims"
    notebook = room.written(**{first: "pass"})
    _, result = room.grade("bo", notebook)
    assert exercise in {name for name, _, _ in result.lost}
    by_hand(room, "bo", {exercise: 1, ESSAY: 0})
    result = again(room, "bo")
    assert not result.manual and row(room, "bo")[exercise] == 1
    room.submit("bo", room.written())
    assert again(room, "bo").manual  # the code above the test has changed


def test_what_cannot_be_graded_is_finished_by_hand(room, capsys, tmp_path):
    status, result = room.grade("chen", '{"cells": [')
    assert status == 1 and result.failed
    most = maxima(room)
    by_hand(room, "chen", {name: 1 for name in list(most)[1:]})
    assert room.result("chen").failed  # one exercise still waits
    by_hand(room, "chen", {name: 1 for name in most})
    capsys.readouterr()
    for arguments in ((), ("--again",)):
        assert room.course("grade", room.assignment, "--student", "chen", *arguments) == 0
        said = capsys.readouterr().out
        assert f"chen  {len(most):5d} / 100  (graded by hand: comparison.ipynb is not JSON" in said
    assert (row(room, "chen")["state"], row(room, "chen")["score"]) == ("graded", len(most))
    assert room.course("feedback", room.assignment, "--student", "chen") == 0
    page = (room.folder / "feedback/chen" / room.assignment / "comparison.html").read_text()
    assert f"<strong>{len(most)}</strong> of 100 points" in page
    assert "A person graded this notebook" in page and "waits" not in page.split("</style>")[1]
    assert room.course("report", room.assignment, "--to", str(tmp_path / "report.html")) == 0
    assert "could not be graded" not in (tmp_path / "report.html").read_text()

    room.submit("chen", '{"cells": [[')  # another file that cannot be read
    assert room.course("grade", room.assignment, "--student", "chen") == 1
    assert row(room, "chen")["state"] == "not graded"


def test_an_essay_waits_again_if_its_points_have_changed(tmp_path):
    """2 of 2 points say nothing about 1."""
    two = Two(tmp_path)
    assert two.hand_in({"ada/p1.ipynb": two.answered("p1", "Because.")}) == 0
    assert two.run("grade", "two") == 0
    with Gradebook(two.course.database) as gradebook:
        grade = gradebook.find_grade("one-why", "p1", "two", "ada")
        grade.manual_score, grade.needs_manual_grade = 2, False
        gradebook.db.commit()
    assert two.result("ada").score == 5 and not two.result("ada").manual
    path = tmp_path / "solutions" / "two" / "p1.ipynb"
    nb = nbformat.read(path, 4)
    nb.cells[3].metadata.nbgrader["points"] = 1
    nbformat.write(nb, path)
    assert two.run("release", "--no-trial", "two") == 0 and two.run("grade", "two") == 0
    assert two.result("ada").manual
    assert two.row("ada").row["state"] == "needs manual grade"
