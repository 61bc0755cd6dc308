"""Test cells with ordinary asserts: judged in the grader by plain evidence, as in a notebook."""

import ast

import nbformat
import pytest

from course.grading import worker
from course.grading.verdict.remote import NoEvidence
from course.grading.verdict.testcell import TestCell, free_names, imports_of
from course.notebook.official import Official
from tests.made_up import answer, graded, handed_in, job_of, judged, locked, reasons

MINE = """
import numpy as np

number, word, flag, nothing, fraction = 9, "VGG", True, None, 0.25
row, pair, table = [28, 28, 6], (3, "a"), {"C1": (28, 28, 6), 5: [1, {"x": None}]}
grid, empty = np.arange(6.0).reshape(2, 3), []

def ratio(n, of=2, *, scale=1.0):
    return scale * n / of

def pixels(image):
    return image * 2

def picky(n):
    if n < 0:
        raise ValueError("n should be positive")
    return [n] * n

def shape_of(pair):
    return type(pair).__name__, len(pair)

def keys(table):
    return sorted(type(key).__name__ for key in table)

class Net:
    layers = 3

net, names, odd = Net(), {1, 2}, [1, {2}]
"""

HOLDS = """
assert number == 9 and 9 == number and number != 8 and not number == 8
assert number > 8 and number >= 9 and number < 10 and 8 < number <= 9
assert number + 1 == 10 and 1 + number == 10 and number - 1 == 8 and 10 - number == 1
assert number * 2 == 18 and 2 * number == 18 and number / 2 == 4.5 and 18 / number == 2
assert number // 2 == 4 and number % 4 == 1 and number ** 2 == 81 and 2 ** number == 512
assert -number == -9 and abs(number - 10) == 1 and round(fraction, 1) == 0.2 and +number == 9
assert divmod(number, 4) == (2, 1) and number & 1 == 1 and range(number)[8] == 8
assert float(number) == 9.0 and int(fraction) == 0 and bool(flag) and str(number) == "9"
assert f"{fraction:.1f}" == "0.2" and abs(fraction - 1 / 4) < 1e-9
assert isinstance(number, int) and isinstance(word, str) and isinstance(table, dict)
assert not isinstance(word, int)
assert word == "VGG" and word[0] == "V" and "GG" in word and len(word) == 3 and word + "16" == "VGG16"
assert flag and not nothing and nothing == None
assert row == [28, 28, 6] and row[0] == 28 and row[-1] == 6 and len(row) == 3
assert row[:2] == [28, 28] and list(row) == [28, 28, 6] and sum(row) == 62 and max(row) == 28
assert 28 in row and 5 not in row and sorted(row) == [6, 28, 28] and [n for n in row if n < 9] == [6]
assert list(reversed(row)) == [6, 28, 28]
assert pair == (3, "a") and tuple(pair) == (3, "a")
assert table["C1"] == (28, 28, 6) and table[5][1] == {"x": None} and set(table) == {"C1", "5"}
assert table == {"C1": (28, 28, 6), "5": [1, {"x": None}]} and len(table) == 2 and "C1" in table
a, b, c = row
assert (a, b, c) == (28, 28, 6) and {number: 1}[9] == 1
import numpy as np
assert np.allclose(grid, np.arange(6).reshape(2, 3)) and np.shape(grid) == (2, 3)
assert (grid == [[0, 1, 2], [3, 4, 5]]).all() and abs(grid - grid).max() == 0 and grid[1, 2] == 5
np.testing.assert_allclose(grid * 2, 2 * np.asarray(grid))
assert not empty and ratio(3) == 1.5 and ratio(3, 64) == 3 / 64 and ratio(3, of=3, scale=4) == 4
assert abs(ratio(3, 64) - 0.046875) < 1e-9 and all(ratio(n) == n / 2 for n in range(5))
assert ratio(number) == 4.5 and ratio(n=number) == 4.5
assert pixels(np.ones((2, 2))).sum() == 8 and pixels(grid)[0, 2] == 4
assert shape_of((1, 2)) == ("tuple", 2) and shape_of([1]) == ("list", 1)
assert keys({1: 2, "a": 3}) == ["int", "str"] and keys({(1, 2): 0}) == ["tuple"]
assert picky(3) == [3, 3, 3] and callable(picky)
try:
    picky(-1)
except ValueError as error:
    assert "positive" in str(error)
else:
    raise AssertionError("no ValueError for -1")
"""  # noqa: E501

