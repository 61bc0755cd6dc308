"""What a step of a Keras model is called, and its settings, as plain data."""

import warnings
from math import prod

from course.language import _

# The settings of a layer that a check needs; initialisers, regularisers and dtypes do not matter.
_CONFIG = {
    "activation", "axis", "center", "count_include_pad", "cropping", "data_format",
    "depth_multiplier", "dilation_rate", "filters", "groups", "keepdims", "kernel_size",
    "max_value", "mode", "negative_slope", "newshape", "offset", "pad_width", "padding",
    "pool_size", "scale", "strides", "target_shape", "threshold", "units", "use_bias",
    "indices_or_sections", "approximate", "output_size", "n", "size", "dims", "axes", "line",
    "x_min", "x_max", "num_heads", "key_dim", "value_dim", "attention_axes", "use_gate",
    "sliding_window", "rms_scaling", "interpolation", "output_padding", "antialias",
    "crop_to_aspect_ratio", "pad_to_aspect_ratio", "height", "width",
    "equation", "bias_axes", "axis1", "axis2", "source", "destination",
}  # fmt: skip
MOST_VALUES = 4096  # of an array that is written down
_ALIKE = ("relu", "tanh", "sigmoid")  # the same function in TensorFlow, JAX and Keras


def name_of(operation):
    """The name of the class that says what an operation computes."""
    theirs = published(operation)
    same = type(operation).call is theirs.call
    return (theirs if same else type(operation)).__name__


def published(operation):
    """The operation's class if it is Keras's, else its nearest base class in Keras."""
    kinds = type(operation).__mro__
    return next(kind for kind in kinds if kind.__module__.split(".")[0] == "keras")


def is_builtin(keras, activation):
    """Whether an activation is one of Keras's, or TensorFlow's or JAX's function of its name."""
    if isinstance(activation, keras.Layer):
        return False
    name = _name_in_keras(activation)
    alike = name in _ALIKE or name != getattr(activation, "__name__", None)  # as softmax_v2
    if alike and _is_foreign(activation) and hasattr(keras.activations, name):
        return True
    try:
        return keras.activations.get(name) is activation or (
            getattr(keras.ops, name, None) is activation and hasattr(keras.activations, name)
        )
    except ValueError:
        return False


def _name_in_keras(activation):
    """A function's name in Keras; functions of TensorFlow and JAX count as Keras's."""
    name = str(getattr(activation, "__name__", type(activation).__name__))
    return name.removesuffix("_v2") if _is_foreign(activation) else name


def _is_foreign(activation):
    """Whether a function is TensorFlow's or JAX's."""
    module = str(getattr(activation, "__module__", ""))
    return module.split(".")[0] in ("tensorflow", "jax")


def settings(operation):
    """{name: value} of the settings that say what an operation computes."""
    try:
        with warnings.catch_warnings():  # Keras warns that lambdas cannot be saved
            warnings.simplefilter("ignore")
            config = operation.get_config()
    except Exception:  # a layer without get_config, or with an activation without a name
        config = {key: getattr(operation, key) for key in _CONFIG if hasattr(operation, key)}
    activation = getattr(operation, "activation", None)
    if callable(activation):
        config["activation"] = _name_in_keras(activation)
    if config.get("data_format", "") is None:  # Keras took its default
        config["data_format"] = getattr(operation, "data_format", None)
    return {key: _flat(config[key]) for key in sorted(config) if key in _CONFIG}


def _flat(value):
    """A setting as plain data; of a value that has no such form, the name of its class."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_flat(item) for item in value]
    if hasattr(value, "numpy") and prod(value.shape) <= MOST_VALUES:
        return _flat(value.numpy())
    if hasattr(value, "tolist") and value.size <= MOST_VALUES:  # of NumPy
        return _flat(value.tolist())
    return str(type(value).__name__)


def frozen_class(layer):
    """The class whose `trainable` was set, which freezes all its layers; "" if none was."""
    for kind in type(layer).__mro__:
        if "trainable" in vars(kind):
            library = "layers." if kind.__module__.startswith("keras.") else ""
            own = isinstance(vars(kind)["trainable"], property)
            return "" if own else f"{library}{kind.__name__}"
    return ""


def activation_class(keras, kind):
    """The sentence about a class where an activation should be."""
    word = kind.__name__.lower()
    named = issubclass(kind, keras.Layer) and hasattr(keras.activations, word)
    library = "layers." if kind.__module__.startswith("keras.") else ""
    said = _("activation is the class {kind}; write {call}.")
    if named:
        said = _('activation is the class {kind}; write "{word}" or {call}.')
    call = f"{library}{kind.__name__}()"
    return said.format(kind=kind.__name__, word=word, call=call)
