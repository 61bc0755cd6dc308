"""Merges that Keras refuses: what came before is judged as usual, and the sentence is about it."""

from dataclasses import replace

import keras
import pytest
import tensorflow as tf
from keras import layers, ops

from course import check
from course.architectures import alexnet, googlenet, lenet, resnet
from course.diagnosis import Cause
from course.evidence.observe import observe
from tests.diagnosis import test_families as families
from tests.network.test_rewritings import TABLES, Writer

MODULE = googlenet.GOOGLENET.part("3a_1x1", "3a", input_shape=(28, 28, 192))
PROJECTED = resnet.RESNET18.part("conv3_1_1", "conv3_1", input_shape=(56, 56, 64))
OPTION_A = resnet.RESNET18_A.part("conv3_1_1", "conv3_1", input_shape=(56, 56, 64))


def first(function, table):
    """(row, cause, text) of the first finding."""
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.block(function, like=table)
    found = failed.value.findings[0]
    assert "  " not in found.message and found.message.endswith("."), found.message
    return found.row, found.cause, found.message


# --- maps side by side


def joined(join, padding="same", stride=1, pool=(3, 1)):
    """GoogLeNet's module 3a with its branches joined by `join`."""

    def module(x):
        def conv(x, *size, padding="same", **rest):
            return layers.Conv2D(*size, padding=padding, activation="relu", **rest)(x)

        three = conv(conv(x, 96, 1), 128, 3)
        five = conv(conv(x, 16, 1), 32, 5, padding=padding, strides=stride)
        pooled = conv(layers.MaxPooling2D(*pool, padding="same")(x), 32, 1)
        return join([conv(x, 64, 1), three, five, pooled])

    return module


class Joined(layers.Layer):
    """A layer of the student's own around a function of TensorFlow."""

    def call(self, values):
        return tf.concat(values, axis=-1)


JOINS = {
    "layer": lambda values: layers.Concatenate()(values),
    "function": layers.concatenate,
    "ops": lambda values: ops.concatenate(values, axis=3),
    "own layer": lambda values: Joined()(values),
    "Lambda": lambda values: layers.Lambda(lambda v: ops.concatenate(v, axis=-1))(values),
}


@pytest.mark.parametrize("join", JOINS)
def test_a_branch_without_padding(join):
    row, cause, text = first(joined(JOINS[join], padding="valid"), MODULE)
    assert (row, cause) == ("3a_5x5", Cause.PADDING)
    assert text.startswith("3a_5x5 gives 24 × 24 × 32, the table has 28 × 28 × 32.")
    assert 'The others give 28 × 28: padding="same" is missing. The code stops in line' in text


def test_a_branch_with_a_stride():
    join = JOINS["layer"]
    assert first(joined(join, stride=2), MODULE)[:2] == ("3a_5x5", Cause.STRIDE)
    row, cause, text = first(joined(join, pool=(3,)), MODULE)
    assert (row, cause) == ("3a_pool", Cause.STRIDE)
    assert "gives 10 × 10 × 192" in text and "The others give 28 × 28." in text


@pytest.mark.parametrize(
    "join",
    [
        lambda values: layers.Concatenate(axis=1)(values),
        lambda values: layers.concatenate(values, axis=1),
        lambda values: ops.concatenate(values, axis=1),
    ],
)
def test_an_axis_that_is_not_the_last(join):
    row, cause, text = first(joined(join), MODULE)
    assert (row, cause) == ("3a", Cause.MERGE_AXIS)
    assert text.startswith("3a: axis=1 stacks the maps in height. Maps lie on the last axis")


@pytest.mark.parametrize(
    "axis, along", [(-2, "in width"), (-3, "in height"), (-4, "along the batch")]
)
def test_an_axis_counted_from_the_end(axis, along):
    text = first(joined(lambda values: ops.concatenate(values, axis=axis)), MODULE)[2]
    assert text.startswith(f"3a: axis={axis} stacks the maps {along}. ")


def test_several_sizes_and_pairs():
    """Only what the others really give is said of them."""
    row, cause, text = first(joined(JOINS["layer"], "valid", pool=(2, 2)), MODULE)
    assert (row, cause) == ("3a_5x5", Cause.PADDING)
    assert "28 × 28 × 64, 28 × 28 × 128, 24 × 24 × 32 and 14 × 14 × 32 cannot be put side" in text

    def in_pairs(values):
        one, three, five, pooled = values
        return layers.concatenate([one, three, layers.concatenate([five, pooled])])

    row, cause, text = first(joined(in_pairs, "valid"), MODULE)
    assert (row, cause) == ("3a_5x5", Cause.PADDING)
    assert 'The others give 28 × 28: padding="same" is missing' in text


