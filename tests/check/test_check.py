"""Checks as a notebook calls them: what passes, what fails, and what a student then reads."""

import gc
import html
import math
import re
import warnings
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers, ops
from markdown_it import MarkdownIt

from course import check
from course.architectures import conv
from course.architectures.alexnet import ALEXNET
from course.architectures.googlenet import INCEPTION_NAIVE
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998
from course.architectures.resnet import RESNET34, cifar
from course.architectures.vgg import VGG16
from course.diagnosis import Cause
from course.evidence import values


def lenet5(input_shape=(32, 32, 1), classes=10):
    image = keras.Input(input_shape)
    x = layers.Conv2D(6, 5, activation="tanh")(image)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(x))


def stubborn(input_shape=(32, 32, 1), classes=10):
    """Hears neither of its arguments."""
    return lenet5()


def fails(cause, checking, *args, **kwargs):
    """The check fails for that cause; returns what the student reads."""
    with pytest.raises(AssertionError) as caught:
        checking(*args, **kwargs)
    error = caught.value
    assert isinstance(error, check.CheckFailed)
    assert error.findings[0].cause is cause, str(error)
    assert "Traceback" not in str(error) and "keras_tensor" not in str(error)
    for item in error.findings:
        assert item.message in str(error)
        assert html.escape(item.message) in error.card._repr_html_()
    return str(error)


def passes(capsys, checking, *args, **kwargs):
    """The check returns None and prints one line; returns that line."""
    assert checking(*args, **kwargs) is None
    out, err = capsys.readouterr()
    assert err == "" and out.count("\n") == 1 and out.startswith("✓ ")
    return out.strip()


# --- models --------------------------------------------------------------------------------------


def test_a_right_model(capsys):
    line = passes(capsys, check.model, lenet5, like=LENET5)
    assert line == "✓ lenet5 is LeNet-5: 61,706 trained parameters, 416,520 MACs."


def test_a_model_itself_in_place_of_its_builder(capsys):
    passes(capsys, check.model, lenet5(), like=LENET5)


def test_hidden_arguments(capsys):
    passes(capsys, check.model, lenet5, classes=17, like=LENET5)
    passes(capsys, check.model, lenet5, input_shape=(40, 36, 3), classes=3, like=LENET5)
    text = fails(Cause.CLASSES, check.model, stubborn, classes=17, like=LENET5)
    assert "stubborn(classes=17)" in text
    assert "It has 10 outputs. It needs 17, one for each class." in text
    text = fails(Cause.INPUT_SHAPE, check.model, stubborn, input_shape=(36, 36, 1), like=LENET5)
    assert "begins with 32 × 32 × 1, it should begin with 36 × 36 × 1" in text


def test_the_first_wrong_row(capsys):
    def with_wrong_c3():
        x = image = keras.Input((32, 32, 1))
        for layer in (
            layers.Conv2D(6, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 3, activation="tanh"),
        ):
            x = layer(x)
        return keras.Model(image, x)

    text = fails(Cause.KERNEL, check.model, with_wrong_c3, like=LENET5)
    headline, *lines = text.splitlines()
    assert headline == "✗ with_wrong_c3: C3 is not right."
    assert lines[0].startswith("  C3 gives 12 × 12 × 16")  # the reason first, then where
    assert [line.split()[:2] for line in lines[1:]] == [["✓", "C1"], ["✓", "S2"], ["✗", "C3"]]
    assert "C3 gives 12 × 12 × 16, the table has 10 × 10 × 16. The kernel is 3 × 3" in text
    assert capsys.readouterr().out == ""


def test_a_late_mistake_has_a_short_card():
    """The reason, the last three rows that are right, and the others folded."""

    def other_end():
        x = image = keras.Input((224, 224, 3))
        for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D(2)(x)
        x = layers.GlobalMaxPooling2D()(x)
        return keras.Model(image, layers.Dense(4096, activation="relu")(x))

    with pytest.raises(check.CheckFailed) as caught:
        check.model(other_end, like=VGG16)
    headline, reason, above, *rows = str(caught.value).splitlines()
    assert headline.startswith("✗ other_end: fc6 is not right") and "max" in reason
    assert above == "  ✓ 15 rows above"
    assert [row.split()[:2] for row in rows] == [
        ["✓", "conv5_2"], ["✓", "conv5_3"], ["✓", "pool5"], ["✗", "fc6"],
    ]  # fmt: skip
    page = caught.value.card._repr_html_()
    assert "✓</span> 15 rows above</summary>" in page
    assert page.index("<p ") < page.index("<details>") < page.index("conv5_3")


