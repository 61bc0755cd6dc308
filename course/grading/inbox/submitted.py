"""Put collected files into submitted/: which of several hand-ins counts, and its time.

Of several hand-ins of one notebook the newest that holds an answer counts. A submission's folder is
written as a whole or not at all.
"""

import hashlib
import re
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.utils import parse_utc

from course.grading.folder import write_atomically
from course.grading.inbox.lms import PER_ASSIGNMENT
from course.grading.notebook.source import official_cells
from course.notebook.official import grade_id
from course.notebook.read import decoded, read_notebook
from course.notebook.repair import repair

_STAMP = "timestamp.txt"  # nbgrader reads the time of the hand-in from it
_BROKEN, _EMPTY, _ANSWERED = 0, 1, 2  # ranks of a notebook: the higher one is taken
_IS_WRONG = {_BROKEN: "cannot be read", _EMPTY: "holds no answer"}


class Submitted:
    """The folder submitted/ and the intake record, while one archive is taken in.

    `main` is the assignment that the archive is for, or None if it holds several. `only` is the one
    that the user named. `report` gets the files that are taken, and the reasons for the others.
    """

    def __init__(self, course, record, report, main, only, clock):
        self.course, self.record, self.report = course, record, report
        self.main, self.only, self.clock = main, only, clock
        self._ranks, self._released = {}, cache(self._official_cells)

    # --- the best of several

    def best(self, handed_in):
        """Of several hand-ins of a notebook, the (student, file) that counts, or None.

        The others are reported.
        """
        handed_in = sorted(handed_in, key=lambda pair: (pair[1].order, _numbers(pair[1])))
        if len(handed_in) == 1:
            return handed_in[0]
        skipped, files = self.report.skipped, [file for _, file in handed_in]
        contents = [file.entry.read() for file in files]
        if self.report.lms == "classroom" and len(set(contents)) > 1:
            # In a Drive folder students name the files, so the newest could be anybody's.
            for file in files:
                others = ", ".join(other.entry.path for other in files if other is not file)
                reason = f"is for the same student as {others}; it is not clear whose each one is"
                skipped.append((file.entry.path, reason))
            return None
        ranks = list(map(self._rank, contents, files))
        at = max(range(len(files)), key=lambda n: (ranks[n], n))
        best = files[at]
        for file in files[:at]:
            newer = "is newer" if file.order < best.order else "has the same date and was taken"
            skipped.append((file.entry.path, f"{best.entry.path} {newer}"))
        for rank, file in zip(ranks[at + 1 :], files[at + 1 :], strict=True):
            why = f"{_IS_WRONG[rank]}, so the earlier {best.entry.path} was taken"
            skipped.append((file.entry.path, why))
        return handed_in[at]

    def _rank(self, content, file):
        """_ANSWERED, _EMPTY (as released) or _BROKEN; each notebook is read once."""
        known = file.assignment, file.notebook, _digest(content)
        if known not in self._ranks:
            self._ranks[known] = _rank_of(content, self._released(file.assignment, file.notebook))
        return self._ranks[known]

    def _official_cells(self, assignment, notebook):
        """The release's cells; None if it was never released."""
        path = self.course.path("source", assignment) / f"{notebook}.ipynb"
        try:
            return official_cells(self.course.database, assignment, notebook, path)
        except MissingEntry:
            return None

    # --- taken

    def take(self, student, file):
        """Put a notebook into submitted/. Returns the reason if it was not taken."""
        folder = self.course.path("submitted", file.assignment, student.id)
        target, stamp = folder / f"{file.notebook}.ipynb", folder / _STAMP
        content, old = file.entry.read(), _bytes(target)
        about = self.record.of(file.assignment, student.id)
        collected = about.notebooks.get(file.notebook)
        if collected and (old is None or collected["sha256"] != _digest(old)):
            collected = None  # somebody has put another file there
        if old is not None:
            newer = self._is_newer(file, collected, stamp)
            if reason := self._stays(student, file, old, content, newer):
                return reason
        again = collected is not None and old == content
        if not again or file.order <= collected["order"]:  # the first time of the same counts
            about.notebooks[file.notebook] = self._entry(file, content)
        about.unreadable = []
        self._number(file.assignment, student)
        when = _text(stamp)
        if not again or when == about.stamp:  # else a person has written another time
            when = about.stamp = _latest(about)
        _put(folder, {target.name: content, _STAMP: when and f"{when}\n".encode()})
        self.report.taken.append((student.id, file.assignment, file.entry.path))
        said = self.clock.shown(_utc(when)) if when else "late" if about.late else ""
        self.report.times[student.id, file.assignment] = said
        if file.broken:
            said = f"{file.broken}; it was taken as it is, and grading will list it as not graded"
            self.report.note(said, file.entry.path)
        return None

    def _entry(self, file, content):
        """What the record keeps about a notebook."""
        return {
            "file": file.entry.path,
            "sha256": _digest(content),
            "lms": self.report.lms,
            "order": file.order,
            "when": file.when and file.when.isoformat(timespec="seconds"),
            "late": file.late,
        }

    def _is_newer(self, file, collected, stamp):
        """Whether a file was handed in after the one that is there, or nobody knows."""
        if collected and collected["lms"] == self.report.lms:
            return collected["order"] <= file.order
        before = _time(stamp)
        return not (before and file.when and before > file.when)

    def _stays(self, student, file, old, content, newer):
        """Why the file that is there already stays; None if it is replaced."""
        if self.main and not self.only and file.assignment != self.main:
            said = f"is the notebook of {file.assignment}, which {student.id} has handed in already"
            take = f"; to take this one instead, use --assignment {file.assignment}"
            return said + ("" if old == content else take)
        if old == content:
            return None
        had, has = self._rank(old, file), self._rank(content, file)
        if newer and has < had:
            return f"{_IS_WRONG[has]}, so {student.id}'s earlier one in submitted/ stays"
        if not newer and has <= had:
            return f"{student.id} has a newer one in submitted/; delete that to take this one"
        return None

    def unreadable(self, student, handed_in):
        """Record files that hold no notebook of the archive's assignment, if one is missing."""
        folder = self.course.path("submitted", self.main, student.id)
        about = self.record.of(self.main, student.id)
        self._number(self.main, student)
        there = len(list(folder.glob("*.ipynb")))
        if not there:
            about.notebooks, about.stamp = {}, None
        else:
            handed_in = [(file, reason) for file, reason in handed_in if file.reason]
        if there < len(self.course.notebooks(self.main)):
            about.unreadable = [[file.name, reason] for file, reason in handed_in]

    def _number(self, assignment, student):
        """Record the LMS's number for the student, if it is valid for this assignment."""
        if student.number and (assignment == self.main or self.report.lms not in PER_ASSIGNMENT):
            self.record.of(assignment, student.id).numbers[self.report.lms] = student.number


