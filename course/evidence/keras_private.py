"""What a check does inside Keras: build without weights, quickly, and leave everything as it was.

Every private name of Keras, TensorFlow and tensorflow-datasets that the student's half uses stands
here or in `course.trace`. If a version keeps a name elsewhere, that shortcut is skipped: the check
is slower, not different.
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

# What every layer keeps under these names holds no layers, or variables that it knows already.
_BOOKS = {
    "_trainable_variables", "_non_trainable_variables", "_metrics", "_seed_generators", "_tracked",
    "_inbound_nodes", "_outbound_nodes", "_losses", "_loss_ids", "_losses_override",
    "_call_context_args", "_call_has_context_arg", "call_signature_parameters",
    "_build_shapes_dict", "kernel_size", "strides", "dilation_rate", "_reduction_axes",
}  # fmt: skip
_FILLED = list, dict, set


@contextmanager
def patches():
    """Gives a function `replace(owner, name, value)`, and takes back all that it did."""
    kept = []

    def replace(owner, name, value, *, inherited=False):
        """An absent attribute stays absent, unless it is an inherited one."""
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


# --- weights only where they are asked for


@contextmanager
def values_on_demand(keras):
    """Variables that are made inside have no value until somebody reads it.

    VGG-16 takes hundredths of a second and no memory. A model that outlives the check (of a
    builder with a cache, or of a layer that was made before) is complete all the same: its weights
    are drawn when it is first used.
    """
    make = keras.Variable.__init__

    def begin(self, initializer, *args, **kwargs):
        if not (callable(initializer) or isinstance(initializer, str)):
            make(self, initializer, *args, **kwargs)  # the value is there already
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
    """The class of variables that draw their value when it is first read, and then are a `kind`."""
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
    """A value that is first read while JAX compiles is a number all the same."""
    import keras

    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    return jax.ensure_compile_time_eval()


# --- nothing is left behind

_made = []  # the list of layers that are made in `nothing_left`, each with the line it is of


@contextmanager
def nothing_left(*, collect=False):
    """What Keras and the generators of random numbers keep is afterwards as it was before.

    Automatic names go on where they were, unless a layer that was made inside lives on: then its
    name stays taken. `collect` puts Python's collection of garbage off, so that all that was made
    inside is still young at the end, and what nobody holds is gone at once.
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
    for layers in _made:  # none if nobody asks
        layers.append((weakref.ref(made), own_place()))


def made_at(layer):
    """(file, line) of the student's that made a layer in this check; None if it is not known."""
    for reference, place in (entry for layers in _made for entry in layers):
        if reference() is layer:
            return place
    return None


def _state(keras):
    """A function that sets everything back, and returns the names that were given since."""
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
            setattr(state, name, tracker)  # `clear_session` takes a new one
            back()
        for set_, value in settings:
            set_(value)
        draws()
        return counted

    return restore


def whole_precision():
    """Rounding is no mistake: what a student trains in half precision is asked in float32."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "Operation"):
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def _global(name, default=None):
    """What Keras keeps for this thread under a name."""
    state = sys.modules.get("keras.src.backend.common.global_state")
    return getattr(getattr(state, "GLOBAL_STATE_TRACKER", None), name, default)


def _stay_taken(counted):
    """Names that were given are not given again."""
    import keras

    for name, count in counted.items():
        while _global("object_name_uids", {}).get(name, 0) < count:
            keras.backend.get_uid(name)


def _as_now(thing):
    """A function that gives an object the attributes back that it has now, and their contents."""
    attributes = dict(vars(thing))
    contents = [_content(value) for value in attributes.values()]
    if (tracker := attributes.get("_tracker")) is not None:  # of a layer: what it has seen
        contents += [_as_now(tracker), *map(_content, tracker.stored_ids.values())]

    def back():
        vars(thing).clear()
        vars(thing).update(attributes)
        for restore in filter(None, contents):
            restore()

    return back


def _content(value):
    """A function that fills a list, dict or set with what it has now; None for all else."""
    if not isinstance(value, _FILLED) or type(value).__module__.startswith("tensorflow."):
        return None
    kind = next(kind for kind in _FILLED if isinstance(value, kind))
    content = kind.copy(value)  # the kind's own methods: Keras's and TensorFlow's keep accounts

    def back():
        kind.clear(value)
        (kind.extend if kind is list else kind.update)(value, content)

    return back


def _draws():
    """A function that sets the generators of random numbers back."""
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
    """A model and its layers are afterwards as they were: built or not, called as often."""
    back = [_as_now(layer) for layer in model._flatten_layers()]
    try:
        yield
    finally:
        for restore in back:
            restore()


# --- what is built here is not saved and computes nothing


def _trackable(keras):
    """TensorFlow's part of each layer; None with JAX."""
    return next((k for k in keras.Layer.__mro__ if k.__name__ == "KerasAutoTrackable"), None)


