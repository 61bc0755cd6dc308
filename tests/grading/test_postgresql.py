"""The gradebook on a PostgreSQL server, which several instructors can share."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course.cli import main
from course.grading.folder import CourseFolder
from course.grading.grade import grade
from tests.bank import lenet
from tests.classroom import Classroom

pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The URL of an empty database on a server that listens on a socket in a folder."""
    if PROGRAMS is None:
        pytest.skip("no PostgreSQL server here (Debian: apt install postgresql)")
    folder = Path("/tmp", f"course-postgresql-{os.getpid()}")
    folder.mkdir(0o700)
    user = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        user = {"user": 65534, "group": 65534, "extra_groups": []}
        os.chown(folder, 65534, 65534)
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **user}
    data, control = folder / "data", [PROGRAMS / "pg_ctl", "-D", folder / "data", "-w"]
    try:
        subprocess.run([PROGRAMS / "initdb", "-A", "trust", "-U", "course", data], **quiet)
        options = f"-c listen_addresses='' -k {folder}"
        subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
        subprocess.run([PROGRAMS / "createdb", "-h", folder, "-U", "course", "grades"], **quiet)
        yield f"postgresql://course@/grades?host={folder}"
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_release_grade_and_export_on_postgresql(database, tmp_path):
    template = Classroom(tmp_path / "template")
    folder = tmp_path / "course"
    shutil.copytree(template.folder / "solutions", folder / "solutions")
    shutil.copy(template.folder / "nbgrader_config.py", folder)
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = {database!r}\n")
    room = template
    room.folder = folder
    assert room.course("release", "02-lenet") == 0
    wrong = next(m for m in lenet.MISTAKES if m.name == "padded")
    room.submit("right", room.written())
    room.submit("wrong", room.written(model_answer=wrong.source))
    results = grade(CourseFolder(folder), "02-lenet", workers=2)
    assert {r.student: r.score for r in results} == {"right": 100, "wrong": 80}
    assert not (folder / "gradebook.db").exists()
    with Gradebook(database) as gradebook:
        assert gradebook.find_submission("02-lenet", "wrong").score == 80
    target = tmp_path / "scores.csv"
    assert main(["export", "--course", str(folder), "--to", str(target)]) == 0
    assert "wrong" in target.read_text(encoding="utf-8-sig")
