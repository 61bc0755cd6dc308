"""Sentences for errors of the machine: a full disk, a read-only folder, a locked gradebook."""

import errno
import re

from nbgrader.api import InvalidEntry
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from traitlets import TraitError

from course.grading import CourseError
from course.plain import one_line

_AGAIN = "Nothing that was graded is lost. Run the same command again afterwards."
_FULL = f"the disk is full. Make room. {_AGAIN}"
_READ_ONLY = f"it cannot be written to. Give yourself the right to write there. {_AGAIN}"
_REFUSED = f"access to it is refused. Give yourself the right to read and to write there. {_AGAIN}"
_IN_THE_WAY = "there is a file where a folder should be. Move it away, or name another folder."
_BUSY = (
    "another program (the formgrader, nbgrader, a command on another machine) is writing into the "
    f"gradebook. Wait until it has finished. {_AGAIN}"
)
_DAMAGED = (
    "it is damaged. Take gradebook.db from a backup. Without one, delete it, release the "
    "assignments again and grade again; what people graded is then lost."
)
_ERRNOS = {
    errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL,
    errno.ENOTDIR: _IN_THE_WAY, errno.EEXIST: _IN_THE_WAY,
    errno.EROFS: _READ_ONLY, errno.EACCES: _REFUSED, errno.EPERM: _REFUSED,
}  # fmt: skip
_DATABASE = {  # {part of SQLite's message: the sentence}
    "disk is full": _FULL, "disk I/O error": _FULL, "readonly database": _READ_ONLY,
    "unable to open database file": _READ_ONLY, "is locked": _BUSY,
    "is not a database": _DAMAGED, "is malformed": _DAMAGED,
}  # fmt: skip


def as_a_sentence(error):
    """A sentence for the instructor about an exception; None if it is an error in this program."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _ERRNOS:
        return f"{one_line(error.filename or 'The course folder')}: {_ERRNOS[error.errno]}"
    if isinstance(error, TraitError):
        return f"A setting in nbgrader_config.py cannot be what it is. {one_line(error)}"
    if isinstance(error, ArgumentError):
        where = "c.CourseDirectory.db_url in nbgrader_config.py"
        return f"The gradebook cannot be used. Look at {where}: {one_line(error)}"
    if isinstance(error, InvalidEntry | DBAPIError):
        if said := of_the_gradebook(str(error)):
            return said
        if isinstance(error, InvalidEntry | IntegrityError):
            return f"The gradebook: {_BUSY} ({one_line(error)})"
        return f"The gradebook cannot be used: {one_line(error.orig)}"
    return None


def of_the_disk(text):
    """A CourseError about an OSError in the text of a traceback, if it stops everybody's; or None.

    That is a disk that is full or cannot be written to.
    """
    found = re.search(r"\[Errno (\d+)\][^\n]*?(?:: '([^'\n]*)')?$", text, re.MULTILINE)
    said = _ERRNOS.get(int(found[1])) if found else None
    if said not in (_FULL, _READ_ONLY):
        return None
    return CourseError(f"{one_line(found[2] or 'The course folder')}: {said}")


def of_the_gradebook(text):
    """A sentence about an error of SQLite in a text; None if there is none."""
    found = (sentence for words, sentence in _DATABASE.items() if words in text)
    return next((f"The gradebook: {sentence}" for sentence in found), None)
