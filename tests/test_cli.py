"""The command `course`: help, wrong calls, and the archive of an LMS."""

import json
import zipfile

import pytest

from course.cli import main
from course.grading.demo import answered
from tests.classroom import ROOT, Classroom

COMMANDS = (
    "release",
    "publish",
    "collect",
    "grade",
    "feedback",
    "export",
    "report",
    "doctor",
    "demo",
)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Classroom(tmp_path_factory.mktemp("course"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"Example:\n  course {command}" in capsys.readouterr().out


def test_an_unknown_assignment_lists_those_there_are(room, capsys):
    assert room.course("grade", "99-lenet") == 1
    assert "There is no assignment '99-lenet' in solutions/. There are: 02-lenet." in (
        capsys.readouterr().err
    )


def test_outside_of_a_course_it_says_where_to_go(tmp_path, capsys):
    assert main(["grade", "--course", str(tmp_path)]) == 1
    assert "no nbgrader_config.py there or above" in capsys.readouterr().err


def test_grading_before_anything_was_handed_in_says_what_to_do(room, capsys):
    assert room.course("grade", room.assignment) == 1
    assert "Run: course collect submissions.zip" in capsys.readouterr().err


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
    assert "cannot be read as a zip archive" in capsys.readouterr().err


def test_a_bomb_is_not_unpacked(room, tmp_path, capsys):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doejane_1_2_lenet.ipynb", b"0" * 19_000_000)
        archive.writestr("roeada_1_2_lenet.ipynb", b"0" * 21_000_000)
    assert room.course("collect", str(path)) == 1
    said = capsys.readouterr().out
    assert "unpacks to far more than a notebook has" in said
    assert "is 21 MB large, 20 MB are allowed" in said
