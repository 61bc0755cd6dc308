"""Recognise a layer of the student's own with weights, from its outputs for random weights.

Keras has no layer for a class token, a position embedding, a factor for each map, the subsampling
of 1998 or a global response normalisation. And a convolution or a dense layer may be written with a
kernel of one's own. `course.evidence.own_layers` runs such a layer next to the student's code, on
random inputs and with random weights. The evidence is in its step:

    "own": {"weights": [[1, 1, 768]], "gives": [...]}   # true if it could not be run

`weights` are their shapes, `gives` the outputs at `course.network.regions.points`.
"""

from itertools import islice
from math import prod, sqrt
from typing import NamedTuple

from course.network import regions, steps
from course.network.functions import FUNCTIONS, agree, named, softmax
from course.network.node import Value
from course.network.recognise import index
from course.network.regions import MOST_PLACES
from course.network.unknown import common

MOST_WEIGHTS = 2  # variables of one layer
MOST_VALUES = 4_000_000  # of its input and its output together
_LARGEST_KERNEL = 16
_MOST_SEEN = 8_192  # values that one value of a convolution is computed from
_MOST_PRODUCTS = 60_000  # of values and weights that are worked out for one layer
_WIDEST_STEP = 4  # stride of a window, if it is not larger than its kernel
_MOST_WINDOWS = 3  # that are tried for one layer
_NEAR = 2e-4  # a CPU adds thousands of products in another order


class Window(NamedTuple):
    """A convolution, or a dense layer of a vector, with a kernel of the student's own."""

    kernel: tuple
    stride: tuple
    padding: str | int
    bias: bool
    filters: int
    groups: int


def weight(number, place):
    """The index in `recognise.drawn()` of a weight's value; `place` is that in the flat weight."""
    return (place + 173 * (number + 1)) % 257


def size(shapes, number, read, place):
    """The factor of a weight's random value at `place`, or of an array of places.

    `shapes` are those of all weights, `read` that of the layer's input. Every second value that a
    kernel makes has the size of 1 to 2, the others that of 4 to 8: tanh and sigmoid hide what is
    large, and relu6 is relu for what is small.
    """
    kernels = [len(s) == 4 or (len(s) == 2 and len(read) in (1, 3)) for s in shapes]
    if not any(kernels):
        return 1
    if not kernels[number]:
        return 1 / 8  # a bias
    *sides, filters = shapes[number]
    return (1 + 3 * (place % filters % 2)) / (16 * sqrt(prod(sides)))


def recognised(step, x, numbers):
    """The kinds of rows that a layer stands for, in their order; () if it is not recognised.

    The evidence comes from the student's process and may be anything.
    """
    told, shape = step.get("own"), tuple(step["shapes"][0])
    if not isinstance(told, dict):
        return ()
    if x.size + prod(shape) > MOST_VALUES:
        return ()
    weights, gives = told.get("weights"), told.get("gives")
    if not isinstance(weights, list) or not 0 < len(weights) <= MOST_WEIGHTS:
        return ()
    sizes = [prod(sides) for sides in weights]
    all_trained = step["trained"] in (0, step["parameters"]) and sum(sizes) == step["parameters"]
    asked = regions.points(shape)
    if not all_trained or not isinstance(gives, list) or len(gives) != len(asked):
        return ()
    if not all(isinstance(value, int | float) for value in gives):
        return ()
    layer = _Layer(x.shape, weights, numbers)
    for window, right in layer.windows(shape):
        if function := _of_a_window(layer, window, right, asked, gives):
            return window, *(name for name in [function] if name != "linear")
    if x.shape[-1:] != shape[-1:] or len(shape) < 2:
        return ()
    for kinds, right in layer.guesses(shape):
        values = [right(*point) for point in asked]
        if agree(gives, values):
            return kinds
        for name, function in FUNCTIONS.items() if kinds[-1] == "scale_and_shift" else ():
            if agree(gives, map(function, values)):
                return *kinds, name
    return ()


