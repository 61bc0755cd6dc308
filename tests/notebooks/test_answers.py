"""Every open question in the text of a notebook has an answer to unfold after thinking.

JupyterLab, Colab and the website fold it away:

    <details>
    <summary>Answer</summary>

    S2 halves the size.

    </details>

It stands below the question in the same cell, or in a cell of its own: the answer to `shapes-see`
in `shapes-see-answer`, behind it or behind the cell that shows the effect.

A question is open if it ends its paragraph, if the reader is told to do something about it ("Look
at the picture."), and always in "Derive" and "Go on". Others are answered by the sentence behind.
What a check asks has no such answer: say it as a task ("Work out the size"), or as a choice
between letters.
"""

import re

import nbformat
import pytest

from tests.classroom import LECTURES, SOURCES

ANSWER = re.compile(r"^<details>\n<summary>Answer</summary>\n\n.+?\n\n</details>$", re.M | re.S)
NO_PROSE = re.compile(r'```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|"[^"]*"', re.S)
# Headings, quotations, tables, and "*name* · Which …?", which is answered by a letter.
NO_QUESTION = re.compile(r"#|>|\||\*[^*\n]+\* · ")
ORDER = re.compile(
    r"(Build|Compare|Count|Draw|Find|Fit|Follow|Guess|Hold|Keep|Let|Light|Look|Make|Measure|Mind|Move|"
    r"Read|Remember|Run|Say|Set|Show|Solve|Stack|Take|Think|Train|Try|Turn|Use|Watch|Work|Write)\b"
)


def open_questions(source):
    """The questions of a Markdown cell that the cell itself does not answer."""
    *_, below = ANSWER.split(source)
    found = []
    for paragraph in re.split(r"\n\s*\n", below):
        if NO_QUESTION.match(paragraph):
            continue
        all_open = paragraph.startswith(("**Derive.**", "**Go on.**"))
        text = NO_PROSE.sub("…", paragraph).replace("*", "")
        sentences = re.split(r"(?<=[.!?]) +|(?<=[.!?]\)) +|\n", text)
        sentences = [s for s in sentences if not s.startswith(("(", "About "))]
        for sentence, following in zip(sentences, [*sentences[1:], ""], strict=True):
            told = ORDER.match(sentence) or ORDER.match(following)
            if sentence.endswith("?") and (all_open or told or not following):
                found.append(sentence)
    return found


def prose(path):
    return {c.id: c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"}


NOTEBOOKS = [pytest.param(path, id=path.stem) for path in [*LECTURES, *SOURCES]]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_open_question_has_an_answer_to_unfold(path):
    cells = prose(path)
    without = {
        name: questions
        for name, source in cells.items()
        if (questions := open_questions(source))
        and not ANSWER.match(cells.get(f"{name}-answer", ""))
    }
    assert without == {}


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_answer_is_folded_away_and_stands_behind_its_question(path):
    """In the one form that all viewers know, and none was left behind by a cell that is gone."""
    seen, answers = {}, 0
    for name, source in prose(path).items():
        rest = ANSWER.sub("", source)
        assert "details>" not in rest and "summary>" not in rest, name
        answers += len(ANSWER.findall(source))
        if ANSWER.match(source):
            assert name.endswith("-answer") and not rest, name
            assert open_questions(seen.get(name.removesuffix("-answer"), "")), name
        seen[name] = source
    assert answers


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
    for name, source in prose(path).items():
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
