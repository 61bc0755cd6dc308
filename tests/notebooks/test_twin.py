"""Notebooks in a twin of Colab: TensorFlow and Keras are there, and nothing of the course's.

`make test-oldest` and `make test-newest` set up the twins and name them in COURSE_TWIN.
"""

import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from course.grading.demo import answered, as_colab_saves, model_answers
from course.grading.out.release import stamped
from tests import notebook
from tests.classroom import LECTURES, ROOT
from tests.classroom import SOURCES as SOLUTIONS

TWIN = os.environ.get("COURSE_TWIN")
SHARED = Path(os.environ.get("TFDS_DATA_DIR", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(not TWIN, reason="make test-oldest and make test-newest run these")


def pip(*arguments):
    command = [TWIN, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), "."]
    subprocess.run(command, cwd=ROOT, check=True)
    (path,) = folder.glob("convnet_course-*.whl")
    return path


class TwinKernel(AsyncKernelManager):
    """A kernel of the twin's Python."""

    @property
    def kernel_spec(self):
        """How it is started; Colab's is ipykernel, too."""
        return KernelSpec(argv=[TWIN, "-m", "ipykernel_launcher", "-f", "{connection_file}"])


def installed():
    return [line for line in pip("freeze").splitlines() if "convnet" not in line]


@pytest.fixture
def untouched():
    """The course is not there before, and nothing else is another version afterwards."""
    pip("uninstall", "--yes", "convnet-course")
    before = installed()
    yield
    assert installed() == before


@pytest.fixture
def cut(monkeypatch, tmp_path):
    """A Colab without a network: whatever asks for it is sent to a port where nobody answers."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))


def executed(nb, folder):
    """The notebook after all its cells ran in the twin, in a folder."""
    nb = deepcopy(nb)
    for cell in nb.cells:
        cell.pop("outputs", None) if cell.cell_type != "code" else cell.update(outputs=[])
    return notebook.executed(nb, folder, km=TwinKernel())


def released(path):
    """The released notebook with the model answers in it, as Colab saves it."""
    release = nbformat.read(ROOT / "assignments" / path.relative_to(ROOT / "solutions"), 4)
    return as_colab_saves(answered(release, model_answers(nbformat.read(path, 4))))


def assert_every_check_passes(nb):
    checks = [cell for cell in nb.cells if cell.source.startswith("# Exercise ")]
    assert checks and all("✓" in cell.outputs[-1].data["text/plain"] for cell in checks)


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_an_assignment_runs_offline_with_the_wheel_beside_it(
    path, wheel, untouched, cut, tmp_path, monkeypatch
):
    """From its setup cell through its checks, without a network; training is left out."""
    shutil.copy(wheel, tmp_path)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert_every_check_passes(executed(released(path), tmp_path))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_an_assignment_runs_online_with_its_training(path, wheel, untouched, tmp_path, monkeypatch):
    """With data (from disk, in place of a download), and a little training."""
    if not (SHARED / "cifar10").exists():
        pytest.skip("no CIFAR-10: set TFDS_DATA_DIR")
    shutil.copy(wheel, tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(SHARED))
    monkeypatch.setenv("COURSE_QUICK", "100")
    assert_every_check_passes(executed(released(path), tmp_path))


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_runs_offline_with_the_wheel_beside_it(path, wheel, untouched, cut, tmp_path):
    shutil.copy(wheel, tmp_path)
    executed(as_colab_saves(nbformat.read(path, 4)), tmp_path)


def test_the_course_is_fetched_from_the_repository_of_the_release(untouched, tmp_path):
    """The setup cell alone, stamped with an address: this repository, as git would fetch it."""
    nb = nbformat.read(ROOT / "assignments/02-lenet/lenet.ipynb", 4)
    stamped(nb, ROOT.as_uri(), "assignments/02-lenet/lenet.ipynb")
    nb.cells = [cell for cell in nb.cells if cell.id == "setup"]
    (cell,) = executed(nb, tmp_path).cells
    said = "".join(output.get("text", "") for output in cell.outputs)
    assert "course " in said and "Keras " in said and "data in " in said
