"""The published tables, counted again from first principles and against numbers from elsewhere."""

import pkgutil
import re
from collections import Counter
from dataclasses import replace
from importlib import import_module
from inspect import getsource
from math import prod

import pytest

from course import architectures, arithmetic
from course.anatomy import anatomy
from course.architectures import Table, conv
from course.architectures.googlenet import GOOGLENET
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998, LENET5_RELU
from course.architectures.resnet import RESNET18, cifar, resnet

TABLES = {
    f"{module.name}.{name}": value
    for module in pkgutil.iter_modules(architectures.__path__)
    if module.name != "ilsvrc"  # which publishes none
    for name, value in vars(import_module(f"course.architectures.{module.name}")).items()
    if isinstance(value, Table) and not name.startswith("_")
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_every_table_is_found():
    assert {"lenet.LENET5", "lenet.LENET5_RELU", "lenet.LENET5_1998"} <= set(TABLES)


@every_table
def test_rows_are_named_once_and_cite_their_source(table):
    assert max(Counter(row.name for row in table.rows).values()) == 1
    assert table.source and table.name and len(table.input_shape) == 3
    names = ["input"]
    for row in table.rows:
        for name in [row.after] if isinstance(row.after, str) else row.after or ():
            assert name in names, f"{row.name} reads {name}, which comes later or never"
        names.append(row.name)


@every_table
def test_counted_again_from_first_principles(table):
    built = anatomy(table)
    made = {step.name: step for step in built}
    before, shape = {"input": tuple(table.input_shape)}, tuple(table.input_shape)
    total, work, steps = 0, 0, []
    for row in table.rows:
        names = [row.after] if isinstance(row.after, str) else row.after or ()
        steps = None if names or row.step in SEES_OTHERWISE else steps  # a chain no longer
        shapes = [before[name] for name in names] or [shape]
        shape, parameters, macs, window = _count(row, *shapes)
        total += parameters + row.norm * (3 + row.scale) * shape[-1]
        work += macs
        if row.step != "tokens":  # the same values in another shape
            step = made[row.name]
            assert (step.shape, step.parameters, step.macs) == (shape, parameters, macs), row.name
            statistics = 2 * shape[-1] * (row.step == "batch_norm")
            assert step.trained == (parameters - statistics) * row.trainable
        if steps is not None and window:
            steps.append(window)
            assert step.receptive_field == arithmetic.receptive_field(steps), row.name
        before[row.name] = shape
    assert built.parameters == total == sum(step.parameters for step in built)
    assert built.macs == work == sum(step.macs for step in built)
    outputs = [before[name] for name in table.outputs] or [shape]
    assert built.output_shapes == outputs


#: Steps behind which the receptive field is not that of a chain of windows.
SEES_OTHERWISE = {"conv_transpose", "upsample", "attention", "grn"}


def _count(row, *shapes):
    """(output shape, parameters, MACs, (kernel, stride) or None) of a row, from its inputs' shapes.

    Parameters are all there are, but not those of the batch normalisation behind a convolution.
    """
    shape, bias = shapes[0], bool(row.bias)
    *grid, channels = shape
    kernel, stride = (_pair(each) for each in (row.kernel, row.stride))
    if row.step == "dense":
        parameters = arithmetic.dense_parameters(prod(shape), row.filters, bias)
        macs = prod(shape) * row.filters
        return (row.filters,), parameters, macs, (shape[0] if len(shape) == 3 else 1, 1)
    if row.step == "conv_transpose":
        cut = 2 * row.padding
        grid = [(n - 1) * s + k - cut for n, k, s in zip(grid, kernel, stride, strict=True)]
        weights = prod(kernel) * channels * row.filters
        macs = weights * prod(shape[:2])
        return (*grid, row.filters), weights + bias * row.filters, macs, None
    if row.step in ("conv", "max_pool", "average_pool"):
        if len(grid) == 2:
            grid = [_slid(row, axis, size) for axis, size in enumerate(grid)]
        window = (max(kernel), max(stride))
        if row.step != "conv":
            return (*grid, channels), 0, 0, window
        seen = row.connections or [range(channels // row.groups)] * row.filters
        weights = prod(kernel) * sum(map(len, seen))
        parameters = weights + bias * row.filters
        return (*grid, row.filters), parameters, weights * prod(grid), window
    if row.step == "attention":
        each = channels * row.heads * row.key_dim  # queries, keys, values, and the way back
        parameters = 4 * each + bias * (3 * row.heads * row.key_dim + channels)
        products = 2 * grid[0] ** 2 * row.heads * row.key_dim  # of all pairs of tokens
        return shape, parameters, 4 * grid[0] * each + products, None
    parameters = {
        "batch_norm": (3 + row.scale) * channels,
        "layer_norm": 2 * channels,
        "class_token": channels,
        "position_embedding": prod(shape),
    }
    made = {
        "concatenate": (*grid, sum(other[-1] for other in shapes)),
        "multiply": max(shapes, key=prod),
        "global_average_pool": (channels,),
        "first_token": (channels,),
        "pad_channels": (*grid, row.filters),
        "tokens": (prod(grid), channels),
        "class_token": (prod(grid) + 1, channels),
        "crop": (*(size - 2 * row.padding for size in grid), channels),
    }
    window = (grid[0], 1) if row.step == "global_average_pool" else None
    return made.get(row.step, shape), parameters.get(row.step, 0), 0, window


def _pair(value):
    return value if isinstance(value, tuple) else (value, value)


def _slid(row, axis, size):
    """How often a window fits along an axis."""
    kernel, stride = _pair(row.kernel)[axis], _pair(row.stride)[axis]
    if row.padding == "ceil":
        return arithmetic.output_size(size, kernel, stride, ceil=True)
    around = row.padding if row.padding == "same" else _pair(row.padding)[axis]
    if around == "same":
        around = arithmetic.same_padding(size, kernel, stride)
    return arithmetic.output_size(size, kernel, stride, around)


def _commented():
    """{names of tables: numbers of the comment above them}, for each comment of a module."""
    found = {}
    for module in {name.split(".")[0] for name in TABLES}:
        text = getsource(import_module(f"course.architectures.{module}"))
        for comment, names in re.findall(r"((?:^#:.*\n)+)^([A-Z0-9_, ]+) = ", text, re.MULTILINE):
            tables = [f"{module}.{name}" for name in names.split(", ")]
            numbers = re.findall(r"\d{1,3}(?:,\d{3})+", comment)
            if tables[0] in TABLES and numbers:
                found[tuple(tables)] = [int(number.replace(",", "")) for number in numbers]
    return found


def test_the_numbers_above_a_table_are_its_own():
    commented = _commented()
    for names, numbers in commented.items():
        built = [anatomy(TABLES[name]) for name in names]
        own = {n for each in built for n in (each.parameters, each.trained, each.macs)}
        assert set(numbers) <= own, names
        if names[0] in LATER:
            assert {built[0].trained, built[0].macs} <= set(numbers), names
    later = set(TABLES) - set(SHEET.values()) - {name for names in commented for name in names}
    assert later == {"first.FIRST", "lenet.LENET5_RELU"}  # no comment has a number for these


@pytest.mark.parametrize(
    "table, parameters, trained, macs",
    [
        (LENET5, 61_706, 61_706, 416_520),
        (LENET5_RELU, 61_706, 61_706, 416_520),
        (LENET5_1998, 60_840, 60_000, 328_096),
    ],
)
def test_lenets_totals(table, parameters, trained, macs):
    built = anatomy(table)
    assert (built.parameters, built.trained, built.macs) == (parameters, trained, macs)
    assert built.memory == 9_118


@pytest.mark.parametrize("table, key", [(LENET5, "lenet5_modern_32"), (LENET5_1998, "lenet5_1998")])
def test_the_same_numbers_as_the_fact_sheet(table, key, specs):
    published, built = specs["architectures"][key], anatomy(table)
    assert tuple(published["input"]) == table.input_shape
    rows = [step for step in built if not step.name.endswith("_mean")]
    for step, fact in zip(rows, published["layers"], strict=True):
        assert prod(step.shape) == prod(fact["out_shape"]), step.name
        assert step.trained == fact["params"], step.name
        assert step.receptive_field == fact["rf"], step.name
        if fact["op"] != "subsample":  # the sheet counts the mean's multiplications there
            assert step.macs == fact["macs"], step.name
    totals = published["totals"]
    assert built.trained == totals["params_trainable"]
    assert built.macs == totals["macs"]
    assert built.memory == totals["activations_incl_input"]


SHEET = {
    "alexnet_single_227": "alexnet.ALEXNET",
    "alexnet_2gpu_227": "alexnet.ALEXNET_TWO_GPUS",
    "caffenet_227": "alexnet.CAFFENET",
    "zfnet_paper_fig3": "zfnet.ZFNET",
    "vgg11_A": "vgg.VGG11",
    "vgg13_B": "vgg.VGG13",
    "vgg16_C": "vgg.VGG16_C",
    "vgg16": "vgg.VGG16",
    "vgg19": "vgg.VGG19",
    "googlenet": "googlenet.GOOGLENET",
    "googlenet_train_aux": "googlenet.GOOGLENET_TRAINING",
    "inception_naive_slide": "googlenet.INCEPTION_NAIVE",
    "inception_bottleneck_slide": "googlenet.INCEPTION_BOTTLENECK",
    "resnet34_optionC": "resnet.RESNET34_C",
    **{f"resnet{n}": f"resnet.RESNET{n}" for n in (18, 34)},
    **{f"resnet{n}_optionA": f"resnet.RESNET{n}_A" for n in (18, 34)},
    **{f"plain{n}": f"resnet.PLAIN{n}" for n in (18, 34)},
    **{f"resnet{n}_v1": f"resnet.RESNET{n}" for n in (50, 101, 152)},
    **{f"resnet{n}_v1.5": f"resnet.RESNET{n}_V1_5" for n in (50, 101, 152)},
    **{f"cifar_resnet{n}": f"resnet.CIFAR_RESNET{n}" for n in (20, 32, 44, 56, 110)},
    **{f"cifar_resnet{n}_optionB": f"resnet.CIFAR_RESNET{n}_B" for n in (20, 56)},
    **{f"cifar_plain{n}": f"resnet.CIFAR_PLAIN{n}" for n in (20, 56)},
}


#: The fact sheet ends with 2016. Most of the others are compared with Keras's (test_families.py).
LATER = {
    "convnext.CONVNEXT_T", "densenet.DENSENET121", "efficientnet.EFFICIENTNET_B0",
    "inception_v3.INCEPTION_V3", "mobilenet.MOBILENET", "mobilenet.MOBILENET_V2",
    "resnet_v2.RESNET50_V2", "resnet_v2.RESNET50_V2_KERAS", "resnext.RESNEXT50", "unet.UNET",
    "unet.UNET_SAME", "vit.VIT_B16",
}  # fmt: skip


def test_every_table_is_compared_with_the_fact_sheet():
    assert set(TABLES) - set(SHEET.values()) - LATER == {
        "first.FIRST",  # the course's own, of no paper
        "lenet.LENET5", "lenet.LENET5_RELU", "lenet.LENET5_1998",
    }  # fmt: skip


def test_what_the_fact_sheet_has_of_later_networks(specs):
    sheet = specs["keras_applications"]
    inception, units = (
        anatomy(TABLES[name])
        for name in ("inception_v3.INCEPTION_V3", "resnet_v2.RESNET50_V2_KERAS")
    )
    assert inception.parameters == sheet["InceptionV3"]["count_params"]
    assert inception.trained == sheet["InceptionV3"]["trainable"]
    assert inception.macs == sheet["InceptionV3"]["macs"]
    assert units.macs == sheet["ResNet50V2"]["macs"]  # Keras has biases in addition, the table none


@pytest.mark.parametrize("key, name", SHEET.items())
def test_totals_of_the_fact_sheet(key, name, specs):
    published, built = specs["architectures"][key], anatomy(TABLES[name])
    totals, layers = published["totals"], published["layers"]
    assert tuple(published["input"]) == TABLES[name].input_shape
    assert built.trained == totals["params_trainable"]
    assert built.parameters == totals["params_with_bn_moving"]
    assert built.macs == totals["macs"]
    assert built.memory == prod(published["input"]) + sum(layer["out_elems"] for layer in layers)
    assert built.steps[-1].receptive_field == layers[-1]["rf"]


def test_resnets_of_other_depths():
    """Blocks between those that are published; one more has as many parameters as its like has."""
    for kind, name in (("basic", "conv3_2"), ("bottleneck", "conv3_2")):
        less, more = (anatomy(resnet(kind, [1, blocks, 1, 1])) for blocks in (2, 3))
        block = [step.trained for step in less if step.name.startswith(name)]
        assert more.trained - less.trained == sum(block)
        assert more.steps[-1].shape == less.steps[-1].shape
    assert cifar(20).rows == TABLES["resnet.CIFAR_RESNET20"].rows
    less, more = anatomy(cifar(8, None)), anatomy(cifar(14, None))
    assert more.trained - less.trained == sum(
        2 * (9 * maps * maps + 2 * maps) for maps in (16, 32, 64)
    )


def test_c3_is_the_papers_table_one(specs):
    layers = specs["architectures"]["lenet5_1998"]["layers"]
    published = next(layer["connection_table"] for layer in layers if layer["name"] == "C3")
    assert [list(seen) for seen in C3_CONNECTIONS] == published


def test_c3_connections():
    assert len(C3_CONNECTIONS) == 16 == len(set(C3_CONNECTIONS))
    assert sum(map(len, C3_CONNECTIONS)) == 60
    assert [len(seen) for seen in C3_CONNECTIONS] == [3] * 6 + [4] * 9 + [6]
    assert Counter(i for seen in C3_CONNECTIONS for i in seen) == dict.fromkeys(range(6), 10)
    assert all(list(seen) == sorted(set(seen)) for seen in C3_CONNECTIONS)
    around = [{(start + i) % 6 for i in range(n)} for n in (3, 4) for start in range(6)]
    assert all(set(seen) in around for seen in C3_CONNECTIONS[:12])
    assert not any(set(seen) in around for seen in C3_CONNECTIONS[12:15])
    c3 = anatomy(LENET5_1998)["C3"]
    assert (c3.parameters, c3.macs) == (1_516, 150_000)


def test_with_other_classes_and_another_input():
    other = LENET5.with_(classes=17, input_shape=(28, 28, 3))
    assert other.classes == 17 and LENET5.classes == 10
    assert other.input_shape == (28, 28, 3) and LENET5.input_shape == (32, 32, 1)
    built = anatomy(other)
    assert built["C1"].parameters == (25 * 3 + 1) * 6
    assert built["S4"].shape == (4, 4, 16)
    assert built.output_shapes == [(17,)]
    assert LENET5.with_() == LENET5


def test_an_input_that_is_too_small():
    with pytest.raises(ValueError, match="too small"):
        anatomy(LENET5.with_(input_shape=(12, 12, 1)))


def test_with_something_else():
    with pytest.raises(TypeError):
        LENET5.with_(filters=3)


def test_part():
    one = LENET5.part("C3", input_shape=(14, 14, 6))
    assert [row.name for row in one.rows] == ["C3"] and one.name == "LeNet-5, C3"
    assert anatomy(one).parameters == 2_416
    some = LENET5.part("S2", "S4", input_shape=[28, 28, 6])
    assert [row.name for row in some.rows] == ["S2", "C3", "S4"]
    assert some.name == "LeNet-5, S2 to S4" and some.input_shape == (28, 28, 6)


@pytest.mark.parametrize("names", [("C2",), ("C1", "c3"), ("S7", "S4")])
def test_a_part_that_is_not_there(names):
    with pytest.raises(KeyError, match=r"has the rows C1, .*, output\. Received"):
        LENET5.part(*names, input_shape=(14, 14, 6))


def test_a_part_that_ends_before_it_begins():
    with pytest.raises((KeyError, ValueError)):
        LENET5.part("F6", "C1", input_shape=(14, 14, 6))


@every_table
def test_a_table_shows_itself(table):
    text, html = str(table), table._repr_html_()
    assert repr(table) == text
    for row in table.rows:
        assert row.name in text and f">{row.name}<" in html
    assert "None" not in text and "None" not in html
    assert table.source in text


def test_what_a_table_shows():
    assert "1.7159 · tanh(2a/3)" in str(LENET5_1998) and "scaled_tanh" not in str(LENET5_1998)
    assert "softmax or none" in str(LENET5_1998)
    odd = replace(LENET5, name="<b>A & B</b>", rows=(conv("<i>", 1, 3),))
    assert "<b>" not in odd._repr_html_() and "&lt;i&gt;" in odd._repr_html_()
    assert "A &amp; B" in odd._repr_html_()


def test_a_part_reads_its_input_where_the_whole_reads_an_earlier_row():
    block = anatomy(RESNET18.part("conv2_1_1", "conv2_1", input_shape=(56, 56, 64)))
    sources = [source.name for value in block["conv2_1"].inputs for source in value.sources]
    assert sources == ["input", "conv2_1_2_bn"]
    module = anatomy(GOOGLENET.part("3b_1x1", "3b", input_shape=(28, 28, 256)))
    assert module["3b"].filters == 480
    with pytest.raises(KeyError, match="should read one earlier row"):
        GOOGLENET.part("3a_3x3", "3a", input_shape=(28, 28, 256))
