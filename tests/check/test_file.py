"""What is said of a notebook's file before it is handed in, and that the grader says the same."""

import json
import re
import subprocess
import sys
from copy import deepcopy
from types import ModuleType

import nbformat
import pytest
from nbformat.v4 import nbbase

from course.check import handin
from course.check.file import found_in, receipt
from course.cli import main
from course.grading.demo import answered, as_colab_saves, model_answers
from course.notebook.enclosed import enclosed, release_in
from course.notebook.official import official_of
from course.notebook.read import read_notebook
from course.notebook.repair import repair
from tests import damage
from tests.classroom import ROOT, SOURCES
from tests.school import source as small

RELEASED = ROOT / "assignments" / "02-lenet" / "lenet.ipynb"
SOLUTION = ROOT / "solutions" / "02-lenet" / "lenet.ipynb"


@pytest.fixture(scope="module")
def whole():
    return answered(nbformat.read(RELEASED, 4), model_answers(nbformat.read(SOLUTION, 4)))


@pytest.fixture
def lenet(whole):
    return deepcopy(whole)


@pytest.fixture
def check(tmp_path, capsys):
    """`course check` of a notebook, or of bytes: (exit status, the lines that it printed)."""

    def run(content, name="lenet.ipynb", *options):
        content = content if isinstance(content, bytes) else nbformat.writes(content).encode()
        (tmp_path / name).write_bytes(content)
        capsys.readouterr()
        status = main(["check", str(tmp_path / name), *map(str, options)])
        return status, capsys.readouterr().out.splitlines()

    return run


def at(nb, name):
    return next(cell for cell in nb.cells if cell.id == name)


# --- the released cells that a notebook encloses


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_release_encloses_its_cells_and_nothing_else(path):
    content = (ROOT / "assignments" / path.relative_to(ROOT / "solutions")).read_bytes()
    nb = nbformat.reads(content.decode(), 4)
    name, official = release_in(content)
    assert name == path.stem
    visible = official_of(nb)
    assert official == visible and list(official) == list(visible)
    assert (official.plain, official.above) == (visible.plain, visible.above)
    # Written a second time it is the same, to the byte.
    assert nb.metadata.course.release == enclosed(nb, path.stem)
    assert len(nb.metadata.course.release) < 0.3 * len(content)


def test_hidden_tests_are_not_enclosed(tmp_path):
    (tmp_path / "solutions/hw").mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").write_bytes((ROOT / "nbgrader_config.py").read_bytes())
    nbformat.write(small(), tmp_path / "solutions/hw/p1.ipynb")
    assert main(["release", "--no-trial", "--course", str(tmp_path)]) == 0
    name, official = release_in((tmp_path / "assignments/hw/p1.ipynb").read_bytes())
    assert name == "p1" and list(official) == [
        "shapes-answer", "shapes", "build-answer", "build", "essay",
    ]  # fmt: skip
    text = "".join(known.source for known in official.values())
    assert "secret_check = check.model(f)" in text
    assert "== 9" not in text and "return 9" not in text and "HIDDEN" not in text


def test_what_stands_in_the_file_is_nothing_to_the_grader(lenet):
    official = official_of(nbformat.read(SOLUTION, 4))
    forged = deepcopy(lenet)
    for cell in forged.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = cell.source.splitlines()[0]
    forged.metadata.course = {"release": enclosed(forged, "lenet")}
    assert found_in(nbformat.writes(forged).encode()).repairs == []
    fixed, said = repair(read_notebook(nbformat.writes(forged).encode())[0], official)
    assert any("locked cells had been changed" in line for line in said)
    assert {known.source for known in official.values() if known.is_test} <= {
        cell.source for cell in fixed.cells
    }


@pytest.mark.parametrize("spoilt", ["released:", "released:" + "A" * 80, "released:QlpoOTFBWSZTWQ"])
def test_a_spoilt_copy_is_none(lenet, check, spoilt):
    lenet.metadata.course = {"release": spoilt}
    status, said = check(lenet)
    assert status == 0 and "The file has lost its copy of the released cells" in said[1]


