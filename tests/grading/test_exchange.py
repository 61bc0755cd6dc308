"""nbgrader's exchange, there and back: release, fetch, submit, collect, grade, feedback, fetch."""

import os
import shutil
import subprocess
import sys
from importlib.resources import files

import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from course.grading.folder import CourseFolder
from tests.classroom import ROOT
from tests.school import School

NOTES = ".progress.json", ".progress.json.new"
OURS = files("course.grading") / "templates" / "student" / "nbgrader_config.py"
SETTINGS = """
c.Exchange.root = {root!r}
c.CourseDirectory.course_id = "convnets"
c.CollectApp.check_owner = False
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nbgrader's exchange needs Linux or macOS")
def test_the_exchange_there_and_back(tmp_path, monkeypatch):
    root, home = tmp_path / "exchange", tmp_path / "ada"
    root.mkdir()
    root.chmod(0o777)
    home.mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / ".data"))  # the student's cache
    (home / "nbgrader_config.py").write_text(OURS.read_text() + SETTINGS.format(root=str(root)))
    school = School(tmp_path / "course")
    with (school.folder / "nbgrader_config.py").open("a") as file:
        file.write(SETTINGS.format(root=str(root)))

    def nbgrader(folder, *words):
        command = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    course = CourseFolder(school.folder)
    assert course.api.release_assignment("hw")["success"]
    nbgrader(home, "fetch_assignment", "hw")
    assert (home / "hw" / "p1.ipynb").exists()
    for name in NOTES:
        (home / "hw" / name).write_text("{}")
    nbgrader(home, "submit", "hw")
    (arrived,) = root.glob("convnets/inbound/*")
    assert (arrived / "p1.ipynb").exists() and not [*arrived.glob(".progress*")]
    shutil.copy(home / "hw" / NOTES[0], arrived)  # from a student with other settings
    assert course.api.collect("hw")["success"]
    (student,) = os.listdir(school.folder / "submitted")
    handed_in = school.folder / "submitted" / student / "hw"
    assert (handed_in / "submission_secret.txt").exists()
    assert not [*handed_in.glob(".progress*")]

    school.hand_in(student)  # as `course grade` writes it
    assert school.course("feedback", "hw") == 0
    assert course.api.release_feedback("hw")["success"], course.api.release_feedback("hw")
    nbgrader(home, "fetch_feedback", "hw")
    (page,) = home.glob("hw/feedback/*/p1.html")
    assert (
        page.read_bytes() == (school.folder / "feedback" / student / "hw" / "p1.html").read_bytes()
    )


def test_no_settings_let_a_students_notes_into_a_hand_in(tmp_path):
    program = (ROOT / "docs/jupyterhub/jupyterhub_config.py").read_text(encoding="utf-8")
    exec(program.replace("/srv/", f"{tmp_path.as_posix()}/"), {"get_config": Config})
    hub = sorted(tmp_path.rglob("nbgrader_config.py"))
    assert [path.parent.name for path in hub] == ["instructor", "student"]
    demo = files("course.grading") / "demo" / "nbgrader_config.py"
    for path in (*hub, OURS, demo, ROOT / "nbgrader_config.py"):
        config = PyFileConfigLoader(str(path)).load_config()
        ignored = shutil.ignore_patterns(*CourseDirectory(config=config).ignore)
        assert ignored("", ["a.ipynb", *NOTES, "feedback"]) == {*NOTES, "feedback"}, path
