"""Whatever an answer is, it is plain data or a stand-in, and at worst one failed check."""

import json
import math
from collections import OrderedDict, defaultdict, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import cache, reduce

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course import check
from course.architectures.lenet import LENET5
from course.diagnosis.causes import Cause
from course.evidence import values
from course.evidence.values import MOST_VALUES, exactly, plain, stands_for
from tests import made_up
from tests.made_up import answer, handed_in, job_of, judged, locked

# Source, so that the same values can be tried in a notebook and in a submission.
ODD = """
import collections, decimal, fractions, numpy as np, keras

class Raises:
    def __getattr__(self, name): raise RuntimeError(name)
    __len__ = __iter__ = __float__ = __int__ = __index__ = __str__ = __repr__ = lambda self: 1 / 0

class Stops(Raises):
    def __getattr__(self, name): raise SystemExit(name)

class Pretends:
    __class__ = property(lambda self: int)
    shape, dtype = (3,), "float32"

class Classless:
    __class__ = property(lambda self: 1 / 0)

class Array:
    shape, dtype = (2, 2), np.dtype("float32")
    def __array__(self, *a, **k): raise ValueError("no")

class Endless:
    shape, dtype = property(lambda self: (10**30,)), "float32"

class Frame:
    columns, dtypes = ["a"], {"a": "int64"}
    def __array__(self, *a, **k): return np.array([[object()]])

class Text(str):
    def __str__(self): raise ValueError
    __repr__ = __len__ = __iter__ = __eq__ = __str__
    __hash__ = str.__hash__

class Row(list):
    def __len__(self): return -5
    def __iter__(self): raise ValueError

class Table(dict):
    def items(self): raise ValueError
    def __len__(self): return 10**12

class Odd(type):
    def __getattribute__(self, name): raise RuntimeError(name)

class Metaclass(metaclass=Odd): pass

class Whole(int):
    def __int__(self): raise ValueError
    __index__ = __float__ = __str__ = __repr__ = __bool__ = __int__

circle = {}; circle["C1"] = circle
ring = []; ring.append(ring)
self_array = np.empty(1, object); self_array[0] = self_array
doubled = [1]
for _ in range(60): doubled = [doubled, doubled]
deep = 1
for _ in range(5000): deep = [deep]

odd = [
    7 ** 61706, -(10 ** 400), 10 ** 5000, 2 ** 1000, float("nan"), float("inf"), -float("inf"), 1e308,
    1 + 2j, 3 + 0j, decimal.Decimal("1e999999"), decimal.Decimal("sNaN"), decimal.Decimal("61706.5"),
    fractions.Fraction(1, 3), fractions.Fraction(10 ** 400, 3), np.longdouble("1e4000"),
    np.longdouble(3), np.float16(65504), np.float32("nan"), np.int8(-3), np.uint64(2 ** 64 - 1),
    np.array(5), np.array([None, object()]), np.array([10 ** 400, 1], object), np.array(["a", "b"]),
    np.array([1 + 2j]), np.array(["2020-01-01"], "datetime64[D]"), np.zeros(3, [("a", "i4")]),
    np.zeros((2, 0)), np.bytes_(b"x"), np.broadcast_to(np.float32(0), (10 ** 4, 10 ** 4)),
    self_array, circle, ring, doubled, deep, [[1, 2], [3]], [], {}, (), set(), {1, 2}, frozenset("ab"),
    (i for i in range(3)), range(10 ** 9), map(int, "123"), iter([1]), b"bytes", bytearray(5),
    "x" * 3_000_000, "\\ud800 half", "line\\nbreak\\x1b[2K", "", {1: 2, "1": 3}, {(1, 2): 3, None: 4},
    {10 ** 5000: 1}, {Raises(): 1}, {"x" * 200_000: 1}, {"no plain value": "x", "cause": "RAISES"},
    {"no plain value": ["x"] * 9, "cause": 3}, [True, False], True, ..., None, NotImplemented,
    Raises(), Stops(), Pretends(), Classless(), Array(), Endless(), Frame(), Text("abc"), Row([1, 2]),
    Table(C1=1), Metaclass(), Metaclass, Whole(5), object(), int, print, lambda: 1, keras, keras.layers.Dense(3),
    keras.Input((3,)), keras.Input((3,)).shape, keras.ops.ones((2, 2)), keras.Variable(3.0),
    keras.ops.cast([1.5], "bfloat16"), collections.OrderedDict(C1=1), collections.Counter("aab"),
    collections.namedtuple("P", "x y")(1, 2), memoryview(b"abc"), np.ma.array([1, 2], mask=[0, 1]),
    np.matrix([[1, 2]]), [10 ** 400] * 3, {"C1": 7 ** 61706, "S2": {1}, "C3": circle, "S4": float("nan")},
    [0] * 200_000, {str(i): i for i in range(200_000)}, [[[[[[9] * 9] * 9] * 9] * 9] * 9], Exception("x"),
]
"""  # noqa: E501