def contrast(one, other):
    """The contrast of two colours, as WCAG 2 counts it."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(light, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#f5f5f5", "#111111", "#212121", "#383838"])
def test_marks_are_seen_on_light_and_dark_pages(page):
    cards = [check.Card("x", [])]
    for wrong in (3, None):
        with pytest.raises(check.CheckFailed) as caught:
            check.value(wrong, 4)
        cards.append(caught.value.card)
    assert [card.state for card in cards] == ["right", "wrong", "open"]
    for shown in (card._repr_html_() for card in cards):
        colours = set(re.findall("#[0-9a-f]{6}", shown))
        assert colours and all(contrast(colour, page) >= 3 for colour in colours)
        # Text keeps the page's colour: the mark is the only thing that is coloured.
        assert len(re.findall(r"[; \"]color:", shown)) == 1


def stub():
    raise NotImplementedError


def gives(value):
    def build():
        return value

    return build


def last_tensor():
    return layers.Dense(10)(keras.Input((4,)))


def filters_forgotten():
    image = keras.Input((32, 32, 1))
    x = layers.Conv2D(6)(image)
    return keras.Model(image, x)


def divides():
    image = keras.Input((32, 32, 1))
    return keras.Model(image, layers.Dense(1 // 0)(image))


def helped():
    return stub_helper(3)


def stub_helper(number):
    return number.missing_method()


def leaves():
    raise SystemExit(0)


def unbuilt():
    return keras.Sequential([layers.Dense(3)])


def no_image():
    return keras.Sequential([keras.Input((32, 32)), layers.Dense(3)])


@pytest.mark.parametrize(
    "builder, cause, says",
    [
        (stub, Cause.NOT_ANSWERED, "There is no answer yet. Fill in the cell above and run it."),
        (None, Cause.NOT_ANSWERED, "There is no answer yet."),
        ("lenet", Cause.NO_MODEL, "Received: a str"),
        (gives(None), Cause.NO_MODEL, "Received: None (is the return missing?)"),
        (gives(3), Cause.NO_MODEL, "Received: an int"),
        (gives(layers.Dense), Cause.NO_MODEL, "Dense"),
        (last_tensor, Cause.NO_MODEL, "return keras.Model(inputs, outputs)"),
        (filters_forgotten, Cause.RAISES, "x = layers.Conv2D(6)(image)"),
        (filters_forgotten, Cause.RAISES, "Conv2D needs a value for 'kernel_size'"),
        (divides, Cause.RAISES, "layers.Dense(1 // 0)(image)"),
        (helped, Cause.RAISES, "return number.missing_method()"),
        (leaves, Cause.RAISES, "SystemExit"),
        (lambda x: x, Cause.UNUSABLE, "takes x. Nothing is given for x."),
        (no_image, Cause.UNREADABLE, "an image (height, width, channels) with fixed sizes"),
    ],
)
def test_what_is_no_model(builder, cause, says):
    assert says in fails(cause, check.model, builder, like=LENET5)


def other_names(shape, num_classes=10):
    return lenet5(shape, num_classes)


class OwnModel(keras.Model):
    def __init__(self, classes=10):
        super().__init__()
        self.dense = layers.Dense(classes)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("builder, says", [
    (lambda: lenet5(), "takes no arguments. Give it arguments of the names input_shape and"),
    (lambda classes: lenet5(), "takes classes. Give it an argument of the name input_shape"),
    (other_names, "takes shape and num_classes. Give it arguments of the names input_shape and"),
    (partial(other_names, num_classes=3), "calls other_names(input_shape=(48, 40, 3), classes=17)"),
    (OwnModel, "OwnModel takes classes. Give it an argument of the name input_shape"),
    (lambda input_shape, classes, width: lenet5(), "Nothing is given for width"),
])  # fmt: skip
def test_a_builder_that_does_not_take_what_the_check_gives(builder, says):
    asked = {"input_shape": (48, 40, 3), "classes": 17, "like": LENET5}
    text = fails(Cause.UNUSABLE, check.model, builder, **asked)
    assert says in text and "this check calls" in text


def test_a_block_that_takes_no_tensor():
    part = LENET5.part("C1", input_shape=(32, 32, 1))
    text = fails(Cause.UNUSABLE, check.block, lambda: 3, like=part)
    assert "this check calls <lambda>(x), and <lambda> takes no arguments" in text


def test_a_wrong_call_inside_a_builder_is_pythons_error():
    def builder():
        return other_names()

    text = fails(Cause.RAISES, check.model, builder, like=LENET5)
    assert "missing 1 required positional argument: 'shape'" in text


def test_a_model_for_any_size_is_read_at_the_table_s_size():
    def any_size():
        return keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(6, 5)])

    text = fails(Cause.ACTIVATION_MISSING, check.model, any_size, like=LENET5)
    assert "C1 convolution 5 × 5, tanh 28 × 28 × 6" in text


def test_an_ellipsis_is_no_answer_yet():
    fails(Cause.NOT_ANSWERED, check.model, ..., like=LENET5)


def test_a_line_is_named_with_its_number():
    text = fails(Cause.RAISES, check.model, divides, like=LENET5)
    number = divides.__code__.co_firstlineno + 2
    assert f"ZeroDivisionError: integer division or modulo by zero (line {number}: " in text


def test_an_unbuilt_sequential_is_built_on_the_tables_input():
    assert "32 × 32 × 3" in fails(Cause.KERNEL, check.model, unbuilt, like=LENET5)


def test_blocks(capsys):
    def subsample(x, name=None):
        x = layers.AveragePooling2D(2)(x)
        x = layers.DepthwiseConv2D(1, name=name)(x)
        return 1.7159 * ops.tanh(2 / 3 * x)

    part = LENET5_1998.part("S2_mean", "S2", input_shape=(28, 28, 6))
    passes(capsys, check.block, subsample, like=part)
    passes(capsys, check.block, subsample, name="S2", like=part)
    wide = part.with_(input_shape=(10, 10, 6))
    passes(capsys, check.block, subsample, "S2", like=wide)
    text = fails(Cause.ENDS_EARLY, check.block, lambda x: layers.AveragePooling2D(2)(x), like=part)
    assert "S2: The model ends before this row." in text
    assert "It should be a function that returns its last tensor. Received: None" in fails(
        Cause.WRONG_KIND_OF_VALUE, check.block, lambda x: None, like=part
    )
    twice = lambda x: layers.Conv2D(6, 5, name="C1")(layers.Conv2D(6, 5, name="C1")(x))  # noqa: E731
    assert 'The name "C1" is used 2 times' in fails(Cause.RAISES, check.block, twice, like=part)
    fails(Cause.NOT_ANSWERED, check.block, lambda x: stub(), like=part)


def test_a_bias_before_a_normalisation_gets_a_note(capsys):
    def block(x, bias=True):
        for number in (1, 2):
            x = layers.Conv2D(64, 3, padding="same", use_bias=bias, name=f"conv{number}")(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x) if number == 1 else x
        return x

    part = RESNET34.part("conv2_1_1", "conv2_1_2", input_shape=(56, 56, 64))
    check.block(block, like=part)
    headline, note = capsys.readouterr().out.splitlines()
    assert headline.startswith("✓ block is ResNet-34")
    assert "conv1 (and 1 more like it) has a bias, which the batch normalisation after" in note
    passes(capsys, check.block, block, False, like=part)
    passes(capsys, check.model, lenet5, like=LENET5)


def test_a_return_inside_of_the_loop():
    """It is the first map's convolution: how many maps came out says why."""

    def c3_maps(x):
        maps = []
        for seen in C3_CONNECTIONS:
            maps.append(
                layers.Conv2D(1, 5)(layers.Concatenate()([x[..., i : i + 1] for i in seen]))
            )
            return 1.7159 * ops.tanh(2 / 3 * layers.Concatenate()(maps))

    part = LENET5_1998.part("C3", input_shape=(14, 14, 6))
    text = fails(Cause.FILTERS, check.block, c3_maps, like=part)
    assert "It makes 1 map, the table has 16." in text


