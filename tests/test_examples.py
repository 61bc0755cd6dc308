"""`examples/`: checks in other people's graders, as the page about them quotes it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from tests.classroom import ROOT

EXAMPLES, PAGE = ROOT / "examples", (ROOT / "docs/other-graders.md").read_text(encoding="utf-8")
OTTER = ROOT / "build" / "otter" / "bin" / "otter"
SHAPES = 'shapes = {"C1": (28, 28, 6), "S2": (14, 14, 6), "C3": (10, 10, 16), "S4": (5, 5, 16)}'
PADDED = """import keras
from keras import layers


def lenet5(input_shape=(32, 32, 1), classes=10):
    image = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, padding="same", activation="tanh")(image)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(x))
"""
CARD = """✗ lenet5: C1 is not right.
  C1 gives 32 × 32 × 6, the table has 28 × 28 × 6. The padding is 2 on each side, the table has \
none. padding="same" surrounds the map with zeros. (32 + 2·2 − 5) + 1 = 32. Without padding it is \
(32 + 2·0 − 5) + 1 = 28.
  ✗ C1 convolution 5 × 5, tanh 28 × 28 × 6"""


def answered(path):
    """A notebook in which the shapes are right, and the network has a padding too much."""
    nb = nbformat.read(path, 4)
    for cell in nb.cells:
        for begin, answer in (("shapes = ", SHAPES), ("def lenet5", PADDED)):
            if cell.cell_type == "code" and cell.source.startswith(begin):
                cell.source = answer
    return nb


def quoted(text):
    """Whether a block of the page has these lines, one after the other."""
    lines = [line.strip() for line in PAGE.splitlines()]
    wanted = [line.strip() for line in text.splitlines()]
    return any(lines[at : at + len(wanted)] == wanted for at in range(len(lines)))


def ran(command, folder):
    """A command's output; JAX starts faster than TensorFlow."""
    env = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    command = [*map(str, command)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture
def beside(tmp_path):
    """Puts an example into a folder where the student's module is."""
    (tmp_path / "lenet.py").write_text(PADDED)
    return lambda path: shutil.copy(EXAMPLES / path, tmp_path)


def test_nbgrader_as_it_is_shows_the_card_and_gives_the_points(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)  # for alembic
    shutil.copytree(EXAMPLES / "nbgrader", tmp_path, dirs_exist_ok=True)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    nbgrader = NbGraderAPI(config=config)  # no settings but this
    assert nbgrader.generate_assignment("lenet")["success"]
    nb = answered(tmp_path / "release/lenet/lenet.ipynb")
    submitted = tmp_path / "submitted/ada/lenet"
    submitted.mkdir(parents=True)
    nbformat.write(nb, submitted / "lenet.ipynb")
    graded = nbgrader.autograde("lenet", "ada")
    assert graded["success"], graded
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        found = book.find_submission("lenet", "ada")
        assert (found.score, found.max_score) == (4, 10)
    nb = nbformat.read(tmp_path / "autograded/ada/lenet/lenet.ipynb", 4)
    (model,) = (cell for cell in nb.cells if cell.id == "model")
    *_, shown, error = model.outputs
    assert shown.data["text/plain"] == error.evalue == CARD
    assert shown.data.keys() == {"text/plain", "text/html"}
    assert error.traceback == [f"CheckFailed: {CARD.splitlines()[1].strip()}"]
    assert quoted(CARD) and quoted(error.traceback[0])


@pytest.mark.skipif(not OTTER.exists(), reason="python benchmarks/judge.py --otter build/otter")
def test_otter_shows_the_card_and_gives_the_points(tmp_path):
    shutil.copy(EXAMPLES / "otter/lenet.ipynb", tmp_path)
    made = ran([OTTER, "assign", "--no-run-tests", "--no-pdfs", "lenet.ipynb", "made"], tmp_path)
    assert made.returncode == 0, made.stderr
    nbformat.write(answered(tmp_path / "made/student/lenet.ipynb"), tmp_path / "lenet.ipynb")
    (archive,) = tmp_path.glob("made/autograder/*.zip")
    done = ran([OTTER, "run", "--no-logo", "-a", archive, "lenet.ipynb"], tmp_path)
    assert done.returncode == 0, done.stderr
    public, *others = json.loads((tmp_path / "results.json").read_text())["tests"]
    assert {each["name"]: (each["score"], each["max_score"]) for each in others} == {
        "shapes": (4, 4), "model": (0, 6),
    }  # fmt: skip
    said = "\n".join(line.strip() for line in public["output"].splitlines())
    card = "\n".join(line.strip() for line in f"CheckFailed: {CARD}".splitlines())
    (model,) = (part for part in said.split("\n\n") if part.startswith("model results:"))
    assert card in model and quoted(model)


def test_pytest_shows_the_card_and_nothing_of_the_package(beside, tmp_path):
    beside("pytest/test_lenet.py")
    done = ran(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_lenet.py"], tmp_path
    )
    assert done.returncode == 1 and "2 failed" in done.stdout, done.stdout + done.stderr
    begin, end = map(done.stdout.index, ("    def test_lenet5():", "\ntest_lenet.py:10: Ch"))
    failure = done.stdout[begin:end].strip()
    first, *rest = CARD.splitlines()
    assert failure.split("\nE")[1:] == [
        f"       course.check.CheckFailed: {first}", *(f"       {line}" for line in rest),
    ]  # fmt: skip
    assert quoted(failure) and "course/check" not in done.stdout


def test_a_program_gets_every_card_in_markdown(beside, tmp_path):
    beside("program/grade.py")
    done = ran([sys.executable, "grade.py"], tmp_path)
    assert done.returncode == 0, done.stderr
    first = done.stdout.split("\n\n**✗ lenet5\\(")[0]
    assert first.startswith("0 of 2 checks are right.\n\n**✗ lenet5: C1 is not right.**\n")
    assert quoted(first)