FAILS = {
    "assert number == 8": "number == 8 does not hold.",
    "assert number == 8, 'Count again.'": "Count again.",
    "assert number == 8, f'You have {number}.'": "You have 9.",
    "raise AssertionError": "The test says: It is not right.",
    "### BEGIN HIDDEN TESTS\nassert number == 7\n### END HIDDEN TESTS": "a case that is not shown",
    "assert picky(-1)": "stops with an error: ValueError: n should be positive (line 15: raise",
    "assert ratio('a') == 1": "TypeError",
    "assert net == 3": "a text, a list, a dict or an array. Received: a Net.",
    "assert row != (28, 28, 6)": "row != (28, 28, 6) does not hold.",
    "assert names == {1, 2}": "Received: a set.",
    "assert odd == [1, 2]": "odd == [1, 2] does not hold.",
    "assert absent == 3": "There is no answer yet.",
    "assert absent(3) == 3": "There is no answer yet.",
    "assert number(3) == 3": "It should be a function that returns plain values. Received: an int.",
    "import numpy as np\nnp.testing.assert_allclose(grid, 0)": "Not equal to tolerance",
    "import unittest\nunittest.TestCase().assertEqual(number, 8)": "9 != 8",
    "assert row[7] == 3": "The check cannot use your answer: IndexError: list index out of range.",
    "assert word - 3 == 0": "The check cannot use your answer: TypeError: unsupported operand",
    "assert table['S2']": "The check cannot use your answer: KeyError",
}


@pytest.fixture(scope="module")
def found():
    """(passed, messages) of each of these texts as a test cell of one submission."""
    tests = [HOLDS, *FAILS, "3", "7.5", "2 / 3", "number - 9", "0.0", "99", "True", "net.layers"]
    names = [f"t{number}" for number in range(len(tests))]
    cells = [graded(name, text, 6) for name, text in zip(names, tests, strict=True)]
    job = job_of(answer("mine", "number = None"), *cells)
    nb, said = judged(job, handed_in(job, mine=MINE))
    outputs = {c.id: c.outputs for c in nb.cells}
    return {text: (*said[name], outputs[name]) for name, text in zip(names, tests, strict=True)}


def test_what_holds_in_a_notebook_holds_when_graded(found):
    exec(MINE + HOLDS.replace('"5"', "5"), {})  # a grader is told keys as texts
    assert found[HOLDS][:2] == (True, [])


@pytest.mark.parametrize("text", FAILS)
def test_a_failing_test_is_a_failed_exercise_with_its_reason(found, text):
    passed, (message,), (output,) = found[text]
    assert not passed and FAILS[text] in message
    assert len(message.splitlines()) == 1 and output.ename == "CheckFailed"


@pytest.mark.parametrize(
    "text, points",
    [("3", 3), ("2 / 3", 2 / 3), ("number - 9", 0), ("0.0", 0), ("7.5", 6), ("99", 6), ("True", 6)],
)
def test_a_number_at_the_end_is_a_part_of_the_points(found, text, points):
    from nbgrader.utils import determine_grade

    passed, messages, outputs = found[text]
    assert passed == (points == 6) and bool(messages) == (points < 6)
    cell = nbformat.v4.new_code_cell("", outputs=outputs)
    cell.metadata["nbgrader"] = {"points": 6, "grade": True, "solution": False, "checksum": "x"}
    assert determine_grade(cell)[0] == pytest.approx(points)


def test_an_attribute_cannot_be_had_and_the_text_says_what_can(found):
    passed, (message,), _ = found["net.layers"]
    assert not passed and "but no attributes. Use a function such as len(net)" in message


def official(source):
    return Official("t", "code", source, points=1, locked=True)


def test_what_cannot_be_sent_to_the_kernel_is_said():
    verdict = TestCell(official("assert f(lambda x: x) == 3"), {}).judged(lambda request: {})
    assert isinstance(verdict.error, NoEvidence)
    assert "numbers, texts, lists, tuples, dicts and arrays" in str(verdict.error)


@pytest.mark.parametrize(
    "reply", [{}, None, 3, {"answers": []}, {"answers": 3}, {"answers": [1, 2]}, {"value": "x"},
              {"failed": 3}, {"failed": "RAISES", "text": ["x"]}, {"answers": [{"kind": 3}]},
              {"failed": "RAISES", "text": "SystemExit: x"}, {"failed": "RAISES", "text": "int: x"},
              {"failed": "RAISES", "text": "UnicodeDecodeError: x"}, {"value": 1, "kind": "array"}],
)  # fmt: skip
@pytest.mark.parametrize("source", ["assert f(1) == 3", "assert f == 3", "assert f[0] == f + 1"])
def test_a_forged_reply_is_a_failed_test_and_nothing_worse(reply, source):
    verdict = TestCell(official(source), {}).judged(lambda request: reply)
    assert verdict.findings or isinstance(verdict.error, Exception)


