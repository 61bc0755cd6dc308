"""Repair a submitted notebook, so that it can be graded.

Students delete, copy, split, merge and retype graded cells, and editors rewrite metadata. `Repair`
is the first step of nbgrader's sanitizing. Locked cells come from the gradebook. The student's
cells stay and run in their order. Each repair is written into the notebook, for the student and the
instructor to read. A damaged notebook raises nothing: a cell that cannot be found is missing, and a
missing answer costs only its own points.

If an answer is there several times, the last one that differs from the release's stub counts; the
others still run before it. A test comes after the answers that it checks.
"""

import re
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import NbGraderPreprocessor

from course.grading.notebook import pieces
from course.grading.notebook.order import put_together
from course.grading.notebook.pieces import EXERCISE, Piece, Said, Told, defined, same_code
from course.grading.notebook.read import read_source
from course.grading.notebook.split import joined

_HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS[\s\S]*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?", re.MULTILINE
)


class Official:
    """The gradebook's data about one cell of an assignment."""

    def __init__(self, source, points, solution, task):
        self.name, self.source, self.type = source.name, source.source or "", source.cell_type
        self.locked, self.checksum = bool(source.locked), source.checksum
        self.points, self.solution, self.task = points, solution, task
        self.metadata = {
            "schema_version": MetadataValidator.schema_version,
            "grade_id": self.name,
            "grade": points is not None and not task,
            "solution": solution,
            "locked": self.locked,
            "task": task,
            "checksum": self.checksum,
            "cell_type": self.type,
            **({"points": points} if points is not None else {}),
        }

    @property
    def is_test(self):
        """Whether it is a test cell: it asks the student's kernel, but does not run there."""
        return self.type == "code" and self.points is not None and not self.solution

    @cached_property
    def released(self):
        """Its text in the release, without hidden tests."""
        return _HIDDEN.sub("", self.source).rstrip()

    @cached_property
    def names(self):
        """The functions and variables that the student is to write in this cell."""
        if self.locked or self.type != "code":
            return frozenset()
        return frozenset(defined(self.source, set(re.findall(r"[^\W\d]\w*", self.source))))

    def is_answered(self, text):
        """Whether a text differs from the released text of this cell by more than comments."""
        if len(text) > pieces.LONGEST:
            return not text.isspace()
        text = pieces.uncommented(text)
        return bool(text.strip()) and not same_code(text, self.source)

    def restored(self, text):
        """The cell with this text, everything else as released."""
        make = new_code_cell if self.type == "code" else new_markdown_cell
        metadata = {"nbgrader": dict(self.metadata), "deletable": False}
        if self.locked:
            metadata["editable"] = False
        return make(text, id=self.name, metadata=metadata)


class Release(dict):
    """{grade id: Official} of a notebook in its order, and the texts of its other cells."""

    def __init__(self, cells, source):
        order = [name for name in grade_ids(source) if name in cells]
        super().__init__({name: cells[name] for name in [*order, *cells]})
        names = [_grade_id(cell) for cell in source.cells]
        keys = [pieces.key(cell.source) for cell in source.cells]
        self.plain = {key for name, key in zip(names, keys, strict=True) if name is None}
        # {grade id: the key of the other cell right above it}
        self.above = {
            name: key
            for key, before, name in zip(keys, names, names[1:], strict=False)
            if before is None
        }


def official_cells(db_url, assignment, notebook, source_path=None):
    """The Release of a notebook, in the order of its source if that is there."""
    with Gradebook(db_url) as gradebook:
        entry = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in [*entry.grade_cells, *entry.task_cells]}
        solutions = {cell.name for cell in entry.solution_cells}
        tasks = {cell.name for cell in entry.task_cells}
        cells = {}
        for cell in entry.source_cells:
            name = cell.name
            cells[name] = Official(cell, points.get(name), name in solutions, name in tasks)
    source = read_source(source_path) if source_path else nbformat.v4.new_notebook()
    return Release(cells, source)


def grade_ids(nb):
    """The grade ids of a notebook in order, from metadata and from the text of test cells."""
    found = []
    for cell in nb.cells:
        name = _grade_id(cell)
        if name is None and (match := EXERCISE.search(_text(cell))):
            name = match[1]
        if name is not None:
            found.append(name)
    return list(dict.fromkeys(found))


class Repair(NbGraderPreprocessor):
    """The first sanitizing step of `nbgrader autograde`."""

    def preprocess(self, nb, resources):
        """Restore the place, the text and the metadata of every official cell."""
        names = resources["nbgrader"]
        source = self._source_notebook(names["assignment"], names["notebook"])
        official = official_cells(names["db_url"], names["assignment"], names["notebook"], source)
        nb, said = repair(nb, official)
        for line in said:
            self.log.warning("%s: %s", names["student"], line)
        return nb, resources

    def _source_notebook(self, assignment, notebook):
        course = getattr(getattr(self.parent, "parent", None), "coursedir", None)
        if course is None:
            return None
        folder = Path(course.format_path(course.source_directory, ".", assignment))
        path = folder / f"{notebook}.ipynb"
        return path if path.exists() else None


