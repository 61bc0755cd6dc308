"""A notebook's released cells, enclosed in its own metadata, so that its student can compare it.

They hold nothing that the released notebook does not show. The grader never reads them: it has a
copy of its own.
"""

import base64
import bz2
import json
import re

from nbformat.v4 import new_notebook

from course.notebook.cell import new_cell
from course.notebook.official import official_of
from course.notebook.read import decoded

_MARK = "released:"
_TEXT = re.compile(rf"{_MARK}([A-Za-z0-9_-]{{50,}}=*)")
_KEPT = "grade_id", "grade", "solution", "locked", "task", "points"  # of nbgrader's metadata
_LARGEST = 5_000_000  # bytes of all cells, many times what a notebook has


def enclosed(nb, name):
    """The text for the metadata of a released notebook that is called `name`."""
    cells = []
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        cells.append([cell.cell_type, cell.source, {k: meta[k] for k in _KEPT if k in meta}])
    # bz2 gives the same bytes everywhere, zlib does not.
    packed = bz2.compress(json.dumps([name, cells], ensure_ascii=False).encode())
    return _MARK + base64.urlsafe_b64encode(packed).decode()


def release_in(content):
    """(the notebook's name, its Release) that a notebook's file encloses, or None.

    The file's text is searched for them, so even a damaged file will do.
    """
    text, _ = decoded(content)
    for match in _TEXT.finditer(text):
        try:
            packed = base64.urlsafe_b64decode(match[1])
            name, cells = json.loads(bz2.BZ2Decompressor().decompress(packed, _LARGEST))
            return str(name), official_of(new_notebook(cells=[_cell(*each) for each in cells]))
        except (ValueError, TypeError, KeyError, AttributeError, OSError, EOFError):
            continue
    return None


def _cell(kind, source, meta):
    return new_cell(kind == "code", source, metadata={"nbgrader": meta} if meta else {})
