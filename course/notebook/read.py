"""Read the file of a submission, within limits; whatever is wrong with it raises nothing."""

import ast
import gc
import json
import re
from contextlib import contextmanager, suppress
from difflib import SequenceMatcher
from itertools import islice

import numpy as np
from nbformat import NotebookNode

from course.language import _, ngettext
from course.notebook.cell import new_cell
from course.plain import one_line

MAX_BYTES = 20_000_000  # the largest real notebooks have 15 MB of pictures
_MAX_DEPTH = 100
_MAX_CELLS = 2_000
_MOST_LOOKED_INTO = 1_000  # lists and dicts that are searched for the list of cells
_MOST_LITERAL = 2_000_000  # characters of a file that is read as a Python dict
_AFTER_MARK = {  # (side, mark of git's merge conflicts): the next side
    (None, "<<<<<<<"): "<<<<<<<",
    ("<<<<<<<", "|||||||"): "|||||||",
    ("<<<<<<<", "======="): "=======",
    ("|||||||", "======="): "=======",
    ("=======", ">>>>>>>"): ">>>>>>>",
}

_CELL = re.compile(r'\{\s*"(?:attachments|cell_type|execution_count|id|input|metadata|source)"\s*:')
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_KEPT = "grade_id", "checksum", "grade", "solution", "locked", "points"  # of nbgrader's metadata
_LINE_END = re.compile(r"\r\n?")


def read_notebook(content):
    """(the notebook, None), or (None, what is wrong with the file).

    Only the parts that grading needs are kept: each cell's kind, text, id and nbgrader metadata,
    and whether there were saved widgets. Outputs are left out, as grading makes new ones. If the
    file was damaged, the notebook's metadata have a list `damage` of sentences about it.
    """
    if len(content) > MAX_BYTES:
        said = _(
            "has more than the {most} MB that are allowed: clear its outputs, and save it again"
        )
        return None, said.format(most=f"{MAX_BYTES / 1e6:.0f}")
    if content.startswith(b"PK\x03\x04"):
        return None, _("is a zip file: unpack it, and hand in the notebook that is in it")
    text, is_text = decoded(content)
    if not text.strip("\0 \t\r\n"):
        return None, _("is empty")
    if _depth(text) > _MAX_DEPTH:
        said = _("is nested more than {most} levels deep; no notebook goes so deep")
        return None, said.format(most=_MAX_DEPTH)
    damage = []
    try:
        with _uncollected():
            data = _json(text)
            data = _json(data) if isinstance(data, str) else data  # JSON in JSON
        cells = _cells(data)
    except ValueError as error:
        cells, damage = _damaged(text)
        if not cells:
            if not is_text:
                return None, _("is not a text file in UTF-8")
            why = error if text.lstrip()[:1] in ("{", "[") else _begins_with(text)
            return None, _("is not JSON; a notebook has to be JSON ({error})").format(error=why)
        data = {}
    if cells is None:
        return None, _("is JSON, but not a notebook: it has no list of cells")
    if len(cells) > _MAX_CELLS:
        said = _("has {count} cells, {most} are allowed")
        return None, said.format(count=f"{len(cells):,}", most=f"{_MAX_CELLS:,}")
    ids = set()
    about = {"nbformat": 4, "nbformat_minor": 5, "metadata": NotebookNode()}
    nb = NotebookNode(about, cells=[_cell(cell, ids) for cell in cells])
    if '"widgets"' in text and _has_widgets(data):
        nb.metadata["widgets"] = {}
    if not is_text:
        said = _("The file was not in UTF-8; letters that are not English may have changed.")
        damage.append(said)
    if damage:
        nb.metadata["damage"] = damage
    return nb, None


