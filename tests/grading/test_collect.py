"""Archives of every LMS taken in: who, what, when; and nothing that a hostile archive wants."""

import io
import json
import os
import re
import shutil
import stat
import zipfile

import nbformat
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from course.cli import main
from course.grading import CourseError
from course.grading.inbox import archives
from course.grading.inbox.collect import LMS, collect
from course.notebook import read as notebooks
from tests.inbox import WHEN, packed
from tests.school import cell


def reasons(report):
    return dict(report.skipped)


METADATA = """submission_11:
  :submitters:
  - :name: Jane Doe
    :sid: s100
    :email: jane@uni.edu
  :created_at: 2026-11-19 08:07:39.832113000 Z
  :score: 0.0
submission_12:
  :submitters:
  - :name: Ada Roe
    :sid: s200
    :email: ada@uni.edu
  - :name: Bo Li
    :sid:
    :email: bo@uni.edu
  :created_at: 2026-11-19 09:00:00.000000000 +01:00
"""
NOON = "2026-11-20 12:00:00 UTC"
# LMS: names in its archive -> (student, date, number), as this LMS writes them.
NAMED = {
    "canvas": {
        "doejane_12345_678901_lenet.ipynb": ("doejane_12345", None, "12345"),
        "o_brienal_LATE_777_678902_Copy of p1-2.ipynb": ("o_brienal_777", None, "777"),
        "møllerå_778_678903_p1 (1).ipynb": ("møllerå_778", None, "778"),
    },
    "moodle": {
        "Jane Doe_1327627_assignsubmission_file/p1.ipynb": ("janedoe_1327627", NOON, "1327627"),
        "Ada Roe_13_assignsubmission_file_/Copy of p1.ipynb": ("adaroe_13", NOON, "13"),
        "José Núñez_14_assignsubmission_file_x.ipynb": ("josénúñez_14", NOON, "14"),
    },
    "gradescope": {
        "assignment_5_export/submission_11/a/p1.ipynb": ("s100", "2026-11-19 08:07:39 UTC", "s100"),
        "assignment_5_export/submission_12/p1.ipynb": ("s200", "2026-11-19 08:00:00 UTC", "s200"),
    },
    "blackboard": {
        "Homework 1_jdoe_attempt_2026-11-18-17-30-10_p1.ipynb": (
            "jdoe", "2026-11-18 17:30:10 UTC", "jdoe",
        ),
        "Homework 1_a.roe_attempt_2026-11-18-17-30-11_my_p1 (2).ipynb": (
            "a.roe", "2026-11-18 17:30:11 UTC", "a.roe",
        ),
    },
    "brightspace": {
        "397063-2557 - Mary-Ann Smith - Sep 24, 2026 926 PM/p1.ipynb": (
            "maryannsmith_397063", "2026-09-24 21:26:00 UTC", "397063",
        ),
        "397064-2557 - Ada Roe- Sept 4, 2026 1201 AM - p1.ipynb": (
            "adaroe_397064", "2026-09-04 00:01:00 UTC", "397064",
        ),
        "397065-2557 - Bo Li - 24 sept. 2026 21 26/p1.ipynb": ("boli_397065", None, "397065"),
        "397066-2557 - N0123 - Jo Poe- 24 September, 2026 926 PM - p1.ipynb": (
            "jopoe_N0123", "2026-09-24 21:26:00 UTC", "N0123",
        ),
        "397067-2557 - Mo - Lee - 4 May, 2026 21:26/p1.ipynb": (
            "molee_397067", "2026-05-04 21:26:00 UTC", "397067",
        ),
    },
    "classroom": {
        "Homework 1/Jane Doe - p1.ipynb": ("janedoe", None, None),
        "Homework 1/Copy of Ada Roe - p1.ipynb": ("adaroe", None, None),
        "Homework 1/Kopie von Bo Li - p1.ipynb": ("boli", None, None),
    },
    "folders": {
        "jane.doe/p1.ipynb": ("jane.doe", None, None),
        "ada roe/deep/er/work.ipynb": ("ada_roe", None, None),
    },
}  # fmt: skip


def written(room, lms):
    files = {name: room.notebook(name) for name in NAMED[lms]}
    if lms == "gradescope":
        files["assignment_5_export/submission_metadata.yml"] = METADATA
    return files


@pytest.mark.parametrize("lms", LMS)
@pytest.mark.parametrize("told", [False, True])
def test_each_lms_is_understood(room, tmp_path, capsys, lms, told):
    path = packed(tmp_path / "submissions.zip", written(room, lms))
    assert room.collect(path, *(["--from", lms] if told else [])) == 0
    out = capsys.readouterr().out
    assert (f"Taken for files of {LMS[lms].title}." in out) is not told
    texts = {student: name for name, (student, _, _) in NAMED[lms].items()}
    if lms == "gradescope":  # a group: the second of them has no number
        texts["bo@uni.edu"] = texts["s200"]
    assert room.submitted() == texts
    for student, stamp, number in NAMED[lms].values():
        assert (room.stamp(student), room.number(student)) == (stamp, number)


