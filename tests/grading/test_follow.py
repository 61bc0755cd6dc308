"""One mistake costs its own points: what depends on it is judged with the official answer."""

import pytest

from course.grading.verdict.follow import Dependencies
from tests.made_up import answer, graded, handed_in, job_of, judged, locked

CELLS = {
    "imports": "from course import check",
    "square-answer": "def square(n):\n    return n * n",
    "square": "check.function(square, [3], gives=[9])",
    "helper": "def twice(n):\n    return 2 * square(n)",
    "sum-answer": "def total(a, b):\n    return square(a) + square(b)",
    "sum": "check.function(total, [1, 2], gives=[5])",
    "given": "def checked(a):\n    return length(a, a)",
    "length-answer": "def length(a, b):\n    return total(a, b) ** 0.5\n\nname = 'Euclid'",
    "length": "check.function(checked, [4], gives=[32 ** 0.5])",
    "name": "check.value(name, 'Euclid')",
    "alone-answer": "alone = 7",
    "alone": "check.value(alone, 7)",
    "doubled-answer": "def doubled(n):\n    return twice(n)",
    "doubled": "check.function(doubled, [3], gives=[18])",
}
STUBS = {
    "square-answer": "def square(n):\n    raise NotImplementedError()",
    "sum-answer": "def total(a, b):\n    raise NotImplementedError()",
    "length-answer": "def length(a, b):\n    raise NotImplementedError()\n\nname = None",
    "alone-answer": "alone = None",
    "doubled-answer": "def doubled(n):\n    raise NotImplementedError()",
}
TESTS = [name for name in CELLS if name + "-answer" in CELLS or name == "name"]


def made(name):
    if name in TESTS:
        return graded(name, CELLS[name], 5)
    return answer(name, STUBS[name]) if name in STUBS else locked(name, CELLS[name])


OFFICIAL = [made(name) for name in CELLS]
SOLUTION = [(cell.name, CELLS.get(cell.name) if cell.name in STUBS else cell.source)
            for cell in OFFICIAL]  # fmt: skip
JOB = job_of(*OFFICIAL, solution={"hw": SOLUTION})
RIGHT = {name.replace("-", "_"): CELLS[name] for name in STUBS}
WRONG = "def square(n):\n    return n + n"


def graded_with(**answers):
    nb, found = judged(JOB, handed_in(JOB, **{**RIGHT, **answers}))
    return nb, found


def lost(found):
    return {name for name, (passed, _) in found.items() if not passed}


def test_which_exercise_depends_on_which():
    found = Dependencies(SOLUTION, JOB.official["hw"], {})
    assert found.own == {
        "square": {"square-answer"}, "sum": {"sum-answer"}, "length": {"length-answer"},
        "name": {"length-answer"}, "alone": {"alone-answer"}, "doubled": {"doubled-answer"},
    }  # fmt: skip
    assert found.before == {
        "square": set(), "sum": {"square-answer"}, "length": {"square-answer", "sum-answer"},
        "name": {"square-answer", "sum-answer"}, "alone": set(), "doubled": {"square-answer"},
    }  # fmt: skip
    assert found.last["length-answer"] == "name"
    own = Dependencies(SOLUTION, JOB.official["hw"], {"alone-answer": "alone = square(2) + 3"})
    assert own.before["alone"] == {"square-answer"}


def test_one_mistake_costs_its_own_points_and_the_others_say_so():
    nb, found = graded_with(square_answer=WRONG)
    assert lost(found) == {"square"}
    said = "Judged with the official square, because yours is not right (see square)."
    for name in ("sum", "length", "doubled"):
        assert found[name] == (True, [said])
        (output,) = next(c for c in nb.cells if c.id == name).outputs
        assert output.output_type == "stream" and output.text == said
    assert found["name"] == found["alone"] == (True, [])


def test_a_mistake_of_its_own_is_still_lost_and_what_follows_is_not():
    _, found = graded_with(square_answer=WRONG, sum_answer="def total(a, b):\n    return a * b + 1")
    assert lost(found) == {"square", "sum"}
    assert (
        "the official square and total, because yours is not right (see square and sum)"
        in (found["length"][1][0])
    )


