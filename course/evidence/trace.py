"""Trace a Keras model: write it down as plain steps, the evidence that a check judges by.

The result is plain JSON. Nested models, Sequential blocks, subclassed layers, Lambdas and
activation functions are opened: their `call` runs again on symbolic tensors, and its steps are
written down. So two ways of writing the same network give nearly the same steps. A layer that
cannot be opened (one with weights of its own) stays one step, with the shape and parameter count
that Keras reports.

    {"inputs": [{"id": 0, "name": "image", "shape": [32, 32, 1]}],
     "steps": [{"id": 1, "op": "layers.Conv2D", "name": "C1", "config": {"filters": 6, ...},
                "args": [{"tensor": [0, 0]}], "shapes": [[28, 28, 6]], "layer": 17,
                "parameters": 156, "trained": 156, "trainable": true}],
     "outputs": [[1, 0]]}

`{"tensor": [step, k]}` is the k-th output of a step; shapes leave out the batch axis. A step is
"lost" if Keras does not find its weights: `_mark_lost`. Within a check, "unread" has the
steps of Keras's layers that were called and lead to no output, each with the shapes that it "reads"
and the "line" that made the layer.
"""

from __future__ import annotations

import re
from collections import Counter
from math import prod

from course.evidence import backends, composites, own_layers, probes, regions, unmerged
from course.evidence.building import tensors_inside
from course.evidence.ends import TraceError, ends_of
from course.evidence.keras_private import (
    every_layer_of,
    is_symbolic,
    made_by,
)
from course.evidence.keras_state import untouched
from course.evidence.settings import (
    MOST_VALUES,
    activation_class,
    is_builtin,
    name_of,
    published,
    settings,
)
from course.evidence.unread import unread_by
from course.language import _
from course.network.recognise import FIXED

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


_MAX_STEPS = 5000


def trace(
    model: Any, input_shape: tuple[int, ...] | None = None, numbers: Any = FIXED
) -> dict[str, Any]:
    """Write down a Keras model, functional, Sequential, nested or subclassed, as plain steps.

    `input_shape` (height, width, channels) is needed for a model without fixed sizes: one that
    is subclassed, unbuilt, or begins with `keras.Input((None, None, 3))`. The model stays as it is,
    unbuilt if it was. `numbers` are the random inputs for `course.evidence.probes`.

    Raises TraceError if that shape is missing, or if the steps from the inputs to the outputs
    cannot be written down. An error in the model's own code is raised as it is.
    """
    import keras

    with untouched(model):
        inputs, outputs = ends_of(keras, model, input_shape)
        tracer = _Tracer(keras, inputs)
        found = tracer.traced(outputs, numbers)
        opened = tracer.composites if tracer.constants else ()
        if closed := _hiding_weights(opened, tracer.nodes):  # again, with these as one step each
            tracer = _Tracer(keras, inputs, closed)
            found = tracer.traced(outputs, numbers)
        _mark_lost(tracer.steps, tracer.nodes, model)
        if unread := unread_by(tracer):
            found["unread"] = unread
        return found