def _of_a_window(layer, window, right, asked, gives):
    """The name of the function that is applied to what a window makes, or None if it differs.

    Not all points are looked at if each is a sum of thousands of products.
    """
    seen = prod(window.kernel) * layer.shape[-1]
    every = -(-len(asked) * seen // _MOST_PRODUCTS)
    values = [right(*point) for point in asked[::every]]
    known = {"linear": lambda value: value, **FUNCTIONS}
    for name, function in known.items():
        if _near(gives[::every], map(function, values)):
            return name
    alone = every == 1 and asked[-1][1] == () and window.filters <= len(asked)
    if alone and _near(gives[-window.filters :], softmax(values[-window.filters :])):
        return "softmax"
    return None


def _near(gives, right):
    pairs = zip(gives, right, strict=True)
    return all(abs(given - value) <= _NEAR * (1 + abs(value)) for given, value in pairs)


def node(step, x, kinds):
    """The last row of a layer that was recognised. `Graph.add` also adds the rows it reads."""
    rest = {**common(step), "trainable": step["trained"] > 0}
    for number, kind in enumerate(kinds):
        last = number + 1 == len(kinds)
        name = step["name"] if last else f"{step['name']}_{kind}"
        rest["layer"] = step["layer"] if last else (step["layer"], kind)
        if isinstance(kind, Window):
            x = _window(x, name, kind, **rest)
        elif kind == "class_token":
            x = steps.class_token(x, name, **rest)
        elif kind in ("scale", "scale_and_shift"):
            wide, shifts = x.channels, kind == "scale_and_shift"
            x = steps.conv(x, name, wide, (1, 1), bias=shifts, groups=wide, **rest)
        elif kind == "average_pool":
            window = x.grid[0] // step["shapes"][0][0]
            x = steps.pool(x, name, kind, (window, window), (window, window), 0, **rest)
        elif kind in FUNCTIONS or kind == "softmax":
            x = x.with_(name=name, layer=step["layer"], chain=named(kind))
        else:  # of the same size
            x = steps.alike(x, name, kind, **rest)
    return x


def _window(x, name, window, **rest):
    kernel, stride, padding, bias, filters, groups = window
    if x.flat:
        return steps.dense(x, name, filters, bias=bias, **rest)
    return steps.conv(x, name, filters, kernel, stride, padding, bias=bias, groups=groups, **rest)


class _Layer:
    """What a layer may compute of an input of this shape, with weights of these shapes."""

    def __init__(self, shape, weights, numbers):
        self.shape, self.weights, self.numbers = shape, weights, numbers
        self.sizes = [prod(sides) for sides in weights]

    def value(self, sample, pixel, channel):
        return self.numbers[index(channel, pixel, sample)]

    def weight(self, number, place):
        factor = size(self.weights, number, self.shape, place)
        return factor * self.numbers[weight(number, place)]

    def place(self, pixel, channel, shape):
        """The place of a value in a flat array of this shape."""
        at = 0
        for part, side in zip((*pixel, channel), shape, strict=True):
            at = at * side + part
        return at

    def windows(self, shape):
        """(Window, the function of sample, pixel and channel) for each that gives this shape."""
        if len(self.shape) != len(shape) or len(shape) not in (1, 3):
            return
        x = Value(((0, 0, self.shape[-1]),), self.shape[:-1] or (1, 1), len(shape) == 1)
        for order in [(0,), (0, 1), (1, 0)]:
            if len(order) != len(self.weights):
                continue
            kernel, *bias = (list(self.weights[number]) for number in order)
            *sides, channels, filters = [1] * (4 - len(kernel)) + kernel
            groups = self.shape[-1] // max(1, channels)
            fits = len(sides) == 2 and (channels * groups, filters) == (self.shape[-1], shape[-1])
            fits &= prod(sides) * channels <= _MOST_SEEN and max(sides) <= _LARGEST_KERNEL
            if not fits or filters % groups or bias not in ([], [[filters]]):
                continue
            found = {}  # (stride, padding in pixels) -> its Window
            for stride in range(1, 1 + max(_WIDEST_STEP, *sides)):
                for padding in ("same", steps.IF_IT_FITS):
                    window = Window(
                        tuple(sides), (stride, stride), padding, bool(bias), filters, groups
                    )
                    made = steps.conv(x, "", filters, *window[:3])
                    if made.grid == (shape[:-1] or (1, 1)):
                        step = stride if made.grid != (1, 1) else 1
                        found.setdefault((step, made.padding), window)
            for (_, around), window in islice(found.items(), _MOST_WINDOWS):
                yield window, self._seen(order, window, around)

    def _seen(self, order, window, padding):
        """The sum of the products of a kernel with the values below it, and the bias."""
        number, *bias = order
        (high, wide), channels = window.kernel, self.shape[-1] // window.groups

        def right(sample, pixel, channel):
            total = self.weight(bias[0], channel) if bias else 0
            seen = channel // (window.filters // window.groups) * channels  # the group's first map
            for r in range(high):
                for c in range(wide):
                    at = tuple(
                        place * step + part - before[0]
                        for place, step, part, before in zip(
                            pixel, window.stride, (r, c), padding, strict=False
                        )
                    )
                    if any(not 0 <= a < s for a, s in zip(at, self.shape[:-1], strict=True)):
                        continue
                    first = (r * wide + c) * channels
                    total += sum(
                        self.value(sample, at, seen + i)
                        * self.weight(number, (first + i) * window.filters + channel)
                        for i in range(channels)
                    )
            return total

        return right

    def guesses(self, shape):
        """(kinds of rows, the function of sample, pixel and channel) for each guess."""
        channels, sizes = shape[-1], self.sizes
        same, more = shape == self.shape, (prod(self.shape[:-1]) + 1, channels)
        for order in [(0,), (0, 1), (1, 0)]:
            wanted = [sizes[number] for number in order if number < len(sizes)]
            if len(order) != len(sizes):
                continue
            if same and wanted == [channels]:
                yield ("scale",), lambda s, p, c: self.value(s, p, c) * self.weight(0, c)
            if same and wanted == [prod(shape)]:
                yield (
                    ("position_embedding",),
                    lambda s, p, c: self.value(s, p, c) + self.weight(0, self.place(p, c, shape)),
                )
            if same and wanted == [channels] * 2:
                yield ("scale_and_shift",), self._scaled(order, 1)
            window = self.shape[0] // shape[0]
            halved = (*(side // max(1, window) for side in self.shape[:-1]), channels)
            if len(shape) == 3 and window > 1 and shape == halved and wanted == [channels] * 2:
                for divisor in (window**2, 1):  # a sum is a mean times a part of the factor
                    right = self._scaled(order, window, divisor)
                    yield ("average_pool", "scale_and_shift"), right
            pixels = prod(shape[:2])
            if same and len(shape) == 3 and wanted == [channels] * 2 and pixels <= MOST_PLACES:
                yield ("grn",), self._grn(*order)
            if len(self.shape) == 2 and shape == more and wanted == [channels]:
                yield ("class_token",), lambda s, p, c: self._with_token(s, p, c, 0)
            if len(self.shape) == 2 and shape == more and wanted == [channels, prod(shape)]:
                yield (
                    ("class_token", "position_embedding"),
                    lambda s, p, c, o=order: (
                        self._with_token(s, p, c, o[0]) + self.weight(o[1], self.place(p, c, shape))
                    ),
                )

    def _scaled(self, order, window, divisor=1):
        """A factor and an addend for each map, behind sums over windows, divided by a number."""
        factor, addend = order
        inside = [(r, c) for r in range(window) for c in range(window)]

        def right(sample, pixel, channel):
            if window == 1:
                mean = self.value(sample, pixel, channel)
            else:
                top, left = (window * at for at in pixel)
                seen = [self.value(sample, (top + r, left + c), channel) for r, c in inside]
                mean = sum(seen) / divisor
            return self.weight(factor, channel) * mean + self.weight(addend, channel)

        return right

    def _with_token(self, sample, pixel, channel, token):
        """A value of the tokens, with a learned token in front of them."""
        (at,) = pixel
        return self.value(sample, (at - 1,), channel) if at else self.weight(token, channel)

    def _grn(self, gamma, beta):
        """gamma · x · n + beta + x, where n is a map's norm divided by the mean of all norms."""
        high, wide, channels = self.shape
        places = regions.of_all_pixels(high, wide)
        known = {}

        def norm(sample, channel):
            at = index(channel, (), sample)
            if at not in known:
                squares = (n * self.numbers[(at + p) % 257] ** 2 for p, n in places.items())
                known[at] = sqrt(sum(squares))
            return known[at]

        means = [
            sum(norm(sample, channel) for channel in range(channels)) / channels
            for sample in range(regions.SAMPLES)
        ]

        def right(sample, pixel, channel):
            x, share = self.value(sample, pixel, channel), norm(sample, channel) / means[sample]
            return self.weight(gamma, channel) * x * share + self.weight(beta, channel) + x

        return right
