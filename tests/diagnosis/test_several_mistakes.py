"""Several mistakes at once: the first sentence is about the first of them, and is true."""

from dataclasses import replace

import pytest

from course.architectures import batch_norm, conv, sources
from course.architectures.alexnet import ALEXNET, CAFFENET
from course.architectures.googlenet import GOOGLENET, GOOGLENET_TRAINING
from course.architectures.lenet import LENET5
from course.architectures.mobilenet import MOBILENET
from course.architectures.resnet import PLAIN18, RESNET18, RESNET34, RESNET50
from course.architectures.resnet_v2 import RESNET50_V2
from course.architectures.unet import UNET
from course.architectures.vgg import VGG16
from course.architectures.zfnet import ZFNET
from course.diagnosis import Cause, diagnose
from course.grading.tables.mistakes import explicit, nameless


def without(table, first, last=None):
    """The table without the rows from `first` to `last`; their readers read what `first` reads."""
    rows, names = table.rows, [row.name for row in table.rows]
    begin, end = names.index(first), names.index(last or first) + 1
    gone, instead = names[begin:end], sources(rows[begin])

    def read(row):
        each = (instead if name in gone else (name,) for name in sources(row))
        return tuple(dict.fromkeys(name for several in each for name in several))

    return replace(table, rows=tuple(replace(r, after=read(r)) for r in rows if r.name not in gone))


def with_(table, which, **changes):
    """The table with some fields changed in the rows of a name, or of a kind."""
    rows = (replace(r, **changes) if which in (r.name, r.step) else r for r in table.rows)
    return replace(table, rows=tuple(rows))


def doubled(table, name):
    """The table with a row once more behind itself."""
    rows, more = [], f"{name}_more"
    for row in table.rows:
        after = tuple(more if source == name else source for source in sources(row))
        rows.append(replace(row, after=after))
        if row.name == name:
            rows.append(replace(row, name=more, after=(name,)))
    return replace(table, rows=tuple(rows))


def without_shortcut(table, name):
    """The table without an addition; what it adds to has its activation."""
    (total,) = [row for row in table.rows if row.name == name]
    *_, main = sources(total)
    rows = []
    for row in with_(table, main, activation=total.activation).rows:
        after = tuple(main if source == name else source for source in sources(row))
        rows += [replace(row, after=after)] * (row.name != name)
    return replace(table, rows=tuple(rows))


def told(network, table):
    return diagnose(nameless(network), table)


def no_norms(table):
    return without(without(explicit(table), "norm1"), "norm2")


FEWER = {"conv3": {"filters": 256}, "conv5": {"filters": 384}}
SMALL = {"kernel": 7, "stride": 2}


@pytest.mark.parametrize("more", [
    {}, {"pool5": {"kernel": 2}}, {"fc6": {"filters": 2048}}, {"pool1": {"kernel": 2}},
    {"fc7": {"activation": None}},
])  # fmt: skip
def test_the_first_convolution_is_another_and_not_extra(more):
    network = no_norms(ALEXNET)
    for name, changes in {"conv1": SMALL, **FEWER, **more}.items():
        network = with_(network, name, **changes)
    first, *_ = told(network, ALEXNET)
    assert first.row == "conv1" and first.cause is not Cause.EXTRA
    assert "7 × 7" in first.message and "11 × 11" in first.message


@pytest.mark.parametrize("table", [ALEXNET, CAFFENET, ZFNET, GOOGLENET])
def test_both_norms_are_named_although_the_pools_are_others_too(table):
    network = with_(no_norms(table), "max_pool", step="average_pool")
    found = told(network, table)
    (norms,) = [each for each in found if each.cause is Cause.MISSING]
    assert norms.row == "norm1" and "norm2 is missing, too." in norms.message
    assert any(each.cause is Cause.POOL_KIND and each.row == "pool1" for each in found)


@pytest.mark.parametrize("table, changes", [
    (ALEXNET, {"conv3": "conv4", "conv5": ""}), (ZFNET, {"conv3": "conv4", "fc7": ""}),
    (GOOGLENET, {"3a_1x1": "3b_1x1", "pool3": ""}),
])  # fmt: skip
def test_no_norm_is_forgotten_in_another_network(table, changes):
    network = no_norms(table)
    for double, gone in changes.items():
        network = doubled(network, double)
        network = without(network, gone) if gone else network
    first, *_ = told(network, table)
    assert (first.row, first.cause) == ("norm1", Cause.MISSING)
    assert "norm2" in first.message


