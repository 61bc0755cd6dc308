"""Notebooks in a twin of Colab: TensorFlow and Keras are there, and nothing of the course's.

`make test-oldest` and `make test-newest` set up the twins and name them in COURSE_TWIN.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from course.grading.demo import answered, as_colab_saves, model_answers

ROOT = Path(__file__).parents[1]
TWIN = os.environ.get("COURSE_TWIN")
SHARED = Path(os.environ.get("TFDS_DATA_DIR", ROOT.parent / "shared" / "data"))
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
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


@pytest.mark.parametrize("data", ["offline", "with data"])
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_setup_cell(path, data, wheel, tmp_path, monkeypatch):
    if data == "with data" and not (SHARED / "cifar10").exists():
        pytest.skip("no CIFAR-10: set TFDS_DATA_DIR")
    pip("uninstall", "--yes", "convnet-course")
    before = installed()
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    release = nbformat.read(ROOT / "assignments" / path.relative_to(ROOT / "solutions"), 4)
    nb = as_colab_saves(answered(release, model_answers(nbformat.read(path, 4))))
    for cell in nb.cells:
        cell.pop("outputs", None) if cell.cell_type != "code" else cell.update(outputs=[])
    if data == "offline":
        monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    else:
        monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
        monkeypatch.setenv("TFDS_DATA_DIR", str(SHARED))
        monkeypatch.setenv("COURSE_QUICK", "100")
    client = NotebookClient(
        nb, timeout=300, km=TwinKernel(), resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    checks = [cell for cell in nb.cells if cell.source.startswith("# Exercise ")]
    assert checks and all("✓" in cell.outputs[-1].data["text/plain"] for cell in checks)
    assert installed() == before  # nothing was upgraded