@pytest.mark.parametrize("lms", LMS)
def test_an_unpacked_archive_is_understood_as_well(room, tmp_path, lms):
    packed(tmp_path / "submissions.zip", written(room, lms))
    shutil.unpack_archive(tmp_path / "submissions.zip", tmp_path / "unpacked")
    report = collect(room.course, tmp_path / "unpacked")
    assert report.lms == lms
    assert {student for student, _, _ in report.taken} >= {s for s, _, _ in NAMED[lms].values()}


def test_the_exercises_tell_the_assignment_whatever_the_file_is_called(room, tmp_path, capsys):
    path = packed(
        tmp_path / "a.zip",
        {
            "ada_1_20001_Copy of Untitled0 (1)-2.ipynb": room.notebook("x"),
            "bo_2_20002_p1.ipynb": room.notebook("y", "hw2"),
            "cy_3_20003_p1.IPYNB": room.notebook("z"),
            "di_4_20004_p1.ipynb": nbformat.writes(new_notebook()),
        },
    )
    assert room.collect(path, "--assignment", "hw") == 0
    assert room.submitted() == {"ada_1": "x", "cy_3": "z"}
    out = capsys.readouterr().out
    assert "skipped  bo_2_20002_p1.ipynb: belongs to hw2" in out
    assert "skipped  di_4_20004_p1.ipynb: holds no exercise of this course" in out
    assert room.collect(path) == 0
    assert (room.folder / "submitted" / "bo_2" / "hw2" / "q.ipynb").exists()
    assert room.collect(path, "--assignment", "hw3") == 1
    assert "There is no assignment 'hw3'" in capsys.readouterr().err


def test_what_could_be_two_notebooks_is_the_one_that_the_archive_is_for(room, tmp_path):
    """Of a file that was cut off, only the first cells are left, which all notebooks have."""
    for path in room.folder.glob("solutions/*/*.ipynb"):
        nb = nbformat.read(path, 4)
        nb.cells.insert(0, cell(new_code_cell, "import course", "setup", locked=True))
        nbformat.write(nb, path)
    whole = room.notebook()
    start = nbformat.reads(whole, 4)
    del start.cells[1:]
    names = [f"{student}_{n}_2000{n}_x.ipynb" for n, student in enumerate(("ada", "bo", "cy"))]
    cut = {names[1]: nbformat.writes(start)}
    report = collect(room.course, packed(tmp_path / "a.zip", dict.fromkeys(names, whole) | cut))
    assert {assignment for _, assignment, _ in report.taken} == {"hw"}
    report = collect(room.course, packed(tmp_path / "b.zip", cut), only="hw")
    assert report.taken == [("bo_1", "hw", names[1])]


NEWEST = {
    "canvas": ("a_1_20009_p1.ipynb", "a_1_20010_p1-1.ipynb"),
    "moodle": ("A_1_assignsubmission_file/b.ipynb", "A_1_assignsubmission_file/a.ipynb"),
    "blackboard": (
        "hw_a_attempt_2026-01-30-15-00-00_p1.ipynb", "hw_a_attempt_2026-01-31-02-00-00_p1.ipynb",
    ),
    "brightspace": (
        "1-2 - A - Dec 31, 2025 1159 PM/p1.ipynb", "1-2 - A - Jan 1, 2026 1201 AM/p1.ipynb",
    ),
    "folders": ("a/p1 (1).ipynb", "a/p1.ipynb"),
}  # fmt: skip


@pytest.mark.parametrize("lms", NEWEST)
@pytest.mark.parametrize("turned", [False, True])
def test_of_several_the_newest_is_taken(room, tmp_path, lms, turned):
    old, new = NEWEST[lms]
    later = (2026, 11, 20, 12, 0, 2)
    files = [(old, room.notebook("old"), WHEN), (new, room.notebook("new"), later)]
    path = packed(tmp_path / "a.zip", files[::-1] if turned else files)
    report = collect(room.course, path, lms=lms)
    assert list(room.submitted().values()) == ["new"]
    assert reasons(report) == {old: f"{new} is newer"}


def test_of_one_date_the_highest_number_is_the_newest(room, tmp_path):
    names = ["Version 9/p1.ipynb", "Version 10/p1.ipynb", "Version 10/p1 (1).ipynb", "Version 2/p"]
    files = {f"ada/{name}": room.notebook(name) for name in names}
    files["bo/p1.ipynb"] = room.notebook("bo's")
    assert room.collect(packed(tmp_path / "a.zip", files)) == 0
    assert room.submitted() == {"ada": "Version 10/p1 (1).ipynb", "bo": "bo's"}


def test_on_canvas_the_running_number_counts_and_not_the_date_of_packing(room, tmp_path):
    later = (2026, 11, 20, 12, 0, 2)
    old, new = ("a_1_20009_p1.ipynb", room.notebook("old"), later), NEWEST["canvas"][1]
    collect(room.course, packed(tmp_path / "a.zip", [old, (new, room.notebook("new"), WHEN)]))
    assert room.submitted() == {"a_1": "new"}


