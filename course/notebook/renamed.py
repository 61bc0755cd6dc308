"""Read a student's folder in submitted/, and find notebooks under another name.

Browsers and students rename files ("vgg (1).ipynb"), and zip whole folders. If a notebook is not
there under its own name, or there as it was released, the only other file with its exercises and
answers is taken for it. If no notebook is there at all, those in the folders below count.
"""

import errno
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from course.language import _, ngettext
from course.notebook.compare import squeezed
from course.notebook.official import grade_ids
from course.notebook.read import MAX_BYTES, read_notebook
from course.plain import one_line

_MOST = 20  # other files of one student that are read
_DEEPEST = 20  # folders in folders; nobody's notebook lies deeper


class Read(NamedTuple):
    """One notebook of a submission, as far as it could be read."""

    name: str
    nb: NotebookNode | None
    problem: str | None = None  # why it could not be read
    absent: bool = False  # no file that was handed in could be it


def contents(folder, names):
    """{notebook: bytes} of a student's folder; of a file that is too large, only the beginning.

    `folder` may also be one file that was handed in.
    Other notebooks and zip files than `names` are returned too, as {file name: bytes}: at most one
    more than are read. They are those in the folder or, if it has no notebook, in the folders below
    it. Raises OSError if one cannot be read, or if the only one is a link or a folder.
    """
    if not folder.is_dir():
        folder, paths = folder.parent, [folder]
    else:
        paths = sorted(folder.iterdir())  # glob hides errors
        if not any(map(_is_notebook, paths)):
            paths = files_below(folder, _fail)
    found = {file_name(path.relative_to(folder)): path for path in paths if is_file(path)}
    for path in (folder / f"{name}.ipynb" for name in names):
        if not found and os.path.lexists(path):
            odd = "a link, which is not followed" if path.is_symlink() else "no ordinary file"
            raise OSError(errno.EINVAL, f"it is {odd}: put the file itself there", str(path))
    return {name: start(path) for name, path in named(found, names).items()}


def _is_notebook(path):
    """Whether it is called as a notebook, and not as what macOS puts beside one."""
    return ".ipynb" in path.name.lower() and path.name[0] != "." and is_file(path)


def _fail(error):
    raise error


def files_below(folder, onerror=None):
    """Paths of what lies in a folder and below it, those above first.

    What programs put beside a file is left out: hidden folders, and macOS's __MACOSX.
    `onerror(error)` is called for a folder that cannot be read.
    """
    found = []
    for place, inner, files in os.walk(folder, onerror=onerror):
        inner[:] = sorted(name for name in inner if name[0] != "." and name != "__MACOSX")
        if len(Path(place).relative_to(folder).parts) >= _DEEPEST:
            inner.clear()
        found += [Path(place, name) for name in sorted(files)]
    return found


def file_name(path):
    """A path as text, whose names may not be in UTF-8 if another system packed them."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def named(files, names):
    """{file name: ...} as {notebook: ...}; the others by their file name."""
    found = {name: files[f"{name}.ipynb"] for name in names if f"{name}.ipynb" in files}
    own = {f"{name}.ipynb" for name in found}
    lower = {name: name.lower() for name in files if name not in own}
    near = [name for name in lower if ".ipynb" in lower[name] or lower[name].endswith(".zip")]
    return found | {name: files[name] for name in near[: _MOST + 1]}


def is_file(path):
    """Whether a path may be read as a file that was handed in."""
    # A link could point at somebody else's work, or at anything the grader can read.
    return path.is_file() and not path.is_symlink()


def start(path):
    """A file's bytes; of a file that is too large, only the beginning."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def file_digest(contents, name, names):
    """The SHA-256 of a notebook's file, and of all other files that could be it."""
    others = [contents[other] for other in contents if other not in names]
    return hashlib.sha256(b"".join([contents.get(name, b""), *others])).hexdigest()


