"""Steps that only numbers tell apart: what do they make of a small drawn tensor?

Between two tensors of one shape there may be steps without weights that have no name of their own:
a local response normalisation put together from squares, slices and a power, a tanh written with
exponentials, a Lambda that cannot be opened. Beside the student's code, `answers` tries them out on
numbers that are drawn by whoever judges. From what comes back, `recognised` tells which function it
is. The evidence, in the last of those steps:

    "probe": [{"of": [1, 0], "gives": [[...], [...]]}]   # [] if it could not be tried out

`of` is the tensor that the numbers stood for. `gives` are the values of all maps at one pixel, a
list for each sample: the first half has numbers as activations have them, in the other half they
are 25 times as large, where a normalisation shows.
"""

import random
from math import erf, exp, isfinite, log1p, prod, sqrt, tanh

from course.architectures import LRN_CONSTANTS

_LARGE = 25
_ENOUGH = 64  # values, before and behind the middle
_SMALL = (4, 5)  # height and width are cut to this unless a step only takes its own size
_PIXEL = (1, 2)  # the one that is asked for: no centre, so that a flipped map has another value
_MOST_CHANNELS = 1024  # that are told
_MOST_VALUES = 4_000_000  # of one tensor
_MOST_ANSWERS = 200
_FEWEST_POINTS = 8  # from which constants can be told
_NEAREST = 8  # tensors that a function may begin with


def drawn(seed=None):
    """The numbers that a probe is made of: between -8 and 8, none next to 0."""
    chance = random.Random(seed)
    return [round(chance.choice((-1, 1)) * chance.uniform(0.1, 8), 4) for _ in range(257)]


#: For whoever observes and judges in one place.
FIXED = drawn(0)


def _index(channel, pixel, sample):
    at = sum(place * step for place, step in zip(pixel, (31, 67, 101), strict=False))
    return (channel + at + 131 * sample) % 257


def _pixel(shape):
    return tuple(min(place, side - 1) for place, side in zip(_PIXEL, shape[:-1], strict=False))


