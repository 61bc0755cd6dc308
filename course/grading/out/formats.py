"""A Verdict in the format that a person or a platform reads.

`FORMATS` is {name: a function that returns the text}. The schemas are those of the platforms'
documentation: Gradescope's results.json (autograder specifications), PrairieLearn's results.json
(external grading), Coursera's feedback.json (custom graders), Classroom 50's result.json
(classroom50/result/v1).
"""

import json
import os
import re
import textwrap
from datetime import UTC, datetime
from functools import wraps

import nbformat

import course
from course.grading import CourseError
from course.grading.out.feedback import page
from course.grading.verdict import number
from course.language import _, speaking
from course.plain import escaped, one_line
from course.show import width

_WIDTH = 96  # characters of a line in a block of code
_CLOSING = "、。）：；，！？"  # no line begins with these
#: What stands in one line of Chinese: a letter or a word with its punctuation, or blanks.
_PIECE = re.compile(rf"\s+|(?:[\u2e80-\u9fff]|[^\s\u2e80-\u9fff{_CLOSING}]+)[{_CLOSING}]*\s*|\S")
_MOST = 900_000  # characters of PrairieLearn's file, which may have a megabyte
_PAGE = 100_000  # characters of cards in Markdown: a GitHub release may have 125,000 in all


def _spoken(form):
    """The format `form` in the language in which the verdict speaks."""

    @wraps(form)
    def spoken(verdict):
        with speaking(verdict.language):
            return form(verdict)

    return spoken


def as_json(verdict):
    """Everything that a program may want to know."""
    exercises = [
        {
            "name": each.name,
            "points": each.points,
            "max_points": each.maximum,
            "state": each.state,
            "by_hand": each.by_hand,
            "findings": each.findings,
            "card": each.card,
        }
        for each in verdict.exercises
    ]
    return _json(
        {
            "assignment": verdict.assignment,
            "state": _state(verdict),
            "score": verdict.score,
            "max_score": verdict.maximum,
            "reasons": verdict.reasons,
            "absent": verdict.absent,
            "repairs": verdict.repairs,
            "receipts": verdict.receipts,
            "sandbox": verdict.sandbox,
            "unsafe": verdict.unsafe,
            "exercises": exercises,
            "seconds": round(verdict.seconds, 2),
            "course": course.__version__,
            "job": verdict.job,
        }
    )


def as_html(verdict):
    """The feedback page. Raises CourseError if the assignment has several notebooks."""
    if len(verdict.notebooks) > 1:
        raise CourseError(
            f"A page shows one notebook, and {verdict.assignment} has {len(verdict.notebooks)}. "
            "Choose another format, such as md."
        )
    if verdict.notebooks:
        ((name, text),) = verdict.notebooks.items()
        nb = nbformat.v4.reads(text)
    else:  # not even the pack could be read
        name, nb = _("a notebook"), nbformat.v4.new_notebook()
        nb.metadata["course"] = {"failed": verdict.failed, "repairs": []}
    about = {each.name: each for each in verdict.exercises}
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if each := about.get(meta.get("grade_id")):
            meta.update(score=each.points, points=each.maximum, waits=each.points is None)
    names = {"notebook": name, "assignment": verdict.assignment}
    return page(nb, {**names, "score": verdict.score, "max_score": verdict.maximum})


