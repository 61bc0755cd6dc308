"""A student's error: the reason in plain words, and the line that the student wrote."""

import functools
import json
import re
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from course import check
from course.architectures.lenet import LENET5
from course.diagnosis import Cause
from course.evidence.lines import in_line, is_own

C1 = LENET5.part("C1", input_shape=(32, 32, 1))


def failed(checking, *args, **kwargs):
    """The finding of a check that fails, which warns of nothing beside it."""
    with warnings.catch_warnings(), check.silently(), pytest.raises(check.CheckFailed) as caught:
        warnings.simplefilter("error")
        checking(*args, **kwargs)
    (found,) = caught.value.findings
    assert "\x1b" not in found.message and "site-packages" not in found.message
    return found


def of_model(inside):
    """What a check says of a builder with this inside: from an input to the last tensor."""

    def build():
        image = keras.Input((32, 32, 1))
        return keras.Model(image, inside(image))

    return failed(check.model, build, like=LENET5)


# --- a layer in the place of a tensor


def forgotten(x):
    x = layers.Conv2D(6, 5)(x)
    x = layers.AveragePooling2D(2)
    return layers.Flatten()(x)


def forgotten_with_a_name(x):
    pool = layers.AveragePooling2D(2, name="S2")
    return layers.Concatenate()([
        x,
        pool,
    ])  # fmt: skip


def in_the_place_of_settings(x):
    return layers.AveragePooling2D(2)(layers.ReLU(x))


def beside_each_other(x):
    return layers.Add([x, x])


def handed_to_the_layer(x):
    return layers.Flatten()(layers.Conv2D(6, 5))


def without_parentheses(x):
    x = layers.Flatten
    return layers.Dense(3)(x)


def in_an_operation(x):
    pool = layers.MaxPooling2D(2)
    return x + ops.relu(pool)


def returned(x):
    return layers.MaxPooling2D(2)


NOT_CALLED = [
    (forgotten, "x is a layer that was not called; write layers.AveragePooling2D(…)(x) "
                "(line {0}: x = layers.AveragePooling2D(2))", 2),
    (forgotten_with_a_name, "S2 is a layer that was not called; write layers.AveragePooling2D(…)"
                            "(x) (line {0}: pool = ", 1),
    (in_the_place_of_settings, "layers.ReLU(x) makes a layer and does not call it; write "
                               "layers.ReLU()(x) (line {0}: ", 1),
    (beside_each_other, "layers.Add([…]) makes a layer and does not call it; write "
                        "layers.Add()([…]) (l", 1),
    (handed_to_the_layer, "layers.Conv2D(6, 5) is a layer that was not called; write "
                          "layers.Conv2D(…)(x) (line {0}: ", 1),
    (without_parentheses, "x is the class Flatten, no tensor; write layers.Flatten()(x) "
                          "(line {0}: ", 2),
    (in_an_operation, "pool is a layer that was not called; write layers.MaxPooling2D()(x) "
                      "(line {0}: ", 1),
]  # fmt: skip


@pytest.mark.parametrize("inside, says, below", NOT_CALLED)
def test_a_layer_that_was_not_called(inside, says, below):
    for found in (of_model(inside), failed(check.block, inside, like=C1)):
        assert found.cause is Cause.NOT_CALLED
        assert says.format(inside.__code__.co_firstlineno + below) in found.message
        assert "Keras" not in found.message and "Received" not in found.message


def test_a_block_that_returns_its_layer():
    found = failed(check.block, returned, like=C1)
    assert found.cause is Cause.NOT_CALLED
    assert "layer that was not called; write layers.MaxPooling2D()(x) (line " in found.message


def test_a_layer_that_is_only_made_is_not_blamed():
    """It is called on the line that fails, but that line fails for another reason."""

    def refused(x):
        wide = layers.Conv2D(6, 5, padding="full")
        return wide(x)

    def wrapped(x):
        dense = layers.Dense(3)
        return layers.TimeDistributed(dense)(x) + keras.Sequential([layers.ReLU()])(x[:, :7])

    assert of_model(refused).cause is Cause.RAISES
    assert "not called" not in of_model(wrapped).message


def test_layers_that_take_tensors_take_them():
    def build():
        image = keras.Input((32, 32, 1))
        inner = keras.Model(image, layers.Conv2D(6, 5)(image))
        x = layers.Lambda(lambda t, other: t + other, arguments={"other": 0.0})(inner(image))
        return keras.Model(image, x)

    assert failed(check.model, build, like=LENET5).cause is Cause.ACTIVATION_MISSING


