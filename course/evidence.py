"""What a check needs to know about a student's answer, as plain JSON: the first half of a check.

`observe` touches the student's code: it builds a model without weights and writes it down, calls a
function, or reads a variable. It judges nothing. In a notebook `course.check` calls it directly;
when a submission is graded, only this half runs beside the student's code, and what it brings back
is a claim that the other half judges somewhere else.

A request is one of

    {"ask": "value"}
    {"ask": "call", "cases": [[argument, ...], ...]}
    {"ask": "model", "args": [...], "kwargs": {...}, "input_shape": [32, 32, 1]}
    {"ask": "block", ...}      # the same for a function from tensor to tensor

and an answer is {"value": ...}, {"answers": [...]}, {"trace": ...} (see `course.trace`) or
{"failed": kind, "text": ...}, where the kind is the name of a `course.diagnosis.Cause`.
"""

import json
import linecache
import sys
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType

from course import raw_tensorflow, values
from course.values import kind_of as _kind

# What every layer keeps under these names holds no layers, or variables that it knows already.
_BOOKS = {
    "_trainable_variables", "_non_trainable_variables", "_metrics", "_seed_generators", "_tracked",
    "_inbound_nodes", "_outbound_nodes", "_losses", "_loss_ids", "_losses_override",
    "_call_context_args", "_call_has_context_arg", "call_signature_parameters",
    "_build_shapes_dict", "kernel_size", "strides", "dilation_rate", "_reduction_axes",
}  # fmt: skip


class Refused(Exception):
    """No evidence can be given; carries the kind (a Cause's name) and the text."""

    def __init__(self, kind, text=""):
        super().__init__(text)
        self.kind, self.text = kind, text


def observe(subject, request):
    """Answer a request about a student's function, builder or value. Never raises."""
    try:
        return _ASK[request["ask"]](subject, request)
    except Refused as refused:
        return {"failed": refused.kind, "text": refused.text}
    except Exception as error:  # an object of the student's own that raises when it is looked at
        return {"failed": "NO_ANSWER", "text": f"it cannot be read: {type(error).__name__}"}


def answer(namespace, request):
    """Answer a request about the variable it names: what a grader asks the student's kernel."""
    # A name with dots or calls never comes here: the grader sends plain names.
    name = request["name"]
    if name not in namespace:
        return {"failed": "NOT_ANSWERED", "text": f"{name} is not defined"}
    reply = observe(namespace[name], request)
    if len(json.dumps(reply, default=str)) > request.get("most", float("inf")):
        return {"failed": "NO_ANSWER", "text": f"what {name} gives is too large"}
    return reply


def _value(subject, request):
    return {"value": _found(subject)}


def _found(value, looked_for=values.stands_for):
    """A student's value as plain data, if as a whole (or in every part) it has that form."""
    if value is Ellipsis:
        raise Refused("NOT_ANSWERED")
    found = values.plain(value)
    if stand_in := looked_for(found):
        words, cause = stand_in
        raise Refused(cause, words)
    return found


def _call(function, request):
    if function is None or function is Ellipsis:
        raise Refused("NOT_ANSWERED")
    if not callable(function):
        raise Refused("WRONG_KIND_OF_VALUE", _kind(function))
    answers = []
    for number, case in enumerate(request["cases"]):
        try:
            with _blame():
                answers.append(_found(function(*map(_argument, case)), values.stand_in))
        except Refused as refused:
            return {"failed": refused.kind, "text": refused.text, "case": number}
    return {"answers": answers}


def _model(builder, request):
    def build(keras):
        with _blame():
            return builder(*_arguments(request), **request.get("kwargs", {}))

    return _written_down(builder, build, request)


def _block(function, request):
    def build(keras):
        inputs = keras.Input(tuple(request["input_shape"]))
        with _blame():
            outputs = function(inputs, *_arguments(request), **request.get("kwargs", {}))
        if not hasattr(outputs, "_keras_history"):
            raise Refused("WRONG_KIND_OF_VALUE", _kind(outputs))
        with _blame():
            return keras.Model(inputs, outputs)

    return _written_down(function, build, request)


def _written_down(subject, build, request):
    from course.trace import TraceError, trace

    with weightless() as keras:
        model = subject if isinstance(subject, keras.Model) else None
        if model is None:
            if subject is None or subject is Ellipsis:
                raise Refused("NOT_ANSWERED")
            if not callable(subject):
                raise Refused("NO_MODEL", _kind(subject))
            model = build(keras)
        if not isinstance(model, keras.Model):
            hint = ""
            if hasattr(model, "_keras_history"):
                hint = " (the last tensor: return keras.Model(inputs, outputs))"
            raise Refused("NO_MODEL", _kind(model) + hint)
        try:
            with _blame():
                return {"trace": trace(model, request.get("input_shape"))}
        except TraceError as error:
            raise Refused("UNREADABLE", str(error)) from None


