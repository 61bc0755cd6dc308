"""What a network costs whoever judges it: forged and odd ones of a few kB end as a failed check."""

import gc
import time
import tracemalloc

import keras
import pytest
from keras import layers

from course import check
from course.anatomy import anatomy
from course.architectures import googlenet, lenet, resnet
from course.diagnosis import MOST_FINDINGS, Cause, align
from course.evidence.observe import weightless
from course.evidence.trace import trace
from course.network import recognise, regions
from course.notebook.read import read_notebook
from tests.diagnosis.test_families import verdict

CONV = {
    "kernel_size": [5, 5], "strides": [1, 1], "dilation_rate": [1, 1], "padding": "same",
    "activation": "tanh", "use_bias": True, "groups": 1,
}  # fmt: skip


class Forged:
    """A trace that no network stands behind, written step by step."""

    def __init__(self, shape):
        self.steps = []
        self.inputs = [{"id": 0, "name": "image", "shape": list(shape)}]

    def step(self, op, args, shape=(1, 1, 1), name="s", **config):
        number = len(self.steps) + 1
        self.steps.append({
            "id": number, "op": op, "name": f"{name}{number}", "config": config, "layer": number,
            "args": args, "shapes": [list(shape)], "parameters": 1, "trained": 1,
        })  # fmt: skip
        return {"tensor": [number, 0]}

    def conv(self, x, filters, **rest):
        return self.step("layers.Conv2D", [x], **{**CONV, "filters": filters, **rest})

    def join(self, values):
        return self.step("layers.Concatenate", [values], axis=-1)

    def trace(self, *outputs):
        outputs = [value["tensor"] for value in outputs]
        return {"inputs": self.inputs, "steps": self.steps, "outputs": outputs}


IMAGE = {"tensor": [0, 0]}
FORGED = []


def forged(make):
    FORGED.append(make)
    return make


@forged
def doubled(of):
    x = of.conv(IMAGE, 6)
    for _ in range(38):
        x = of.join([x, x])
    return [x]


@forged
def doubled_and_read(of):
    x = of.conv(IMAGE, 6)
    for _ in range(12):
        x = of.join([x, x])
    return [of.join([of.conv(x, 6) for _ in range(3000)])]


@forged
def wide_slices(of):
    x = of.conv(IMAGE, 99_999)
    cuts = [["...", {"slice": [number, None, None]}] for number in range(3000)]
    return [of.join([of.conv(of.step("ops.GetItem", [x, cut]), 1) for cut in cuts[:1600]])]


@forged
def every_other_map(of):
    x = of.conv(IMAGE, 99_999)
    key = ["...", {"slice": [0, None, 2]}]
    return [of.join([of.step("ops.GetItem", [x, key]) for _ in range(3000)])]


@forged
def splits(of):
    x = of.conv(IMAGE, 99_999)
    return [of.step("ops.Split", [x], indices_or_sections=99_999, axis=-1) for _ in range(900)]


@forged
def taken_in_disorder(of):
    x = of.conv(IMAGE, 4000)
    for _ in range(60):
        x = of.step("ops.Take", [x, [37 * at % 4000 for at in range(4000)]], axis=-1)
    return [x]


@forged
def equal_convolutions(of):
    return [of.join([of.conv(IMAGE, 1) for _ in range(3000)])]


@forged
def equal_branches(of):
    return [of.conv(IMAGE, 6) for _ in range(3000)]


@forged
def wide_convolutions(of):
    x = of.conv(IMAGE, 99_999)
    return [of.join([of.conv(x, 99_999) for _ in range(4000)])]


@forged
def wide_groups(of):
    x = of.conv(IMAGE, 99_999)
    return [of.join([of.conv(x, 99_999, groups=99_999) for _ in range(2)])]


@forged
def deep(of):
    x = IMAGE
    for _ in range(4900):
        x = of.conv(x, 6)
    return [x]


@forged
def deep_towers(of):
    one = other = of.conv(IMAGE, 6)
    for _ in range(2400):
        one, other = of.conv(one, 6, groups=2), of.conv(other, 6, groups=2)
    return [of.join([one, other])]


@forged
def towers_with_many_ends(of):
    one = other = of.conv(IMAGE, 6)
    ends = []
    for _ in range(950):
        one, other = of.conv(one, 6), of.conv(other, 6)
        ends.append(of.join([of.conv(one, 6), of.conv(other, 6)]))
    return ends


