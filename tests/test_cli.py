"""The command `course`: help, wrong calls, and the archive of an LMS."""

import contextlib
import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from course.check.file import receipt
from course.cli import course, main
from course.grading import CourseError
from course.grading.demo import answered
from course.grading.demo import demo as demo_in
from course.grading.folder import CourseFolder, write_atomically
from tests.classroom import ROOT, Classroom
from tests.school import School

PROGRAMS = Path(sys.executable).parent
COMMANDS = course.list_commands(None)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"Example: course {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_writes_is_named_in_one_way(command, capsys):
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    for other in ("-o,", "--output", "--into", "--folder"):
        assert other not in said


@pytest.mark.parametrize(
    "former, now",
    [
        (["pack", "hw", "-o"], "--to"),
        (["gradescope", "hw", "--output"], "--to"),
        (["workflow", "hw", "-o"], "--to"),
        (["table", "model.py:build", "--into"], "--to"),
        (["demo", "--folder"], "--to"),
        (["export", "--into"], "--fill"),
        (["variants", "hw", "--into"], "--fill"),
    ],
)
def test_the_former_name_of_an_option_is_still_taken(former, now):
    name, *arguments = former
    command = course.get_command(None, name)
    read = command.make_context(name, [*arguments, "here"]).params
    assert read[now.lstrip("-")] == "here"
    assert read == command.make_context(name, [*arguments[:-1], now, "here"]).params


def test_an_unknown_assignment_lists_those_there_are(room, capsys):
    assert room.course("grade", "99-lenet") == 1
    assert "There is no assignment '99-lenet' in solutions/. There are: 02-lenet." in (
        capsys.readouterr().err
    )


def test_outside_of_a_course_it_says_where_to_go(tmp_path, capsys):
    assert main(["grade", "--course", str(tmp_path)]) == 1
    assert "there is no nbgrader_config.py in it or above it" in capsys.readouterr().err


def test_grading_before_anything_was_handed_in_says_what_to_do(room, capsys):
    for named in ([room.assignment], []):
        assert room.course("grade", *named) == 1
        assert "Run: course collect submissions.zip" in capsys.readouterr().err


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_an_assignment_says_how_to_begin(tmp_path, capsys, there):
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    if there:
        (tmp_path / "solutions" / "hw").mkdir(parents=True)
    for command in ("release", "feedback", "export", "report"):
        assert main([command, "--course", str(tmp_path)]) == 1
        said = capsys.readouterr().err
        assert f"{tmp_path / 'solutions'} should hold a folder for each assignment" in said
        assert "course new NAME" in said


