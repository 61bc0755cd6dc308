"""Activations written as formulas are the activations; what only looks like one is not."""

import keras
import pytest
from keras import layers, ops

from course import check
from course.anatomy import anatomy
from course.architectures.lenet import LENET5, LENET5_1998

C1 = LENET5.part("C1", input_shape=(32, 32, 1))
S2 = LENET5_1998.part("S2_mean", "S2", input_shape=(28, 28, 6))


def quotient(a):
    return (ops.exp(a) - ops.exp(-a)) / (ops.exp(a) + ops.exp(-a))


def of_double(a):
    e = ops.exp(2 * a)
    return (e - 1) / (e + 1)


TANH = [
    quotient,
    of_double,
    lambda a: 1 - 2 / (ops.exp(2 * a) + 1),
    lambda a: 2 * ops.sigmoid(2 * a) - 1,
    lambda a: ops.sinh(a) / ops.cosh(a),
    lambda a: -ops.expm1(-2 * a) / (1 + ops.exp(-2 * a)),
    lambda a: ops.sign(a) * (1 - 2 / (ops.exp(2 * ops.abs(a)) + 1)),
    lambda a: ops.tanh(a / 2) * 2 / (1 + ops.square(ops.tanh(a / 2))),
]


@pytest.mark.parametrize("tanh", TANH)
def test_tanh_as_a_formula(tanh):
    def subsample(x):
        x = layers.DepthwiseConv2D(1)(layers.AveragePooling2D(2)(x))
        return 1.7159 * tanh(2 / 3 * x)

    with check.silently():
        check.block(lambda x: tanh(layers.Conv2D(6, 5)(x)), like=C1)
        check.block(lambda x: layers.Conv2D(6, 5, activation=tanh)(x), like=C1)
        check.block(subsample, like=S2)
        with pytest.raises(check.CheckFailed):
            check.block(lambda x: tanh(layers.Conv2D(6, 5)(x)) * 1.01, like=C1)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a / (1 + ops.abs(a)),
        lambda a: a / ops.sqrt(1 + ops.square(a)),
        lambda a: ops.maximum(ops.minimum(a, 1), -1),
        lambda a: quotient(a) + 0.001,
        lambda a: quotient(1.01 * a),
        lambda a: (ops.exp(a) - ops.exp(-a)) / 2,
        lambda a: ops.exp(a) / (ops.exp(a) + 1),
        lambda a: quotient(a) * ops.tanh(a),
        lambda a: a - a,
        lambda a: (a / 255 - 0.1307) / 0.3081,
        lambda a: (a + 3) * 2 - 6 + a,
    ],
)
def test_what_is_not_tanh(function):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.block(lambda x: function(layers.Conv2D(6, 5)(x)), like=C1)
    assert caught.value.findings


@pytest.mark.parametrize(
    "function, name",
    [
        (lambda a: 1 / (1 + ops.exp(-a)), "sigmoid"),
        (lambda a: 0.5 * (1 + ops.tanh(0.5 * a)), "sigmoid"),
        (lambda a: (a + ops.abs(a)) / 2, "relu"),
        (lambda a: a * ops.sigmoid(a), "silu"),
        (lambda a: 3 * quotient(a / 2), "× 0.5, tanh, × 3"),
    ],
)
def test_other_functions(weightless, function, name):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Flatten()(function(layers.Conv2D(2, 3)(inputs))))
    (step,) = anatomy(model)
    assert step.activation == name and step.parameters == 20


def test_a_sum_of_a_tensor_with_itself_stays_a_sum(weightless):
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(2, 3)(inputs)
    assert [step.step for step in anatomy(keras.Model(inputs, x + x))] == ["conv", "add"]