@contextmanager
def weightless():
    """Build Keras models without weights: VGG-16 takes hundredths of a second and no memory.

    Gives the module keras. What was built inside must not be called or trained afterwards.
    """
    import keras

    # clear_session, below, would also forget the student's mixed precision.
    policy = keras.config.dtype_policy()
    try:
        with keras.StatelessScope(initialize_variables=False), _shortcuts(keras):
            yield keras
    finally:
        # Keras keeps a list of the variables it still owes; without this they would all be made
        # as soon as any other scope ends.
        keras.utils.clear_session(free_memory=False)  # a full garbage collection takes 0.15 s
        keras.config.set_dtype_policy(policy)


@contextmanager
def _shortcuts(keras):
    """Leave out what Keras does to save and to compute: what is built here does neither.

    What another version of Keras has elsewhere is not left out there, and costs its time.
    """
    kept = []

    def replace(owner, name, shortcut):
        if owner is not None and name in vars(owner):
            kept.append((owner, name, vars(owner)[name]))
            setattr(owner, name, shortcut)

    backend, initializers, scopes = (
        sys.modules.get(f"keras.src.{name}")
        for name in ("backend", "initializers", "backend.common.name_scope")
    )
    trackable = next((k for k in keras.Layer.__mro__ if k.__name__ == "KerasAutoTrackable"), None)
    try:
        replace(backend, "compute_output_spec", _without_graph(keras, backend.compute_output_spec))
        # The backend's own adds TensorFlow's scopes, which name the nodes of graphs.
        replace(backend, "name_scope", getattr(scopes, "name_scope", backend.name_scope))
        # TensorFlow keeps an account of all attributes, for saving, and Keras another for itself.
        if trackable is not None:
            replace(trackable, "__setattr__", object.__setattr__)
            replace(keras.Layer, "__setattr__", _without_account(keras.Layer.__setattr__))
        replace(keras.Operation, "__new__", staticmethod(_without_arguments(keras.Operation)))
        replace(initializers, "get", _without_deserializing(keras.initializers.get))
        yield
    finally:
        for owner, name, was in reversed(kept):
            setattr(owner, name, was)


def _without_account(account):
    """Keras asks of every attribute whether it is a layer or a variable; a number is neither."""
    plain = {bool, int, float, str, type(None), FunctionType}

    def set_attribute(self, name, value):
        if (name in _BOOKS or type(value) in plain) and "_tracker" in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            account(self, name, value)

    return set_attribute


def _without_deserializing(get):
    """Keras makes each initializer that is given by name as it would make one from a file."""
    kinds = {}

    def get_initializer(identifier):
        if type(identifier) is not str:
            return get(identifier)
        if identifier not in kinds:
            made = get(identifier)
            if not type(made).__module__.startswith("keras."):
                return made
            kinds[identifier] = type(made)
        return kinds[identifier]()

    return get_initializer


def _without_arguments(operation):
    """Keras keeps the arguments of every call of a class, for one that has no `get_config`."""
    with_arguments = operation.__new__

    def new(kind, *args, **kwargs):
        needed = getattr(kind.get_config, "_is_default", False)
        if needed or not kind.__module__.startswith("keras."):
            return with_arguments(kind, *args, **kwargs)
        made = object.__new__(kind)
        vars(made).update(_auto_config=None, _lock=True)
        return made

    return new


def _without_graph(keras, through_graph):
    """How Keras finds the shape of what a layer of the student's own makes: by calling it.

    It would draw a graph of its backend for that, 0.1 s for a block with two convolutions.
    Symbolic tensors tell the same; what does not take them, or mixes them with others, still
    gets its graph.
    """

    def fresh(tensor):
        return keras.KerasTensor(tensor.shape, tensor.dtype)

    def spec(function, *args, **kwargs):
        with suppress(Exception), raw_tensorflow.understood():
            made = function(*args, **kwargs)
            leaves = keras.tree.flatten(made)
            if leaves and all(map(keras.backend.is_keras_tensor, leaves)):
                return keras.tree.map_structure(fresh, made)
        return through_graph(function, *args, **kwargs)

    return spec


@contextmanager
def _blame():
    """Turn whatever the student's code raises into a reason that names their line."""
    from course.trace import TraceError

    try:
        yield
    except (Refused, TraceError):
        raise
    except NotImplementedError:
        raise Refused("NOT_ANSWERED") from None
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise Refused("RAISES", _in_words(error)) from None


def _in_words(error):
    """`TypeError: ... in line 4: x = Conv2D(6)(x)`, with the last line that the student wrote."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).parent)
    own = [f for f in frames if "site-packages" not in f.filename and ours not in f.filename]
    if own:
        line = linecache.getline(own[-1].filename, own[-1].lineno).strip()
        text += f" (line {own[-1].lineno}" + (f": {line[:120]})" if line else ")")
    return text


def _arguments(request):
    return [_argument(value) for value in request.get("args", [])]


def _argument(value):
    if isinstance(value, dict) and set(value) == {"array", "dtype"}:
        import numpy as np

        return np.array(value["array"], dtype=value["dtype"])
    return value


def sendable(value):
    """An argument of a check as JSON; arrays keep their type."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return value


_ASK = {"value": _value, "call": _call, "model": _model, "block": _block}
