"""A bank of answers to a notebook: right ones in several styles, and typical mistakes.

It is a Python file that belongs to the instructor alone. It has `NOTEBOOK` ("09-net/net.ipynb"),
`RIGHT` (style -> {answer cell: source}; a cell that a style leaves out is answered as in the
solution) and `MISTAKES` (a list of `Mistake`).
"""

import runpy
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from course.grading import CourseError
from course.plain import one_line


@dataclass(frozen=True)
class Mistake:
    """A wrong answer to one cell: what it costs, and the sentence that the student should read."""

    name: str
    cell: str
    source: str
    lost: tuple  # grade ids that get no points
    sentence: str  # what the first message of the first of them contains
    follows: tuple = ()  # grade ids that fail because of it, and pass with the official answer


def letters(name, right, **changed):
    """An answer of letters, some of them changed; `_` in a question's name stands for a space."""
    changed = {question.replace("_", " "): letter for question, letter in changed.items()}
    assert changed.keys() <= right.keys()
    return f"{name} = {right | changed}"


def packs(mistakes):
    """Mistakes that do not touch each other share a submission: a kernel takes seconds to start."""
    packed = []
    for mistake in mistakes:
        for pack in packed:
            cells = {other.cell for other in pack}
            ids = {name for other in pack for name in (*other.lost, *other.follows)}
            if mistake.cell not in cells and not ids & {*mistake.lost, *mistake.follows}:
                pack.append(mistake)
                break
        else:
            packed.append([mistake])
    return packed


def read_bank(path):
    """A bank's file, with its names as attributes. Raises CourseError if it cannot be used."""
    path = Path(path)
    if not path.is_file():
        raise CourseError(
            f"There is no bank {path}: the right answers and the typical mistakes that the "
            "assignment is tried on. `course new` writes one; name another with --bank."
        )
    try:
        bank = SimpleNamespace(**runpy.run_path(str(path)))
    except (Exception, SystemExit) as error:  # the instructor's own code
        places = traceback.extract_tb(error.__traceback__)
        lines = [place.lineno for place in places if place.filename == str(path)]
        at = f", line {lines[-1]}" if lines else ""
        said = one_line("".join(traceback.format_exception_only(error)))
        raise CourseError(f"The bank {path}{at} cannot be read: {said}. Mend that line.") from None
    kinds = {"NOTEBOOK": str, "RIGHT": dict, "MISTAKES": list}
    for name, kind in kinds.items():
        if not isinstance(found := getattr(bank, name, None), kind):
            said = f"it is a {type(found).__name__}" if hasattr(bank, name) else "it has none"
            raise CourseError(f"The bank {path} should have a {kind.__name__} {name}; {said}.")
    for number, mistake in enumerate(bank.MISTAKES, 1):
        if not isinstance(mistake, Mistake) or not mistake.lost:
            raise CourseError(
                f"Entry {number} of MISTAKES in {path} should be a Mistake that names in `lost` "
                f"what it costs, such as ('net-model',). It is: {mistake!r:.200}"
            )
    return bank