@pytest.mark.parametrize("add", [layers.add, sum, lambda v: layers.Add()(v)])
def test_added_instead_of_put_side_by_side(add):
    row, cause, text = first(joined(add), MODULE)
    assert (row, cause) == ("3a", Cause.ADDED)
    assert "28 × 28 × 64" in text and "layers.Concatenate()" in text


# --- additions


def added(add, shortcut=None, second=1, name="out"):
    """A basic block that halves the map, with a shortcut and joined by `add`."""

    def block(x):
        def conv_bn(x, kernel, stride=1, **rest):
            x = layers.Conv2D(128, kernel, stride, padding="same", use_bias=False, **rest)(x)
            return layers.BatchNormalization()(x)

        y = conv_bn(layers.ReLU()(conv_bn(x, 3, 2)), 3, second)
        return layers.ReLU()(add([y, x if shortcut is None else shortcut(x, conv_bn)]))

    return block


class Added(layers.Layer):
    def call(self, values):
        y, x = values
        return tf.add(y, x)


class Whole(keras.Model):
    """The block as a model of its own."""

    def __init__(self):
        super().__init__()
        self.first = layers.Conv2D(128, 3, 2, padding="same", use_bias=False)
        self.second = layers.Conv2D(128, 3, padding="same", use_bias=False)
        self.norms = [layers.BatchNormalization() for _ in range(2)]

    def call(self, x):
        y = ops.relu(self.norms[0](self.first(x)))
        return ops.relu(self.norms[1](self.second(y)) + x)


ADDS = {
    "layer": lambda values: layers.Add()(values),
    "function": layers.add,
    "operator": lambda values: values[0] + values[1],
    "operator, turned round": lambda values: values[1] + values[0],
    "ops": lambda values: ops.add(*values),
    "own layer": lambda values: Added()(values),
}
NEEDED = "The shortcut is 56 × 56 × 64, the block gives 28 × 28 × 128: a projection is needed here"


@pytest.mark.parametrize("add", ADDS)
def test_no_projection(add):
    row, cause, text = first(added(ADDS[add]), PROJECTED)
    assert (row, cause) == ("conv3_1_shortcut", Cause.PROJECTION_MISSING)
    assert NEEDED in text and "The code stops in line" in text


def test_put_side_by_side_instead_of_added():
    """Told once, although the first block's maps can be put side by side and the next one's not."""
    two = resnet.RESNET18.part("conv2_2_1", "conv3_1", input_shape=(56, 56, 64))

    def blocks(x):
        y = layers.Conv2D(64, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(y))
        return added(layers.concatenate)(layers.ReLU()(layers.concatenate([x, y])))

    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.block(blocks, like=two)
    causes = [found.cause for found in failed.value.findings]
    assert causes[0] is Cause.SHORTCUT_CONCATENATED and causes.count(causes[0]) == 1
    assert first(added(layers.concatenate), PROJECTED)[:2] == (
        "conv3_1", Cause.SHORTCUT_CONCATENATED,
    )  # fmt: skip


def test_no_projection_in_a_model_of_ones_own():
    row, cause, text = first(lambda x: Whole()(x), PROJECTED)
    assert (row, cause) == ("conv3_1_shortcut", Cause.PROJECTION_MISSING) and NEEDED in text


def test_a_projection_without_the_stride():
    row, cause, text = first(
        added(ADDS["layer"], lambda x, conv_bn: conv_bn(x, 1, name="projection")), PROJECTED
    )
    assert (row, cause) == ("conv3_1_shortcut", Cause.STRIDE)
    assert "28 × 28 × 128 and 56 × 56 × 128 cannot be added." in text


def test_the_stride_twice():
    row, cause, text = first(
        added(ADDS["operator"], lambda x, conv_bn: conv_bn(x, 1, 2), second=2), PROJECTED
    )
    assert (row, cause) == ("conv3_1_2", Cause.STRIDE)
    assert text.startswith("conv3_1_2 gives 14 × 14 × 128, the table has 28 × 28 × 128.")


def test_where_the_table_has_no_projection_none_is_asked_for():
    row, cause, text = first(added(ADDS["operator"]), OPTION_A)
    assert cause is Cause.SHORTCUT_SHAPE and row.startswith("conv3_1_shortcut")
    assert "projection" not in text


# --- what is no such merge


