"""nbgrader's exchange, there and back: release, fetch, submit, collect, grade, feedback, fetch."""

import os
import subprocess
import sys

import pytest

from course.grading.folder import CourseFolder
from tests.school import School

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
    (home / "nbgrader_config.py").write_text("c = get_config()" + SETTINGS.format(root=str(root)))
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
    nbgrader(home, "submit", "hw")
    assert course.api.collect("hw")["success"]
    (student,) = os.listdir(school.folder / "submitted")
    assert (school.folder / "submitted" / student / "hw" / "submission_secret.txt").exists()

    school.hand_in(student)  # as `course grade` writes it
    assert school.course("feedback", "hw") == 0
    assert course.api.release_feedback("hw")["success"], course.api.release_feedback("hw")
    nbgrader(home, "fetch_feedback", "hw")
    (page,) = home.glob("hw/feedback/*/p1.html")
    assert (
        page.read_bytes() == (school.folder / "feedback" / student / "hw" / "p1.html").read_bytes()
    )
