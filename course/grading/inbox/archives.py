"""Read an archive or a folder of submissions, which may be hostile.

Nothing is unpacked to disk: a file is a name and bytes. Paths that lead outside, links and zip
bombs are not read; each is reported with the reason. A zip file that a student handed in is opened;
its files are that student's. Archives inside of it are not opened.
"""

import io
import json
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePath

from course.grading import CourseError
from course.notebook.read import MAX_BYTES

_MAX_FILES = 20_000
_MAX_FILE = 100_000_000  # bytes; a notebook above MAX_BYTES is kept, but not graded
_MAX_TOTAL = 10_000_000_000  # bytes, all notebooks together
_MAX_INNER = 1_000  # files of a zip file in the archive
_MAX_RATIO = 200  # unpacked to packed size; text packs well, but no notebook that well
_MAX_NAME = 1_000  # characters
_PACKED = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
# Files of operating systems, which nobody handed in.
_UNIMPORTANT = re.compile(
    r"(^|/)(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$|/\.git(hub)?/", re.I
)
# Invisible characters, which some systems leave out of names.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_DAMAGED = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, NotImplementedError,
            zlib.error)  # fmt: skip


class Unreadable(CourseError):
    """A file that cannot be read; the text says why."""


@dataclass
class Entry:
    """One file of an archive."""

    path: str  # printable, with / between folders
    when: datetime | None  # its date in the archive, in local time without a time zone
    problem: str | None  # why the file is refused
    size: int  # bytes, as the archive says
    packed_size: int | None
    opened: Callable  # () -> a binary file

    @property
    def is_notebook(self):
        """Whether it is named as a notebook."""
        return self.path.lower().endswith(".ipynb")

    @property
    def is_zip(self):
        """Whether it is named as a zip file."""
        return self.path.lower().endswith(".zip")

    def read(self, limit=_MAX_FILE):
        """Its content. Raises Unreadable if it cannot be read, or has more than `limit` bytes."""
        try:
            with self.opened() as file:
                content = file.read(limit + 1)
        except _DAMAGED as error:
            why = getattr(error, "strerror", None) or error
            if isinstance(error, RuntimeError) and "password" in str(error):  # of zipfile
                why = "it is locked with a password; ask for it without one"
            how = "read" if self.packed_size is None else "unpacked"
            raise Unreadable(f"cannot be {how} ({why})") from None
        if len(content) > limit:
            raise Unreadable(f"has more than {limit / 1e6:.0f} MB")
        return content

    @cached_property
    def _begin(self):
        """Its first bytes; none if it cannot be read."""
        try:
            with self.opened() as file:
                return file.read(64)
        except _DAMAGED:
            return b""

    def holds_json(self):
        """Whether it begins with {, as a notebook does; its name does not matter."""
        begin = self._begin.decode(json.detect_encoding(self._begin), "replace")
        return begin.lstrip()[:1] == "{"

    def holds_files(self):
        """Whether it is opened as a zip file. Students rename what their LMS does not take."""
        if self.is_zip:
            return not self.holds_json()
        renamed = self.is_notebook or PurePath(self.path).suffix.lower() in ("", ".txt")
        return renamed and self._begin.startswith(b"PK\x03\x04")

    def reason(self):
        """Why it cannot be a readable notebook, or a zip file with one; None if it can."""
        path, packed = self.path.lower(), self.packed_size
        if path.endswith(_PACKED):
            return "is an archive that is not opened (only .zip is); ask for the notebook itself"
        if ".ipynb_checkpoints" in path.split("/"):
            return "is an earlier state that Jupyter keeps, not what was handed in"
        if not (self.is_notebook or self.holds_files() or self.holds_json()):
            return "is no notebook (.ipynb)"
        # What is small enough to be graded may pack as well as it likes: a loop may print one line.
        bomb = packed is not None and self.size > _MAX_RATIO * max(packed, 1_000)
        if self.size > _MAX_FILE or (bomb and self.size > MAX_BYTES):
            most = MAX_BYTES / 1e6
            size = round(self.size / 1e6, 1)
            return f"is {size:g} MB large, {most:.0f} MB are allowed; ask for it without outputs"
        return None

    def files(self):
        """The files in a zip file that was handed in: [(entry, why it is no notebook, or None)].

        Files of operating systems are left out. Raises Unreadable if the zip file cannot be opened,
        or holds too many or too large files.
        """

        def unpacked():
            return zipfile.ZipFile(io.BytesIO(self.read()))

        try:
            packed = unpacked()
        except _DAMAGED as error:
            raise Unreadable(f"cannot be opened as a zip file ({error})") from None
        found, total = [], 0
        for number, (info, entry) in enumerate(_in_zip(packed)):
            if _UNIMPORTANT.search(entry.path) or ".ipynb_checkpoints" in entry.path:
                continue
            reason = entry.problem or entry.reason()
            if entry.holds_files():
                reason = reason or (
                    "is an archive in an archive, which is not opened; ask for the notebook itself"
                )
            total += 0 if reason else entry.size
            if number >= _MAX_INNER or total > _MAX_FILE:
                raise Unreadable(
                    f"holds more than {_MAX_INNER:,} files or {_MAX_FILE / 1e6:.0f} MB of notebooks"
                )
            # Read the zip file again for each of its files. All zip files of a class together would
            # not fit into memory.
            entry.opened = lambda info=info: unpacked().open(info)
            entry.path = f"{self.path}/{entry.path}"
            found.append((entry, reason))
        return found