def test_gradescope_says_when(room, tmp_path):
    yml = METADATA.replace("submission_12", "submission_13").replace("Ada Roe", "Jane Doe")
    yml = yml.replace("s200", "s100").replace("ada@", "jane@")
    files = {
        "submission_metadata.yml": yml,
        "submission_13/p1.ipynb": room.notebook("first"),
        "submission_11/p1.ipynb": room.notebook("second"),
    }
    collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {"s100": "second", "bo@uni.edu": "first"}


@pytest.mark.parametrize("numbers", [(20002, 20001), (20001, 20001)])
def test_again_changes_nothing_and_older_ones_do_not_come_back(room, tmp_path, numbers):
    """With one number it is the same hand-in, and the archive that was packed first is older."""
    newer, name = (f"ada_1_{number}_p1.ipynb" for number in numbers)
    new = packed(tmp_path / "new.zip", [(newer, room.notebook("new"), (2026, 11, 21, 0, 0, 0))])
    old = packed(tmp_path / "old.zip", [(name, room.notebook("old"), WHEN)])
    assert len(collect(room.course, new).taken) == 1

    def state():
        paths = (room.folder / "submitted").rglob("*")
        return {path: path.stat().st_mtime_ns for path in paths}

    before = state()
    assert len(collect(room.course, new).taken) == 1
    assert state() == before
    report = collect(room.course, old)
    assert report.taken == []
    assert reasons(report) == {
        name: "ada_1 has a newer one in submitted/; delete that to take this one"
    }
    assert state() == before


# --- what cannot be read is kept


