"""Statements, read in their order: branches each by itself and then joined, loops twice."""

import ast
import sys

from course.evidence import syntax
from course.evidence.dataflow.expressions import effects, function, returned, revealed, value_of
from course.evidence.dataflow.scope import Scope
from course.evidence.dataflow.values import joined


def run(scope, statements):
    """Read statements, so that the scope has the values that its names have after them."""
    for statement in statements:
        _run_one(scope, statement)


def _run_one(scope, node):
    scope.reading.step()
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            made = function(scope, node.args, node.body, run)
            if node.decorator_list:
                made = joined(made, value_of(scope, *node.decorator_list))
            scope.bind(node.name, made)
        case ast.ClassDef():
            scope.bind(node.name, _class(scope, node))
        case ast.Import() | ast.ImportFrom():
            _import(scope, node)
        case ast.Assign():
            effects(scope, node.value)
            for target in node.targets:
                _assign(scope, syntax.assigned(target, node.value))
        case ast.AnnAssign(value=ast.expr()):
            effects(scope, node.value)
            _assign(scope, [(node.target, [node.value])])
        case ast.AugAssign():
            effects(scope, node.value)
            if name := syntax.base(node.target):
                scope.change(name, value_of(scope, node.value), scope.decided(node.value))
        case ast.For() | ast.AsyncFor() | ast.While():
            _loop(scope, node)
        case ast.If():
            effects(scope, node.test)
            _branches(scope, value_of(scope, node.test), [node.body, node.orelse])
        case ast.Match():
            effects(scope, node.subject)
            for name in syntax.captured(node):
                scope.bind(name, value_of(scope, node.subject))
            bodies = [case.body for case in node.cases]
            _branches(scope, value_of(scope, node.subject), [*bodies, []])
        case ast.With() | ast.AsyncWith():
            _with(scope, node)
        case ast.Try() | ast.TryStar():
            _try(scope, node)
        case ast.Return(value=ast.expr()):
            returned(scope, node)
        case ast.Delete() if not scope.is_function:  # a method's self lives on outside
            for target in node.targets:
                if isinstance(target, ast.Name) and scope.owns(target.id):
                    scope.values.pop(target.id, None)
        case _:
            effects(scope, node)


# --- what defines names


def _class(scope, node):
    """The value of a class: all that flows into its body, its bases and its decorators."""
    inner = Scope(scope.reading, scope, syntax.local(node.body), is_class=True)
    run(inner, node.body)
    outside = [*node.bases, *(each.value for each in node.keywords), *node.decorator_list]
    value = inner.from_outside(*inner.values.values())
    return joined(value, value_of(scope, *outside)) if outside else value


def _import(scope, node):
    """Give each imported name the full name of its object."""
    module = getattr(node, "module", None)
    for alias in node.names:
        name = alias.asname or alias.name.split(".")[0]
        if alias.name == "*":
            names = _public(module)
            if not names and module:
                scope.reading.stars.add(module)
            for name in names:
                scope.imported(name, f"{module}.{name}")
        elif module is None:
            scope.imported(name, alias.name if alias.asname else name)
        else:
            scope.imported(name, f"{module}.{alias.name}")


def _public(module):
    """The names of `from module import *`, if this process has imported the module."""
    known = getattr(sys.modules.get(module), "__dict__", {})
    return [name for name in known.get("__all__", known) if not name.startswith("_")]


def _assign(scope, pairs):
    """Assign; `pairs` are (target, [the expressions that flow into it])."""
    for target, source in pairs:
        decided = scope.decided(*source)
        if isinstance(target, ast.Name):
            scope.bind(target.id, value_of(scope, *source), decided)
        elif name := syntax.base(target):
            key = target.slice if isinstance(target, ast.Subscript) else None
            scope.change(name, value_of(scope, *source, key), decided)


# --- what decides which statements run


def _branches(scope, decides, bodies):
    """Read each body, beginning with the values that are here now, and join those at their ends."""
    before, ends, control = dict(scope.values), [], scope.control
    scope.control = *control, decides
    for body in bodies:
        scope.reading.step(len(before))
        scope.values = dict(before)
        run(scope, body)
        ends.append(scope.values)
    scope.control, scope.values = control, {}
    scope.join(*ends)


def _loop(scope, node):
    """Read a loop's body, and join its values with those of a loop that does not run at all."""
    before, control, exits = dict(scope.values), scope.control, scope.exits
    # The second reading sees the values that one pass of the loop leaves for the next.
    times = 1 if scope.loops else 2
    scope.loops += 1
    for _ in range(times):
        ends = [value_of(scope, test) for test in syntax.exits(node.body)]
        if isinstance(node, ast.While):
            effects(scope, node.test)
            scope.control = *control, value_of(scope, node.test)
        else:
            effects(scope, node.iter)
            _assign(scope, syntax.looped(node.target, node.iter))
        scope.exits = *exits, *ends
        run(scope, node.body)
        if not isinstance(node, ast.While):  # the exits decide which item was the last
            for name in syntax.bound(node.target):
                scope.bind(name, scope.named(name))
        scope.control, scope.exits = control, exits
    scope.loops -= 1
    scope.join(before)
    run(scope, node.orelse)


def _with(scope, node):
    """Read a with statement; `suppress` catches errors as try does."""
    for item in node.items:
        effects(scope, item.context_expr)
        if item.optional_vars is not None:
            _assign(scope, [(item.optional_vars, [item.context_expr])])
    if any("suppress" in ast.unparse(item.context_expr) for item in node.items):
        control = scope.control
        _attempt(scope, node.body, learns=bool(scope.loops))
        scope.control = control
    else:
        run(scope, node.body)


def _try(scope, node):
    """Read a try statement: a handler begins with the values before the body, or after it."""
    before, control = dict(scope.values), scope.control
    handlers = [handler.body for handler in node.handlers]
    answers = any(isinstance(each, ast.Return) for each in syntax.within(handlers))
    told = _attempt(scope, node.body, learns=bool(scope.loops) or answers)
    raised = dict(scope.values)
    run(scope, node.orelse)
    ends = [scope.values]
    scope.control = *control, *told
    for handler in handlers:
        scope.values = dict(before)
        scope.join(raised)
        run(scope, handler)
        ends.append(scope.values)
    scope.control, scope.values = control, {}
    scope.join(*ends)
    run(scope, node.finalbody)


def _attempt(scope, body, learns):
    """Read statements whose errors are caught. Returns the values that such an error reveals.

    `learns`: whether it shows in what runs later that there was no error. Then these values decide
    about the statements that follow.
    """
    told = []
    for statement in body:
        _run_one(scope, statement)
        new = list(revealed(scope, [statement]))
        told += new
        if learns:
            scope.control += tuple(new)
    return told
