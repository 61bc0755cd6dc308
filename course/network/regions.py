"""Recognise what a group of steps without weights computes, from its outputs for random inputs.

A max pool can be four slices and three maxima, an addition a stack and a sum, a global average two
means. Nothing but numbers tells that they are. `course.evidence.regions` runs such a group of steps
next to the student's code; the evidence is in the last of its steps:

    "region": {"of": [[4, 0], [9, 0]], "gives": [...]}

`of` are the tensors that random numbers replaced, `gives` the outputs at `points`.
"""

from collections import Counter
from itertools import permutations
from math import prod

from course.language import N_
from course.network import functions, moving, steps
from course.network.functions import agree
from course.network.recognise import index
from course.network.unknown import common, unknown

SAMPLES = 2  # so that it shows if the images of a batch are mixed
SCALES = [1] * SAMPLES  # their inputs are as large as usual activations
_CHANNELS = 128  # at most, that are looked at in one pixel
_LARGEST_KERNEL = 8
_FARTHEST = 4  # pixels at most that a map is moved by
MOST_PLACES = 60_000  # pixels of a map whose mean is worked out


def of_all_pixels(high, wide):
    """{what a pixel adds to `index`: how many pixels of a map add so much}."""
    return Counter(index(0, (r, c), 0) for r in range(high) for c in range(wide))