@pytest.mark.parametrize("maps, cause", [(1, Cause.FILTERS), (6, Cause.GROUPS)])
def test_a_convolution_where_each_map_has_its_own_kernel(maps, cause):
    def subsample(x):
        x = layers.Conv2D(maps, 1)(layers.AveragePooling2D(2)(x))
        return 1.7159 * ops.tanh(2 / 3 * x)

    part = LENET5_1998.part("S2_mean", "S2", input_shape=(28, 28, 6))
    text = fails(cause, check.block, subsample, like=part)
    assert "layers.Conv2D adds up all 6 maps that it sees. layers.DepthwiseConv2D gives" in text
    assert ("It makes 1 map, the table has 6." in text) == (maps == 1)


def test_a_normalisation_along_another_axis():
    def conv_bn(x):
        x = layers.Conv2D(64, 3, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(axis=1)(x))

    part = RESNET34.part("conv2_1_1", input_shape=(56, 56, 64))
    text = fails(Cause.OTHER_STEP, check.block, conv_bn, like=part)
    assert "It is batch norm along axis 1 (the maps lie along axis -1)" in text


def test_a_plain_network_is_called_plain(capsys):
    def plain(x):
        return layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x))

    part = cifar(8, None).part("stage1_1_1", input_shape=(32, 32, 16))
    assert part.name.startswith("plain-8 for CIFAR-10") and cifar(8, "B").name.endswith("option B")
    check.block(lambda x: layers.ReLU()(plain(x)), like=part)
    assert " is plain-8 for CIFAR-10" in capsys.readouterr().out


def test_a_students_precision_survives_a_check():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with check.silently():
            check.model(lenet5, like=LENET5)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_students_own_model_still_works_after_a_check():
    own = lenet5()
    with check.silently():
        check.model(lenet5, like=LENET5)
    assert own.predict(np.zeros((1, 32, 32, 1)), verbose=0).shape == (1, 10)


# --- hand counts ---------------------------------------------------------------------------------

SHAPES = {
    "C1": (28, 28, 6), "S2": (14, 14, 6), "C3": (10, 10, 16), "S4": (5, 5, 16),
    "C5": (120,), "F6": (84,), "output": (10,),
}  # fmt: skip
COUNTS = {
    "C1": 156, "S2": 0, "C3": 2_416, "S4": 0, "C5": 48_120, "F6": 10_164, "output": 850,
    "total": 61_706,
}  # fmt: skip


def test_right_hand_counts(capsys):
    assert passes(capsys, check.shapes, SHAPES, like=LENET5) == "✓ Your answer is right."
    in_other_types = {
        "C1": [28, 28, 6], "S2": np.array([14, 14, 6]), "C3": (np.int64(10), 10, 16.0),
        "S4": (5, 5, 16), "C5": 120, "F6": [84], "output": np.int32(10),
    }  # fmt: skip
    passes(capsys, check.shapes, in_other_types, like=LENET5)
    passes(capsys, check.parameters, COUNTS, like=LENET5)
    passes(capsys, check.parameters, {k: np.int64(v) for k, v in COUNTS.items()}, like=LENET5)
    passes(capsys, check.parameters, {"C1": 156}, like=LENET5, rows=["C1"])
    passes(capsys, check.shapes, {"C3": (10, 10, 16), "my": 1}, like=LENET5, rows=["C3"])


def test_the_total_of_1998_counts_what_is_trained(capsys):
    rows = {"C3": 1_516, "output": 0, "total": 60_000}
    passes(capsys, check.parameters, rows, like=LENET5_1998, rows=list(rows))


@pytest.mark.parametrize(
    "row, answer, cause, says",
    [
        ("C1", (6, 28, 28), Cause.CHANNELS_FIRST, "The order is (height, width, channels)."),
        ("C3", (10, 16, 10), Cause.CHANNELS_FIRST, "order"),
        ("C1", (28, 28, 1), Cause.FILTERS_FORGOTTEN, "number of maps that come out. You have 1."),
        ("C1", (32, 32, 6), Cause.WRONG_VALUE, "A window of 5 slides over 32 in steps of 1"),
        ("S2", (13, 13, 6), Cause.WRONG_VALUE, "A window of 2 slides over 28 in steps of 2"),
        ("C3", (10, 10), Cause.WRONG_VALUE, "You have [10, 10]."),
        ("C5", (1, 120), Cause.WRONG_VALUE, "units"),
        ("C5", 84, Cause.WRONG_VALUE, "You have [84]. The table gives the number of units."),
        ("C1", "28x28x6", Cause.WRONG_KIND_OF_VALUE, '(28, 28, 6). Received: the text "28x28x6"'),
        ("C1", True, Cause.WRONG_KIND_OF_VALUE, "Received: True"),
        ("C1", 28.5, Cause.WRONG_KIND_OF_VALUE, "Received: 28.5"),
        ("C1", None, Cause.NOT_ANSWERED, "C1: There is no answer yet."),
    ],
)
def test_wrong_shapes(row, answer, cause, says):
    text = fails(cause, check.shapes, {**SHAPES, row: answer}, like=LENET5)
    assert says in text and f"{row}: " in text
    assert str(SHAPES[row]) not in text.replace("such as (28, 28, 6)", "")