@forged
def added_to_itself(of):
    x = of.conv(IMAGE, 6)
    for _ in range(3000):
        x = of.step("layers.Add", [[x, x]], (28, 28, 6))
    return [x]


@forged
def multiplied_with_itself(of):
    x = of.conv(IMAGE, 6)
    for _ in range(2400):
        x = of.step("ops.Multiply", [x, of.step("ops.Square", [x], (32, 32, 6))], (32, 32, 6))
    return [x]


@forged
def all_read_all(of):
    xs = [of.conv(IMAGE, 6) for _ in range(300)]
    return [of.join([of.step("layers.Add", [xs], (28, 28, 6)) for _ in range(300)])]


@forged
def functions_behind_pools(of):
    x = of.conv(IMAGE, 6)
    pool = {"pool_size": [3, 3], "strides": [1, 1], "padding": "same"}
    for _ in range(2400):
        x = of.step("layers.MaxPooling2D", [x], **pool)
    for _ in range(2400):
        x = of.step("ops.Relu", [x])
    return [x]


@forged
def probes_of_a_long_way(of):
    """Each step says that it is a function of the first, which it is not."""
    x = begin = of.conv(IMAGE, 6)
    for _ in range(4900):
        x = of.step("ops.Sin", [x], (28, 28, 6))
        probe = {"of": begin["tensor"], "gives": [0.5] * len(recognise.points([28, 28, 6]))}
        of.steps[-1] |= {"parameters": 0, "trained": 0, "probe": [probe] * 3}
    return [x]


@forged
def groups_that_are_nothing(of):
    """Each step says that it is a pool of the first, which it is not."""
    x = begin = of.conv(IMAGE, 6)
    told = [0.5] * len(regions.points([14, 14, 6]))
    for _ in range(4900):
        x = of.step("ops.Sin", [x], (14, 14, 6))
        region = {"of": [begin["tensor"]], "gives": told}
        of.steps[-1] |= {"parameters": 0, "trained": 0, "region": region}
    return [x]


@forged
def long_names(of):
    return [of.join([of.conv(IMAGE, 6, name="a" * 90_000) for _ in range(20)])]


@forged
def large_shape(of):
    return [of.conv(of.step("layers.Odd", [IMAGE], (10**400, 10**400, 3)), 6)]


MANY_ROWS = (wide_slices, equal_branches, deep, all_read_all)  # and several ends
CASES = [
    pytest.param(lenet.LENET5, FORGED, id="LeNet-5"),
    pytest.param(googlenet.GOOGLENET_TRAINING, MANY_ROWS, id="GoogLeNet"),
]


class Student:
    """Stands where the grader has the student's code, and answers with a trace."""

    __name__ = "network"

    def __init__(self, trace):
        self.trace = trace

    def __evidence__(self, request):
        return {"trace": self.trace}


@pytest.mark.parametrize("table, cases", CASES)
def test_a_forged_trace_costs_little_and_fails(table, cases, monkeypatch):
    made = recorded(monkeypatch)
    for make in cases:
        of = Forged(table.input_shape)
        written = of.trace(*make(of))
        made.clear()
        begin = time.process_time()
        with pytest.raises(check.CheckFailed) as failed, check.silently():
            check.model(Student(written), like=table)
        # Each takes less than a second; this only tells bounded from unbounded.
        assert time.process_time() - begin < 10, make
        assert sum(map(work, made)) <= align.MOST_STATES * align.USUAL_STEPS, make
        text = failed.value.findings[0].message
        assert text.endswith(".") and "Error" not in text and len(text) < 600, (make, text)


def recorded(monkeypatch):
    """The list of the alignments that are made from now on."""
    made, search = [], align.align

    def aligned(*networks):
        made.append(search(*networks))
        return made[-1]

    monkeypatch.setattr(align, "align", aligned)
    return made


