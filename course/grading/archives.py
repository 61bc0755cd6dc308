"""What an archive or a folder of submissions holds, read as the hostile input that it is.

Nothing is ever unpacked to disk: a file is a name and bytes. Names that lead outside, links,
archives in archives and bombs are not read; each of them is told with its reason.
"""

import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from course.grading import CourseError
from course.grading.notebooks import MAX_BYTES

_MAX_FILES = 20_000
_MAX_FILE = 100_000_000  # bytes; a notebook above MAX_BYTES is not graded, but it is kept
_MAX_TOTAL = 10_000_000_000  # bytes, all notebooks together
_MAX_RATIO = 200
_MAX_NAME = 1_000  # characters
_PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
# What operating systems leave behind; nobody handed it in.
_UNIMPORTANT = re.compile(r"(^|/)(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$", re.I)


class Unreadable(CourseError):
    """A file whose bytes cannot be had; the text says why."""


@dataclass
class Entry:
    """One file of an archive."""

    path: str  # with / between folders; printable
    when: datetime | None  # its date in the archive, taken as UTC
    problem: str | None  # why it is no notebook that can be read
    read: Callable  # limit in bytes -> bytes; raises Unreadable


@contextmanager
def opened(archive):
    """(entries, how many unimportant files were left out) of a zip archive or a folder.

    Raises CourseError for a file that is no zip archive, and for one with too many or too large
    files.
    """
    archive = Path(archive)
    if archive.is_dir():
        yield _checked(archive, _in_folder(archive))
        return
    try:
        packed = zipfile.ZipFile(archive)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise CourseError(
            f"{archive} cannot be read as a zip archive ({error}). Download the submissions from "
            "the LMS once more, and hand over the file as it is, or a folder with its contents."
        ) from None
    with packed:
        yield _checked(archive, _in_zip(packed))


def _checked(archive, found):
    """The quotas on all files together. `found` gives (size in bytes, Entry)."""
    entries, files, total = [], 0, 0
    for size, entry in found:
        files += 1
        if not _UNIMPORTANT.search(entry.path):
            entries.append(entry)
            total += 0 if entry.problem else size
        if files > _MAX_FILES or total > _MAX_TOTAL:
            raise CourseError(
                f"{archive} holds more than {_MAX_FILES:,} files or {_MAX_TOTAL / 1e9:.0f} GB of "
                "notebooks, which no class hands in. Look for the student who sent so much, and "
                "hand over the others' files in a folder."
            )
    return entries, files - len(entries)


def _in_zip(packed):
    for info in packed.infolist():
        name = info.orig_filename  # the other one ends at a NUL, behind which more can stand
        if name.endswith("/"):
            continue
        if not info.flag_bits & 0x800:  # not marked as UTF-8, but often it is
            with suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        problem = _problem(name, info.file_size, info.compress_size)
        if stat.S_ISLNK(info.external_attr >> 16):
            problem = "is a link"

        def read(limit=_MAX_FILE, info=info):
            try:
                with packed.open(info) as file:
                    return _all(file, limit)
            except (
                OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error
            ) as error:  # fmt: skip
                raise Unreadable(f"cannot be unpacked ({error})") from None

        yield info.file_size, Entry(_printable(name), _date(*info.date_time), problem, read)


def _in_folder(folder):
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*files, *(f for f in folders if os.path.islink(f"{place}/{f}"))]):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            about = path.lstat()
            problem = _problem(inside, about.st_size)
            if not stat.S_ISREG(about.st_mode):
                problem = "is a link" if path.is_symlink() else "is no ordinary file"

            def read(limit=_MAX_FILE, path=path):
                try:
                    with path.open("rb") as file:
                        return _all(file, limit)
                except OSError as error:
                    raise Unreadable(f"cannot be read ({error.strerror})") from None

            when = datetime.fromtimestamp(int(about.st_mtime), UTC)
            yield about.st_size, Entry(_printable(inside), when, problem, read)


def _all(file, limit):
    content = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"has more than {limit / 1e6:.0f} MB")
    return content


def _problem(name, size, packed_size=None):
    """Why a file is not to be read as a notebook, or None."""
    parts = name.replace("\\", "/").split("/")
    if len(name) > _MAX_NAME:
        return f"has a name of {len(name):,} characters"
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "has a path that leads out of the archive"
    if name.lower().endswith(_PACKED):
        return "is an archive in the archive, which is not opened; ask for the notebook itself"
    if not name.lower().endswith(".ipynb"):
        return "is no notebook (.ipynb)"
    if ".ipynb_checkpoints" in parts:
        return "is an earlier state that Jupyter keeps, not what was handed in"
    bomb = packed_size is not None and size > _MAX_RATIO * max(packed_size, 1_000)
    if size > _MAX_FILE or (bomb and size > MAX_BYTES):
        return f"is {size / 1e6:.0f} MB large, {MAX_BYTES / 1e6:.0f} MB are allowed"
    return "unpacks to far more than a notebook has" if bomb else None


def _printable(name):
    """A name that can be matched, compared and printed, with / between folders."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/")[:_MAX_NAME])
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


def _date(*parts):
    """A zip entry's date; None for the one that stands for "unknown", and for impossible ones."""
    try:
        return None if parts == (1980, 1, 1, 0, 0, 0) else datetime(*parts, tzinfo=UTC)
    except ValueError:
        return None