def test_a_hint_does_not_tell_what_another_row_asks_for():
    follows = {**SHAPES, "S2": (13, 13, 6), "C3": (8, 8, 16)}
    text = fails(Cause.WRONG_VALUE, check.shapes, follows, like=LENET5)
    assert "C3: The value is not right. You have [8, 8, 16]. A window of 5 slides over 13" in text
    assert "14" not in text
    for answer in (None, "?", [], 7, (None, 14, 14, 6), "14x14"):
        answers = {**follows, "S2": answer}
        with pytest.raises(check.CheckFailed) as caught:
            check.shapes(answers, like=LENET5, rows=["C3"])
        assert "A window of 5 slides over N in steps of 1" in str(caught.value)
    said = fails(Cause.WRONG_VALUE, check.shapes, {"3x3": (26, 26, 192)}, like=INCEPTION_NAIVE,
                 rows=["3x3"])  # fmt: skip
    assert "in steps of 1 with 1 zero on each side" in said
    # A normalisation between the rows that are asked for keeps the size.
    with pytest.raises(check.CheckFailed, match="A window of 3 slides over 54 in steps of 2"):
        answers = {"conv1": (54, 54, 96), "pool1": (27, 28, 96)}
        check.shapes(answers, like=ALEXNET, rows=["conv1", "pool1"])
    with pytest.raises(check.CheckFailed, match="their numbers add up"):
        check.shapes({"output": (26, 26, 96)}, like=INCEPTION_NAIVE, rows=["output"])


@pytest.mark.parametrize(
    "row, answer, cause, says",
    [
        ("C1", 150, Cause.WITHOUT_BIASES, "also has one bias. You have 150."),
        ("C3", 2_400, Cause.WITHOUT_BIASES, "weights alone"),
        ("F6", 10_080, Cause.WITHOUT_BIASES, "weights alone"),
        ("C1", 117_600, Cause.MACS_FOR_PARAMETERS, "Parameters are shared by them."),
        ("C3", 240_000, Cause.MACS_FOR_PARAMETERS, "weights × positions"),
        ("C3", 416, Cause.WITHOUT_INPUT_CHANNELS, "through all maps it sees, not through one"),
        ("C3", 400, Cause.WITHOUT_INPUT_CHANNELS, "You have 400."),
        ("C1", 26, Cause.WRONG_VALUE, "Weights of one map: 25 for each map that it sees."),
        ("C3", 151, Cause.WRONG_VALUE, "You have 151."),
        ("C5", 2_040, Cause.WRONG_VALUE, "It sees 5 · 5 · 16 values."),
        ("F6", 10_000, Cause.WRONG_VALUE, "It sees 120 values."),
        ("S2", 12, Cause.WRONG_VALUE, "What is there to learn in: average pool 2 × 2"),
        ("total", 60_000, Cause.WRONG_VALUE, "You have 60,000. Add up the rows above."),
        ("C1", "156", Cause.WRONG_KIND_OF_VALUE, 'a whole number. Received: the text "156".'),
        ("C1", True, Cause.WRONG_KIND_OF_VALUE, "Received: True"),
        ("C1", [156], Cause.WRONG_KIND_OF_VALUE, "Received: [156]"),
        ("C1", float("nan"), Cause.WRONG_VALUE, "nan"),
        ("F6", None, Cause.NOT_ANSWERED, "F6: There is no answer yet."),
    ],
)
def test_wrong_counts(row, answer, cause, says):
    text = fails(cause, check.parameters, {**COUNTS, row: answer}, like=LENET5)
    assert says in text and f"{row}: " in text
    if not isinstance(answer, str | list):
        assert f"{COUNTS[row]:,}" not in text.replace(f"{answer}", "") or not COUNTS[row]


def test_c3_with_all_connections():
    for count in (2_416, 2_400):
        text = fails(Cause.ALL_CONNECTED, check.parameters, {"C3": count}, like=LENET5_1998,
                     rows=["C3"])  # fmt: skip
        assert "the table connects only some of them" in text


def test_false_is_not_nothing():
    fails(Cause.WRONG_KIND_OF_VALUE, check.parameters, {**COUNTS, "S2": False}, like=LENET5)


def test_one_pixel_is_a_vector(capsys):
    passes(capsys, check.shapes, {**SHAPES, "C5": (1, 1, 120)}, like=LENET5)


def test_connections_for_parameters():
    connections = (25 + 1) * 6 * 28 * 28  # 122,304, as the paper counts
    fails(Cause.MACS_FOR_PARAMETERS, check.parameters, {"C1": connections}, like=LENET5,
          rows=["C1"])  # fmt: skip


@pytest.mark.parametrize("checking, answers", [(check.shapes, SHAPES), (check.parameters, COUNTS)])
def test_answers_that_are_not_there(checking, answers):
    without = {row: value for row, value in answers.items() if row != "S4"}
    assert "S4: It is missing in your answer." in fails(
        Cause.MISSING_KEY, checking, without, like=LENET5
    )
    blank = dict.fromkeys(answers)
    text = fails(Cause.NOT_ANSWERED, checking, blank, like=LENET5)
    assert text.startswith("○ ") and "Fill in the numbers above." in text
    for none in (None, ...):
        fails(Cause.NOT_ANSWERED, checking, none, like=LENET5)
    for wrong in ({}, [1, 2], 5, "C1"):
        assert '{"C1": ..., ...}' in fails(Cause.WRONG_KIND_OF_VALUE, checking, wrong, like=LENET5)
    fails(Cause.WRONG_KIND_OF_VALUE, checking, lenet5, like=LENET5)