class _Tracer:
    """Writes down the steps between symbolic inputs and outputs, once: `traced`."""

    def __init__(self, keras, inputs, closed=frozenset()):
        self.keras = keras
        self.closed = closed  # ids of composite layers that are not opened
        self.composites = []  # layers that were opened
        self.constants = False  # whether a step takes an array that is no tensor of the network
        self.found = {}  # id(KerasTensor) -> [step, output]
        self.kept = []  # keeps those tensors alive, so that no id is used twice
        self.opened = {}  # id(node) -> the tensors inside that its outputs stand for, or None
        self.layers = {}  # id(layer) -> a small number, equal for calls that share weights
        self.names = _Names()
        self.steps = []
        self.nodes = {}  # the number of a step -> Keras's node
        self.inputs = []
        for tensor in inputs:
            name = getattr(tensor, "name", "input")
            shape = _shape(tensor)
            self.inputs.append({"id": len(self.inputs), "name": name, "shape": shape})
            self._remember(tensor, [len(self.inputs) - 1, 0])

    def traced(self, outputs, numbers):
        """The trace of all steps that lead to these outputs."""
        for tensor in outputs:
            self.visit(tensor)
        outputs = [self.where(tensor) for tensor in outputs]
        closed = {n for n, node in self.nodes.items() if self._own(node.operation)}
        call = probes.caller(self.keras, self.nodes, lambda t: tuple(self.where(t)))
        odd = regions.not_understood(self.inputs, self.steps)
        probes.add_probes(self.inputs, self.steps, outputs, closed, odd, call, numbers)
        regions.add_regions(self.inputs, self.steps, odd, call, numbers)
        operations = {number: node.operation for number, node in self.nodes.items()}
        own_layers.add_outputs(self.inputs, self.steps, operations, call, numbers)
        return {"inputs": self.inputs, "steps": self.steps, "outputs": outputs}

    def _own(self, operation):
        """Whether an operation is the student's own, so that its name does not say what it does."""
        theirs, kind = published(operation), type(operation)
        if kind.__module__ == unmerged.__name__:
            return False  # the check's stand-in for a merge that Keras refuses
        return theirs is self.keras.layers.Lambda or kind.call is not theirs.call

    def _remember(self, tensor, where):
        self.found[id(tensor)] = where
        self.kept.append(tensor)

    def where(self, tensor):
        """[number of its step, which of its outputs] of a tensor that was visited."""
        return self.found[id(tensor)]

    def visit(self, tensor):
        """Write down all steps that a tensor depends on, earliest first, without deep recursion."""
        waiting = [tensor]
        while waiting:
            tensor = waiting[-1]
            if id(tensor) in self.found:
                waiting.pop()
                continue
            node = _node(tensor)
            sources = self._opened(tensor, node) or node.input_tensors
            missing = [source for source in sources if id(source) not in self.found]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if (opened := self._opened(tensor, node)) is not None:
                self._remember(tensor, self.where(opened[0]))
            else:
                self._write(node)

    def _opened(self, tensor, node):
        """[the tensor that the inside of a composite operation computes for this output].

        None if the operation is no composite, or is not opened.
        """
        operation, _, index = made_by(tensor)
        if id(operation) in self.closed or not composites.is_composite(self.keras, operation):
            return None
        if id(node) not in self.opened:
            self.kept.append(node)
            if not isinstance(operation, self.keras.Model):
                self.composites.append(operation)
            self.opened[id(node)] = tensors_inside(node) or composites.outputs_at(self.keras, node)
        computed = self.opened[id(node)]
        if computed is None or not all(map(is_symbolic, computed)):
            return None
        return [computed[index]]

    def _write(self, node):
        operation = node.operation
        if isinstance(kind := getattr(operation, "activation", None), type):
            raise TraceError(activation_class(self.keras, kind))
        if len(self.steps) >= _MAX_STEPS:
            raise TraceError(_("The model has more than {number} steps.").format(number=_MAX_STEPS))
        number = len(self.inputs) + len(self.steps)
        layer = isinstance(operation, self.keras.Layer)
        # A class of the student's own may have the name of one of Keras's.
        group = "own" if self._own(operation) else "layers" if layer else "ops"
        config = settings(operation)
        step = {
            "id": number,
            "op": f"{group}.{name_of(operation)}",
            "name": self.names.of(operation),
            "config": config,
            "args": self._plain(list(node.arguments.args)),
            "shapes": [_shape(output) for output in node.outputs],
            "layer": self.layers.setdefault(id(operation), len(self.layers)),
        }
        extra = {k: v for k, v in node.arguments.kwargs.items() if k not in ("training", "mask")}
        if any(value is not None for value in extra.values()):
            step["kwargs"] = self._plain(extra)
        if layer:
            step["parameters"] = sum(prod(w.shape) for w in operation.weights)
            step["trained"] = sum(prod(w.shape) for w in operation.trainable_weights)
            step["trainable"] = bool(operation.trainable)
            if step["parameters"] and group == "own":
                step["own"] = True  # its weights are not in layers of Keras
        self.kept.append(operation)
        self.steps.append(step)
        self.nodes[number] = node
        for index, output in enumerate(node.outputs):
            self._remember(output, [number, index])
        if group == "layers":  # in one of the student's own, `call` applies it
            self._open_activation(operation, node, step)

    def _open_activation(self, layer, node, step):
        """Trace a student's own activation function like the rest of the model."""
        activation = getattr(layer, "activation", None)
        if not callable(activation) or len(node.outputs) != 1:
            return
        if is_builtin(self.keras, activation):
            return
        step["config"]["activation"] = "linear"
        before = self.keras.Input(batch_shape=node.outputs[0].shape)
        self._remember(before, [step["id"], 0])
        try:
            with backends.understood():
                after = activation(before)
            self.visit(after)
        except Exception:  # not made of Keras operations: keep its name, as an unknown function
            name = getattr(activation, "__name__", "?")
            step["config"]["activation"] = _("{name} (own function)").format(name=name)
            return
        self._remember(node.outputs[0], self.where(after))

    def _plain(self, value):
        """The arguments of a call as JSON: tensors by number, slices and small arrays by value."""
        if is_symbolic(value):
            return {"tensor": self.where(value)}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if value is Ellipsis:
            return "..."
        if isinstance(value, slice):
            return {"slice": [value.start, value.stop, value.step]}
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        if isinstance(value, dict):
            return {str(key): self._plain(item) for key, item in value.items()}
        self.constants |= hasattr(value, "shape")
        if hasattr(value, "shape") and prod(value.shape) <= MOST_VALUES:
            try:
                return self.keras.ops.convert_to_numpy(value).tolist()
            except Exception:
                return {"unknown": type(value).__name__}
        return {"unknown": type(value).__name__}


