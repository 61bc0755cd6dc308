"""A layer that is called and whose output nothing reads is named where its row is missing."""

import keras
import pytest
from keras import layers as L

from course import check
from course.architectures import alexnet, googlenet, lenet, resnet, vgg
from course.diagnosis import Cause
from course.evidence import weightless
from course.evidence.trace import trace
from tests.diagnosis import test_families as families
from tests.diagnosis.test_families import conv, google, res


def findings(build, table):
    with check.silently(), pytest.raises(check.CheckFailed) as failed:
        check.model(build, like=table)
    return failed.value.findings


def lenet5(keep_pool=True, keep_dense=True):
    image = x = keras.Input((32, 32, 1))
    for maps in (6, 16):
        x = L.Conv2D(maps, 5, activation="relu")(x)
        pooled = L.MaxPooling2D(2, name=f"pool_of_{maps}")(x)
        x = pooled if keep_pool else x
    x = L.Flatten()(x)
    for units in (120, 84):
        made = L.Dense(units, activation="relu")(x)
        x = made if keep_dense or units != 84 else x
    return keras.Model(image, L.Dense(10, activation="softmax")(x))


class Model(keras.Model):
    """LeNet-5 with a pool whose output `call` does not keep."""

    def __init__(self):
        super().__init__()
        self.convs = [L.Conv2D(maps, 5, activation="relu") for maps in (6, 16)]
        self.pools = [L.MaxPooling2D(2), L.MaxPooling2D(2)]
        self.head = keras.Sequential([
            L.Flatten(), L.Dense(120, "relu"), L.Dense(84, "relu"), L.Dense(10, "softmax"),
        ])  # fmt: skip

    def call(self, x):
        x = self.pools[0](self.convs[0](x))
        x = self.convs[1](x)
        self.pools[1](x)
        return self.head(x)


def test_a_layer_whose_output_is_not_kept():
    table = lenet.LENET5_RELU
    (only,) = findings(lambda: lenet5(keep_pool=False), table)
    assert (only.row, only.cause) == ("S2", Cause.MISSING)
    assert "Nothing reads what comes out of pool_of_6, made in line " in only.message
    said = ': pooled = L.MaxPooling2D(2, name=f"pool_of_{maps}")(x). S4 is missing, too.'
    assert only.message.endswith(said)
    (only,) = findings(lambda: lenet5(keep_dense=False), table)
    assert only.row == "F6" and "Nothing reads what comes out of dense" in only.message
    (only,) = findings(Model, table)
    assert only.row == "S4" and "self.pools = [L.MaxPooling2D(2), L.MaxPooling2D" in only.message


def test_the_last_of_several_layers_is_named():
    def build():
        image = keras.Input((32, 32, 1))
        x = L.Conv2D(6, 5, activation="relu")(image)
        x = L.MaxPooling2D(2, name="last_of_them")(x)
        x = L.MaxPooling2D(2)(L.Conv2D(16, 5, activation="relu")(image))
        x = L.Dense(84, "relu")(L.Dense(120, "relu")(L.Flatten()(x)))
        return keras.Model(image, L.Dense(10, "softmax")(x))

    (first, *_) = findings(build, lenet.LENET5_RELU)
    assert (first.row, first.cause) == ("C1", Cause.MISSING)
    assert "Nothing reads what comes out of last_of_them, made in line " in first.message


def test_training_heads_that_are_not_returned():
    def build():
        model = google(heads=True)
        return keras.Model(model.input, model.outputs[-1])

    first, second = findings(build, googlenet.GOOGLENET_TRAINING)
    assert (first.row, first.cause) == ("aux_4a_pool", Cause.MISSING)
    assert "after 4a comes conv2d_" in first.message
    assert 'L.Dense(1000, activation="softmax")(y)' in first.message
    assert second.cause is Cause.OUTPUT_COUNT


def test_the_other_tower_of_a_row_is_named():
    def build(both):
        image = keras.Input((227, 227, 3))
        towers = [conv(48, 11, 4, "valid")(image) for _ in range(2)]
        towers = [L.MaxPooling2D(3, 2)(families.lrn_by_ops(x)) for x in towers]
        towers = [conv(128, 5)(x) for x in towers]
        towers = [L.MaxPooling2D(3, 2)(families.lrn_by_ops(x)) for x in towers]
        joined = L.Concatenate()(towers)
        one, other = conv(192, 3)(joined), conv(192, 3, name="other_tower")(joined)
        towers = [conv(192, 3)(one), conv(192, 3)(other if both else one)]
        towers = [L.MaxPooling2D(3, 2)(conv(128, 3)(x)) for x in towers]
        x = L.Flatten()(L.Concatenate()(towers))
        x = L.Dense(4096, "relu")(L.Dense(4096, "relu")(x))
        return keras.Model(image, L.Dense(1000, "softmax")(x))

    with check.silently():
        check.model(lambda: build(True), like=alexnet.ALEXNET_TWO_GPUS)
    (first, *_) = findings(lambda: build(False), alexnet.ALEXNET_TWO_GPUS)
    assert (first.row, first.cause) == ("conv3", Cause.FILTERS)
    assert "Nothing reads what comes out of other_tower, made in line " in first.message


