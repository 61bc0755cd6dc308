"""Notebooks from top to bottom, as a reader runs them."""

import os
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from course.grading.notebook.tables import embedded
from tests.classroom import LESSONS, ROOT
from tests.classroom import SOURCES as SOLUTIONS
from tests.notebook import executed

TRAINED = ROOT / "solutions/02-lenet/lenet.ipynb"  # long enough to learn
OF_LESSONS = [path for path in SOLUTIONS if path.parent.name in LESSONS]
SHARED = Path(os.environ.get("TFDS_DATA_DIR", ROOT.parent / "shared" / "data"))


def run(path, monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    return executed(embedded(nbformat.read(path, 4), path.parent))  # with tables, as released


def texts(nb):
    return "\n".join(
        output.get("text", "") for cell in nb.cells for output in cell.get("outputs", [])
    )


def stderr(nb):
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    return "".join(o.text for o in outputs if o.get("name") == "stderr")


def solved(path, monkeypatch, folder, **environment):
    """A solution, trained and checked: every check passes, and nothing is complained about."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.chdir(folder)  # progress is noted where a notebook runs
    nb = run(path, monkeypatch, TFDS_DATA_DIR=SHARED, **environment)
    assert stderr(nb) == ""
    last = next(cell for cell in nb.cells if cell.id == "progress")
    assert "everything is solved" in last.outputs[0].data["text/plain"]
    return nb


@pytest.mark.skipif(not (SHARED / "mnist").exists(), reason="MNIST is not here: set TFDS_DATA_DIR")
def test_the_solution_learns(monkeypatch, tmp_path):
    """With a sixth of the images; the stored runs show what it reaches with all of them."""
    nb = solved(TRAINED, monkeypatch, tmp_path, COURSE_QUICK=10_000)
    accuracy = float(texts(nb).split("val_accuracy: ")[-1].split()[0])
    assert accuracy > 0.94  # 95.9 % here, 98.6 to 98.7 % in the stored runs


@pytest.mark.skipif(not (SHARED / "cifar10").exists(), reason="no CIFAR-10: set TFDS_DATA_DIR")
@pytest.mark.parametrize("path", sorted({*SOLUTIONS} - {TRAINED}), ids=lambda path: path.stem)
def test_every_other_solution_runs_from_top_to_bottom_in_quick_mode(path, monkeypatch, tmp_path):
    """Training included, with 64 images and two epochs."""
    solved(path, monkeypatch, tmp_path, COURSE_QUICK=64, MOST_EPOCHS=2)


@pytest.mark.parametrize("path", OF_LESSONS, ids=lambda path: path.stem)
def test_a_release_runs_to_its_end_as_it_is(path, monkeypatch, tmp_path):
    """Unfilled, "run all cells" runs all cells; the only errors are stubs and checks."""
    nb = nbformat.read(ROOT / "assignments" / path.relative_to(ROOT / "solutions"), 4)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(SHARED if SHARED.exists() else tmp_path))
    monkeypatch.setenv("COURSE_QUICK", "50")
    nb = executed(nb, go_on=True)  # behind cells that are tagged so, as JupyterLab does
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    errors = [o.ename for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert set(errors) == {"NotImplementedError", "CheckFailed"}
    assert all(cell.execution_count for cell in cells)
    checks = [cell for cell in cells if cell.source.startswith("# Exercise ")]
    for cell in checks:
        shown = [o for o in cell.outputs if o.output_type == "display_data"]
        assert "is not answered yet" in shown[-1].data["text/plain"], cell.id
    last = next(cell for cell in cells if cell.id == "progress")
    assert "0 of " in last.outputs[0].data["text/plain"]


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed: pip install jax")
@pytest.mark.parametrize("path", OF_LESSONS, ids=lambda path: path.stem)
def test_every_check_works_on_another_backend_of_keras(path, monkeypatch, tmp_path, pytestconfig):
    """Compiling takes most of the time, so JAX keeps what it compiled for the next run."""
    monkeypatch.chdir(tmp_path)
    quick = {"NBGRADER_EXECUTION": "validate", "TFDS_DATA_DIR": tmp_path}
    jax = {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # it compiles faster so
    jax |= {"JAX_COMPILATION_CACHE_DIR": pytestconfig.cache.mkdir("jax")}
    jax |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0}
    nb = run(path, monkeypatch, **quick, **jax)
    assert "on jax" in texts(nb)
    checks = [cell for cell in nb.cells if cell.source.startswith("# Exercise ")]
    assert checks and all("✓" in cell.outputs[-1].data["text/plain"] for cell in checks)