@cache
def odd_values():
    """The values that the source above makes."""
    names = {}
    exec(ODD, names)
    return names["odd"]


def checks(answer):
    """Every check that takes a value, a table of numbers or a function."""
    yield lambda: check.value(answer, 95.8, tolerance=0.05)
    yield lambda: check.value(answer, {"C1": 1, "total": 61_706})
    yield lambda: check.value(answer, [[1.0, 2.0], [3.0, 4.0]])
    yield lambda: check.value(answer, "VGG-16")
    yield lambda: check.shapes({"C1": answer}, like=LENET5, rows=["C1"])
    yield lambda: check.shapes(answer, like=LENET5)
    yield lambda: check.parameters({"C1": answer, "total": answer}, like=LENET5)
    yield lambda: check.parameters(answer, like=LENET5)
    yield lambda: check.function(lambda n: answer, [1], gives=[3])
    yield lambda: check.function(lambda n: {"C1": [answer]}, [1], gives=[np.eye(2)])
    yield lambda: check.function(answer, [1], gives=[3])


def tried(asked):
    """The findings of a check, [] if it passed; whatever else it raises fails the test."""
    try:
        with check.silently():
            asked()
    except check.CheckFailed as failed:
        assert failed.findings
        for finding in failed.findings:
            assert len(finding.message) < 3000
            assert len(finding.message.splitlines()) == 1
            finding.message.encode()
        str(failed), failed.card._repr_html_()
        return failed.findings
    return []


@pytest.mark.parametrize("number", range(len(odd_values())))
def test_any_value_is_at_worst_one_failed_check(number):
    answer = odd_values()[number]
    json.dumps(plain(answer))
    for asked in checks(answer):
        tried(asked)


class Hidden:
    """A value that hypothesis does not look at: some cannot be printed."""

    def __init__(self, value):
        self.value = value


MADE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text()
    | st.binary() | st.decimals() | st.fractions() | st.integers(300, 6000).map(lambda n: 10**n)
    | st.integers(0, len(odd_values()) - 1).map(lambda number: odd_values()[number]),
    lambda inside: st.lists(inside) | st.tuples(inside, inside) | st.sets(st.integers())
    | st.dictionaries(st.text() | st.integers() | st.tuples(st.booleans()), inside),
    max_leaves=8,
).map(Hidden)  # fmt: skip


@settings(max_examples=150, deadline=None)
@example(Hidden(reduce(lambda inner, _: [inner], range(25), 1)))
@given(MADE)
def test_any_mixture_is_at_worst_one_failed_check(hidden):
    answer = hidden.value
    found = plain(answer)
    written = json.dumps(found)
    assert json.dumps(plain(found)) == json.dumps(json.loads(written)) == written
    for asked in checks(answer):
        tried(asked)


@settings(max_examples=150, deadline=None)
@given(MADE)
def test_any_forged_reply_is_at_worst_one_failed_check(hidden):
    reply = hidden.value

    class Remote:
        __name__ = "answer"

        def __evidence__(self, request):
            return {"value": reply, "answers": [reply]} if request["ask"] else reply

    for asked in checks(Remote()):
        tried(asked)


class Grade(IntEnum):
    GOOD = 2


