"""Layers of Keras that are made with arguments which cannot be meant: PyTorch's, or tensors."""

import inspect

from course.evidence.keras_private import is_symbolic
from course.evidence.lines import Misused, how_to_call
from course.language import _

_BEGIN_WITH_AN_AXIS = ("BatchNormalization", "LayerNormalization", "Softmax")
_MOST_AXES = 5  # of images with a depth


def refuse_misuse(keras, kind, args, kwargs):
    """Raise Misused if a layer of this class of Keras cannot be meant with these arguments."""
    _padding_in_numbers(kind, kwargs)
    _maps_for_an_axis(kind, args, kwargs)
    _maps_in_front(kind, args, kwargs)
    if not issubclass(kind, (keras.Model, keras.layers.InputLayer, keras.layers.Lambda)):
        _tensors(kind, [*args, *kwargs.values()])


def _padding_in_numbers(kind, kwargs):
    """Refuse numbers where a layer takes a word for its padding."""
    padding = kwargs.get("padding")
    sides = padding if isinstance(padding, tuple) else (padding,)
    if not all(isinstance(side, int) for side in sides):
        return
    usual = inspect.signature(kind).parameters.get("padding")
    if usual is not None and isinstance(usual.default, str):
        text = _(
            "padding={number} is PyTorch's way. In Keras it is a word: "
            '"valid" adds no zeros, "same" keeps the size if the stride is 1. '
            "layers.ZeroPadding2D(n) before the layer adds n on each side"
        )
        raise Misused(text.format(number=padding))


def _maps_for_an_axis(kind, args, kwargs):
    """Refuse an axis that no tensor has: it is meant as a number of maps."""
    axis = args[0] if args else kwargs.get("axis")
    if kind.__name__ not in _BEGIN_WITH_AN_AXIS or not _is_whole(axis) or axis < _MOST_AXES:
        return
    text = _(
        "layers.{kind}({number}) means axis={number}, and there is no such axis. The layer "
        "sees itself how many maps or classes there are: write layers.{kind}()"
    )
    raise Misused(text.format(kind=kind.__name__, number=axis))


def _maps_in_front(kind, args, kwargs):
    """Refuse PyTorch's order, in which the maps that come in stand first.

    That is `Conv2D(64, 128, 3)` or `Dense(400, 120)`.
    """
    if len(args) < 2 or not all(map(_is_whole, args)):
        return
    if kind.__name__ == "Conv2D":
        _maps, kernel, *stride = args
        # A window with an even side moves by its side, by an even number, or by one pixel.
        strange = stride and kernel % 2 == 0 and stride[0] % 2 == 1 and 1 < stride[0] < kernel
        if not strange and "kernel_size" not in kwargs:
            return
    elif kind.__name__ != "Dense":
        return
    text = _(
        "layers.{kind}({numbers}, …) is PyTorch's order. Keras sees itself how much comes "
        "in: leave out the {number} in front"
    )
    numbers = ", ".join(map(str, args))
    raise Misused(text.format(kind=kind.__name__, numbers=numbers, number=args[0]))


def _tensors(kind, values):
    """Refuse `layers.ReLU(x)`, which makes a layer and does not call it."""
    for value in values:
        several = isinstance(value, list | tuple)
        if any(map(is_symbolic, value if several else [value])):
            given = "[…]" if several else "x"
            text = _("layers.{kind}({given}) makes a layer and does not call it; write {call}")
            call = how_to_call(kind, given)
            text = text.format(kind=kind.__name__, given=given, call=call)
            raise Misused(text, "NOT_CALLED")


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)
