"""2,000 damaged notebooks through repair, and 200 graded: no answer in a file is lost."""

import ast
import json
import re
import shutil
import textwrap
import time
from functools import lru_cache

import nbformat
import pytest
from nbformat.v4 import nbbase, new_code_cell, new_markdown_cell, new_notebook

from course.cli import main
from course.grading.folder import CourseFolder
from course.grading.results import read_result
from course.notebook import symbols
from course.notebook.official import grade_id
from course.notebook.read import MAX_BYTES, read_notebook
from course.notebook.repair import repair
from course.notebook.said import Told
from course.notebook.symbols import parses
from course.notebook.whole import is_whole
from tests import damage
from tests.classroom import ROOT
from tests.classroom import SOURCES as SOLUTIONS
from tests.grading.test_repair import REFUSED
from tests.school import cell as made

NOTEBOOKS = 2000


@pytest.fixture(autouse=True)
def as_in_a_judge(monkeypatch):
    """Cells are made as the judge's process makes them: valid at the end, not each by itself."""
    monkeypatch.setattr(nbbase, "validate", lambda node, ref=None: None)


@lru_cache(5000)
def statements(text):
    """What a cell does to its names: (name, the statement, whether it only adds to the name)."""
    text = re.sub(r"^%.*", "", text, flags=re.MULTILINE)
    try:
        body = ast.parse(textwrap.dedent(text)).body
    except (SyntaxError, ValueError):
        return []
    found = []
    for statement in body:
        written = "".join(ast.unparse(statement).split())
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append((statement.name, written, False))
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.append((node.id, written, False))
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                found.append((ast.unparse(node.value), written, True))
    return found


def run(text, space):
    """Bring {name: [the statements that made it what it is]} to where a cell leaves it."""
    for name, written, adds in statements(text):
        space[name] = [*space.get(name, []), written] if adds else [written]


def lost(fixed, assignment, answers):
    """The answers that do not stand, word for word, where the tests of this notebook ask for them.

    What a name stands for at a test is told by the statements of the cells above it, in order.
    """
    official, space, alone, asked, wrong = assignment.official, {}, {}, set(), set()
    for text in answers.values():
        run(text, alone)
    for cell in fixed.cells:
        name = grade_id(cell)
        if name is not None and official[name].is_test:
            used = assignment.used[name]
            for answer in answers:
                for variable in official[answer].names & used:
                    asked.add(answer)
                    if space.get(variable) != alone[variable]:
                        wrong.add(answer)
        elif cell.cell_type == "code":
            run(cell.source, space)
        elif name in answers and "".join(answers[name].split()) in "".join(cell.source.split()):
            asked.add(name)
    return wrong | (answers.keys() - asked)


@pytest.mark.parametrize("path", SOLUTIONS, ids=[path.stem for path in SOLUTIONS])
def test_no_answer_that_is_in_a_file_is_lost(path):
    assignment = damage.Assignment(path)
    number = SOLUTIONS.index(path)
    said, short = [], 0
    for seed in range(number, NOTEBOOKS, len(SOLUTIONS)):
        content, done, answers = damage.damaged(assignment, seed)
        nb, problem = read_notebook(content)
        assert problem is None, (seed, done, problem)
        whole = texts(nb, assignment) if is_whole(nb, assignment.official) else None
        fixed, repairs = repair(nb, assignment.official)
        if whole is not None:
            short += 1
            assert whole == texts(fixed, assignment), (seed, done)
        if gone := lost(fixed, assignment, answers):
            said.append((seed, done, gone, repairs))
        ids = [c.metadata.nbgrader.grade_id for c in fixed.cells if "nbgrader" in c.metadata]
        assert sorted(ids) == sorted(assignment.official), (seed, done)
        for cell in fixed.cells:
            known = assignment.official.get(grade_id(cell))
            if known is not None and known.locked:
                assert cell.source == known.source
        if seed % 20 == number:
            nbformat.validate(fixed)
    assert not said, "\n".join(map(str, said))
    assert short  # some are damaged in a way that needs no repair