@contextmanager
def shortcuts(keras):
    """Leave out what Keras does to save models and to compute with them; refuse training."""
    backend, initializers, scopes = (
        sys.modules.get(f"keras.src.{name}")
        for name in ("backend", "initializers", "backend.common.name_scope")
    )
    with patches() as replace, warnings.catch_warnings():
        # Of a layer that cannot be called; what is wrong with it is told as the reason.
        for text in ("unbuilt state", "`build.. was called on layer"):
            warnings.filterwarnings("ignore", f".*{text}", module="keras")
        replace(backend, "compute_output_spec", _without_graph(keras, backend.compute_output_spec))
        # The backend's own adds TensorFlow's scopes, which name the nodes of graphs.
        replace(backend, "name_scope", getattr(scopes, "name_scope", backend.name_scope))
        # TensorFlow keeps an account of all attributes, for saving, and Keras another for itself.
        if (trackable := _trackable(keras)) is not None:
            replace(trackable, "__setattr__", object.__setattr__)
            replace(keras.Layer, "__setattr__", _without_account(keras.Layer.__setattr__))
        replace(keras.Operation, "__new__", staticmethod(_without_arguments(keras)))
        replace(initializers, "get", _without_deserializing(keras.initializers.get))
        # Whoever imported it has this function; it stops without the packages that draw.
        replace(keras.utils.plot_model, "__code__", _nothing.__code__)
        for name in ("fit", "train_on_batch"):
            replace(keras.Model, name, _without_training(name), inherited=True)
        yield


def _nothing(*args, **kwargs):
    """In the place of what is not needed."""


def _without_training(name):
    def train(self, *args, **kwargs):
        raise Misused(
            f"a check only builds the network, and {name}() trains it. "
            f"Train it outside of this function, in a cell of its own below the check"
        )

    return train


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


def _without_arguments(keras):
    """Keras keeps the arguments of every call of a class, for one that has no `get_config`."""
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
    """Raise Misused for `layers.ReLU(x)`, which makes a layer and calls none."""
    for value in settings:
        several = isinstance(value, list | tuple)
        if any(isinstance(item, keras.KerasTensor) for item in (value if several else [value])):
            given = "[…]" if several else "x"
            text = f"layers.{kind.__name__}({given}) makes a layer and does not call it: "
            raise Misused(text + written(kind, given), "NOT_CALLED")


_INSIDE = "_course_inside"


def inside(node):
    """What a call of a student's layer computed for each output, if that was kept, or None."""
    kept = [getattr(output, _INSIDE, None) for output in node.outputs]
    return None if None in kept else kept


def _without_graph(keras, through_graph):
    """How Keras finds the shape of what a layer of the student's own makes: by calling it.

    It would draw a graph of its backend for that, 0.1 s for a block with two convolutions.
    Symbolic tensors tell the same, and are kept for whoever opens the layer; what does not take
    them, or mixes them with others, still gets its graph.
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
    """Do not ask Google's storage about sets that are not on disk. Seen in 4.9.10.

    Newer versions ask nobody. Older ones ask for "digits" too, and without a network TensorFlow
    tries for minutes.
    """
    with suppress(ImportError):
        from tensorflow_datasets.core.utils import gcs_utils

        gcs_utils._is_gcs_disabled = True


def downloads(builder):
    """{address: bytes} of the files that a set downloads; {} if tfds does not tell. Seen in 4.9.10.

    No other name says it before the download. Without it no size is shown, and a network that is
    cut is noticed after minutes instead of seconds.
    """
    with suppress(Exception):
        return {url: info.size for url, info in builder.url_infos.items()}
    return {}