def test_names_of_the_student_and_of_the_assignment():
    source = "def g(x): return x\ntry: f(y)\nexcept E as e: print(e)\n[z for z in range(3)]\ncheck"
    assert free_names(ast.parse(source)) == ["check", "E", "f", "y"]
    cells = job_of(locked("l", "import numpy as np\nfrom a import (b, c as d)")).official["hw"]
    assert imports_of(cells.values()) == {
        "np": "import numpy as np", "b": "from a import b", "d": "from a import c as d",
    }  # fmt: skip


@pytest.mark.parametrize(
    "test, solution, said",
    [
        ("assert answer / 2 == 3", "answer = 6", "The check cannot use your answer: TypeError"),
        ("assert answer / 2 == 3", None, "The check cannot use your answer: TypeError"),
        ("assert answer.real == 3", "answer = 6", None),
        ("import course_table", "answer = 6", None),
        ("assert answer / 2 == 3", "answer = '6'", None),
    ],
)
def test_the_instructor_is_blamed_only_if_the_solution_fails_too(test, solution, said):
    cells = answer("mine", "answer = None"), graded("t", test)
    known = {"hw": [("mine", solution), ("t", test)]} if solution else {}
    job = job_of(*cells, solution=known)
    verdict = worker.grade_submission(job, {"hw": handed_in(job, mine="answer = 'six'")})
    if said:
        assert verdict.failed is None
        nb = nbformat.reads(verdict.notebooks["hw"], 4)
        assert said in reasons(nb)["t"][1][0]
    else:
        assert "The test cell t should raise nothing but" in verdict.failed
        assert "With the solution it raised:" in verdict.failed
        assert "Mend it in solutions/" in verdict.failed


def test_files_beside_the_notebook_are_there_when_it_is_judged():
    """Of the instructor's own copy, whatever a student's cell writes."""
    test = "from mine import TABLE\nassert answer == TABLE\nassert open('t.txt').read() == 'x'"
    files = {"mine.py": b"TABLE = [1, 2]", "t.txt": b"x", "json.py": b"raise OSError"}
    job = job_of(answer("a", "answer = None"), graded("t", test), files=files)
    forge = "open('mine.py', 'w').write('TABLE = 3')\nimport mine\nanswer = mine.TABLE"
    _, found = judged(job, handed_in(job, a=forge))
    assert found["t"][0] is False
    _, found = judged(job, handed_in(job, a="from mine import TABLE\nanswer = TABLE"))
    assert found["t"] == (True, [])


ELSEWHERE = """%tensorflow_version 2.x
%matplotlib widget
%matplotlib qt
%load_ext tensorboard
%tensorboard --logdir logs
%conda install pandas
%autosave 60
import matplotlib
import matplotlib.pyplot
matplotlib.use("TkAgg")
matplotlib.pyplot.switch_backend("qtagg")
"""


def test_what_is_for_the_students_own_machine_stops_no_cell():
    job = job_of(answer("mine", "# YOUR CODE HERE"), graded("test", "assert number == 3"))
    nb, said = judged(job, handed_in(job, mine=f"{ELSEWHERE}number = 3"))
    assert said["test"] == (True, [])
    (cell,) = [cell for cell in nb.cells if cell.source.endswith("number = 3")]
    shown = "".join(out.text for out in cell.outputs)
    assert "`%tensorflow_version` not found" in shown and "Cannot load backend" in shown


def test_a_magic_that_ends_a_cell_is_the_reason():
    job = job_of(answer("mine", "# YOUR CODE HERE"), graded("test", "assert number == 3"))
    _, said = judged(job, handed_in(job, mine="%%memit\nnumber = 3"))
    assert "stops with an error. UsageError: Cell magic `%%memit` not found" in said["test"][1][0]


@pytest.mark.parametrize("fork", ["os.fork()", "while True:\n    os.fork()"])
def test_a_fork_that_comes_back_from_a_cell_answers_nothing(fork):
    cells = answer("a", "# YOUR CODE HERE"), answer("b", "# YOUR CODE HERE\n")
    tests = graded("x", "assert one == 1"), graded("y", "assert two == 2")
    job = job_of(cells[0], tests[0], cells[1], tests[1])
    _, said = judged(job, handed_in(job, a=f"import os\none = 1\n{fork}", b="two = 2"))
    assert said == {"x": (True, []), "y": (True, [])}


def test_a_check_that_cannot_be_made_is_told_with_one_full_stop():
    job = job_of(answer("mine", "mine = None"), graded("t", "raise TypeError('It needs two.')"))
    _, said = judged(job, handed_in(job, mine="mine = 2"))
    assert said["t"][1][0].endswith("cannot use your answer: TypeError: It needs two.")