def work(alignment):
    """What a search has cost: each of its states takes longer, the more its network reads."""
    net = alignment.nets.net
    inputs = sum(map(len, net.inputs))
    return alignment.states * max(len(net.nodes), inputs // align.INPUTS_OF_A_STEP)


def test_a_forged_trace_takes_little_memory():
    for make in (doubled, wide_groups, splits):
        of = Forged(lenet.LENET5.input_shape)
        written = of.trace(*make(of))
        tracemalloc.start()
        with pytest.raises(check.CheckFailed), check.silently():
            check.model(Student(written), like=lenet.LENET5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 250e6, make.__name__


def doubling(times):
    x = y = image = keras.Input((32, 32, 1))
    for _ in range(times):
        x, y = layers.Concatenate()([x, y]), layers.Concatenate()([y, x])
    return keras.Model(image, x)


def test_maps_that_double_are_read_no_further():
    with pytest.raises(check.CheckFailed) as failed, check.silently():
        check.model(lambda: doubling(38), like=lenet.LENET5)
    (found,) = failed.value.findings
    assert found.cause is Cause.READ_NO_FURTHER
    assert found.message == (
        "This network takes its maps apart and puts them together in more than 50,000 pieces. "
        "The check reads no further."
    )


def bottlenecks(counts, join=layers.Add):
    """ResNet's blocks of three convolutions, joined with their shortcut by `join`."""

    def conv_bn(x, filters, kernel, stride=1):
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    image = keras.Input((224, 224, 3))
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(conv_bn(image, 64, 7, 2)))
    for stage, count in enumerate(counts):
        filters = 64 * 2**stage
        for number in range(count):
            stride = 2 if stage and number == 0 else 1
            y = layers.ReLU()(conv_bn(x, filters, 1, stride))
            y = conv_bn(layers.ReLU()(conv_bn(y, filters, 3)), 4 * filters, 1)
            if number == 0 or join is not layers.Add:
                x = conv_bn(x, 4 * filters, 1, stride)
            x = layers.ReLU()(join()([y, x]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(1000, "softmax")(x))


@pytest.mark.parametrize(
    "counts, join, table, kind",
    [
        ((3, 4, 6, 3), layers.Concatenate, resnet.RESNET50, "side by side"),
        ((3, 8, 36, 3), layers.Concatenate, resnet.RESNET152, "side by side"),
        ((3, 36, 8, 3), layers.Add, resnet.RESNET152, "block too many"),
    ],
    ids=["ResNet-50 concatenates", "ResNet-152 concatenates", "ResNet-152 with stages swapped"],
)
def test_another_large_network_is_told_at_once(counts, join, table, kind):
    with weightless():
        written = trace(bottlenecks(counts, join))
    alignment = align.align(anatomy(table), anatomy(written))
    assert alignment.edits[0].kind == kind
    assert alignment.states < 40 and alignment.nets.looks < 4000


def test_the_same_builder_is_right_where_its_table_is():
    assert verdict(lambda: bottlenecks((3, 8, 36, 3)), resnet.RESNET152) == []


def test_a_card_that_stops_counting_says_so():
    with pytest.raises(check.CheckFailed) as failed, check.silently():
        check.model(lambda: bottlenecks((3, 4, 6, 3)), like=resnet.RESNET34)
    assert len(failed.value.findings) == MOST_FINDINGS
    assert "is not right, and at least 4 more to look at." in str(failed.value)


def test_of_several_tables_the_nearest_is_named():
    tables = [resnet.RESNET50, resnet.RESNET50_V1_5, resnet.RESNET101]
    with pytest.raises(check.CheckFailed) as failed, check.silently():
        check.model(lambda: bottlenecks((3, 4, 22, 3)), like=tables)
    (found,) = failed.value.findings
    assert (found.row, found.cause) == ("conv4_23_1", Cause.BLOCK_MISSING)
    assert "compared with ResNet-101, the nearest of 3 tables." in str(failed.value)


def test_of_several_tables_the_one_that_fits_is_named(capsys):
    tables = [resnet.RESNET50_V1_5, resnet.RESNET50]
    check.model(lambda: bottlenecks((3, 4, 6, 3)), like=tables)
    assert "is ResNet-50: 25,557,032 trained parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ['{"cells": [' + "[]," * 6_000_000 + "[]]}", "[" + "[]," * 6_000_000 + "[]]"],
    ids=["in the cells", "with no cells"],
)
def test_millions_of_empty_lists_are_read_without_a_look_for_garbage(text):
    begun, looks = time.process_time(), []
    gc.callbacks.append(lambda phase, info: looks.append(phase))
    try:
        nb, problem = read_notebook(text.encode())
    finally:
        gc.callbacks.pop()
    assert (nb is not None and not nb.cells) or "no list of cells" in problem
    assert len(looks) < 100
    assert time.process_time() - begun < 10  # about 2 s; this tells bounded from unbounded
