"""A student's mistakes in PyTorch code, in words."""

import ast
import inspect

from course.evidence.lines import how_to_call
from course.evidence.pytorch import is_class, is_module
from course.language import N_, _

#: Patterns of PyTorch's texts about classes of modules that are not complete.
NO_SUPER = r"cannot assign (?:module|parameters?) before Module"
NO_FORWARD = r"Module \[(\w+)\] is missing the required"

#: {a pattern of how a text of PyTorch begins: its meaning in a student's code}
IN_WORDS = {
    r"Tensor.item\(\) cannot be called on meta|can't convert meta device"
    r"|Cannot copy out of meta": N_(
        "The network is read without numbers here: forward() may look at the shapes of its "
        "tensors, and not at their values"
    ),
    r"expected 2D or 3D input \(got 4D|Expected 2D .* input to conv1d.*: \[\d+, \d+, \d+, \d+\]"
    r"|max_pool1d: Expected|Expected 2 to 3 dimensions, but got 4": N_(
        "This layer takes sequences, and here come maps. The layers for maps end with 2d: "
        "nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d"
    ),
    r"expected 4D input \(got 2D": N_(
        "This layer takes maps, and here comes a vector. nn.BatchNorm1d takes vectors"
    ),
    r"Expected 3D .* 4D .* input to conv2d, but got input of size: \[\d+, \d+\]"
    r"|Dimension out of range .*\[-2, 1\], but got -3": N_(  # pools
        "Convolutions and pools take maps, and here comes a vector. nn.Flatten() and nn.Linear "
        "belong after the last of them"
    ),
}


def not_called(tree, frame, error):
    """A sentence about a module, or its class, in the place of a tensor in a failing expression.

    `tree` is the expression's syntax tree. "" if there is nothing to say.
    """
    if tree is None:
        return ""
    kind = value_in(frame, tree.func) if isinstance(tree, ast.Call) else None
    if is_class(kind) and isinstance(error, TypeError) and frame.f_code.co_name != "__init__":
        settings = ", ".join(map(ast.unparse, tree.keywords))
        tensor = ", ".join(map(ast.unparse, tree.args))
        return _uncalled(ast.unparse(tree), f"{ast.unparse(tree.func)}({settings})({tensor})")
    found = (as_not_called(value_in(frame, n), ast.unparse(n)) for n in _passed_on(tree))
    return next(filter(None, found), "")


def as_not_called(value, name):
    """A sentence about a module or its class where a tensor should be; "" for anything else."""
    if is_class(value):
        said = _("{name} is the class {kind}, no tensor; write {call}")
        return said.format(name=name, kind=value.__name__, call=how_to_call(value))
    if not is_module(value):
        return ""
    return _uncalled(name, f"{name}(x)" if name.startswith("self.") else how_to_call(type(value)))


def _uncalled(name, call):
    said = _("{name} is a layer that was not called; write {call}")
    return said.format(name=name, call=call)


def _passed_on(tree):
    """The names, and the attributes of names, that an expression passes on and does not call."""
    nodes = list(ast.walk(tree))
    used = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    used |= {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    return [n for n in nodes if isinstance(n, ast.Name | ast.Attribute) and id(n) not in used]


def value_in(frame, node):
    """The value of a name, or of an attribute of a Python module or of a module of PyTorch."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = value_in(frame, node.value)
        if inspect.ismodule(owner) or is_module(owner):
            return getattr(owner, node.attr, None)
    return None