def test_a_source_with_a_flaw_is_not_released(tmp_path, capsys):
    source = tmp_path / "solutions" / "02-lenet"
    source.mkdir(parents=True)
    nb = json.loads((ROOT / "solutions/02-lenet/lenet.ipynb").read_text())
    cell = next(c for c in nb["cells"] if c["id"] == "lenet-shapes")
    cell["source"] = "".join(cell["source"]).replace("lenet-shapes", "other") + " "
    (source / "lenet.ipynb").write_text(json.dumps(nb))
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    assert main(["release", "--course", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "blanks at the end of a line" in said
    assert "its first line should be '# Exercise lenet-shapes (8 points)'" in said


def test_a_release_overwrites_no_answers(tmp_path, capsys):
    """Somebody has tried the assignment where the start page links to it."""
    room = Classroom(tmp_path)
    path = tmp_path / "assignments" / "02-lenet" / "lenet.ipynb"
    released = path.read_bytes()
    nbformat.write(room.written(), path)
    answered_ = path.read_bytes()
    capsys.readouterr()
    assert room.course("release", "02-lenet") == 1
    said = capsys.readouterr()
    assert "holds answers (shapes-answer, " in said.err and "copy the file" in said.err
    assert "tried" not in said.out  # before the solution is graded, which takes a while
    assert path.read_bytes() == answered_
    path.unlink()
    assert room.course("release", "--no-trial", "02-lenet") == 0
    assert path.read_bytes() == released
    assert room.course("release", "--no-trial", "02-lenet") == 0  # nobody has answered it


def test_points_that_disagree_are_not_released(tmp_path, capsys):
    """The title, a heading, the list of progress and the cells say the same points."""
    source = tmp_path / "solutions" / "02-lenet"
    source.mkdir(parents=True)
    text = (ROOT / "solutions/02-lenet/lenet.ipynb").read_text()
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())

    def says(**changes):
        nb = json.loads(text)
        for cell in nb["cells"]:
            if cell["id"] == "lenet-shapes":  # 102 points under "100 points"
                cell["metadata"]["nbgrader"]["points"] = 10
                cell["source"] = "".join(cell["source"]).replace("(8 points)", "(10 points)")
            for old, new in changes.get(cell["id"].replace("-", "_"), {}).items():
                cell["source"] = "".join(cell["source"]).replace(old, new)
        (source / "lenet.ipynb").write_text(json.dumps(nb))
        status = main(["release", "--course", str(tmp_path)])
        return status, capsys.readouterr().err

    status, said = says()
    assert status == 1
    assert "lenet.ipynb: its title says 100 points, its exercises have 102." in said
    assert (
        "'1 · Every shape by hand (8 points)' says 8 points, the exercises below have 10." in said
    )
    assert "check.progress has 8 points for lenet-shapes, its cell has 10." in said
    title, heading = {"100 points": "102 points"}, {"(8 points)": "(10 points)"}
    progress = {'"lenet-shapes": 8': '"lenet-shapes": 10, "gone": 3'}
    status, said = says(title=title, shapes_goal=heading, progress=progress)
    assert status == 1
    assert said.strip().splitlines()[1:] == [
        "  lenet.ipynb: check.progress has 3 points for gone, its cell has none."
    ]
    why = {
        "cell_type": "markdown", "id": "why", "source": "", "metadata": {"nbgrader": {
            "grade": True, "grade_id": "why", "locked": False, "points": 0, "solution": True,
            "schema_version": 3, "task": False,
        }},
    }  # fmt: skip
    progress = {'"lenet-shapes": 8': '"lenet-shapes": 10, "why": 0'}
    whole, nb = text, json.loads(text)
    text = json.dumps({**nb, "cells": [*nb["cells"], why]})
    _, said = says(title=title, shapes_goal=heading, progress=progress)
    assert "check.progress has points for why, which a person grades" in said
    text = whole
    progress = {'"lenet-shapes": 8': '"lenet-shapes": 10'}
    assert says(title=title, shapes_goal=heading, progress=progress)[0] == 0


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(files):
            entry = zipfile.ZipInfo(name, (2026, 11, 20, 12, 0, number * 2))
            archive.writestr(entry, content)
    return str(path)


def test_an_archive_is_taken_in_by_content_and_by_the_names_of_canvas(room, tmp_path, capsys):
    text = json.dumps(room.release)
    newer = json.dumps(answered(room.release, {"shapes-answer": "shapes = {}"}))
    archive = packed(
        tmp_path / "submissions.zip",
        [
            ("doejane_12345_678901_lenet.ipynb", text),
            ("doejane_LATE_12345_678999_Copy of lenet-2.ipynb", newer),
            ("roeada_777_888_homework (1).ipynb", text),
            ("roeada_777_888_notes.pdf", b"%PDF"),
            ("mallory_1_2_doejane_12345_999999_lenet.ipynb", text),
            ("bad_3_4_lenet.ipynb", '{"cells": ['),
            ("other_5_6_lenet.ipynb", json.dumps({**room.release, "cells": []})),
            ("../../evil.ipynb", text),
            ("nameless.ipynb", text),
        ],
    )
    assert room.course("collect", archive) == 0
    said = capsys.readouterr().out
    # The receipt that the student's own notebook showed.
    assert f"888_homework (1).ipynb  (receipt {receipt(room.release.cells)})" in said
    submitted = room.folder / "submitted"
    assert sorted(p.name for p in submitted.iterdir()) == [
        "bad_3", "doejane_12345", "mallory_1", "roeada_777",
    ]  # fmt: skip
    assert (submitted / "bad_3/02-lenet/lenet.ipynb").read_text() == '{"cells": ['  # kept as it is
    # Mallory's file name speaks of somebody else; what Canvas wrote in front of it counts.
    assert (submitted / "doejane_12345/02-lenet/lenet.ipynb").read_text() == newer
    assert "skipped  doejane_12345_678901_lenet.ipynb: " in said
    assert "is newer" in said
    assert "other_5_6_lenet.ipynb: holds no exercise of this course" in said
    assert "roeada_777_888_notes.pdf: is no notebook (.ipynb)" in said
    assert "nameless.ipynb: is not named as Canvas names files" in said
    assert "../../evil.ipynb: has a path that leads out of the archive" in said
    assert not list(tmp_path.rglob("evil.ipynb"))

    before = {p: p.stat().st_mtime_ns for p in submitted.rglob("*.ipynb")}
    assert room.course("collect", archive) == 0
    assert {p: p.stat().st_mtime_ns for p in submitted.rglob("*.ipynb")} == before


def test_what_is_no_archive_gets_a_clear_error(room, tmp_path, capsys):
    path = tmp_path / "submissions.zip"
    path.write_text("not a zip")
    assert room.course("collect", str(path)) == 1
    said = capsys.readouterr().err
    assert "cannot be read as a zip archive" in said and "Download the submissions" in said
    for name, what_to_do in (
        ("lenet.ipynb", "give the folder in which that one lies"),
        ("submissions.tar.gz", "Unpack it"),
    ):
        (tmp_path / name).write_text("{}")
        assert room.course("collect", str(tmp_path / name)) == 1
        assert what_to_do in capsys.readouterr().err


def test_a_single_notebook_is_taken_as_the_sentence_says(room, tmp_path):
    folder = tmp_path / "mail" / "by-mail"
    folder.mkdir(parents=True)
    nbformat.write(room.release, folder / "lenet.ipynb")
    assert room.course("collect", str(tmp_path / "mail")) == 0
    assert (room.folder / "submitted" / "by-mail" / "02-lenet" / "lenet.ipynb").exists()
    shutil.rmtree(room.folder / "submitted" / "by-mail")


def test_a_bomb_is_not_unpacked(room, tmp_path, capsys):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("roeada_82_2_lenet.ipynb", b"0" * 20_400_000)
    assert room.course("collect", str(path)) == 1
    said = capsys.readouterr().out
    assert "is 20.4 MB large, 20 MB are allowed" in said


# --- students, and what a machine can do


def test_the_demo_deletes_nothing_but_an_earlier_demo(tmp_path, capsys):
    mine = tmp_path / "mine"
    (mine / "solutions" / "lenet").mkdir(parents=True)
    (mine / "nbgrader_config.py").write_text("c = get_config()\n")
    for folder in (mine, mine / "nbgrader_config.py"):
        assert main(["demo", "--to", str(folder)]) == 1
        assert "not from an earlier demo: it holds nbgrader_config.py" in capsys.readouterr().err
    demo = tmp_path / "demo"
    ran = []

    def stopped(arguments):  # by the first of its commands
        ran.append(arguments[0])
        return 1

    for _time in range(2):  # in a new folder, and in its own
        assert demo_in(demo, stopped) == 1
    with contextlib.chdir(demo):  # and where somebody stands
        assert demo_in(Path("."), stopped) == 1
    assert ran == ["release"] * 3
    (demo / "solutions" / "mine").mkdir()
    assert main(["demo", "--to", str(demo)]) == 1
    assert (mine / "nbgrader_config.py").exists() and (demo / "solutions" / "mine").exists()


def test_a_student_who_does_not_exist_is_not_made(room, capsys):
    room.submit("ada_lovelace", room.written())
    for command in ("grade", "feedback", "export"):
        assert room.course(command, room.assignment, "--student", "ada_lovelase") == 1
        said = capsys.readouterr().err
        assert "There is no student 'ada_lovelase'" in said
        assert "Did you mean ada_lovelace?" in said
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        assert "ada_lovelase" not in {student.id for student in gradebook.students}
        gradebook.add_student("only_enrolled", first_name="Max", last_name="Müller")
    assert room.course("grade", room.assignment, "--student", "only_enrolled") == 1
    assert f"only_enrolled handed in nothing for {room.assignment}" in capsys.readouterr().err
    assert room.course("grade", room.assignment, "--student", "müller") == 1
    assert "none has this id. Did you mean Max Müller, only_enrolled?" in capsys.readouterr().err


def test_a_student_is_taken_out_as_the_page_says(room):
    page = (ROOT / "docs/instructors.md").read_text()
    assert "`nbgrader db student remove ID --force`" in page
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        gradebook.add_student("mistyped")
        gradebook.add_submission(room.assignment, "mistyped")
    remove = [PROGRAMS / "nbgrader", "db", "student", "remove", "mistyped", "--force"]
    subprocess.run(remove, cwd=room.folder, check=True, capture_output=True)
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        assert "mistyped" not in {student.id for student in gradebook.students}


def test_a_command_that_is_mistyped(capsys):
    assert main(["collcet", "submissions.zip"]) == 2
    assert "There is no command 'collcet'. Did you mean collect?" in capsys.readouterr().err
    assert main(["quiz"]) == 2
    assert "No such command 'quiz'" in capsys.readouterr().err


def test_a_wrong_call_is_shown_an_example(capsys):
    assert main(["gradescope"]) == 2
    said = capsys.readouterr().err
    assert "Missing argument 'ASSIGNMENT'" in said and "Example: course gradescope 04-vgg" in said


def test_a_second_command_at_the_same_time_is_refused(room, capsys):
    with CourseFolder(room.folder).alone("grade"):
        for command in ("release", "collect x.zip", "grade", "feedback", "export", "report"):
            assert room.course(*command.split()) == 1
            said = capsys.readouterr().err
            assert re.search(
                r"Another command is at work in .*: course grade, since \d\d:\d\d", said
            )
            assert f"process {os.getpid()}" in said
    assert room.course("release") == 0  # and after that it is not


@pytest.mark.parametrize(
    "error, sentence",
    [
        (OSError(errno.ENOSPC, "No space left on device", "/c/x"), "/c/x: the disk is full."),
        (OSError(errno.EROFS, "Read-only file system", "/c/x"), "/c/x: it cannot be written to."),
        (
            PermissionError(errno.EACCES, "Permission denied", "/c/x"),
            "/c/x: access to it is refused.",
        ),
        (
            OperationalError("x", {}, sqlite3.OperationalError("database or disk is full")),
            "The gradebook: the disk is full.",
        ),
        (
            OperationalError("x", {}, sqlite3.OperationalError("database is locked")),
            "The gradebook: another program",
        ),
        (
            IntegrityError("x", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
            "The gradebook: another program",
        ),
        (InvalidEntry("(sqlite3.OperationalError) database is locked"), "The gradebook: another"),
    ],
)
def test_what_a_machine_can_do_is_a_sentence(room, capsys, monkeypatch, error, sentence):
    def fails(*_):
        raise error

    monkeypatch.setattr("course.grading.out.export.export", fails)
    assert room.course("export") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"course: {sentence}") and "Run the same command again" in said


def test_a_disk_that_is_really_full(room, capsys):
    with Gradebook(CourseFolder(room.folder).database) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission(room.assignment, "ada")
    (room.folder / "autograded/ada" / room.assignment).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "solutions/02-lenet/lenet.ipynb", room.folder / "autograded/ada/02-lenet")
    assert room.course("export", "--to", "/dev/full") == 1
    assert "the disk is full" in capsys.readouterr().err