def points(shape):
    """The outputs that are told: (sample, pixel, channel). Edges and corners are among them."""
    *sides, channels = shape
    pixels = [()]
    for side in sides:
        rows = sorted({row for row in (0, side // 2, side - 2, side - 1) if 0 <= row < side})
        pixels = [(*pixel, row) for pixel in pixels for row in rows]
    few = sorted({0, channels - 1})
    many = range(0, channels, -(-channels // _CHANNELS))
    inside = tuple(side // 2 for side in sides)
    told = [(sample, pixel, c) for sample in range(SAMPLES) for pixel in pixels for c in few]
    return told + [(0, inside, channel) for channel in many]


def recognised(gives, inputs, shape, numbers):
    """(kind, what is to be known about it), or None.

    `inputs` are the shapes of the tensors that were replaced, `shape` is that of the output; all
    without the batch. `gives` comes from the student's process and may be anything.
    """
    asked = points(shape)
    numeric = isinstance(gives, list) and len(gives) == len(asked)
    if not numeric or not all(isinstance(v, int | float) for v in gives):
        return None
    group = _Group(inputs, shape, numbers)
    return next(
        (found for found, right in group.guesses() if _is(right, gives, asked)),
        None,
    )


def _is(right, gives, asked):
    return all(agree([given], [right(*point)]) for given, point in zip(gives, asked, strict=True))


def node(step, values, kind, what):
    """The node of a group of steps that was recognised; `step` is its last one."""
    name, rest, x = step["name"], common(step), values[0]
    if kind == "add":
        return steps.add(values, name, **rest)
    if kind == "concatenate":
        return steps.concatenate(values, name, **rest)
    if kind == "pool":
        return steps.pool(x, name, *what, **rest)
    if kind == "global":
        return steps.global_pool(x, name, *what, **rest)
    if kind == "pad":
        return moving.around(step, x, what, 1)
    if kind == "pad_channels":
        return steps.pad_channels(x, name, what, **rest)
    if kind == "zeros":
        return unknown(step, x)[0].with_(step=N_("zeros"))
    if kind == "lrn":
        return steps.alike(x, name, "lrn", constants=what, **rest)
    if kind == "fn":
        return steps.alike(x, name, "activation", chain=functions.named(what), **rest)
    return unknown(step, x, moves=("vector", what))[0]


class _Group:
    """A group of steps: the shapes of what goes in and comes out, and what it may compute."""

    def __init__(self, inputs, shape, numbers):
        self.inputs, self.shape, self.numbers = [tuple(s) for s in inputs], tuple(shape), numbers

    def value(self, number, sample, pixel, channel):
        """The value of an input."""
        return self.numbers[index(channel, pixel, sample, number)]

    def guesses(self):
        """((kind, what), the function of sample, pixel and channel that it is) for each guess."""
        (first, *others), shape = self.inputs, self.shape
        if others:
            if all(other == first == shape for other in others):
                yield ("add", None), self.added
            if all(other[:-1] == first[:-1] == shape[:-1] for other in others):
                yield ("concatenate", None), self.beside
            return
        yield ("zeros", None), lambda *_: 0
        if len(first) != 3:
            return
        if shape in (first[-1:], (1, 1, *first[-1:])) and 1 < prod(first[:2]) <= MOST_PLACES:
            yield from self.whole_maps()
        elif len(shape) == 3 and shape[-1] == first[-1]:
            yield from self.moved()
            yield from self.windows()
        elif len(shape) == 3 and shape[:2] == first[:2] and shape[-1] > first[-1]:
            yield from self.more_maps()
        elif shape == (prod(first),):
            yield from self.in_another_order()

    def added(self, *place):
        """The sum of all inputs."""
        return sum(self.value(number, *place) for number in range(len(self.inputs)))

    def beside(self, sample, pixel, channel):
        """The maps of all inputs side by side."""
        for number, (*_, channels) in enumerate(self.inputs):
            if channel < channels:
                return self.value(number, sample, pixel, channel)
            channel -= channels
        return None

    def whole_maps(self):
        """One number for each map: its mean or its maximum."""
        high, wide, _ = self.inputs[0]
        places = of_all_pixels(high, wide)
        total = high * wide

        def mean(sample, _, channel):
            at = index(channel, (), sample)
            return sum(n * self.numbers[(at + p) % 257] for p, n in places.items()) / total

        def largest(sample, _, channel):
            at = index(channel, (), sample)
            return max(self.numbers[(at + p) % 257] for p in places)

        flat = len(self.shape) == 1
        yield ("global", ("average_pool", flat)), mean
        yield ("global", ("max_pool", flat)), largest

    def moved(self):
        """Zeros around the map, or pixels cut off."""
        sizes = self.inputs[0][:2]
        more = [made - size for made, size in zip(self.shape, sizes, strict=False)]
        if max(map(abs, more)) > 2 * _FARTHEST or not any(more):
            return
        for above in range(-_FARTHEST, _FARTHEST + 1):
            for left in range(-_FARTHEST, _FARTHEST + 1):
                sides = (above, more[0] - above), (left, more[1] - left)

                def right(sample, pixel, channel, before=(above, left)):
                    place = tuple(p - b for p, b in zip(pixel, before, strict=True))
                    inside = all(0 <= p < size for p, size in zip(place, sizes, strict=True))
                    return self.value(0, sample, place, channel) if inside else 0

                yield ("pad", sides), right

    def windows(self):
        """Pools; zeros around the map may count as values or not, as both are one pool."""
        sizes, made = self.inputs[0][:2], self.shape[:2]
        for stride in range(1, _LARGEST_KERNEL + 1):
            for kernel in range(1, min(_LARGEST_KERNEL, *sizes) + 1):
                for before in range(kernel):
                    reaches = [(side - 1) * stride + kernel - before for side in made]
                    behind = [reach - s for reach, s in zip(reaches, sizes, strict=True)]
                    if all(-stride < b < kernel for b in behind):
                        pads = tuple((before, max(b, 0)) for b in behind)
                        yield from self._pools(kernel, stride, pads)

    def _pools(self, kernel, stride, pads):
        sizes = self.inputs[0][:2]

        def seen(sample, pixel, channel, zeros):
            rows, columns = (
                range(p * stride - before, p * stride - before + kernel)
                for p, (before, _) in zip(pixel, pads, strict=True)
            )
            for row in rows:
                for column in columns:
                    if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                        yield self.value(0, sample, (row, column), channel)
                    elif zeros:
                        yield 0

        def mean(*place, zeros):
            values = list(seen(*place, zeros))
            return sum(values) / len(values)

        window = (kernel, kernel), (stride, stride), pads
        for zeros in (False, True)[: 1 + any(map(any, pads))]:
            yield ("pool", ("max_pool", *window)), lambda *p, z=zeros: max(seen(*p, z), default=0)
            if kernel > 1:
                yield ("pool", ("average_pool", *window)), lambda *p, z=zeros: mean(*p, zeros=z)

    def more_maps(self):
        """Maps of zeros before and behind the others."""
        channels, more = self.inputs[0][-1], self.shape[-1] - self.inputs[0][-1]
        for before in sorted({0, more // 2, more}):

            def right(sample, pixel, channel, before=before):
                inside = before <= channel < before + channels
                return self.value(0, sample, pixel, channel - before) if inside else 0

            yield ("pad_channels", self.shape[-1]), right

    def in_another_order(self):
        """All values of a map as a vector, along the axes in any order."""
        sizes = self.inputs[0]
        for axes in permutations(range(3)):

            def right(sample, _, number, axes=axes):
                place = [0, 0, 0]
                for axis in reversed(axes):
                    number, place[axis] = divmod(number, sizes[axis])
                *pixel, channel = place
                return self.value(0, sample, pixel, channel)

            yield ("vector", axes), right
