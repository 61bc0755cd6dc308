"""`Node`, one row of a network, and `Value`, a tensor between rows, with all that is counted.

Both are immutable. While rules rewrite the network (`course.network.graph`), the parts of a value
hold the numbers of nodes; in a finished network they hold the nodes themselves.

Conventions: shapes leave out the batch. Sizes are pairs (height, width); the size of a sequence of
tokens is (their number,). A MAC is a multiply-accumulate of a convolution, a dense layer or an
attention. Memory counts new values: an activation, a BatchNormalization, a per-map coefficient and
a position embedding work in place, unless something else reads their input.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import ceil, prod

from course.network import functions, words

#: Steps whose weights are counted from the row alone. For others, Keras's own count stands.
WEIGHTED = {
    "conv", "conv_transpose", "dense", "batch_norm", "layer_norm", "group_norm", "grn",
    "attention", "class_token", "position_embedding",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Node:
    """One row: an operation of the network with everything needed to compare and to count it.

    `step` is its kind: "conv", "dense", "max_pool" and so on, or the Keras class of an unknown
    step. `grid` is the output's (height, width); (1, 1) for vectors. `filters` is the number of
    output maps or units. The padding of a transposed convolution is cut off its output, or added
    to it where it is negative. A crop cuts its padding off, too.
    """

    name: str
    step: str
    inputs: tuple = field(default=(), repr=False)  # Values
    filters: int = 0
    grid: tuple = (1, 1)
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = ((0, 0), (0, 0))
    dilation: tuple = (1, 1)
    groups: int = 1
    connections: tuple | None = None  # for each map, the input maps that it sees
    chain: tuple = ()  # element-wise functions applied to the output (`course.network.functions`)
    accepts: tuple = ()  # further activations that a table allows
    bias: bool | None = True
    trainable: bool = True
    lost: bool = False  # Keras does not find the layer, so it does not train its weights
    frozen: str = ""  # the class that was frozen with all its layers, if one was
    layer: int | None = None  # equal for steps that share their weights
    written: str = ""  # the Keras class, for messages
    claimed: int = 0  # parameters of an unknown layer, as Keras reports them
    claimed_trained: int = 0  # those of them that are trained
    scales: int = 2  # normalisations: how many of gamma and beta it has
    factor: tuple = (1, 1)  # of an upsampling
    interpolation: str = ""  # of an upsampling
    heads: int = 0  # of an attention
    key_dim: int = 0  # of an attention: length of a query and of a key, in each head
    value_dim: int = 0  # of an attention: length of a value, in each head
    constants: tuple = ()  # (n, k, alpha, beta) of a local response normalisation
    closed: bool = False  # the student's own step; it could be neither traced nor probed
    flat: bool = False  # its output is a vector
    copies: bool = False  # it cannot overwrite its input, because something else reads that
    moves: tuple = ()  # for the rules: how a step that computes nothing moves values
    reach: tuple = ((1, 1), (1, 1))  # (field, jump) of height and width, in input pixels

    @cached_property
    def activation(self) -> str | None:
        """The name of the function applied to the output, or None."""
        return functions.name_of_chain(self.chain)

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels), (tokens, channels), or (units,) for a vector."""
        return (*self.grid, self.filters) if self.grid != (1, 1) else (self.filters,)

    @property
    def move(self):
        """The name of the way in which the step moves values; "" if it computes something."""
        return self.moves[0] if self.moves else ""

    @cached_property
    def channels(self) -> int:
        """Channels of the input; of all inputs together for a concatenation."""
        return sum(value.channels for value in self.inputs)

    @cached_property
    def kernel_weights(self):
        """The number of weights in the kernels of a convolution or dense layer, without biases."""
        if self.step == "dense":
            return self.inputs[0].size // self.groups * self.filters
        if self.step in ("conv", "conv_transpose"):
            seen = (
                sum(map(len, self.connections))
                if self.connections
                else self.channels // self.groups * self.filters
            )
            return prod(self.kernel) * seen
        return 0

    @property
    def parameters(self) -> int:
        """All parameters, trained or not, BatchNormalization's moving statistics included."""
        if self.step in ("conv", "conv_transpose", "dense"):
            return self.kernel_weights + bool(self.bias) * self.filters
        if self.step == "batch_norm":
            return (self.scales + 2) * self.filters
        if self.step in ("layer_norm", "group_norm", "grn"):
            return self.scales * self.filters
        if self.step == "attention":
            biases = self.heads * (2 * self.key_dim + self.value_dim) + self.filters
            return sum(self._projections) + bool(self.bias) * biases
        if self.step in ("class_token", "position_embedding"):
            return self.filters if self.step == "class_token" else self.size
        return self.claimed

    @property
    def _projections(self):
        """Weights of an attention: those that make queries, keys, values, and the output."""
        query, *_, value = (read.channels for read in (self.inputs[0], *self.inputs))
        key = self.inputs[min(1, len(self.inputs) - 1)].channels
        keys, values = self.heads * self.key_dim, self.heads * self.value_dim
        return query * keys, key * keys, value * values, values * self.filters

    @property
    def trained(self) -> int:
        """The parameters that training changes."""
        if not self.trainable:
            return 0
        if self.step == "batch_norm":
            return self.scales * self.filters
        return self.parameters if self.step in WEIGHTED else self.claimed_trained

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        if self.step == "attention":
            tokens, others = prod(self.grid), prod(self.inputs[-1].grid)
            query, key, value, output = self._projections
            both = self.heads * (self.key_dim + self.value_dim)  # for each pair of tokens
            return tokens * (query + output) + others * (key + value) + tokens * others * both
        if self.step == "conv_transpose":  # each input value is multiplied with its kernels
            return self.kernel_weights * prod(self.inputs[0].grid)
        return self.kernel_weights * prod(self.grid)

    @property
    def memory(self) -> int:
        """New values that this step makes for one image; 0 if it works in place."""
        return 0 if self.in_place else self.size

    @property
    def size(self) -> int:
        """The number of values in the output."""
        return self.filters * prod(self.grid)

    @property
    def in_place(self):
        """Whether the output lies where the input is: the step overwrites it, or looks at it."""
        return self.is_view or (self.overwrites and not self.copies)

    @property
    def is_view(self):
        """Whether the output is a part of the input: a pool of 1 × 1 only skips pixels."""
        skips = self.step == "max_pool" and self.kernel == (1, 1)
        return (skips or self.step in ("first_token", "crop")) and not self.chain

    @property
    def overwrites(self):
        """Whether each output value needs only the input value in its place."""
        if self.step in ("batch_norm", "activation", "position_embedding"):
            return True
        each = self.step == "conv" and self.groups == self.channels == self.filters > 1
        return each and self.kernel == self.stride == (1, 1) and not any(map(any, self.padding))

    @property
    def receptive_field(self) -> int:
        """Side, in input pixels, of the patch that one output value sees; the larger side."""
        return ceil(max(axis[0] for axis in self.reach))

    def does(self) -> str:
        """The step in words, as a table's cell: `convolution 5 × 5, stride 2`."""
        return words.does(self)

    def with_(self, **changes: object) -> Node:
        """The same row with some of its fields changed."""
        made = object.__new__(Node)  # `dataclasses.replace` takes ten times as long
        made.__dict__.update({name: self.__dict__[name] for name in _FIELDS} | changes)
        return made


