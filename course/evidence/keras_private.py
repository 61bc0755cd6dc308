"""A check's changes inside Keras: build without weights, quickly, and restore everything.

Only this module and `course.evidence.trace` use private names of Keras, TensorFlow and
tensorflow-datasets. If a version keeps a name elsewhere, that shortcut is skipped: the check is
slower, not different.
"""

import functools
import gc
import random
import sys
import warnings
import weakref
from contextlib import contextmanager, nullcontext, suppress
from types import FunctionType

from course.evidence import backends
from course.evidence.lines import Misused, own_place, written

# These attributes of every layer hold no layers, or variables that the layer tracks already.
_BOOKS = {
    "_trainable_variables", "_non_trainable_variables", "_metrics", "_seed_generators", "_tracked",
    "_inbound_nodes", "_outbound_nodes", "_losses", "_loss_ids", "_losses_override",
    "_call_context_args", "_call_has_context_arg", "call_signature_parameters",
    "_build_shapes_dict", "kernel_size", "strides", "dilation_rate", "_reduction_axes",
}  # fmt: skip
_FILLED = list, dict, set


@contextmanager
def patches():
    """Yields a function `replace(owner, name, value)`; undoes all its replacements at the end."""
    kept = []

    def replace(owner, name, value, *, inherited=False):
        """Replace an attribute if the owner itself has it, or if it is `inherited`."""
        if isinstance(owner, FunctionType):
            kept.append((owner, name, getattr(owner, name)))
        elif inherited or (owner is not None and name in vars(owner)):
            kept.append((owner, name, vars(owner).get(name, kept)))
        else:
            return
        setattr(owner, name, value)

    try:
        yield replace
    finally:
        for owner, name, was in reversed(kept):
            if was is kept:
                delattr(owner, name)
            else:
                setattr(owner, name, was)


# --- weights only when they are read


@contextmanager
def values_on_demand(keras):
    """Variables that are created inside get their value when it is first read.

    VGG-16 takes hundredths of a second and no memory. A model that outlives the check (because the
    builder caches it) is complete all the same: its weights are drawn when it is first used.
    """
    make = keras.Variable.__init__

    def begin(self, initializer, *args, **kwargs):
        if not (callable(initializer) or isinstance(initializer, str)):
            make(self, initializer, *args, **kwargs)  # the initializer is the value itself
            return
        with keras.StatelessScope(initialize_variables=False):  # in which Keras draws no values
            make(self, initializer, *args, **kwargs)
        owed = _global("uninitialized_variables", [])  # these get values when a scope ends
        owed[:] = [variable for variable in owed if variable is not self]
        self.__class__ = _on_demand(type(self))

    with patches() as replace:
        replace(keras.Variable, "__init__", begin, inherited=True)
        yield


@functools.cache
def _on_demand(kind):
    """A subclass of `kind` for variables that draw their value at the first reading."""
    from keras.src.backend.common.stateless_scope import in_stateless_scope

    class OnDemand(kind):
        @property
        def _value(self):
            if in_stateless_scope():  # shapes are asked for; Keras takes a placeholder
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


# --- nothing is left behind

_made = []  # within `nothing_left`: one list of (weak reference to a layer, its line)


@contextmanager
def nothing_left(*, collect=False):
    """Restore Keras's global state and the random number generators at the end.

    Automatic names go on where they were, unless a layer made inside lives on: then its name stays
    taken. `collect` suspends garbage collection, so that all objects made inside are still in the
    youngest generation at the end; one quick collection then removes the unused ones.
    """
    keras = sys.modules.get("keras")
    if _made or not hasattr(keras, "Operation"):  # inside another one, or Keras is not imported
        yield
        return
    restore = _state(keras)
    collecting = collect and gc.isenabled()
    if collecting:
        gc.disable()
    _made.append([])
    try:
        with patches() as replace:
            replace(keras.Operation, "__new__", staticmethod(_noting(keras.Operation)))
            yield
    finally:
        made = [reference for reference, _ in _made.pop()]
        counted = restore()
        if any(reference() is not None for reference in made):
            gc.collect(0 if collect else 1)
        if collecting:
            gc.enable()
        if any(reference() is not None for reference in made):
            _stay_taken(counted)


def _noting(operation):
    make = operation.__new__

    def new(kind, *args, **kwargs):
        made = make(kind, *args, **kwargs)
        _note(made)
        return made

    return new