def _scales(shape):
    """How large the numbers of each sample are: the fewer maps there are, the more samples."""
    half = max(1, _ENOUGH // max(1, shape[-1]))
    return [1] * half + [_LARGE] * half


def _tensor(numbers, shape):
    """The probe of a shape without its batch, as an array."""
    import numpy as np

    numbers = np.array(numbers, "float32")
    places = np.ix_(*map(np.arange, (*shape[:-1], shape[-1])))
    samples = [
        scale * numbers[_index(places[-1], places[:-1], sample)]
        for sample, scale in enumerate(_scales(shape))
    ]
    return np.stack([np.broadcast_to(values, shape) for values in samples])


def _values(numbers, shape):
    """The samples at the pixel that is asked for, for all maps."""
    pixel, channels = _pixel(shape), range(min(shape[-1], _MOST_CHANNELS + 16))
    return [
        [scale * numbers[_index(channel, pixel, sample)] for channel in channels]
        for sample, scale in enumerate(_scales(shape))
    ]


# --- the steps in question


def references(value):
    """Every (step, output) that a call's arguments name, in order."""
    if isinstance(value, dict):
        if "tensor" in value:
            return [tuple(value["tensor"])]
        return [ref for item in value.values() for ref in references(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in references(item)]
    return []


def read_by(step):
    """Every (step, output) that a step of a trace reads, in order."""
    return references([step["args"], step.get("kwargs")])


def between(steps, begin, end, count=lambda reads: None):
    """The numbers of the steps without weights that make `end` of the tensor `begin`.

    None if `end` needs anything else. `steps` are by their number; `count` is told of each step
    how many tensors it reads, and may end the search by an exception.
    """
    region, waiting = {end}, [end]
    while waiting:
        step = steps.get(waiting.pop())
        if step is None or _learns(step):
            return None
        read = read_by(step)
        count(len(read))
        for reference in read:
            if reference != begin and reference[0] not in region:
                region.add(reference[0])
                waiting.append(reference[0])
    return sorted(region)


def _learns(step):
    """Whether a step has weights; a frozen convolution over maps or in one direction has none.

    So sums over neighbouring maps can be written. A frozen window of 3 × 3 is a pretrained layer.
    """
    window = step.get("config", {}).get("kernel_size") or ()
    window = window if isinstance(window, list | tuple) else (window,)
    sums = "Conv" in step["op"] and sum(size != 1 for size in window) <= 1
    return bool(step.get("parameters")) and not (sums and not step.get("trained"))


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
        if _learns(step) or len(step["shapes"]) != 1 or not step["shapes"][0]:
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
        if read and not _learns(step):
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
            if len(tried) != len(shape) or len(_scales(tried)) * prod(tried) > _MOST_VALUES:
                continue
            try:
                made = call(region, begin, tried)
                if made.shape == (len(_scales(tried)), *tried):
                    return [_told(made[(sample, *_pixel(shape))]) for sample in range(len(made))]
            except Exception:  # whatever a student's step raises: it was not tried out
                continue
        return None

    return run


def _told(values):
    values = [float(f"{float(value):.7g}") for value in values[:_MOST_CHANNELS]]
    return [value if isfinite(value) else None for value in values]


# --- which function it is


def recognised(gives, shape, numbers):
    """("fn", the name of an element-wise function), ("lrn", its constants), or None.

    `gives` is an answer of the student's process, and may be anything.
    """
    told = min(shape[-1], _MOST_CHANNELS)
    fits = isinstance(gives, list) and len(gives) == len(_scales(shape))
    if not fits or not all(isinstance(row, list) and len(row) == told for row in gives):
        return None
    if not all(value is None or isinstance(value, int | float) for row in gives for value in row):
        return None
    asked = _values(numbers, shape)
    half = len(asked) // 2
    given, right = ([v for row in rows for v in row[:told]] for rows in (gives, asked))
    if _agree(given, right):
        return "fn", "linear"
    given, right = given[: half * told], right[: half * told]
    for name, function in FUNCTIONS.items():
        if _agree(given, map(function, right)):
            return "fn", name
    if told == shape[-1] > 1 and all(map(_agree, gives[:half], map(_softmax, asked))):
        return "fn", "softmax"
    if any(None in row for row in gives):
        return None
    constants = next((c for c in LRN_CONSTANTS if _normalises(asked, gives, *c)), None)
    constants = constants or _fitted(asked, gives)
    return ("lrn", constants) if constants else None


def _agree(got, wanted):
    return all(
        value is not None and abs(value - right) <= 1e-5 + 2e-4 * abs(right)
        for value, right in zip(got, wanted, strict=True)
    )


#: Element-wise functions by the names that Keras has for them.
FUNCTIONS = {
    "relu": lambda v: max(v, 0),
    "relu6": lambda v: min(max(v, 0), 6),
    "tanh": tanh,
    "sigmoid": lambda v: 1 / (1 + exp(-v)),
    "scaled_tanh": lambda v: 1.7159 * tanh(2 / 3 * v),
    "elu": lambda v: v if v > 0 else exp(v) - 1,
    "selu": lambda v: 1.05070099 * (v if v > 0 else 1.67326324 * (exp(v) - 1)),
    "silu": lambda v: v / (1 + exp(-v)),
    "softplus": lambda v: log1p(exp(v)),
    "gelu": lambda v: v * (1 + erf(v / sqrt(2))) / 2,
}


def name_of(links):
    """The name of what some element-wise functions in a row are together, or None."""
    values = points = [number / 4 for number in range(-32, 33)]
    for kind, what in links:
        if kind not in ("fn", "mul", "add") or (kind == "fn" and what not in FUNCTIONS):
            return None
        try:
            if kind == "fn":
                values = [FUNCTIONS[what](value) for value in values]
            else:
                values = [value * what if kind == "mul" else value + what for value in values]
        except OverflowError:
            return None
    same = (n for n, f in FUNCTIONS.items() if _agree(values, [f(value) for value in points]))
    return next(same, None)


def _softmax(values):
    powers = [exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def _points(asked, gives, n):
    """(value, sum of the squares of it and its neighbours, what came out) for each map.

    Only for maps with neighbours on both sides: some normalise the first and the last otherwise.
    """
    reach, told, channels = n // 2, len(gives[0]), len(asked[0])
    inside = range(reach, min(told, channels - reach)) or range(told)
    for values, made in zip(asked, gives, strict=True):
        for channel in inside:
            near = values[max(0, channel - reach) : channel + reach + 1]
            yield values[channel], sum(value**2 for value in near), made[channel]


def _normalises(asked, gives, n, k, alpha, beta):
    return all(
        abs(made - value / (k + alpha * squares) ** beta) <= 2e-3 * abs(made)
        for value, squares, made in _points(asked, gives, n)
    )


def _fitted(asked, gives):
    """The constants (n, k, alpha, beta) of a normalisation with others than were published."""
    for n in (3, 5, 7, 9, 11):
        points = list(_points(asked, gives, n))
        if any(value * made <= 0 for value, _, made in points):
            return None
        if len(points) < _FEWEST_POINTS:
            return None
        points.sort(key=lambda point: point[1])
        (low, least, first), (high, most, last) = points[0], points[-1]
        for hundredths in range(5, 205, 5):
            beta = hundredths / 100
            try:
                ends = [
                    (value / made) ** (1 / beta) for value, made in ((low, first), (high, last))
                ]
            except OverflowError:
                continue
            alpha = (ends[1] - ends[0]) / (most - least) if most > least else 0
            k = ends[0] - alpha * least
            shows = k > 0 and alpha * most > 0.01 * k  # a factor alone is no normalisation
            if shows and _normalises(asked, gives, n, k, alpha, beta):
                return n, float(f"{k:.3g}"), float(f"{alpha:.3g}"), beta
    return None
