"""Every open question in the text of a notebook has an answer to unfold after thinking.

`course/grading/own/prose.py` shows the form, and says which questions are open.
"""

import re

import nbformat
import pytest

from course.grading.own.prose import (
    ANSWER,
    answers_folded,
    open_questions,
    prose,
    questions_answered,
)
from tests.classroom import LECTURES, SOURCES

NOTEBOOKS = [pytest.param(path, id=path.stem) for path in [*LECTURES, *SOURCES]]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_open_question_has_an_answer_to_unfold(path):
    assert questions_answered(nbformat.read(path, 4)) == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_answer_is_folded_away_and_stands_behind_its_question(path):
    """In the one form that all viewers know, and none was left behind by a cell that is gone."""
    nb = nbformat.read(path, 4)
    assert answers_folded(nb) == []
    assert any(map(ANSWER.search, prose(nb).values()))


NUMBERS = re.compile(r"[\d.,+−/()*% -]+")


def sums(source):
    """The sides of the equations between plain numbers: "2 · 3 = 6" -> [["2*3", "6"]]."""
    found = []
    for formula in re.findall(r"\$([^$]+)\$", source):
        plain = formula.replace(r"\cdot", "*").replace("{,}", "").replace(r"\,", "")
        found.append([side for side in plain.split("=") if NUMBERS.fullmatch(side)])
    return [sides for sides in found if len(sides) > 1]


@pytest.mark.parametrize("path", [*LECTURES, *SOURCES], ids=lambda path: path.stem)
def test_the_sums_in_the_answers_are_right(path):
    for name, source in prose(nbformat.read(path, 4)).items():
        for first, *others in sums("".join(ANSWER.findall(source))):
            for side in others:
                places = len(side.strip().partition(".")[2])
                assert round(eval(first), places) == round(eval(side), places), (name, first, side)


def test_what_counts_as_a_sum():
    text = r"$N + 1 = 3$, $256 \cdot 256 + 2 = 65{,}538$"
    assert [[eval(side) for side in sides] for sides in sums(text)] == [[65_538, 65_538]]


FOLDED = "<details>\n<summary>Answer</summary>\n\nSo.\n\n</details>"


@pytest.mark.parametrize(
    "source, found",
    [
        ('## Why?\n\nIt is `a ? b`, they ask "Why?"', []),
        ("It grows. Why?", ["Why?"]),
        ("It grows. Why? Because it must.\n\nAnd then?", ["And then?"]),
        ("It grows. Why? Look at the picture.", ["Why?"]),
        ("(It grows.) How many leave it? (Two do not.)", ["How many leave it?"]),
        ("Move it: where does it end? This is the floor.", ["Move it: where does it end?"]),
        ("**Build.** Which one? About 2 lines.", ["Which one?"]),
        ("**Derive.** How many? They must agree.", ["How many?"]),
        ("*two chips* · Which one?\n\n- a) The first.\n- b) The second.", []),
        (f"Why?\n\n{FOLDED}", []),
        (f"Why?\n\n{FOLDED}\n\nAnd how?", ["And how?"]),
        (f"Why?\n\n{FOLDED}".replace("\n\nSo", "\nSo"), ["Why?"]),
    ],
)
def test_what_counts_as_an_open_question(source, found):
    assert open_questions(source) == found