def _numbers(file):
    """The numbers in a file's path: of files of one date, p1 (2) and Version 10 are the newest."""
    return [int(number) for number in re.findall(r"\d+", file.entry.path)]


def _rank_of(content, official):
    """The rank of a notebook; `official` are the release's cells, or None."""
    nb, _ = read_notebook(content)
    if nb is None:
        return _BROKEN
    if official is None:  # there is nothing to compare it with
        return _ANSWERED
    texts = {grade_id(cell): cell.source for cell in repair(nb, official)[0].cells}
    answers = [(cell, texts.get(name, "")) for name, cell in official.items() if cell.solution]
    return _ANSWERED if any(cell.is_answered(text) for cell, text in answers) else _EMPTY


def _latest(about):
    """The text for timestamp.txt: the latest time that the LMS gives, or None."""
    times = [n["when"] for n in about.notebooks.values() if n["when"]]
    when = max(map(datetime.fromisoformat, times), default=None)
    return when and f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _digest(content):
    return hashlib.sha256(content).hexdigest()


def _bytes(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _text(path):
    content = _bytes(path)
    return None if content is None else decoded(content)[0].strip()


def _utc(text):
    return parse_utc(text).replace(tzinfo=UTC)


def _time(path):
    with suppress(ValueError, AttributeError):
        return _utc(_text(path))
    return None


def _put(folder, files):
    """Write files into a folder, all of them or nothing. `files` is {name: bytes, or None}.

    None means that there should be no file of this name.
    """
    if folder.exists():
        for name, content in files.items():
            path = folder / name
            if content is None:
                path.unlink(missing_ok=True)
            elif _bytes(path) != content:
                write_atomically(path, content)
        return
    above = folder.parent
    above.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=above, prefix=".") as building:
            new = Path(building, folder.name)
            new.mkdir()
            new.chmod(0o755)
            for name, content in files.items():
                if content is not None:
                    (new / name).write_bytes(content)
            new.rename(folder)
    finally:
        with suppress(OSError):
            above.rmdir()  # it is empty if nothing was written
