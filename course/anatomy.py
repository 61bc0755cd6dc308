"""A network seen as rows: what each step does, its shape, its cost, how far it sees.

    anatomy(model)      # any Keras model, its JSON config, its trace, or a published table
    anatomy(module, (224, 224, 3))    # a module of PyTorch, with (height, width, channels)
    anatomy(builder)    # a function that makes a model, which then needs no weights

The rows are a normal form. Names, activations as argument, layer or function, padding as its own
layer, dropout at inference, slices and concatenations of channels, nested models: none of these is
the architecture, and none of them leaves a row. Kernels, strides, maps, activations, pooling, and
what is connected to what: these are. All numbers are worked out here from the rows with
`course.arithmetic`; what Keras or a student's code claims is used for unknown layers only.

Conventions: shapes leave out the batch. A MAC is a multiply-accumulate of a convolution, a dense
layer or an attention, whose two products of matrices count beside its four projections. Memory
counts values for one image, the image included; in float32 each takes 4 bytes. A row counts its
new values: an activation, a BatchNormalization, a per-map coefficient and a position embedding work
in place, unless something else reads their input; all other rows make new values. Training
keeps all of them (`memory`). At inference a value goes when its last reader has run (`peak`).
`course.network` reads the rows and brings them to that form.
"""

from __future__ import annotations

import functools
import inspect
import json
import re

from course import show
from course.architectures import Table
from course.evidence import pytorch
from course.evidence.ends import TraceError
from course.evidence.lines import Misused
from course.evidence.observe import weightless
from course.evidence.pytorch.trace import trace as trace_of_module
from course.evidence.trace import trace
from course.language import _
from course.network.from_table import from_table
from course.network.from_trace import from_trace
from course.network.functions import SCALED_TANH
from course.network.memory import alive
from course.network.recognise import FIXED
from course.network.rules import normal
from course.network.words import read_by, shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterable, Iterator
    from typing import Any

    from course.network.node import Node, Value


__all__ = ["SCALED_TANH", "Anatomy", "anatomy"]


_FIGURES = range(3, 7)  # the columns of the table that hold numbers


