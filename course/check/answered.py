"""Which exercises a notebook answers, told from the text of its cells; nothing is run.

The cells are read in order, as they run in grading. An exercise is answered if every name that its
check asks for has an answer, and every name that these use. A name has no answer as long as its
cell is as it was released, its function still raises NotImplementedError, or its value is None.
"""

import ast
import builtins
import re
import warnings
from dataclasses import dataclass

from course.check.stubs import (
    FUNCTION,
    always_leaves,
    does_nothing,
    is_empty,
    is_stub,
    returns_a_value,
)
from course.evidence.cells import asked, defined
from course.evidence.syntax import assigned, bound
from course.language import _
from course.notebook import pieces, syntax
from course.notebook.official import grade_id
from course.notebook.order import DELETED

_GIVEN = {*dir(builtins), "display", "get_ipython", "In", "Out", "exit", "quit"}  # by IPython
_DEFINES_ANY = re.compile(r"^\s*(?:%pylab|%run|from .* import \*)", re.MULTILINE)
_MAGIC_VALUE = re.compile(r"^([ \t]*[\w., ]+=[ \t]*)[%!].*$", re.MULTILINE)
OPEN = "open"  # of an exercise in which nothing was written; never shown


@dataclass
class _Name:
    """What the cells make of a name: is it an answer, and which names does it use?"""

    uses: frozenset = frozenset()  # other names
    missing: str = ""  # why it is no answer, in words with {name} in them; or OPEN
    empty: tuple = ()  # the keys of a dict whose values are None
    keys: frozenset | None = None  # of a dict that is written out
    untouched: bool = False  # of a dict: whether all its values are None
    silent: bool = False  # whether it is a function that returns nothing

    def why(self, name):
        """Why it is no answer, in words; OPEN if nothing was written, "" if it is one."""
        if self.empty:
            said = _("in `{name}`, {key} is still None")
            return OPEN if self.untouched else said.format(name=name, key=repr(self.empty[0]))
        return self.missing.format(name=name)


