"""Steps of a trace run once more, on random numbers, next to the student's code.

The judging side drew the numbers; `course.network.recognise` says where each of them stands. A
tensor is called by (number of its step, number of the output).
"""

import inspect
from contextlib import suppress
from math import isfinite

from course.evidence.keras_private import is_symbolic
from course.network.recognise import index


def caller(keras, nodes, where):
    """A function that runs steps in float32: `call(steps, {tensor: array})`.

    It returns what the last of the steps makes of the arrays. `nodes` is {step number: Keras's
    node}; `where(tensor)` is (step number, output).
    """

    def call(region, given):
        values = {t: keras.ops.convert_to_tensor(array, "float32") for t, array in given.items()}

        def value(given):
            return values[where(given)] if is_symbolic(given) else given

        for number in region:
            node = nodes[number]
            args, kwargs = keras.tree.map_structure(
                value, (list(node.arguments.args), dict(node.arguments.kwargs))
            )
            made = _used(node.operation.call, args, kwargs)
            for output, tensor in enumerate(keras.tree.flatten(made)):
                values[number, output] = tensor
        return keras.ops.convert_to_numpy(values[region[-1], 0])

    return call


def _used(call, args, kwargs):
    """What a layer's `call` returns in use, not in training."""
    with suppress(TypeError, ValueError):  # a callable without a signature
        names = list(inspect.signature(call).parameters)
        if "training" in names[len(args) :]:
            kwargs["training"] = False  # Keras notes the default, True, as if it had been said
    return call(*args, **kwargs)


def outputs_of(call, region, inputs, shape, points, scales, numbers):
    """What the last of these steps gives at `points` for random inputs, or None.

    `inputs` are {tensor: its shape}, `scales` the factor of each sample's inputs. An output that is
    no finite number is None: JSON has no other.
    """
    try:
        made = call(region, {
            tensor: _random(numbers, sides, scales, number)
            for number, (tensor, sides) in enumerate(inputs.items())
        })  # fmt: skip
        if tuple(made.shape) != (len(scales), *shape):
            return None
        told = [rounded(made[(sample, *place, channel)]) for sample, place, channel in points]
    except Exception:  # a student's step may raise anything; then nothing is told about it
        return None
    return [value if isfinite(value) else None for value in told]


def _random(numbers, shape, scales, number):
    """Random values for tensor number `number`: an array (samples, *shape)."""
    import numpy as np

    *places, channels = np.ix_(*map(np.arange, shape))
    values = np.array(numbers, "float32")
    samples = [
        scale * values[index(channels, places, sample, number)]
        for sample, scale in enumerate(scales)
    ]
    return np.stack([np.broadcast_to(values, shape) for values in samples])


def rounded(value):
    """A number with the digits that float32 has."""
    return float(f"{float(value):.7g}")