@contextmanager
def _uncollected():
    """Without garbage collection, which takes longer than reading JSON with millions of lists."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _json(text):
    """The value of a JSON text, in which control characters and line ends may be unescaped."""
    return json.loads(text, strict=False)


def decoded(content):
    """(the text, whether it was valid UTF-8, UTF-16 or UTF-32, with or without a mark)."""
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding), True
    except UnicodeDecodeError:
        text = content.decode(encoding, "replace")
    if not any(ord(letter) > 127 and letter != "\ufffd" for letter in text):
        text = content.decode("cp1252", "replace")  # an editor's "ANSI"
    return text, False


def _depth(text):
    """How deeply brackets are nested; those within strings do not count."""
    text = text.replace("\\\\", "").replace('\\"', "")
    letters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    letters = letters[~np.bitwise_xor.accumulate(letters == ord('"'))]
    steps = np.zeros(256, np.int8)
    steps[list(b"[{")], steps[list(b"]}")] = 1, -1
    steps = steps[letters]
    return int(np.cumsum(steps[steps != 0], dtype=np.int32).max(initial=0))


def _has_widgets(data):
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return isinstance(metadata, dict) and "widgets" in metadata


def _cells(data):
    """The list of cells, in the present format or the old one with worksheets, or None.

    The notebook may be inside of another object, such as Jupyter's {"content": ...}.
    """
    waiting = [data]
    for at in range(_MOST_LOOKED_INTO):
        if at == len(waiting):
            return None
        item, left = waiting[at], _MOST_LOOKED_INTO - len(waiting)
        if isinstance(item, list):
            waiting += islice((part for part in item if isinstance(part, dict | list)), left)
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("cells"), list):
            return _flat(item["cells"])
        if isinstance(item.get("worksheets"), list):
            sheets = [sheet for sheet in item["worksheets"] if isinstance(sheet, dict)]
            return [cell for sheet in sheets for cell in _flat(sheet.get("cells"))]
        waiting += islice((part for part in item.values() if isinstance(part, dict | list)), left)
    return None


def _flat(cells):
    """The cells of a list and of the lists in it."""
    return [item for item in _leaves(cells) if isinstance(item, dict)]


# --- files that are not JSON


def _begins_with(text):
    """The beginning of a web page, a program or a link that is called a notebook, in a sentence."""
    first = text.strip("\0 \t\r\n")[:40].splitlines()[0]
    return _("it begins with {text}").format(text=one_line(first))


def _damaged(text):
    """(cells, [sentence about the damage]) of a file that is not JSON; cells may be []."""
    if (texts := versions(text)) is not None:
        with suppress(ValueError):
            ours, theirs = (_cells(_json(version)) for version in texts)
            if ours and theirs:
                said = _("The file held two versions from a merge conflict; both were read.")
                return _both(ours, theirs), [said]
    if len(text) <= _MOST_LITERAL:
        with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            if cells := _cells(ast.literal_eval(text.strip())):
                return cells, [_("The file was written as Python writes it, not as JSON.")]
    cells, at, failures, decode = [], 0, 0, json.JSONDecoder(strict=False).raw_decode
    while (match := _CELL.search(text, at)) and max(len(cells), failures) <= _MAX_CELLS:
        try:
            cell, at = decode(text, match.start())
        except ValueError:
            at, failures = match.end(), failures + 1
            continue
        if isinstance(cell, dict) and ("source" in cell or "input" in cell):
            cells.append(cell)
    said = ngettext(
        "The file was damaged: it is no JSON. {count} cells of it could be read.",
        "The file was damaged: it is no JSON. {count} cells of it could be read.",
        len(cells),
    )
    return cells, [said.format(count=len(cells))]


def versions(text):
    """Both versions of a text with a merge conflict; None if it has none."""
    if "<<<<<<<" not in text:
        return None
    ours, theirs, side = [], [], None
    for line in text.splitlines(keepends=True):
        after = _AFTER_MARK.get((side, line[:7]))
        if after is not None:
            side = after
        else:
            ours += [line] * (side in (None, "<<<<<<<"))
            theirs += [line] * (side in (None, "======="))
        if side == ">>>>>>>":
            side = None
    found = "".join(ours), "".join(theirs)
    return found if side is None and found != (text, text) else None


def _both(ours, theirs):
    """The cells of two versions of a notebook in one list; cells that differ are there twice."""
    if max(len(ours), len(theirs)) > 500:
        return [*ours, *theirs]
    names = [[json.dumps([c.get("id"), _source(c)]) for c in cells] for cells in (ours, theirs)]
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        found += ours[a:b] if kind == "equal" else [*ours[a:b], *theirs[c:d]]
    return found


# --- one cell


def _cell(data, ids):
    source = _source(data)
    if not source.isascii():  # JSON can hold one half of a surrogate pair, which UTF-8 cannot.
        source = source.encode("utf-8", "replace").decode("utf-8")
    kind = str(data.get("cell_type", "")).lower()
    is_code = kind == "code" or (
        kind not in ("markdown", "raw", "heading") and ("outputs" in data or "input" in data)
    )
    name = data.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name) or name in ids:
        name = None
    cell = new_cell(is_code, source, name)
    ids.add(name)
    about = _about(data.get("metadata"))
    if about is not None:
        kept = {key: about[key] for key in _KEPT if isinstance(about.get(key), str | int | float)}
        cell["metadata"] = NotebookNode(nbgrader=NotebookNode(kept))
    return cell


def _source(data):
    """A cell's text, which may be a list of lines."""
    source = data.get("source", data.get("input", ""))
    if isinstance(source, list):
        lines = [part for part in _leaves(source) if isinstance(part, str)]
        # Some programs write lines without line ends.
        bare = len(lines) > 1 and not any(line.endswith("\n") for line in lines[:-1])
        source = ("\n" if bare and any(len(line) > 1 for line in lines) else "").join(lines)
    return _LINE_END.sub("\n", source) if isinstance(source, str) else ""


def _leaves(value):
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        else:
            yield item


def _about(metadata):
    """nbgrader's metadata of a cell, with a grade id, or None; some editors put them deeper."""
    waiting = [metadata]
    for at in range(50):
        if at == len(waiting):
            break
        item = waiting[at]
        if isinstance(item, dict):
            found = item.get("nbgrader")
            if isinstance(found, dict) and isinstance(found.get("grade_id"), str):
                return found
            waiting += item.values()
    return None
