"""Batch normalisation by hand: right as Keras is right, and each usual mistake by its name."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers, ops

from course import check
from course.check import normalised
from course.check.normalised import _MISTAKES, _MODES

RIGHT = {mode: [right for right, _ in parts.values()] for mode, (_, parts) in _MODES.items()}


def drawn(mode, maps=3):
    return _MODES[mode][0](np.random.default_rng(), maps=maps)


def answers(mode, changed=None):
    """The right function of a mode, with {part number: {keyword: wrong value}}."""

    def made(*case):
        parts = [right(*case, **(changed or {}).get(n, {})) for n, right in enumerate(RIGHT[mode])]
        return tuple(parts) if len(parts) > 1 else parts[0]

    return made


def said(function, *cases, mode):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.batch_norm(function, *cases, mode=mode, seed=None)
    return caught.value


def near(got, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-4, atol=1e-5)


# --- the right numbers


def keras_layer(case, momentum=0.99):
    x, gamma, beta, mean, variance, *_, epsilon = case
    layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
    layer.build(np.shape(x))
    layer.set_weights([gamma, beta, mean, variance])
    return layer


def test_training_is_what_keras_computes():
    case = drawn("training")
    layer = keras_layer(case, momentum=case[5])
    y = layer(case[0], training=True)
    for got, right in zip([y, *layer.get_weights()[2:]], RIGHT["training"], strict=True):
        near(got, right(*case))


def test_use_is_what_keras_computes():
    case = drawn("use")
    near(keras_layer(case)(case[0], training=False), normalised.in_use(*case))


def test_a_folded_convolution_is_the_two_layers():
    kernel, bias, gamma, beta, mean, variance, epsilon = case = drawn("folding")
    image = np.random.default_rng().normal(size=(2, 7, 6, kernel.shape[2]))
    two = keras.Sequential(
        [layers.Conv2D(len(bias), 3), layers.BatchNormalization(epsilon=epsilon)]
    )
    one = keras.Sequential([layers.Conv2D(len(bias), 3)])
    for model in (two, one):
        model.build(image.shape)
    two.set_weights([kernel, bias, gamma, beta, mean, variance])
    one.set_weights([normalised.folded_kernel(*case), normalised.folded_bias(*case)])
    near(one(image), two(image, training=False))


@pytest.mark.parametrize("mode", _MODES)
def test_right_numbers_pass_in_any_dress(mode, capsys):
    right = answers(mode)
    small = lambda *case: right(*(np.asarray(value, "float32") for value in case))  # noqa: E731
    tensors = lambda *case: keras.tree.map_structure(ops.convert_to_tensor, small(*case))  # noqa: E731
    for function in (right, small, tensors):
        assert check.batch_norm(function, drawn(mode), mode=mode) is None
    assert capsys.readouterr().out.count("is right.") == 3


# --- mistakes

EACH = [
    pytest.param(
        mode, number, {key: wrong}, sentence, id=f"{mode}-{right.__name__}-{sentence[:30]}"
    )
    for mode, functions in RIGHT.items()
    for number, right in enumerate(functions)
    for key in right.__kwdefaults__
    for wrong, sentence in _MISTAKES[key]
]


@pytest.mark.parametrize("mode, number, changed, sentence", EACH)
def test_a_usual_mistake_is_named(mode, number, changed, sentence):
    error = said(answers(mode, {number: changed}), mode=mode)
    (found,) = error.findings
    assert found.row == list(_MODES[mode][1])[number]
    assert found.message.startswith(f"{found.row}: The value is not right. {sentence} ")


def test_the_numbers_are_the_same_each_time_unless_others_are_asked_for():
    seen = []

    def look(*case):
        seen.append(case[0].tolist())
        return normalised.in_use(*case)

    with check.silently():
        for seed in (0, 0, None, None):
            check.batch_norm(look, mode="use", seed=seed)
    assert seen[:2] == seen[2:4] and len({str(case) for case in seen[2:]}) == 6


def test_every_mistake_can_be_made():
    keys = {key for functions in RIGHT.values() for f in functions for key in f.__kwdefaults__}
    assert keys == _MISTAKES.keys()


def test_two_mistakes_at_once_are_both_named():
    for (one, one_wrong), (two, two_wrong) in pairwise(
        [(key, _MISTAKES[key][0]) for key in normalised.in_training.__kwdefaults__ if key != "own"]
    ):
        changed = {one: one_wrong[0], two: two_wrong[0]}
        text = str(said(answers("training", {0: changed}), mode="training"))
        assert one_wrong[1] in text and two_wrong[1] in text


def test_other_numbers_get_the_formula():
    text = str(said(lambda *case: normalised.in_use(*case) + 0.01, mode="use"))
    assert "y: The value is not right. y = γ · (x − mean) / √(variance + ε) + β. The first" in text


def test_the_parts_are_judged_one_by_one():
    wrong = {1: {"blend": _MISTAKES["blend"][0][0]}, 2: {"sample": True}}
    error = said(answers("training", wrong), mode="training")
    assert [found.row for found in error.findings] == ["mean", "variance"]
    assert "The momentum is the wrong way round" in error.findings[0].message
    assert "variance of a sample" in error.findings[1].message


@pytest.mark.parametrize("value", [None, 3, [1, 2], [[], [], []], ["a", None, {}], np.zeros(3)])
def test_anything_else_is_a_wrong_answer(value):
    for mode in _MODES:
        error = said(lambda *case, value=value: value, mode=mode)
        assert error.findings and "Traceback" not in str(error)


def test_only_y_in_training():
    text = str(said(lambda *case: normalised.in_training(*case), mode="training"))
    assert "It should be a tuple (y, mean, variance). Received: [[[[" in text


def test_statistics_of_a_wrong_shape():
    def per_image(x, gamma, beta, mean, variance, epsilon):
        return gamma * (x - x.mean((1, 2))) / x.std((1, 2)) + beta

    text = str(said(per_image, mode="use"))
    assert "ValueError: operands could not be broadcast" in text
    assert "The first argument was 4 × 5 × 6 × 2, the second 2. Means, variances" in text
