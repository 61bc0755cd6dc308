"""Which exercises a notebook answers, told from the text of its cells; nothing is run.

The cells are read in order, as they run in grading. An exercise is answered if every name that its
check asks for has an answer, and every name that these use. A name has no answer as long as its
cell is as it was released, its function still raises NotImplementedError, or its value is None.
"""

import builtins
import re

from course.check.names import OPEN, Name, Names, written_keys
from course.evidence.cells import asked, definitions
from course.evidence.syntax import bound, tree_of
from course.exercise import named_in
from course.language import _
from course.notebook import symbols
from course.notebook.official import grade_id
from course.notebook.order import DELETED

_GIVEN = {*dir(builtins), "display", "get_ipython", "In", "Out", "exit", "quit"}  # by IPython
_DEFINES_ANY = re.compile(r"^\s*(?:%pylab|%run|from .* import \*)", re.MULTILINE)


class Answers:
    """The exercises of a notebook's cells, and what keeps them from being answered.

    `official` is the notebook's Release, {} if it is not known.

    exercises  {exercise: why it is not answered; OPEN if nothing was written, "" if it is answered}
    faults     sentences about cells that Python cannot run, and about names that no cell defines
    """

    def __init__(self, cells, official):
        self._official, self._names = official, Names()
        self.exercises, self.faults = {}, self._names.faults
        self._answers = {name for known in official.values() for name in known.names}
        self._asked_keys = {}  # {name of a dict: the keys that its released cell has}
        for known in official.values():
            for name in known.names:
                stub = written_keys(known.source).get(name)
                self._asked_keys |= {name: stub} if stub else {}
        self._reached = {}  # {a name that an answer uses: the name that uses it}
        for cell in cells:
            if cell.source == DELETED:
                said = _("The cell of {name} is gone: write its answer into a new cell.")
                self.faults.append(said.format(name=grade_id(cell)))
            if cell.cell_type == "code":
                self._code(cell)
            elif self._by_hand(cell):
                known = official[grade_id(cell)]
                self.exercises[known.name] = "" if known.is_answered(cell.source) else OPEN
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        if not _DEFINES_ANY.search(text):
            for name in sorted(self._reached.keys() - self._names.keys() - _GIVEN):
                if not name.startswith("_"):
                    said = _("No cell defines `{name}`, which `{user}` uses.")
                    self.faults.append(said.format(name=name, user=self._reached[name]))

    def _by_hand(self, cell):
        known = self._official.get(grade_id(cell))
        return known is not None and known.points is not None and known.solution

    def _code(self, cell):
        known = self._official.get(grade_id(cell))
        if known is None:
            tested = named_in(cell.source)
        else:
            tested = known.name if known.is_test else None
        if tested is not None:
            self._exercise(tested, cell.source)
        elif known and known.solution and not known.is_answered(cell.source):
            # The kernel runs it, so a stub defines its names once more.
            here = {*definitions(cell.source), *(known.names - self._names.keys())}
            self._names |= dict.fromkeys(here & known.names, Name(missing=OPEN))
            if known.points is not None:
                self.exercises[known.name] = OPEN
        else:
            self._names.run(cell.source, known.names if known else ())
            if known and known.points is not None:
                self.exercises[known.name] = ""

    # --- what a test asks for

    def _exercise(self, exercise, source):
        """Note whether an exercise is answered, whose test is `source`."""
        own = {name for statement in tree_of(source).body for name in bound(statement)}
        direct = [name for name in asked(source) if name not in own]
        others = [n for n in sorted(symbols.used(source)) if n in self._names or n in self._answers]
        wanted = list(dict.fromkeys([*direct, *(n for n in others if n not in own)]))
        chosen = set(re.findall(r"\bcheck\.choice\(\s*(\w+)", source))
        self.exercises[exercise] = self._why_not(wanted, set(direct), chosen)

    def _why_not(self, wanted, direct, chosen):
        """Why one of these names has no answer, or "" if all have one.

        `direct` are the names that checks ask for, `chosen` those of letters to choose.
        """
        for name in wanted:
            if name not in self._names:
                return _("no cell defines `{name}`").format(name=name)
            if why := self._names[name].why(name):
                return why
            keys, whole = self._names[name].keys, self._asked_keys.get(name, frozenset())
            if keys is not None and whole - keys and (name in chosen or not keys):
                said = _("in `{name}`, {key} is missing")
                return said.format(name=name, key=repr(min(whole - keys, key=str)))
            if name in direct and self._names[name].silent:
                said = _("`{name}` returns nothing: is its `return` missing?")
                self.faults.append(said.format(name=name))
        return self._why_not_used(wanted)

    def _why_not_used(self, names):
        """Why one of the names that these use, directly or not, has no answer; "" if all have."""
        waiting, seen, found = list(names), set(names), ""
        while waiting:
            name = waiting.pop(0)
            for other in sorted(self._names[name].uses if name in self._names else ()):
                self._reached.setdefault(other, name)
                if other in seen:
                    continue
                seen.add(other)
                waiting.append(other)
                if not found and other in self._names and (why := self._names[other].why(other)):
                    own = _("`{name}` uses `{other}`, which is not answered yet")
                    found = own.format(name=name, other=other) if name in self._answers else why
        return found