# --- activations and layers of a student's own


class Squash:
    def __call__(self, x):
        return ops.tanh(x)


RIGHT = [
    "tanh", keras.activations.tanh, ops.tanh, lambda x: ops.tanh(x), Squash(),
    functools.partial(ops.tanh), functools.partial(lambda a, x: a(x), ops.tanh),
    layers.Activation("tanh"),
]  # fmt: skip


@pytest.mark.parametrize("activation", RIGHT)
def test_every_kind_of_activation_is_opened(activation):
    with check.silently():
        check.block(lambda x: layers.Conv2D(6, 5, activation=activation)(x), like=C1)
        check.block(lambda x: layers.Activation(activation)(layers.Conv2D(6, 5)(x)), like=C1)


@pytest.mark.parametrize(
    "activation, says",
    [
        (layers.ReLU, 'activation is the class ReLU; write "relu" or layers.ReLU().'),
        (layers.PReLU, "activation is the class PReLU; write layers.PReLU()."),
        (Squash, "activation is the class Squash; write Squash()."),
    ],
)
def test_a_class_in_the_place_of_an_activation(activation, says):
    assert says in of_model(lambda x: layers.Conv2D(6, 5, activation=activation)(x)).message
    assert says in of_model(lambda x: layers.Activation(activation)(x)).message


def test_an_own_layer_without_a_config_is_read():
    class Convolution(layers.Conv2D):
        def __init__(self, maps):
            super().__init__(maps, 5, activation=Squash())

        def get_config(self):
            raise NotImplementedError

    with check.silently():
        check.block(lambda x: Convolution(6)(x), like=C1)


def test_a_layer_whose_call_is_indented_too_far():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.convolution = layers.Conv2D(6, 5)

            def call(self, x):
                return self.convolution(x)

    class Network(keras.Model):
        pass

    for build in (lambda x: Block()(x), lambda x: keras.Sequential([Block()])(x)):
        text = of_model(build).message
        assert "the class Block has no call(). Begin `def call` in the column of `def" in text
    assert "the class Network has no call()" in failed(check.model, Network, like=LENET5).message


def test_a_class_that_does_not_begin_its_parent():
    class Network(keras.Model):
        def __init__(self):
            self.flat = layers.Flatten()

        def call(self, x):
            return self.flat(x)

    text = failed(check.model, Network, like=LENET5).message
    assert "super().__init__() should be the first line of __init__" in text


@pytest.mark.parametrize("kind", [layers.Conv2D, layers.DepthwiseConv2D, layers.MaxPooling2D])
def test_padding_in_numbers(kind):
    size = (6, 5) if kind is layers.Conv2D else (2,)
    for padding in (0, 1, (1, 1)):
        text = of_model(lambda x, p=padding: kind(*size, padding=p)(x)).message
        assert f"padding={padding} is PyTorch's way. In Keras it is a word" in text
    assert of_model(lambda x: layers.ZeroPadding2D(padding=1)(x)).row == "C1"


@pytest.mark.parametrize("kind", [layers.BatchNormalization, layers.LayerNormalization])
def test_a_number_of_maps_for_an_axis(kind):
    for rest in ({"axis": 64}, {}):
        given = () if rest else (64,)
        text = of_model(lambda x, g=given, r=rest: kind(*g, **r)(layers.Conv2D(64, 3)(x))).message
        said = f"layers.{kind.__name__}(64) means axis=64, and there is no such axis."
        assert said in text and f"write layers.{kind.__name__}() (line " in text
        assert "IndexError" not in text
    for axis in (-1, 3):
        assert of_model(lambda x, a=axis: kind(axis=a)(x)).cause is not Cause.RAISES


def test_a_number_of_classes_for_an_axis():
    text = of_model(lambda x: layers.Softmax(10)(layers.Dense(10)(layers.Flatten()(x)))).message
    assert "sees itself how many maps or classes there are: write layers.Softmax()" in text


