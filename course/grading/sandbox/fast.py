"""Patches of other libraries that make the box and the judge faster, all in one place.

Every private name of Keras, TensorFlow, IPython and nbformat that the grading half uses stands
here, each with its reason. Seen in Keras 3.15, TensorFlow 2.21, IPython 9.18, nbformat 5.11 and
Python 3.11. A version that keeps a name elsewhere, or whose function takes other arguments, goes
without that one: it is slower, and no different. Only the box and the judge's process call this.
"""

import contextlib
import functools
import inspect
import os
import sys
import types


@contextlib.contextmanager
def imported():
    """Import Keras without scikit-learn, and without the backend that it does not compute on.

    Keras and TensorFlow look for them, for wrappers of their own: a third of the time. On JAX,
    Keras would import TensorFlow when the first seed is set, in each fork.
    """
    others = {"sklearn", "jax", "tensorflow"} - {os.environ.get("KERAS_BACKEND") or "tensorflow"}
    unseen = [name for name in others if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unseen))
    try:
        yield
        with contextlib.suppress(Exception):  # not as in the version that was seen
            # Keras asks once whether TensorFlow is there, and keeps the answer.
            bool(sys.modules["keras.src.utils.module_utils"].tensorflow.available)
    finally:
        for name in unseen:
            del sys.modules[name]


def first_error(shell):
    """Let IPython import what it needs to show an error, 0.3 s when it first does."""
    import keras

    try:
        keras.layers.Dense()
    except TypeError as error:
        with contextlib.suppress(Exception):
            shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)


def build():
    """Let networks be built in less time. Returns the names of what was changed."""
    import keras

    done = []
    for change in (*_CHANGES, *_OF_BACKEND.get(keras.backend.backend(), ())):
        with contextlib.suppress(Exception):  # not as in the version that was seen
            change()
            done.append(change.__name__)
    return done


def write():
    """Let notebooks be written in less time.

    nbformat would hold each new cell and output against its schema, 1 ms; the whole notebook is, at
    the end.
    """
    from nbformat.v4 import nbbase

    nbbase.validate = lambda node, ref=None: None


# --- each changes one thing, or raises an error and changes nothing


def signatures():
    """Let Python look at each function once: Keras asks whenever a layer is made."""
    look, found = inspect._signature_from_callable, {}

    def signature(function, **options):
        bound = type(function) is types.MethodType  # of all objects of a class the same
        key = (bound, function.__func__ if bound else function, *options.values())
        if type(key[1]) is not types.FunctionType:
            return look(function, **options)
        if key not in found:
            found[key] = look(function, **options)
        return found[key]

    inspect._signature_from_callable = signature


def arguments():
    """The same for TensorFlow, which looks at the arguments of functions."""
    inspect.getfullargspec = functools.cache(inspect.getfullargspec)


def tensors():
    """Let TensorFlow look at each class once: it asks of every argument whether it is a tensor."""
    import tensorflow as tf

    ask, answers = tf.is_tensor, {}

    def is_tensor(value):
        kind = type(value)
        if kind not in answers:
            answers[kind] = ask(value)
        return answers[kind]

    tf.is_tensor = is_tensor


def weights():
    """Let Keras look for weights only in what can hold some, not in each number a layer keeps."""
    import keras

    holders = keras.Variable, keras.Layer, keras.metrics.Metric, keras.random.SeedGenerator
    holders += tuple, list, dict, set
    tracker = sys.modules["keras.src.utils.tracking"].Tracker
    track, set_attribute = tracker.track, keras.Layer.__setattr__
    _takes(track, 2)
    _takes(set_attribute, 3)
    if "_tracker" not in set_attribute.__code__.co_names:
        raise AttributeError("_tracker")

    @functools.cache
    def holds_weights(kind):
        return issubclass(kind, holders) or kind.__module__.startswith("tensorflow.")

    def track_if_needed(self, value):
        return track(self, value) if holds_weights(type(value)) else value

    def set_and_track_if_needed(self, name, value):
        if holds_weights(type(value)) or "_tracker" not in self.__dict__:
            set_attribute(self, name, value)
        else:
            object.__setattr__(self, name, value)

    tracker.track, keras.Layer.__setattr__ = track_if_needed, set_and_track_if_needed


def errors():
    """Let IPython write an error down once. It does so again for its history, which is off."""
    from IPython.core.interactiveshell import InteractiveShell

    _takes(InteractiveShell._format_exception_for_storage, 4)
    InteractiveShell._format_exception_for_storage = lambda *_, **__: None


def operations():
    """Let TensorFlow run an operation when it is called, as before version 2.8.

    By default it makes a function of each kind of operation and optimises its graph: 0.05 s until
    the first block with weights has answered. The switch belongs to a context, and a context has
    threads, so each fork sets it when it makes its own.
    """
    from tensorflow.python import pywrap_tfe

    new_context = pywrap_tfe.TFE_NewContext
    as_functions = pywrap_tfe.TFE_ContextOptionsSetRunEagerOpAsFunction

    def with_switch(options):
        as_functions(options, False)
        return new_context(options)

    pywrap_tfe.TFE_NewContext = with_switch


_CHANGES = signatures, weights, errors
_OF_BACKEND = {"tensorflow": (arguments, tensors, operations)}


def _takes(function, number):
    if len(inspect.signature(function).parameters) != number:
        raise TypeError(f"{function.__qualname__} takes other arguments")
