"""Composite layers and models: their own `call` runs again on symbolic tensors.

So the trace has the steps inside of them as if they stood in the model itself.
"""

from course.evidence import backends
from course.evidence.keras_private import is_symbolic, layers_of, own_variables
from course.evidence.settings import published


def is_composite(keras, operation):
    """Whether an operation is made of others, which can be written down in its place."""
    if isinstance(operation, keras.Model):
        return True
    if not isinstance(operation, keras.Layer):
        return False
    if isinstance(operation, keras.layers.Lambda):
        return True
    if type(operation).call is published(operation).call:
        return False  # Keras's own, or a subclass that computes the same
    # A layer of the student's own: open it unless it holds weights that are in no sublayer.
    return not own_variables(operation)


def outputs_of(keras, model, x):
    """The outputs of a model's own `call` on a symbolic tensor, or None if it cannot take it.

    An unbuilt model is built first, if it has a `build` of its own. Calling the model instead of
    its `call` would run all of it twice in a TensorFlow graph, with its weights.
    """
    if not hasattr(model, "built"):  # it never called super().__init__(), which Keras tells better
        return None
    try:
        if type(model).build is not keras.Model.build and not model.built:
            model.build(x.shape)
        outputs = _called(model, x)
        return outputs if all(map(is_symbolic, keras.tree.flatten(outputs))) else None
    except Exception:  # a student's call may raise anything
        return None


def outputs_at(keras, node):
    """[output, ...] of the `call` of a node's operation, run again; None if it raises an error."""
    try:
        arguments = node.arguments
        return keras.tree.flatten(_called(node.operation, *arguments.args, **arguments.kwargs))
    except Exception:  # a student's call may raise anything; then the step is not opened
        return None


def _called(composite, *args, **kwargs):
    """What `call` returns, without a graph of TensorFlow around it."""
    _in_lower_case(composite)
    call = backends.without_graph(composite.call)
    with backends.understood():
        return call(*args, **kwargs)


def _in_lower_case(composite):
    """Change padding="SAME" into "same" in all layers: Keras's pools take no other symbolically.

    `course.evidence.keras_state.untouched` gives it back.
    """
    for layer in layers_of(composite):
        if isinstance(padding := getattr(layer, "padding", None), str):
            layer.padding = padding.lower()