def _note(made):
    for layers in _made:  # empty outside of `nothing_left`
        layers.append((weakref.ref(made), own_place()))


def made_at(layer):
    """(file, line) of the student's code that made a layer in this check; None if unknown."""
    for reference, place in (entry for layers in _made for entry in layers):
        if reference() is layer:
            return place
    return None


def _state(keras):
    """A function that restores Keras's state, and returns its counts of automatic names."""
    state = sys.modules.get("keras.src.backend.common.global_state")
    kept = []
    for name in ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER"):
        if (tracker := getattr(state, name, None)) is not None:
            kept.append((name, tracker, _as_now(tracker)))
    settings = [
        (getattr(keras.config, f"set_{name}"), getattr(keras.config, name)())
        for name in ("floatx", "epsilon", "image_data_format", "max_epochs", "max_steps_per_epoch")
        if hasattr(keras.config, f"set_{name}") and hasattr(keras.config, name)
    ]
    draws = _draws()

    def restore():
        counted = dict(_global("object_name_uids", {}))
        for name, tracker, back in kept:
            setattr(state, name, tracker)  # `clear_session` puts a new one there
            back()
        for set_, value in settings:
            set_(value)
        draws()
        return counted

    return restore


def whole_precision():
    """Set Keras to float32, so that a student's half precision does not round the evidence."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "Operation"):
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def _global(name, default=None):
    """An item of Keras's global state of this thread."""
    state = sys.modules.get("keras.src.backend.common.global_state")
    return getattr(getattr(state, "GLOBAL_STATE_TRACKER", None), name, default)


def _stay_taken(counted):
    """Do not give the names again that were given so far; `counted` is {name: count}."""
    import keras

    for name, count in counted.items():
        while _global("object_name_uids", {}).get(name, 0) < count:
            keras.backend.get_uid(name)


def _as_now(thing):
    """A function that restores an object's present attributes and their contents."""
    attributes = dict(vars(thing))
    contents = [_content(value) for value in attributes.values()]
    if (tracker := attributes.get("_tracker")) is not None:  # a layer's account of its parts
        contents += [_as_now(tracker), *map(_content, tracker.stored_ids.values())]

    def back():
        vars(thing).clear()
        vars(thing).update(attributes)
        for restore in filter(None, contents):
            restore()

    return back


def _content(value):
    """A function that restores the contents of a list, dict or set; None for all else."""
    if not isinstance(value, _FILLED) or type(value).__module__.startswith("tensorflow."):
        return None
    kind = next(kind for kind in _FILLED if isinstance(value, kind))
    content = kind.copy(value)  # Python's own methods, as those of Keras's subclasses track changes

    def back():
        kind.clear(value)
        (kind.extend if kind is list else kind.update)(value, content)

    return back


def _draws():
    """A function that restores the random number generators."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    eager = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(eager, "_context", None)
    seed, rng = getattr(context, "_seed", None), getattr(context, "_rng", None)
    drawn = rng.getstate() if isinstance(rng, random.Random) else None
    generator = _global("global_seed_generator")
    value = None if generator is None else generator.state.value * 1  # a copy

    def back():
        random.setstate(python)
        np.random.set_state(numpy)
        if context is not None and hasattr(context, "_seed"):
            context._seed, context._rng = seed, rng
            if drawn is not None:
                rng.setstate(drawn)
        if generator is not None:
            generator.state.assign(value)

    return back


@contextmanager
def untouched(model):
    """Restore a model and its layers at the end: their build state, calls and names."""
    back = [_as_now(layer) for layer in model._flatten_layers()]
    try:
        yield
    finally:
        for restore in back:
            restore()


# --- faster building, for models that are neither saved nor run


def _trackable(keras):
    """TensorFlow's base class of each layer; None with JAX."""
    return next((k for k in keras.Layer.__mro__ if k.__name__ == "KerasAutoTrackable"), None)


