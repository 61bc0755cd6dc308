"""Layers that were called in a check, and that no output depends on."""

from contextlib import suppress

from course.evidence.ends import TraceError
from course.evidence.keras_private import layers_of, outputs_of_calls
from course.evidence.keras_state import made_at, made_of
from course.evidence.lines import in_line
from course.evidence.settings import published

_MOST = 20  # layers that are told of


def unread_by(tracer):
    """The steps of these layers. Call it last, as they get numbers behind those of the others.

    Each has the shapes that it "reads", and the "name" and the "line" of the last layer behind it:
    the one whose output nothing reads.
    """
    found, steps, used = [], list(tracer.steps), set(tracer.layers)
    read = [node.operation for node in tracer.nodes.values()]
    read = [layer for layer in read if isinstance(layer, tracer.keras.Layer)]
    used.update(id(inside) for layer in read for inside in layers_of(layer))
    for layer in made_of(tracer.keras.Layer):
        read = id(layer) in used or isinstance(layer, tracer.keras.Model)
        if read or published(layer) is not type(layer):
            continue
        if place := made_at(layer):
            with suppress(Exception):  # what nothing reads need not hang together
                found += _last_call(tracer, layer, in_line(place))
    readers = {
        tracer.where(source)[0]: step["id"]
        for step in tracer.steps[len(steps) :]
        for source in tracer.nodes[step["id"]].input_tensors
    }
    tracer.steps[:] = steps
    return [{**step, **_last_behind(step, readers, found)} for step in found[:_MOST]]


def _last_call(tracer, layer, line):
    """The step of a layer's last call that depends on the inputs, in a list."""
    for tensor in outputs_of_calls(layer):
        with suppress(TraceError):  # called inside a layer of the student's own
            tracer.visit(tensor)
            number, _output = tracer.where(tensor)
            node = tracer.nodes.get(number)
            if node is not None and node.operation is layer:
                step = tracer.steps[number - len(tracer.inputs)]
                reads = [[*source.shape[1:]] for source in node.input_tensors]
                return [{**step, "reads": reads, "line": line}]
    return []


def _last_behind(step, readers, found):
    """The name and the line of the last of the steps `found` behind a step, or of itself.

    `readers` is {number of a step: that of one that reads it}.
    """
    by_number, number, last = {each["id"]: each for each in found}, step["id"], step
    while (number := readers.get(number)) is not None:
        last = by_number.get(number, last)
    return {"name": last["name"], "line": last["line"]}
