"""Let TensorFlow's own functions work on Keras's symbolic tensors while a network is traced.

`tf.nn.relu` in the `call` of a subclassed block works on numbers, but not on the symbolic tensors
with which `course.evidence.trace` opens the block. Inside `understood()`, the TensorFlow functions
that published networks use are replaced by those of `keras.ops`. All else stays as it is.
"""

import contextlib
import functools
import inspect
import sys
from math import prod

from course.evidence import keras_private

_open = 0  # how many `understood()` are active, one inside the other


@contextlib.contextmanager
def understood():
    """Let the functions of the table below take symbolic tensors, if TensorFlow is imported."""
    global _open
    if "tensorflow" in sys.modules:
        _register()
    _open += 1
    try:
        yield
    finally:
        _open -= 1


@contextlib.contextmanager
def inside_a_call():
    """`understood`, for the `call` of a layer or model that runs on symbolic tensors.

    With numbers, Keras's pools also take padding="SAME" in capitals there, a variable can be added
    to a tensor as well as a tensor to a variable, and a tensor has TensorFlow's `get_shape`.
    """
    import keras

    pools = keras.layers.MaxPooling2D, keras.layers.AveragePooling2D
    with understood(), keras_private.patches() as replace:
        for pool in pools:
            replace(pool, "compute_output_shape", _in_small_letters(pool), inherited=True)
        replace(keras.Variable, "__add__", _of_numbers(keras.Variable.__add__), inherited=True)
        if "tensorflow" in sys.modules:
            replace(keras.KerasTensor, "get_shape", _shape, inherited=True)
        yield


def _shape(x):
    """What `get_shape` returns of a tensor of TensorFlow."""
    import tensorflow as tf

    return tf.TensorShape(x.shape)


def _of_numbers(add):
    """A variable's `__add__` that leaves symbolic tensors to their own `__radd__`."""

    def __add__(self, other):
        return NotImplemented if keras_private.is_symbolic(other) else add(self, other)

    return __add__


def _in_small_letters(pool):
    """A pool's `compute_output_shape` that takes its padding in capitals, too."""
    shape_of = pool.compute_output_shape

    def compute_output_shape(self, input_shape):
        given = self.padding
        self.padding = given.lower() if isinstance(given, str) else given
        try:
            return shape_of(self, input_shape)
        finally:
            self.padding = given

    return compute_output_shape


def without_graph(function):
    """The Python function inside a `tf.function`, which takes symbolic tensors; others as is."""
    return getattr(function, "python_function", function)


@functools.cache
def _register():
    """Register a dispatcher. TensorFlow asks it when one of its functions refuses its arguments."""
    import keras
    import tensorflow as tf

    if (dispatching := keras_private.dispatcher()) is None:  # then such a block stays closed
        return
    known = {}
    for name, function in _table(keras.ops).items():
        with contextlib.suppress(AttributeError):
            known[inspect.unwrap(functools.reduce(getattr, name.split("."), tf))] = function

    class Dispatcher(dispatching):
        def handle(self, op, args, kwargs):
            given = keras.tree.flatten([args, kwargs])
            symbolic = any(map(keras_private.is_symbolic, given))
            instead = known.get(inspect.unwrap(op))
            if not _open or not symbolic:
                return self.NOT_SUPPORTED
            kwargs = {k: v for k, v in kwargs.items() if k != "name"}
            if instead is not None:
                with contextlib.suppress(Exception):  # used in a way that the table does not have
                    return instead(*args, **kwargs)
            if keras_private.is_asked_first():  # else the function around it is asked, too
                with contextlib.suppress(Exception):  # it may take nothing but numbers
                    return _as_operation(keras, tf, op)(*args, **kwargs)
            return self.NOT_SUPPORTED

    Dispatcher().register()


