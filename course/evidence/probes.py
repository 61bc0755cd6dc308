"""Steps that only numbers tell apart are tried out, beside the student's code.

`answers` runs them on numbers that are drawn by whoever judges. What comes back, and what it is
told by, stands in `course.network.recognise`.
"""

from math import isfinite, prod

from course.network.recognise import (
    FIXED,
    MOST_CHANNELS,
    between,
    drawn,
    index,
    learns,
    pixel,
    read_by,
    recognised,
    scales,
)

__all__ = ["FIXED", "answers", "between", "drawn", "read_by", "recognised", "runner"]

_SMALL = (4, 5)  # height and width are cut to this unless a step only takes its own size
_MOST_VALUES = 4_000_000  # of one tensor
_MOST_ANSWERS = 200
_NEAREST = 8  # tensors that a function may begin with


def answers(inputs, steps, outputs, closed, run):
    """Write into the last of such steps what `run` says; the others stay as they are.

    `closed` are the numbers of steps that could not be opened. `run(region, begin, sides)` gives
    the values that come out of some steps for a probe, or None.
    """
    shapes = {(step["id"], k): shape for step in steps for k, shape in enumerate(step["shapes"])}
    shapes |= {(source["id"], 0): source["shape"] for source in inputs}
    above = _tree(steps)
    known = {step["id"]: step for step in steps}
    readers = {}
    for step in steps:
        for number, _ in read_by(step):
            readers.setdefault(number, []).append(step)
    ends = {number for number, _ in map(tuple, outputs)}
    last, joins = [], []  # the last ones of such steps first; a part may be a function by itself
    for step in steps:
        if learns(step) or len(step["shapes"]) != 1 or not step["shapes"][0]:
            continue
        on = all(_goes_on(step, reader, above) for reader in readers.get(step["id"], ()))
        if not on or step["id"] in ends or step["id"] in closed:
            last.append(step)
        elif len(set(read_by(step))) > 1:
            joins.append(step)
    left = _MOST_ANSWERS
    for step in last + joins:
        probes = []
        for begin, region in _beginnings(step, above, known, shapes):
            if len(region) == 1 and step["id"] not in closed:
                continue  # one step of Keras's own does what its name says
            left -= 1
            if left >= 0 and (gives := run(region, begin, shapes[begin])):
                probes.append({"of": list(begin), "gives": gives})
        if probes or step["id"] in closed:
            step["probe"] = probes


def _beginnings(step, above, known, shapes):
    """The nearest tensors of a step's own shape that all of it is made of: (tensor, the steps)."""
    begin, shape, found = above[step["id"], 0][0], step["shapes"][0], []
    while begin is not None and len(found) < _NEAREST:
        if shapes[begin] == shape and None not in shape:
            if (region := between(known, begin, step["id"])) is None:
                break
            found.append((begin, region))
        begin = above[begin][0]
    return found


def _goes_on(step, reader, above):
    """Whether a step that reads another is a part of the same function."""
    begins_anew = above[reader["id"], 0][0] is None
    return not begins_anew and reader["shapes"][:1] == step["shapes"]


def _tree(steps):
    """For each tensor (the nearest one that all of it is made of without weights, depth).

    It is None for an input, and for what has weights or is made of several.
    """
    above = {}
    for step in steps:
        common, read = None, read_by(step)
        for reference in read:  # an input of the network is no step
            above.setdefault(reference, (None, 0))
        if read and not learns(step):
            common = read[0]
            for other in read[1:]:
                common = _nearest_common(common, other, above)
        depth = above[common][1] + 1 if common else 0
        for output in range(len(step["shapes"])):
            above[step["id"], output] = (common, depth)
    return above


def _nearest_common(one, other, above):
    while one != other and None not in (one, other):
        if above[one][1] >= above[other][1]:
            one = above[one][0]
        else:
            other = above[other][0]
    return one if one == other else None


def _tensor(numbers, shape):
    """The probe of a shape without its batch, as an array."""
    import numpy as np

    numbers = np.array(numbers, "float32")
    places = np.ix_(*map(np.arange, (*shape[:-1], shape[-1])))
    samples = [
        scale * numbers[index(places[-1], places[:-1], sample)]
        for sample, scale in enumerate(scales(shape))
    ]
    return np.stack([np.broadcast_to(values, shape) for values in samples])


def runner(keras, nodes, where, numbers):
    """The `run` of `answers`: calls the operations themselves, in float32.

    `nodes` are Keras's by the number of the step, `where` says which output a tensor is.
    """

    def call(region, begin, sides):
        values = {begin: keras.ops.convert_to_tensor(_tensor(numbers, sides), "float32")}

        def value(given):
            return values[where(given)] if hasattr(given, "_keras_history") else given

        for number in region:
            node = nodes[number]
            args, kwargs = keras.tree.map_structure(
                value, (list(node.arguments.args), dict(node.arguments.kwargs))
            )
            made = node.operation.call(*args, **kwargs)
            for output, tensor in enumerate(keras.tree.flatten(made)):
                values[number, output] = tensor
        return keras.ops.convert_to_numpy(values[region[-1], 0])

    def run(region, begin, shape):
        *sides, channels = shape
        small = [min(side, most) for side, most in zip(sides, _SMALL, strict=False)]
        for tried in dict.fromkeys([(*small, channels), tuple(shape)]):
            if len(tried) != len(shape) or len(scales(tried)) * prod(tried) > _MOST_VALUES:
                continue
            try:
                made = call(region, begin, tried)
                if made.shape == (len(scales(tried)), *tried):
                    return [_told(made[(sample, *pixel(shape))]) for sample in range(len(made))]
            except Exception:  # whatever a student's step raises: it was not tried out
                continue
        return None

    return run


def _told(values):
    values = [float(f"{float(value):.7g}") for value in values[:MOST_CHANNELS]]
    return [value if isfinite(value) else None for value in values]
