"""The wheel: what is in it, and that what it installs works, as `course demo` does."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.version import Version
from traitlets.config import PyFileConfigLoader

from tests import languages
from tests.classroom import ROOT

EXPECTED = {
    "abdulaaisha": 100,  # the solution
    "bergmannjo": 100,  # Sequential
    "chenwei": 100,  # "Copy of", C5 as a convolution
    "diazlucia": 100,  # saved by Colab, subclassed layers
    "eriksenida": 70,  # padded, and a test cell copied
    "fofanamory": 54,  # max pooling, biases forgotten
    "grecopia": 46,  # not flattened, four weights a map
    "haddadsami": 86,  # plain tanh; the exercise that uses it gets the official one
    "itoren": 54,  # no activation, maps first
    "jonesbo": 88,  # the number of classes is not taken from the argument
    "kowalskaola": 70,  # one kernel for all maps, NumPy instead of keras.ops
    "lopezana": 0,  # untouched
}
DEMO = """
import sys, course
from course.cli import main
print(course.__file__)
sys.exit(main(["demo"]))
"""


#: As `python -m build` does: an archive of sources, and from that a wheel. There is no network.
BUILD = """
import os, sys, tarfile
from setuptools import build_meta
packed = build_meta.build_sdist("../dist")
tarfile.open(f"../dist/{packed}").extractall("..", filter="data")
os.chdir(f"../{packed.removesuffix('.tar.gz')}")
build_meta.build_wheel("../dist")
"""
VERSION, *_ = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
#: Whatever order it is imported in, a module is there once, and it keeps its own name.
ALIAS = """
import convnet_course
import convnet_course.check as check
from convnet_course import data, setup, timing
from convnet_course.architectures.lenet import LENET5
import convnet_course.figures
import course.anatomy, course.architectures.lenet, course.check, course.kit.data
assert convnet_course is course and check is course.check and data is course.kit.data
assert LENET5 is course.architectures.lenet.LENET5 and check.__spec__.name == "course.check"
assert convnet_course.figures is course.kit.figures and callable(setup)
for name in ("convnet_course.nothing", "convnet_course.check.nothing"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert str(error) == f"No module named {name!r}"
    else:
        raise AssertionError(name)
print(course.__file__)
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A folder with the archive of sources and the wheel of the version that is tagged there."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "clone"  # setuptools leaves files where it builds
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=b", "-c", "commit.gpgsign=false"]
    for command in ("init --quiet", "add --all", "commit --quiet -m x", f"tag v{VERSION}"):
        subprocess.run([*git, *command.split()], cwd=source, check=True)
    subprocess.run([sys.executable, "-c", BUILD], cwd=source, check=True, capture_output=True)
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(dist):
    """A folder with what the wheel installs."""
    (wheel,) = dist.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    target = dist.parent / "installed"
    install = [*pip, "install", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run(install, check=True)
    return target


def test_an_installed_course_grades_its_demo_from_an_empty_folder(installed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DEMO],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    out, folder = done.stdout, Path("build/demo")
    assert done.returncode == 0, out + done.stderr
    assert Path(out.splitlines()[0]).is_relative_to(installed)
    scores = dict(re.findall(r"^([a-z]+)_\d+ +([\d.]+) / 100$", out, re.MULTILINE))
    assert {name: float(score) for name, score in scores.items()} == EXPECTED
    assert "repaired: A second copy of the cell lenet-model was removed." in out
    assert "−30" not in out  # every lost point has its own line and reason
    lost = sum(float(points) for points in re.findall(r"^ +−([\d.]+) ", out, re.MULTILINE))
    assert lost == sum(100 - score for score in EXPECTED.values())
    for path in ("gradebook.db", "scores.csv", "feedback"):
        assert str(folder / path) in out and (tmp_path / folder / path).exists()
    assert len(list((tmp_path / folder / "feedback").rglob("lenet.html"))) == 12


def test_the_demo_grades_with_the_steps_of_the_course():
    own, ours = (
        PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
        for folder in (ROOT / "course" / "grading" / "demo", ROOT)
    )
    assert len(own) > 3
    for name in own.keys() - {"CourseDirectory"}:
        assert own[name] == ours[name]


def test_wheel_and_archive_hold_the_package_and_nothing_else(dist):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        packed = archive.getnames()
    assert {name.split("/")[0] for name in names} == {
        "course", "convnet_course", f"convnet_course-{VERSION}.dist-info",
    }  # fmt: skip
    tracked = {p.relative_to(ROOT).as_posix() for p in (ROOT / "course").rglob("*.py")}
    assert {name for name in names if re.match(r"course/.*\.py$", name)} == tracked
    for name in languages.languages():
        assert f"course/languages/{name}/LC_MESSAGES/course.mo" in names
    top = {name.split("/")[1] for name in packed if "/" in name}
    assert top == {
        "CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "convnet_course",
        "convnet_course.egg-info", "course", "pyproject.toml", "setup.cfg", "setup.py",
    }  # fmt: skip
    for name in [*names, *packed]:
        assert not re.search(r"\.ipynb|\.pyc|__pycache__|(^|/)(tests?/|test_|conftest|\.)", name), (
            name
        )


def test_what_the_wheel_says_about_itself(installed):
    about = Distribution.at(installed / f"convnet_course-{VERSION}.dist-info")
    said = about.metadata
    assert about.version == VERSION and said["Name"] == "convnet-course"
    assert said["License-Expression"] == "MIT" and said["License-File"] == "LICENSE"
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload().strip() == (ROOT / "README.md").read_text().strip()
    for name in ("Summary", "Author", "Keywords", "Requires-Python"):
        assert said[name], name
    assert "Typing :: Typed" in said.get_all("Classifier")


def test_every_version_that_is_tagged_has_an_entry_in_the_changelog():
    listed = ["git", "tag", "--list", "v[0-9]*.[0-9]*"]
    tags = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    entries = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert [str(version) for version in sorted(map(Version, entries), reverse=True)] == entries
    assert {tag.removeprefix("v") for tag in tags.split()} <= set(entries)


def python(installed, code, folder):
    """A program that sees the wheel and this environment's other packages."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )


def test_convnet_course_is_course_itself(installed, tmp_path):
    done = python(installed, ALIAS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)


@pytest.mark.parametrize("first", ["", "import course\n"])
def test_it_says_that_course_is_somebody_elses(installed, tmp_path, first):
    (tmp_path / "course.py").write_text("")
    done = python(installed, f"{first}import convnet_course", tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: convnet_course needs the package `course`")
    assert str(tmp_path / "course.py") in last and "Rename it" in last


SETTINGS = """
[mypy]
strict = true
[mypy-course.*]
ignore_errors = true
check_untyped_defs = false
"""


def test_a_program_that_uses_the_package_has_types(installed, tmp_path):
    """Its last line is wrong, and mypy says so: what the package gives is not of any type."""
    program = (ROOT / "tests" / "typed.py").read_text()
    (tmp_path / "typed.py").write_text(program)
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "typed.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    found, *others = [line for line in done.stdout.splitlines() if line.startswith("typed.py")]
    assert not others, done.stdout + done.stderr
    assert found.startswith(f'typed.py:{len(program.splitlines())}: error: Argument "like" to')
