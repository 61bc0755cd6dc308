"""The changes that a check makes in Keras while it builds a network, which it never runs."""

import warnings
from contextlib import contextmanager, suppress
from functools import partial

from course.evidence import backends, keras_private
from course.evidence.keras_private import backend_module, is_symbolic, patches
from course.evidence.keras_state import note
from course.evidence.lines import Misused
from course.evidence.misused import refuse_misuse
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
        replace(keras.Operation, "__new__", staticmethod(_making(keras)))
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


def _making(keras):
    """`Operation.__new__` that refuses misused layers of Keras and notes those that it makes."""
    make = keras.Operation.__new__

    def new(kind, *args, **kwargs):
        if kind.__module__.startswith("keras.") and issubclass(kind, keras.Layer):
            refuse_misuse(keras, kind, args, kwargs)
        if (made := keras_private.made_bare(kind)) is None:
            return make(kind, *args, **kwargs)
        note(made)
        return made

    return new


_INSIDE = "_course_inside"


def tensors_inside(node):
    """The tensors inside a student's layer that its outputs stand for, or None if not kept.

    A model may hand on an output that stands for a tensor inside its last layer. That one is not
    connected with the model's inputs, so it does not count for the model.
    """
    kept = [getattr(output, _INSIDE, (None, None)) for output in node.outputs]
    own = all(owner is node.operation for owner, _tensor in kept)
    return [tensor for _owner, tensor in kept] if own else None


def output_for(keras, owner, tensor):
    """An output of a student's layer or model, which stands for a tensor inside."""
    made = keras.KerasTensor(tensor.shape, tensor.dtype)
    setattr(made, _INSIDE, (owner, tensor))
    return made


def _without_graph(keras, through_graph):
    """`compute_output_spec` that calls a student's layer on symbolic tensors.

    Keras would call the layer in a graph of its backend: 0.1 s for a block with two convolutions,
    and 0.24 s instead of 0.03 for VGG-16 of own layers. Symbolic tensors give the same shapes, and
    `tensors_inside` finds them when the layer is opened. A layer that does not take them still gets
    its graph.
    """

    def spec(function, *args, **kwargs):
        owner = getattr(function, "__self__", None)
        with suppress(Exception), backends.inside_a_call():
            made = backends.without_graph(function)(*args, **kwargs)
            leaves = keras.tree.flatten(made)
            if leaves and all(map(is_symbolic, leaves)):
                return keras.tree.map_structure(partial(output_for, keras, owner), made)
        return through_graph(function, *args, **kwargs)

    return spec
