"""A submitted notebook put back into the shape in which it can be graded.

Students delete, copy, split and retype graded cells, and editors rewrite metadata. `Repair` is the
first step of nbgrader's sanitizing: what the instructor locked comes from the gradebook, what the
student wrote stays, every cell has its place, and each thing that was done is written into the
notebook for both of them to read. Nothing is raised for a damaged notebook: what cannot be found
is missing, and a missing answer costs its own points only.
"""

import ast
import re
from difflib import SequenceMatcher
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import NbGraderPreprocessor

#: Each test cell says in its text which exercise it is; text survives what metadata does not.
EXERCISE = re.compile(r"^# Exercise ([\w.-]+) \(", re.MULTILINE)
_DEFINED = re.compile(r"^(?:def (\w+)\(|(\w+) = )", re.MULTILINE)
_DELETED = "# This cell was missing from the submission."


class Official:
    """What the gradebook knows about one cell of an assignment."""

    def __init__(self, source, points, solution, task):
        self.name, self.source, self.type = source.name, source.source, source.cell_type
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
    def defines(self):
        """The first function or variable of the cell: what an answer is known by."""
        found = _DEFINED.search(self.source or "")
        return (found[1] or found[2]) if found else None

    def restored(self, text):
        """The cell with this text, everything else as released."""
        make = new_code_cell if self.type == "code" else new_markdown_cell
        metadata = {"nbgrader": dict(self.metadata), "deletable": False}
        if self.locked:
            metadata["editable"] = False
        return make(text, id=self.name, metadata=metadata)


def official_cells(db_url, assignment, notebook, source_path=None):
    """{grade id: Official} of a notebook, in the order of its source if that is there."""
    with Gradebook(db_url) as gradebook:
        entry = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in [*entry.grade_cells, *entry.task_cells]}
        solutions = {cell.name for cell in entry.solution_cells}
        tasks = {cell.name for cell in entry.task_cells}
        cells = {}
        for cell in entry.source_cells:
            name = cell.name
            cells[name] = Official(cell, points.get(name), name in solutions, name in tasks)
    order = grade_ids(nbformat.read(source_path, 4)) if source_path else []
    return {name: cells[name] for name in [*order, *cells] if name in cells}


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
        """Give every official cell its place, its text and its metadata back."""
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
    """(the notebook in gradable shape, [what was done, ...])."""
    said = []
    if nb.metadata.pop("widgets", None) is not None:
        said.append("Saved widget states were left out; grading does not need them.")
    owner = _owners(nb, official, said)
    joined = _split_answers(nb.cells, owner, official, said)
    cells, placed = [], set()
    for index, cell in enumerate(nb.cells):
        name = owner.get(index)
        if name is not None:
            cells.append(_official_copy(official[name], cell, said))
            placed.add(name)
            continue
        if index in joined:
            continue
        claimed = _grade_id(cell)
        plain = _plain_copy(cell)
        if claimed in official and official[claimed].locked:
            if _same_text(plain.source, official[claimed].source):
                said.append(f"A second copy of the cell {claimed} was removed.")
                continue
            plain.cell_type == "code" and said.append(
                f"A changed copy of the locked cell {claimed} was kept as a cell of your own."
            )
        elif claimed in official:
            said.append(f"A second copy of the answer {claimed} was kept as a cell of its own.")
        cells.append(plain)
    _insert_missing(cells, official, placed, said)
    if said:
        lines = "\n".join(f"- {line}" for line in said)
        note = f"**This notebook was repaired before it was graded.**\n\n{lines}"
        cells.insert(0, new_markdown_cell(note, id="repairs"))
    nb.cells = cells
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata["course"] = {"repairs": said}
    return nb, said


def _owners(nb, official, said):
    """{index of a submitted cell: the official cell that it is}, one for each at most."""
    claims = {name: [] for name in official}
    for index, cell in enumerate(nb.cells):
        name = _grade_id(cell)
        if name in official:
            claims[name].append(index)
    taken = {index for indices in claims.values() for index in indices}
    for name, cell in official.items():
        if not claims[name]:
            index = _look_for(cell, nb.cells, taken)
            if index is not None:
                claims[name].append(index)
                taken.add(index)
                said.append(f"The cell {name} had lost its metadata; it was found by its text.")
    owner = {}
    for name, indices in claims.items():
        if not indices:
            continue
        best = _best(official[name], indices, nb.cells)
        if not official[name].locked and _unanswered(_text(nb.cells[best]), official[name]):
            elsewhere = _look_for(official[name], nb.cells, taken)
            if elsewhere is not None:
                best = elsewhere
                taken.add(best)
                said.append(f"The answer {name} was empty; it was found in another cell.")
        owner[best] = name
    return owner


