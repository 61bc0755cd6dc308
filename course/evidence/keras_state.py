"""Restore the state of Keras and of the random number generators after a check.

Until then it is known which layers the check has made, and in which line of the student's code.

Private names: Keras's global state (`keras_private.global_state`), the state of a layer, and
TensorFlow's seed. If a version keeps one elsewhere, that part is not restored: a later layer may
get a higher number in its name, or other random numbers.
"""

import gc
import random
import sys
import weakref
from contextlib import contextmanager, suppress

from course.evidence.keras_private import (
    global_state,
    kept_for_this_thread,
    layers_of,
    patches,
)
from course.evidence.lines import own_place

_FILLED = list, dict, set
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
    restore = _restorer(keras)
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
        note(made)
        return made

    return new


def note(made):
    """Remember an operation that was made inside `nothing_left`, and where."""
    for layers in _made:  # empty outside of `nothing_left`
        layers.append((weakref.ref(made), own_place()))


def made_at(layer):
    """(file, line) of the student's code that made a layer in this check; None if unknown."""
    for reference, place in (entry for layers in _made for entry in layers):
        if reference() is layer:
            return place
    return None


def made_of(kind):
    """The layers of a class that were made in this check and are still there, the first first."""
    made = [reference() for layers in _made for reference, _ in layers]
    return [layer for layer in made if isinstance(layer, kind)]


def _restorer(keras):
    """A function that restores Keras's state, and returns its counts of automatic names."""
    state = global_state()
    kept = []
    for name in ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER"):
        if (tracker := getattr(state, name, None)) is not None:
            kept.append((name, tracker, _restorer_of(tracker)))
    settings = [
        (getattr(keras.config, f"set_{name}"), getattr(keras.config, name)())
        for name in ("floatx", "epsilon", "image_data_format", "max_epochs", "max_steps_per_epoch")
        if hasattr(keras.config, f"set_{name}") and hasattr(keras.config, name)
    ]
    draws, classes = _restorer_of_draws(), _restorer_of_classes(keras)

    def restore():
        counted = dict(kept_for_this_thread("object_name_uids", {}))
        for name, tracker, back in kept:
            setattr(state, name, tracker)  # `clear_session` puts a new one there
            back()
        for set_, value in settings:
            set_(value)
        draws()
        classes()
        return counted

    return restore


def _restorer_of_classes(keras):
    """A function that restores `trainable` of Keras's classes of layers and models.

    `layers.Conv2D.trainable = False` instead of `layer.trainable = False` freezes all layers of the
    class, those of later checks too.
    """
    kinds = [kind for kind in vars(keras.layers).values() if isinstance(kind, type)]
    kinds = [*kinds, keras.Model, keras.Sequential]
    kept = {kind: vars(kind).get("trainable") for kind in kinds}

    def back():
        for kind, trainable in kept.items():
            if vars(kind).get("trainable") is trainable:
                continue
            if trainable is None:
                del kind.trainable
            else:
                kind.trainable = trainable

    return back


def full_precision():
    """Set Keras to float32, so that a student's half precision does not round the evidence."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "Operation"):
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def _stay_taken(counted):
    """Do not give the names again that were given so far; `counted` is {name: count}."""
    import keras

    for name, count in counted.items():
        while kept_for_this_thread("object_name_uids", {}).get(name, 0) < count:
            keras.backend.get_uid(name)


def _restorer_of(thing):
    """A function that restores an object's present attributes and their contents."""
    attributes = dict(vars(thing))
    contents = [_restorer_of_content(value) for value in attributes.values()]
    if (tracker := attributes.get("_tracker")) is not None:  # a layer's account of its parts
        contents += [
            _restorer_of(tracker),
            *map(_restorer_of_content, getattr(tracker, "stored_ids", {}).values()),
        ]

    def back():
        vars(thing).clear()
        vars(thing).update(attributes)
        for restore in filter(None, contents):
            restore()

    return back


def _restorer_of_content(value):
    """A function that restores the contents of a list, dict or set; None for all else."""
    if not isinstance(value, _FILLED) or type(value).__module__.startswith("tensorflow."):
        return None
    kind = next(kind for kind in _FILLED if isinstance(value, kind))
    content = kind.copy(value)  # Python's own methods, as those of Keras's subclasses track changes

    def back():
        kind.clear(value)
        (kind.extend if kind is list else kind.update)(value, content)

    return back


def _restorer_of_draws():
    """A function that restores the random number generators."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    eager = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(eager, "_context", None)
    seed, rng = getattr(context, "_seed", None), getattr(context, "_rng", None)
    drawn = rng.getstate() if isinstance(rng, random.Random) else None
    generator = kept_for_this_thread("global_seed_generator")
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
    """Restore a model and its layers at the end: their build state, calls, names and precision.

    Meanwhile they compute in float32, like `full_precision`.
    """
    import keras

    policy, layers = keras.config.dtype_policy(), layers_of(model)
    back = [_restorer_of(layer) for layer in layers]
    try:
        keras.config.set_dtype_policy("float32")
        for layer in layers:
            with suppress(Exception):  # a class of the student's own, not made by Keras's __init__
                if layer.compute_dtype != "float32":
                    layer.dtype_policy = "float32"
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        for restore in back:
            restore()