BROKEN = {
    "not json": b'{"cells": [',
    "cut off": b'{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# P"}, {"cell',
    "nothing": b"",
    "deep": b'{"cells": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    "not text": bytes(range(256)),
    "large": b'{"cells": [], "x": "' + b"".join(b"%d" % (n * n) for n in range(20_000)) + b'"}',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_notebook_is_kept_as_it_is(room, tmp_path, capsys, monkeypatch, kind):
    monkeypatch.setattr(notebooks, "MAX_BYTES", 100_000)
    files = {
        "ada_1_20001_Copy of P1 (2).ipynb": BROKEN[kind],
        "bo_2_20002_homework.ipynb": BROKEN[kind],
        "cy_3_20003_p1 and q.ipynb": BROKEN[kind],
        "di_4_20004_q.ipynb": BROKEN[kind],
    }
    path = packed(tmp_path / "a.zip", files)
    kept = room.folder / "submitted"
    assert room.collect(path) == 0
    out = capsys.readouterr().out
    assert (kept / "ada_1" / "hw" / "p1.ipynb").read_bytes() == BROKEN[kind]
    assert (kept / "di_4" / "hw2" / "q.ipynb").read_bytes() == BROKEN[kind]
    assert "note     ada_1_20001_Copy of P1 (2).ipynb: " in out
    assert "grading will list it as not graded" in out
    assert out.count("its name does not say which assignment it is") == 2
    assert room.collect(path, "--assignment", "hw") == 0
    assert (kept / "bo_2" / "hw" / "p1.ipynb").read_bytes() == BROKEN[kind]
    assert "di_4_20004_q.ipynb: belongs to hw2" in capsys.readouterr().out


def test_cells_of_any_kind_are_listed(room, tmp_path, capsys):
    nb = json.loads(room.notebook("x"))
    nb["cells"] += [{"source": ["a", 5, "\ud800"]}, {"source": 5}, {"source": None, "id": {}}, 7]
    files = {"a_1_20001_p1.ipynb": json.dumps(nb), "b_2_20002_p1.ipynb": "\ufeff" + json.dumps(nb)}
    assert room.collect(packed(tmp_path / "a.zip", files)) == 0
    marks = set(re.findall(r"receipt (\S+)\)", capsys.readouterr().out))
    assert len(marks) == 1  # of one text, with a byte-order mark and without


# --- nobody hands in as somebody else


def test_only_the_outermost_name_counts(room, tmp_path):
    jane = {lms: next(iter(names)) for lms, names in NAMED.items()}
    inner = "doejane_12345_678999_p1.ipynb"
    tricks = {
        "canvas": f"mallory_1_20001_{inner}",
        "moodle": f"M_1_assignsubmission_file/{jane['moodle']}",
        "blackboard": f"hw_m_attempt_2026-01-30-15-00-00_{jane['blackboard']}",
        "brightspace": f"1-2 - M - Jan 1, 2026 1201 AM/{jane['brightspace']}",
        "folders": f"m/{jane['folders']}",
    }
    mine = {"canvas": "mallory_1", "moodle": "m_1", "brightspace": "m_1"}
    for lms, name in tricks.items():
        shutil.rmtree(room.folder / "submitted", ignore_errors=True)
        path = packed(tmp_path / f"{lms}.zip", {name: room.notebook()})
        assert len(collect(room.course, path, lms=lms).taken) == 1
        assert list(room.submitted()) == [mine.get(lms, "m")]


def test_gradescope_is_not_believed_inside_of_a_submission(room, tmp_path):
    files = {
        "submission_66/p1.ipynb": room.notebook("mallory's"),
        "submission_66/submission_metadata.yml": METADATA.replace("submission_11", "submission_66"),
        "submission_66/submission_11/p1.ipynb": room.notebook("mallory's"),
    }
    with pytest.raises(CourseError, match="needs Gradescope's"):
        collect(room.course, packed(tmp_path / "a.zip", files))
    files["submission_metadata.yml"] = METADATA
    report = collect(room.course, packed(tmp_path / "b.zip", files))
    assert report.taken == []
    assert reasons(report)["submission_66/p1.ipynb"] == (
        "submission_metadata.yml does not say whose it is"
    )


def test_a_name_on_canvas_that_ends_like_somebody_else(room, tmp_path):
    """Mallory (777) has renamed herself to `doejane_12345`."""
    trick = "doejane_12345_777_678999_p1.ipynb"
    files = {"doejane_12345_678901_p1.ipynb": room.notebook("jane's"), trick: room.notebook("m")}
    path = packed(tmp_path / "a.zip", files)
    assert room.collect(path) == 0
    assert room.submitted() == {"doejane_12345": "jane's"}
    roster = tmp_path / "roster.csv"
    roster.write_text('Student,ID,SIS User ID\n"Doe, Jane",12345,jane\n"M",777,mallory\n')
    report = collect(room.course, path, roster=roster)
    assert "could be from doejane_12345 or doejane_12345_777" in reasons(report)[trick]
    # Who calls a file so, and could be nobody else, is believed.
    files = {"doejane_12345_678901_20261120_p1.ipynb": room.notebook("dated")}
    collect(room.course, packed(tmp_path / "b.zip", files), roster=roster)
    assert room.submitted()["jane"] == "dated"


def test_in_drive_two_files_with_one_name_are_nobodys(room, tmp_path):
    one, two = "hw/Jane Doe - p1.ipynb", "hw/Jane Doe - p1(1).ipynb"
    files = {one: room.notebook("jane's"), two: room.notebook("somebody's")}
    files["hw/Bo - p1.ipynb"] = room.notebook("b")
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {"bo": "b"}
    assert reasons(report)[one].startswith(f"is for the same student as {two};")
    assert reasons(report)[two].startswith(f"is for the same student as {one};")
    files[two] = files[one]
    collect(room.course, packed(tmp_path / "b.zip", files))
    assert room.submitted() == {"bo": "b", "janedoe": "jane's"}


def test_two_students_who_would_be_one_are_both_refused(room, tmp_path):
    files = {f"{name}/p1.ipynb": room.notebook(name) for name in ("a b", "a_b", "A?b", "c")}
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {"c": "c"}
    assert len(report.skipped) == 3
    assert all("A?b and a b and a_b would both be " in reason for _, reason in report.skipped)
    files = {f"{name}/p1.ipynb": room.notebook(name) for name in ("-rf", ".git", "?", "..x.")}
    report = collect(room.course, packed(tmp_path / "hidden.zip", files))
    assert set(room.submitted()) == {"c", "rf", "git", "_", "x"}
    shutil.rmtree(room.folder / "submitted")
    files = {
        f"ps1_{user}_attempt_2026-01-30-15-00-0{n}_p1.ipynb": room.notebook(user)
        for n, user in enumerate(("jane_doe", "john_doe"))
    }
    assert collect(room.course, packed(tmp_path / "b.zip", files)).taken == []
    # The texts that Blackboard puts beside them tell where the user's name begins.
    for name in list(files):
        user = name[4:12]
        text = f"Name: Bob (bob) ({user})\r\nAssignment: ps1\r\nName: X (other)\r\n"
        files[name.replace("_p1.ipynb", ".txt")] = text
    collect(room.course, packed(tmp_path / "c.zip", files))
    assert set(room.submitted()) == {"jane_doe", "john_doe"}


def test_two_students_with_one_id_in_the_roster_are_both_refused(room, tmp_path):
    names = ("ada_1_20001_p1.ipynb", "bo_2_20002_p1.ipynb")
    path = packed(tmp_path / "a.zip", {name: room.notebook(name) for name in names})
    roster = tmp_path / "r.csv"
    roster.write_text("student_id,lms_user_id\ns1,1\ns1,2\n")
    report = collect(room.course, path, roster=roster)
    said = f"would both be s1; write an id of their own into each one's line of {roster}"
    assert report.taken == []
    assert set(reasons(report).values()) == {f"ada (1) and bo (2) {said}"}


# --- rosters


ROSTERS = {
    "canvas": "Student,ID,SIS User ID,Section\n    Points Possible,,,\n"
    '"Doe, Jane",12345,jd1,A\n"O_Brien, Al",777,ob1,A\n"Møller, Å",778,mo1,A\n',
    "moodle": "Identifier,Full name,Email address\nParticipant 1327627,J. Doe,jd1\n"
    "Participant 13,A. Roe,ob1\nParticipant 14,J. Núñez,mo1\n",
    "gradescope": "First Name,Last Name,SID,Email\nJane,Doe,s100,jane@uni.edu\n"
    "Ada,Roe,s200,ada@uni.edu\nBo,Li,s300,bo@uni.edu\n",
    "blackboard": "Last Name;First Name;Username;Student ID\n"
    "Doe;Jane;jdoe;jd1\nRoe;Ada;a.roe;ob1\n",
    "brightspace": "OrgDefinedId,Username,Last Name,First Name\n#jd1,#x,Smith,Mary-Ann\n"
    "#ob1,#y,Roe,Ada\n#mo1,#z,Li,Bo\n",
    "classroom": "student_id,name\njd1,Jane Doe\nob1,\"Roe, Ada\"\n",
    "folders": "id here,folder\njd1,Jane.Doe\nob1,ada roe\n",
}  # fmt: skip


@pytest.mark.parametrize("lms", LMS)
def test_a_roster_says_who_is_who(room, tmp_path, lms):
    roster = tmp_path / "students.csv"
    roster.write_text(ROSTERS[lms], encoding="utf-8-sig")
    path = packed(tmp_path / "a.zip", written(room, lms))
    assert room.collect(path, "--roster", roster) == 0
    wanted = {"s100", "s200", "s300"} if lms == "gradescope" else {"jd1", "ob1", "mo1"}
    assert set(room.submitted()) == {s for s in wanted if s in ROSTERS[lms]}
    if lms == "canvas":
        assert room.number("jd1") == "12345"


def test_who_is_not_in_the_roster_is_reported(room, tmp_path, capsys):
    """Names count only if the roster has no numbers: Mallory (99) calls herself Jane Doe."""
    roster = tmp_path / "students.csv"
    path = packed(
        tmp_path / "a.zip",
        {
            "janedoe_99_20001_p1.ipynb": room.notebook("mallory's"),
            "ada_1_20002_p1.ipynb": room.notebook("ada's"),
        },
    )
    roster.write_text("student_id,lms_user_id,name\njd1,12345,Jane Doe\nar1,1,Ada\n")
    assert room.collect(path, "--roster", roster) == 0
    assert room.submitted() == {"ar1": "ada's"}
    out = capsys.readouterr().out
    assert f"janedoe_99_20001_p1.ipynb: janedoe (99) is not in the roster {roster}" in out
    roster.write_text("student_id,lms_user_id\njd1,1\njd2,1\nx1,99\n")
    assert "ada (1) is more than once in the roster" in str(
        collect(room.course, path, roster=roster).skipped
    )


def test_two_people_of_one_name_are_set_apart_by_their_numbers(room, tmp_path, capsys):
    """Brightspace's list has no numbers of its archive; those of the two are written into it."""
    named = "{}-2 - {} - Nov 20, 2026 1130 PM/p1.ipynb".format
    people = {"11": "Jo Li", "12": "Jo Li", "13": "Ada Roe"}
    files = {named(n, name): room.notebook(n) for n, name in people.items()}
    path = packed(tmp_path / "a.zip", files)
    roster = tmp_path / "r.csv"
    titles = "OrgDefinedId,Username,Last Name,First Name"
    roster.write_text(f"{titles}\n#s1,#a,Li,Jo\n#s2,#b,Li,Jo\n#s3,#c,Roe,Ada\n")
    assert room.collect(path, "--roster", roster) == 0
    assert room.submitted() == {"s3": "13"}
    said = capsys.readouterr().out
    assert said.count("is more than once in the roster") == 2
    assert "Write the LMS's number of each into a column lms_user_id" in said
    lines = f"{titles},lms_user_id\n#s1,#a,Li,Jo,12\n#s2,#b,Li,Jo,{{}}\n#s3,#c,Roe,Ada,\n"
    for number in ("", "11"):  # of one of them it is enough
        roster.write_text(lines.format(number))
        assert room.collect(path, "--roster", roster) == 0
        assert room.submitted() == {"s1": "12", "s2": "11", "s3": "13"}
        assert "more than once" not in capsys.readouterr().out


def test_an_id_in_the_archive_and_in_the_list_comes_before_the_name(room, tmp_path):
    path = packed(
        tmp_path / "a.zip",
        {
            f"{n}-2 - N0{n} - Jo Li - Nov 20, 2026 1130 PM/p1.ipynb": room.notebook(str(n))
            for n in (1, 2)
        },
    )
    roster = tmp_path / "r.csv"
    roster.write_text("OrgDefinedId,Last Name,First Name\n#N02,Li,Jo\n#N01,Li,Jo\n")
    collect(room.course, path, roster=roster)
    assert room.submitted() == {"N01": "1", "N02": "2"}


def test_times_that_cannot_be_read_are_said(room, tmp_path):
    named = "{}-2 - Jo Li - {}/p1.ipynb".format
    times = "24 sept. 2026 21 26", "Nov 20, 2026 1130 PM"
    files = {named(n, time): room.notebook(str(n)) for n, time in enumerate(times)}
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    (said,) = (text for _, text in report.notes if "cannot be read" in text)
    assert "names of 1 of 2 files" in said and said.endswith(named(0, times[0]))
    del files[named(0, times[0])]
    notes = collect(room.course, packed(tmp_path / "b.zip", files)).notes
    assert not any("cannot be read" in text for _, text in notes)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"one column\nx\n", b"a,b\n"])