def _as_operation(keras, tf, function):
    """An operation of Keras that calls a function of TensorFlow, whatever it computes.

    Its name says nothing to the other half of the check, so only its numbers tell what it is.
    """

    name = keras_private.name_in_tensorflow(function)

    class Function(keras.Operation):
        def call(self, *args, **kwargs):
            if "random" in name:
                raise NotImplementedError  # by chance it may give what it gets
            return function(*args, **kwargs)

        def compute_output_spec(self, *args, **kwargs):
            args, kwargs = keras.tree.map_structure(_without_numbers, (args, kwargs))
            made = tf.function(function).get_concrete_function(*args, **kwargs).structured_outputs
            return keras.tree.map_structure(
                lambda x: keras.KerasTensor(x.shape, x.dtype.name), made
            )

    def _without_numbers(x):
        return tf.TensorSpec(x.shape, x.dtype) if keras_private.is_symbolic(x) else x

    Function.__name__ = f"tf.{name}"
    return Function(name=name.rpartition(".")[2])


def _table(ops):
    """{TensorFlow function: the replacement, with TensorFlow's names of the arguments}"""
    import numpy as np

    each = {
        "nn.relu": ops.relu, "nn.relu6": ops.relu6, "nn.elu": ops.elu, "nn.selu": ops.selu,
        "nn.tanh": ops.tanh, "math.tanh": ops.tanh, "nn.sigmoid": ops.sigmoid,
        "math.sigmoid": ops.sigmoid, "math.square": ops.square, "math.sqrt": ops.sqrt,
        "identity": lambda x: x, "stop_gradient": lambda x: x, "zeros_like": ops.zeros_like,
        "math.exp": ops.exp, "math.log": ops.log, "math.rsqrt": ops.rsqrt, "nn.silu": ops.silu,
        "nn.gelu": ops.gelu, "nn.softplus": ops.softplus, "math.abs": ops.abs,
    }  # fmt: skip
    both = {
        "math.add": ops.add, "math.subtract": ops.subtract, "math.multiply": ops.multiply,
        "math.divide": ops.divide, "math.pow": ops.power, "math.maximum": ops.maximum,
        "math.minimum": ops.minimum,
    }  # fmt: skip
    return {
        **{name: lambda *x, _f=f, **k: _f(*x, *k.values()) for name, f in each.items()},
        **{name: lambda x, y, _f=f: _f(x, y) for name, f in both.items()},
        "nn.softmax": lambda logits, axis=None: ops.softmax(logits, -1 if axis is None else axis),
        "nn.log_softmax": lambda logits, axis=-1: ops.log_softmax(logits, axis),
        "nn.leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, alpha),
        "concat": lambda values, axis: ops.concatenate(values, axis),
        "split": lambda value, num_or_size_splits, axis=0: ops.split(
            value, _edges(num_or_size_splits), axis
        ),
        "reshape": lambda tensor, shape: ops.reshape(tensor, _target(tensor, shape)),
        "shape": lambda input, out_type=None: np.array([-1, *input.shape[1:]], "int32"),
        "cast": lambda x, dtype: ops.cast(x, getattr(dtype, "name", dtype)),
        "expand_dims": lambda input, axis: ops.expand_dims(input, axis),
        "squeeze": lambda input, axis=None: ops.squeeze(input, axis),
        "transpose": lambda a, perm=None: ops.transpose(a, perm),
        "reverse": lambda tensor, axis: ops.flip(tensor, axis),
        "stack": lambda values, axis=0: ops.stack(values, axis),
        "matmul": lambda a, b: ops.matmul(a, b),
        "nn.bias_add": lambda value, bias, data_format=None: ops.add(
            _last(value, data_format), bias
        ),
        **{f"nn.{name}": _convolved(ops.conv) for name in ("conv2d", "convolution")},
        "nn.depthwise_conv2d": _convolved(ops.depthwise_conv),
        "nn.conv2d_transpose": functools.partial(_convolved_back, ops),
        "nn.dropout": lambda x, rate=None, **rest: x,
        **{f"nn.{name}": _pooled(ops.max_pool) for name in ("max_pool", "max_pool2d")},
        **{f"nn.{name}": _pooled(ops.average_pool) for name in ("avg_pool", "avg_pool2d")},
        "math.reduce_sum": lambda input_tensor, axis=None, keepdims=False: ops.sum(
            input_tensor, axis, keepdims
        ),
        "math.reduce_mean": lambda input_tensor, axis=None, keepdims=False: ops.mean(
            input_tensor, axis, keepdims
        ),
        "gather": lambda params, indices, validate_indices=None, axis=None, **rest: ops.take(
            params, indices, axis or 0
        ),
        "math.add_n": lambda inputs: functools.reduce(ops.add, inputs),
        "pad": lambda tensor, paddings, mode="CONSTANT", constant_values=0: ops.pad(
            tensor, _numbers(paddings), mode.lower(), constant_values or None
        ),
        "slice": lambda input_, begin, size: _cut(input_, _numbers(begin), _numbers(size)),
        "image.resize": lambda images, size, method="bilinear": ops.image.resize(
            images, _sides(_numbers(size)), method
        ),
        "nn.local_response_normalization": functools.partial(_response_normalised, ops),
    }