# --- the same as the grader says


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_damaged_file_is_described_as_it_will_be_graded(path, monkeypatch):
    """Every answer in it counts, as `test_damage` proves; and the repairs are the grader's."""
    monkeypatch.setattr(nbbase, "validate", lambda node, ref=None: None)
    assignment, compared = damage.Assignment(path), 0
    for seed in range(SOURCES.index(path), 8 * 25, len(SOURCES)):
        content, done, _ = damage.damaged(assignment, seed)
        found = found_in(content, path.name)
        assert found.problem == "", (seed, done)
        if not found.compared:
            continue
        compared += 1
        _, repairs = repair(read_notebook(content)[0], assignment.official)
        assert found.repairs == repairs, (seed, done)
        assert not any(found.exercises.values()), (seed, done, found.exercises)
    assert compared > 15


def test_in_colab_and_in_the_terminal_the_same_is_said(lenet, check, monkeypatch):
    at(lenet, "shapes-answer").source += "\nshapes['output'] = None"
    lenet.cells = [cell for cell in lenet.cells if cell.id not in ("setup", "lenet-c3")]
    saved = as_colab_saves(lenet)
    message = ModuleType("google.colab._message")
    reply = {"ipynb": json.loads(nbformat.writes(saved))}
    message.blocking_request = lambda what, timeout_sec: reply
    colab = ModuleType("google.colab")
    colab._message = message
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setitem(sys.modules, "google.colab._message", message)
    good, sentences = handin.report({"lenet-shapes": 8}, {})
    status, said = check(saved)
    assert good and status == 1
    assert said[0].startswith("○ lenet.ipynb can be handed in, but is not complete: 12 of 13 ")
    assert "It is as you ran it" in sentences[1]
    del sentences[1]
    assert [line.strip() for line in said[1:-1]] == [line.strip() for line in sentences[1:-1]]
    mark = re.compile(r"Receipt (\S+) of ")
    assert mark.search(said[-1])[1] == mark.search(sentences[-1])[1] == receipt(saved.cells)
    assert "lenet-shapes is not answered: in `shapes`, 'output' is still None." in sentences
    assert "  The locked cell setup was missing; it was put back." in sentences


# --- the command


def test_a_complete_notebook(check, lenet):
    status, said = check(lenet)
    assert status == 0 and len(said) == 2
    assert said[0] == "✓ lenet.ipynb is complete: 13 of 13 exercises answered."
    assert re.fullmatch(
        rf"  Receipt {receipt(lenet.cells)} of \d{{4}}-\d\d-\d\d \d\d:\d\d UTC[+-]\d{{4}}, "
        r"13 of 13 exercises answered\. Note it down: it marks the text of the file, and your "
        r"instructor can compute it from the file that arrived\.",
        said[1],
    )


def test_a_release_is_open_and_whole(check):
    status, said = check(RELEASED.read_bytes())
    assert status == 1 and len(said) == 3
    assert said[0].startswith("○ lenet.ipynb can be handed in, but is not complete: 0 of 13")
    assert said[1].startswith("  Open: lenet-shapes, lenet-parameters, lenet-count, ")


def test_a_file_that_is_cut_off_before_its_exercises(check, lenet):
    status, said = check(nbformat.writes(lenet).encode()[:5000])
    assert status == 1 and "holds no exercise" in said[0]
    assert "The file was damaged: it is no JSON. " in said[0]


