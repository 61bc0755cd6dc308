"""Which function some numbers show: what a step made of a small drawn tensor.

Between two tensors of one shape there may be steps without weights that have no name of their own:
a local response normalisation put together from squares, slices and a power, a tanh written with
exponentials, a Lambda that cannot be opened. Beside the student's code, `course.evidence.probes`
tries them out on numbers that are drawn by whoever judges. From what comes back, `recognised` tells
which function it is. The evidence, in the last of those steps:

    "probe": [{"of": [1, 0], "gives": [[...], [...]]}]   # [] if it could not be tried out

`of` is the tensor that the numbers stood for. `gives` are the values of all maps at one pixel, a
list for each sample: the first half has numbers as activations have them, in the other half they
are 25 times as large, where a normalisation shows.
"""

import random

from course.architectures import LRN_CONSTANTS
from course.network.functions import FUNCTIONS, agree, softmax

_LARGE = 25
_ENOUGH = 64  # values, before and behind the middle
_PIXEL = (1, 2)  # the one that is asked for: no centre, so that a flipped map has another value
MOST_CHANNELS = 1024  # that are told
_FEWEST_POINTS = 8  # from which constants can be told


def drawn(seed=None):
    """The numbers that a probe is made of: between -8 and 8, none next to 0."""
    chance = random.Random(seed)
    return [round(chance.choice((-1, 1)) * chance.uniform(0.1, 8), 4) for _ in range(257)]


#: For whoever observes and judges in one place.
FIXED = drawn(0)


def index(channel, pixel, sample):
    """Which number stands in a channel of a pixel of a sample."""
    at = sum(place * step for place, step in zip(pixel, (31, 67, 101), strict=False))
    return (channel + at + 131 * sample) % 257


def pixel(shape):
    """The pixel that is asked for, of a tensor of that shape."""
    return tuple(min(place, side - 1) for place, side in zip(_PIXEL, shape[:-1], strict=False))


def scales(shape):
    """How large the numbers of each sample are: the fewer maps there are, the more samples."""
    half = max(1, _ENOUGH // max(1, shape[-1]))
    return [1] * half + [_LARGE] * half


def _values(numbers, shape):
    """The samples at the pixel that is asked for, for all maps."""
    place, channels = pixel(shape), range(min(shape[-1], MOST_CHANNELS + 16))
    return [
        [scale * numbers[index(channel, place, sample)] for channel in channels]
        for sample, scale in enumerate(scales(shape))
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
        if step is None or learns(step):
            return None
        read = read_by(step)
        count(len(read))
        for reference in read:
            if reference != begin and reference[0] not in region:
                region.add(reference[0])
                waiting.append(reference[0])
    return sorted(region)


def learns(step):
    """Whether a step has weights; a frozen convolution over maps or in one direction has none.

    So sums over neighbouring maps can be written. A frozen window of 3 × 3 is a pretrained layer.
    """
    window = step.get("config", {}).get("kernel_size") or ()
    window = window if isinstance(window, list | tuple) else (window,)
    sums = "Conv" in step["op"] and sum(size != 1 for size in window) <= 1
    return bool(step.get("parameters")) and not (sums and not step.get("trained"))


# --- which function it is


def recognised(gives, shape, numbers):
    """("fn", the name of an element-wise function), ("lrn", its constants), or None.

    `gives` is an answer of the student's process, and may be anything.
    """
    told = min(shape[-1], MOST_CHANNELS)
    fits = isinstance(gives, list) and len(gives) == len(scales(shape))
    if not fits or not all(isinstance(row, list) and len(row) == told for row in gives):
        return None
    if not all(value is None or isinstance(value, int | float) for row in gives for value in row):
        return None
    asked = _values(numbers, shape)
    half = len(asked) // 2
    given, right = ([v for row in rows for v in row[:told]] for rows in (gives, asked))
    if agree(given, right):
        return "fn", "linear"
    given, right = given[: half * told], right[: half * told]
    for name, function in FUNCTIONS.items():
        if agree(given, map(function, right)):
            return "fn", name
    if told == shape[-1] > 1 and all(map(agree, gives[:half], map(softmax, asked))):
        return "fn", "softmax"
    if any(None in row for row in gives):
        return None
    constants = next((c for c in LRN_CONSTANTS if _normalises(asked, gives, *c)), None)
    constants = constants or _fitted(asked, gives)
    return ("lrn", constants) if constants else None


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