@pytest.mark.parametrize("wrong, right", [("c1", "C1"), (" C1", "C1"), ("out put", "output")])
def test_a_key_that_is_nearly_right_is_shown(wrong, right):
    answers = {wrong if row == right else row: value for row, value in COUNTS.items()}
    said = f'{right}: It is missing in your answer. You wrote "{wrong.strip()}".'
    assert said in fails(Cause.MISSING_KEY, check.parameters, answers, like=LENET5)
    text = fails(Cause.MISSING_KEY, check.value, {wrong: 3, "other": 4}, {right: 3, "other": 4})
    assert f'You wrote "{wrong.strip()}".' in text


def test_the_batch_is_no_part_of_a_shape_here():
    answers = {**SHAPES, "C1": (None, 28, 28, 6), "F6": (None, 84)}
    text = fails(Cause.WRONG_VALUE, check.shapes, answers, like=LENET5)
    assert "C1: The value is not right. You have [None, 28, 28, 6]. Leave out None" in text
    assert "F6: The value is not right. You have [None, 84]. Leave out None, which is" in text


def test_every_wrong_row_is_named():
    answers = {**COUNTS, "C1": 150, "C3": 416, "total": 1}
    with pytest.raises(check.CheckFailed) as caught:
        check.parameters(answers, like=LENET5)
    assert [f.row for f in caught.value.findings] == ["C1", "C3", "total"]
    assert str(caught.value).splitlines()[0].endswith("C1 is not right, and 2 more to look at.")


# --- numbers and functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, expected, tolerance",
    [
        (3, 3, 0), (3.0, 3, 0), (np.float32(95.8), 95.83, 0.05), (np.array(4), 4, 0),
        ([1, 2.0], (1, 2), 0), (np.eye(2), [[1, 0], [0, 1]], 0), ("yes", "yes", 0), (True, True, 0),
        (0.1 + 0.2, 0.3, 1e-9), (97.18, 97.1, 0.1),
    ],
)  # fmt: skip
def test_right_values(capsys, answer, expected, tolerance):
    passes(capsys, check.value, answer, expected, tolerance=tolerance)


@pytest.mark.parametrize(
    "answer, expected, tolerance, cause",
    [
        (4, 3, 0, Cause.WRONG_VALUE), (95.7, 95.83, 0.05, Cause.WRONG_VALUE),
        ("3", 3, 0, Cause.WRONG_VALUE), (True, 1, 0, Cause.WRONG_VALUE),
        (1, True, 0, Cause.WRONG_VALUE), ([1, 2], [1, 2, 3], 0, Cause.WRONG_VALUE),
        (3, [3], 0, Cause.WRONG_VALUE), ([3], 3, 0, Cause.WRONG_VALUE),
        (float("nan"), 3, 1e9, Cause.WRONG_VALUE), (None, 3, 0, Cause.NOT_ANSWERED),
        (..., 3, 0, Cause.NOT_ANSWERED), (keras.Input((3,)), 3, 0, Cause.WRONG_KIND_OF_VALUE),
        (float("inf"), 3, 1e9, Cause.WRONG_VALUE),
    ],
)  # fmt: skip
def test_wrong_values(answer, expected, tolerance, cause):
    text = fails(cause, check.value, answer, expected, tolerance=tolerance, hint="Look at Fig. 2.")
    assert ("Look at Fig. 2." in text) == (cause is Cause.WRONG_VALUE)


@pytest.mark.parametrize("answer", [object(), stub, {1, 2}, 1 + 2j, np.array([None, object()])])
def test_a_value_that_json_does_not_have(answer):
    fails(Cause.WRONG_KIND_OF_VALUE, check.value, answer, 3)


def test_a_headline_does_not_stammer():
    with pytest.raises(check.CheckFailed) as caught:
        check.value(2, 3)
    assert str(caught.value).splitlines()[0].count("Your answer") == 1


def test_weights_by_name_are_written_as_short_as_others():
    weights = {"conv": [[0.1257302210933933] * 9] * 2, "activation": "relu"}
    with pytest.raises(check.CheckFailed) as failed:
        check.function(lambda weights: 1, [weights], gives=[2])
    row = "[" + "0.12573, " * 8 + "…]"
    assert f"{{'conv': [{row}, {row}], 'activation': 'relu'}}" in str(failed.value)


def test_a_value_of_a_wrong_kind_is_not_asked_to_be_a_function():
    text = fails(Cause.WRONG_KIND_OF_VALUE, check.value, keras.Input((3,)), 3)
    assert "It should be a function" not in text


@pytest.mark.parametrize(
    "expected, wanted",
    [
        (3, "a number"), ([[0, 1]], "a list of numbers"), (np.eye(2), "a list of numbers"),
        ({"a": 1}, "a dict of numbers"),
    ],
)  # fmt: skip
def test_an_answer_of_a_wrong_kind_is_told_the_right_one(expected, wanted):
    text = fails(Cause.WRONG_KIND_OF_VALUE, check.value, stub, expected)
    assert f"It should be {wanted}. Received: the function stub." in text


def mean_of(image, size=2):
    """Average pooling by hand."""
    height, width = image.shape[0] // size, image.shape[1] // size
    return image[: height * size, : width * size].reshape(height, size, width, size).mean((1, 3))


def transposed(image, size=2):
    return mean_of(image, size).T


def as_tensor(image, size=2):
    return ops.convert_to_tensor(mean_of(image, size))


def rounded(image, size=2):
    return mean_of(image, size).astype("float32")


IMAGE = np.arange(24.0).reshape(4, 6)


