"""A network seen as rows: what each step does, its shape, its cost, how far it sees.

    anatomy(model)      # any Keras model, its JSON config, its trace, or a published table
    anatomy(builder)    # a function that makes a model, which then needs no weights

The rows are a normal form. Names, activations as argument, layer or function, padding as its own
layer, dropout at inference, slices and concatenations of channels, nested models: none of these is
the architecture, and none of them leaves a row. Kernels, strides, maps, activations, pooling, and
what is connected to what: these are. All numbers are worked out here from the rows with
`course.arithmetic`; what Keras or a student's code claims is used for unknown layers only.

Conventions: shapes leave out the batch. A MAC is a multiply-accumulate of a convolution or a dense
layer. Memory counts new values: an activation, a BatchNormalization and a per-map coefficient
work in place. `course.normal` makes the rows, `course.reading` knows what Keras layers mean.
"""

import inspect
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from math import isclose, prod

from course.architectures import Table
from course.evidence import probes
from course.evidence.observe import weightless

#: 1.7159 · tanh(2a/3), the squashing function of LeCun et al. 1998, appendix A.
SCALED_TANH = (1.7159, 2 / 3)

_IN_PLACE = {"batch_norm", "activation"}


@dataclass(eq=False)
class Step:
    """One row: an operation of the network with everything needed to compare and to count it.

    Sizes are pairs (height, width). `grid` is the output's height and width; (1, 1) for vectors.
    """

    name: str
    step: str
    inputs: list = field(default_factory=list, repr=False)
    filters: int = 0
    grid: tuple = (1, 1)
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = ((0, 0), (0, 0))
    dilation: tuple = (1, 1)
    groups: int = 1
    connections: tuple | None = None
    chain: list = field(default_factory=list, repr=False)  # element-wise functions, in order
    accepts: tuple = ()  # further activations that a table allows
    bias: bool | None = True
    trainable: bool = True
    layer: int | None = None  # equal for steps that share their weights
    written: str = ""  # the Keras class, for messages
    claimed: int = 0  # parameters of a layer that is not known here
    claimed_trained: int = 0
    scales: int = 2  # BatchNormalization: how many of gamma and beta it has
    constants: tuple = ()  # (n, k, alpha, beta) of a local response normalisation
    closed: bool = False  # a step of one's own that could not be opened, nor tried out
    together: dict = field(default_factory=dict, repr=False)  # steps side by side -> what they are

    @property
    def activation(self):
        """The name of the function applied to the outputs, or None."""
        return _chain_name(self.chain)

    @property
    def shape(self):
        """(height, width, channels), or (units,) for a vector."""
        return (*self.grid, self.filters) if self.grid != (1, 1) else (self.filters,)

    @cached_property
    def channels(self):
        """Channels of the input; of all inputs together for a concatenation."""
        return sum(value.channels for value in self.inputs)

    @cached_property
    def fan_in(self):
        """Weights of one output value, of all output maps added up."""
        if self.step == "dense":
            return self.inputs[0].size * self.filters
        if self.step == "conv":
            seen = (
                sum(map(len, self.connections))
                if self.connections
                else self.channels // self.groups * self.filters
            )
            return prod(self.kernel) * seen
        return 0

    @cached_property
    def parameters(self):
        """All parameters, trained or not, BatchNormalization's moving statistics included."""
        if self.step in ("conv", "dense"):
            return self.fan_in + bool(self.bias) * self.filters
        if self.step == "batch_norm":
            return (self.scales + 2) * self.filters
        return self.claimed

    @property
    def trained(self):
        """The parameters that training changes."""
        if not self.trainable:
            return 0
        if self.step == "batch_norm":
            return self.scales * self.filters
        return self.parameters if self.step in ("conv", "dense") else self.claimed_trained

    @property
    def macs(self):
        """Multiply-accumulates for one image."""
        return self.fan_in * prod(self.grid)

    @property
    def memory(self):
        """Values that this step adds to what must be kept for one image."""
        return 0 if self.in_place else self.filters * prod(self.grid)

    @property
    def in_place(self):
        """Whether the step can overwrite its input."""
        per_map = self.step == "conv" and self.kernel == (1, 1) and self.groups == self.channels
        every_other = self.step == "max_pool" and self.kernel == (1, 1)  # a view of its input
        return self.step in _IN_PLACE or every_other or (per_map and self.groups > 1)

    @cached_property
    def reach(self):
        """((field, jump) for height, the same for width) of one output value, in input pixels."""
        if not self.inputs:
            return ((1, 1), (1, 1))
        sources = [step.reach for value in self.inputs for step, _, _ in value.parts]
        axes = []
        for axis in (0, 1):
            seen = max(source[axis][0] for source in sources)
            jump = max(source[axis][1] for source in sources)
            kernel = self.inputs[0].grid[axis] if self.step == "dense" else self.kernel[axis]
            window = self.dilation[axis] * (kernel - 1)
            axes.append((seen + window * jump, jump * self.stride[axis]))
        return tuple(axes)

    @property
    def receptive_field(self):
        """Side of the input patch behind one output value; the larger side if it is no square."""
        return max(axis[0] for axis in self.reach)

    def does(self):
        """The step in words, as a table's cell: `conv 5 × 5, stride 2`."""
        words = {
            "conv": "convolution",
            "dense": "dense",
            "max_pool": "max pool",
            "average_pool": "average pool",
            "global_average_pool": "global average",
            "global_max_pool": "global max",
            "batch_norm": "batch norm",
            "add": "add",
            "concatenate": "maps side by side",
            "activation": "activation",
        }
        text = words.get(self.step, self.step)
        if self.step in ("conv", "max_pool", "average_pool"):
            text += f" {_by(self.kernel)}"
            if self.stride != (1, 1):
                text += f", stride {_one(self.stride)}"
            if any(map(any, self.padding)):
                text += f", padding {_padding(self.padding)}"
        if self.connections:
            pairs = sum(map(len, self.connections))
            text += f", {pairs} of {self.channels * self.filters} connections"
        elif self.groups > 1:
            text += ", one map each" if self.groups == self.channels else f", {self.groups} groups"
        if self.activation and self.step != "activation":
            text += f", {self.activation}"
        elif self.activation:
            text = self.activation
        return text


