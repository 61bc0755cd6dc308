"""Whether an answer lets a helper do the exercise: the course's own, or keras.applications.

The helpers check and show; counting and building are the exercises. What is read is what the
student wrote, never what runs: by which statements a name came about, and whatever names these use.
A published table may be read, and what the student has made of it is the student's own.
"""

import ast
import builtins
import re
import symtable
import sys

from course.syntax import bound, parsed

#: What is here for everybody: nothing in it counts or builds.
_OPEN = {
    "architectures", "data", "figures", "ilsvrc", "session", "setup", "timing", "training",
}  # fmt: skip
_ALLOWED = re.compile(r"^# The answer may use ([\w, ]+)\.$", re.MULTILINE)
_SPELT = re.compile(rf"\b(?:course\.(?!(?:{'|'.join(_OPEN)})\b)\w+|keras\.applications)\b")
_CHANGING = {"append", "extend", "insert", "setdefault", "update"}
_BY_TEXT = {"__import__", "eval", "exec", "import_module"}


def allowed(test):
    """The helpers that a test cell allows, {"anatomy"}: it says so in a line of its own."""
    found = _ALLOWED.search(test)
    return set(re.findall(r"\w+", found[1])) if found else set()


class Written:
    """The cells that have run, read for what each name is made of."""

    def __init__(self):
        self._made = {}  # name: the statements that made it
        self._imported = {}  # name: what it stands for, as "course.anatomy.anatomy"
        self._unknown = ""  # a helper that a star is taken of and that is not imported here

    def ran(self, source):
        """A cell has run."""
        try:
            statements = parsed(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        for statement in statements:
            new = set(bound(statement))
            self._made.update((name, [statement]) for name in new)
            for name in new:
                self._imported.pop(name, None)
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self._import(node)
            for name in _changed(statement) - new - self._imported.keys():
                self._made.setdefault(name, []).append(statement)

    def _import(self, node):
        module = getattr(node, "module", None)
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            if module is None:
                whole = {name: alias.name if alias.asname else name}
            elif alias.name == "*":
                whole = {name: f"{module}.{name}" for name in _public(module)}
                # Nothing is imported here because a student's cell names it.
                self._unknown = module if not whole and _helper(f"{module}.*") else self._unknown
            else:
                whole = {name: f"{module}.{alias.name}"}
            self._imported.update(whole)
            for name in whole:
                self._made.pop(name, None)

    def helper(self, name, allowed=()):
        """The helper that made a name's value, as "course.anatomy", or None."""
        waiting, seen = [name], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for statement in self._made.get(name, ()):
                if (found := self._in(statement, allowed)) is not None:
                    return found
                waiting += _used(statement)
        return None

    def _in(self, statement, allowed):
        used = _used(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name | ast.Attribute):
                whole = self._whole(node, used)
            elif isinstance(node, ast.ImportFrom):
                whole = f"{node.module}.{node.names[0].name}"
            elif isinstance(node, ast.Call | ast.Subscript):
                whole = self._spelt(node, used)
            else:
                continue
            helper = _helper(whole)
            if helper is not None and helper.split(".")[-1] not in allowed:
                return helper
        return None

    def _whole(self, node, used):
        """What a name, or a name with dots, stands for; "" if it is none of an import."""
        ends = []
        while isinstance(node, ast.Attribute):
            ends.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in used:
            return ""
        stands_for = self._imported.get(node.id, "")
        if not stands_for and node.id not in self._made and not hasattr(builtins, node.id):
            stands_for = self._unknown
        return ".".join([stands_for, *reversed(ends)])

    def _spelt(self, node, used):
        """What is named by a text: import_module("course.anatomy"), getattr(course, "anatomy")."""
        given = node.args if isinstance(node, ast.Call) else [node.slice]
        texts = [each.value for each in given if isinstance(each, ast.Constant)]
        texts = [text for text in texts if isinstance(text, str)]
        by = ast.unparse(node.func if isinstance(node, ast.Call) else node.value)
        if by == "getattr" and texts:
            return f"{self._whole(given[0], used)}.{texts[0]}"
        if by.split(".")[-1] in _BY_TEXT or by == "sys.modules":
            match = _SPELT.search(" ".join([*texts, "".join(reversed(texts))]))
            return match[0] if match else ""
        return self._imported.get(texts[0], "") if texts and by == "globals()" else ""


def _public(module):
    """The names that a star takes out of a module that this process has imported."""
    known = getattr(sys.modules.get(module), "__dict__", {})
    return [name for name in known.get("__all__", known) if not name.startswith("_")]


def _helper(whole):
    """The helper that this is a part of, or None."""
    parts = whole.split(".")
    if parts[0] == "course" and len(parts) > 1 and parts[1] not in _OPEN:
        return f"course.{parts[1]}"
    if any(part in ("keras", "tensorflow") for part in parts) and "applications" in parts:
        return "keras.applications"
    return None


def _changed(statement):
    """The names whose values a statement changes: x[…] = …, x.y = …, x.update(…)."""
    found, named = set(), set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Global):
            named.update(node.names)
        if isinstance(node, ast.Subscript | ast.Attribute):
            changes = isinstance(node.ctx, ast.Store)
        else:
            changes = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            changes = changes and node.func.attr in _CHANGING
            node = node.func if changes else node
        while changes and isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        if changes and isinstance(node, ast.Name):
            found.add(node.id)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        found &= _used(statement)  # in a function, what is from outside of it
    return found | named


def _used(statement):
    """The names from outside that a statement uses, in its functions and classes as well."""
    try:
        whole = symtable.symtable(ast.unparse(statement), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found, tables = set(), [whole]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        symbols = [symbol for symbol in table.get_symbols() if symbol.is_referenced()]
        found |= {s.get_name() for s in symbols if table is whole or s.is_global()}
    return found
