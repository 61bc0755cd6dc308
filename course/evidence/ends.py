"""The symbolic tensors at both ends of a student's model."""

from course.evidence import composites
from course.evidence.keras_private import is_symbolic
from course.evidence.values import kind_of
from course.language import _
from course.network.regions import SAMPLES

_MOST_STEPS = 5000
_IMAGES = SAMPLES  # steps are tried on so many, too


class TraceError(ValueError):
    """The object is not a model that can be traced; the text says why and what to do."""


def must_have_room(steps):
    """Raise TraceError if a trace has so many steps that no more are written down."""
    if len(steps) >= _MOST_STEPS:
        said = _("The model has more than {number} steps.")
        raise TraceError(said.format(number=_MOST_STEPS))


def ends_of(keras, model, input_shape):
    """(inputs, outputs) of a model, as symbolic tensors.

    `input_shape` (height, width, channels) is needed for a model without fixed sizes. Raises
    TraceError without it, and for outputs that are no tensors or mix the images.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    fixed = all(None not in tensor.shape[1:] for tensor in inputs or ())
    if inputs and outputs and (fixed or input_shape is None or len(inputs) > 1):
        return list(inputs), list(outputs)
    if input_shape is None:
        raise TraceError(
            _(
                "A {kind} that was never called has no shapes yet. Give it a keras.Input(shape) "
                "first, or say which input shape is meant."
            ).format(kind=type(model).__name__)
        )
    for images in (None, _IMAGES):  # some code asks for their number, as ops.shape(x)[0]
        x = keras.Input(tuple(input_shape), batch_size=images)
        outputs = composites.outputs_of(keras, model, x)
        if outputs is None:
            continue
        outputs = keras.tree.flatten(outputs)
        for tensor in outputs:
            if images and tensor.shape[:1] != (images,):
                raise mixed(images, tensor.shape, "layers.Flatten()")
        return [x], outputs
    x = keras.Input(tuple(input_shape))
    outputs = keras.tree.flatten(made := model(x))  # again, for its error
    if not (outputs and all(map(is_symbolic, outputs))):
        said = _("call() of the class {kind} should return its last tensor. Received: {received}.")
        raise TraceError(said.format(kind=type(model).__name__, received=kind_of(made)))
    return [x], outputs


def mixed(images, shape, flatten):
    """The TraceError about an output that does not keep the number of images as its first axis."""
    said = _(
        "{number} images go in, {shape} values come out: the images are mixed. "
        "Flatten with {code}, which keeps the first axis."
    )
    shape = " × ".join(map(str, shape)) or 1
    return TraceError(said.format(number=images, shape=shape, code=flatten))
