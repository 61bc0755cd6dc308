"""Trace a Keras model: write it down as plain steps, the evidence that a check judges by.

The result is plain JSON. Nested models, Sequential blocks, subclassed layers, Lambdas and
activation functions are opened: their `call` runs again on symbolic tensors, and its steps are
written down. So two ways of writing the same network give nearly the same steps. A layer that
cannot be opened (one with weights of its own that are more than kernels and biases) stays one step,
with the shape and parameter count that Keras reports.

    {"inputs": [{"id": 0, "name": "image", "shape": [32, 32, 1]}],
     "steps": [{"id": 1, "op": "layers.Conv2D", "name": "C1", "config": {"filters": 6, ...},
                "args": [{"tensor": [0, 0]}], "shapes": [[28, 28, 6]], "layer": 17,
                "parameters": 156, "trained": 156, "trainable": true}],
     "outputs": [[1, 0]]}

`{"tensor": [step, k]}` is the k-th output of a step; shapes leave out the batch axis. A step is
"lost" if Keras does not find its weights: `_mark_lost`. "frozen" is the class that was frozen with
all its layers. Within a check, "unread" has the steps of Keras's layers that were called and lead
to no output, each with the shapes that it "reads" and the "line" that made the layer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from math import prod

from course.evidence import (
    backends,
    composites,
    own_layers,
    own_weights,
    regions,
    tried,
    unmerged,
)
from course.evidence.building import tensors_inside
from course.evidence.ends import TraceError, ends_of, must_have_room
from course.evidence.keras_private import every_layer_of, is_symbolic, made_by, own_variables
from course.evidence.keras_state import untouched
from course.evidence.settings import (
    MOST_VALUES,
    activation_class,
    frozen_class,
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
        tracer = _Tracer(keras, inputs, outputs)
        if closed := tracer.hiding_weights():  # again, with these as one step each
            tracer = _Tracer(keras, inputs, outputs, closed)
        found = {
            "inputs": tracer.inputs,
            "steps": tracer.steps,
            "outputs": [tracer.where(tensor) for tensor in outputs],
        }
        call = tried.caller(keras, tracer.nodes, lambda tensor: tuple(tracer.where(tensor)))
        regions.try_out(found, call, numbers)
        own_layers.add_outputs(found, tracer.nodes, call, numbers)
        _mark_lost(tracer, model)
        if unread := unread_by(tracer):
            found["unread"] = unread
        return found


class _Tracer:
    """The steps between symbolic inputs and outputs, written down."""

    def __init__(self, keras, inputs, outputs, closed=frozenset()):
        self.keras, self.closed = keras, closed  # ids of composite layers that stay one step
        self.constants = False  # whether a step takes an array that is no tensor of the network
        # By id. What it is the id of is kept as well, so that no id is used twice.
        self.found = {}  # id -> (KerasTensor, [step, output])
        self.opened = {}  # id -> (node, the tensors inside that its outputs stand for, or None)
        self.layers = {}  # id(layer) -> a small number, equal for calls that share weights
        self.names = _Names()
        self.steps = []
        self.nodes = {}  # the number of a step -> Keras's node
        self.owners = {}  # id of a variable -> the opened layer whose own it is
        self.inputs = []
        for number, tensor in enumerate(inputs):
            name = getattr(tensor, "name", "input")
            self.inputs.append({"id": number, "name": name, "shape": _shape(tensor)})
            self.found[id(tensor)] = tensor, [number, 0]
        for tensor in outputs:
            self.visit(tensor)

    def where(self, tensor):
        """[number of its step, which of its outputs] of a tensor that was visited."""
        return self.found[id(tensor)][1]

    def visit(self, tensor):
        """Write down all steps that a tensor depends on, earliest first, without deep recursion."""
        waiting = [tensor]
        while waiting:
            tensor = waiting[-1]
            if id(tensor) in self.found:
                waiting.pop()
                continue
            node, output = _made_by(tensor)
            inside = self._inside(node, output)
            sources = node.input_tensors if inside is None else [inside]
            if missing := [source for source in sources if id(source) not in self.found]:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if inside is None:
                self._write(node)
            else:
                self.found[id(tensor)] = tensor, self.where(inside)

    def _inside(self, node, output):
        """The tensor inside of a composite operation for which this output stands, or None."""
        operation = node.operation
        if id(operation) in self.closed or not composites.is_composite(self.keras, operation):
            return None
        if id(node) not in self.opened:
            inside = tensors_inside(node) or composites.outputs_at(self.keras, node)
            inside = inside if own_weights.are_seen(self.keras, node, inside) else None
            self.opened[id(node)] = node, inside
            if inside:
                self.owners.update((id(each), operation) for each in own_variables(operation))
        inside = self.opened[id(node)][1]
        return inside[output] if inside else None

    def _write(self, node):
        """Write down one call of an operation, which stays one step."""
        operation, number = node.operation, len(self.inputs) + len(self.steps)
        weights = own_weights.taken_by(self.keras, node)
        owner = next((self.owners[id(w)] for w in weights if id(w) in self.owners), operation)
        shared = weights[0] if weights else operation
        if isinstance(kind := getattr(operation, "activation", None), type):
            raise TraceError(activation_class(self.keras, kind))
        must_have_room(self.steps)
        layer, own = isinstance(operation, self.keras.Layer), _is_own(self.keras, operation)
        group = "own" if own else "layers" if layer else "ops"
        step = {
            "id": number,
            "op": f"{group}.{name_of(operation)}",
            "name": self.names.of(owner),
            "config": settings(operation),
            "args": self._plain(list(node.arguments.args)),
            "shapes": [_shape(output) for output in node.outputs],
            "layer": self.layers.setdefault(id(shared), len(self.layers)),
        }
        if weights:
            step |= own_weights.counted(weights)
        extra = {k: v for k, v in node.arguments.kwargs.items() if k not in ("training", "mask")}
        if any(value is not None for value in extra.values()):
            step["kwargs"] = self._plain(extra)
        if layer:
            step["parameters"] = sum(prod(w.shape) for w in operation.weights)
            step["trained"] = sum(prod(w.shape) for w in operation.trainable_weights)
            step["trainable"] = bool(operation.trainable)
            if step["trainable"] is False and (kind := frozen_class(operation)):
                step["frozen"] = kind
            if step["parameters"] and own:
                step["own"] = True  # its weights are not in layers of Keras
        self.steps.append(step)
        self.nodes[number] = node
        for index, output in enumerate(node.outputs):
            self.found[id(output)] = output, [number, index]
        if group == "layers":  # in one of the student's own, `call` applies it
            self._open_activation(operation, node, step)

    def _open_activation(self, layer, node, step):
        """Trace a student's own activation function like the rest of the model."""
        activation = getattr(layer, "activation", None)
        built_in = not callable(activation) or is_builtin(self.keras, activation)
        if built_in or len(node.outputs) != 1:
            return
        step["config"]["activation"] = "linear"
        (output,) = node.outputs
        before = self.keras.Input(batch_shape=output.shape)
        self.found[id(before)] = before, [step["id"], 0]
        try:
            with backends.understood():
                after = activation(before)
            self.visit(after)
            self.found[id(output)] = output, self.where(after)
        except Exception:  # not made of Keras operations: keep its name, as an unknown function
            name = getattr(activation, "__name__", "?")
            step["config"]["activation"] = _("{name} (own function)").format(name=name)

    def _plain(self, value):
        """The arguments of a call as JSON: tensors by number, slices and small arrays by value."""
        if is_symbolic(value):
            return {"tensor": self.where(value)}
        if isinstance(value, self.keras.Variable):
            return {"weight": list(value.shape)}
        if isinstance(value, bool | int | float | str | None):
            return value
        if value is Ellipsis:
            return "..."
        if isinstance(value, slice):
            return {"slice": self._plain([value.start, value.stop, value.step])}
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        if isinstance(value, dict):
            return {str(key): self._plain(item) for key, item in value.items()}
        if hasattr(value, "shape"):
            self.constants = True
            with suppress(Exception):  # a class of the student's own
                if prod(value.shape) <= MOST_VALUES:
                    return self.keras.ops.convert_to_numpy(value).tolist()
        return {"unknown": type(value).__name__}

    def hiding_weights(self):
        """The ids of opened layers with weights that are in no step.

        Such a layer calls one of its own layers on numbers: an Embedding of `arange` gives an array
        in which the weights are not seen any more.
        """
        if not self.constants:
            return set()
        steps = [node.operation for node in self.nodes.values()]
        seen = {id(w) for operation in steps for w in getattr(operation, "weights", ())}
        seen.update(id(w) for n in self.nodes.values() for w in own_weights.taken_by(self.keras, n))
        opened = [node.operation for node, _inside in self.opened.values()]
        layers = [each for each in opened if not isinstance(each, self.keras.Model)]
        return {id(layer) for layer in layers if not seen.issuperset(map(id, layer.weights))}


