"""Recognise a function from its outputs for random inputs ("probes").

Some functions are several steps without a name of their own: a local response normalisation
written with squares, slices and a power, a tanh written with exponentials, a Lambda that cannot be
traced. The judging side draws random numbers. `course.evidence.probes` runs these steps on them,
next to the student's code. `recognised` tells from the outputs which function the steps compute.
The evidence is in the last of the steps:

    "probe": [{"of": [1, 0], "gives": [...]}]   # [] if the steps could not be run

`of` is the tensor that the random numbers replaced. `gives` are the outputs at `points`: for each
sample those of all maps at one pixel. In the first half of the samples the inputs have the size of
usual activations. In the second half they are 25 times as large, so that a normalisation shows.
"""

import random
from itertools import accumulate

from course.architectures import LRN_CONSTANTS
from course.network.functions import FUNCTIONS, agree, softmax

_LARGE = 25
_ENOUGH = 64  # values in each half of the samples
_PIXEL = (1, 3)  # the probed pixel: one that a flipped or transposed map has elsewhere
MOST_CHANNELS = 1024  # a probe reports the outputs of at most so many maps
_BETAS = [*(hundredths / 100 for hundredths in range(5, 205, 5)), 3, 4, 5]  # that are tried
_FEWEST_POINTS = 8  # needed to fit the constants of a normalisation


def drawn(seed=None):
    """The 257 random inputs of a probe: of size 0.1 to 8, of either sign."""
    chance = random.Random(seed)
    return [round(chance.choice((-1, 1)) * chance.uniform(0.1, 8), 4) for _ in range(257)]


#: For callers that trace and judge in one process.
FIXED = drawn(0)


def index(channel, pixel, sample, number=0):
    """The index in `drawn()` of an input at this place. `number` tells several tensors apart."""
    at = sum(place * step for place, step in zip(pixel, (31, 67, 101), strict=False))
    return (channel + at + 131 * sample + 173 * number) % 257


def points(shape):
    """The outputs that are told of a tensor of that shape: (sample, pixel, channel)."""
    place, told = _pixel(shape), range(min(shape[-1], MOST_CHANNELS))
    return [(sample, place, channel) for sample in range(len(scales(shape))) for channel in told]


def _pixel(shape):
    return tuple(min(place, side - 1) for place, side in zip(_PIXEL, shape[:-1], strict=False))


def scales(shape):
    """The factor of each sample's inputs. With fewer maps there are more samples."""
    half = max(1, _ENOUGH // max(1, shape[-1]))
    return [1] * half + [_LARGE] * half


def _values(numbers, shape):
    """The inputs at the probed pixel: a list of all maps for each sample."""
    place, channels = _pixel(shape), min(shape[-1], MOST_CHANNELS + 16)
    first = [index(0, place, sample) for sample in range(len(scales(shape)))]
    return [
        [scale * numbers[at % 257] for at in range(begin, begin + channels)]
        for begin, scale in zip(first, scales(shape), strict=True)
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
    named = step.get("kwargs") or {}  # an argument may have the name "tensor"
    return references([step["args"], *named.values()])


def shapes_of(inputs, steps):
    """{tensor: its shape}, inputs of the network included."""
    shapes = {(step["id"], k): shape for step in steps for k, shape in enumerate(step["shapes"])}
    return shapes | {(source["id"], 0): source["shape"] for source in inputs}


def between(steps, begins, end, count=lambda reads: None):
    """The numbers of the steps that compute step `end` from the tensors `begins` alone.

    None if `end` also depends on another tensor or on weights. `steps` is {number: step}. `count`
    is called with the number of tensors that each step reads; it may raise to end the search.
    """
    region, waiting = {end}, [end]
    while waiting:
        step = steps.get(waiting.pop())
        if step is None or learns(step):
            return None
        read = read_by(step)
        count(len(read))
        for reference in read:
            if reference not in begins and reference[0] not in region:
                region.add(reference[0])
                waiting.append(reference[0])
    return sorted(region)


def learns(step):
    """Whether a step has weights. A frozen 1 × 1, 1 × n or n × 1 convolution does not count.

    Such a convolution can write the sum over neighbouring maps of a normalisation. A frozen 3 × 3
    convolution is a pretrained layer and counts.
    """
    window = step.get("config", {}).get("kernel_size") or ()
    window = window if isinstance(window, list | tuple) else (window,)
    sums = "Conv" in step["op"] and sum(size != 1 for size in window) <= 1
    return bool(step.get("parameters")) and not (sums and not step.get("trained"))


# --- which function it is


def recognised(gives, shape, numbers):
    """("fn", name of an element-wise function or softmax), ("lrn", its constants), or None.

    `gives` comes from the student's process and may be anything. `shape` is that of the tensor
    without the batch; `numbers` are the random inputs.
    """
    if not isinstance(gives, list) or len(gives) != len(points(shape)):
        return None
    if not all(value is None or isinstance(value, int | float) for value in gives):
        return None
    told = min(shape[-1], MOST_CHANNELS)
    gives = [gives[first : first + told] for first in range(0, len(gives), told)]
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
    published = (c for c in LRN_CONSTANTS if _normalised(_points(asked, gives, c[0]), c))
    constants = next(published, None) or _fitted(asked, gives)
    return ("lrn", constants) if constants else None


def _points(asked, gives, n):
    """(input, sum of the squares of it and its neighbours, output) for each map.

    Only maps with neighbours on both sides count: implementations differ at the first and the last.
    """
    reach, told, channels = n // 2, len(gives[0]), len(asked[0])
    inside = range(reach, min(told, channels - reach)) or range(told)
    for values, made in zip(asked, gives, strict=True):
        sums = [0, *accumulate(value**2 for value in values)]  # of the squares of all maps before
        for channel in inside:
            first, past = max(0, channel - reach), min(channel - reach + n, channels)
            yield values[channel], sums[past] - sums[first], made[channel]


def _normalised(points, constants):
    """Whether the outputs are those of a normalisation with these constants, within 0.2 %."""
    _, k, alpha, beta = constants
    return all(
        abs(made - value / (k + alpha * squares) ** beta) <= 2e-3 * abs(made)
        for value, squares, made in points
    )


def _fitted(asked, gives):
    """The constants (n, k, alpha, beta) of a normalisation, fitted to its outputs; or None.

    For each n and beta, k and alpha follow from the points with the least and the most squares.
    """
    for n in range(1, 12):
        points = list(_points(asked, gives, n))
        if any(value * made <= 0 for value, _, made in points):
            return None
        if len(points) < _FEWEST_POINTS:
            return None
        (low, least, first), (high, most, last) = (
            choose(points, key=lambda point: point[1]) for choose in (min, max)
        )
        for beta in _BETAS:
            try:
                ends = [
                    (value / made) ** (1 / beta) for value, made in ((low, first), (high, last))
                ]
            except OverflowError:
                continue
            alpha = (ends[1] - ends[0]) / (most - least) if most > least else 0
            k = ends[0] - alpha * least
            # A factor alone is no normalisation, nor is 1/x, which has n = 1 and k = 0.
            shows = k > 1e-3 * ends[0] and alpha * most > 0.01 * k
            if shows and _normalised(points, (n, k, alpha, beta)):
                return n, float(f"{k:.3g}"), float(f"{alpha:.3g}"), beta
    return None
