"""What `course gradescope` and its like write judges as `course grade` does, in a container."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import Distribution, version

import nbformat
import pytest

from course.grading.out.wheel import constraints, wheel
from tests.bank import packs
from tests.classroom import ROOT, Classroom
from tests.grading import docker

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("course"), "07-comparison", "comparison")
    assert (
        room.course("gradescope", "07-comparison", "-o", str(room.folder / "gradescope.zip")) == 0
    )
    return room


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment that setup.sh makes, with this environment's packages behind the wheel."""
    folder = tmp_path_factory.mktemp("opt") / "course"
    venv.create(folder, symlinks=True)
    site = folder / "lib" / PYTHON / "site-packages"
    name, content = wheel()
    (site / name).write_bytes(content)
    zipfile.ZipFile(site / name).extractall(site)
    (site / "behind.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def unpacked(archive, folder):
    """A zip file unpacked with the permissions in it."""
    subprocess.run(["unzip", "-q", str(archive), "-d", str(folder)], check=True)


class Gradescope:
    """A folder as /autograder, made anew for each submission as Gradescope's harness does."""

    def __init__(self, archive, installed, folder):
        self.archive, self.installed, self.folder = archive, installed, folder

    def lay_out(self, files):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("source", "submission", "results"):
            (self.folder / name).mkdir(parents=True)
        unpacked(self.archive, self.folder / "source")
        shutil.copy(self.folder / "source/run_autograder", self.folder)
        (self.folder / "submission_metadata.json").write_text('{"users": [{"name": "Ada"}]}')
        for name, content in files.items():
            path = self.folder / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def run(self):
        done = docker.run(
            ["/autograder/run_autograder"],
            {"/autograder": self.folder},
            {"/opt/course": self.installed},
            cwd="/autograder",
        )
        return done, json.loads((self.folder / "results/results.json").read_text())

    def grade(self, files):
        self.lay_out(files)
        done, results = self.run()
        assert done.returncode == 0, done.stderr
        return results


@pytest.fixture
def gradescope(room, installed, tmp_path):
    return Gradescope(room.folder / "gradescope.zip", installed, tmp_path / "autograder")


def written(room, answers):
    nb = room.written(**{name.replace("-", "_"): text for name, text in answers.items()})
    return nbformat.writes(nb, version=nbformat.NO_CONVERT).encode()


def points(results):
    return {test["name"]: test["score"] for test in results["tests"]}


def test_every_answer_of_a_bank_gets_the_points_of_course_grade(room, gradescope):
    answers = [*room.bank.RIGHT.values()]
    answers += [{one.cell: one.source for one in pack} for pack in packs(room.bank.MISTAKES)]
    for number, answer in enumerate(answers):
        room.submit(f"s{number}", written(room, answer))
    assert room.course("grade", "07-comparison") == 0
    for number, answer in enumerate(answers):
        results = gradescope.grade({"comparison.ipynb": written(room, answer)})
        lost = {name for name, score in points(results).items() if score == 0}
        result = room.result(f"s{number}")
        assert lost == {name for name, _, _ in result.lost}, answer
        assert sum(points(results).values()) == result.score


def test_the_wheel_is_this_package_without_the_demos_answers(tmp_path):
    name, content = wheel()
    (tmp_path / name).write_bytes(content)
    assert wheel() == (name, content)  # the same bytes each time
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", tmp_path / "to", tmp_path / name], check=True)
    here = {p.relative_to(ROOT) for p in (ROOT / "course").rglob("*") if p.is_file()}
    there = {p.relative_to(tmp_path / "to") for p in (tmp_path / "to/course").rglob("*")}
    there = {p for p in there if p.suffix != ".pyc" and (tmp_path / "to" / p).is_file()}
    left_out = {p for p in here - there if p.suffix != ".pyc"}
    assert there <= here
    assert {p.name for p in left_out} == {"answers.py", "lenet.ipynb", "nbgrader_config.py"}
    for path in there:
        assert (tmp_path / "to" / path).read_bytes() == (ROOT / path).read_bytes()
    about = Distribution.at(next((tmp_path / "to").glob("*.dist-info")))
    assert (
        about.version == version("convnet-course")
        and "grading" in about.metadata.json["provides_extra"]
    )
    assert {str(p) for p in about.files} >= {str(p) for p in there}


def test_constraints_are_the_versions_that_grade_here():
    lines = constraints().decode().splitlines()
    found = dict(line.split("==") for line in lines)
    assert len(found) == len(lines) and "convnet-course" not in found
    for name in ("keras", "numpy", "nbgrader", "ipython", "matplotlib-inline"):
        assert found[name] == version(name)
