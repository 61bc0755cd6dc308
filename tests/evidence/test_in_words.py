"""What a library's error means in a student's code, as a check says it."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from course.diagnosis import Cause
from course.evidence import weightless
from tests.evidence.test_blame import of_model

L = layers


def without_return(x):
    L.Conv2D(6, 5)(x)


def of_parts(*parts):
    """A step that hands its input to a Sequential of these parts."""
    return lambda x: keras.Sequential([L.Flatten(), *parts])(x)


#: {the text that is told: code that stops with a library's error}
SAID = {
    # what a layer gets in its parentheses
    "AveragePooling2D needs a value for 'pool_size'": lambda x: L.AveragePooling2D()(x),
    "Conv2D needs a value for 'kernel_size'": lambda x: L.Conv2D(6)(x),
    "Dense gets activation twice, once by its place": lambda x: L.Dense(
        9, "relu", activation="relu"
    )(x),
    "Conv2D has no argument stride. Is strides meant?": lambda x: L.Conv2D(6, 5, stride=1)(x),
    "Conv2D has no argument bias. Is use_bias meant?": lambda x: L.Conv2D(6, 5, bias=True)(x),
    "MaxPooling2D has no argument kernel_size. Is pool_size meant?": (
        lambda x: L.MaxPooling2D(kernel_size=2)(x)
    ),
    "ReLU has no argument inplace (line": lambda x: L.ReLU(inplace=True)(x),
    "Model has no argument input. Is inputs meant?": lambda x: keras.Model(input=x, output=x),
    "64 stands where the activation should": lambda x: L.Activation(64)(x),
    "Keras knows no activation sofmax. Is softmax meant?": lambda x: L.Dense(9, "sofmax")(x),
    "Keras knows no activation ReLU. Is relu meant?": lambda x: L.Activation("ReLU")(x),
    "Keras knows no activation xyz (line": lambda x: L.Activation("xyz")(x),
    "7 is not needed here. The layer sees the size": lambda x: L.GlobalAveragePooling2D(7)(x),
    "64 is not needed here. The layer sees the size": lambda x: L.Flatten(64)(x),
    "is 1. Received: full": lambda x: L.Conv2D(6, 5, padding="full")(x),
    "is 1. Received: 1": lambda x: L.MaxPooling2D(2, 2, 1)(x),
    'Write "same" after the name of its argument': lambda x: L.Conv2D(6, 5, "same")(x),
    "3.0 is no whole number. In Python, / gives": lambda x: L.Conv2D(6 / 2, 5)(x),
    "keras.Input((height, width, channels))": lambda x: keras.Input(32, 32, 1),
    "such as 0.5. Received: 50": lambda x: L.Dropout(50)(x),
    "so 32 × 32 × 1 cannot become (7,)": lambda x: L.Reshape((7,))(x),
    "so 32 × 32 × 1 cannot become (-1, 7)": lambda x: L.Reshape((-1, 7))(x),
    "6 maps come in, which cannot be divided into 4 equal groups": (
        lambda x: L.Conv2D(8, 1, groups=4)(L.Conv2D(6, 5)(x))
    ),
    "9 maps cannot be divided into 2 equal groups": (
        lambda x: L.Conv2D(9, 1, groups=2)(L.Conv2D(6, 5)(x))
    ),
    "a side of 32 cannot be split into 3 equal parts": lambda x: ops.split(x, 3, axis=1),
    "Maps lie on the last axis: x[..., a:b]": lambda x: L.Conv2D(6, 5)(x)[:3],
    # code of older versions of Keras, as it stands on the web
    "Conv2D has no argument border_mode. Is padding meant?": (
        lambda x: L.Conv2D(6, 5, border_mode="same")(x)
    ),
    "the optimizer has no argument lr. Is learning_rate meant?": (
        lambda x: keras.optimizers.SGD(lr=0.1)
    ),
    'a name cannot contain "/" in Keras. Received: conv1/7x7. Write "_"': (
        lambda x: L.Conv2D(6, 5, name="conv1/7x7")(x)
    ),
    'take "same" and "valid" in small letters only. Received: SAME': (
        lambda x: L.MaxPooling2D(2, padding="SAME")(x)
    ),
    "Where nothing should happen, write layers.Identity()": lambda x: keras.Sequential()(x),
    # what it is called on
    "Those for images end in 2D": lambda x: L.MaxPooling1D(2)(x),
    "names end in 1D or 3D do not take images": lambda x: L.Conv1D(6, 5)(x),
    "here comes one long vector for all images": lambda x: L.Dense(9)(ops.reshape(x, (-1,))),
    "takes one tensor, and here come 2": lambda x: L.Flatten()([x, x]),
    "here come 32 × 32 × 1 and 30 × 30 × 1": lambda x: L.Add()([x, L.MaxPooling2D(3, 1)(x)]) + (
        L.Flatten(64)(x)
    ),
    "relu is a function that was not called on a tensor": lambda x: L.Flatten()(ops.relu),
    "layers.InputLayer is no tensor.": lambda x: L.Flatten()(L.InputLayer((32, 32, 1))),
    "and features is a layer or a model.": (
        lambda x: L.Flatten()(keras.Sequential([L.ReLU()], name="features"))
    ),
    "A function that ends without return gives None": lambda x: L.Flatten()(without_return(x)),
    "a tensor is needed here. Received: 9": lambda x: L.Flatten()(9),
    # a Sequential
    "Sequential takes layers, and ReLU is a class: write ReLU()": of_parts(L.ReLU),
    "and relu is a function: write layers.Activation(relu)": of_parts(ops.relu),
    "in one list: Sequential([a, b]). Received: relu": of_parts("relu"),
    "in one list: Sequential([a, b]). Received: ReLU": (
        lambda x: keras.Sequential(L.Flatten(), L.ReLU())(x)
    ),
    "has no .output in Keras 3. Write .outputs[0]": (
        lambda x: keras.Sequential([keras.Input((4,)), L.Dense(3)]).output
    ),
    # Python
    "what stands before .shape is None.": lambda x: without_return(x).shape,
    "a tensor should. A function that ends without return": lambda x: without_return(x) + x,
    "shapes 32 × 32 × 1 and 30 × 30 × 1 do not fit together": lambda x: x - L.MaxPooling2D(3, 1)(x),
    "None stands in a calculation here.": lambda x: L.Dense(x.shape[0] * 9)(x),
    "None stands where a whole number should.": lambda x: ops.add(x, np.zeros(x.shape)),
    "the tensors of a network have no flatten.": lambda x: x.flatten(),
    "the tensors of a network have no values yet": lambda x: x if x > 0 else -x,
    "a loop cannot run over a tensor of a network.": lambda x: list(x),
    "keras.layers has no Conv2d. Is Conv2D meant?": lambda x: L.Conv2d(6, 5)(x),
    "keras.backend has no relu (line": lambda x: keras.backend.relu(x),
    # PyTorch's order
    "layers.Conv2D(1, 6, 5, …) is PyTorch's order.": lambda x: L.Conv2D(1, 6, 5)(x),
    "layers.Conv2D(3, 64, 7, …) is PyTorch's order.": lambda x: L.Conv2D(3, 64, 7)(x),
    "layers.Conv2D(1, 6, …) is PyTorch's order.": lambda x: L.Conv2D(1, 6, kernel_size=5)(x),
    "layers.Dense(400, 120, …) is PyTorch's order.": lambda x: L.Dense(400, 120)(x),
}  # fmt: skip


@pytest.mark.parametrize("says", SAID)
def test_what_an_error_means(says):
    found = of_model(SAID[says])
    assert found.cause is Cause.RAISES and says in found.message and "(line " in found.message
    assert "Error: " not in found.message and "Received: <" not in found.message


@pytest.mark.parametrize(
    "numbers", [(768, 16, 16), (96, 4, 4), (96, 11, 4), (64, 7, 2), (64, 1, 2), (3, 64, 1)]
)
def test_the_order_of_keras_is_not_blamed(numbers):
    with weightless():
        assert L.Conv2D(*numbers).filters == numbers[0]


def test_a_layer_that_does_not_begin_its_parent():
    class Own(L.Layer):
        def __init__(self):
            self.dense = L.Dense(3)

        def call(self, x):
            return self.dense(x)

    text = of_model(lambda x: keras.Sequential([L.Flatten(), Own()])(x)).message
    assert "super().__init__() should be the first line of __init__" in text
