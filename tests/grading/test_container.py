"""Where bubblewrap cannot run: the attacks of the catalogue, tried in an imitated container.

`container.py` holds what is different there, `test_box.py`, `test_attacks.py` and `test_time.py`
what is the same; they run inside, where the grader is. To run any tests there by hand:
`python -m tests.grading.test_container tests/grading/test_attacks.py`.
"""

import sys

import pytest

from tests.classroom import ROOT
from tests.grading import docker

HERE = "tests/grading"
#: Tests of other files that are about walls: every kind of attack, few of its forms.
WALLS = {
    "test_box.py": "refused or privileges or seen or environment_of or memory or flood_ends or "
    "large or bounded_before or address_space or fork_bomb or outlives or process_group or behind "
    "or shell or trained or endless_cell",
    "test_attacks.py": "harmed or 16_to_19 or 17 or 20 or 46 or 8_files or 22 or ok_to or 14_os",
    "test_time.py": "processor_time or one_time or deadline or keeps_coming",
}
ARGUMENTS = [f"{HERE}/{name}" for name in WALLS]


def run_tests(*arguments, **options):
    """Run pytest in a container; returns a CompletedProcess."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *arguments]
    env = {"COURSE_TEST_SANDBOX": "throw-away container", "PYTHONDONTWRITEBYTECODE": "1"}
    return docker.run(command, read_only={ROOT: ROOT}, cwd=str(ROOT), env=env, **options)


@pytest.mark.parametrize(
    ("user", "landlock"), [(0, True), (0, False), (1000, True)], ids=["root", "older", "user"]
)
def test_what_is_different_there(user, landlock):
    """As root, in a Linux without Landlock, and as an ordinary user with it."""
    done = run_tests(f"{HERE}/container.py", user=user, landlock=landlock)
    assert done.returncode == 0, done.stdout[-10_000:]


def test_what_is_the_same_there():
    chosen = " or ".join(WALLS.values())
    done = run_tests(*ARGUMENTS, "-k", chosen)
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


if __name__ == "__main__":
    shown = run_tests(*sys.argv[1:])
    print(shown.stdout, shown.stderr)
    sys.exit(shown.returncode)