class _Names:
    """The names of operations. Those that Keras made up are numbered as in a new session."""

    def __init__(self):
        self._made_up, self._counts = {}, Counter()

    def of(self, operation):
        """The name of an operation."""
        name = str(getattr(operation, "name", ""))
        words = re.sub(r"(.)([A-Z][a-z]+)|(?<=[a-z])([A-Z])", r"\1_\2\3", type(operation).__name__)
        kind = words.lower()
        if not re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name):
            return name
        if id(operation) not in self._made_up:
            number = self._counts[kind]
            self._counts[kind] += 1
            self._made_up[id(operation)] = f"{kind}_{number}" if number else kind
        return self._made_up[id(operation)]


def _hiding_weights(opened, nodes):
    """The ids of opened layers with weights that are in no step.

    Such a layer calls one of its own layers on numbers: an Embedding of `arange` gives an array in
    which the weights are not seen any more.
    """
    operations = [node.operation for node in nodes.values()]
    kept = {id(w) for operation in operations for w in getattr(operation, "weights", ())}
    return {id(layer) for layer in opened if any(id(w) not in kept for w in layer.weights)}


def _mark_lost(steps, nodes, model):
    """Mark the steps with weights whose layers are no attributes of the model or in it.

    Keras does not train the weights of a layer that `call` makes, or a plain object holds.
    """
    kept = every_layer_of(model)
    for step in steps if kept is not None else ():
        if step.get("parameters") and id(nodes[step["id"]].operation) not in kept:
            step |= {"trained": 0, "trainable": False, "lost": True}


def _node(tensor):
    try:
        node = made_by(tensor)[1]
    except LookupError as error:
        raise TraceError(str(error)) from None
    if node is None:
        raise TraceError(
            _(
                "The model's inputs and outputs are not connected. Build it with "
                "keras.Model(inputs, outputs) from one keras.Input."
            )
        )
    if node.is_input:
        raise TraceError(
            _(
                "The outputs depend on an Input that is not among the model's inputs. Create "
                "keras.Input once and pass that tensor to keras.Model."
            )
        )
    return node


def _shape(tensor):
    return [None if side is None else int(side) for side in tensor.shape[1:]]
