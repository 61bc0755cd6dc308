"""What an LMS says about a hand-in: when, whose number; and which of several counts."""

import csv
import os
import resource
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.inbox import submitted
from course.grading.inbox.collect import collect
from course.grading.inbox.intake import NAME, intake
from tests.inbox import Room, packed
from tests.school import School

BLACKBOARD = "hw_ada_attempt_2026-11-20-23-30-00_p1.ipynb"
BRIGHTSPACE = "7-2 - Ada Roe - Nov 20, 2026 1130 PM/p1.ipynb"
MOODLE = "Ada Roe_13_assignsubmission_file/p1.ipynb"


@pytest.fixture
def released(tmp_path):
    """A course whose assignments the gradebook knows."""
    found = Room(tmp_path / "course")
    for assignment in ("hw", "hw2"):
        assert found.course.api.generate_assignment(assignment)["success"]
    return found


def answer(room, text, assignment="hw", value=None):
    """A released notebook with a text on top; with a value, one answer is given."""
    (path,) = room.course.notebooks(assignment)
    nb = nbformat.read(room.course.path("release", assignment) / path.name, 4)
    nb.cells[0].source = text
    if value is not None:
        nb.cells[1].source = f"def f():\n    return {value}"
    return nbformat.writes(nb)


# --- when


@pytest.mark.parametrize(
    "name, student", [(BLACKBOARD, "ada"), (BRIGHTSPACE, "adaroe_7"), (MOODLE, "adaroe_13")]
)
def test_local_times_are_those_of_a_zone_that_is_said(room, tmp_path, capsys, name, student):
    when = (2026, 11, 20, 23, 30, 0)
    path = packed(tmp_path / "a.zip", [(name, room.notebook(), when)])
    assert room.collect(path, "--timezone", "Europe/Berlin") == 0
    assert room.stamp(student) == "2026-11-20 22:30:00 UTC"
    said = capsys.readouterr().out
    assert "Times without a time zone are read as Europe/Berlin, as --timezone says." in said
    assert "(2026-11-20 23:30:00 +0100" in said
    # Corrected, the same archive brings the right time; summer time is not winter's.
    assert room.collect(path, "--timezone", "America/New_York") == 0
    assert room.stamp(student) == "2026-11-21 04:30:00 UTC"
    summer = packed(
        tmp_path / "b.zip",
        [(name.replace("11-20", "07-20").replace("Nov", "Jul"), room.notebook("summer"),
          (2026, 7, 20, 23, 30, 0))],
    )  # fmt: skip
    shutil.rmtree(room.folder / "submitted")
    assert room.collect(summer, "--timezone", "Europe/Berlin") == 0
    assert room.stamp(student) == "2026-07-20 21:30:00 UTC"


def test_the_zone_can_be_set_for_the_course(tmp_path, capsys):
    room = Room(tmp_path / "course")
    with (room.folder / "nbgrader_config.py").open("a") as config:
        config.write('\nc.Exchange.timezone = "Europe/Berlin"\n')
    room.course = CourseFolder(room.folder)
    path = packed(tmp_path / "a.zip", {BLACKBOARD: room.notebook()})
    assert room.collect(path) == 0
    assert room.stamp("ada") == "2026-11-20 22:30:00 UTC"
    assert "as c.Exchange.timezone in nbgrader_config.py says" in capsys.readouterr().out
    assert room.collect(path, "--timezone", "Berlin") == 1
    assert "names an unknown time zone: 'Berlin'" in capsys.readouterr().err