def repair(nb, official):
    """(the notebook in gradable shape, [a sentence for each repair])."""
    said = Said(nb.metadata.pop("damage", []))
    if nb.metadata.pop("widgets", None) is not None:
        said.tell(Told.WIDGETS)
    released = [text for known in official.values() for text in (known.source, known.released)]
    with pieces.bounded(released) as allowance:
        found = _pieces(nb.cells, official, said)
        owner = _owners(found, official, said)
        taken = _join(found, owner, official, said)
        nb.cells = put_together(found, owner, taken, official, said)
    if allowance.reached:
        said.tell(Told.READ_NO_FURTHER)
    said = said.lines()
    if said:
        lines = "\n".join(f"- {line}" for line in said)
        note = f"**This notebook was repaired before it was graded.**\n\n{lines}"
        nb.cells.insert(0, new_markdown_cell(note, id="repairs"))
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata["course"] = {"repairs": said}
    return nb, said


# --- the submitted cells


def _pieces(cells, official, said):
    """The submitted cells, merged ones split again, each with the official cell that it claims."""
    texts = {
        pieces.key(text): name  # with hidden tests too, as in an instructor's own notebook
        for name, known in official.items()
        for text in (known.source, known.released)
    }
    tests = {
        name: pieces.stripped(known.released).splitlines()
        for name, known in official.items()
        if known.is_test
    }
    found, whole = [], set()
    for cell in cells:
        code, name = cell.get("cell_type") == "code", _grade_id(cell)
        piece = Piece(_text(cell), code, name if name in official else None)
        parts = [piece] if piece.key in texts else pieces.taken_apart(piece, tests)
        for part in parts:
            _claim(part, cell.get("id") if part.text == piece.text else None, texts, official)
        if len(parts) > 1:
            _tell_merged(parts, official, said)
        for part in parts:
            if part.claim in official and official[part.claim].locked:
                again = part.claim in whole
                whole.add(part.claim)
                found += _locked(part, official[part.claim], again, said)
                continue
            part.released = part.claim is None and part.key in official.plain
            found.append(part)
    told = {piece.claim for piece in found if piece.told}
    for name in dict.fromkeys(p.claim for p in found if p.claim and p.claim not in told):
        official[name].locked and said.tell(Told.LOST, name)
    return found


def _claim(piece, cell_id, texts, official):
    """Set which official cell a piece is, from its text, metadata, exercise line or cell id."""
    by_text = texts.get(piece.key) if piece.text.strip() else None
    if by_text is not None or piece.claim is not None:
        piece.told = by_text in (None, piece.claim)
        piece.claim = by_text or piece.claim
        return
    piece.told = False
    match = EXERCISE.search(piece.text)
    if match and match[1] in official and official[match[1]].locked:
        piece.claim = match[1]
    elif known := official.get(cell_id):
        # An id alone is weak evidence: the text must also look like the answer.
        fits = not known.names or _fits(piece, known) or not known.is_answered(piece.text)
        piece.claim = cell_id if fits else None


def _locked(part, known, again, said):
    """The pieces for a submitted locked cell: its place, and any text that the student added."""
    text, place = part.text, Piece("", known.type == "code", known.name, part.told)
    if not again and part.code != place.code:
        said.tell(Told.RETYPED, known.name, known.type)
    if same_code(text, known.released) or same_code(text, known.source):
        again and said.tell(Told.COPY, known.name)
        return [place]
    lines = {line.strip() for line in known.source.splitlines()}
    if all(line.strip() in lines for line in text.splitlines()):
        again or said.tell(Told.CHANGED, known.name)
        return [place]
    own = Piece(text, part.code, of=known.name)
    said.tell(Told.CHANGED_COPY if again else Told.CHANGED_AND_KEPT, known.name)
    return [own, place] if place.code else [place, own]


def _tell_merged(parts, official, said):
    names = [part.claim for part in parts if part.claim]
    tests = [name for name in names if official[name].is_test]
    if tests:
        said.tell(Told.MERGED, tests[0])
    else:
        said.tell(Told.CONFLICT, names[0] if names else "of yours")


# --- the cell of each answer