@contextmanager
def shortcuts(keras):
    """Skip Keras's work for saving and running models; refuse training."""
    backend, initializers, scopes = (
        sys.modules.get(f"keras.src.{name}")
        for name in ("backend", "initializers", "backend.common.name_scope")
    )
    with patches() as replace, warnings.catch_warnings():
        # Keras warns about a layer that cannot be called; the check's own reason says it better.
        for text in ("unbuilt state", "`build.. was called on layer"):
            warnings.filterwarnings("ignore", f".*{text}", module="keras")
        replace(backend, "compute_output_spec", _without_graph(keras, backend.compute_output_spec))
        # The backend's version adds TensorFlow's scopes, which only name the nodes of graphs.
        replace(backend, "name_scope", getattr(scopes, "name_scope", backend.name_scope))
        # TensorFlow tracks all attributes, for saving; Keras tracks them for itself.
        if (trackable := _trackable(keras)) is not None:
            replace(trackable, "__setattr__", object.__setattr__)
            replace(keras.Layer, "__setattr__", _without_account(keras.Layer.__setattr__))
        replace(keras.Operation, "__new__", staticmethod(_without_arguments(keras)))
        replace(initializers, "get", _without_deserializing(keras.initializers.get))
        # Replace its code, as students import the function by name. It fails without pydot.
        replace(keras.utils.plot_model, "__code__", _nothing.__code__)
        for name in ("fit", "train_on_batch"):
            replace(keras.Model, name, _without_training(name), inherited=True)
        yield


def _nothing(*args, **kwargs):
    """Stands in for a function that is not needed."""


def _without_training(name):
    def train(self, *args, **kwargs):
        raise Misused(
            f"a check only builds the network, and {name}() trains it. "
            f"Train it outside of this function, in a cell of its own below the check"
        )

    return train


def _without_account(account):
    """`__setattr__` without Keras's search for layers and variables in plain values."""
    plain = {bool, int, float, str, type(None), FunctionType}

    def set_attribute(self, name, value):
        if (name in _BOOKS or type(value) in plain) and "_tracker" in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            account(self, name, value)

    return set_attribute


def _without_deserializing(get):
    """`initializers.get` with the class of each name kept: Keras deserializes one each time."""
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


def _without_arguments(keras):
    """`Operation.__new__` without recording the arguments, which only a default `get_config` needs.

    It also notes the new operation, and refuses a tensor among a layer's settings.
    """
    with_arguments = keras.Operation.__new__
    takes_tensors = keras.Model, keras.layers.InputLayer, keras.layers.Lambda

    def new(kind, *args, **kwargs):
        keras_own = kind.__module__.startswith("keras.")
        if keras_own and issubclass(kind, keras.Layer) and not issubclass(kind, takes_tensors):
            _without_tensors(keras, kind, [*args, *kwargs.values()])
        if not keras_own or getattr(kind.get_config, "_is_default", False):
            return with_arguments(kind, *args, **kwargs)
        made = object.__new__(kind)
        vars(made).update(_auto_config=None, _lock=True)
        _note(made)
        return made

    return new


def _without_tensors(keras, kind, settings):
    """Raise Misused for `layers.ReLU(x)`, which makes a layer and does not call it."""
    for value in settings:
        several = isinstance(value, list | tuple)
        if any(isinstance(item, keras.KerasTensor) for item in (value if several else [value])):
            given = "[…]" if several else "x"
            text = f"layers.{kind.__name__}({given}) makes a layer and does not call it: "
            raise Misused(text + written(kind, given), "NOT_CALLED")


_INSIDE = "_course_inside"


def inside(node):
    """The tensors inside a student's layer that its outputs stand for, or None if not kept."""
    kept = [getattr(output, _INSIDE, None) for output in node.outputs]
    return None if None in kept else kept


def _without_graph(keras, through_graph):
    """`compute_output_spec` that calls a student's layer on symbolic tensors.

    Keras would call the layer in a graph of its backend: 0.1 s for a block with two convolutions.
    Symbolic tensors give the same shapes, and `inside` finds them when the layer is opened. A layer
    that does not take them still gets its graph.
    """

    def fresh(tensor):
        made = keras.KerasTensor(tensor.shape, tensor.dtype)
        setattr(made, _INSIDE, tensor)
        return made

    def spec(function, *args, **kwargs):
        with suppress(Exception), backends.understood():
            made = backends.without_graph(function)(*args, **kwargs)
            leaves = keras.tree.flatten(made)
            if leaves and all(map(keras.backend.is_keras_tensor, leaves)):
                return keras.tree.map_structure(fresh, made)
        return through_graph(function, *args, **kwargs)

    return spec


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