def test_what_is_no_roster_is_refused(room, tmp_path, capsys, content):
    roster = tmp_path / "students.csv"
    roster.write_bytes(content)
    path = packed(tmp_path / "a.zip", written(room, "canvas"))
    assert room.collect(path, "--roster", roster) == 1
    assert f"The roster {roster} " in capsys.readouterr().err
    roster.unlink()
    assert room.collect(path, "--roster", roster) == 1
    assert f"There is no roster {roster}." in capsys.readouterr().err
    assert room.submitted() == {}


# --- which LMS


@pytest.mark.parametrize(
    "names, said",
    [
        (["a.ipynb", "b.ipynb"], "none of the known"),
        (["a_1_20001_x_attempt_2026-01-30-15-00-00_y.ipynb"], "canvas or blackboard"),
        (["hw/Jane Doe - p1.ipynb"], "classroom or folders"),
        (["all/a/p.ipynb", "all/b/p.ipynb"], "Everything in .* lies in one folder, 'all'"),
        (["hw/sent/a/1/p.ipynb", "hw/sent/b/1/p.ipynb"], "lies in one folder, 'hw/sent'"),
        (["hw/Roe, Ada(ar1)/Submission attachment(s)/p.ipynb"], "lies in one folder, 'hw'"),
    ],
)
def test_an_lms_that_cannot_be_told_has_to_be_named(room, tmp_path, names, said):
    path = packed(tmp_path / "a.zip", {name: room.notebook() for name in names})
    with pytest.raises(CourseError, match=said):
        collect(room.course, path)
    assert room.submitted() == {}


