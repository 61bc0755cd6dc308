"""Expressions and functions: the value of each, and the effects of evaluating it.

They stand together because of lambda: an expression that is a function. A function's summary also
needs the effects of its body, and what the body reveals.
"""

import ast

from course.evidence import syntax
from course.evidence.dataflow import calls
from course.evidence.dataflow.scope import Scope
from course.evidence.dataflow.values import Summary, Value, joined

_CHANGING = {"append", "extend", "insert", "setdefault", "update"}
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def value_of(scope, *nodes, hidden=None):
    """The value of expressions together; `hidden` is {a comprehension's own name: Value}."""
    made, waiting = Value(), [(node, hidden or {}) for node in nodes if node is not None]
    while waiting:
        node, hidden = waiting.pop()
        scope.reading.step()
        if dotted := syntax.dotted(node):
            one = hidden.get(dotted.partition(".")[0]) or scope.named(dotted)
            if len(nodes) == 1 and node is nodes[0]:
                return one
            made.add(one)
        elif isinstance(node, ast.Lambda):
            made.add(function(scope, node.args, [ast.Return(node.body)], _run_lambda, hidden))
        elif isinstance(node, _COMPREHENSIONS):
            inner = _hidden(scope, node, hidden)
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            parts += [test for each in node.generators for test in each.ifs]
            waiting += [(part, inner) for part in parts]
        elif isinstance(node, ast.Call):
            waiting += [(part, hidden) for part in calls.flowing(scope, node, hidden, made)]
        else:
            if isinstance(node, ast.Subscript):
                calls.by_key(scope, node, made)
            waiting += [(child, hidden) for child in ast.iter_child_nodes(node)]
    return made


def _hidden(scope, node, hidden):
    """{name: Value} of the names that a comprehension defines, and those around it (`hidden`)."""
    hidden = dict(hidden)
    for each in node.generators:
        for target, source in syntax.looped(each.target, each.iter):
            value = value_of(scope, *source, hidden=hidden)
            hidden.update((name, value) for name in syntax.bound(target))
    return hidden


def effects(scope, *nodes):
    """Evaluate expressions for what this does in the scope: names defined, values changed."""
    waiting = [(node, {}) for node in nodes if node is not None]
    while waiting:
        node, hidden = waiting.pop()
        scope.reading.step()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, _COMPREHENSIONS):
            hidden = _hidden(scope, node, hidden)
        elif isinstance(node, ast.NamedExpr):
            scope.bind(node.target.id, value_of(scope, node.value, hidden=hidden))
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            scope.returned.append(value_of(scope, node.value, hidden=hidden))
        elif isinstance(node, ast.Call):
            _call(scope, node, hidden)
        waiting += [(child, hidden) for child in ast.iter_child_nodes(node)]


def _call(scope, node, hidden):
    """Change what a call of the student's function, or of a method such as append, changes."""
    for function in scope.reached(syntax.dotted(node.func)):
        for name, value in function.changes.items():
            scope.change(name, scope.now(value))
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        given = calls.given(node)
        if name := syntax.base(node.func):
            scope.change(name, value_of(scope, *given, hidden=hidden), scope.decided(*given))


def revealed(scope, statements):
    """The values that decide whether statements raise an error, which code could catch to learn."""
    for node in syntax.within(statements):
        scope.reading.step()
        if isinstance(node, ast.Assert):
            yield value_of(scope, node.test)
        elif isinstance(node, ast.If):
            if any(isinstance(each, ast.Raise) for each in syntax.within(node.body)):
                yield value_of(scope, node.test)
        elif isinstance(node, ast.Call):
            full_name = scope.full_name(syntax.dotted(node.func))
            if scope.reading.silent(full_name):
                yield Value({full_name})
            for function in scope.reached(syntax.dotted(node.func)):
                yield scope.now(function.reveals)


def returned(scope, node):
    """Note what a return statement gives back, and what decides between literals there."""
    effects(scope, node.value)
    scope.returned.append(joined(value_of(scope, node.value), *scope.decided(node.value)))


def _run_lambda(scope, body):
    """Read a lambda's body: it is [the return statement that a def would have]."""
    (statement,) = body
    scope.reading.step()
    returned(scope, statement)


def function(scope, args, body, run, hidden=None):
    """The value of a function that is defined in a scope, with its Summary.

    `run(inner, body)` reads the body's statements in the function's own scope. There a parameter's
    value has the mark "<its name>" among the names that are looked up late. If the result has this
    mark, too, the parameter flows into it.
    """
    params = [each.arg for each in (*args.posonlyargs, *args.args)]
    others = [*args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    marks = {name: f"<{name}>" for name in (*params, *(each.arg for each in others))}
    inner = Scope(scope.reading, scope, {*marks, *syntax.local(body), *(hidden or ())})
    inner.values.update(hidden or {})
    inner.values.update((name, Value(late={mark})) for name, mark in marks.items())
    for name, default in _defaults(args, params):
        inner.values[name] = joined(inner.values[name], value_of(scope, default))
    run(inner, body)
    results = list(inner.returned)
    if scope.is_class and params:  # what a method assigns to self
        results.append(inner.values[params[0]])
    value = inner.from_outside(*results)
    flowing = {name for name, mark in marks.items() if mark in value.late}
    uses = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
    scope.reading.step(len(uses))
    changes = {name: inner.from_outside(changed) for name, changed in inner.changed.items()}
    reveals = inner.from_outside(*revealed(inner, body))
    for one in (value, reveals, *changes.values()):
        one.late.difference_update(marks.values())
    value.function = Summary(params, flowing, uses - inner.local, changes, reveals)
    return value


def _defaults(args, params):
    """(name, expression) of each parameter that has a default value."""
    yield from zip(reversed(params), reversed(args.defaults), strict=False)
    for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            yield each.arg, default