def test_none_is_not_the_words_that_are_said_of_it():
    said = values.kind_of(None)
    fails(Cause.WRONG_VALUE, check.function, lambda: None, [], gives=[said])
    fails(Cause.NOT_ANSWERED, check.value, None, said)


@pytest.mark.parametrize("answer", [mean_of, as_tensor, rounded, lambda *a: mean_of(*a).tolist()])
def test_right_functions(capsys, answer):
    passes(capsys, check.function, answer, [IMAGE], [IMAGE, 3], like=mean_of)


@pytest.mark.parametrize(
    "answer, cause, says",
    [
        (transposed, Cause.WRONG_VALUE, "it should give [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]"),
        (lambda image, size=2: None, Cause.WRONG_VALUE, "gives None (is the return missing?)"),
        (lambda image, size=2: 7, Cause.WRONG_VALUE, "gives 7, it should give"),
        (lambda image, size=2: ..., Cause.NOT_ANSWERED, "Fill in"),
        (lambda image, size=2: image.missing, Cause.RAISES, "image.missing"),
        (lambda image: image, Cause.RAISES, "TypeError"),
        (lambda image, size=2: keras.Input((2,)), Cause.WRONG_KIND_OF_VALUE, "symbolic Keras"),
        (IMAGE, Cause.WRONG_KIND_OF_VALUE, "It should be a function. Received: a ndarray"),
        (None, Cause.NOT_ANSWERED, "no answer yet"),
    ],
)
def test_wrong_functions(answer, cause, says):
    assert says in fails(cause, check.function, answer, [IMAGE, 2], [IMAGE, 3], like=mean_of)


def test_a_function_that_is_not_written_yet():
    def pool(image):
        raise NotImplementedError("write me")

    assert "○ pool is not answered yet." in fails(
        Cause.NOT_ANSWERED, check.function, pool, [IMAGE], like=mean_of
    )


def test_an_answer_without_a_name_that_is_not_written_yet():
    said = fails(Cause.NOT_ANSWERED, check.value, None, 3)
    assert said.startswith("○ This exercise is not answered yet.")


def test_the_call_that_goes_wrong_is_named():
    def area(side):
        return side**2 if side < 5 else 0

    text = fails(Cause.WRONG_VALUE, check.function, area, [2], [7], like=lambda side: side**2)
    assert "area(7) gives 0, it should give 49." in text
    text = fails(Cause.WRONG_VALUE, check.function, len, [(3,)], gives=[2])
    assert "len((3,)) gives 1" in text  # a tuple of one number as Python writes it


@pytest.mark.parametrize(
    "given, wanted, says",
    [
        ("49", 49, "gives '49', it should give 49."),
        (["49"], [49], "gives ['49'], it should give [49]."),
        (np.float32(0.1).item() + 0.01, 0.11, "gives 0.1100000014901161"),
        (2e7, 30_000_000, "gives 20000000, it should give 30000000."),
    ],
)
def test_two_different_values_are_never_written_alike(given, wanted, says):
    def answer(text):
        return given

    text = fails(Cause.WRONG_VALUE, check.function, answer, ["x"], gives=[wanted], tolerance=1e-9)
    assert f"answer('x') {says}" in text


def test_a_class_is_not_called_a_function():
    text = fails(Cause.WRONG_KIND_OF_VALUE, check.function, lambda: dict, [], gives=[1])
    assert "Received: the class dict." in text
    text = fails(Cause.WRONG_KIND_OF_VALUE, check.block, "a text",
                 like=LENET5.part("C1", input_shape=(32, 32, 1)))  # fmt: skip
    assert "It should be a function that returns its last tensor. Received: a str." in text


def test_what_should_be_a_dict_is_told_its_form():
    for wrong in ([7, 1], 5, {}):
        text = fails(Cause.WRONG_KIND_OF_VALUE, check.value, wrong, {"a": 7, "b": 1}, hint="Look.")
        assert 'It should be {"a": ..., ...}. Received: ' in text and "Look." in text
    text = fails(Cause.MISSING_KEY, check.value, {"c": 1}, {"a": 7, "b": 1}, hint="Look.")
    assert "a: It is missing in your answer. Look." in text and text.count("Look.") == 1
    text = fails(Cause.WRONG_KIND_OF_VALUE, check.value, [7, 1], {}, hint="Look.")
    assert "It should be a dict of numbers. Received: [7, 1]. Look." in text


def test_minus_zero_is_written_as_zero():
    def scaled(x):
        return x * np.array([0.0, 2.0])

    text = fails(Cause.WRONG_VALUE, check.function, scaled, [-1.0], gives=[[0, 3]])
    assert "scaled(-1) gives [0, -2], it should give [0, 3]." in text


def test_answers_and_a_hint_may_be_given(capsys):
    area = [[2], [7]]
    passes(capsys, check.function, lambda side: side**2, *area, gives=[4, 49])
    text = fails(Cause.WRONG_VALUE, check.function, abs, *area, gives=[4, 49], hint="Square it.")
    assert "(2) gives 2, it should give 4. Square it." in text
    with pytest.raises(TypeError, match=r"either gives= .* or like="):
        check.function(abs, [1])


def test_a_hint_is_not_pushed_out_of_sight_by_long_arrays():
    """A page of reasons cuts a sentence behind 500 characters."""
    image, hint = np.arange(200.0).reshape(10, 20) / 7, "It is doubled, not squared."
    text = fails(
        Cause.WRONG_VALUE, check.function, np.square, [image], gives=[2 * image], hint=hint
    )
    told = next(line for line in text.splitlines() if hint in line)
    assert len(told) < 500 and "… gives [[0, " in told and "…, it should give [[0, " in told
    parts = [image.tolist(), (image + 1).tolist()]
    text = fails(
        Cause.WRONG_VALUE, check.function, lambda: [[1], parts], [], gives=[[[1], parts[:1]]]
    )
    assert "The size of [1] is 2 × 10 × 20, it should be 1 × 10 × 20." in text