def test_another_error_stays_what_it_is():
    def module(x):
        return layers.Concatenate()([x, layers.Conv2D(6, 5)(x), layers.Flatten(64)(x)])

    _, cause, text = first(module, MODULE)
    assert cause is Cause.RAISES and "64 is not needed here" in text


# --- a window that is larger than its map


def cifar(stem=lambda x: x, last=8, maps=16):
    """The ResNet-20 of CIFAR-10 with a stem and a last pool."""

    def build():
        image = keras.Input((32, 32, 3))
        x = stem(layers.Conv2D(maps, 3, padding="same", use_bias=False)(image))
        x = layers.ReLU()(layers.BatchNormalization()(x))
        for filters in (16, 32, 64):
            for number in range(3):
                x = families.basic(x, filters, 2 if number == 0 and filters > 16 else 1)
        x = layers.AveragePooling2D(last, name="last")(x)
        return keras.Model(image, layers.Dense(10)(layers.Flatten()(x)))

    return build


def findings(build, table):
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.model(build, like=table)
    return failed.value.findings


def test_what_made_the_map_too_small_is_told_first():
    table = resnet.CIFAR_RESNET20_B
    with check.silently():
        check.model(cifar(), like=table)
    pooled, stopped = findings(cifar(lambda x: layers.MaxPooling2D(2)(x)), table)
    assert (pooled.row, pooled.cause) == ("max_pooling2d", Cause.EXTRA)
    said = "The map is 4 × 4 here, and the window is 8 × 8. Look at what comes before"
    assert stopped.cause is Cause.RAISES and said in stopped.message
    assert 'layers.AveragePooling2D(last, name="last")(x)' in stopped.message


def test_a_last_pool_that_is_too_large_is_told_itself():
    own, stopped = findings(cifar(last=9), resnet.CIFAR_RESNET20_B)
    assert (own.row, own.cause) == ("avg_pool", Cause.POOL_KIND)
    assert "average pool 9 × 9, stride 9, the table has global average" in own.message
    assert stopped.cause is Cause.RAISES


def test_each_of_several_windows_may_be_too_large():
    def build():
        image = x = keras.Input((32, 32, 1))
        for maps in (6, 16):
            for _ in range(3):
                x = layers.MaxPooling2D(2)(layers.Conv2D(maps, 5, activation="relu")(x))
        x = layers.Flatten()(x)
        for units in (120, 84):
            x = layers.Dense(units, activation="relu")(x)
        return keras.Model(image, layers.Dense(10)(x))

    first, *_, stopped = findings(build, lenet.LENET5_RELU)
    assert first.row == "C3"
    assert stopped.cause is Cause.RAISES and "The map is 1 × 1 here" in stopped.message


def test_the_layer_stays_as_it_is():
    pool = layers.MaxPooling2D(40, 3)
    findings(lambda: keras.Sequential([keras.Input((32, 32, 1)), pool]), lenet.LENET5)
    assert (pool.padding, pool.strides) == ("valid", (3, 3))


def test_nothing_is_left_in_keras():
    before = keras.Operation.symbolic_call, keras.Layer.__call__
    observe(joined(JOINS["layer"], padding="valid"), {"ask": "block", "input_shape": [28, 28, 192]})
    assert (keras.Operation.symbolic_call, keras.Layer.__call__) == before


def test_a_network_with_such_a_merge_is_never_right():
    """Of a forged trace whose rows are those of the table."""
    shape = {"ask": "block", "input_shape": [28, 28, 192]}
    trace = observe(joined(JOINS["layer"]), shape)["trace"]
    (join,) = [step for step in trace["steps"] if step["op"] == "layers.Concatenate"]
    join |= {"op": "ops.Unmerged", "config": {"mode": "concatenate", "axis": -1, "line": ""}}

    class Student:
        __name__ = "module"

        def __evidence__(self, request):
            return {"trace": trace}

    with check.silently(), pytest.raises(check.CheckFailed):
        check.block(Student(), like=MODULE)


@pytest.mark.parametrize("merge", [layers.add, layers.concatenate, ops.add])
def test_a_merge_that_no_output_reads_stops_the_code_all_the_same(merge):
    def build():
        image = x = keras.Input((32, 32, 1))
        for maps in (6, 16):
            x = layers.AveragePooling2D(2)(layers.Conv2D(maps, 5, activation="tanh")(x))
        merge(*[x, image]) if merge is ops.add else merge([x, image])
        x = layers.Flatten()(x)
        for units in (120, 84):
            x = layers.Dense(units, activation="tanh")(x)
        return keras.Model(image, layers.Dense(10, activation="softmax")(x))

    (stopped,) = findings(build, lenet.LENET5)
    assert stopped.cause is Cause.RAISES and "5 × 5 × 16 and 32 × 32 × 1" in stopped.message


