"""Collect evidence about a student's answer as plain JSON: the first half of a check.

`observe` touches the student's code: it builds a model without weights and traces it, calls a
function, or reads a variable. It judges nothing. In a notebook `course.check` calls it directly.
In grading only this half runs next to the student's code; another process judges its replies.

A request is one of

    {"ask": "value"}
    {"ask": "call", "cases": [[argument, ...], ...], "kwargs": {...}, "symbolic": false}
    {"ask": "model", "args": [...], "kwargs": {...}, "input_shape": [32, 32, 1]}
    {"ask": "block", ...}      # the same for a function from tensor to tensor

and a reply is {"value": ..., "kind": ...}, {"answers": [...], "kinds": [...]} (kind "array" if the
lists were an array, else None), {"trace": ...} (see `course.evidence.trace`) or
{"failed": kind, "text": ...}, where this kind is the name of a `course.diagnosis.causes.Cause`.
If the code stops with an error that could be passed by, {"stopped": its text} comes with the trace,
or {"unmerged": its text} for a merge, which stands in the trace too if an output reads it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress

from course.evidence import (
    backends,
    building,
    keras_private,
    keras_state,
    pytorch,
    unmerged,
    values,
)
from course.evidence.blame import as_not_called, blame
from course.evidence.calls import can_take, must_take
from course.evidence.ends import TraceError
from course.evidence.lines import Refused
from course.evidence.pytorch.trace import trace as trace_of_module
from course.evidence.trace import trace
from course.evidence.values import kind_of, received
from course.language import _, speaking, spoken
from course.network.recognise import FIXED
from course.network.words import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterator
    from typing import Any


def observe(subject, request):
    """Answer a request about a student's function, builder or value. Never raises.

    Keras's global state is restored afterwards. Meanwhile its precision is float32.
    """
    builds = request["ask"] in ("model", "block")
    try:
        if builds:
            import keras  # noqa: F401
        with keras_state.nothing_left(collect=builds):
            keras_state.full_precision()
            return _observed(subject, request)
    except Exception as error:  # an object of the student's own class that raises when read
        said = _("it cannot be read: {error}").format(error=type(error).__name__)
        return {"failed": "NO_ANSWER", "text": said}


def _observed(subject, request):
    try:
        return _ASK[request["ask"]](subject, request)
    except Refused as refused:
        return {"failed": refused.kind, "text": refused.text}


def answer(namespace, request):
    """Answer the grader's request about a variable of the student's kernel.

    `namespace` is the kernel's {name: value}. A reply of more than request["most"] characters is
    refused. Its sentences are in request["language"].
    """
    # The grader sends plain names only, never one with dots or calls.
    name = request["name"]
    if name not in namespace:
        return {"failed": "NOT_ANSWERED", "text": f"{name} is not defined"}
    with speaking(request.get("language") or spoken()):
        reply = observe(namespace[name], request)
        if len(json.dumps(reply, default=str)) > request.get("most", float("inf")):
            said = _("what {name} gives is too large").format(name=name)
            return {"failed": "NO_ANSWER", "text": said}
        return reply


def _value(subject, request):
    found = _found(subject)
    return {"value": found, "kind": _kind_of_lists(subject, found)}


def _found(value, looked_for=values.stands_for):
    """A student's value as plain data. Raises Refused if `looked_for` finds a stand-in in it."""
    if value is Ellipsis:
        raise Refused("NOT_ANSWERED")
    found = values.plain(value)
    if stand_in := looked_for(found):
        words, cause = stand_in
        raise Refused(cause, words)
    return found


def _kind_of_lists(value, found):
    """Returns "array" if plain lists were an array, so that a test cell gets an array again."""
    is_array = isinstance(found, list) and not isinstance(value, list | tuple)
    return "array" if is_array else None


def _call(function, request):
    if function is None or function is Ellipsis:
        raise Refused("NOT_ANSWERED")
    if not callable(function):
        raise Refused("WRONG_KIND_OF_VALUE", kind_of(function))
    answers, kinds, keywords = [], [], received(request.get("kwargs", {}))
    for number, case in enumerate(request["cases"]):
        try:
            with blame():
                answer = function(*received(case), **keywords)
                answers.append(_found(answer, values.first_stand_in))
                kinds.append(_kind_of_lists(answer, answers[-1]))
        except Refused as refused:
            return {"failed": refused.kind, "text": refused.text, "case": number}
    reply = {"answers": answers, "kinds": kinds}
    if request.get("symbolic"):
        reply["symbolic"] = _symbolic(function, request["cases"][0])
    return reply


