"""The changes that a check makes in Keras while it builds a network, which it never runs."""

import inspect
import warnings
from contextlib import contextmanager, suppress
from functools import partial

from course.evidence import backends, keras_private
from course.evidence.keras_private import backend_module, patches
from course.evidence.keras_state import note
from course.evidence.lines import Misused, written
from course.language import _


@contextmanager
def only_built(keras):
    """Refuse training inside, and let TensorFlow make no graphs of the networks."""
    with patches() as replace, warnings.catch_warnings():
        # Keras warns about a layer that cannot be called; the check's own reason says it better.
        for text in ("unbuilt state", "`build.. was called on layer"):
            warnings.filterwarnings("ignore", f".*{text}", module="keras")
        if backend := backend_module():
            spec = _without_graph(keras, backend.compute_output_spec)
            replace(backend, "compute_output_spec", spec)
        replace(keras_private.noting_attributes(keras), "__setattr__", object.__setattr__)
        replace(keras.Operation, "__new__", staticmethod(_without_tensors(keras)))
        # Replace its code, as students import the function by name. It fails without pydot.
        replace(keras.utils.plot_model, "__code__", _nothing.__code__)
        for name in ("fit", "train_on_batch"):
            replace(keras.Model, name, _without_training(name), inherited=True)
        yield


def _nothing(*args, **kwargs):
    """Stands in for a function that is not needed."""


def _without_training(name):
    def train(self, *args, **kwargs):
        raise Misused(
            _(
                "a check only builds the network, and {name}() trains it. Train it outside of this "
                "function, in a cell of its own below the check"
            ).format(name=name)
        )

    return train


def _without_tensors(keras):
    """Raise Misused for `layers.ReLU(x)`, which makes a layer and does not call it."""
    make = keras.Operation.__new__
    takes_tensors = keras.Model, keras.layers.InputLayer, keras.layers.Lambda

    def new(kind, *args, **kwargs):
        own = kind.__module__.startswith("keras.") and issubclass(kind, keras.Layer)
        if own and (number := _padding_in_numbers(kind, kwargs)):
            text = _(
                "padding={number} is PyTorch's way. In Keras it is a word: "
                '"valid" adds no zeros, "same" keeps the size if the stride is 1. '
                "layers.ZeroPadding2D(n) before the layer adds n on each side"
            )
            raise Misused(text.format(number=number))
        if own and (axis := _number_for_an_axis(kind, args, kwargs)):
            text = _(
                "layers.{kind}({number}) means axis={number}, and there is no such axis. The layer "
                "sees itself how many maps or classes there are: write layers.{kind}()"
            )
            raise Misused(text.format(kind=kind.__name__, number=axis))
        if own and (maps := _maps_in_front(kind, args, kwargs)):
            text = _(
                "layers.{kind}({numbers}, …) is PyTorch's order. Keras sees itself how much comes "
                "in: leave out the {number} in front"
            )
            numbers = ", ".join(map(str, maps))
            raise Misused(text.format(kind=kind.__name__, numbers=numbers, number=maps[0]))
        for value in [*args, *kwargs.values()] if own else ():
            several = isinstance(value, list | tuple)
            given = value if several else [value]
            if issubclass(kind, takes_tensors) or not any(map(symbolic, given)):
                continue
            given = "[…]" if several else "x"
            text = _("layers.{kind}({given}) makes a layer and does not call it; write {call}")
            text = text.format(kind=kind.__name__, given=given, call=written(kind, given))
            raise Misused(text, "NOT_CALLED")
        if (made := keras_private.made_bare(kind)) is None:
            return make(kind, *args, **kwargs)
        note(made)
        return made

    def symbolic(value):
        return isinstance(value, keras.KerasTensor)

    return new


def _padding_in_numbers(kind, kwargs):
    """The padding as text, if it is numbers where a layer takes a word; "" if it is not."""
    padding = kwargs.get("padding")
    sides = padding if isinstance(padding, tuple) else (padding,)
    if not all(isinstance(side, int) for side in sides):
        return ""
    usual = inspect.signature(kind).parameters.get("padding")
    return str(padding) if usual is not None and isinstance(usual.default, str) else ""


_AXES = ("BatchNormalization", "LayerNormalization", "Softmax")  # layers that begin with an axis
_MOST_AXES = 5  # of images with a depth


def _number_for_an_axis(kind, args, kwargs):
    """The axis that is given, if no tensor has as many: it is meant as a number of maps. Else 0."""
    axis = args[0] if args else kwargs.get("axis")
    meant = kind.__name__ in _AXES and isinstance(axis, int) and not isinstance(axis, bool)
    return axis if meant and axis >= _MOST_AXES else 0


def _maps_in_front(kind, args, kwargs):
    """The numbers with which a convolution or dense layer begins, if they are in PyTorch's order.

    There the maps that come in stand first: `Conv2D(64, 128, 3)`, `Dense(400, 120)`.
    """
    numbers = [n for n in args if isinstance(n, int) and not isinstance(n, bool)]
    if len(numbers) < len(args) or len(numbers) < 2:
        return []
    if kind.__name__ == "Dense":
        return numbers
    if kind.__name__ != "Conv2D":
        return []
    _maps, kernel, *stride = numbers
    # A window with an even side moves by its side, by an even number, or by one pixel.
    strange = stride and kernel % 2 == 0 and stride[0] % 2 == 1 and 1 < stride[0] < kernel
    return numbers if strange or "kernel_size" in kwargs else []


_INSIDE = "_course_inside"


def inside(node):
    """The tensors inside a student's layer that its outputs stand for, or None if not kept.

    What a model gives may have been kept for the last layer in it. Then what Keras handed to that
    layer is not connected with the model's inputs.
    """
    kept = [getattr(output, _INSIDE, (None, None)) for output in node.outputs]
    own = all(owner is node.operation for owner, _tensor in kept)
    return [tensor for _owner, tensor in kept] if own else None


def outside(keras, owner, tensor):
    """An output of a student's layer or model, which stands for a tensor inside: see `inside`."""
    made = keras.KerasTensor(tensor.shape, tensor.dtype)
    setattr(made, _INSIDE, (owner, tensor))
    return made


def _without_graph(keras, through_graph):
    """`compute_output_spec` that calls a student's layer on symbolic tensors.

    Keras would call the layer in a graph of its backend: 0.1 s for a block with two convolutions,
    and 0.24 s instead of 0.03 for VGG-16 of own layers. Symbolic tensors give the same shapes, and
    `inside` finds them when the layer is opened. A layer that does not take them still gets its
    graph.
    """

    def spec(function, *args, **kwargs):
        owner = getattr(function, "__self__", None)
        with suppress(Exception), backends.understood():
            made = backends.without_graph(function)(*args, **kwargs)
            leaves = keras.tree.flatten(made)
            if leaves and all(map(keras.backend.is_keras_tensor, leaves)):
                return keras.tree.map_structure(partial(outside, keras, owner), made)
        return through_graph(function, *args, **kwargs)

    return spec
