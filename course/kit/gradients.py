"""The gradient of a number with respect to an array, with whichever backend Keras runs on.

gradient(lambda image: network(image[None])[0, 3], image)
"""

from __future__ import annotations

from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any


def gradient(function: Callable[[Any], Any], x: object) -> Any:
    """How much function(x) changes with each value of x: an array of x's shape, (…) -> (…).

    `function` takes a float tensor of x's shape and returns one number as a tensor, computed with
    Keras's layers and `keras.ops`. Backpropagation computes the gradient, so it is as exact as
    float32.

    Raises ValueError if the function returns something else, or what does not depend on x.
    """
    import keras
    import numpy as np

    x = keras.ops.convert_to_tensor(np.asarray(x, "float32"))
    slopes = {"tensorflow": _by_tape, "jax": _by_jax}.get(keras.backend.backend(), _by_torch)
    found = slopes(lambda value: _number(function(value)), x)
    if found is None:
        raise ValueError(
            _(
                "The number that the function returns does not depend on x. Compute it from x with "
                "Keras's layers and keras.ops: NumPy, float() and network.predict() cut the "
                "connection."
            )
        )
    return keras.ops.convert_to_numpy(found)


def _number(value):
    shape = getattr(value, "shape", None)
    if shape is None:
        said = _(
            "The function should return one number as a tensor. Received: a {type}, which is not "
            "connected to x."
        )
        raise ValueError(said.format(type=type(value).__name__))
    if tuple(shape) != ():
        said = _(
            "The function should return one number, such as one class's score or a sum. Received: "
            "a tensor of shape {shape}."
        )
        raise ValueError(said.format(shape=tuple(shape)))
    return value


def _by_tape(function, x):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x) if tf.is_tensor(value) else None


def _by_jax(function, x):
    import jax

    return jax.grad(function)(x)


def _by_torch(function, x):
    import torch

    x.requires_grad_()
    value = function(x)
    return torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