def test_what_is_wrong_is_said_with_what_to_do(check, lenet):
    at(lenet, "squash-answer").source = "def scaled_tanh(a:\n    return a"
    answer = at(lenet, "relu-answer")
    lenet.cells.remove(answer)
    at(lenet, "imports").source += f"\n{answer.source}"
    lenet.cells = [cell for cell in lenet.cells if cell.id != "bridge-answer"]
    status, said = check(lenet, "my work.ipynb")
    text = "\n".join(said)
    assert status == 1
    assert said[0].startswith("✗ my work.ipynb should not be handed in as it is: 8 of 13")
    for sentence in (
        "Open: lenet-bridge.",
        "lenet-squash is not answered: the cell of `scaled_tanh` has an error.",
        "lenet-1998 is not answered: `lenet5_1998` uses `scaled_tanh`, which is not answered yet.",
        "The cell that begins with 'def scaled_tanh(a:' has an error in line 1: '(' was never ",
        "The cell of bridge-answer is gone: write its answer into a new cell.",
        "The grader will repair the file, as this check did:",
        'lenet.ipynb was handed in as "my work.ipynb"; its exercises say so.',
        "The locked cell imports had been changed; it was restored. What you wrote in it was kept",
    ):
        assert sentence in text, sentence


def test_a_file_without_its_copy_is_described_as_it_is(check, lenet, tmp_path):
    lenet.cells = [cell for cell in lenet.cells if cell.id != "lenet-c3"]
    del lenet.metadata["course"]
    status, said = check(lenet)
    assert status == 0 and said[0].endswith("is complete: 12 of 12 exercises answered.")
    assert "The file has lost its copy of the released cells; some editors leave it out." in said[1]
    assert "Compare it with a fresh copy: course check --release FRESH.ipynb" in said[2]
    status, said = check(lenet, "lenet.ipynb", "--release", RELEASED)
    assert status == 0 and said[0].endswith("is complete: 13 of 13 exercises answered.")
    assert "    The locked cell lenet-c3 was missing; it was put back." in said
    assert check(lenet, "lenet.ipynb", "--release", tmp_path / "lenet.ipynb")[0] == 1


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("x.pdf", b"%PDF-1.7\xff\xfe", "✗ x.pdf is not a text file in UTF-8."),
        ("x.py", b"print(1)", "✗ x.py is not JSON; a notebook has to be JSON (it begins with pri"),
        (
            "x.ipynb",
            b"\n<!DOCTYPE html>\n<html><title>x.ipynb at main</title>",
            "✗ x.ipynb is not JSON; a notebook has to be JSON (it begins with <!DOCTYPE html>).",
        ),
        ("x.ipynb", b'{"cells": [', "✗ x.ipynb is not JSON; a notebook has to be JSON (Expecting"),
        ("x.json", b"[1]", "✗ x.json is JSON, but not a notebook: it has no list of cells."),
        ("x.ipynb", b"", "✗ x.ipynb is empty."),
        ("x.ipynb", b'{"cells": []}', "✗ x.ipynb holds no exercise: "),
        ("lenet.txt", RELEASED.read_bytes(), "✗ lenet.txt is not named like a notebook: let its "),
        ("lenet.ipynb", RELEASED.read_bytes()[:-9000], "○ lenet.ipynb can be handed in"),
    ],
)
def test_any_file_gets_a_sentence(check, name, content, sentence):
    status, said = check(content, name)
    assert status == 1 and said[0].startswith(sentence), said


def test_what_is_not_there_is_refused(tmp_path, capsys):
    for path in (tmp_path / "no.ipynb", tmp_path):
        assert main(["check", str(path)]) == 1
        assert f"course: {path} cannot be read: " in capsys.readouterr().err


def test_several_files_are_complete_if_all_are(tmp_path, lenet, capsys):
    nbformat.write(lenet, tmp_path / "lenet.ipynb")
    assert main(["check", str(tmp_path / "lenet.ipynb"), str(RELEASED)]) == 1
    assert len(re.findall("^[✓○] lenet.ipynb", capsys.readouterr().out, re.MULTILINE)) == 2


def test_it_needs_neither_keras_nor_what_grading_needs(tmp_path):
    """Not even a folder of a course: it runs elsewhere, with these packages out of reach."""
    program = """
import sys
for name in ("keras", "tensorflow", "jax", "torch", "matplotlib", "nbgrader", "course.grading"):
    sys.modules[name] = None
from course.cli import main
sys.exit(main(["check", sys.argv[1]]))
"""
    command = [sys.executable, "-c", program, RELEASED]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1 and ran.stdout.startswith("○ lenet.ipynb"), ran.stderr