def test_a_wrong_lms_is_told_which_one_fits(room, tmp_path, capsys):
    path = packed(tmp_path / "a.zip", {"doejane_12345_678901_p1.ipynb": room.notebook()})
    assert room.collect(path, "--from", "moodle") == 1
    assert "named as those of Canvas: leave --from out" in capsys.readouterr().out
    path = packed(tmp_path / "b.zip", {"p1.ipynb": room.notebook()})
    assert room.collect(path, "--from", "moodle") == 1
    assert "leave --from out" not in capsys.readouterr().out


def test_one_students_names_do_not_turn_the_class_round(room, tmp_path):
    files = {f"s{n}/p1.ipynb": room.notebook() for n in range(3)}
    files |= {"doejane_12345_678901_p1.ipynb": room.notebook()}
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    assert report.lms == "folders" and len(report.taken) == 3
    assert reasons(report) == {
        "doejane_12345_678901_p1.ipynb": (
            "is not named as plain folders names files (student/file.ipynb)"
        )
    }


# --- hostile archives


def link(name, target):
    entry = zipfile.ZipInfo(name, WHEN)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, target


def test_paths_links_and_archives_are_not_read(room, tmp_path):
    nb = room.notebook("x")
    nested = io.BytesIO()
    packed(nested, {"doejane_12345_678901_p1.ipynb": nb})
    hostile = {
        "": "has a path that leads out of the archive",
        "../evil_1_20001_p1.ipynb": "has a path that leads out of the archive",
        "/tmp/evil_1_20001_p1.ipynb": "has a path that leads out of the archive",
        "C:\\evil_1_20001_p1.ipynb": "has a path that leads out of the archive",
        "a\\..\\evil_1_20001_p1.ipynb": "has a path that leads out of the archive",
        "a_1_20001_p1.tar.gz": "is an archive that is not opened",
        "a_1_20001_" + "x" * 2000 + ".ipynb": "has a name of 2,016 characters",
        "a_1_20001_notes.pdf": "is no notebook (.ipynb)",
        ".ipynb_checkpoints/a_1_20001_p1.ipynb": "is not named as Canvas names files",
    }
    path = packed(tmp_path / "a.zip", {name: nested.getvalue() for name in hostile})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(*link("ln_1_20001_p1.ipynb", "/etc/passwd"))
        archive.writestr("nul_1_20001_p1.ipynb?.pdf", nb)
        archive.writestr("ok_2_20002_p1.ipynb", nb)
    path.write_bytes(path.read_bytes().replace(b"p1.ipynb?.pdf", b"p1.ipynb\0.pdf"))
    report = collect(room.course, path)
    assert room.submitted() == {"ok_2": "x"}
    said = reasons(report)
    assert said.pop("ln_1_20001_p1.ipynb") == "is a link"
    assert said.pop("nul_1_20001_p1.ipynb\ufffd.pdf").startswith("has a name with a NUL")
    for name, reason in hostile.items():
        assert said.pop(name.replace("\\", "/")[:1000]).startswith(reason)
    assert said == {}


def test_in_a_folder_links_are_not_followed(room, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "p1.ipynb").write_text(room.notebook("secret"))
    folder = tmp_path / "class"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "p1.ipynb").write_text(room.notebook("ada's"))
    (folder / "bo").symlink_to(secret)
    latin = folder / os.fsdecode(b"Jos\xe9")  # as an old Windows writes it
    latin.mkdir()
    (latin / "p1.ipynb").write_text(room.notebook("josé's"))
    (folder / "ada" / "p2.ipynb").symlink_to(secret / "p1.ipynb")
    report = collect(room.course, folder)
    assert room.submitted() == {"ada": "ada's", "Jos_": "josé's"}
    assert reasons(report) == {"bo": "is a link", "ada/p2.ipynb": "is a link"}


