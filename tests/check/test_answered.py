"""Which exercises are answered, told from the cells' text."""

import nbformat
import pytest
from nbformat.v4 import nbbase, new_code_cell

from course.check.answered import Answers
from course.check.file import found_in
from course.check.names import OPEN
from course.grading.demo import answered
from tests import damage
from tests.bank import packs
from tests.classroom import SOURCES
from tests.notebooks.test_banks import BANKS

TEST = "# Exercise e (5 points)\ncheck.function(f, [1], gives=[2])\ncheck.value(d, {'a': 1})"


def told(*sources, test=TEST):
    """(why the exercise is not answered or "", the faults) of these cells with its test."""
    found = Answers([new_code_cell(text) for text in (*sources, test)], {})
    return found.exercises["e"], found.faults


F, D = "def f(x):\n    return x", "d = {'a': 1}"


@pytest.mark.parametrize(
    "source",
    [
        "d = {'a': None}\nd['a'] = 1",
        "d = {'a': None}\nd.update(a=1)",
        "d = {'a': None}\nd |= {'a': 1}",
        "d = {'a': None}\nfor key in d:\n    d[key] = 1",
        "d = dict(a=1)\nprint(d)",
        "d: dict = {'a': 1}",
        "d, e = {'a': 1}, None",
        "d = {'a': 1}\nraise NotImplementedError()",
        "d = {}\nd['a'] = None\nd['a'] = 1",
        "%matplotlib inline\nd = {'a': 1}\n!ls\nlisted = !ls\nd?",
        "  d = {'a': 1}",
        "d = {'a': [None, None]}\nd['a'][0] = 3",
        "d = {'a': '\\d'}",
    ],
)
def test_a_dict_that_is_filled_in_is_an_answer(source):
    assert told(F, source) == ("", [])


@pytest.mark.parametrize(
    "source, why",
    [
        ("d = {'a': None}", OPEN),
        ("d = {0: None, 1: None}", OPEN),
        ("d = {0: None, 1: 2}", "in `d`, 0 is still None"),
        ("d = {'a': None, 'b': 1}", "in `d`, 'a' is still None"),
        ("d = dict(a=None, b=1)\nprint(d)", "in `d`, 'a' is still None"),
        ("d = {'a': 1, 'b': [None, None]}", "in `d`, 'b' is still None"),
        ("d = {'a': None, 'b': None}\nd['b'] = 1", "in `d`, 'a' is still None"),
        ("d = {'a': 1}\nd['b'] = None", "in `d`, 'b' is still None"),
        ("d = None", "`d` is still None"),
        ("d = ...", "`d` is still None"),
        ("raise NotImplementedError()\nd = {'a': 1}", "the cell of `d` stops in line 1"),
        ("", "no cell defines `d`"),
    ],
)
def test_a_value_that_is_none_is_no_answer(source, why):
    assert told(F, source)[0].startswith(why)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x\n    raise NotImplementedError()",
        "def f(x):\n    if x: return 1\n    else: return 2\n    raise NotImplementedError()",
        "def f(x):\n    if x < 0:\n        raise NotImplementedError('negative')\n    return x",
        "def f(x):\n    yield x",
        "f = lambda x: x + 1",
        "import math\n\ndef f(x):\n    return math.sqrt(x)",
        "def f(x):\n    return helper(x)\n\ndef helper(x):\n    return x",
        "from numpy import sqrt as f",
        "from numpy import *\n\ndef f(x):\n    return sqrt(x)",
        "class f:\n    def __init__(self, x):\n        pass",
        "if True:\n    def f(x):\n        return x",
    ],
)
def test_a_function_that_is_written_is_an_answer(source):
    assert told(source, D) == ("", [])


@pytest.mark.parametrize(
    "source, why",
    [
        ("def f(x):\n    '''text'''\n    raise NotImplementedError()", OPEN),
        ("def f(x):\n    '''text'''\n    # mine", OPEN),
        ("def f(x):\n    pass", OPEN),
        ("def f(x):\n    ...", OPEN),
        ("def f(x):\n    y = x\n    raise NotImplementedError()", "`f` still says raise Not"),
        ("f = lambda x: None", "`f` is still None"),
        ("def g(x):\n    raise NotImplementedError\n\ndef f(x):\n    return g(x)", OPEN),
        ("def f(x:\n    return x", "the cell of `f` has an error"),
    ],
)
def test_a_function_that_is_not_written_is_no_answer(source, why):
    assert told(source, D)[0].startswith(why)


def test_a_letter_that_is_missing_is_no_answer():
    given = damage.Assignment(next(path for path in SOURCES if path.stem == "convolution"))
    for source, why in (
        ("moves = {}", "in `moves`, 'stride 1' is missing"),
        ("moves = {'stride 1': 'a', 'two pools': 'a'}", "in `moves`, 'stride 2' is missing"),
        ("moves = {'stride 1': 'a', 'two pools': 'a'}\nmoves['stride 2'] = 'b'", ""),
        ("moves = dict(zip(['stride 1', 'stride 2', 'two pools'], 'abc'))", ""),
    ):
        nb = answered(given.release, {**given.answers, "moves-answer": source})
        found = found_in(nbformat.writes(nb).encode())
        assert found.exercises["convolution-moves"] == why, source


def test_a_fault_is_told_with_its_place():
    said = told("def f(x):\n    return x +", D)[1]
    assert said == [
        "The cell that begins with 'def f(x):' has an error in line 2: invalid syntax. Python "
        "cannot run it, and neither can the grader."
    ]
    assert told("def f(x):\n    return math.sqrt(x)", D)[1] == [
        "No cell defines `math`, which `f` uses."
    ]
    assert told("def f(x):\n    y = x", D)[1] == ["`f` returns nothing: is its `return` missing?"]
    assert "'return' outside function" in told("return 3", F, D)[1][0]
    # What no answer uses may use what it wants.
    assert told(F, D, "print(math.pi)\n%%time")[1] == []
    assert told(F, D, "%%bash\nls -l")[1] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_answer_of_the_bank_is_one(path, monkeypatch):
    """Right or wrong; of a mistake, only what its sentence says has no answer yet."""
    monkeypatch.setattr(nbbase, "validate", lambda node, ref=None: None)  # slow
    given = damage.Assignment(path)
    bank = next(bank for bank in BANKS.values() if bank.NOTEBOOK.endswith(f"/{path.name}"))
    cases = [(style, answers, "") for style, answers in bank.RIGHT.items()]
    for pack in packs(bank.MISTAKES):
        said = " ".join(each.sentence for each in pack)
        cases.append((pack[0].name, {each.cell: each.source for each in pack}, said))
    for name, answers, sentence in cases:
        nb = answered(given.release, {**given.answers, **answers})
        found = found_in(nbformat.writes(nb).encode())
        left = {exercise: why for exercise, why in found.exercises.items() if why}
        assert bool(left) == ("There is no answer yet" in sentence), (name, left)
        assert found.repairs == [], name
        assert not found.faults or "is the return missing?" in sentence, (name, found.faults)