@contextmanager
def opened(archive):
    """Yields (entries, number of unimportant files left out) of a zip archive or a folder.

    Raises CourseError for a file that is not a zip archive, and for too many or too large files.
    """
    archive = Path(archive)
    if archive.is_dir():
        yield _checked(archive, _in_folder(archive))
        return
    try:
        packed = zipfile.ZipFile(archive)
    except FileNotFoundError:
        raise CourseError(
            f"There is no file {archive}. Name the archive that your LMS gave you, or a folder "
            "with its contents."
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or error
        raise CourseError(
            f"{archive} cannot be read as a zip archive ({why}). {_instead(archive)}"
        ) from None
    with packed:
        yield _checked(archive, (entry for _, entry in _in_zip(packed)))


def _instead(archive):
    """What to do with a file that is no zip archive."""
    name = archive.name.lower()
    if name.endswith(".ipynb"):
        return (
            "It is a notebook. Put it into a folder that has the student's id as its name, and "
            "give the folder in which that one lies."
        )
    if name.endswith((".csv", ".tsv", ".xlsx")):
        return (
            "It is a table. If it is the class list: course collect submissions.zip --roster FILE"
        )
    if name.endswith(_PACKED):
        return "Unpack it, and give the folder with its contents."
    return (
        "Download the submissions from the LMS once more, and give the file as it is, or a folder "
        "with its contents."
    )


def _checked(archive, found):
    """(entries, number of unimportant files), within the quotas on all files together."""
    entries, files, total = [], 0, 0
    for entry in found:
        files += 1
        if not _UNIMPORTANT.search(entry.path):
            entries.append(entry)
            counts = (entry.is_notebook or entry.is_zip) and not (entry.problem or entry.reason())
            total += entry.size if counts else 0
        if files > _MAX_FILES or total > _MAX_TOTAL:
            raise CourseError(
                f"{archive} holds more than {_MAX_FILES:,} files or {_MAX_TOTAL / 1e9:.0f} GB of "
                "notebooks, which no class hands in. Look for the student who sent so much, and "
                "hand over the others' files in a folder."
            )
    return entries, files - len(entries)


def _in_zip(packed):
    """(zipfile's own entry, Entry) of each file."""
    for info in packed.infolist():
        name = info.orig_filename  # `filename` is cut at a NUL, which could hide the rest
        if name.endswith("/"):
            continue
        if not info.flag_bits & 0x800:  # not marked as UTF-8, but often UTF-8 all the same
            with suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        entry = Entry(
            _printable(name),
            _date(*info.date_time),
            _problem(name),
            info.file_size,
            info.compress_size,
            lambda info=info: packed.open(info),
        )
        if stat.S_ISLNK(info.external_attr >> 16):
            entry.problem = "is a link"
        yield info, entry


def _in_folder(folder):
    for place, folders, files in os.walk(folder):
        folders.sort()
        if len(place) - len(str(folder)) > _MAX_NAME:  # files there would be refused
            folders.clear()
        for name in sorted([*files, *(f for f in folders if os.path.islink(f"{place}/{f}"))]):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            about = path.lstat()
            when = datetime.fromtimestamp(int(about.st_mtime))
            read = lambda path=path: path.open("rb")  # noqa: E731
            entry = Entry(_printable(inside), when, _problem(inside), about.st_size, None, read)
            if not stat.S_ISREG(about.st_mode):
                entry.problem = "is a link" if path.is_symlink() else "is no ordinary file"
            yield entry


def _problem(name):
    """Why a file of this name is refused, or None."""
    parts = name.replace("\\", "/").split("/")
    if len(name) > _MAX_NAME:
        return f"has a name of {len(name):,} characters"
    if "\0" in name:
        return "has a name with a NUL, after which more of it is hidden"
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "has a path that leads out of the archive"
    return None


def _printable(name):
    """A name that can be matched, compared and printed, with / between folders."""
    name = name.replace("\\", "/")[:_MAX_NAME].translate(_UNSEEN)
    name = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


def _date(*parts):
    """A zip entry's date; None for 1980-01-01 00:00 ("unknown"), and for impossible dates."""
    try:
        return None if parts == (1980, 1, 1, 0, 0, 0) else datetime(*parts)
    except ValueError:
        return None