def _symbolic(function, case):
    """Why a function cannot take symbolic tensors; "" if it can."""
    import keras

    case = received(case)
    case = [keras.Input(a.shape[1:]) if hasattr(a, "shape") else a for a in case]
    try:
        with blame(), backends.understood():
            made = function(*case)
    except Refused as refused:
        return refused.text or _("it is not written yet")
    if keras_private.is_symbolic(made):
        return ""
    return _("with a network's tensors it gives {received}").format(received=kind_of(made))


def _model(builder, request):
    def build(keras):
        given, named = _arguments(request), received(request.get("kwargs", {}))
        sizeless = pytorch.taken(builder, named)
        if pytorch.is_class(builder):
            named = sizeless
        elif sizeless != named and can_take(builder, given, sizeless):
            with blame():
                made = builder(*given, **sizeless)
            if pytorch.is_module(made):
                return made
        must_take(builder, given, named)
        with blame():
            return builder(*given, **named)

    return _written_down(builder, build, request)


def _block(function, request):
    if pytorch.is_class(function):  # its modules take the tensor
        return _model(function, request)
    missing = function is None or function is Ellipsis
    if not callable(function) and not missing:
        raise Refused("WRONG_KIND_OF_VALUE", kind_of(function))

    def build(keras):
        inputs = keras.Input(tuple(request["input_shape"]))
        given, named = _arguments(request), received(request.get("kwargs", {}))
        must_take(function, [inputs, *given], named)
        with blame():
            outputs = function(inputs, *given, **named)
        if not keras_private.is_symbolic(outputs):
            if text := as_not_called(keras, outputs):
                raise Refused("NOT_CALLED", text)
            raise Refused("WRONG_KIND_OF_VALUE", kind_of(outputs))
        with blame():
            return keras.Model(inputs, outputs)

    return _written_down(function, build, request)


def _written_down(subject, build, request):
    """The reply with the trace of a model: the subject itself, or what `build(keras)` makes."""
    with weightless() as keras:
        try:
            return _traced(keras, subject, build, request)
        except Refused as refused:
            if refused.kind != "RAISES":
                raise
            if reply := _past_sizes(keras, subject, build, request, refused.text):
                return reply
            if request["ask"] == "model":
                text = f"{refused.text}{_begun_with(keras, request)}"
                raise Refused(refused.kind, text) from None
            raise


def _past_sizes(keras, subject, build, request, text):
    """The reply if sizes that do not fit together may pass, or None.

    If nothing else is wrong with the code, the rows before them can be judged as usual. `text` is
    what is said of the error with which the code stops.
    """
    with suppress(Refused), unmerged.recorded(keras, text) as passed:
        reply = _traced(keras, subject, build, request, passed)
        if passed:
            stopped = next(filter(None, passed), "")
            return reply | ({"stopped": stopped} if stopped else {"unmerged": text})
    return None


def _begun_with(keras, request):
    """A sentence about the first keras.Input of a network whose code stops, if its shape is wrong.

    "" if one of its inputs has the shape that the check asks for.
    """
    made = keras_state.made_of(keras.layers.InputLayer)
    shapes = [layer.batch_shape[1:] for layer in made if hasattr(layer, "batch_shape")]
    wanted = tuple(request["input_shape"])
    if not shapes or wanted in shapes or None in shapes[0]:
        return ""
    said = _(". The network begins with {received}, it should begin with {expected}")
    return said.format(received=shape_of(shapes[0]), expected=shape_of(wanted))


def _traced(keras, subject, build, request, passed=None):
    readable = isinstance(subject, keras.Model) or pytorch.is_module(subject)
    model = subject if readable else None
    if model is None:
        if subject is None or subject is Ellipsis:
            raise Refused("NOT_ANSWERED")
        if not callable(subject):
            raise Refused("NO_MODEL", kind_of(subject))
        model = build(keras)
    torch = pytorch.is_module(model)
    if not torch and not isinstance(model, keras.Model):
        said = "{received}"
        if keras_private.is_symbolic(model):
            said = _("{received} (the last tensor: return keras.Model(inputs, outputs))")
        raise Refused("NO_MODEL", said.format(received=kind_of(model)))
    try:
        with blame():
            given = model, request.get("input_shape"), request.get("probe", FIXED)
            return {"trace": trace_of_module(*given, passed) if torch else trace(*given)}
    except TraceError as error:
        raise Refused("UNREADABLE", str(error)) from None


@contextmanager
def weightless() -> Iterator[Any]:
    """Build Keras models without weights: VGG-16 takes hundredths of a second and no memory.

    Yields the module keras, and restores its global state at the end. A model that outlives the
    block gets its weights when they are first used.
    """
    import keras

    nothing_left = keras_state.nothing_left(collect=True)
    built = building.only_built(keras), pytorch.weightless()
    with nothing_left, keras_private.values_on_demand(keras), built[0], built[1]:
        yield keras


def _arguments(request):
    return received(request.get("args", []))


_ASK = {"value": _value, "call": _call, "model": _model, "block": _block}