def as_markdown(verdict):
    """A page in Markdown, for a job's summary or a terminal."""
    lines = [f"# {escaped(verdict.assignment)}: {_total(verdict)}", "", *_about(verdict)]
    if verdict.exercises:
        lines += ["| {} | {} | |".format(_("exercise"), _("points")), "|---|---|---|"]
    lines += [
        f"| {escaped(each.name)} | {points_of(each)} | {each.mark} |" for each in verdict.exercises
    ]
    shown = [each for each in verdict.exercises if each.card and not each.failed]
    for each in shown:
        card = _cut(each.card, _PAGE // len(shown))
        lines += ["", f"## {escaped(each.name)}: {each.mark}", "", *fenced(card)]
    return "\n".join(lines) + "\n"


def as_gradescope(verdict):
    """results.json. Exercises that a person grades are left to Gradescope's own rubric."""
    tests = [
        {
            "name": each.name,
            "score": each.points,
            "max_score": each.maximum,
            "status": "passed" if each.state == "right" else "failed",
            "output": "\n".join(fenced(each.card)) if each.card else each.mark,
            "tags": list(dict.fromkeys(map(_cause, each.findings))),
            "visibility": "visible",
        }
        for each in verdict.exercises
        if not each.by_hand and each.points is not None
    ]
    found = {
        "output": "\n".join(_about(verdict)) or _("Graded."),
        "output_format": "md",
        "test_output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(verdict.seconds),
        "tests": tests,
        "extra_data": {
            "assignment": verdict.assignment,
            "state": _state(verdict),
            "job": verdict.job,
            "findings": {each.name: each.findings for each in verdict.exercises if each.findings},
        },
    }
    return _json(found if tests else {"score": 0, **found})


def as_classroom50(verdict):
    """result.json, with what the runner says of itself in its environment."""
    names = {
        "classroom": "CLASSROOM", "assignment": "ASSIGNMENT", "submission": "SUBMISSION_TAG",
        "commit": "COMMIT_URL", "release": "RELEASE_URL", "review": "REVIEW_URL",
    }  # fmt: skip
    about = {key: os.environ.get(name, "") for key, name in names.items()}
    tests = [
        {
            "test-name": each.name,
            "passed": each.state == "right",
            "score": _whole(each.points),
            "max-score": _whole(each.maximum),
        }
        for each in verdict.exercises
        if not each.by_hand
    ]
    return _json(
        {
            "schema": "classroom50/result/v1",
            **about,
            "assignment": about["assignment"] or verdict.assignment,
            "datetime": datetime.now(UTC).isoformat(timespec="seconds"),
            "score": sum(test["score"] for test in tests),
            "max-score": sum(test["max-score"] for test in tests),
            "tests": tests,
        }
    )


def as_prairielearn(verdict):
    """results.json, whose score is a share of the points that need no person."""
    judged = [each for each in verdict.exercises if not each.by_hand]
    room = _MOST // max(1, len(judged))
    tests = [
        {
            "name": each.name,
            "points": each.points or 0,
            "max_points": each.maximum,
            "message": each.mark,
            "output": _cut(each.card, room),
        }
        for each in judged
    ]
    return _json(
        {
            "gradable": not verdict.reasons,
            "score": _share(judged),
            "message": "\n".join(_plain_about(verdict)),
            "tests": tests,
        }
    )


def as_coursera(verdict):
    """feedback.json, whose score is a share of the points that need no person."""
    judged = [each for each in verdict.exercises if not each.by_hand]
    lines = [_total(verdict), *_plain_about(verdict)]
    lines += [
        f"{each.name}: {each.mark} ({points_of(each)})\n{each.card}".rstrip() for each in judged
    ]
    return _json({"fractionalScore": _share(judged), "feedback": "\n\n".join(lines)})


FORMATS = {
    "json": as_json,
    "html": as_html,
    "md": _spoken(as_markdown),
    "gradescope": _spoken(as_gradescope),
    "classroom50": as_classroom50,
    "prairielearn": _spoken(as_prairielearn),
    "coursera": _spoken(as_coursera),
}


# --- sentences


def _state(verdict):
    if verdict.reasons or not verdict.exercises:
        return "not graded"
    waits = any(each.points is None for each in verdict.exercises)
    return "waits for a person" if waits else "graded"


def _total(verdict):
    if verdict.score is None:
        return _("not graded")
    said = (
        _("{points} of {maximum} points") if _state(verdict) == "graded"
        else _("{points} of {maximum} points so far")
    )  # fmt: skip
    return said.format(points=number(verdict.score), maximum=number(verdict.maximum))


def _plain_about(verdict):
    said = _("Not graded: {reason}")
    lines = [said.format(reason=one_line(reason, 2000)) for reason in verdict.reasons]
    lines += map(one_line, verdict.absent)
    waiting = [each.name for each in verdict.exercises if each.points is None and not each.failed]
    if waiting:
        lines.append(_("A person still grades {names}.").format(names=_(", ").join(waiting)))
    if verdict.unsafe:
        said = _("Graded WITHOUT a sandbox: the submission could read and change anything.")
        lines.append(said)
    lines += [_("Repaired: {repair}").format(repair=one_line(repair)) for repair in verdict.repairs]
    return lines + [_("Receipt {receipt}").format(receipt=mark) for mark in verdict.receipts]


def _about(verdict):
    """The same in Markdown, each line a paragraph."""
    return [text for line in _plain_about(verdict) for text in (escaped(line), "")]


def points_of(each):
    """The points of an Exercise beside its most, as text."""
    return f"{'–' if each.points is None else number(each.points)} / {number(each.maximum)}"


def _cause(finding):
    """A finding's cause as a tag: "Cause.TOO_FEW" is "too few"."""
    return finding["cause"].replace("_", " ").lower()


def _share(exercises):
    most = sum(each.maximum for each in exercises)
    return min(1.0, sum(each.points or 0 for each in exercises) / most) if most else 0.0


def _whole(points):
    """Points as the whole number that the schema asks for; half a point is not given."""
    return int(points or 0)


def _cut(text, most):
    return text if len(text) <= most else f"{text[: most - 1]}…"


# --- texts of others in Markdown


def fenced(text):
    """A text as a block of code that nothing in it can end, in lines that need no scrolling."""
    text = "\n".join(map(_wrapped, text.split("\n")))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]


def _wrapped(line):
    inside = line[: len(line) - len(line.lstrip())]
    if width(line) > len(line):  # Chinese: no blanks between words, and letters of two columns
        return _wrapped_wide(line, inside)
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=inside, break_long_words=False, break_on_hyphens=False
    )


def _wrapped_wide(line, inside):
    lines = [""]
    for piece in _PIECE.findall(line):
        if width(lines[-1] + piece.rstrip()) > _WIDTH:
            lines.append(inside)
        lines[-1] += piece
    return "\n".join(map(str.rstrip, lines))


def _json(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