def test_zeros_of_another_size_beside_the_maps():
    def block(x):
        y = layers.Conv2D(128, 3, 2, padding="same", use_bias=False)(x)
        return layers.Concatenate()([x, ops.zeros_like(y)])

    row, cause, text = first(block, OPTION_A)
    assert cause is Cause.SHORTCUT_CONCATENATED and "ops.zeros_like(y)" in text, (row, text)


# --- sizes that do not fit because something before them is wrong


def residual(block):
    """Two blocks of ResNet-18: one of equal shapes, and one that halves them."""
    table = resnet.RESNET18.part("conv2_2_1", "conv3_1", input_shape=(56, 56, 64))
    return first(lambda x: block(block(x, 64, 1), 128, 2), table)


def conv_bn(x, filters, kernel, stride=1):
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def test_a_shortcut_that_begins_too_late():
    def block(x, filters, stride):
        x = layers.ReLU()(conv_bn(x, filters, 3, stride))
        y = conv_bn(x, filters, 3)
        shortcut = x if stride == 1 else conv_bn(x, filters, 1, stride)
        return layers.ReLU()(layers.Add()([shortcut, y]))

    row, cause, text = residual(block)
    assert (row, cause) == ("conv2_2", Cause.WRONG_INPUT)
    assert "14 × 14 × 128 and 28 × 28 × 128 cannot be added." in text


def test_a_block_that_reads_its_own_projection():
    def block(x, filters, stride):
        x = x if stride == 1 else conv_bn(x, filters, 1, stride)
        y = layers.ReLU()(conv_bn(x, filters, 3, stride))
        return layers.ReLU()(layers.Add()([x, conv_bn(y, filters, 3)]))

    _row, cause, text = residual(block)
    assert cause is Cause.EXTRA and "stands where conv3_1_1" in text
    assert "cannot be added." in text and "a projection is needed" not in text


def in_models(shape, filters, stride, projected):
    """A block of ResNet-18 as a model of its own."""
    image = keras.Input(shape)
    y = layers.ReLU()(conv_bn(image, filters, 3, stride))
    y = conv_bn(y, filters, 3)
    shortcut = conv_bn(image, filters, 1) if projected else image
    return keras.Model(image, layers.ReLU()(layers.Add()([shortcut, y])))


@pytest.mark.parametrize("open_shape", [False, True])
def test_an_addition_in_a_model_in_a_model(open_shape):
    """With an open shape Keras refuses the addition where the model is called, and not before."""

    def block(x, filters, stride):
        shape = (None, None, x.shape[-1]) if open_shape else x.shape[1:]
        inner = in_models(shape, filters, stride, stride > 1)
        return keras.Sequential([inner])(x) if stride == 1 else inner(x)

    row, cause, text = residual(block)
    assert (row, cause) == ("conv3_1_shortcut", Cause.STRIDE)
    assert "The stride is 1, the table has 2." in text
    assert "56 × 56 × 128 and 28 × 28 × 128 cannot be added." in text
    line = "keras.Sequential([inner])(x)" if open_shape else "layers.Add()([shortcut, y])"
    assert "The code stops in line " in text and line in text


def test_an_addition_in_a_table_without_any():
    """Zeros are added in front of the images, and not beside the maps."""

    def lrn(x):
        near = ops.pad(ops.square(x), [[2, 2], [0, 0], [0, 0], [0, 0]])
        near = sum(near[..., n : n + x.shape[-1]] for n in range(5))
        return x / (2 + 1e-4 * near) ** 0.75

    table = alexnet.ALEXNET.part("norm1", input_shape=(5, 6, 8))
    row, cause, text = first(lrn, table)
    assert (row, cause) == ("norm1", Cause.OTHER_STEP)
    assert "5 × 6 × 8 and 5 × 6 × 7 cannot be added." in text and "Concatenate" not in text


def test_what_was_built_on_a_guessed_shape_is_not_told():
    """The sum is read as 512 maps, so the next shortcut has no zeros to add: that only follows."""
    table = TABLES["RESNET18_A"]
    rows = [replace(r, filters=512) if r.name == "conv4_1_2" else r for r in table.rows]
    wrong = replace(table, rows=tuple(rows))
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.model(lambda: Writer(0).network(wrong), like=table)
    (found,) = failed.value.findings
    assert found.row == "conv4_1_2" and "cannot be added" in found.message
