"""Is the saved notebook complete, and is it what the student ran? With a receipt for its text.

`check.progress(...)` shows the answer. It reads the saved file, as that is what is handed in.
"""

import ast
import hashlib
import json
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

EXERCISE = re.compile(r"\s*# Exercise (\S+) \((\d+) points?\)")


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


def report(exercises, ran):
    """(whether the notebook with these exercises can be handed in, sentences about it).

    `ran` is {cell id: source that the kernel ran last}.
    """
    try:
        name, saved, cells = _notebook(exercises)
    except LookupError as error:
        return False, [str(error)]
    problems = _incomplete(exercises, cells) + _unlike(cells, ran)
    if problems:
        return False, [f"{name} should not be handed in as it is.", *problems]
    return True, [
        f"{name} is complete, and the file is as you ran it{saved}. Hand in this one file.",
        f"Receipt {receipt(cells)} of {time.strftime('%Y-%m-%d %H:%M %Z').strip()}: note it down. "
        "It marks the text of the file, and your instructor can work it out from what arrived.",
    ]


# --- which file


def _notebook(exercises):
    """(its name, " (saved at ...)", its cells). Raises LookupError, whose text says what to do."""
    if "google.colab" in sys.modules:
        return _in_colab()
    found = [path for path in _candidates() if _asks(path) & set(exercises)]
    if not found:
        raise LookupError(
            f"No saved notebook with these exercises was found in {Path.cwd().name}/. Save this "
            "notebook (Ctrl+S, on a Mac ⌘S) and run this cell again."
        )
    path = found[0]
    when = time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
    return path.name, f" (saved at {when})", cells_of(path)


def _candidates():
    """This notebook, if Jupyter tells its path; else those in the kernel's folder, newest first."""
    with suppress(OSError):
        own = Path(os.environ.get("JPY_SESSION_NAME", ""))
        if own.suffix == ".ipynb" and own.is_file():
            return [own]
        return sorted(Path.cwd().glob("*.ipynb"), key=lambda p: p.stat().st_mtime, reverse=True)
    return []


def cells_of(path):
    """The cells of a notebook's file; [] if the file is not a notebook."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        return [cell for cell in found if isinstance(cell, dict)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _asks(path):
    return {match[1] for cell in cells_of(path) if (match := EXERCISE.match(source(cell)))}


def _in_colab():
    try:
        from google.colab import _message

        cells = _message.blocking_request("get_ipynb", timeout_sec=20)["ipynb"]["cells"]
    except Exception:  # a private module of Colab, which may change at any time
        raise LookupError(
            "Choose File > Download > Download .ipynb, and hand in that file. (Colab did not show "
            "the notebook to this cell, so the check could not read it.)"
        ) from None
    return "The notebook", "; choose File > Download > Download .ipynb", cells


# --- possible problems


def _incomplete(exercises, cells):
    """Sentences about missing check cells, cells with a syntax error, and missing answers."""
    asked, defined, problems = {}, set(), []
    for cell in (cell for cell in cells if cell.get("cell_type") == "code"):
        match = EXERCISE.match(source(cell))
        try:
            tree = ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", source(cell)))
        except SyntaxError as error:
            first = source(cell).strip().splitlines()[0][:60]
            problems.append(
                f"The cell that begins with {first!r} has an error in line {error.lineno}: "
                f"{error.msg}. Python cannot run it, and neither can the grader."
            )
            continue
        if match:
            asked[match[1]] = _subjects(tree)
        else:
            defined |= _defined(tree)
    if lost := [name for name in exercises if name not in asked]:
        problems.append(
            f"These check cells are gone: {', '.join(lost)}. The grader adds its own. Your answers "
            "count if their cells are still there."
        )
    for exercise, names in asked.items():
        for name in sorted(names - defined):
            problems.append(
                f"No cell defines `{name}`, which {exercise} checks. Was its cell deleted? Write "
                "it again, or start from a fresh copy of the notebook."
            )
    return problems


def _subjects(check):
    """The names that a check cell passes to `check`, without those that it defines itself."""
    names = set()
    for call in ast.walk(check):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("check."):
            names |= {arg.id for arg in call.args[:1] if isinstance(arg, ast.Name)}
    return names - _defined(check)


def _defined(tree):
    """Every name that a cell defines."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(each.asname or each.name).split(".")[0] for each in node.names}
    return names


def _unlike(cells, ran):
    """A sentence if a cell's text in the file is not the text that was run."""
    differing = [
        source(cell).strip().splitlines() or ["(empty)"]
        for cell in cells
        if ran.get(cell.get("id"), source(cell)).strip() != source(cell).strip()
    ]
    if not differing:
        return []
    more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
    return [
        f"The saved file is not what you ran: the cell that begins with {differing[0][0][:60]!r} "
        f"differs{more}. Save the notebook (Ctrl+S, on a Mac ⌘S) and run this cell again. If you "
        "changed a cell and did not run it, run it first."
    ]
