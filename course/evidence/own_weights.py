"""Kernels and biases of the student's own that a `call` uses as such.

A layer that only convolves or multiplies with its own kernels, and adds its own biases behind that,
is opened like one without weights. Its steps take the variables as arguments:

    {"op": "ops.Conv", "args": [{"tensor": [0, 0]}, {"weight": [5, 5, 1, 6]}], ...}
"""

from math import prod

from course.evidence.keras_private import is_symbolic, made_by, own_variables

_KERNEL_SECOND = {"Conv", "ConvTranspose", "DepthwiseConv", "Matmul", "Dot"}


def taken_by(keras, node):
    """The variables among the arguments of a call."""
    given = keras.tree.flatten([list(node.arguments.args), dict(node.arguments.kwargs)])
    return [each for each in given if isinstance(each, keras.Variable)]


def are_seen(keras, node, outputs):
    """Whether a layer's own variables are all kernels and biases of the steps inside of it.

    These lead from what `node`, a call of the layer, reads to `outputs`, the tensors inside.
    """
    if not outputs or not all(map(is_symbolic, outputs)):
        return False
    own = [] if isinstance(node.operation, keras.Model) else own_variables(node.operation)
    if not own:
        return True
    begins, waiting, seen = {*map(id, node.input_tensors)}, list(outputs), set()
    found = set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in begins or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        _operation, inside, _output = made_by(tensor)
        if inside is None or inside.is_input:
            return False
        waiting += inside.input_tensors
        taken = taken_by(keras, inside)
        if taken and not (_is_kernel(keras, inside) or _is_bias(keras, inside)):
            return False
        found.update(map(id, taken))
    return found.issuperset(map(id, own))


def _is_kernel(keras, node):
    """Whether a call is a convolution or a product with a kernel of the student's own."""
    given = node.arguments.args
    known = type(node.operation).__name__ in _KERNEL_SECOND and len(given) == 2
    return known and isinstance(given[1], keras.Variable) and len(node.input_tensors) == 1


def _is_bias(keras, node):
    """Whether a call adds a number to each map that a kernel of the student's own made."""
    if type(node.operation).__name__ != "Add" or len(node.input_tensors) != 1:
        return False
    (bias,), (x,) = taken_by(keras, node), node.input_tensors
    _operation, before, _output = made_by(x)
    kernel = before is not None and not before.is_input and _is_kernel(keras, before)
    return kernel and tuple(bias.shape)[-1:] == (prod(bias.shape),)


def counted(weights):
    """The entries of a step that takes these variables."""
    trained = [each for each in weights if each.trainable]
    return {
        "parameters": sum(prod(each.shape) for each in weights),
        "trained": sum(prod(each.shape) for each in trained),
        "trainable": bool(trained),
    }
