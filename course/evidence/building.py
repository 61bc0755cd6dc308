"""The changes that a check makes in Keras while it builds a network, which it never runs."""

import warnings
from contextlib import contextmanager, suppress

from course.evidence import backends, keras_private
from course.evidence.keras_private import backend_module, patches
from course.evidence.keras_state import note
from course.evidence.lines import Misused, written
from course.language import _


@contextmanager
def only_built(keras):
    """Refuse training inside, and let TensorFlow make no graphs of the networks."""
    with patches() as replace, warnings.catch_warnings():
        # Keras warns about a layer that cannot be called; the check's own reason says it better.
        for text in ("unbuilt state", "`build.. was called on layer"):
            warnings.filterwarnings("ignore", f".*{text}", module="keras")
        if backend := backend_module():
            spec = _without_graph(keras, backend.compute_output_spec)
            replace(backend, "compute_output_spec", spec)
        replace(keras_private.noting_attributes(keras), "__setattr__", object.__setattr__)
        replace(keras.Operation, "__new__", staticmethod(_without_tensors(keras)))
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
            _(
                "a check only builds the network, and {name}() trains it. Train it outside of this "
                "function, in a cell of its own below the check"
            ).format(name=name)
        )

    return train


def _without_tensors(keras):
    """Raise Misused for `layers.ReLU(x)`, which makes a layer and does not call it."""
    make = keras.Operation.__new__
    takes_tensors = keras.Model, keras.layers.InputLayer, keras.layers.Lambda

    def new(kind, *args, **kwargs):
        own = kind.__module__.startswith("keras.") and issubclass(kind, keras.Layer)
        for value in [*args, *kwargs.values()] if own else ():
            several = isinstance(value, list | tuple)
            given = value if several else [value]
            if issubclass(kind, takes_tensors) or not any(map(symbolic, given)):
                continue
            given = "[…]" if several else "x"
            text = _("layers.{kind}({given}) makes a layer and does not call it; write {call}")
            text = text.format(kind=kind.__name__, given=given, call=written(kind, given))
            raise Misused(text, "NOT_CALLED")
        if (made := keras_private.made_bare(kind)) is None:
            return make(kind, *args, **kwargs)
        note(made)
        return made

    def symbolic(value):
        return isinstance(value, keras.KerasTensor)

    return new


_INSIDE = "_course_inside"


def inside(node):
    """The tensors inside a student's layer that its outputs stand for, or None if not kept."""
    kept = [getattr(output, _INSIDE, None) for output in node.outputs]
    return None if None in kept else kept


def _without_graph(keras, through_graph):
    """`compute_output_spec` that calls a student's layer on symbolic tensors.

    Keras would call the layer in a graph of its backend: 0.1 s for a block with two convolutions,
    and 0.24 s instead of 0.03 for VGG-16 of own layers. Symbolic tensors give the same shapes, and
    `inside` finds them when the layer is opened. A layer that does not take them still gets its
    graph.
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