def test_bombs_do_not_go_off(room, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_MAX_FILE", 30_000_000)
    files = {
        "a_1_20001_p1.ipynb": b"0" * 19_000_000,
        "b_1_20001_p1.ipynb": b"0" * 21_000_000,
        "c_1_20001_p1.ipynb": b"0" * 29_000_000 + os.urandom(1_000_001),
        "ok_2_20002_p1.ipynb": room.notebook(),
    }
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    assert reasons(report) == {
        "b_1_20001_p1.ipynb": "is 21 MB large, 20 MB are allowed; ask for it without outputs",
        "c_1_20001_p1.ipynb": "is 30 MB large, 20 MB are allowed; ask for it without outputs",
    }
    assert {student for student, _, _ in report.taken} == {"a_1", "ok_2"}


def test_a_notebook_that_printed_one_line_without_end_is_taken(room, tmp_path):
    nb = json.loads(room.notebook("x"))
    printed = {"name": "stdout", "output_type": "stream", "text": 800_000 * ["loss: nan\n"]}
    nb["cells"].append({"cell_type": "code", "source": "", "metadata": {}, "outputs": [printed]})
    path = packed(tmp_path / "a.zip", {"ada_1_20001_p1.ipynb": json.dumps(nb)})
    assert path.stat().st_size * 200 < len(json.dumps(nb)) < 20_000_000
    assert room.collect(path) == 0 and list(room.submitted()) == ["ada_1"]


@pytest.mark.parametrize("quota, value", [("_MAX_FILES", 2), ("_MAX_TOTAL", 5_000)])
def test_quotas_hold_for_all_files_together(room, tmp_path, monkeypatch, quota, value):
    monkeypatch.setattr(archives, quota, value)
    files = {f"s_{n}_2000{n}_p1.ipynb": room.notebook() for n in range(3)}
    with pytest.raises(CourseError, match="which no class hands in"):
        collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {}


def test_damaged_and_locked_entries_do_not_stop_the_others(room, tmp_path):
    names = ("damaged_1_20001_p1.ipynb", "locked_2_20002_p1.ipynb", "ok_3_20003_p1.ipynb")
    path = packed(tmp_path / "a.zip", {n: room.notebook(n) for n in names}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"damaged_1_20001_p1.ipynb", 100) - 2] ^= 255  # inside of its notebook
    at = data.rindex(b"locked_2") - 46  # its line in the directory
    data[at + 8] |= 1  # a password is needed
    path.write_bytes(data)
    report = collect(room.course, path)
    assert list(room.submitted()) == ["ok_3"]
    assert set(reasons(report)) == set(names[:2])
    assert reasons(report)[names[0]].startswith("cannot be unpacked (Bad CRC-32")
    assert reasons(report)[names[1]] == (
        "cannot be unpacked (it is locked with a password; ask for it without one)"
    )


def test_a_date_that_does_not_exist_and_one_that_says_nothing(room, tmp_path):
    path = packed(
        tmp_path / "a.zip",
        [("a_1_20001_p1.ipynb", room.notebook(), (1980, 1, 1, 0, 0, 0)),
         ("b_2_20002_p1.ipynb", room.notebook(), (2026, 13, 40, 0, 0, 0))],
    )  # fmt: skip
    collect(room.course, path)
    assert set(room.submitted()) == {"a_1", "b_2"}
    assert not list((room.folder / "submitted").rglob("timestamp.txt"))


def test_a_zip_file_and_a_notebook_under_each_others_names(room, tmp_path):
    inner = packed(tmp_path / "inner.zip", {"p1.ipynb": room.notebook("packed")}).read_bytes()
    deeper = packed(tmp_path / "deeper.zip", {"p1.ipynb": inner}).read_bytes()
    files = {
        "a_1_20001_p1.ipynb": inner,
        "b_2_20002_p1.zip": room.notebook("bare"),
        "c_3_20003_p1.ipynb": deeper,
        "d_4_20004_p1.txt": inner,
        "e_5_20005_p1": inner,
        "f_6_20006_p1.ipynb.txt": room.notebook("Unicode").encode("utf-16"),
        "g_7_20007_p1.txt": b"PK, that is me",
    }
    report = collect(room.course, packed(tmp_path / "a.zip", files))
    packed_ones = dict.fromkeys(("a_1", "d_4", "e_5"), "packed")
    read = {path.parts[-3] for path in room.folder.glob("submitted/*/hw/p1.ipynb")}
    assert read == {*packed_ones, "b_2", "f_6"}
    shutil.rmtree(room.folder / "submitted" / "f_6")  # which is in UTF-16 as it was
    assert room.submitted() == {**packed_ones, "b_2": "bare"}
    assert "an archive in an archive" in reasons(report)["c_3_20003_p1.ipynb"]


def test_on_blackboard_one_student_has_a_text_beside_one_attempt_only(room, tmp_path):
    first, second = (f"hw_ada_attempt_2026-01-{day}-15-00-00" for day in (30, 31))
    files = {
        f"{first}_p1.ipynb": room.notebook("old"),
        f"{first}.txt": "Name: Ada Lovelace (ada)",
        f"{second}_p1.ipynb": room.notebook("new"),
    }
    collect(room.course, packed(tmp_path / "a.zip", files))
    assert room.submitted() == {"ada": "new"}