def test_a_gradebook_without_room_is_a_sentence_and_no_traceback(room, capsys, monkeypatch):
    def fill(course, *_):
        with Gradebook(course.database) as gradebook:
            gradebook.db.execute(text("PRAGMA max_page_count = 1"))  # as if the disk was full
            for number in range(1_000):
                gradebook.add_student(f"student-{number}")

    monkeypatch.setattr("course.grading.out.export.export", fill)
    assert room.course("export") == 1
    said = capsys.readouterr()
    assert said.err.startswith("course: The gradebook: the disk is full. Make room.")
    assert "Traceback" not in said.out + said.err


def test_a_release_into_a_gradebook_in_use_says_so(room, capsys, monkeypatch):
    log = "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked"
    refused = {"success": False, "log": log}
    monkeypatch.setattr(NbGraderAPI, "generate_assignment", lambda *_args, **_options: refused)
    assert room.course("release", "--no-trial", room.assignment) == 1
    assert "The gradebook: another program" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line, said",
    [
        ("c.Exchange.timezone = (", "SyntaxError: '(' was never closed (nbgrader_config.py, line"),
        ("d.Exchange.timezone = 1", "NameError: name 'd' is not defined, "),
        ("raise SystemExit(4)", "SystemExit: 4, "),
    ],
)
def test_settings_that_cannot_be_read_stop_the_command(room, tmp_path, capfd, line, said):
    text = (room.folder / "nbgrader_config.py").read_text(encoding="utf-8")
    (tmp_path / "nbgrader_config.py").write_text(f"{text}\n{line}\n", encoding="utf-8")
    assert main(["export", "--course", str(tmp_path)]) == 1
    shown = capfd.readouterr()
    assert f"The settings in nbgrader_config.py cannot be read ({said}" in shown.err
    assert "Traceback" not in shown.out + shown.err


