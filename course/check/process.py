"""What a notebook keeps of the way to its answers, if its course says so openly.

`course.setup(keep_progress=True)` switches it on, and prints what is kept. The runs of checks are
then noted in `.progress.json`, too, and the output of `check.progress(...)` holds them. So they are
in the file that is handed in, where `course report` reads them. Clearing that output leaves them
out.
"""

import hashlib
from html import escape

from course import show
from course.diagnosis import Cause
from course.language import N_, _, ngettext
from course.plain import one_line

MIME = "application/vnd.convnet-course.progress.v1+json"
WRONG, RIGHT = "wrong", "right"
STATES = ("open", WRONG, RIGHT)
MOST = 1000  # runs in one file; of more, the first and the last ones are kept
LONGEST = 100  # characters of a row

SAID = (
    N_(
        "This notebook notes how you come to your answers, because your course asks for it. "
        "Whenever a check says something new, it notes the exercise, whether it is open, wrong or "
        "right, the row or name that the first finding is about, the kind of that finding, and "
        "your minutes at work so far. It notes no code, no name of yours and no time of day."
    ),
    N_(
        "The notes are in .progress.json beside the notebook and in the output of the last cell. "
        "So they are in the file that you hand in, and whoever has the file can read them. Your "
        "instructor's report shows them for the class together, never for fewer than five. No "
        "point depends on them."
    ),
    N_("To leave them out, clear the output of the last cell, save, and hand in that file."),
)


def said():
    """What is kept, where, who can read it, and how to leave it out: a paragraph for each."""
    return "\n".join(map(_, SAID))


def note(seen, exercise, error, minutes):
    """Note a run of an exercise's check in {exercise: entry}; returns whether it was anything new.

    `error` is what ended the check, or None. `minutes` are those at work since the last note. A run
    that says word for word what the exercise's run before said is nothing new.
    """
    card = getattr(error, "card", None)
    state = card.state if card else WRONG if error else RIGHT
    row = cause = ""
    if state == WRONG:
        first = card.findings[0] if card else None
        cause = first.cause.name if first else Cause.STOPPED.name
        row = first.row if first and first.row != card.name else ""  # "": the answer as a whole
    text = f"{type(error).__name__} {error}" if error else RIGHT
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]
    runs = seen[exercise].setdefault("runs", [])
    if runs and runs[-1]["digest"] == digest:
        return False
    others = [run for entry in seen.values() for run in entry.get("runs", ())]
    run = {
        "number": 1 + max((run["number"] for run in others), default=0),
        "minutes": round(minutes + max((run["minutes"] for run in others), default=0), 2),
        "state": state,
        "row": one_line(row, LONGEST),
        "cause": cause,
        "digest": digest,  # stays beside the notebook
    }
    runs.append(run)
    return True


def runs_of(seen, exercises):
    """[[exercise, minutes, state, row, cause], ...] of these exercises, in their order."""
    named = [(run, name) for name in exercises for run in seen.get(name, {}).get("runs", ())]
    runs = [
        [name, round(run["minutes"]), run["state"], run["row"], run["cause"]]
        for run, name in sorted(named, key=lambda each: each[0]["number"])
    ]
    return runs if len(runs) <= MOST else runs[: MOST // 2] + runs[-MOST // 2 :]


def in_words(runs):
    """The line about runs that an output holds."""
    return ngettext(
        "This output keeps {number} run of a check. To leave it out, clear the output and save.",
        "This output keeps {number} runs of checks. To leave them out, clear the output and save.",
        len(runs),
    ).format(number=len(runs))


def html(runs):
    """What the output holds, for its student to read."""
    head = _("exercise"), _("state"), _("row"), _("first finding"), _("minutes at work")
    states = {"open": _("open"), WRONG: _("wrong"), RIGHT: _("right")}
    rows = [
        (name, states[state], row, cause.replace("_", " ").lower(), str(minutes))
        for name, minutes, state, row, cause in runs
    ]
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in said().splitlines())
    table = show.html(head, rows, right=(4,))
    return f"<details><summary>{escape(in_words(runs))}</summary>{paragraphs}{table}</details>"
