"""Private names of Keras, TensorFlow and tensorflow-datasets: here and in `keras_state` alone.

Each is needed because no public name does the same; the docstrings say in which version it was
seen. If a version keeps one elsewhere, a check is slower or its card says less. Without
`_keras_history` and `_inbound_nodes` no network can be read; the check then says so.
"""

import functools
import inspect
import sys
from contextlib import contextmanager, nullcontext, suppress
from types import FunctionType

from course.language import _


@contextmanager
def patches():
    """Yields a function `replace(owner, name, value)`; undoes all its replacements at the end."""
    kept, missing = [], object()

    def replace(owner, name, value, *, inherited=False):
        """Replace an attribute if the owner itself has it, or if it is `inherited`."""
        if isinstance(owner, FunctionType):
            kept.append((owner, name, getattr(owner, name)))
        elif inherited or (owner is not None and name in vars(owner)):
            kept.append((owner, name, vars(owner).get(name, missing)))
        else:
            return
        setattr(owner, name, value)

    try:
        yield replace
    finally:
        for owner, name, was in reversed(kept):
            if was is missing:
                delattr(owner, name)
            else:
                setattr(owner, name, was)


# --- how a network hangs together


def is_symbolic(value):
    """Whether a value is a tensor of Keras without numbers. (This name is public.)"""
    keras = sys.modules.get("keras")  # a check of numbers does not need it
    return keras is not None and isinstance(value, keras.KerasTensor)


def made_by(tensor):
    """(operation, Keras's node of its call, number of the output) of a symbolic tensor.

    The node is None if the operation was never called. Seen in 3.15.

    Raises LookupError if this Keras keeps it elsewhere.
    """
    try:
        operation, call, output = tensor._keras_history
        nodes = operation._inbound_nodes if operation is not None else ()
    except (AttributeError, TypeError, ValueError):
        import keras

        raise LookupError(
            _(
                "The course cannot follow tensors in Keras {version}. It was written for Keras 3.8 "
                "to 3.15: install one of them, or ask your instructor for a newer course."
            ).format(version=keras.__version__)
        ) from None
    return operation, nodes[call] if nodes else None, output


def was_called(layer):
    """Whether a layer was called on something; False if Keras does not tell. Seen in 3.15."""
    return bool(getattr(layer, "_inbound_nodes", None))


def outputs_of_calls(layer):
    """The first output of each call of a layer, the last call first. Seen in 3.15."""
    return [node.output_tensors[0] for node in reversed(layer._inbound_nodes)]


def layers_of(layer):
    """A layer and all in it; those that a model lists, if Keras tells no more. Seen in 3.15."""
    every = getattr(layer, "_flatten_layers", None)
    return list(every()) if every else [layer, *getattr(layer, "layers", ())]


def every_layer_of(model):
    """The ids of a model and of all layers in it; None if Keras does not tell. Seen in 3.15."""
    return {*map(id, layers_of(model))} if hasattr(model, "_flatten_layers") else None


def own_variables(layer):
    """Variables of a layer that are in no layer inside it; all, if Keras does not tell.

    `layer.weights` has those of the layers inside as well. Seen in 3.15.
    """
    names = "_trainable_variables", "_non_trainable_variables"
    kept = [getattr(layer, name, None) for name in names]
    return layer.weights if None in kept else [*kept[0], *kept[1]]


def dispatcher():
    """TensorFlow's class for other arguments of its functions; None without it. Seen in 2.21."""
    with suppress(ImportError):
        from tensorflow.python.util.dispatch import GlobalOpDispatcher

        return GlobalOpDispatcher


def is_asked_first():
    """Whether no function of TensorFlow's is around the one that is dispatched. Seen in 2.21."""
    frame, here = sys._getframe(2), "tensorflow.python.util.dispatch"
    while frame and frame.f_globals.get("__name__") == here:
        frame = frame.f_back
    while frame and str(frame.f_globals.get("__name__")).startswith("tensorflow."):
        if frame.f_globals["__name__"] == here:
            return False
        frame = frame.f_back
    return True


def name_in_tensorflow(function):
    """The public name of one of TensorFlow's functions ("image.resize"). Seen in 2.21."""
    inner = inspect.unwrap(function)
    names = getattr(inner, "_tf_api_names", ()) or getattr(inner, "_tf_api_names_v1", ())
    return min(names or [function.__name__], key=len)


# --- what Keras keeps for all


def global_state():
    """Keras's module of what it keeps: names, settings, seeds; None without it. Seen in 3.15."""
    return sys.modules.get("keras.src.backend.common.global_state")