def _edges(sections):
    """TensorFlow's `split` takes the sizes of the parts, Keras's the indices of the cuts."""
    if isinstance(sections, int):
        return sections
    return [sum(sections[:i]) for i in range(1, len(sections))]


def _numbers(value):
    """A number, or a list of them, without tensors and arrays."""
    if isinstance(value, list | tuple):
        return [_numbers(each) for each in value]
    value = value.numpy() if hasattr(value, "numpy") else value
    return value.tolist() if hasattr(value, "tolist") else value


def _target(tensor, shape):
    """A shape whose only -1 is the batch: Keras cannot work out a second one."""
    batch, *sides = _numbers(shape)
    if -1 in sides and batch == -1:
        rest = -prod(sides) if sides else 1
        sides = [prod(tensor.shape[1:]) // rest if side == -1 else side for side in sides]
    return [batch, *sides]


def _sides(size):
    """A size or stride of TensorFlow, which may have a number for each axis, as Keras has it."""
    if isinstance(size, int):
        return size
    size = list(size)
    return tuple((size[1:3] if len(size) == 4 else size * 2)[:2])


def _last(x, data_format):
    """The tensor, if its maps are on the last axis."""
    if data_format not in (None, "NHWC"):
        raise NotImplementedError
    return x


def _convolved(convolve):
    """A convolution with TensorFlow's arguments."""

    def apply(input, filters=None, strides=1, padding="VALID", data_format=None, **rest):
        filters, wide = rest.pop("filter", filters), rest.pop("dilations", None) or 1
        if rest or not isinstance(padding, str):
            raise NotImplementedError
        x, strides = _last(input, data_format), _sides(strides or 1)
        return convolve(x, filters, strides, padding.lower(), "channels_last", _sides(wide))

    return apply


def _convolved_back(ops, input, filters, output_shape, strides, padding="SAME", **rest):
    """A transposed convolution whose output has the size that Keras gives it, too."""
    if any(value not in (None, "NHWC") for value in rest.values()):
        raise NotImplementedError
    rest = {"strides": _sides(strides), "padding": padding.lower(), "data_format": "channels_last"}
    made = ops.conv_transpose(input, filters, **rest)
    if tuple(_numbers(output_shape)[1:3]) != made.shape[1:3]:
        raise NotImplementedError
    return made


def _cut(x, begin, size):
    """A part of a tensor; a size of -1 goes to the end of its axis."""
    ends = [None if n == -1 else at + n for at, n in zip(begin, size, strict=True)]
    made = x[tuple(map(slice, begin, ends))]
    if any(n not in (-1, side) for n, side in zip(size, made.shape, strict=True)):
        raise NotImplementedError  # TensorFlow refuses what is not inside of the tensor
    return made


def _pooled(pool):
    """A pool with TensorFlow's arguments: a size for each axis, and "SAME" in capitals."""

    def apply(input, ksize, strides, padding, data_format=None):
        if not isinstance(padding, str):
            raise NotImplementedError
        sizes = _sides(ksize), _sides(strides)
        return pool(_last(input, data_format), *sizes, padding.lower(), "channels_last")

    return apply


def _response_normalised(ops, input, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5):
    """TensorFlow's local response normalisation, whose window is 2 · depth_radius + 1 maps."""
    channels = input.shape[-1]
    squares = ops.pad(ops.square(input), [[0, 0]] * 3 + [[depth_radius] * 2])
    parts = [squares[..., i : i + channels] for i in range(2 * depth_radius + 1)]
    return input / (bias + alpha * functools.reduce(ops.add, parts)) ** beta
