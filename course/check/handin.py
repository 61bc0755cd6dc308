"""Is the saved notebook complete, and is it what the student ran? With a receipt for its text.

`check.progress(...)` shows the answer. It reads the saved file, because students hand in that file.
"""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from course.exercise import exercise_in
from course.language import _, ngettext


def report(exercises, ran):
    """(whether the notebook with these exercises can be handed in, sentences about it).

    `ran` is {cell id: source that the kernel ran last}.
    """
    from course.check.file import found_in  # reading notebooks is for the end of a notebook only

    try:
        name, saved, content = _notebook(exercises)
    except LookupError as error:
        return False, [str(error)]
    found = found_in(content, name, exercises)
    if unlike := _unlike(found.cells, ran):
        return False, [unlike]
    if found.problem:
        return False, [found.problem]
    said = [*found.lines(), found.receipt()]
    if not found.ailing:
        said.insert(1, saved)
    return not found.ailing, said


# --- which file


def _notebook(exercises):
    """(its name if it is known, a sentence about which file to hand in, its bytes).

    Raises LookupError, whose text says what to do.
    """
    if "google.colab" in sys.modules:
        return _in_colab()
    found = [path for path in _candidates() if _asks(path) & set(exercises)]
    if not found:
        raise LookupError(
            _(
                "No saved notebook with these exercises was found in {folder}/. Save this notebook "
                "(Ctrl+S, on a Mac ⌘S) and run this cell again."
            ).format(folder=Path.cwd().name)
        )
    path = found[0]
    when = time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
    said = _("It is as you ran it (saved at {time}). Hand in this one file.").format(time=when)
    return path.name, said, path.read_bytes()


def _candidates():
    """This notebook, if Jupyter tells its path; else those in the kernel's folder, newest first."""
    with suppress(OSError):
        own = Path(os.environ.get("JPY_SESSION_NAME", ""))
        if own.suffix == ".ipynb" and own.is_file():
            return [own]
        return sorted(Path.cwd().glob("*.ipynb"), key=lambda p: p.stat().st_mtime, reverse=True)
    return []


def _asks(path):
    from course.notebook.read import read_notebook
    from course.notebook.renamed import start

    with suppress(OSError):
        nb = read_notebook(start(path))[0]
        found = [exercise_in(cell.source) for cell in nb.cells] if nb else []
        return {name for name, _points in filter(None, found)}
    return set()


def _in_colab():
    try:
        from google.colab import _message

        nb = _message.blocking_request("get_ipynb", timeout_sec=20)["ipynb"]
    except Exception:  # a private module of Colab, which may change at any time
        raise LookupError(
            _(
                "Choose File > Download > Download .ipynb, and hand in that file. (Colab did not "
                "show the notebook to this cell, so the check could not read it.)"
            )
        ) from None
    said = _(
        "It is as you ran it; choose File > Download > Download .ipynb. Hand in this one file."
    )
    return "", said, json.dumps(nb).encode()


def _unlike(cells, ran):
    """A sentence if a cell's text in the file is not the text that was run, or ""."""
    differing = [
        cell.source.strip().splitlines() or [_("(empty)")]
        for cell in cells
        if ran.get(cell.get("id"), cell.source).strip() != cell.source.strip()
    ]
    if not differing:
        return ""
    more = len(differing) - 1
    said = ngettext(
        "The saved file is not what you ran: the cell that begins with {text} differs, and {more} "
        "more. Save the notebook (Ctrl+S, on a Mac ⌘S) and run this cell again. If you changed a "
        "cell and did not run it, run it first.",
        "The saved file is not what you ran: the cell that begins with {text} differs, and {more} "
        "more. Save the notebook (Ctrl+S, on a Mac ⌘S) and run this cell again. If you changed a "
        "cell and did not run it, run it first.",
        more,
    ) if more else _(
        "The saved file is not what you ran: the cell that begins with {text} differs. Save the "
        "notebook (Ctrl+S, on a Mac ⌘S) and run this cell again. If you changed a cell and did not "
        "run it, run it first."
    )  # fmt: skip
    return said.format(text=repr(differing[0][0][:60]), more=more)