def test_each_case_may_have_a_hint_of_its_own(capsys):
    cases, hints = ([2], [-3]), ["Positive ones stay.", "Keep the sign."]
    passes(capsys, check.function, lambda x: x, *cases, gives=[2, -3], hint=hints)
    text = fails(Cause.WRONG_VALUE, check.function, abs, *cases, gives=[2, -3], hint=hints)
    assert "(-3) gives 3, it should give -3. Keep the sign." in text and "stay" not in text
    text = fails(Cause.RAISES, check.function, math.sqrt, *cases, gives=[2**0.5, -3], hint=hints)
    assert text.rstrip().endswith("The call was sqrt(-3). Keep the sign.")
    with pytest.raises(TypeError, match="one hint, or one for each of 2 cases"):
        check.function(abs, *cases, gives=[2, -3], hint=hints[:1])


def test_a_function_cannot_change_its_arguments():
    def spoils(image):
        result = mean_of(image)
        image[:] = 0
        return result

    with check.silently():
        check.function(spoils, [IMAGE], [IMAGE], like=mean_of)
    assert IMAGE.max() == 23


def test_a_function_for_a_network_takes_symbolic_tensors(capsys):
    """NumPy gives the right numbers, and the next exercise would stop with it."""

    def of_numpy(a):
        return np.tanh(a)

    def of_math(a):
        return [math.tanh(value) for value in a]

    def of_numbers(a):
        return ops.tanh(a) if isinstance(a, np.ndarray) else 3.0

    cases = {"gives": [[0.0, math.tanh(1)]], "symbolic": True}
    for answer in (ops.tanh, lambda a: keras.activations.tanh(a), layers.Activation("tanh")):
        passes(capsys, check.function, answer, [np.array([0.0, 1.0])], **cases)
    for answer, why in (
        (of_numpy, "NumPy and math take numbers only, and the tensors of a network have none yet"),
        (of_math, "a loop cannot run over a tensor"),
        (of_numbers, "with a network's tensors it gives a float"),
    ):
        passes(capsys, check.function, answer, [np.array([0.0, 1.0])], gives=cases["gives"])
        text = fails(Cause.NOT_SYMBOLIC, check.function, answer, [np.array([0.0, 1.0])], **cases)
        assert "it cannot be part of a network: " in text and why in text
    text = fails(Cause.WRONG_VALUE, check.function, of_numpy, [np.array([0.0, 2.0])], **cases)
    assert "network" not in text  # one thing after another


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_half_precision_changes_no_verdict(capsys, policy):
    def convolved(image):
        image = ops.reshape(image, (1, 4, 6, 1))
        weights = {"kernel_initializer": "ones", "bias_initializer": keras.initializers.Constant(3)}
        return layers.Conv2D(1, 3, **weights)(image)[0, :, :, 0]

    right = [sum(image[i : i + 2, j : j + 4] for i in range(3) for j in range(3)) + 3
             for image in [1000 * IMAGE / 7]]  # fmt: skip
    before = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx("float16")
    try:
        passes(capsys, check.function, convolved, [1000 * IMAGE / 7], gives=right)
        passes(capsys, check.model, lenet5, like=LENET5)
        assert keras.config.dtype_policy().name == policy and keras.config.floatx() == "float16"
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_floatx(before[1])


# --- cards ---------------------------------------------------------------------------------------


def test_a_cards_html_is_escaped():
    def build():
        raise ValueError("<script>alert('&')</script>")

    build.__name__ = "<img src=x>"
    with pytest.raises(check.CheckFailed) as caught:
        check.model(build, like=LENET5)
    shown = caught.value.card._repr_html_()
    assert "<script" not in shown and "<img" not in shown
    assert "&lt;script&gt;" in shown and "&lt;img src=x&gt;" in shown


def test_a_tables_names_are_escaped():
    table = replace(LENET5, rows=(conv("<b>C1</b>", 7, 5),))
    with pytest.raises(check.CheckFailed) as caught:
        check.model(lenet5, like=table)
    assert "<b>" not in caught.value.card._repr_html_()


#: What any form might take for its own: HTML, links, pictures, tables, emphasis, code, mathematics.
ODD = "<b>x</b> | *a* _b_ `c` [d](e) ![f](g) $h$ \\ &amp; ~~i~~ {j} #k"


@pytest.mark.parametrize("name", [ODD, f"1. {ODD}", f"- {ODD}", f"# {ODD}", "---", ":-:", "``x"])
def test_a_cards_markdown_shows_names_as_they_are(name):
    def build():
        raise ValueError(name)

    build.__name__ = name
    table = replace(LENET5, rows=(conv(name, 6, 5, activation="tanh"), conv(f"{name}2", 7, 5)))
    for subject in (build, lenet5, lambda: {name: None}):
        with pytest.raises(check.CheckFailed) as caught:
            check.model(subject, like=table)
        card = caught.value.card
        said = [card.headline, *(item.message for item in card.findings)]
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(card.markdown())
        shown = ["".join(part.content for part in t.children) for t in tokens if t.type == "inline"]
        assert shown[: len(said)] == [" ".join(text.split()) for text in said]
        if card.built:
            assert shown[-8:] == [" ".join(cell.split()) for r in card._rows()[1] for cell in r]
        kinds = {t.type for t in tokens} | {p.type for t in tokens for p in t.children or ()}
        kinds -= {
            f"{part}_{end}"
            for part in ("table", "thead", "tbody", "tr", "th", "td")
            for end in ("open", "close")
        }
        assert kinds <= {
            "paragraph_open",
            "paragraph_close",
            "inline",
            "text",
            "text_special",
            "strong_open",
            "strong_close",
        }