def test_blanks_around_a_folders_name_are_no_part_of_it(room, tmp_path):
    path = packed(tmp_path / "a.zip", {" blank ada/p1.ipynb": room.notebook("ada's")})
    assert room.collect(path, "--from", "folders") == 0
    path = packed(tmp_path / "b.zip", {"blank ada /p1.ipynb": room.notebook("ada's again")})
    assert room.collect(path, "--from", "folders") == 0
    assert [name for name in room.submitted() if "blank" in name] == ["blank_ada"]


def test_names_from_windows_and_macos(room, tmp_path):
    path = tmp_path / "a.zip"
    names = ["Mu\u0308ller\\p1.ipynb", "Zoë/P1.IPYNB", "__MACOSX/._p1.ipynb", "Zoë/._P1.ipynb",
             "Zoë/.DS_Store", "Thumbs.db"]  # fmt: skip
    packed(path, {name: room.notebook(name) for name in names})
    with zipfile.ZipFile(path) as archive:
        assert any(info.flag_bits & 0x800 for info in archive.infolist())
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # UTF-8, but it is not said
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + flags + 1] &= ~0x08
    path.write_bytes(data)
    report = collect(room.course, path)
    assert set(room.submitted()) == {"Müller", "Zoë"}
    assert (report.unimportant, report.skipped) == (4, [])


PIECES = [
    "..", ".", "/", "\\", "~", "C:", "doejane_12345_", "_", "678901_", "p1.ipynb", ".ipynb", "\0",
    " - ", "Jane", "{student_id}", "*", "$HOME", "\u202e", "\ud7ff", "é", "_attempt_",
    "2026-01-30-15-00-00", "assignsubmission_file", "submission_1/", ".zip", "con", " ", "-", "@",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(
    deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    names=st.lists(
        st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), min_size=1, max_size=8)
        .map(lambda parts: "".join(parts).encode("utf-8", "replace").decode() + ".ipynb"),
        min_size=1, max_size=6,
    ),
    lms=st.sampled_from([None, *(name for name in LMS if name != "gradescope")]),
)  # fmt: skip
def test_whatever_the_names_are_nothing_is_written_elsewhere_and_all_is_told(
    room, tmp_path, names, lms
):
    shutil.rmtree(room.folder / "submitted", ignore_errors=True)
    nb, path = room.notebook(), tmp_path / "a.zip"
    path.unlink(missing_ok=True)

    def outside():
        return {p for p in tmp_path.parent.rglob("*") if "submitted" not in p.parts}

    packed(path, [(name, nb, WHEN) for name in names])
    with zipfile.ZipFile(path) as archive:
        files = [i for i in archive.infolist() if not i.orig_filename.endswith("/")]
    before = outside()
    try:
        report = collect(room.course, path, lms=lms)
    except CourseError as error:
        assert re.search("lies in one folder|is not clear|there is none", str(error))
        report = None
    assert {p for p in outside() - before if not p.name.startswith("gradebook.db")} == set()
    written = [p for p in (room.folder / "submitted").rglob("*") if p.is_file()]
    for file in written:
        student = file.relative_to(room.folder / "submitted").parts[0]
        assert file.parts[-2:] in (("hw", "p1.ipynb"), ("hw", "timestamp.txt"))
        assert len(file.relative_to(room.folder / "submitted").parts) == 3
        assert student == student.strip(" .") and not set(student) & set("*?[]{}\\:+,$~\0")
    if report:
        told = len(report.taken) + len(report.skipped) + report.unimportant
        assert told == len(files)
        "".join(file for _, _, file in report.taken).encode()  # it can be printed
        assert all(text.isprintable() for text, _ in report.skipped)


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate],
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_a_damaged_archive_is_an_error_or_a_report(room, tmp_path, data):
    path = packed(tmp_path / "a.zip", {"a_1_20001_p1.ipynb": "{}", "b_2_20002_p1.ipynb": "{}"})
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        report = collect(room.course, path, lms="canvas")
    except CourseError as error:
        assert str(path) in str(error)
    else:
        assert all(reason for _, reason in report.skipped)


def test_an_archive_without_a_file_and_a_class_without_a_grade_are_told(room, tmp_path, capsys):
    assert room.collect(packed(tmp_path / "a.zip", {"__MACOSX/._a.ipynb": "x"})) == 1
    assert "a.zip holds no file that could be read." in capsys.readouterr().out
    assert main(["feedback", "--course", str(room.folder)]) == 1
    assert "Nothing has been graded yet. Run: course grade" in capsys.readouterr().err


def test_an_archive_without_notebooks_is_reported(room, tmp_path, capsys):
    path = packed(tmp_path / "a.zip", {"essay.docx": b"x"})
    assert room.collect(path) == 1
    assert "skipped  essay.docx: is no notebook (.ipynb)\n0 taken, 1 skipped." in (
        capsys.readouterr().out
    )
    missing = tmp_path / "missing.zip"
    assert room.collect(missing) == 1
    assert f"There is no file {missing}." in capsys.readouterr().err