@dataclass(eq=False)
class Value:
    """A tensor in flight: which channels of which steps it is made of, and its layout."""

    parts: list  # (Step, first channel, one past the last)
    grid: tuple
    flat: bool = False  # a vector of grid × channels values
    padding: tuple = ((0, 0), (0, 0))  # zeros around it that no step has used yet
    once: bool = True  # nothing else reads it, so an activation may be folded into its step
    joined: Step | None = field(default=None, repr=False)  # the concatenation it comes from

    @property
    def channels(self):
        return sum(stop - start for _, start, stop in self.parts)

    @property
    def size(self):
        return prod(self.grid) * self.channels

    @property
    def shape(self):
        return (self.size,) if self.flat else (*self.grid, self.channels)

    @property
    def sources(self):
        """The steps that it is read from, the concatenation last."""
        return [step for step, _, _ in self.parts] + [self.joined] * (self.joined is not None)

    @property
    def whole(self):
        """Whether it is made of complete outputs, so that a step can take in an activation."""
        return all(start == 0 and stop == step.filters for step, start, stop in self.parts)

    def like(self, **changes):
        return Value(**{**self.__dict__, **changes})


class Anatomy:
    """The rows of a network in the order in which they are computed, with totals.

    Shows itself as a table, in a notebook and in a terminal.
    """

    def __init__(self, name, inputs, outputs):
        self.name = name
        self.inputs = inputs  # Values of the input images
        self.outputs = outputs  # Values that the network returns
        self.faults = []  # merges that Keras refuses (`course.evidence.unmerged`)
        self.steps = _in_order(outputs)
        for step in self.steps:
            step.reach  # noqa: B018  worked out in this order, it never goes deep

    def __iter__(self):
        return iter(self.steps)

    def __len__(self):
        return len(self.steps)

    def __getitem__(self, name):
        """The row of that name. Raises KeyError and lists the rows if there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        rows = ", ".join(step.name for step in self.steps)
        raise KeyError(f"{self.name} has the rows {rows}. Received: {name!r}.")

    @property
    def output_shapes(self):
        """The shapes that the network returns, as Keras would print them without the batch."""
        return [value.shape for value in self.outputs]

    def _total(self, what):
        seen, total = set(), 0
        for step in self.steps:
            if step.layer is not None and step.layer in seen:
                continue  # shared weights count once
            seen.add(step.layer)
            total += getattr(step, what)
        return total

    @property
    def parameters(self):
        """All parameters, as Keras's count_params counts them."""
        return self._total("parameters")

    @property
    def trained(self):
        """Trainable parameters."""
        return self._total("trained")

    @property
    def macs(self):
        """Multiply-accumulates for one image."""
        return sum(step.macs for step in self.steps)

    @property
    def memory(self):
        """Values kept for one image in a forward pass, the image included (× 4 bytes)."""
        return sum(step.memory for step in self.steps) + sum(value.size for value in self.inputs)

    def _cells(self):
        """(head, rows, foot) of the table; what a row reads is told if it is not the one above."""
        head = ("row", "step", "output", "parameters", "MACs", "values", "sees")
        rows, above = [], None
        branching = len(self.inputs) > 1 or any(len(_names(step)) > 1 for step in self.steps)
        for value in self.inputs:
            above, shape = value.parts[0][0].name, " × ".join(map(str, value.shape))
            rows.append((above, "input", shape, "0", "0", f"{value.size:,}", "1", ""))
        for step in self.steps:
            reads = _names(step)
            rows.append(
                (
                    step.name,
                    step.does(),
                    " × ".join(map(str, step.shape)),
                    f"{step.parameters:,}",
                    f"{step.macs:,}",
                    f"{step.memory:,}",
                    str(step.receptive_field),
                    "" if reads == [above] else ", ".join(reads),
                )
            )
            above = step.name
        parameters = f"{self.parameters:,}"
        if self.trained != self.parameters:
            parameters += f" ({self.trained:,} trained)"
        foot = ("total", "", "", parameters, f"{self.macs:,}", f"{self.memory:,}", "", "")
        if branching:
            return (*head, "reads"), rows, foot
        return head, [row[:-1] for row in rows], foot[:-1]

    def __str__(self):
        head, body, foot = self._cells()
        rows = [head, *body, foot]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [
                cell.ljust(width) if i < 3 or i > 6 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        rule = "─" * max(map(len, lines))
        return "\n".join([self.name, rule, lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self):
        def line(cells, tag):
            inside = "".join(
                f'<{tag} style="text-align:{"right" if 3 <= i <= 6 else "left"}">'
                f"{escape(cell)}</{tag}>"
                for i, cell in enumerate(cells)
            )
            return f"<tr>{inside}</tr>"

        head, rows, foot = self._cells()
        body = "".join(line(cells, "td") for cells in rows)
        return (
            f"<table><caption>{escape(self.name)}</caption>"
            f"<thead>{line(head, 'th')}</thead><tbody>{body}</tbody>"
            f"<tfoot>{line(foot, 'th')}</tfoot></table>"
        )


def _names(step):
    """The rows that a step reads; a concatenation stands for what it puts together."""
    found = []
    for value in step.inputs:
        sources = [value.joined] if value.joined else [source for source, _, _ in value.parts]
        found += [source.name for source in sources]
    return list(dict.fromkeys(found))


def anatomy(network, input_shape=None, numbers=probes.FIXED):
    """The anatomy of a Keras model, of its JSON config, of its trace, or of a published Table.

    It may also be a function without arguments that makes a model: then no weights are made, and
    VGG-16 takes hundredths of a second.

    `input_shape` (height, width, channels) is needed for a model without fixed sizes: one that
    is subclassed, or begins with `keras.Input((None, None, 3))`. `numbers` are those of the probes
    that a trace was asked with (see `course.evidence.probes`).

    Raises TypeError for anything else, and `course.trace.TraceError` for a model without shapes.
    """
    from course import reading

    if isinstance(network, Anatomy):
        return network
    if isinstance(network, Table):
        return reading.from_table(network)
    if isinstance(network, dict) and "steps" in network:
        return reading.from_trace(network, numbers)
    from course.evidence.trace import trace

    if inspect.isroutine(network):
        with weightless():
            return anatomy(network(), input_shape, numbers)
    if isinstance(network, str | dict):
        network = _from_config(network)
    if not hasattr(network, "layers") or not hasattr(network, "call"):
        raise TypeError(
            "anatomy() should get a keras.Model, a function that makes one, its JSON config, or a "
            f"Table of course.architectures. Received: {type(network).__name__}."
        )
    result = reading.from_trace(trace(network, input_shape, numbers), numbers)
    given = not re.fullmatch(r"(functional|sequential|model)(_\d+)?", network.name)
    result.name = network.name if given else "your network"
    return result


def _from_config(config):
    """A model of `model.to_json()`, as text or dict, or of `model.get_config()`."""
    import keras

    from course.evidence.trace import TraceError

    try:
        config = json.loads(config) if isinstance(config, str) else config
        with weightless():
            if "class_name" in config:
                return keras.models.model_from_json(json.dumps(config))
            kind = keras.Model if "input_layers" in config else keras.Sequential
            return kind.from_config(config)
    except Exception as error:  # of many types
        *_, reason = str(error).split("Exception encountered: ")
        raise TraceError(
            "The JSON config should be that of a model of Keras's own layers. It cannot be read: "
            f"{' '.join(reason.split())[:200]}\nLayers of one's own and Lambdas are code, which a "
            "config does not carry: hand over the model itself."
        ) from None


def _in_order(outputs):
    """Every step behind the outputs, each after the steps it reads."""
    order, done = [], set()
    for value in outputs:
        waiting = value.sources[::-1]
        while waiting:
            step = waiting[-1]
            sources = [source for value in step.inputs for source in value.sources]
            missing = [s for s in sources if id(s) not in done]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if id(step) not in done:
                done.add(id(step))
                if step.step != "input":
                    order.append(step)
    return order


def _chain_name(chain):
    """A chain of element-wise functions as an activation's name."""
    links = _scales_joined(chain)
    if not links:
        return None
    if len(links) == 3 and [kind for kind, _ in links] == ["mul", "fn", "mul"]:
        inner, function, outer = (value for _, value in links)
        near = isclose(inner, SCALED_TANH[1], rel_tol=2e-3)
        if function == "tanh" and near and isclose(outer, SCALED_TANH[0], rel_tol=1e-3):
            return "scaled_tanh"
    if len(links) > 1 and (name := probes.name_of(links)):
        return name
    words = {"mul": "× {:g}", "add": "+ {:g}", "power": "to the power {:g}"}
    return ", ".join(v if k == "fn" else words[k].format(v) for k, v in links)


def _scales_joined(links):
    """Factors in a row as one factor: 2 · a / 3 is (2/3) · a."""
    joined = []
    for kind, value in links:
        if kind == "mul" and joined and joined[-1][0] == "mul":
            joined[-1] = ("mul", joined[-1][1] * value)
        else:
            joined.append((kind, value))
    return joined


def _by(pair):
    return f"{pair[0]} × {pair[1]}"


def _one(pair):
    return str(pair[0]) if pair[0] == pair[1] else _by(pair)


def _padding(padding):
    sides = {side for axis in padding for side in axis}
    return str(sides.pop()) if len(sides) == 1 else f"{padding[0]} and {padding[1]}"