def test_silently(capsys):
    with check.silently() as cards:
        check.value(1, 1)
        with pytest.raises(check.CheckFailed) as caught:
            check.value(1, 2)
        with pytest.raises(check.CheckFailed):
            check.told(stub, {"ask": "value"}, "a number")
    assert capsys.readouterr() == ("", "")
    assert [card.state for card in cards] == ["right", "wrong", "wrong"]
    assert cards[1] is caught.value.card and caught.value.findings == cards[1].findings
    check.value(1, 1)
    assert capsys.readouterr().out


# --- in a notebook -------------------------------------------------------------------------------


@pytest.fixture
def notebook(capsys):
    """Runs the source of a cell; returns (went well, what it printed, what went to stderr)."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance(colors="nocolor")
    capsys.readouterr()

    def run(source):
        result = shell.run_cell(source)
        assert not result.success or result.result is None
        return (result.success, *capsys.readouterr())

    yield run
    InteractiveShell.clear_instance()
    gc.collect()


SETUP = """
import keras
from keras import layers, ops
from course import check
from course.architectures.lenet import LENET5

def begin(size):
    image = keras.Input((32, 32, 1))
    x = layers.Conv2D(6, 5, activation=lambda t: ops.tanh(t))(image)
    return keras.Model(image, layers.AveragePooling2D(size)(x))
part = LENET5.part("C1", "S2", input_shape=(32, 32, 1))
"""


def test_in_a_notebook(notebook, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    assert notebook(SETUP) == (True, "", "")
    good, out, err = notebook("check.value(3, 3)")
    assert (good, err) == (True, "") and "✓ Your answer is right." in out
    good, out, err = notebook("check.model(begin, 3, like=part)")
    assert (good, err) == (False, "")
    assert "✗ begin(3): S2 is not right" in out
    # The reason stands once, in the card; where only errors are shown, it is in the error.
    assert out.count("S2 gives 9 × 9 × 6, the table has 14 × 14 × 6.") == 1
    assert "CheckFailed: the card above says why." in out
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    good, out, err = notebook("check.model(begin, 3, like=part)")
    assert "CheckFailed: S2 gives 9 × 9 × 6, the table has 14 × 14 × 6." in out
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert len(out.splitlines()) < 12 and "check.py" not in out
    good, out, err = notebook(
        "def f():\n    y = 1\n    return y.nothing\ncheck.model(f, like=part)"
    )
    assert not good and "(line 3: return y.nothing)" in out


def test_a_right_answer_warns_of_nothing():
    """Jupyter writes warnings to stderr, and nbgrader gives no points to a cell that did."""

    def begin(image):
        return layers.Conv2D(6, 5, activation=lambda x: ops.tanh(x))(image)

    part = LENET5.part("C1", input_shape=(32, 32, 1))
    with warnings.catch_warnings(record=True) as said, check.silently():
        warnings.simplefilter("always")
        check.block(begin, like=part)
    assert [str(warning.message) for warning in said] == []


def test_a_very_long_vector_is_a_wrong_row_not_an_unreadable_model():
    def unpooled(classes=10):
        image = keras.Input((224, 224, 3))
        x = layers.Flatten()(layers.Conv2D(64, 3, padding="same", activation="relu")(image))
        return keras.Model(image, layers.Dense(classes, activation="softmax")(x))

    text = fails(Cause.MISSING, check.model, unpooled, like=VGG16)
    assert "conv1_2: This row is missing" in text


def forged(**reply):
    """A student's name in a process that answers whatever it likes."""

    class Remote:
        __name__ = "lenet5"

        def __evidence__(self, request):
            return reply

    return Remote()


def forged_trace(op, config, source=0):
    step = {"id": 1, "op": op, "name": "x", "config": config, "args": [{"tensor": [source, 0]}]}
    step |= {"shapes": [[3, 3, 1]], "layer": 0}
    inputs = [{"id": 0, "name": "image", "shape": [32, 32, 1]}]
    return forged(trace={"inputs": inputs, "steps": [step], "outputs": [[1, 0]]})


WINDOW = {"kernel_size": [5, 5], "strides": [1, 1], "dilation_rate": [1, 1], "padding": "valid"}


@pytest.mark.parametrize(
    "subject",
    [
        forged(),
        forged(failed=["x"]),
        forged(failed=None),
        forged(failed=["x"], value=3, answers=[1], trace={}),
        forged(answers=[1, 2, 3]),
        forged(answers=3, value=4, trace={}),
        forged(trace=None),
        forged(trace=[1]),
        forged(answers=3),
        forged(value={}),
        forged(value={"tuple": None}),
        forged(value=[{"tuple": 3.0}], answers=[{"tuple": 1}]),
        forged_trace("ops.Split", {"indices_or_sections": 0, "axis": -1}),
        forged_trace("layers.Dense", {"units": 1.5}),
        forged_trace("layers.Conv2D", {"filters": 10**12, **WINDOW}),
        forged_trace("layers.Conv2D", {"filters": 6, **WINDOW, "strides": [0, 0]}),
        forged_trace("layers.Flatten", {}, source=1),
    ],
)
def test_a_forged_answer_is_a_failed_check_and_nothing_worse(subject):
    """Anything but CheckFailed would leave the submission ungraded and blame the instructor."""
    for ask in (
        lambda: check.model(subject, like=LENET5),
        lambda: check.block(subject, like=LENET5),
        lambda: check.value(subject, 3),
        lambda: check.shapes(subject, like=LENET5),
        lambda: check.parameters(subject, like=LENET5),
        lambda: check.function(subject, [1], like=lambda a: a),
        lambda: check.choice(subject, "lenet-bridge"),
        lambda: check.batch_norm(subject, mode="use"),
        lambda: check.told(subject, {"ask": "call", "cases": [[1], [2]]}, "a function"),
    ):
        with pytest.raises(check.CheckFailed):
            ask()