class Anatomy:
    """The rows of a network in the order in which they are computed, with totals.

    Shows itself as a table, in a notebook and in a terminal.
    """

    def __init__(
        self,
        name: str,
        inputs: list[Value],
        outputs: list[Value],
        steps: list[Node],
        faults: Iterable[object] = (),
    ) -> None:
        self.name = name
        self.inputs = inputs  # Values of the input images
        self.outputs = outputs  # Values that the network returns
        self.steps = steps
        self.faults = faults  # merges that Keras refuses (`course.network.faults`)
        self.written = {}  # name of a layer, also of one that makes no row -> its class
        self.unread = []  # (node, line) of layers that were called and lead to no output
        self.library = ""  # "torch" for a module of PyTorch
        self.stopped = []  # findings about an error that reading it let pass

    @classmethod
    def of(cls, name, graph):
        """The anatomy of a network that was read. If the graph has an order of rows, it is kept."""
        inputs, outputs, steps, faults = normal(graph)
        if place := graph.order:
            row = {f"{name}_bn": at for name, at in place.items()} | place
            steps.sort(key=lambda step: row.get(step.name, len(row)))
        made = cls(name, inputs, outputs, steps, faults)
        made.library, made.written, made.unread = graph.library, graph.written, graph.unread
        return made

    def leading_to(self, value: Value) -> Anatomy:
        """The part of the network that one of its outputs is computed from."""
        needed, waiting = set(), list(value.sources)
        while waiting:
            step = waiting.pop()
            if step not in needed:
                needed.add(step)
                waiting += [source for read in step.inputs for source in read.sources]
        steps = [step for step in self.steps if step in needed]
        return Anatomy(self.name, self.inputs, [value], steps)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Node:
        """The row of that name. Raises KeyError and lists the rows if there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        rows = ", ".join(step.name for step in self.steps)
        said = _("{network} has the rows {rows}. Received: {name!r}.")
        raise KeyError(said.format(network=self.name, rows=rows, name=name))

    @property
    def output_shapes(self) -> list[tuple[int, ...]]:
        """The shapes that the network returns, as Keras would print them without the batch."""
        return [value.shape for value in self.outputs]

    def _total(self, what: str) -> int:
        seen, total = set(), 0
        for step in self.steps:
            if step.layer is not None and step.layer in seen:
                continue  # shared weights count once
            seen.add(step.layer)
            total += getattr(step, what)
        return total

    @property
    def parameters(self) -> int:
        """All parameters, as Keras's count_params counts them."""
        return self._total("parameters")

    @property
    def trained(self) -> int:
        """Trainable parameters."""
        return self._total("trained")

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(step.macs for step in self.steps)

    @property
    def memory(self) -> int:
        """All values of a forward pass: what training keeps for each image (× 4 bytes)."""
        return sum(step.memory for step in self.steps) + sum(value.size for value in self.inputs)

    @property
    def alive(self) -> list[int]:
        """For each row, the values in memory while it runs, if each goes after its last reader."""
        return alive(self.inputs, self.steps, self.outputs)

    @property
    def peak(self) -> int:
        """The most values alive at once: what inference needs for each image (× 4 bytes).

        The rows run in the order in which they stand here; another order can need more or less.
        """
        return max(self.alive, default=self.memory)

    def _cells(self):
        """(head, rows, rows of the foot). Sources are shown if they are not the row above."""
        head = (
            _("row"), _("step"), _("output"), _("parameters"), _("MACs"), _("values"), _("sees"),
        )  # fmt: skip
        rows, above = [], None
        branching = len(self.inputs) > 1 or any(
            len([source.name for source in read_by(step)]) > 1 for step in self.steps
        )
        for value in self.inputs:
            above, shape = value.parts[0][0].name, shape_of(value.shape)
            rows.append((above, _("input"), shape, "0", "0", f"{value.size:,}", "1", ""))
        for step in self.steps:
            reads = list(dict.fromkeys(source.name for source in read_by(step)))
            rows.append(
                (
                    step.name,
                    step.does(),
                    shape_of(step.shape),
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
            parameters += " " + _("({trained:,} trained)").format(trained=self.trained)
        sums = (parameters, f"{self.macs:,}", f"{self.memory:,}")
        foot = [
            (_("total"), _("training keeps all values"), "", *sums, "", ""),
            (_("at once"), _("inference: most at a time"), "", "", "", f"{self.peak:,}", "", ""),
        ]
        if branching:
            return (*head, _("reads")), rows, foot
        return head, [row[:-1] for row in rows], [row[:-1] for row in foot]

    def __str__(self):
        head, body, foot = self._cells()
        first, *lines = show.lines([head, *body, *foot], right=_FIGURES)
        rule = "─" * max(map(show.width, [first, *lines]))
        lines.insert(len(body), rule)
        return "\n".join([self.name, rule, first, rule, *lines])

    __repr__ = __str__

    def _repr_html_(self):
        head, rows, foot = self._cells()
        return show.html(head, rows, foot=foot, caption=self.name, right=_FIGURES)


def anatomy(
    network: object, input_shape: tuple[int, ...] | None = None, numbers: Any = FIXED
) -> Anatomy:
    """The anatomy of a Keras model, its JSON config, its trace, a PyTorch module, or a Table.

    `network` may also be a function (or a class of modules) without arguments that makes one. Then
    no weights are made, and VGG-16 takes hundredths of a second.

    `input_shape` (height, width, channels) is needed for a model without fixed sizes: one that
    is subclassed, begins with `keras.Input((None, None, 3))`, or is PyTorch's. `numbers` are the
    random numbers with which a trace was probed (see `course.evidence.probes`).

    Raises TypeError for anything else, and `course.evidence.trace.TraceError` for a model without
    shapes.
    """
    if isinstance(network, Anatomy):
        return network
    if isinstance(network, Table):
        try:
            known = _of_table(network)
        except TypeError:  # written with lists, so that it cannot be kept
            known = _of_table.__wrapped__(network)
        parts = map(list, (known.inputs, known.outputs, known.steps, known.faults))
        return Anatomy(known.name, *parts)
    if isinstance(network, dict) and "steps" in network:
        return Anatomy.of("model", from_trace(network, numbers))
    called = inspect.isroutine(network) or isinstance(network, functools.partial)
    if called or pytorch.is_class(network):
        with weightless():
            return anatomy(network(), input_shape, numbers)
    if pytorch.is_module(network):
        return _of_module(network, input_shape, numbers)
    if isinstance(network, str | dict):
        network = _from_config(network)
    if not hasattr(network, "layers") or not hasattr(network, "call"):
        raise TypeError(
            _(
                "anatomy() should get a keras.Model, a module of PyTorch, a function that makes "
                "one, the JSON config of a model, or a Table of course.architectures. "
                "Received: {kind}."
            ).format(kind=type(network).__name__)
        )
    graph = from_trace(trace(network, input_shape, numbers), numbers)
    given = not re.fullmatch(r"(functional|sequential|model)(_\d+)?", network.name)
    return Anatomy.of(network.name if given else _("your network"), graph)


@functools.lru_cache(maxsize=200)
def _of_table(table):
    """The anatomy of a table. Tables are immutable, so each is read once and kept."""
    return Anatomy.of(table.name, from_table(table))


def _of_module(module, input_shape, numbers):
    try:
        evidence = trace_of_module(module, input_shape, numbers)
    except Misused as error:
        raise TraceError(_("{received}.").format(received=error)) from None
    return Anatomy.of(type(module).__name__, from_trace(evidence, numbers))


def _from_config(config):
    """A model of `model.to_json()`, as text or dict, or of `model.get_config()`."""
    import keras

    try:
        config = json.loads(config) if isinstance(config, str) else config
        with weightless():
            if "class_name" in config:
                return keras.models.model_from_json(json.dumps(config))
            kind = keras.Model if "input_layers" in config else keras.Sequential
            return kind.from_config(config)
    except Exception as error:  # of many types
        reason = str(error).split("Exception encountered: ")[-1]
        raise TraceError(
            _(
                "The JSON config should be that of a model of Keras's own layers. It cannot be "
                "read: {reason}\nYour own layers and Lambdas are code, which a config does not "
                "hold. Hand over the model itself."
            ).format(reason=" ".join(reason.split())[:200])
        ) from None
