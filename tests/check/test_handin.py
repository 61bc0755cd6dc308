"""Before it is handed in: is the file complete, and is it what was run?"""

import json
import sys
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from course.check import handin
from course.check.file import receipt
from course.grading.demo import answered, model_answers

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
RELEASED = ROOT / "assignments" / "02-lenet" / "lenet.ipynb"


def points(nb):
    cells = [cell.metadata.get("nbgrader", {}) for cell in nb.cells]
    return {m["grade_id"]: m["points"] for m in cells if m.get("grade") and not m["solution"]}


@pytest.fixture
def lenet():
    solution = nbformat.read(ROOT / "solutions" / "02-lenet" / "lenet.ipynb", 4)
    return answered(nbformat.read(RELEASED, 4), model_answers(solution))


@pytest.fixture
def looked(tmp_path, monkeypatch, lenet):
    """What is said about a notebook that is saved, by default as its cells were run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    exercises = points(lenet)

    def look(nb, ran=None):
        nbformat.write(nb, tmp_path / "my lenet.ipynb")
        good, sentences = handin.report(exercises, ran or {c.id: c.source for c in nb.cells})
        return good, "\n".join(sentences)

    return look


def without(nb, *names):
    nb.cells = [cell for cell in nb.cells if cell.id not in names]
    return nb


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_release_is_complete_answered_or_not(path, tmp_path, monkeypatch):
    release = nbformat.read(ROOT / "assignments" / path.relative_to(ROOT / "solutions"), 4)
    for nb, said in (
        (release, "can be handed in, but is not complete: 0 of "),
        (answered(release, model_answers(nbformat.read(path, 4))), "is complete: "),
    ):
        nbformat.write(nb, tmp_path / path.name)
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / path.name))
        good, (first, second, *_, last) = handin.report(points(nb), {})
        assert good and first.startswith(f"{path.name} {said}"), first
        assert second.startswith("It is as you ran it (saved at ")
        assert f"Receipt {receipt(nb.cells)} of 20" in last


def test_what_is_not_saved_is_told(looked, lenet):
    assert looked(lenet)[0]
    ran = {cell.id: cell.source for cell in lenet.cells}
    ran["squash-answer"] += "\n# one more line"
    good, said = looked(lenet, ran)
    assert not good and "The saved file is not what you ran" in said
    assert "'def scaled_tanh(a):' differs. Save the notebook" in said
    assert "Ctrl+S" in said and "Receipt" not in said


def test_what_is_gone_is_told(looked, lenet):
    whole = deepcopy(lenet)
    good, said = looked(without(lenet, "squash-answer"))
    assert not good and "should not be handed in as it is: 9 of 13 exercises answered" in said
    assert "The cell of squash-answer is gone: write its answer into a new cell." in said
    assert "The answer squash-answer was missing; it was put back, empty." in said
    good, said = looked(without(deepcopy(whole), "lenet-squash", "lenet-c3"))
    assert good and "is complete: 13 of 13 exercises answered" in said
    assert "The locked cell lenet-squash was missing; it was put back." in said
    # Moved into another cell, the answer is there.
    moved = deepcopy(whole)
    answer = next(cell for cell in moved.cells if cell.id == "squash-answer")
    next(cell for cell in moved.cells if cell.id == "imports").source += f"\n{answer.source}"
    assert looked(without(moved, "squash-answer"))[0]


def test_what_python_cannot_run_is_told(looked, lenet):
    answer = next(cell for cell in lenet.cells if cell.id == "squash-answer")
    answer.source = "%matplotlib inline\ndef scaled_tanh(a:\n    return a"
    good, said = looked(lenet)
    assert not good and "has an error in line 2" in said
    answer.source = "%matplotlib inline\n!ls\nscaled_tanh = abs"
    assert looked(lenet)[0]


def test_the_file_is_found(tmp_path, monkeypatch, looked, lenet):
    exercises = points(lenet)
    good, (said,) = handin.report(exercises, {})
    assert not good and "No saved notebook with these exercises" in said
    for broken in ("", "[]", '{"cells": 3}', '{"cells": [1, {"source": null}]}'):
        (tmp_path / "other.ipynb").write_text(broken)
        assert not handin.report(exercises, {})[0]
    assert looked(lenet)[0]


def test_a_receipt_marks_the_text_alone(tmp_path, lenet):
    before = receipt(lenet.cells)
    lenet.cells[5].metadata["scrolled"] = True
    for cell in lenet.cells:
        cell.id = f"new-{cell.id}"
        if cell.cell_type == "code":
            cell.update(outputs=[nbformat.v4.new_output("stream", text="x")], execution_count=3)
            cell.source += "  \n"  # Colab and Windows change blanks at the ends of lines
    nbformat.write(lenet, tmp_path / "x.ipynb")
    stored = json.loads((tmp_path / "x.ipynb").read_text())["cells"]
    assert receipt(stored) == receipt(lenet.cells) == before
    stored[-1]["source"] = ["another text"]
    assert receipt(stored) != before


def test_in_colab_the_notebook_is_asked_for(monkeypatch, lenet):
    exercises, asked = points(lenet), []
    colab, message = ModuleType("google.colab"), ModuleType("google.colab._message")
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    good, (said,) = handin.report(exercises, {})
    assert not good and "File > Download > Download .ipynb" in said

    def blocking_request(what, timeout_sec):
        asked.append(what)
        return {"ipynb": json.loads(nbformat.writes(lenet))}

    message.blocking_request = blocking_request
    colab._message = message
    good, (first, second, last) = handin.report(exercises, {})
    assert good and asked == ["get_ipynb"] and "File > Download" in second
    assert first == "lenet.ipynb is complete: 13 of 13 exercises answered."
    assert receipt(lenet.cells) in last