def kept_for_this_thread(name, default=None):
    """What Keras keeps for this thread under a name. Seen in 3.15."""
    state = global_state()
    return getattr(getattr(state, "GLOBAL_STATE_TRACKER", None), name, default)


def in_stateless_scope():
    """Keras's function that tells whether shapes are asked for; None without it. Seen in 3.15."""
    module = sys.modules.get("keras.src.backend.common.stateless_scope")
    return getattr(module, "in_stateless_scope", None)


def backend_module():
    """Keras's module that asks what shape a call gives; None without it. Seen in 3.15.

    Only a patch of `compute_output_spec` there keeps Keras from drawing a graph.
    """
    module = sys.modules.get("keras.src.backend")
    return module if hasattr(module, "compute_output_spec") else None


# --- what layers note for saving them: the only names that are here for speed


def made_bare(kind):
    """A layer of Keras's own before its `__init__`; None where Keras has to make it.

    Keras records the arguments of every call of a class, in case the class has no `get_config`.
    Without this function and `noting_attributes`, a check of VGG-16 takes 41 ms of CPU instead of
    29, and one of ResNet-152 takes 1.4 s instead of 0.8. Seen in 3.15.
    """
    import keras

    known = hasattr(keras.Operation.get_config, "_is_default")
    own = kind.__module__.startswith("keras.")
    if not (known and own) or getattr(kind.get_config, "_is_default", False):
        return None
    made = object.__new__(kind)
    vars(made).update(_auto_config=None, _lock=True)
    return made


def noting_attributes(keras):
    """TensorFlow's part of each layer, which notes every attribute for saving; None with JAX.

    Its `__setattr__` is 8 of 37 ms of CPU in a check of VGG-16. Seen in 3.15.
    """
    return next((k for k in keras.Layer.__mro__ if k.__name__ == "KerasAutoTrackable"), None)


# --- weights only when they are read


@contextmanager
def values_on_demand(keras):
    """Variables that are created inside get their value when it is first read.

    VGG-16 takes hundredths of a second and no memory. A model that outlives the check (because the
    builder caches it) is complete all the same: its weights are drawn when it is first used.

    `Variable._value` and `_deferred_initialize`, and Keras's list of variables that have no value
    yet. No public name puts a value off until it is read. Seen in 3.15.
    """
    if not (in_stateless_scope() and hasattr(keras.Variable, "_deferred_initialize")):
        yield  # another Keras: weights are drawn, slower and no different
        return
    make = keras.Variable.__init__

    def begin(self, initializer, *args, **kwargs):
        if not (callable(initializer) or isinstance(initializer, str)):
            make(self, initializer, *args, **kwargs)  # the initializer is the value itself
            return
        with keras.StatelessScope(initialize_variables=False):  # in which Keras draws no values
            make(self, initializer, *args, **kwargs)
        # Variables that get values when the scope around them ends.
        owed = kept_for_this_thread("uninitialized_variables", [])
        owed[:] = [variable for variable in owed if variable is not self]
        self.__class__ = _on_demand(type(self))

    with patches() as replace:
        replace(keras.Variable, "__init__", begin, inherited=True)
        yield


@functools.cache
def _on_demand(kind):
    """A subclass of `kind` for variables that draw their value at the first reading."""
    in_scope = in_stateless_scope()

    class OnDemand(kind):
        @property
        def _value(self):
            if in_scope():  # shapes are asked for; Keras takes a placeholder
                return None
            self.__class__ = kind
            self._value = None
            with _outside_of_a_trace():
                self._deferred_initialize()
            return self._value

        @_value.setter
        def _value(self, value):
            self.__class__ = kind
            self._value = value

    OnDemand.__name__, OnDemand.__qualname__ = kind.__name__, kind.__qualname__
    OnDemand.__module__ = kind.__module__
    return OnDemand


def _outside_of_a_trace():
    """Make a value that is first read while JAX compiles a number, not a tracer."""
    import keras

    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    return jax.ensure_compile_time_eval()


# --- tensorflow-datasets


def without_googles_storage():
    """Do not ask Google's storage about data sets that are not on disk. Needed in tfds 4.9.10.

    Newer versions do not ask. Older ones ask even for the course's "digits", and without a network
    TensorFlow tries for minutes.
    """
    with suppress(ImportError):
        from tensorflow_datasets.core.utils import gcs_utils

        gcs_utils._is_gcs_disabled = True


def downloads(builder):
    """{URL: bytes} of the files that a data set downloads; {} if tfds does not say. Seen in 4.9.10.

    No public name tells it before the download. Without it no size is shown, and a lost network
    connection is noticed after minutes instead of seconds.
    """
    with suppress(Exception):
        return {url: info.size for url, info in builder.url_infos.items()}
    return {}
