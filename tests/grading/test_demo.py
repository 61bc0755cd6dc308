"""`course demo`: what it prints is what the class of twelve was made up to get."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import PyFileConfigLoader

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the course's wheel installs; it is built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # setuptools leaves files where it builds
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "course", source / "course")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, source]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
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
