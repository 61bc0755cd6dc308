"""Notebook files as they are handed in: read with limits, never trusted, never raising."""

import json
import re

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

MAX_BYTES = 20_000_000  # the largest real ones have 15 MB of pictures
_MAX_DEPTH = 100
_MAX_CELLS = 2_000


def read_notebook(content):
    """(the notebook, None), or (None, what is wrong with the file).

    Only what grading needs is kept: each cell's kind, text, id and nbgrader metadata, and whether
    there were saved widgets. Outputs are left out; they will be made anew.
    """
    if len(content) > MAX_BYTES:
        return None, f"has more than the {MAX_BYTES / 1e6:.0f} MB that are allowed"
    if not content.strip():
        return None, "is empty"
    if _depth(content) > _MAX_DEPTH:
        return None, f"is nested more than {_MAX_DEPTH} levels deep, which no notebook is"
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None, "is not a text file in UTF-8"
    except ValueError as error:
        return None, f"is not JSON, as a notebook has to be ({error})"
    cells = _cells(data)
    if cells is None:
        return None, "is JSON, but not a notebook: it has no list of cells"
    if len(cells) > _MAX_CELLS:
        return None, f"has {len(cells):,} cells, {_MAX_CELLS:,} are allowed"
    ids = set()
    nb = new_notebook(cells=[_cell(cell, ids) for cell in cells if isinstance(cell, dict)])
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and "widgets" in metadata:
        nb.metadata["widgets"] = {}
    return nb, None


def _depth(content):
    """How deeply brackets are nested; those in texts are left out."""
    depth = deepest = 0
    for part in content.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]:
        for byte in part:
            if byte in b"[{":
                depth += 1
                deepest = max(deepest, depth)
            elif byte in b"]}":
                depth -= 1
    return deepest


def _cells(data):
    """The list of cells, of the present format or of the one with worksheets."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("cells"), list):
        return data["cells"]
    sheets = data.get("worksheets")
    if not isinstance(sheets, list):
        return None
    found = []
    for sheet in sheets:
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
            found += sheet["cells"]
    for cell in found:
        if isinstance(cell, dict) and "input" in cell:
            cell["source"] = cell["input"]
    return found


def _cell(data, ids):
    source = data.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    # A lone half of a surrogate pair can stand in JSON, but in no file and no message.
    source = source.encode("utf-8", "replace").decode("utf-8")
    make = new_code_cell if data.get("cell_type") == "code" else new_markdown_cell
    cell = make(source)
    name = data.get("id")
    if isinstance(name, str) and re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) and name not in ids:
        cell["id"] = name
        ids.add(name)
    metadata = data.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(nbgrader, dict) and isinstance(nbgrader.get("grade_id"), str):
        cell.metadata["nbgrader"] = {"grade_id": nbgrader["grade_id"]}
    return cell
