"""The official cells of a notebook: what its release says of each."""

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from course import setup_cell
from course.exercise import EXERCISE
from course.notebook import compare, symbols
from course.notebook.cell import new_cell

_SCHEMA = 3  # the version of nbgrader's metadata
_HIDDEN = re.compile(
    r"^[ \t]*#{3} BEGIN HIDDEN TESTS[\s\S]*?^[ \t]*#{3} END HIDDEN TESTS[^\n]*\n?", re.MULTILINE
)


@dataclass
class Official:
    """A cell of an assignment that nbgrader knows: an answer, a test, or another locked cell."""

    name: str  # its grade id
    type: str  # "code" or "markdown"
    source: str  # without the solution, with hidden tests
    points: float | None = None  # None: it is not graded
    solution: bool = False  # whether the student writes it
    locked: bool = False
    task: bool = False
    checksum: str = ""

    @property
    def is_test(self):
        """Whether it is a test cell: it asks the student's kernel, but does not run there."""
        return self.type == "code" and self.points is not None and not self.solution

    @property
    def has_hidden(self):
        """Whether a part of it is left out of the release."""
        return bool(_HIDDEN.search(self.source))

    @cached_property
    def released(self):
        """Its text in the release, without hidden tests."""
        return _HIDDEN.sub("", self.source).rstrip()

    @cached_property
    def names(self):
        """The functions and variables that the student is to write in this cell."""
        if self.locked or self.type != "code":
            return frozenset()
        return frozenset(symbols.defined(self.source, set(re.findall(r"[^\W\d]\w*", self.source))))

    def is_answered(self, text):
        """Whether a text differs from the released text of this cell by more than comments."""
        if len(text) > symbols.LONGEST:
            return not text.isspace()
        text = compare.uncommented(text)
        if not text.strip():
            return False
        squeezed = compare.squeezed(text)
        if text.isascii() and any(name not in squeezed for name in symbols.used(self.source)):
            return True  # without a look at the syntax tree, which takes long
        return not compare.same_code(text, self.source)

    def restored(self, text):
        """The cell with this text, everything else as released."""
        about = {
            "schema_version": _SCHEMA,
            "grade_id": self.name,
            "grade": self.points is not None and not self.task,
            "solution": self.solution,
            "locked": self.locked,
            "task": self.task,
            "checksum": self.checksum,
            "cell_type": self.type,
        }
        if self.points is not None:
            about["points"] = self.points
        metadata = {"nbgrader": about, "deletable": False}
        if self.locked:
            metadata["editable"] = False
        return new_cell(self.type == "code", text, id=self.name, metadata=metadata)


class Release(dict):
    """{grade id: Official} of a notebook in its order, and the texts of its other cells.

    `plain` is {key (`compare.key`): text} of the other cells; `above` is {grade id: the key of the
    other cell right above it}.
    """

    def __init__(self, cells, plain, above):
        super().__init__(cells)
        self.plain, self.above = plain, above

    @property
    def language(self):
        """The language that its set-up cell asks for: that of the sentences about answers."""
        texts = [*(cell.source for cell in self.values()), *self.plain.values()]
        return setup_cell.language_of(texts)

    @cached_property
    def by_key(self):
        """{key: [grade id, ...]} of the official texts, with hidden tests too, as instructors' are.

        Several cells may have the same text, such as stubs of `# YOUR CODE HERE` alone.
        """
        found = {}
        for name, known in self.items():
            for key in {compare.key(known.source), compare.key(known.released)}:
                found.setdefault(key, []).append(name)
        return found

    @cached_property
    def own_names(self):
        """The names of answers that no other official cell defines."""
        asked = {name for known in self.values() for name in known.names}
        given = [name for known in self.values() for name in symbols.defined(known.source, asked)]
        return frozenset(name for name in asked if given.count(name) == 1)

    @classmethod
    def of(cls, cells, source):
        """The Release of {grade id: Official} and the source notebook."""
        order = [name for name in grade_ids(source) if name in cells]
        names = [grade_id(cell) for cell in source.cells]
        keys = [compare.key(cell.source) for cell in source.cells]
        plain = {
            key: cell.source
            for name, key, cell in zip(names, keys, source.cells, strict=True)
            if name is None
        }
        above = {
            name: key
            for key, before, name in zip(keys, names, names[1:], strict=False)
            if before is None and name is not None
        }
        return cls({name: cells[name] for name in [*order, *cells]}, plain, above)


def official_of(nb):
    """The Release that the gradebook would have if this source notebook were released now."""
    cells = {}
    for cell in nb.cells:
        if meta := cell.metadata.get("nbgrader"):
            task = bool(meta.get("task"))
            points = meta.get("points") if meta["grade"] or task else None
            cells[meta["grade_id"]] = Official(
                meta["grade_id"],
                cell.cell_type,
                cell.source,
                points,
                solution=meta["solution"],
                locked=meta["locked"],
                task=task,
            )
    return Release.of(cells, nb)


def not_released(nb, official):
    """Grade ids of a source notebook's tests that differ from the last release."""
    released = {name: (cell.source, cell.points) for name, cell in official.items()}
    return [
        name
        for name, cell in official_of(nb).items()
        if cell.points is not None
        and not cell.solution
        and released.get(name) != (cell.source, cell.points)
    ]


def is_older(cell, official):
    """Whether a submitted cell is unchanged from a release before this one."""
    known = official.get(grade_id(cell))
    if known is None or known.type != cell.cell_type:
        return False
    if any(compare.same_code(cell.source, text) for text in (known.released, known.source)):
        return False
    return cell.metadata.nbgrader.get("checksum") == checksum(cell)


def checksum(cell):
    """`nbgrader.utils.compute_checksum` of a cell, for students who do not have nbgrader.

    A release writes it into the cell's metadata.
    """
    about = cell.metadata["nbgrader"]
    grade, solution = bool(about.get("grade")), bool(about.get("solution"))
    locked = not solution and (grade or bool(about.get("locked")))
    parts = [cell.source, cell.cell_type, str(grade), str(solution), str(locked), about["grade_id"]]
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        parts += [str(float(about["points"]))] if grade else []
    text = "".join(parts).encode("utf-8", "replace")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def code_of(nb):
    """[(grade id or None, text), ...] of a source notebook's code cells, answers included."""
    return [(grade_id(cell), cell.source) for cell in nb.cells if cell.cell_type == "code"]


def grade_id(cell):
    """The grade id in a cell's metadata, or None."""
    meta = cell.get("metadata", {}).get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else None


def grade_ids(nb):
    """The grade ids of a notebook in order, from metadata and from the text of test cells."""
    found = {}
    for cell in nb.cells:
        told = EXERCISE.search(cell.source)
        if name := grade_id(cell) or (told and told[1]):
            found[name] = None
    return list(found)