def test_an_addition_whose_output_is_not_kept(monkeypatch):
    def block(x, filters, stride):
        y = families.conv_bn(x, filters, 3, stride)
        y = families.conv_bn(y, filters, 3, relu=False)
        if stride == 1:
            L.Add()([x, y])
            return L.ReLU()(y)
        shortcut = families.conv_bn(x, filters, 1, stride, relu=False)
        return L.ReLU()(L.Add()([shortcut, y]))

    (only,) = findings(lambda: res(block), resnet.RESNET18)
    assert (only.row, only.cause) == ("conv2_1", Cause.SHORTCUT_MISSING)
    assert "Nothing reads what comes out of add" in only.message


def test_a_block_whose_output_is_not_kept():
    def block(x, filters, stride):
        made = families.basic(x, filters, stride)
        if filters == 256 and stride == 1:
            return x
        return made

    (only,) = findings(lambda: res(block), resnet.RESNET18)
    assert (only.row, only.cause) == ("conv4_2_1", Cause.BLOCK_MISSING)
    assert "Nothing reads what comes out of re_lu" in only.message


def test_an_activation_whose_output_is_not_kept():
    def block(x, filters, stride):
        y = families.basic(x, filters, stride, no_last_relu=True)
        L.ReLU()(y)
        return y

    (only,) = findings(lambda: res(block), resnet.RESNET18)
    assert (only.row, only.cause) == ("conv2_1", Cause.ACTIVATION_MISSING)
    assert "Nothing reads what comes out of re_lu" in only.message


def test_a_branch_that_is_not_joined():
    def module(x, one, reduce3, three, reduce5, five, project):
        branches = [
            conv(one, 1)(x),
            conv(three, 3)(conv(reduce3, 1)(x)),
            conv(five, 5)(conv(reduce5, 1)(x)),
        ]
        conv(project, 1, name=f"lost_{project}")(L.MaxPooling2D(3, 1, padding="same")(x))
        return L.Concatenate()(branches)

    def one_lost(*args):
        return module(*args) if args[-1] == 32 else families.inception(*args)

    (only,) = findings(lambda: google(one_lost), googlenet.GOOGLENET)
    assert (only.row, only.cause) == ("3a", Cause.WRONG_INPUT)
    assert "it should read 3a_1x1, 3a_3x3, 3a_5x5 and 3a_pool_proj." in only.message
    assert "Nothing reads what comes out of lost_32, made in line " in only.message


def test_nothing_is_said_of_layers_that_are_read_or_of_another_kind():
    def build(extra):
        model = lenet5()
        x = model.layers[-2].output
        extra(model.input)
        return keras.Model(model.input, L.Dense(10)(x))

    for extra in (lambda x: None, lambda x: L.Conv2D(9, 3)(x)):
        (only,) = findings(lambda extra=extra: build(extra), lenet.LENET5_RELU)
        assert only.cause is Cause.ACTIVATION_MISSING
        assert "Nothing reads" not in only.message


def test_a_right_network_with_something_beside_it():
    def build():
        model = lenet5()
        L.Dense(3)(model.layers[-2].output)
        L.Dense(3)(keras.Input((3,)))
        return model

    with check.silently():
        check.model(build, like=lenet.LENET5_RELU)
    with weightless():
        found = trace(build(), (32, 32, 1))
    (beside,) = found["unread"]
    assert beside["reads"] == [[84]] and "L.Dense(3)(model.layers[-2].output)" in beside["line"]
    assert beside["id"] not in [step["id"] for step in found["steps"]]


class Doubled(L.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(1,))

    def call(self, x):
        return 2 * self.factor * x


@pytest.mark.parametrize("unread", [
    lambda x: L.Flatten()(x),  # of millions of values
    lambda x: L.Dense(200_000)(L.Flatten()(x)),
    lambda x: L.Conv2D(300_000, 1)(x),
    lambda x: L.Activation("relu", name="r" * 2000)(x),
    lambda x: keras.Sequential([L.Conv2D(5, 3), L.Flatten()])(x),
    lambda x: Doubled()(x),
    lambda x: L.Lambda(lambda x: x[:, :1])(x),
    lambda x: L.Embedding(200_000, 3)(L.Flatten()(x)),
])  # fmt: skip
def test_what_nothing_reads_costs_nothing_whatever_it_is(unread):
    def vgg16():
        image = x = keras.Input((224, 224, 3))
        for step in vgg.VGG16.rows[:-3]:
            pool = step.step == "max_pool"
            x = L.MaxPooling2D(2)(x) if pool else conv(step.filters, 3)(x)
            unread(x)
        x = L.Flatten()(x)
        for units in (4096, 4096):
            x = L.Dense(units, "relu")(x)
        return keras.Model(image, L.Dense(1000, "softmax")(x))

    with check.silently():
        check.model(vgg16, like=vgg.VGG16)


class Closed(L.Layer):
    """It stays one step, as a factor is neither a kernel nor a bias."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(4, 3)

    def build(self, shape):
        self.factor = self.add_weight(shape=(1,))

    def call(self, x):
        return self.conv(x) * self.factor


def test_what_stands_inside_of_a_closed_layer_is_read():
    with weightless():
        image = keras.Input((8, 8, 3))
        found = trace(keras.Model(image, Closed()(image)))
    assert [step["op"] for step in found["steps"]] == ["own.Closed"]
    assert "unread" not in found