def _is_own(keras, operation):
    """Whether an operation is the student's own: its name does not say what it does."""
    theirs, kind = published(operation), type(operation)
    if kind.__module__ == unmerged.__name__:
        return False  # the check's stand-in for a merge that Keras refuses
    return theirs is keras.layers.Lambda or kind.call is not theirs.call


class _Names:
    """The names of operations. Those that Keras made up are numbered as in a new session."""

    def __init__(self):
        self._made_up = {}  # {kind: {id(operation): its number}}

    def of(self, operation):
        """The name of an operation."""
        name = str(getattr(operation, "name", ""))
        written = type(operation).__name__.rpartition(".")[2]  # of "tf.nn.pool"
        kind = re.sub(r"(.)([A-Z][a-z]+)|(?<=[a-z])([A-Z])", r"\1_\2\3", written).lower()
        if not re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name):
            return name
        alike = self._made_up.setdefault(kind, {})
        number = alike.setdefault(id(operation), len(alike))
        return f"{kind}_{number}" if number else kind


def _mark_lost(tracer, model):
    """Mark the steps with weights whose layers are no attributes of the model or in it.

    Keras does not train the weights of a layer that `call` makes, or a plain object holds.
    """
    kept = every_layer_of(model)
    for step in tracer.steps if kept is not None else ():
        if step.get("parameters") and not _is_kept(tracer, tracer.nodes[step["id"]], kept, model):
            step |= {"trained": 0, "trainable": False, "lost": True}


def _is_kept(tracer, node, kept, model):
    """Whether Keras finds what holds the weights of a step: its layer, or the variables."""
    if taken := own_weights.taken_by(tracer.keras, node):
        return {*map(id, model.weights)}.issuperset(map(id, taken))
    return id(node.operation) in kept


def _made_by(tensor):
    """(Keras's node of the call that made a tensor, the number of the output)"""
    try:
        _operation, node, output = made_by(tensor)
    except LookupError as error:
        raise TraceError(str(error)) from None
    said = ""
    if node is None:
        said = _(
            "The model's inputs and outputs are not connected. Build it with "
            "keras.Model(inputs, outputs) from one keras.Input."
        )
    elif node.is_input:
        said = _(
            "The outputs depend on an Input that is not among the model's inputs. Create "
            "keras.Input once and pass that tensor to keras.Model."
        )
    if said:
        raise TraceError(said)
    return node, output


def _shape(tensor):
    return [None if side is None else int(side) for side in tensor.shape[1:]]
