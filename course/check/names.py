"""What the cells of a notebook make of their names: answers, stubs, or values that are None.

The cells are read as they would run, one after another. Nothing is run.
"""

import ast
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
from course.evidence.cells import definitions
from course.evidence.syntax import assigned, bound
from course.language import _
from course.notebook import symbols

_MAGIC_VALUE = re.compile(r"^([ \t]*[\w., ]+=[ \t]*)[%!].*$", re.MULTILINE)
OPEN = "open"  # why a name is no answer if nothing was written; never shown


@dataclass
class Name:
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


class Names(dict):
    """{name: Name} after the cells that have run.

    faults     sentences about cells that Python cannot run
    """

    def __init__(self):
        super().__init__()
        self.faults = []

    def run(self, source, owed):
        """Note what a cell makes of its names; `owed` are those that the release asks it for."""
        try:
            tree = checked_tree(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.faults.append(_fault(source, error))
            broken = Name(missing=_("the cell of `{name}` has an error"))
            self.update(dict.fromkeys([*definitions(source), *owed], broken))
            return
        for at, statement in enumerate(tree.body):
            if is_stub(statement):
                rest = [name for later in tree.body[at:] for name in bound(later)]
                made = {name for done in tree.body[:at] for name in bound(done)}
                said = _(
                    "the cell of `{name}` stops in line {line}, which still says raise "
                    "NotImplementedError: delete that line"
                )
                stops = Name(missing=said.format(name="{name}", line=statement.lineno))
                self.update(dict.fromkeys({*rest, *owed} - made | set(rest), stops))
                return
            self._statement(statement)

    def _statement(self, node):
        """Note what a statement, and those inside of it, make of names."""
        if isinstance(node, FUNCTION):
            self[node.name] = _function(node)
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
            self.update(dict.fromkeys(own, Name(_uses(node))))
        for each in inside:
            self._statement(each)

    def _store(self, target, values, uses):
        """Note a value that is stored under a name, or in a part of what a name stands for.

        `values` are the expressions that flow into it; None if they are not known.
        """
        while isinstance(target, ast.Subscript) and isinstance(target.value, ast.Subscript):
            target, values = target.value, None
        if isinstance(target, ast.Name) and values:
            self[target.id] = _value(values[0], uses)
        elif isinstance(target, ast.Name):
            was = self.get(target.id, Name())
            self[target.id] = Name(was.uses | uses)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            was = self.get(target.value.id, Name())
            key = getattr(target.slice, "value", None)
            constant = isinstance(target.slice, ast.Constant)
            left = tuple(k for k in was.empty if constant and k != key)
            if constant and values and is_empty(values[0]):
                left += (key,)
            keys = was.keys | {key} if constant and was.keys is not None else None
            self[target.value.id] = Name(was.uses | uses, was.missing, left, keys)


def _fault(source, error):
    """The sentence about a cell that is not valid Python."""
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
    return said.format(text=repr(first), line=line, error=why)


def written_keys(source):
    """{name: keys} of the dicts that a released cell writes out."""
    try:
        body = checked_tree(source).body
    except SyntaxError:
        return {}
    pairs = [(s.targets[0], s.value) for s in body if isinstance(s, ast.Assign)]
    named = [(target, value) for target, value in pairs if isinstance(target, ast.Name)]
    return {target.id: _value(value, frozenset()).keys for target, value in named}


def checked_tree(source):
    """A cell's syntax tree, without IPython's own syntax.

    Raises SyntaxError also for what only Python's compiler notices, such as `return` outside of a
    function.
    """
    text = symbols.dedented(source)
    if re.match(r"\s*%%(?!time|capture|prun)", text):
        return ast.parse("")  # another language, or a file
    magic = symbols.MAGIC.sub(r"\1pass", _MAGIC_VALUE.sub(r"\1None", text))
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
        return symbols.used(ast.unparse(statement))
    except RecursionError:  # a sum of a thousand terms
        return frozenset()


def _value(node, uses):
    """The Name of a value: is it None, or a dict with values that are None?"""
    if is_empty(node):
        return Name(uses, _("`{name}` is still None"))
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        pairs = [(key.value if isinstance(key, ast.Constant) else None, v) for key, v in pairs]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "dict":
        pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
    else:
        return Name(uses)
    empty = tuple(key for key, value in pairs if key is not None and is_empty(value))
    written = all(key is not None for key, _ in pairs) and not getattr(node, "args", ())
    keys = frozenset(key for key, _ in pairs) if written else None
    return Name(uses, "", empty, keys, untouched=len(empty) == len(pairs))


def _function(node):
    """The Name of a function: is it still a stub, or empty?"""
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
    return Name(_uses(node), missing, silent=not returns_a_value(node))
