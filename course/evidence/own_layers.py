"""Run layers of the student's own that have weights, with random numbers as their weights.

The layer itself is not changed. `course.network.own_layers` describes the result, and concludes
from it what the layer computes.
"""

from math import prod

from course.evidence.tried import outputs_of
from course.network import own_layers, regions
from course.network.recognise import read_by, shapes_of


def add_outputs(trace, nodes, call, numbers):
    """Run each own layer with weights, and put its outputs into "own" of its step.

    A layer that cannot be run is left out. `nodes` are {number of a step: Keras's node}.
    `call(steps, {tensor: array})` returns what the last of these steps makes of the arrays.
    """
    shapes = shapes_of(trace["inputs"], trace["steps"])
    for step in trace["steps"]:
        if not step.get("own") or len(step["shapes"]) != 1 or len(set(read_by(step))) != 1:
            continue
        (begin,), weights = read_by(step)[:1], nodes[step["id"]].operation.weights
        sides = [*shapes[begin], *step["shapes"][0]]
        if None in sides or not 0 < len(weights) <= own_layers.MOST_WEIGHTS:
            continue
        values = prod(shapes[begin]) + prod(step["shapes"][0])
        if regions.SAMPLES * values + step["parameters"] > own_layers.MOST_VALUES:
            continue
        all_shapes = [list(each.shape) for each in weights]
        state = [
            (each, _values(numbers, all_shapes, n, shapes[begin])) for n, each in enumerate(weights)
        ]
        shape, run = step["shapes"][0], _holding(state, call)
        asked = {begin: shapes[begin]}, shape, regions.points(shape), regions.SCALES
        if gives := outputs_of(run, [step["id"]], *asked, numbers):
            step["own"] = {"weights": all_shapes, "gives": gives}


def _holding(state, call):
    """`call`, while a layer's variables hold other values: `state` is [(variable, its value)]."""
    import keras

    def run(region, given):
        with keras.StatelessScope(state), keras.device("cpu"):  # a GPU may round more
            return call(region, given)

    return run


def _values(numbers, shapes, number, read):
    """The random numbers of one weight; `read` is the shape of the layer's input."""
    import keras
    import numpy as np

    places = np.arange(prod(shapes[number]))
    values = np.array(numbers, "float32")[own_layers.weight(number, places)]
    values = (values * own_layers.size(shapes, number, read, places)).astype("float32")
    return keras.ops.convert_to_tensor(values.reshape(shapes[number]))