class Answers:
    """The exercises of a notebook's cells, and what keeps them from being answered.

    `official` is the notebook's Release, {} if it is not known.

    exercises  {exercise: why it is not answered; OPEN if nothing was written, "" if it is answered}
    faults     sentences about cells that Python cannot run, and about names that no cell defines
    """

    def __init__(self, cells, official):
        self.exercises, self.faults = {}, []
        self._official, self._names = official, {}
        self._answers = {name for known in official.values() for name in known.names}
        self._asked_keys = {}  # {name of a dict: the keys that its released cell has}
        for known in official.values():
            for name in known.names:
                stub = self._keys(known.source).get(name)
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

    @staticmethod
    def _keys(source):
        """{name: keys} of the dicts that a released cell writes out."""
        try:
            body = _tree(source).body
        except SyntaxError:
            return {}
        pairs = [(s.targets[0], s.value) for s in body if isinstance(s, ast.Assign)]
        named = [(target, value) for target, value in pairs if isinstance(target, ast.Name)]
        return {target.id: _value(value, frozenset()).keys for target, value in named}

    def _by_hand(self, cell):
        known = self._official.get(grade_id(cell))
        return known is not None and known.points is not None and known.solution

    def _code(self, cell):
        match = pieces.EXERCISE.match(cell.source.lstrip())
        known = self._official.get(grade_id(cell))
        if known.is_test if known else match:
            self._exercise(known.name if known else match[1], cell.source)
        elif known and known.solution and not known.is_answered(cell.source):
            # The kernel runs it, so a stub defines its names once more.
            here = {*defined(cell.source), *(known.names - self._names.keys())}
            self._names |= dict.fromkeys(here & known.names, _Name(missing=OPEN))
            if known.points is not None:
                self.exercises[known.name] = OPEN
        else:
            self._run(cell.source, known.names if known else ())
            if known and known.points is not None:
                self.exercises[known.name] = ""

    # --- what a cell makes

    def _run(self, source, owed):
        """Note what a cell makes of its names; `owed` are those that the release asks it for."""
        try:
            tree = _tree(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            first = next((line for line in source.splitlines() if line.strip()), "")[:60]
            line = getattr(error, "lineno", None)
            said = (
                _(
                    "The cell that begins with {text} has an error in line {line}: {error}. Python "
                    "cannot run it, and neither can the grader."
                )
                if line
                else _(
                    "The cell that begins with {text} has an error: {error}. Python cannot run it, "
                    "and neither can the grader."
                )
            )
            why = getattr(error, "msg", None) or error
            self.faults.append(said.format(text=repr(first), line=line, error=why))
            broken = _Name(missing=_("the cell of `{name}` has an error"))
            self._names |= dict.fromkeys([*defined(source), *owed], broken)
            return
        for at, statement in enumerate(tree.body):
            if is_stub(statement):
                rest = [name for later in tree.body[at:] for name in bound(later)]
                made = {name for done in tree.body[:at] for name in bound(done)}
                said = _(
                    "the cell of `{name}` stops in line {line}, which still says raise "
                    "NotImplementedError: delete that line"
                )
                stops = _Name(missing=said.format(name="{name}", line=statement.lineno))
                self._names |= dict.fromkeys({*rest, *owed} - made | set(rest), stops)
                return
            self._statement(statement)

    def _statement(self, node):
        """Note what a statement, and those inside of it, make of names."""
        if isinstance(node, FUNCTION):
            self._names[node.name] = _function(node)
            return
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in getattr(node, "targets", None) or [node.target]:
                for part, values in assigned(target, node.value):
                    self._store(part, values, _uses(node))
            return
        if isinstance(node, ast.AugAssign):
            self._store(node.target, None, _uses(node))
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            owner = node.value.func
            if isinstance(owner, ast.Attribute) and owner.attr == "update":
                self._store(owner.value, None, _uses(node))
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        blocks += [handler.body for handler in getattr(node, "handlers", ())]
        inside = [] if isinstance(node, ast.ClassDef) else [s for b in blocks for s in b]
        made = {name for each in inside for name in bound(each)}
        if own := set(bound(node)) - made:
            self._names |= dict.fromkeys(own, _Name(_uses(node)))
        for each in inside:
            self._statement(each)

    def _store(self, target, values, uses):
        """A value is stored: under a name, or in a part of what a name stands for."""
        while isinstance(target, ast.Subscript) and isinstance(target.value, ast.Subscript):
            target, values = target.value, None
        if isinstance(target, ast.Name) and values:
            self._names[target.id] = _value(values[0], uses)
        elif isinstance(target, ast.Name):
            was = self._names.get(target.id, _Name())
            self._names[target.id] = _Name(was.uses | uses)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            was = self._names.get(target.value.id, _Name())
            key = getattr(target.slice, "value", None)
            constant = isinstance(target.slice, ast.Constant)
            left = tuple(k for k in was.empty if constant and k != key)
            if constant and values and is_empty(values[0]):
                left += (key,)
            keys = was.keys | {key} if constant and was.keys is not None else None
            self._names[target.value.id] = _Name(was.uses | uses, was.missing, left, keys)

    # --- what a test asks for

    def _exercise(self, exercise, source):
        """Note whether an exercise is answered, whose test is `source`."""
        try:
            own = {name for statement in _tree(source).body for name in bound(statement)}
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            own = set()  # a test that the student changed, and no release to restore it
        direct = [name for name in asked(source) if name not in own]
        others = [n for n in sorted(syntax.used(source)) if n in self._names or n in self._answers]
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
        waiting, seen, found = list(wanted), set(wanted), ""
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


def _tree(source):
    """A cell's syntax tree, without IPython's own syntax.

    Raises SyntaxError also for what only Python's compiler notices, such as `return` outside of a
    function.
    """
    text = syntax.dedented(source)
    if re.match(r"\s*%%(?!time|capture|prun)", text):
        return ast.parse("")  # another language, or a file
    magic = syntax.MAGIC.sub(r"\1pass", _MAGIC_VALUE.sub(r"\1None", text))
    try:
        return _compiled(text)
    except SyntaxError:
        return _compiled(magic)


def _compiled(text):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings(action="ignore"):  # Python shows them when the cell is run
        compile(text, "<cell>", "exec", flags, dont_inherit=True)
        return compile(text, "<cell>", "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)


def _uses(statement):
    """The names from elsewhere that a statement uses."""
    try:
        return syntax.used(ast.unparse(statement))
    except RecursionError:  # a sum of a thousand terms
        return frozenset()


def _value(node, uses):
    """The _Name of a value: is it None, or a dict with values that are None?"""
    if is_empty(node):
        return _Name(uses, _("`{name}` is still None"))
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        pairs = [(key.value if isinstance(key, ast.Constant) else None, v) for key, v in pairs]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "dict":
        pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
    else:
        return _Name(uses)
    empty = tuple(key for key, value in pairs if key is not None and is_empty(value))
    written = all(key is not None for key, _ in pairs) and not getattr(node, "args", ())
    keys = frozenset(key for key, _ in pairs) if written else None
    return _Name(uses, "", empty, keys, untouched=len(empty) == len(pairs))


def _function(node):
    """The _Name of a function: is it still a stub, or empty?"""
    body = [s for s in node.body if not does_nothing(s)]
    stub = next((s for s in body if is_stub(s) or always_leaves(s)), None)
    missing = ""
    if not body:
        missing = OPEN
    elif stub is not None and is_stub(stub):
        at = stub.lineno - node.lineno + 1
        left = _(
            "`{name}` still says raise NotImplementedError in its line {line}: delete that line"
        )
        missing = OPEN if body[0] is stub else left.format(name="{name}", line=at)
    return _Name(_uses(node), missing, silent=not returns_a_value(node))
