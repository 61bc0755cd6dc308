"""Composite layers and models: their own `call` runs again on symbolic tensors.

So the trace has the steps inside of them as if they stood in the model itself.
"""

from course.evidence import backends
from course.evidence.keras_private import is_symbolic
from course.evidence.settings import published


def is_composite(keras, operation):
    """Whether an operation is made of others, which can be written down in its place."""
    if isinstance(operation, keras.Model):
        return True
    if not isinstance(operation, keras.Layer):
        return False
    if isinstance(operation, keras.layers.Lambda | keras.layers.TimeDistributed):
        return True
    # A layer of the student's own. A subclass that computes the same as Keras's layer is none.
    return type(operation).call is not published(operation).call


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
    if isinstance(node.operation, keras.layers.TimeDistributed):
        return _at_each_step(keras, node.operation.layer, node.input_tensors[0])
    try:
        arguments = node.arguments
        return keras.tree.flatten(_called(node.operation, *arguments.args, **arguments.kwargs))
    except Exception:  # a student's call may raise anything; then the step is not opened
        return None


def _at_each_step(keras, layer, x):
    """[output] of a layer that TimeDistributed applies to each step of x; None if it says no more.

    Of one step, the layer gets that step. A Dense layer and a function do the same with all steps.
    """
    each = keras.layers.Dense, keras.layers.Activation, keras.layers.Dropout
    if x.shape[1] == 1:
        return [keras.ops.expand_dims(layer(keras.ops.squeeze(x, 1)), 1)]
    return [layer(x)] if isinstance(layer, each) else None


def _called(composite, *args, **kwargs):
    """What `call` returns, without a graph of TensorFlow around it."""
    call = backends.without_graph(composite.call)
    with backends.inside_a_call():
        return call(*args, **kwargs)