WINDOWS = {
    "convolution": (layers.Conv2D(5, 40), "40 × 40"),
    "kernel and maps swapped": (layers.Conv2D(5, 64), "64 × 64"),
    "pool": (layers.MaxPooling2D(33), "33 × 33"),
    "average": (layers.AveragePooling2D((40, 2), 1), "40 × 2"),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_larger_than_its_map(name):
    layer, window = WINDOWS[name]
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.model(lambda: keras.Sequential([keras.Input((32, 32, 1)), layer]), like=LENET5)
    (first, *_, last) = caught.value.findings
    assert first.row == "C1" and "C1 gives" not in first.message
    said = f"The map is 32 × 32 here, and the window is {window}. Look at what comes before"
    assert last.cause is Cause.RAISES and said in last.message
    swapped = "Conv2D takes the number of maps first, then the kernel (line " in last.message
    assert swapped == isinstance(layer, layers.Conv2D)


def test_a_layer_that_is_added_is_not_blamed():
    pool = layers.MaxPooling2D(5)

    def build():
        model = keras.Sequential([keras.Input((32, 32, 1))])
        for _ in range(3):
            model.add(pool)
        return model

    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.model(build, like=LENET5)
    assert not any("not called" in found.message for found in caught.value.findings)
    assert "The map is 1 × 1 here" in caught.value.findings[-1].message


@pytest.mark.parametrize("images", [None, 8])
def test_the_number_of_images_in_an_input(images):
    def build():
        image = keras.Input((images, 32, 32, 1))
        return keras.Model(image, layers.Conv2D(6, 5)(image))

    text = failed(check.model, build, like=LENET5).message
    assert "keras.Input takes the shape of one image, 32 × 32 × 1 here." in text


@pytest.mark.parametrize("layer", [layers.Conv2D(6, 5), layers.MaxPooling2D(2)])
def test_an_image_without_channels(layer):
    def build():
        image = keras.Input((32, 32))
        return keras.Model(image, layer(image))

    text = failed(check.model, build, like=LENET5).message
    assert "height, width and channels, and here comes 32 × 32. An image has channels, too" in text


def test_a_model_that_was_made_for_another_input():
    def made_for(*shape):
        image = keras.Input(shape)
        model = keras.Model(image, layers.Conv2D(6, 5)(image))
        return lambda x: model(layers.Conv2D(6, 5)(x))

    text = of_model(made_for(24, 24, 6)).message
    assert "was made for an input of 24 × 24 × 6, and here comes 28 × 28 × 6. Make it" in text
    text = of_model(made_for(None, None, 3)).message
    assert "was made for an input of 3 maps, and here come 6. Make it for that number" in text


# --- lines


def helper(x):
    return layers.Conv2D(6)(x)


def test_an_error_in_a_helper_shows_the_calling_line_too():
    def build(x):
        y = helper(x)
        return layers.Flatten()(y)

    here = build.__code__.co_firstlineno + 1
    text = of_model(build).message
    assert f"(line {helper.__code__.co_firstlineno + 1}: return layers.Conv2D(6)(x), " in text
    assert f"called in line {here}: y = helper(x))" in text


STOPS = [
    lambda x: json.loads("{"),
    lambda x: re.compile("("),
    lambda x: functools.reduce(lambda a, b: a + b, [1, "a"]),
    lambda x: ops.reshape(x, (3, 5)) @ x,
    lambda x: layers.Conv2D(6, 5)(layers.Flatten()(x)),
]


@pytest.mark.parametrize("inside", STOPS)
def test_the_line_is_the_students(inside):
    text = of_model(inside).message
    number = inside.__code__.co_firstlineno
    assert f"(line {number}: lambda x: " in text


def test_whose_code_it_is():
    assert is_own(__file__) and not is_own(json.__file__) and not is_own(keras.__file__)
    assert not is_own(check.__file__) and not is_own("<string>") and not is_own("h5py/h5f.pyx")


def test_of_keras_s_long_errors_the_reason_stays():
    class Inner(layers.Layer):
        def call(self, x):
            raise ValueError("\x1b[1mThe \x1b[0mreason. " + "Much text. " * 200 + "What to do.")

    text = of_model(lambda x: Inner()(x)).message
    assert "ValueError: The reason. Much" in text and "… What to do (line " in text
    assert "Arguments received" not in text and "Exception encountered" not in text
    assert len(text) < 600


# --- a stub


def of_tensorflow(x):
    return tf.concat([x, x], axis=-1)


def of_numpy_in_a_layer(x):
    class Own(layers.Layer):
        def call(self, x):
            return np.tanh(x)

    return Own()(x)


def each_by_itself(x):
    return layers.Concatenate()(x, x)


def of_a_size_that_is_open(x):
    return ops.concatenate([x, ops.zeros((x.shape[0], 32, 32, 1))])


def of_a_model(x):
    return keras.Sequential([layers.Flatten()])


def of_one_layer_for_two(x):
    conv = layers.Conv2D(6, 3)
    return conv(conv(x))


def of_a_vector_too_early(x):
    return layers.MaxPooling2D(2)(layers.Flatten()(x))


def of_a_convolution_too_late(x):
    return layers.Conv2D(6, 3)(layers.Flatten()(x))


def of_too_many(x):
    for _ in range(sys.getrecursionlimit()):
        x = layers.ReLU()(x)
    return x


def of_another_input(x):
    return layers.Flatten()(keras.Input((32, 32, 1)))


def of_no_outputs(x):
    return keras.Model(x)


def of_itself(x):
    return of_itself(x)


@pytest.mark.parametrize(
    "inside, says",
    [
        (of_too_many, "So many layers stand one after the other that Keras cannot connect them."),
        (of_another_input, "the outputs that keras.Model gets were not made from its inputs."),
        (of_no_outputs, "keras.Model(inputs, outputs) needs both."),
        (of_itself, "RecursionError: maximum recursion depth exceeded"),
        (of_tensorflow, "TensorFlow's functions do not take the tensors of a network."),
        (of_numpy_in_a_layer, "NumPy and math take numbers only"),
        (each_by_itself, "A layer that merges takes its tensors in one list: layers.Add()([a, b])"),
        (of_a_size_that_is_open, "A size is None here: the number of images is not known"),
        (of_a_model, "keras.Model(inputs, outputs) takes tensors and was given a model."),
        (
            of_one_layer_for_two,
            "This layer was called before, and its weights were made for tensors whose last side "
            "is 1. Here it is 6. A new layer is needed here",
        ),
        (of_a_vector_too_early, "Convolutions and pools take maps, and here comes a vector."),
        (of_a_convolution_too_late, "Convolutions and pools take maps, and here comes a vector."),
    ],
)
def test_of_keras_s_other_errors_what_to_do(inside, says):
    text = of_model(inside).message
    assert text.startswith(f"Your code stops with an error: {says}") and "(line " in text


def of_a_vector(values):
    return ops.convert_to_tensor(values) @ ops.ones((2,))


def of_no_images(values):
    return keras.Sequential([keras.Input((2,)), layers.Flatten()]).predict(values[:0], verbose=0)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="texts of TensorFlow")
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    "function, says",
    [
        (of_a_vector, "@ multiplies TensorFlow's tensors by matrices, not by a vector."),
        (of_no_images, "predict() was given no images"),
    ],
)
def test_of_tensorflow_s_errors_what_to_do(function, says):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.function(function, [np.ones((3, 4, 2), "float32")], gives=[0])
    (found,) = caught.value.findings
    assert found.message.startswith(f"Your code stops with an error: {says}")