def _unanswered(text, official):
    return not text.strip() or _same_text(text, official.source)


def _split_answers(cells, owner, official, said):
    """Join answers that were split in the middle of a statement; gives the indices joined."""
    joined = set()
    for index, name in owner.items():
        cell, after = cells[index], index + 1
        if official[name].locked or official[name].type != "code" or _parses(_text(cell)):
            continue
        while after < len(cells) and after not in owner and cells[after].cell_type == "code":
            whole = f"{_text(cell)}\n{_text(cells[after])}"
            if _parses(whole):
                cell.source = whole
                joined.update(range(index + 1, after + 1))
                said.append(f"The answer {name} had been split into two cells; it was joined.")
                break
            if after > index + 1:  # more than two parts: nobody does that
                break
            after += 1
    return joined


def _parses(text):
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _best(official, indices, cells):
    """Of several copies: the last answer that the student changed, or the first locked cell."""
    if official.locked:
        return indices[0]
    changed = [i for i in indices if not _same_text(_text(cells[i]), official.source)]
    return (changed or indices)[-1]


def _look_for(official, cells, taken):
    """The index of a cell without metadata that is this one by its id, exercise line or text."""
    free = [i for i, cell in enumerate(cells) if i not in taken and _grade_id(cell) is None]
    for i in free:
        match = EXERCISE.search(_text(cells[i]))
        if official.locked and match and match[1] == official.name:
            return i
    if official.locked:
        same = [i for i in free if _same_text(_text(cells[i]), official.source)]
        return same[0] if same else None
    by_id = [i for i in free if cells[i].get("id") == official.name]
    if by_id:
        return by_id[0]
    name = official.defines
    if name is None:
        return None
    pattern = re.compile(rf"^(?:def {name}\(|{name} = )", re.MULTILINE)
    found = [i for i in free if pattern.search(_text(cells[i]))]
    near = SequenceMatcher(b=official.source or "", autojunk=False)

    def likeness(index):
        near.set_seq1(_text(cells[index])[:2000])
        return near.quick_ratio()

    return max(found, key=likeness, default=None)


def _official_copy(official, cell, said):
    text = _text(cell)
    if cell.get("cell_type") != official.type:
        said.append(f"The cell {official.name} is a {official.type} cell again.")
    if not official.locked:
        return official.restored(text)
    # Editors strip blanks at line ends; that is nobody's doing and not worth a word.
    if not _same_text(text, official.source) and not _released_form(text, official.source):
        said.append(f"The locked cell {official.name} had been changed; it was restored.")
    return official.restored(official.source)


def _released_form(text, source):
    """Whether a locked cell is as released, that is without the hidden tests of its source."""
    if "### BEGIN HIDDEN TESTS" not in source:
        return False
    lines, hidden = [], False
    for line in source.splitlines():
        if line.strip() == "### BEGIN HIDDEN TESTS":
            hidden = True
        elif line.strip() == "### END HIDDEN TESTS":
            hidden = False
        elif not hidden:
            lines.append(line)
    return _same_text(text, "\n".join(lines))


def _plain_copy(cell):
    """A student's own cell: its text, and nothing that nbgrader would act upon."""
    make = new_code_cell if cell.get("cell_type") == "code" else new_markdown_cell
    return make(_text(cell))


def _insert_missing(cells, official, placed, said):
    """Put what is missing behind the official cell that comes before it."""
    position = {
        cell.metadata["nbgrader"]["grade_id"]: i
        for i, cell in enumerate(cells)
        if "nbgrader" in cell.metadata
    }
    last = -1
    for name, cell in official.items():
        if name in placed:
            last = max(last, position[name])
            continue
        text = cell.source if cell.locked else _DELETED
        kind = "locked cell" if cell.locked else "answer"
        said.append(f"The {kind} {name} was missing; it was put back" + (
            "." if cell.locked else ", empty. Whatever else you wrote was still graded."
        ))  # fmt: skip
        last += 1
        cells.insert(last, cell.restored(text))
        position = {key: at + (at >= last) for key, at in position.items()}
        position[name] = last


def _grade_id(cell):
    metadata = cell.get("metadata", {}).get("nbgrader")
    name = metadata.get("grade_id") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _text(cell):
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _same_text(one, other):
    """Equal but for blanks at the ends of lines."""
    lines = [[line.rstrip() for line in (t or "").strip().splitlines()] for t in (one, other)]
    return lines[0] == lines[1]
