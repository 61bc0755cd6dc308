"""Calls: which of a call's parts flow into its result, as far as the function is known."""

import ast
from itertools import zip_longest

from course.evidence import syntax

_SHOWING = {"print", "display"}  # their own value is None
_BY_TEXT = {"__import__", "eval", "exec", "import_module"}
_NAMES = {"globals", "locals", "vars"}  # functions that return all names


def flowing(scope, node, hidden, made):
    """The expressions that flow into a call's result; values of names are added to `made`.

    `hidden` are the names that a comprehension around the call defines.
    """
    name = syntax.dotted(node.func)
    if not name or name.partition(".")[0] in hidden:
        return [node.func, *given(node)]
    known = scope.known(name)
    function = known.function if known else None
    if (name in _SHOWING and function is None) or scope.reading.silent(scope.full_name(name)):
        return []
    texts = [each.value for each in node.args if syntax.is_text(each)]
    if name == "getattr" and texts and syntax.dotted(node.args[0]):
        made.add(scope.named(f"{syntax.dotted(node.args[0])}.{texts[0]}"))
        return node.args[2:]
    if name.split(".")[-1] in _BY_TEXT:
        # import_module(".anatomy", "course") imports course.anatomy.
        made.origins |= {" ".join(texts), "".join(reversed(texts))}
    made.add(scope.named(name, called=True))
    return _used(node, function) if function else given(node)


def given(node):
    """The arguments of a call."""
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _used(node, function):
    """The arguments of a call that flow into the result of a function with this Summary."""
    idle = set(function.params) - function.flowing
    used = [keyword.value for keyword in node.keywords if keyword.arg not in idle]
    if any(isinstance(each, ast.Starred) for each in node.args):
        return [*node.args, *used]  # which parameter gets what is open
    names = function.params[: len(node.args)]
    return [*used, *(each for each, name in zip_longest(node.args, names) if name not in idle)]


def by_key(scope, node, made):
    """Add what globals()["name"], or sys.modules["course"], stands for to `made`."""
    key = node.slice
    if not syntax.is_text(key):
        return
    if syntax.dotted(node.value) == "sys.modules":
        made.origins.add(key.value)
    elif getattr(node.value, "attr", "") == "user_ns" or (
        isinstance(node.value, ast.Call) and syntax.dotted(node.value.func) in _NAMES
    ):
        made.add(scope.named(key.value))
