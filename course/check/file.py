"""What the grader will find in a notebook's file: what is answered, open or damaged; a receipt.

The file is read and repaired by the same code as for a verdict (`course.notebook`), and not run.
"""

import hashlib
import time
from dataclasses import dataclass, field

from course import setup_cell
from course.check.answered import Answers
from course.check.names import OPEN
from course.language import _, ngettext, sentences
from course.notebook import renamed
from course.notebook.enclosed import release_in
from course.notebook.read import read_notebook
from course.notebook.repair import repair
from course.plain import one_line


def receipt(cells):
    """A hash of a notebook's text, such as 3F2A-91C0; outputs and metadata do not count.

    `cells` is the list under "cells" of the file. Anybody who has the file can compute it again.
    """
    text = "\0".join(
        "\n".join(line.rstrip() for line in source(cell).strip().splitlines()) for cell in cells
    )
    mark = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8].upper()
    return f"{mark[:4]}-{mark[4:]}"


def source(cell):
    """A cell's text; a file may hold it as lines or in one piece."""
    found = cell.get("source", "")
    found = found if isinstance(found, list) else [found]
    return "".join(part for part in found if isinstance(part, str))


@dataclass
class Found:
    """What is in a file; `file` is its name, or what else to call it."""

    file: str
    problem: str = ""  # why it cannot be read at all
    exercises: dict = field(default_factory=dict)  # {exercise: why it is not answered, or ""}
    faults: list = field(default_factory=list)  # sentences about what should be mended
    repairs: list = field(default_factory=list)  # the sentences of the grader about its repairs
    cells: list = field(default_factory=list)  # as they are in the file
    compared: bool = True  # whether the released cells were there to compare with

    @property
    def complete(self):
        """Whether all exercises are answered, and nothing should be mended."""
        return bool(self.exercises) and not any(self.exercises.values()) and not self.ailing

    @property
    def ailing(self):
        """Whether something should be mended before the file is handed in."""
        return bool(self.problem or self.faults or not self.exercises)

    @property
    def answered(self):
        """How many exercises are answered, such as "11 of 13 exercises answered"."""
        done, all_ = sum(not why for why in self.exercises.values()), len(self.exercises)
        said = ngettext(
            "{done} of {all} exercises answered", "{done} of {all} exercises answered", all_
        )
        return said.format(done=done, all=all_)

    def lines(self):
        """Sentences for the student: the state first, then what is open, faulty and repaired."""
        if self.problem:
            return [self.problem]
        if self.complete:
            state = _("{file} is complete: {answered}.")
        elif self.ailing:
            state = _("{file} should not be handed in as it is: {answered}.")
        else:
            state = _("{file} can be handed in, but is not complete: {answered}.")
        said = [state.format(file=self.file, answered=self.answered)]
        if not self.compared:
            said.append(
                _(
                    "The file has lost its copy of the released cells; some editors leave it out. "
                    "So this check could not compare the file with them. The grader has a copy of "
                    "its own: it puts back what is missing, and mends what is damaged."
                )
            )
        untouched = [name for name, why in self.exercises.items() if why == OPEN]
        if untouched:
            said.append(_("Open: {names}.").format(names=_(", ").join(untouched)))
        said += [
            _("{name} is not answered: {why}.").format(name=name, why=why)
            for name, why in self.exercises.items()
            if why not in ("", OPEN)
        ]
        said += self.faults
        if self.repairs:
            said.append(_("The grader will repair the file, as this check did:"))
            said += [f"  {text}" for text in self.repairs]
        return said

    def receipt(self):
        """The receipt, for a file that could be read, and what it is good for."""
        when = time.strftime("%Y-%m-%d %H:%M UTC%z")
        return _(
            "Receipt {receipt} of {time}, {answered}. Note it down: it marks the text of the file, "
            "and your instructor can compute it from the file that arrived."
        ).format(receipt=receipt(self.cells), time=when, answered=self.answered)


def language_of(content):
    """The language that a notebook's set-up cell asks for; None if the file cannot be read."""
    nb, _problem = read_notebook(content)
    return nb and setup_cell.language_of(cell.source for cell in nb.cells)


def _ended(text):
    """A sentence with its full stop."""
    return text if text.endswith((".", "。")) else _("{text}.").format(text=text)


def found_in(content, file="", exercises=(), released=None):
    """What is Found in the bytes of a file.

    `file` is its name; "" stands for the name under which the notebook was released. `released` is
    (the notebook's name, its Release), for a file that does not enclose them itself. `exercises`
    are those that should be there.
    """
    released = release_in(content) or released
    shown = one_line(file, 100) or (f"{released[0]}.ipynb" if released else _("The notebook"))
    nb, problem = read_notebook(content)
    if nb is not None and file and ".ipynb" not in file.lower():
        problem = _("is not named like a notebook: let its name end with .ipynb")
    if problem:
        return Found(shown, _ended(renamed.told(shown, problem)))
    cells, official, repairs = nb.cells, {}, nb.metadata.get("damage", [])
    if released is not None:
        name, official = released
        files = renamed.named({file or f"{name}.ipynb": content}, [name])
        (read,) = renamed.read_submission(files, {name: official})
        if read.nb is None:
            return Found(shown, _ended(read.problem), cells=cells)
        nb, repairs = repair(read.nb, official)
    answers = Answers(nb.cells, official)
    gone = [name for name in exercises if name not in answers.exercises]
    answers.exercises |= dict.fromkeys(gone, _("its check cell is gone"))
    if not answers.exercises:
        said = _("{file} holds no exercise: none of its cells begins with # Exercise.")
        return Found(shown, sentences(said.format(file=shown), *repairs), cells=cells)
    return Found(
        shown,
        exercises=answers.exercises,
        faults=list(dict.fromkeys(answers.faults)),
        repairs=repairs,
        cells=cells,
        compared=released is not None,
    )