def test_a_long_line_is_shortened(tmp_path):
    file = tmp_path / "answer.py"
    file.write_text(f"x = 1\n    x = {'1 + ' * 40}1\n")
    assert in_line((str(file), 1)) == "line 1: x = 1"
    shown = in_line((str(file), 2))
    assert shown.startswith("line 2: x = 1 + 1") and shown.endswith("1 +…") and len(shown) == 128


def test_a_stub_that_was_left_beside_an_answer():
    def before(x):
        """What it does."""
        raise NotImplementedError()
        return layers.Conv2D(6, 5, activation="tanh")(x)

    def behind(x):
        x = layers.Conv2D(6, 5, activation="tanh")(x)
        raise NotImplementedError

    def untouched(x):
        """What it does."""
        # YOUR CODE HERE
        raise NotImplementedError()

    def on_purpose(x):
        if x.shape[-1] != 3:
            raise NotImplementedError("colours only")

    for answer, below in ((before, 2), (behind, 2)):
        for found in (
            failed(check.block, answer, like=C1),
            failed(check.function, answer, [keras.Input((32, 32, 1))], gives=[3]),
        ):
            number = answer.__code__.co_firstlineno + below
            assert found.cause is Cause.RAISES
            assert "raise NotImplementedError is still in your answer. Delete that line" in (
                found.message
            )
            assert f"(line {number}: raise NotImplementedError" in found.message
    found = failed(check.block, untouched, like=C1)
    assert found.cause is Cause.NOT_ANSWERED and "Fill in the cell above and run it." in (
        found.message
    )
    found = failed(check.block, lambda x: layers.ReLU()(untouched(x)), like=C1)
    assert found.cause is Cause.NOT_ANSWERED
    assert "Your answer calls untouched(). Fill that in, and run its cell." in found.message
    assert "colours only" in failed(check.block, on_purpose, like=C1).message