def test_of_two_tests_about_an_answer_the_one_that_failed_is_named():
    texts = {"of-pair-answer": "def of_pair():\n    return pair[0]", "pair-answer": "pair = 1, 2"}
    cells = [
        answer("pair-answer", "pair = None"),
        graded("pair-first", "check.value(pair[0], 1)", 2),
        graded("pair-second", "check.value(pair[1], 2)", 2),
        answer("of-pair-answer", "def of_pair():\n    raise NotImplementedError()"),
        graded("of-pair", "check.function(of_pair, [], gives=[1])", 2),
    ]
    cells = [made("imports"), *cells]
    solution = [(cell.name, texts.get(cell.name, cell.source)) for cell in cells]
    job = job_of(*cells, solution={"hw": solution})
    wrong = {name.replace("-", "_"): text for name, text in texts.items()}
    _, found = judged(job, handed_in(job, **wrong | {"pair_answer": "pair = 5, 2"}))
    assert lost(found) == {"pair-first"}
    said = "Judged with the official pair, because yours is not right (see pair-first)."
    assert found["of-pair"] == (True, [said])


def test_an_answer_that_is_not_there_is_stood_in_for_but_earns_nothing():
    _, found = graded_with(square_answer=STUBS["square-answer"], sum_answer=STUBS["sum-answer"])
    assert lost(found) == {"square", "sum"}
    _, found = judged(JOB, handed_in(JOB))
    assert lost(found) == set(TESTS)


def test_without_the_solution_all_is_judged_as_it_is():
    job = job_of(*OFFICIAL)
    _, found = judged(job, handed_in(job, **{**RIGHT, "square_answer": WRONG}))
    assert lost(found) == {"square", "sum", "length", "doubled"}


def test_it_can_be_switched_off():
    job = job_of(*OFFICIAL, solution={"hw": SOLUTION}, config={"Judge": {"follow_through": False}})
    _, found = judged(job, handed_in(job, **{**RIGHT, "square_answer": WRONG}))
    assert lost(found) == {"square", "sum", "length", "doubled"}


def test_helpers_of_the_students_own_stay():
    helped = "def mine(n):\n    return n\n\n" + WRONG
    uses = "def total(a, b):\n    return square(mine(a)) + square(b)"
    _, found = graded_with(square_answer=helped, sum_answer=uses)
    assert lost(found) == {"square"}


def test_an_answer_that_a_helper_gave_gets_no_points_back():
    own = "def total(a, b):\n    return square(a) + square(b)"
    helped = "from course.arithmetic import output_size\n"
    helped += "def total(a, b):\n    return square(a) + square(b) + output_size(5, 5) - 1"
    _, found = graded_with(square_answer=WRONG, sum_answer=own)
    assert lost(found) == {"square"}
    _, found = graded_with(square_answer=WRONG, sum_answer=helped)
    assert {"square", "sum"} <= lost(found)
    assert "total(1, 2) gives 6, it should give 5." in found["sum"][1][0]


SPIES = {
    "the source is read": """
import inspect
def total(a, b):
    text = "".join(In) + str(square.__code__.co_consts)
    raise ValueError("secret " + text)
""",
    "the source is printed and shown": """
print("secret", In); display("secret " + "".join(In))
def total(a, b):
    return "secret " + "".join(In)
""",
    "the source is given as the answer": """
def total(a, b):
    return ["secret", *In]
""",
    "later answers are looked for": """
import re
def total(a, b):
    for text in In:
        if "def total" in text and "square(a)" in text:
            exec(text, globals()); return globals()["total"](a, b)
    return 0
""",
    "it kills the kernel": """
import os
def total(a, b):
    os._exit(1) if len(In) > 5 and "n * n" in "".join(In) else 0
""",
}


@pytest.mark.parametrize("spy", SPIES)
def test_nothing_of_an_official_answer_gets_out(spy):
    nb, found = graded_with(square_answer=WRONG, sum_answer=SPIES[spy])
    assert "sum" in lost(found)
    text = str(nb)
    assert "return n * n" not in text and "square(a) + square(b)" not in text.replace(
        'square(a)" in text', ""
    )
