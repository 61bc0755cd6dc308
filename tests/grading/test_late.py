"""Points off for lateness, as the instructors' page says it is set up."""

import contextlib
import copy
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.out.scores import scored
from tests.classroom import ROOT
from tests.school import School

PAGE = (ROOT / "docs/instructors.md").read_text().split("## Points off for lateness")[1]
PAGE = re.sub(r"^   ", "", PAGE.split("\n## ")[0], flags=re.MULTILINE)
BLOCKS = re.findall(r"```(?:python)?\n(.*?)```", PAGE, re.DOTALL)


@contextlib.contextmanager
def no_other_plugin():
    """Another course may have a plugin of the same name, and no later test finds this one."""
    with pytest.MonkeyPatch.context() as patch:
        path = [folder for folder in sys.path if not Path(folder, "late_days.py").exists()]
        patch.setattr(sys, "path", path)
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setitem(sys.modules, "late_days", None)
        del sys.modules["late_days"]
        yield


@pytest.fixture(scope="module")
def set_up(tmp_path_factory):
    """A class after the three steps of the page, with two submissions."""
    with no_other_plugin():
        school = School(tmp_path_factory.mktemp("set up") / "c")
        command, plugin, setting, _ = BLOCKS
        (school.folder / "late_days.py").write_text(plugin)
        with (school.folder / "nbgrader_config.py").open("a") as config:
            config.write("\n" + setting)
        program, *arguments = command.replace("04-vgg", "hw").split(" ", 5)
        arguments[-1:] = arguments[-1].split(" ", 1)
        arguments[-1] = arguments[-1].strip().strip('"')
        subprocess.run([Path(sys.executable).parent / program, *arguments], cwd=school.folder,
                       check=True, capture_output=True)  # fmt: skip
        school.hand_in("ontime")
        school.hand_in("late")
    for student, time in (("ontime", "22:58:00"), ("late", "23:00:00")):
        stamp = school.folder / "submitted" / student / "hw" / "timestamp.txt"
        stamp.write_text(f"2026-11-20 {time} UTC\n")  # Berlin is an hour ahead
    return school


@pytest.fixture
def school(set_up, tmp_path):
    """A copy of that class."""
    school = copy.copy(set_up)
    school.folder = shutil.copytree(set_up.folder, tmp_path / "c")
    with no_other_plugin():
        yield school


def score(school, student):
    (one,) = scored(CourseFolder(school.folder), ["hw"], [student])
    return one.row["score"]


def regrade(school):
    """`course grade`, which finds everything graded already."""
    assert school.course("grade", "hw") == 0


def test_the_page_by_the_letter(school, capsys):
    regrade(school)
    assert (score(school, "ontime"), score(school, "late")) == (20, 10)
    assert "−10 handed in late" in capsys.readouterr().out

    # The plugin changes: no submission is judged again, and the export has the new points.
    plugin = school.folder / "late_days.py"
    plugin.write_text(plugin.read_text().replace("10 *", "15 *"))
    del sys.modules["late_days"]
    assert school.course("export", "hw", "--to", str(school.folder / "scores.csv")) == 0
    assert score(school, "late") == 5

    # The time changes, or nobody knows it any more.
    stamp = school.folder / "submitted/late/hw/timestamp.txt"
    stamp.write_text("2026-11-20 22:59:00 UTC\n")
    regrade(school)
    assert score(school, "late") == 20
    for encoding in ("utf-8-sig", "utf-16"):  # as editors on Windows write it
        stamp.write_bytes("2026-11-20 23:30 UTC\r\n".encode(encoding))
        regrade(school)
        assert score(school, "late") == 5
    stamp.write_text("yesterday evening\n")
    assert school.course("grade", "hw") == 1
    assert "timestamp.txt should hold a time" in capsys.readouterr().err
    stamp.unlink()
    regrade(school)
    assert score(school, "late") == 20


def test_more_time_for_one_student(school, monkeypatch):
    monkeypatch.chdir(school.folder)
    stamp = school.folder / "submitted/late/hw/timestamp.txt"
    stamp.write_text("2026-11-22 23:00:00 UTC\n")  # two days and a minute after the due date
    regrade(school)
    assert score(school, "late") == 0
    *_, grant = BLOCKS
    exec(grant.replace("04-vgg", "hw").replace("ada", "late"), {})
    regrade(school)
    assert (score(school, "late"), score(school, "ontime")) == (10, 20)
    exec(grant.replace("04-vgg", "hw").replace("ada", "late").replace(", days=2", ""), {})
    regrade(school)
    assert score(school, "late") == 0


def test_more_time_is_granted_before_the_hand_in(school, monkeypatch):
    monkeypatch.chdir(school.folder)
    with Gradebook(CourseFolder(school.folder).database) as gradebook:
        gradebook.add_student("soon")
    *_, grant = BLOCKS
    exec(grant.replace("04-vgg", "hw").replace("ada", "soon"), {})
    regrade(school)
    (one,) = scored(CourseFolder(school.folder), ["hw"], ["soon"])
    assert (one.row["state"], one.final) == ("not handed in", None)
    assert school.course("report", "hw", "--to", str(school.folder / "report.html")) == 0
    school.hand_in("soon")
    stamp = school.folder / "submitted/soon/hw/timestamp.txt"
    stamp.write_text("2026-11-22 22:58:00 UTC\n")  # two days after the due date
    regrade(school)
    assert (score(school, "soon"), score(school, "late")) == (20, 10)


BROKEN = [
    (None, "'late_days.PerDay', cannot be loaded"),
    ("import nothing_of_that_name", "'late_days.PerDay', cannot be loaded"),
    ("class PerDay: pass", "'late_days.PerDay', cannot be loaded"),
    (
        "from nbgrader.plugins import BasePlugin\n"
        "class PerDay(BasePlugin):\n"
        "    def late_submission_penalty(self, student, score, seconds):\n"
        "        return seconds / 0\n",
        "failed for late, who was 60 s late: ZeroDivisionError",
    ),
]


def test_a_plugin_that_does_not_work_is_one_sentence(school, capsys):
    path = school.folder / "late_days.py"
    for plugin, says in BROKEN:
        path.unlink(missing_ok=True)
        if plugin:
            path.write_text(plugin)
        sys.modules.pop("late_days", None)
        importlib.invalidate_caches()
        assert school.course("grade", "hw") == 1
        said = capsys.readouterr().err
        assert says in said and "Traceback" not in said