_FIELDS = tuple(each.name for each in fields(Node))


def finished(node, inputs):
    """The node with finished inputs (Values of nodes, not of numbers) and its `reach`."""
    if not inputs:
        return node
    sources = {source for value in inputs for source, _, _ in value.parts}
    axes = []
    for axis in (0, 1):
        seen = max(source.reach[axis][0] for source in sources)
        jump = max(source.reach[axis][1] for source in sources)
        axes.append(_reach(node, inputs[0], axis, seen, jump))
    return node.with_(inputs=inputs, moves=(), reach=tuple(axes))


def _reach(node, x, axis, seen, jump):
    """(field, jump) of a node along one axis, from those of its input."""
    if len(x.grid) == 1 and node.step in ("attention", "dense", "global_average_pool"):
        return max(seen, _image(x).grid[axis]), jump  # every token sees every token
    if node.step == "upsample":
        return seen + (node.interpolation != "nearest") * jump, _divided(jump, node.factor[axis])
    if node.step == "conv_transpose":
        stride = node.stride[axis]
        return seen + (-(-node.kernel[axis] // stride) - 1) * jump, _divided(jump, stride)
    if node.step in ("attention", "grn"):
        return seen + (x.grid[axis] - 1) * jump, jump
    kernel = x.grid[axis] if node.step == "dense" else node.kernel[axis]
    return seen + node.dilation[axis] * (kernel - 1) * jump, jump * node.stride[axis]


def _divided(jump, factor):
    """A jump divided by a factor: a whole number of pixels where possible."""
    return jump // factor if jump % factor == 0 else Fraction(jump, factor)


def _image(value):
    """The first input node that a value is computed from."""
    node = value.parts[0][0]
    while node.inputs:
        node = node.inputs[0].parts[0][0]
    return node


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor between rows: which channels of which nodes it consists of, and its layout."""

    parts: tuple  # (node, first channel, one past the last)
    grid: tuple = (1, 1)
    flat: bool = False  # a vector of grid × channels values
    joined: object = field(default=None, repr=False)  # the concatenation it comes from

    @cached_property
    def channels(self) -> int:
        return sum(stop - start for _, start, stop in self.parts)

    @property
    def size(self) -> int:
        return prod(self.grid) * self.channels

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,) if self.flat else (*self.grid, self.channels)

    @property
    def sources(self) -> list[Node]:
        """The nodes that its channels come from, then its concatenation if it has one."""
        return [node for node, _, _ in self.parts] + [self.joined] * (self.joined is not None)

    def with_(self, **changes: object) -> Value:
        """The same value with some of its fields changed."""
        return replace(self, **changes)


# --- parts of values


def join(parts):
    """The parts, with adjacent ranges of one node merged into one range."""
    joined = []
    for node, start, stop in parts:
        if joined and joined[-1][0] == node and joined[-1][2] == start:
            joined[-1] = (node, joined[-1][1], stop)
        else:
            joined.append((node, start, stop))
    return tuple(joined)


def cut(parts, ranges):
    """For each (start, stop) in `ranges`, the parts in it. Channel 0 is the first of `parts`."""
    starts = list(accumulate((stop - start for _, start, stop in parts), initial=0))
    pieces = []
    for begin, end in ranges:
        piece, at = [], bisect_right(starts, begin) - 1
        while begin < end:
            node, first, _ = parts[at]
            until = min(end, starts[at + 1])
            piece.append((node, first + begin - starts[at], first + until - starts[at]))
            begin, at = until, at + 1
        pieces.append(piece)
    return pieces
