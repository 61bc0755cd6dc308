"""A cell's syntax tree: the names that its statements define, and the expressions they read."""

import ast
import re
import warnings
from functools import lru_cache

_LONGEST = 200_000  # characters
_INSIDE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_LINE = r"^([ \t]*(?:\w[\w., ]*=[ \t]*)?)"
_TIMED = re.compile(_LINE + r"%time[ \t]+(?=\S)", re.MULTILINE)  # the rest is Python, and runs
_MAGIC = re.compile(_LINE + r"[%!].*$", re.MULTILINE)


@lru_cache(1000)
def parsed(source):
    """A cell's syntax tree, with `...` for magics and shell commands. It is cached: only read it.

    Raises SyntaxError for invalid Python, ValueError for a cell that is too long.
    """
    if len(source) > _LONGEST:
        raise ValueError("No cell that was written by hand is as long.")
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():  # Python shows its warnings when the cell is run
        warnings.simplefilter("ignore")
        text = _MAGIC.sub(r"\1...", _TIMED.sub(r"\1", source))
        return compile(text, "<cell>", "exec", flags, dont_inherit=True)


def tree_of(source):
    """A cell's syntax tree, as `parsed` gives it; an empty one if the cell is not Python."""
    try:
        return parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def bound(statement):
    """The names that a statement defines, without those inside of functions and classes."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        waiting += ast.iter_child_nodes(node)


def dotted(node):
    """A name, or a name with dots, as text; "" for anything else."""
    ends = []
    while isinstance(node, ast.Attribute):
        ends.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(ends)]) if isinstance(node, ast.Name) else ""


def base(node):
    """The name whose value x[...], x.y and x[...].y belong to; "" if there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_text(node):
    """Whether an expression is a text, written out."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def assigned(target, source):
    """[(single target, [the expressions that flow into it])] of an assignment."""
    if isinstance(target, ast.Starred):
        return assigned(target.value, source)
    if not isinstance(target, ast.Tuple | ast.List):
        return [(target, [source])]
    parts = [source] * len(target.elts)
    both = [*target.elts, *getattr(source, "elts", [])]
    one_each = isinstance(source, ast.Tuple | ast.List) and len(both) == 2 * len(target.elts)
    if one_each and not any(isinstance(part, ast.Starred) for part in both):
        parts = source.elts
    both = zip(target.elts, parts, strict=True)
    return [pair for part, given in both for pair in assigned(part, given)]


def looped(target, source):
    """As `assigned`, where a loop gives each item of the source to the target."""
    if isinstance(target, ast.Tuple) and isinstance(source, ast.Call) and source.args:
        name = dotted(source.func)
        if name == "enumerate" and len(target.elts) == 2:
            return [(target.elts[0], []), *looped(target.elts[1], source.args[0])]
        if name == "zip" and len(target.elts) == len(source.args):
            both = zip(target.elts, source.args, strict=True)
            return [pair for part, given in both for pair in looped(part, given)]
    if isinstance(target, ast.Tuple) and isinstance(source, ast.List | ast.Tuple):
        items = [getattr(item, "elts", ()) for item in source.elts]
        if all(len(item) == len(target.elts) for item in items):
            both = zip(target.elts, zip(*items, strict=True), strict=True) if items else ()
            return [(part, list(given)) for each, given in both for part, _ in assigned(each, each)]
    return [(part, [source]) for part, _ in assigned(target, source)]


def within(statements):
    """All nodes of statements, or of lists of them, but those in functions and classes."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif not isinstance(node, _INSIDE):
            yield node
            waiting += ast.iter_child_nodes(node)


def exits(body):
    """The conditions under which a loop, or one pass of it, ends early."""
    ways = ast.Break | ast.Continue | ast.Return
    for node in within(body):
        inside = within([node.body, node.orelse]) if isinstance(node, ast.If) else ()
        if any(isinstance(each, ways) for each in inside):
            yield node.test


def local(body):
    """The names that belong to a function or class with this body."""
    outside = ast.Global | ast.Nonlocal
    outer = {name for node in within(body) if isinstance(node, outside) for name in node.names}
    return {name for statement in body for name in bound(statement)} - outer


def captured(node):
    """The names that the patterns of a match statement define."""
    for case in node.cases:
        for each in ast.walk(case.pattern):
            name = getattr(each, "name", None) or getattr(each, "rest", None)
            if isinstance(each, ast.pattern) and name:
                yield name
