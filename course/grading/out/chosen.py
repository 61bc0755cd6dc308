"""The names that the author of a syntax tree chose, and could have chosen otherwise."""

import ast
from dataclasses import dataclass, field

_METHODS = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINES = _METHODS | ast.ClassDef
_NAMED = {  # {another kind of node that gives a name: its field with the name}
    ast.arg: "arg", ast.ExceptHandler: "name", ast.MatchAs: "name", ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}  # fmt: skip


@dataclass
class Chosen:
    """Names of variables, parameters, functions and classes, and what they hold.

    `attributes` are those of the author's own classes. `imported` is {a name that an import gave:
    the object's own name}.
    """

    names: set = field(default_factory=set)
    attributes: set = field(default_factory=set)
    imported: dict = field(default_factory=dict)


def chosen(nodes):
    """The Chosen of all nodes of a tree."""
    found = Chosen()
    for node in nodes:
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.names.add(node.id)
        elif isinstance(node, _DEFINES):
            found.names.add(node.name)
            if isinstance(node, ast.ClassDef):
                found.attributes |= _attributes(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.imported |= {a.asname: a.name.split(".")[-1] for a in node.names if a.asname}
        elif name := getattr(node, _NAMED.get(node.__class__, ""), None):
            found.names.add(name)
    return found


def _attributes(node):
    """The names of a class's methods, and of what its methods store in their first parameter."""
    methods = [part for part in node.body if isinstance(part, _METHODS)]
    found = {method.name for method in methods}
    for method in methods:
        first = method.args.args[0].arg if method.args.args else None
        found |= {
            part.attr
            for part in ast.walk(method)
            if isinstance(part, ast.Attribute)
            and isinstance(part.ctx, ast.Store)
            and isinstance(part.value, ast.Name)
            and part.value.id == first
        }
    return found