def texts(nb, assignment):
    """The answers of a notebook, {grade id: text}, and its cells of the student's own."""
    known = [(assignment.official.get(grade_id(cell)), cell) for cell in nb.cells]
    answers = {
        official.name: cell.source
        for official, cell in known
        if official and official.solution and official.is_answered(cell.source)
    }
    return answers, [cell.source for official, cell in known if official is None]


# --- made to take long


def hostile(assignment):
    """{what: the sources of a notebook's cells, each with the grade id that it claims}."""
    official = assignment.official
    name = next(n for n, c in official.items() if c.names)
    (variable, *_) = sorted(official[name].names)
    test = next(known for known in official.values() if known.is_test)
    every = [v for known in official.values() for v in known.names]
    versions = "<<<<<<< a\n{0} = {1}\n=======\n{0} = -{1}\n>>>>>>> b\n"
    most, long_name = 19_000_000, "n" * 100_000
    return {
        "cells like one answer": [(f"{variable} = {n}", name) for n in range(2000)],
        "broken ones": [(f"{variable} = ({n}", None) for n in range(2000)],
        "cells like all answers": [("".join(f"{v} = {n}\n" for v in every), None)
                                   for n in range(1000)],
        "copies of a test": [(test.released, test.name)] * 2000,
        "changed copies of a test": [(f"{test.released}\ny = {n}", None) for n in range(2000)],
        "copies of a test in one cell": [("\n".join([test.released] * 2000), test.name)],
        "a long cell": [(f"{variable} = 1\n" * (most // len(f"{variable} = 1\\n")), name)],
        "a long line": [(f"{variable} = " + "a" * most, name)],
        "blanks": [(f"{variable} {' ' * most}= 1", name)],
        "empty lines": [("\n" * (most // 2), name)],
        "a long conflict": [("<<<<<<< a\n" + "x\n" * (most // 3) + "=======\n>>>>>>> b", name)],
        "fences": [("```\n" * (most // 5) + f"{variable} = 1", name)],
        "definitions": [("".join(f"def f{n}(): pass\n" for n in range(100_000)), name)],
        "brackets": [(f"{variable} = {'(' * 20_000}{')' * 20_000}", name)] * 50,
        "blocks": [("".join(f"{' ' * n}if 1:\n" for n in range(90)), name)] * 500,
        "long names": [(f"{long_name}{n} = 1\n{variable} = 1", name) for n in range(150)],
        "long grade ids": [("x = 1", f"{long_name}{n}") for n in range(150)],
        "conflicts": [(versions.format(variable, n + 1), name) for n in range(2000)],
        "a chain of names": [(f"v{n} = v{n + 1}", None) for n in range(1990)]
                            + [(f"{variable} = v0", name), (test.released, test.name)],
    }  # fmt: skip


def test_no_notebook_takes_the_repair_long():
    """Processor time, so that other programs do not count: each takes at most 1 s of it."""
    assignment, slow = damage.Assignment(SOLUTIONS[0]), {}
    for what, cells in hostile(assignment).items():
        cells = [
            {"cell_type": "code", "source": text, "metadata": {"nbgrader": {"grade_id": name}}}
            for text, name in cells
        ]
        content = json.dumps({"cells": cells}).encode()
        assert len(content) <= MAX_BYTES, what
        begun = time.process_time()
        nb, problem = read_notebook(content)
        assert problem is None, (what, problem)
        repair(nb, assignment.official)
        if (took := time.process_time() - begun) > 3:
            slow[what] = took
    assert not slow


# --- how much is read


def own_cells(count):
    """Cells of some 1,000 characters that a student has written: names, functions, calls, notes."""
    kinds = [
        lambda n: "".join(f"value_{n}_{i} = np.zeros(({n}, {i})) + {i}\n" for i in range(28)),
        lambda n: (
            f'def helper_{n}(x):\n    """Number {n}."""\n'
            + "".join(f"    x = x * {n} + {i}  # step {i}\n" for i in range(36))
        ),
        lambda n: "".join(f"print({n}, {i}, [k for k in range({i})])\n" for i in range(28)),
        lambda n: "".join(f"# I tried the number {i} of {n} here\n" for i in range(28)),
    ]
    return [new_code_cell(kinds[n % len(kinds)](n)) for n in range(count)]


def in_halves(text):
    lines = text.split("\n")
    return ["\n".join(lines[: len(lines) // 2]), "\n".join(lines[len(lines) // 2 :])]


def not_closed(text):
    return ['"""My answer.\n' + text.replace('"""', "")]


@pytest.mark.parametrize("path", SOLUTIONS, ids=[path.stem for path in SOLUTIONS])
@pytest.mark.parametrize("written", [in_halves, not_closed])
def test_a_long_notebook_is_read_to_its_end(path, written):
    """All its answers are split, or broken, and 200 cells of the student's own stand around."""
    assignment = damage.Assignment(path)
    named = [name for name, known in assignment.official.items() if known.names]
    own, cells, split = own_cells(200), [], set()
    beside = len(own) // len(named) // 2
    for cell in nbformat.reads(assignment.written, 4).cells:
        name = grade_id(cell)
        if name not in named:
            cells.append(cell)
            continue
        first, *more = written(cell.source)
        if more and not (parses(first) and parses(more[0])):
            split.add(name)
        cell.source = first
        cells += [own.pop() for _ in range(beside)]
        cells += [cell, *map(new_code_cell, more)]
        cells += [own.pop() for _ in range(beside)]
    _, said = repair(new_notebook(cells=cells), assignment.official)
    assert Told.READ_NO_FURTHER.value[0] not in said
    assert {s.split()[2] for s in said if "had been split" in s} >= split
    assert bool(split) == (written is in_halves)


@pytest.mark.parametrize(
    ("count", "limit", "value"),
    [(1100, "_MOST_READ", None), (10, "_MOST_JOINED", 0), (10, "_MOST_LINES", 0)],
)
def test_what_is_not_read_to_its_end_says_so_and_is_kept(count, limit, value, monkeypatch):
    if value is not None:
        monkeypatch.setattr(symbols, limit, value)
    assignment = damage.Assignment(SOLUTIONS[0])
    name = next(n for n, known in assignment.official.items() if known.names)
    nb = nbformat.reads(assignment.written, 4)
    at = next(i for i, cell in enumerate(nb.cells) if cell.id == name)
    nb.cells[at].source += "\nvalues = ["
    half = new_code_cell("    1,\n]")
    nb.cells[at : at + 1] = [nb.cells[at], half, *own_cells(count)]
    texts = [cell.source for cell in nb.cells if cell.id not in assignment.official]
    texts.append(nb.cells[at].source)
    fixed, said = repair(nb, assignment.official)
    assert said[-1] == Told.READ_NO_FURTHER.value[0]
    assert said[-1] in fixed.cells[0].source
    everything = "\n".join(cell.source for cell in fixed.cells)
    assert [text for text in texts if text not in everything] == []


# --- a class of them, graded


SETUP = "import os"
IMPORTS = "import numpy as np\n\nfrom course import check"
EXERCISES = {
    "area": (
        "def area(height, width):\n    ### BEGIN SOLUTION\n    return height * width\n"
        "    ### END SOLUTION",
        "check.function(area, [2, 3], gives=[6])\n### BEGIN HIDDEN TESTS\n"
        "check.function(area, [7, 9], like=lambda a, b: a * b)\n### END HIDDEN TESTS",
    ),
    "sides": (
        'sides = {"pool": None, "stride": None}\n### BEGIN SOLUTION\n'
        'sides = {"pool": 14, "stride": 7}\n### END SOLUTION',
        'check.value(sides, {"pool": 14, "stride": 7})',
    ),
    "volume": (
        "def volume(height, width, maps):\n    ### BEGIN SOLUTION\n    base = area(height, width)\n"
        "    return base * maps\n    ### END SOLUTION\n\n\n"
        "def average(values):\n    ### BEGIN SOLUTION\n    if len(values) == 0:\n        return 0\n"
        "    return float(np.mean(values))\n    ### END SOLUTION",
        "check.function(volume, [2, 3, 4], gives=[24])\n"
        "check.function(average, [[]], [[1, 2]], gives=[0, 1.5])",
    ),
    "counts": (
        'counts = {"conv": None, "dense": None}\n### BEGIN SOLUTION\n'
        'counts = {\n    "conv": (5 * 5 * 1 + 1) * 6,\n}\ncounts["dense"] = (120 + 1) * 84\n'
        "### END SOLUTION",
        'check.value(counts, {"conv": 156, "dense": 10_164})',
    ),
    "crop": (
        "def crop(image, size):\n    ### BEGIN SOLUTION\n    top = (image.shape[0] - size) // 2\n"
        "    left = (image.shape[1] - size) // 2\n"
        "    return image[top : top + size, left : left + size]\n    ### END SOLUTION",
        "check.function(crop, [np.arange(12.0).reshape(3, 4), 1], gives=[[[5]]])",
    ),
    "best": (
        "best = None\n### BEGIN SOLUTION\nbest = max([3, 8, 5])\n### END SOLUTION",
        "check.value(best, 8)",
    ),
    "relu": (
        "def relu(values):\n    ### BEGIN SOLUTION\n    values = np.asarray(values)\n"
        "    return np.maximum(values, 0)\n    ### END SOLUTION",
        "check.function(relu, [[-1.0, 2.0]], gives=[[0, 2]])",
    ),
}


def write_solution(path):
    """An assignment whose answers need nothing but NumPy: a tenth of a second a submission."""
    cells = [
        new_markdown_cell("# Small things", id="title"),
        made(new_code_cell, SETUP, "setup", locked=True),
        made(new_code_cell, IMPORTS, "imports", locked=True),
    ]
    for name, (answer, test) in EXERCISES.items():
        text = f"# Exercise {name} (10 points)\n{test}"
        cells += [
            new_markdown_cell(f"## {name}\n\nWrite it.", id=f"{name}-goal"),
            made(new_code_cell, answer, f"{name}-answer", solution=True),
            made(new_code_cell, text, name, 10, grade=True, locked=True),
            new_markdown_cell(f"What you should see: {name}.", id=f"{name}-see"),
        ]
    essay = "### BEGIN SOLUTION\nAll of it.\n\nAnd why.\n### END SOLUTION"
    cells.append(made(new_markdown_cell, essay, "essay", 30, grade=True, solution=True))
    points = dict.fromkeys(EXERCISES, 10)
    cells.append(made(new_code_cell, f"check.progress({points})", "progress", locked=True))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def test_200_damaged_notebooks_are_graded_to_their_end(tmp_path):
    """Each kind of damage alone, and mixtures: everybody has all points, or a reason for none."""
    path = tmp_path / "solutions" / "small" / "things.ipynb"
    write_solution(path)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    assert main(["release", "--course", str(tmp_path), "small"]) == 0
    assignment, handed_in = damage.Assignment(path), {}
    for table in (damage.STYLES, damage.CELLS, damage.ORDER, damage.METADATA, damage.FILES):
        for name, function in table.items():
            nb = damage.Damaged(assignment, name)
            content = function(nb)
            handed_in[name] = content or damage.FILES["as_it_is"](nb)
    for number, (content, _) in enumerate(REFUSED):
        handed_in[f"refused{number}"] = content
    for seed in range(200 - len(handed_in)):
        handed_in[f"mixture{seed}"], *_ = damage.damaged(assignment, seed)
    assert len(handed_in) == 200
    for student, content in handed_in.items():
        folder = tmp_path / "submitted" / student / "small"
        folder.mkdir(parents=True)
        (folder / "things.ipynb").write_bytes(content)
    assert main(["grade", "--course", str(tmp_path), "small"]) == 1  # some are not graded
    course = CourseFolder(tmp_path)
    results = {student: read_result(course, "small", student) for student in handed_in}
    refused = {student for student, result in results.items() if result.failed}
    assert refused == {student for student in handed_in if student.startswith("refused")}
    lost = {s: r.lost for s, r in results.items() if s not in refused and r.score != 70}
    assert not lost