@pytest.mark.parametrize(
    "line, said",
    [
        ("c.Judge.backend = 'torch'", "should be one of 'tensorflow', 'jax'. It is 'torch'."),
        (
            "c.CourseDirectory.source_directory = 3",
            "source_directory in nbgrader_config.py should be a text in quotes. It is 3.",
        ),
        (
            "c.CourseDirectory.db_url = 'gradebook'",
            "should be the address of a database, such as 'sqlite:",
        ),
    ],
)
def test_settings_of_a_wrong_kind_stop_the_command(tmp_path, capsys, line, said):
    school = School(tmp_path)
    with (tmp_path / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert school.course("pack", "hw", "--to", str(tmp_path / "hw.course")) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "hw.course").exists()


def test_a_file_where_a_folder_should_be_is_named(tmp_path, capsys):
    school, file = School(tmp_path), tmp_path / "file"
    file.write_text("mine")
    for command in ("workflow", "classroom50"):
        assert school.course(command, "hw", "--to", str(file)) == 1
        said = capsys.readouterr().err
        assert f"{file}" in said and "there is a file where a folder should be" in said
    assert file.read_text() == "mine"


def test_a_damaged_gradebook_or_verdict_says_what_to_do(tmp_path, capsys):
    school = School(tmp_path)
    school.hand_in("ada")
    school.judged("ada").write_text("{")
    assert school.course("report", "hw") == 1
    said = capsys.readouterr().err
    assert "hw/p1.ipynb cannot be read, so this" in said and "Run: course grade hw" in said
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 500)
    for command in ("export", "report", "release --no-trial"):
        assert school.course(*command.split(), "hw") == 1
        assert "The gradebook: it is damaged. Take gradebook.db from" in capsys.readouterr().err


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(CourseError, match="is no ordinary file"):
        write_atomically(pipe, b"x")
    assert pipe.is_fifo()


def test_our_own_mistakes_are_not_hidden(room, monkeypatch):
    monkeypatch.setattr("course.grading.out.export.export", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        room.course("export")
