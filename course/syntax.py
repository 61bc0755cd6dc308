"""The Python of a notebook's cell: its syntax tree, and the names that a statement makes."""

import ast
import re
import warnings

_LONGEST = 200_000  # characters
_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)


def parsed(source):
    """A cell's syntax tree, with magics and shell commands as nothing."""
    if len(source) > _LONGEST:
        raise ValueError("No cell that was written by hand is as long.")
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():  # Python says what it thinks of the cell when it is run
        warnings.simplefilter("ignore")
        return compile(_MAGIC.sub(r"\1pass", source), "<cell>", "exec", flags, dont_inherit=True)


def bound(statement):
    """The names that a statement makes, without those inside of functions and classes."""
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