@pytest.mark.parametrize("table, twice, gone", [
    (ALEXNET, "conv2", "norm2"), (LENET5, "C1", "S2"), (GOOGLENET, "pool1", "norm1"),
    (VGG16, "pool1", "conv2_1"), (ZFNET, "conv2", "pool2"),
])  # fmt: skip
def test_what_is_there_twice_is_not_another_row(table, twice, gone):
    network = without(doubled(explicit(table), twice), gone)
    causes = {each.cause for each in told(network, table)}
    assert Cause.OTHER_STEP not in causes
    assert causes <= {Cause.MISSING, Cause.EXTRA, Cause.FILTERS}


@pytest.mark.parametrize("table, first, last", [
    (GOOGLENET, "pool4", "5a"), (GOOGLENET, "pool3", "4a"), (GOOGLENET, "norm2", "3a"),
    (GOOGLENET, "conv2_reduce", "3a"), (RESNET18, "pool1", "conv2_1"),
    (RESNET50, "pool1", "conv2_1"), (UNET, "pool1", "up1_1"),
])  # fmt: skip
def test_rows_before_a_missing_block_are_missing_too(table, first, last):
    found, *_ = told(without(explicit(table), first, last), table)
    assert (found.row, found.cause) == (first, Cause.MISSING)
    assert "are missing, too." in found.message


@pytest.mark.parametrize("table, first, last", [
    (GOOGLENET, "4b_1x1", "4b"), (GOOGLENET, "5b_1x1", "5b"), (RESNET18, "conv3_2_1", "conv3_2"),
    (RESNET50, "conv4_3_1", "conv4_3"), (VGG16, "conv5_1", "pool5"),
    (PLAIN18, "conv2_2_1", "conv2_2_2"), (MOBILENET, "conv9_dw", "conv9_pw"),
])  # fmt: skip
def test_a_missing_block_is_still_a_block(table, first, last):
    found, *_ = told(without(explicit(table), first, last), table)
    assert found.cause is Cause.BLOCK_MISSING


@pytest.mark.parametrize("table, row, units", [
    (LENET5, "C5", 100), (LENET5, "F6", 80), (ALEXNET, "fc6", 2048), (VGG16, "fc7", 1000),
    (ZFNET, "fc6", 1024),
])  # fmt: skip
def test_the_size_of_a_vector_is_said_once(table, row, units):
    found, *_ = told(with_(explicit(table), row, filters=units), table)
    assert found.message.startswith(f"{row}: It has {units} units, the table has ")


@pytest.mark.parametrize("table, row", [(LENET5, "output"), (ALEXNET, "fc8"), (RESNET18, "fc")])
def test_the_number_of_classes_is_said_once(table, row):
    found, *_ = told(with_(explicit(table), row, filters=7), table)
    assert found.message.startswith(f"{row}: It has 7 outputs. It needs ")


@pytest.mark.parametrize("table, adds", [
    (RESNET18, ("conv2_1", "conv2_2")), (RESNET18, ("conv2_1",)), (RESNET34, ("conv2_1",)),
    (RESNET34, ("conv2_1", "conv2_2", "conv2_3", "conv3_2")),
    (RESNET34, ("conv2_1", "conv3_3", "conv5_2")),
])  # fmt: skip
def test_a_row_that_a_block_and_its_shortcut_read_is_missing_by_itself(table, adds):
    network = without(explicit(table), "pool1")
    for name in adds:
        network = without_shortcut(network, name)
    pool, shortcut, *_ = told(network, table)
    assert (pool.row, pool.cause) == ("pool1", Cause.MISSING)
    assert (shortcut.row, shortcut.cause) == ("conv2_1", Cause.SHORTCUT_MISSING)


def normed_behind(table, *without_norm):
    """The table with a batch normalisation behind each convolution and its activation."""
    table = explicit(table)
    names = [r.name for r in table.rows if r.step == "conv" and r.name not in without_norm]
    rows = []
    for row in table.rows:
        after = tuple(f"{each}_norm" if each in names else each for each in sources(row))
        rows.append(replace(row, after=after))
        if row.name in names:
            rows.append(batch_norm(f"{row.name}_norm", after=(row.name,)))
    return replace(table, rows=tuple(rows))