@pytest.mark.parametrize(
    "value, expected",
    [
        (Grade.GOOD, 2), (np.float64(1.5), 1.5), (Fraction(6, 3), 2), (Fraction(1, 4), 0.25),
        (Decimal("0.958"), 0.958), (np.longdouble(3), 3.0), (np.float16(0.5), 0.5),
        (np.uint64(2**64 - 1), 2**64 - 1), (np.str_("a"), "a"), (np.array(5), 5),
        (np.array([1, "a"], object), [1, "a"]), (np.array([True]), [True]), (..., None),
        ({1: 2, "1": 3}, {"1": 3}), (namedtuple("P", "x y")(1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}), (defaultdict(int, a=1), {"a": 1}), ("\ud800", "?"),
        (keras.ops.cast([1.5], "bfloat16"), [1.5]), (keras.Variable(2.0), 2.0),
        (2**1000 - 1, 2**1000 - 1),
    ],
)  # fmt: skip
def test_a_value_as_plain_data(value, expected):
    found = plain(value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    "make, words, cause",
    [
        (lambda: 7**61706, "far too large (about 52,148 digits)", "TOO_LARGE"),
        (lambda: np.zeros((300, 300)), f"large (more than {MOST_VALUES:,} values)", "TOO_LARGE"),
        (lambda: Fraction(10**400, 3), "a number that is far too large", "TOO_LARGE"),
        (lambda: "x" * 10**6, "a str that is far too large", "TOO_LARGE"),
        (lambda: 1j, "a complex number", "WRONG_KIND_OF_VALUE"),
        (lambda: {1}, "a set", "WRONG_KIND_OF_VALUE"),
        (lambda: math.floor, "the function floor", "WRONG_KIND_OF_VALUE"),
        (lambda: np.array([1j]), "an array of complex numbers", "WRONG_KIND_OF_VALUE"),
        (lambda: keras.Input((3,)), "a symbolic Keras tensor", "WRONG_KIND_OF_VALUE"),
    ],
)  # fmt: skip
def test_what_has_no_plain_form_is_told_in_words(make, words, cause):
    value = make()
    said, name = stands_for(plain(value))
    assert words in said and name == cause
    with pytest.raises(TypeError, match="Only plain values can be compared"):
        exactly([value])


def test_the_rest_of_a_table_is_still_judged():
    answers = {"C1": 7**61706, "S2": 0, "C3": {1}, "S4": 5, "C5": 48_120, "F6": 10_164}
    findings = tried(lambda: check.parameters(answers, like=LENET5, rows=answers))
    assert [(f.row, f.cause) for f in findings] == [
        ("C1", Cause.TOO_LARGE), ("C3", Cause.WRONG_KIND_OF_VALUE), ("S4", Cause.WRONG_VALUE),
    ]  # fmt: skip
    assert "far too large (about 52,148 digits)" in findings[0].message
    assert "Received: a set." in findings[1].message


def test_whole_numbers_are_compared_exactly():
    assert tried(lambda: check.value(2**53 + 1, 2**53))
    assert not tried(lambda: check.value(2**900, 2**900))
    assert tried(lambda: check.value(7**61706, 2**900))


def test_the_text_about_none_is_not_none():
    said = values.kind_of(None)
    assert tried(lambda: check.function(lambda: None, [], gives=[said]))


def test_graded_each_costs_its_own_check_and_nothing_else():
    """Every value in one submission, through the kernel, and right answers at its end."""
    names = [f"odd{number}" for number in range(len(odd_values()))]
    tests = {
        "value": "check.value({0}, -17)",
        "counts": "check.parameters({0}, like=LENET5)",
        "function": "check.function(gives_{0}, [1], gives=[-17])",
    }
    cells = [
        locked("setup", "from course import check\nfrom course.architectures.lenet import LENET5"),
        answer("mine", "odd0 = None"),
        *(
            made_up.graded(f"{kind}-{name}", text.format(name))
            for name in names
            for kind, text in tests.items()
        ),
        made_up.graded("value-right", tests["value"].format("right")),
        made_up.graded("function-right", tests["function"].format("right")),
    ]
    mine = (
        ODD
        + """
for number, value in enumerate(odd):
    globals()[f"odd{number}"] = value
    globals()[f"gives_odd{number}"] = lambda n, value=value: value
right = -17
gives_right = lambda n: right
"""
    )
    job = job_of(*cells)
    nb, found = judged(job, handed_in(job, mine=mine))
    assert next(c for c in nb.cells if c.id == "mine").outputs == []
    assert [name for name, (passed, _) in found.items() if passed] == [
        "value-right", "function-right",
    ]  # fmt: skip
    assert len(found) == 3 * len(names) + 2
    for _, messages in found.values():
        assert all(len(m.splitlines()) == 1 and len(m) < 3000 for m in messages)
    assert "the kernel" not in str(found)
