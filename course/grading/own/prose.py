"""Open questions in the text of a notebook, and the answers that a reader unfolds after thinking.

JupyterLab, Colab and the website fold it away:

    <details>
    <summary>Answer</summary>

    S2 halves the size.

    </details>

It stands below the question in the same cell, or in a cell of its own: the answer to `shapes-see`
in `shapes-see-answer`, after it or after the cell that shows the effect.

A question is open if it ends its paragraph, if the reader is told to do something about it ("Look
at the picture."), and always in "Derive" and "Go on". Others are answered by the next sentence.
What a check asks has no such answer: say it as a task ("Work out the size"), or as a choice
between letters.
"""

import re

ANSWER = re.compile(r"^<details>\n<summary>Answer</summary>\n\n.+?\n\n</details>$", re.M | re.S)
_NO_PROSE = re.compile(r'```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|"[^"]*"', re.S)
# Headings, quotations, tables, and "*name* · Which …?", which is answered by a letter.
_NO_QUESTION = re.compile(r"#|>|\||\*[^*\n]+\* · ")
_ORDER = re.compile(
    r"(Build|Compare|Count|Draw|Find|Fit|Follow|Guess|Hold|Keep|Let|Light|Look|Make|Measure|Mind|Move|"
    r"Read|Remember|Run|Say|Set|Show|Solve|Stack|Take|Think|Train|Try|Turn|Use|Watch|Work|Write)\b"
)


def open_questions(source):
    """The questions of a Markdown cell that the cell itself does not answer."""
    *_, below = ANSWER.split(source)
    found = []
    for paragraph in re.split(r"\n\s*\n", below):
        if _NO_QUESTION.match(paragraph):
            continue
        all_open = paragraph.startswith(("**Derive.**", "**Go on.**"))
        text = _NO_PROSE.sub("…", paragraph).replace("*", "")
        sentences = re.split(r"(?<=[.!?]) +|(?<=[.!?]\)) +|\n", text)
        sentences = [s for s in sentences if not s.startswith(("(", "About "))]
        for sentence, following in zip(sentences, [*sentences[1:], ""], strict=True):
            told = _ORDER.match(sentence) or _ORDER.match(following)
            if sentence.endswith("?") and (all_open or told or not following):
                found.append(sentence)
    return found


def prose(nb):
    """{cell id: text} of the Markdown cells."""
    return {cell.id: cell.source for cell in nb.cells if cell.cell_type == "markdown"}


def questions_answered(nb):
    """Every open question has an answer to unfold."""
    texts = prose(nb)
    return [
        f"the question {question!r} in {name} has no answer to unfold. Write one below it, or in a "
        f"cell {name}-answer; or answer it in the next sentence."
        for name, source in texts.items()
        if not ANSWER.match(texts.get(f"{name}-answer", ""))
        for question in open_questions(source)
    ]


def answers_folded(nb):
    """Every answer is folded away in the one form that all viewers know, after its question."""
    problems, seen = [], {}
    for name, source in prose(nb).items():
        rest = ANSWER.sub("", source)
        if "details>" in rest or "summary>" in rest:
            problems.append(
                f"{name} does not fold its answer away as all viewers can show it: <details>, then "
                "<summary>Answer</summary>, an empty line, the answer, an empty line, </details>."
            )
        if ANSWER.match(source):
            question = name.removesuffix("-answer")
            if rest or question == name or not open_questions(seen.get(question, "")):
                problems.append(
                    f"{name} should come after the cell with its question, hold nothing beside the "
                    "answer, and have that cell's name with -answer."
                )
        seen[name] = source
    return problems
