"""Where bubblewrap cannot run: the attacks of the catalogue, tried in an imitated container.

`container.py` holds what is different there, `test_box.py`, `test_attacks.py` and `test_time.py`
what is the same; they run inside, where the grader is. To run any tests there by hand:
`python -m tests.grading.test_container tests/grading/test_attacks.py`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from course.grading.sandbox import bubblewrap
from tests.classroom import ROOT
from tests.grading import docker
from tests.school import School

HERE = "tests/grading"
#: Tests of other files that are about walls: every kind of attack, few of its forms.
WALLS = {
    "test_box.py": "refused or privileges or seen or memory_counts or address_space or fork_bomb "
    "or outlives or process_group or behind or shell_work or endless_cell",
    "test_attacks.py": "gradebook or waits or 16_to_19",
    "test_time.py": "time_of_all",
}


def run_tests(*arguments, **options):
    """Run pytest in a container; returns a CompletedProcess."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *arguments]
    env = {"COURSE_TEST_SANDBOX": "throw-away container", "PYTHONDONTWRITEBYTECODE": "1"}
    return docker.run(command, read_only={ROOT: ROOT}, cwd=str(ROOT), env=env, **options)


def test_attacks_on_a_grader_that_is_root():
    files = [f"{HERE}/{name}" for name in ("container.py", *WALLS)]
    done = run_tests(*files, "-k", " or ".join(["container", *WALLS.values()]))
    assert done.returncode == 0, done.stdout[-10_000:]


@pytest.mark.parametrize(
    ("user", "landlock"), [(0, False), (1000, True)], ids=["older Linux", "user"]
)
def test_what_is_different_where_landlock_or_root_is_missing(user, landlock):
    done = run_tests(f"{HERE}/container.py", user=user, landlock=landlock)
    assert done.returncode == 0, done.stdout[-10_000:]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"user": 1000, "landlock": False}, "the same user as the grader"),
        ({"capabilities": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL"]}, "lacks CAP_SETGID, CAP_"),
    ],
)
def test_where_walls_would_be_too_low_grading_is_refused(options, why):
    code = """
from course.grading.sandbox import outside
try: outside.Box(outside.THROW_AWAY).start()
except outside.BoxError as error: print(error)
"""
    done = docker.run([sys.executable, "-c", code], **options)
    assert why in done.stdout and done.returncode == 0, done.stderr


def test_a_root_that_is_alone_cannot_give_users():
    """As in containers that an ordinary user makes without a range of users."""
    code = "from course.grading.sandbox import users; print(*users.missing_rights())"
    alone = [bubblewrap.program(), "--unshare-user", "--uid", "0", "--gid", "0"]
    command = [*alone, "--dev-bind", "/", "/", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    if "ermission" in done.stderr:
        pytest.skip(f"no namespaces on this machine: {done.stderr}")
    assert "61184 to 65519 in /proc/self/uid_map" in done.stdout, done.stderr


def test_what_students_could_read_is_named_and_nothing_is_graded(tmp_path):
    """By both commands; closed as they say, the files are no reason any more."""
    school = School(tmp_path)
    school.hand_in("ada")
    assert school.course("pack", "hw", "--to", str(tmp_path / "hw.course")) == 0
    (tmp_path / "results").mkdir()
    tmp_path.chmod(0o755)
    judge = ["course", "judge", "--throw-away-container", "--pack", "/c/hw.course"]
    judge += ["--to", "/c/results/v.json", "/c/submitted/ada/hw/p1.ipynb"]
    grade = ["course", "grade", "--throw-away-container", "--course", "/c", "--again", "hw"]

    def said(command):
        done = docker.run(command, {"/c": tmp_path}, landlock=False)
        return done.returncode, done.stderr

    status, why = said(judge)
    assert status == 1 and "could read or replace /c/hw.course." in why
    assert "chmod o= /c/hw.course /c/results" in why
    assert "could read or replace /c/hw.course." in (tmp_path / "results/v.json").read_text()
    status, why = said(grade)
    assert status == 1 and "could read or replace /c/solutions." in why
    closed = why.split("(chmod o= ")[1].split(")")[0].split()
    assert {"/c/solutions", "/c/submitted", "/c/gradebook.db"} <= set(closed)
    for path in [*closed, "/c/hw.course", "/c/results"]:
        place = tmp_path / Path(path).relative_to("/c")
        place.chmod(place.stat().st_mode & ~7)
    code = "import sys; from course.grading.sandbox.outside import *; "
    code += "keep_from_students(THROW_AWAY, sys.argv[1:])"
    assert said([sys.executable, "-c", code, *closed, "/c/hw.course"]) == (0, "")


if __name__ == "__main__":
    shown = run_tests(*sys.argv[1:])
    print(shown.stdout, shown.stderr)
    sys.exit(shown.returncode)