def test_without_a_zone_this_machines_is_said(room, tmp_path, capsys, monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert room.collect(packed(tmp_path / "a.zip", {BLACKBOARD: room.notebook()})) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    assert room.stamp("ada") == "2026-11-21 04:30:00 UTC"
    assert (
        "Times without a time zone are read as EST, this machine's time zone; "
        "--timezone names another" in capsys.readouterr().out
    )


@pytest.mark.parametrize("name", ["ada_1_20001_p1.ipynb", "hw/Ada Roe - p1.ipynb", "ada/p1.ipynb"])
def test_when_something_was_packed_or_copied_is_not_when_it_was_handed_in(room, tmp_path, name):
    """Also not if an earlier version of this program took it for that."""
    path = packed(tmp_path / "a.zip", {name: room.notebook(), name + ".png": b"x"})
    lms = "classroom" if " - " in name else None
    ((student, _, _),) = collect(room.course, path, lms=lms).taken
    assert room.stamp(student) is None
    (room.folder / NAME).unlink()
    (room.folder / "submitted" / student / "hw" / "timestamp.txt").write_text("2026-11-20 12:00\n")
    collect(room.course, path, lms=lms)
    assert room.stamp(student) is None


def test_a_mark_of_canvas_is_late_by_the_least_there_is(tmp_path, capsys):
    school = School(tmp_path / "c")
    files = {}
    for number, student in enumerate(("ada", "bo"), 1):
        school.hand_in(f"{student}_{number}")
        notebook = school.folder / f"submitted/{student}_{number}/hw/p1.ipynb"
        late = "LATE_" if student == "bo" else ""
        files[f"{student}_{late}{number}_2000{number}_p1.ipynb"] = notebook.read_bytes()
        # As an earlier version of this program took the date of packing for the time.
        (notebook.parent / "timestamp.txt").write_text("2026-11-20 12:00:00 UTC\n")
    path = packed(tmp_path / "a.zip", files)

    def late():
        to = tmp_path / "scores.csv"
        assert school.course("export", "--to", str(to)) == 0
        rows = csv.DictReader(to.open(encoding="utf-8-sig"))
        return [(float(row["late_seconds"]), row["note"]) for row in rows]

    assert school.course("collect", str(path)) == 0
    said = capsys.readouterr().out
    assert "1 marked as late, without a time: each counts as handed in one second" in said
    assert "taken    hw  bo_2  bo_LATE_2_20002_p1.ipynb  (late" in said
    assert late() == [(0, ""), (1, "late, as the LMS marks it")]
    with Gradebook(CourseFolder(school.folder).database) as gradebook:
        gradebook.update_or_create_assignment("hw", duedate="2026-06-01 00:00:00 UTC")
    assert late()[1][0] == 1  # it is the mark that counts, whatever the due date
    # A time that a person wrote stays, and so does that there is none.
    stamp = school.folder / "submitted/bo_2/hw/timestamp.txt"
    stamp.write_text("2026-06-02 00:00:00 UTC\n")
    assert school.course("collect", str(path)) == 0
    assert late()[1][0] == 86_400
    stamp.unlink()
    assert school.course("collect", str(path)) == 0
    assert late()[1][0] == 1


# --- numbers


def test_numbers_are_kept_for_each_assignment_and_lms(room, tmp_path):
    roster = tmp_path / "roster.csv"
    for assignment, number in (("hw", 100), ("hw2", 200)):
        name = f"Ada Roe_{number}_assignsubmission_file/x.ipynb"
        roster.write_text(
            "Identifier,Full name,ID number\n"
            f"Participant {number},Ada Roe,ar1\nParticipant {number + 1},Bo Li,bl1\n"
        )
        path = packed(tmp_path / "a.zip", {name: room.notebook(assignment, assignment)})
        assert len(collect(room.course, path, roster=roster).taken) == 1
    # Who hands in week 1's notebook in week 2 has week 2's number there.
    astray = {
        "Bo Li_201_assignsubmission_file/x.ipynb": room.notebook("bo", "hw"),
        "Ada Roe_200_assignsubmission_file/x.ipynb": room.notebook("hw2", "hw2"),
    }
    report = collect(room.course, packed(tmp_path / "b.zip", astray), roster=roster)
    assert len(report.taken) == 2
    canvas = packed(tmp_path / "c.zip", {"roeada_7_20001_x.ipynb": room.notebook("c", "hw2")})
    roster.write_text('Student,ID,SIS User ID,Section\n"Roe, Ada",7,ar1,A\n')
    collect(room.course, canvas, roster=roster)
    assert intake(room.course, "hw")["ar1"].numbers == {"moodle": "100"}
    assert intake(room.course, "hw")["bl1"].numbers == {"moodle": "101"}  # handed in nothing
    assert intake(room.course, "hw2")["ar1"].numbers == {"moodle": "200", "canvas": "7"}
    assert room.number("ar1") == "7"


# --- what could not be read


def test_what_is_no_notebook_is_recorded(room, tmp_path, capsys):
    inner = packed(tmp_path / "inner.zip", {"my/p1.ipynb": room.notebook("zip")}).read_bytes()
    twice = packed(tmp_path / "twice.zip", {"inner.zip": inner}).read_bytes()
    bomb = packed(tmp_path / "bomb.zip", {"p1.ipynb": b" " * 30_000_000}).read_bytes()
    out = packed(tmp_path / "out.zip", {"../../p1.ipynb": room.notebook("x")}).read_bytes()
    files = {
        "a_1_20001_p1.ipynb.txt": room.notebook("txt"),
        "b_2_20002_p1.ipynb.json": room.notebook("json"),
        "c_3_20003_p1 (1).ipynb": room.notebook("copy"),
        "d_4_20004_homework.zip": inner,
        "d_4_20005_figure.png": b"\x89PNG",
        "e_5_20006_p1.py": b"def f(): pass",
        "f_6_20007_p1.ipynb.pdf": b"%PDF-1.7",
        "g_7_20008_all.zip": twice,
        "h_8_20009_bomb.zip": bomb,
        "i_9_20010_out.zip": out,
        "j_10_20011_broken.zip": b"PK\x03\x04" + b"0" * 100,
        "k_11_20012_p1.rar": b"Rar!",
        "l_12_20013_q.ipynb": room.notebook("last week's", "hw2"),
        "m_13_20014_state.json": b'{"cells": 1}',
        "n_14_20015_work.ipynb": b'{"cells": [',
    }
    path = packed(tmp_path / "a.zip", files)
    assert room.collect(path) == 0
    kept = {p.parents[1].name for p in (room.folder / "submitted").glob("*/hw/p1.ipynb")}
    assert kept == {"a_1", "b_2", "c_3", "d_4", "n_14"}
    said = {
        s: about.unreadable for s, about in intake(room.course, "hw").items() if about.unreadable
    }
    assert said["e_5"] == [["p1.py", "is no notebook (.ipynb)"]]
    assert said["f_6"] == [["p1.ipynb.pdf", "is no notebook (.ipynb)"]]
    assert "an archive in an archive" in said["g_7"][0][1]
    assert "is 30 MB large" in said["h_8"][0][1]
    assert "a path that leads out of the archive" in said["i_9"][0][1]
    assert "cannot be opened as a zip file" in said["j_10"][0][1]
    assert "an archive that is not opened" in said["k_11"][0][1]
    assert said["l_12"] == [["q.ipynb", "is the notebook of hw2"]]
    assert "it has no list of cells" in said["m_13"][0][1]
    assert set(said) == {f"{c}_{n}" for c, n in zip("efghijklm", range(5, 14), strict=True)}
    assert room.student("e_5").id == "e_5"  # the gradebook knows that there is such a student
    out = capsys.readouterr().out
    listed = [line for line in out.splitlines() if line.startswith("skipped")]
    assert "figure.png" in listed[0]  # what lies beside a notebook comes first, and costs nothing
    assert "skipped  e_5_20006_p1.py: is no notebook (.ipynb)" in listed[1:]
    # Handed in again, this time readable.
    good = packed(tmp_path / "b.zip", {"e_5_20099_p1.ipynb": room.notebook("good")})
    assert room.collect(good) == 0
    assert intake(room.course, "hw")["e_5"].unreadable == []


def test_a_class_without_a_single_notebook(room, tmp_path, capsys):
    attempt = "hw_ada_attempt_2026-11-20-23-30-00"
    path = packed(tmp_path / "a.zip", {f"{attempt}_p1.pdf": b"%PDF", f"{attempt}.txt": "x"})
    assert room.collect(path) == 1
    assert "Name it with --assignment" in capsys.readouterr().out
    assert room.collect(path, "--assignment", "hw") == 1
    assert intake(room.course, "hw")["ada"].unreadable == [["p1.pdf", "is no notebook (.ipynb)"]]


def test_what_an_lms_adds_itself_is_only_counted(room, tmp_path):
    attempt = "hw_ada_attempt_2026-11-20-23-30-00"
    archives = {
        "blackboard": {f"{attempt}_p1.ipynb": room.notebook(), f"{attempt}.txt": "Name: A (ada)"},
        "brightspace": {BRIGHTSPACE: room.notebook(), "index.html": "<html>"},
        "moodle": {MOODLE: room.notebook(), "Ada Roe_13/feedback.txt": "x"},
    }
    for lms, files in archives.items():
        report = collect(room.course, packed(tmp_path / "a.zip", files))
        assert (report.lms, len(report.taken), report.skipped) == (lms, 1, [])
        assert report.unimportant == 1


# --- which of several


def test_the_newest_that_holds_an_answer_counts(released, tmp_path):
    room = released
    files = {
        "ada_1_20001_p1.ipynb": answer(room, "first", value=1),
        "ada_1_20002_p1.ipynb": answer(room, "second", value=2),
        "ada_1_20003_p1.ipynb": answer(room, "untouched"),
        "ada_1_20004_p1.ipynb": "{broken",
        "bo_2_20005_p1.ipynb": answer(room, "only the release"),
    }
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {"ada_1": "second", "bo_2": "only the release"}
    said = dict(report.skipped)
    assert said["ada_1_20003_p1.ipynb"] == (
        "holds no answer, so the earlier ada_1_20002_p1.ipynb was taken"
    )
    assert said["ada_1_20004_p1.ipynb"].startswith("cannot be read, so the earlier")
    assert said["ada_1_20001_p1.ipynb"] == "ada_1_20002_p1.ipynb is newer"
    # The same with what was collected before.
    later = {"ada_1_20006_p1.ipynb": answer(room, "untouched again"),
             "bo_2_20007_p1.ipynb": answer(room, "done", value=3)}  # fmt: skip
    report = collect(room.course, packed(tmp_path / "b.zip", later))
    assert room.submitted() == {"ada_1": "second", "bo_2": "done"}
    assert dict(report.skipped) == {
        "ada_1_20006_p1.ipynb": "holds no answer, so ada_1's earlier one in submitted/ stays"
    }


def test_to_tell_which_of_several_counts_each_is_read_once(released, tmp_path, monkeypatch):
    room, looks = released, []
    collect(room.course, packed(tmp_path / "a.zip", {"ada_1_20001_p1.ipynb": answer(room, "0")}))
    read = submitted.read_notebook
    monkeypatch.setattr(submitted, "read_notebook", lambda c: looks.append(c) or read(c))
    later = {f"ada_1_2001{n}_p1.ipynb": answer(room, str(n), value=n) for n in (1, 2, 3)}
    collect(room.course, packed(tmp_path / "b.zip", later))
    assert room.submitted() == {"ada_1": "3"}
    assert len(looks) == len(set(looks)) == 4


def test_another_assignments_notebook_replaces_nothing(room, tmp_path):
    week1 = {"ada_1_20001_p1.ipynb": room.notebook("ada's"), "bo_2_20002_p1.ipynb": room.notebook()}
    collect(room.course, packed(tmp_path / "a.zip", week1))
    week2 = {
        "ada_1_20011_p1.ipynb": room.notebook("by mistake"),
        "bo_2_20012_q.ipynb": room.notebook("bo's", "hw2"),
        "di_4_20014_q.ipynb": room.notebook("di's", "hw2"),
        "cy_3_20013_p1.ipynb": room.notebook("late, but nothing was there"),
    }
    path = packed(tmp_path / "b.zip", week2)
    report = collect(room.course, path)
    assert room.submitted()["ada_1"] == "ada's"
    assert room.submitted()["cy_3"] == "late, but nothing was there"
    (said,) = report.skipped
    assert said == (
        "ada_1_20011_p1.ipynb",
        "is the notebook of hw, which ada_1 has handed in already; to take this one instead, use "
        "--assignment hw",
    )
    # For week 2 both have handed in something, and nothing that can be graded.
    assert [intake(room.course, "hw2")[s].unreadable[0][0] for s in ("ada_1", "cy_3")] == [
        "p1.ipynb"
    ] * 2
    collect(room.course, path, only="hw")
    assert room.submitted()["ada_1"] == "by mistake"


def test_the_same_file_handed_in_again_later_is_not_late(room, tmp_path):
    first = packed(tmp_path / "a.zip", {BLACKBOARD: room.notebook()})
    collect(room.course, first, timezone="UTC")
    again = packed(tmp_path / "b.zip", {BLACKBOARD.replace("-20-", "-27-"): room.notebook()})
    collect(room.course, again, timezone="UTC")
    assert room.stamp("ada") == "2026-11-20 23:30:00 UTC"


def test_a_damaged_record_is_one_sentence(room, tmp_path, capsys):
    (room.folder / NAME).write_text('{"assignments": []}')
    path = packed(tmp_path / "a.zip", {BLACKBOARD: room.notebook()})
    assert room.collect(path) == 1
    assert f"{NAME} cannot be read" in capsys.readouterr().err


# --- a disk that takes no more


def test_nothing_half_written_stays(room, tmp_path, capsys):
    big = room.notebook(os.urandom(1_500_000).hex())
    files = {"ada_1_20001_p1.ipynb": room.notebook("small"), "bo_2_20002_p1.ipynb": big}
    path = packed(tmp_path / "a.zip", files)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        assert room.collect(path) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Not all of it could be written (File too large" in capsys.readouterr().err
    assert [p.name for p in (room.folder / "submitted").iterdir()] == ["ada_1"]
    assert room.course.students("hw") == ["ada_1"]
    assert room.collect(path) == 0
    assert room.submitted()["ada_1"] == "small" and len(room.submitted()) == 2