@pytest.mark.parametrize("table", [VGG16, ALEXNET, LENET5, ZFNET, GOOGLENET])
def test_a_step_that_is_extra_everywhere_is_one_mistake(table):
    first, *rest = told(normed_behind(table), table)
    assert first.cause is Cause.EXTRA and "batch norm" in first.message
    assert "The same is true of" in first.message and not rest


@pytest.mark.parametrize("table, gone", [
    (VGG16, "pool1"), (VGG16, "pool2"), (VGG16, "pool3"), (VGG16, "pool4"), (LENET5, "S4"),
])  # fmt: skip
def test_a_step_that_is_extra_everywhere_stands_in_no_rows_place(table, gone):
    first, second, *rest = told(without(normed_behind(table), gone), table)
    assert first.cause is Cause.EXTRA and second.cause in (Cause.MISSING, Cause.WRONG_INPUT)
    assert gone in second.message and "missing" in second.message and not rest


@pytest.mark.parametrize("more", [
    {}, {"conv4_5_1": {"stride": 2}}, {"conv4_6_1": {"activation": "sigmoid"}},
    {"pool1": {"kernel": 2, "padding": 0}}, {"conv5_2_3": {"filters": 1000}},
])  # fmt: skip
def test_a_pre_activation_network_is_not_told_that_it_is_one(more):
    network = explicit(RESNET50_V2)
    rows = [r if r.step != "conv" else replace(r, filters=r.filters // 2) for r in network.rows]
    network = replace(network, rows=tuple(rows))
    for name, changes in more.items():
        network = with_(network, name, **changes)
    first, *rest = told(network, RESNET50_V2)
    assert (first.row, first.cause) == ("conv1", Cause.FILTERS)
    assert Cause.PRE_ACTIVATION not in {each.cause for each in rest}


def test_the_padding_of_a_later_row_is_told_where_a_norm_is_missing():
    network = without(without(explicit(GOOGLENET_TRAINING), "norm1"), "norm2")
    network = with_(network, "aux_4a_pool", padding=2)
    norm, pool = told(network, GOOGLENET_TRAINING)
    assert (norm.row, norm.cause) == ("norm1", Cause.MISSING)
    assert (pool.row, pool.cause) == ("aux_4a_pool", Cause.PADDING)


def test_norms_in_place_of_others_are_extra_if_they_are_behind_each_convolution():
    network = without(without(normed_behind(GOOGLENET), "norm1"), "norm2")
    first, *rest = told(network, GOOGLENET)
    assert first.cause is Cause.EXTRA and "batch norm" in first.message
    assert "The same is true of" in first.message
    assert Cause.SWAPPED not in {each.cause for each in rest}


def test_a_convolution_too_many_before_the_first_block_is_only_that():
    rows = []
    for row in explicit(RESNET50).rows:
        after = tuple("more_bn" if each == "pool1" else each for each in sources(row))
        rows.append(replace(row, after=after))
        if row.name == "pool1":
            rows.append(conv("more", 64, 1, bias=None, after=("pool1",)))
            rows.append(batch_norm("more_bn", after=("more",), activation="relu"))
    (found,) = told(replace(RESNET50, rows=tuple(rows)), RESNET50)
    assert found.cause is Cause.EXTRA and "where conv2_1_1 " in found.message


@pytest.mark.parametrize("activation", ["relu", "relu6"])
@pytest.mark.parametrize("name", ["conv1", "conv5_dw", "conv6_pw"])
def test_an_activation_that_the_table_allows_is_the_norms_own(name, activation):
    network = with_(explicit(MOBILENET), name, norm=False, activation=activation)
    (found,) = told(network, MOBILENET)
    assert (found.row, found.cause) == (f"{name}_bn", Cause.MISSING)
    rows = []
    for row in network.rows:
        after = tuple("norm" if each == name else each for each in sources(row))
        rows.append(replace(row, after=after))
        if row.name == name:
            rows.append(batch_norm("norm", after=(name,)))
    (found,) = told(replace(network, rows=tuple(rows)), MOBILENET)
    assert (found.row, found.cause) == (f"{name}_bn", Cause.ACTIVATION_BEFORE_NORM)