def read_submission(contents, official):
    """Yield a Read for each notebook of an assignment.

    `contents` is the result of the function `contents`; `official` is {notebook: {grade id:
    Official}}.
    """
    others = {file: content for file, content in contents.items() if file not in official}
    sorted_once = cache(lambda: _sorted(others, official) if others else ({}, []))
    for name in official:
        file = f"{name}.ipynb"
        said = _('{file} was handed in as "{name}"; its exercises say so.')
        candidates, rest = [], []
        if name in contents:
            nb, problem = _read(contents[name], official[name])
            if nb is not None and len(others) <= _MOST and _is_untouched(nb, official[name]):
                alike = sorted_once()[0].get(name, [])
                candidates = [o for o in alike if _is_answered(others[o], official[name])]
                said = _('{file} is as it was released; "{name}" holds answers and was graded.')
            if not candidates:
                yield Read(name, nb, problem and told(file, problem))
                continue
        else:
            alike, rest = sorted_once()
            candidates = alike.get(name, [])
        if len(candidates) == 1:
            nb, problem = _read(others[candidates[0]], official[name])
            if nb is None:
                yield Read(name, None, told(one_line(candidates[0], 100), problem))
                continue
            said = said.format(file=file, name=one_line(candidates[0], 100))
            nb.metadata["damage"] = [said, *nb.metadata.get("damage", [])]
            yield Read(name, nb)
        else:
            absent = not candidates and not rest
            yield Read(name, None, _not_there(file, candidates, rest), absent)


def _read(content, official):
    """As `read_notebook`. A damaged file that lost answers and holds none is a problem."""
    nb, problem = read_notebook(content)
    if nb is not None and nb.metadata.get("damage") and _is_lost(nb, official):
        return None, _("is damaged, and no answer could be read in it")
    return nb, problem


def _is_lost(nb, official):
    """Whether answers are missing, and no text is the student's own."""
    names = set(grade_ids(nb))
    if all(name in names for name, known in official.items() if not known.locked):
        return False
    return _is_untouched(nb, official)


def _is_untouched(nb, official):
    """Whether no text is the student's own."""
    released = [text for known in official.values() for text in (known.source, known.released)]
    released = {squeezed(text) for text in ("", *released, *official.plain.values())}
    return all(squeezed(cell.source) in released for cell in nb.cells)


def _is_answered(content, official):
    nb, _ = _read(content, official)
    return nb is not None and not _is_untouched(nb, official)


def told(file, problem):
    """A file's name and what is wrong with the file, in a sentence without a full stop."""
    return _("{file} {problem}").format(file=file, problem=problem)


def _not_there(file, candidates, rest):
    # An instructor or a student may read this, in a course folder or on a platform.
    if candidates:
        said = _(
            "{file} was not handed in under this name, and {count} files could be it: {files}. "
            "Look which one counts, call it {file}, hand that in without a folder around it, and "
            "it is graded."
        )
    elif rest:
        said = _(
            "{file} was not handed in. The other files in its folder do not hold it: {files}. If "
            "one of them is this notebook after all, call it {file}, hand that in, and it is "
            "graded."
        )
    else:
        said = _("{file} was not handed in")
    return said.format(file=file, count=len(candidates), files=_listed(candidates or rest))


def _sorted(others, official):
    """({notebook: [files that hold its exercises]}, [other files, each with the reason])."""
    if len(others) > _MOST:
        return {name: list(others) for name in official}, []
    alike, rest = {}, []
    for file, content in others.items():
        nb, problem = read_notebook(content)
        homes = {} if nb is None else _homes(set(grade_ids(nb)), official)
        if homes:
            alike.setdefault(max(homes, key=homes.get), []).append(file)
        else:
            problem = problem or _("holds none of the exercises")
            rest.append(f"{one_line(file, 100)} ({problem})")
    return alike, rest


def _homes(found, official):
    """{notebook: number of the grade ids `found` that are its own}, if that is more than half."""
    homes = {}
    for name, cells in official.items():
        own = [cell for cell in found if cell in cells]
        exercises = [cell for cell in own if cells[cell].solution or cells[cell].points is not None]
        if exercises and 2 * len(own) > len(found):
            homes[name] = len(own)
    return homes


def _listed(files):
    shown, more = ", ".join(one_line(file, 200) for file in files[:5]), len(files) - 5
    said = ngettext("{files} and {count} more", "{files} and {count} more", more)
    return said.format(files=shown, count=more) if more > 0 else shown