def _owners(found, official, said):
    """{index of a piece: grade id of the answer in it}, at most one piece for each answer."""
    answers = {name: known for name, known in official.items() if not known.locked}
    owner, missing = {}, []
    for name, known in answers.items():
        claimed = [i for i, p in enumerate(found) if p.claim == name and known.is_answered(p.text)]
        fit = [i for i in claimed if _fits(found[i], known)]
        if fit or (claimed and not known.names):
            owner[max(fit or claimed, key=lambda i: _rank(found[i], known, i))] = name
        else:
            missing.append(name)
    lost = [name for at, name in owner.items() if not found[at].told]
    for name in missing:
        known = answers[name]
        claimed = [i for i, p in enumerate(found) if p.claim == name and i not in owner]
        where = _elsewhere(found, name, official, owner)
        if where is not None:
            if any(not known.is_answered(found[i].text) for i in claimed) or claimed:
                said.tell(Told.ELSEWHERE, name)
            else:
                lost.append(name)
        elif claimed:
            changed = [i for i in claimed if known.is_answered(found[i].text)]
            where = changed[-1] if changed else claimed[0]
        if where is not None:
            owner[where] = name
    for name in lost:
        said.tell(Told.LOST, name)
    return owner


def _fits(piece, known):
    return bool(defined(piece.text, known.names))


def _rank(piece, known, index):
    """A key to choose by: more of the answer's names, then a released first line, then later."""
    first = [_bare(li) for li in known.source.splitlines() if defined(li, known.names)]
    named = [li for li in piece.text.splitlines() if any(name in li for name in known.names)]
    lines = {_bare(line) for line in named}
    return len(defined(piece.text, known.names)), any(line in lines for line in first), index


def _elsewhere(found, name, official, owner):
    """The index of another cell that holds an answer, or None."""
    known = official[name]
    if known.type != "code" or not known.names:
        return _between(found, name, official, owner)
    fit = []
    for index, piece in enumerate(found):
        other = official.get(piece.claim)
        if index in owner or piece.released or not _fits(piece, known):
            continue
        if other is None or (not other.locked and not _fits(piece, other)):
            fit += [index] * known.is_answered(piece.text)
    return max(fit, key=lambda i: _rank(found[i], known, i), default=None)


def _between(found, name, official, owner):
    """The index of the student's first new text at an answer's place in the release, or None."""
    names, above = list(official), official.above.get(name)
    starts = [i for i, piece in enumerate(found) if piece.released and piece.key == above]
    for before in reversed(names[: names.index(name)]):
        starts = starts or [i for i, piece in enumerate(found) if piece.claim == before]
    seen = 0
    for start in starts:
        for index in range(max(start + 1, seen), len(found)):
            piece, seen = found[index], index
            if piece.claim in official and piece.claim != name:
                break
            new = index not in owner and not piece.released
            if new and not pieces.bound(piece.text) and official[name].is_answered(piece.text):
                return index
    return None


def _join(found, owner, official, said):
    """Join answers that were split. Returns the indices of the parts that were joined to one."""
    taken = set()
    for at, name in sorted(owner.items()):
        known, piece = official[name], found[at]
        if known.type != "code":
            parts = _prose(found, owner, at, known)
            text = "\n\n".join(found[i].text.strip("\n") for i in parts)
        else:
            text, parts = _code(found, owner, at, known, taken)
        if len(parts) > 1:
            said.tell(Told.SPLIT, name, "two" if len(parts) == 2 else len(parts))
            piece.text = text
            taken.update(i for i in parts if i != at)
    return taken


def _code(found, owner, at, known, taken):
    """(text, indices) of an answer joined with the neighbouring cells that are parts of it."""
    piece = found[at]
    piece.text = pieces.undoubled(piece.text)
    if not piece.code and (code := pieces.code_in(piece.text, known.names)) != piece.text:
        piece.text, piece.prose = code, piece.text

    def complete(text):
        return pieces.parses(text) or (
            pieces.parses(pieces.dedented(text)) and bool(defined(text, known.names))
        )

    for code_only in (True, False):
        texts = [_possible_part(found, owner, index, at, known) for index in range(len(found))]
        for index, other in enumerate(found):
            if index in taken or (code_only and not other.code and texts[index]):
                texts[index] = None if index in taken else ""
        text, parts = joined(texts, at, complete)
        if len(parts) > 1 or complete(text):
            break
    return text, parts


def _possible_part(found, owner, index, at, known):
    """The text that a cell may add to a split answer; None at a cell that cannot be a part."""
    piece = found[index]
    if index == at:
        return piece.text
    if index in owner or piece.released or piece.claim not in (None, known.name):
        return None
    return piece.text if piece.claim is None or known.is_answered(piece.text) else ""


def _prose(found, owner, at, known):
    """The indices of a written answer and of the text cells around it that belong to it."""
    parts = [at]
    for step in (-1, 1):
        index = at + step
        while 0 <= index < len(found):
            text = _possible_part(found, owner, index, at, known)
            if text is None or found[index].code or (step < 0 and found[index].claim is None):
                break
            if text.strip():
                parts.append(index)
            index += step
    return sorted(parts)


# --- helpers


def _grade_id(cell):
    metadata = cell.get("metadata", {}).get("nbgrader")
    name = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _text(cell):
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _bare(text):
    """A text without blanks, for comparison."""
    return "".join(text.split())
