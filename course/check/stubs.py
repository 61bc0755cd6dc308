"""What a piece of syntax leaves open: a stub, an empty value, a function that returns nothing."""

import ast

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def is_empty(node):
    """Whether an expression is None, ..., a list of these, or a function that returns them."""
    if isinstance(node, ast.Lambda):
        return is_empty(node.body)
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and all(map(is_empty, node.elts))
    return isinstance(node, ast.Constant) and node.value in (None, ...)


def does_nothing(statement):
    """Whether a statement does nothing: `pass`, a docstring, `...`."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass)


def is_stub(statement):
    """Whether this is `raise NotImplementedError`, with or without a text."""
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def always_leaves(statement):
    """Whether a function always ends with this statement."""
    if isinstance(statement, ast.Return | ast.Raise):
        return True
    if isinstance(statement, ast.If):
        return all(any(map(always_leaves, block)) for block in (statement.body, statement.orelse))
    if isinstance(statement, ast.With | ast.Try):
        blocks = [*statement.body, *getattr(statement, "orelse", ())]
        handlers = [handler.body for handler in getattr(statement, "handlers", ())]
        return all(any(map(always_leaves, block)) for block in (blocks, *handlers))
    return False


def returns_a_value(function):
    """Whether a function returns or yields a value anywhere."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, FUNCTION | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Return) and node.value is not None and not is_empty(node.value):
            return True
        waiting += ast.iter_child_nodes(node)
    return False
