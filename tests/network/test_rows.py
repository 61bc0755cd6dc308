"""Rows of networks after 2015: their sizes and counts from a table, worked out again by hand."""

import pytest

from course.anatomy import anatomy
from course.architectures import (
    Table,
    activation,
    add,
    attention,
    batch_norm,
    class_token,
    conv,
    conv_transpose,
    crop,
    dense,
    depthwise_conv,
    first_token,
    global_average_pool,
    grn,
    layer_norm,
    multiply,
    position_embedding,
    tokens,
    upsample,
)


def table(*rows, shape=(32, 32, 8)):
    return Table("a table", "made up", shape, rows)


def counts(*rows, shape=(32, 32, 8)):
    """(shape, parameters, MACs) of the last of these rows."""
    *_, last = anatomy(table(*rows, shape=shape))
    return last.shape, last.parameters, last.macs


@pytest.mark.parametrize(
    "row, shape, parameters, macs",
    [
        (batch_norm("bn"), (32, 32, 8), 4 * 8, 0),
        (batch_norm("bn", scale=False), (32, 32, 8), 3 * 8, 0),
        (layer_norm("ln"), (32, 32, 8), 2 * 8, 0),
        (grn("grn"), (32, 32, 8), 2 * 8, 0),
        (depthwise_conv("dw", 8, 3), (30, 30, 8), 9 * 8 + 8, 9 * 8 * 30 * 30),
        (depthwise_conv("scale", 8, 1, bias=False), (32, 32, 8), 8, 8 * 32 * 32),
        (
            conv("wide", 6, (1, 7), padding=(0, 3)),
            (32, 32, 6), 7 * 8 * 6 + 6, 7 * 8 * 6 * 32 * 32,
        ),
        (
            conv_transpose("up", 6, 2, 2),
            (64, 64, 6), 4 * 8 * 6 + 6, 4 * 8 * 6 * 32 * 32,
        ),
        (
            conv_transpose("up", 6, 3, 2, padding="same", bias=False),
            (64, 64, 6), 9 * 8 * 6, 9 * 8 * 6 * 32 * 32,
        ),
        (
            conv_transpose("up", 6, 4, 2, padding=1),
            (64, 64, 6), 16 * 8 * 6 + 6, 16 * 8 * 6 * 32 * 32,
        ),
        (conv_transpose("up", 6, 3, 2), (65, 65, 6), 9 * 8 * 6 + 6, 9 * 8 * 6 * 32 * 32),
        (upsample("up", (2, 3), "bilinear"), (64, 96, 8), 0, 0),
        (crop("crop", 3), (26, 26, 8), 0, 0),
        (crop("crop", (1, 3)), (30, 26, 8), 0, 0),
    ],
)  # fmt: skip
def test_a_row_alone(row, shape, parameters, macs):
    assert counts(row) == (shape, parameters, macs)


def test_squeeze_and_excite_is_a_gate_for_each_map():
    rows = anatomy(
        table(
            depthwise_conv("dw", 8, 3, padding="same"),
            global_average_pool("squeeze"),
            dense("reduce", 2, activation="relu"),
            dense("expand", 8, activation="sigmoid"),
            multiply("scale", ("dw", "expand")),
        )
    )
    assert rows["scale"].shape == (32, 32, 8)
    assert [step.does() for step in rows][-2:] == ["dense, sigmoid", "multiply"]
    with pytest.raises(ValueError, match="32 × 32 × 8 and 4 cannot be multiplied"):
        anatomy(table(activation("a", "tanh"), global_average_pool("p"), dense("d", 4),
                      multiply("m", ("a", "d"))))  # fmt: skip


def test_a_transformer_block_on_tokens():
    heads, each, wide, n = 4, 6, 24, 16 + 1
    rows = anatomy(
        table(
            conv("patches", wide, 8, stride=8),
            tokens("sequence"),
            class_token("class"),
            position_embedding("positions"),
            layer_norm("norm"),
            attention("attention", heads, each),
            add("sum", ("positions", "attention")),
            conv("mlp", 4 * wide, 1, activation="gelu"),
            first_token("first"),
            dense("head", 10),
        )
    )
    assert "sequence" not in [step.name for step in rows]  # like Flatten, it is no row
    assert rows["class"].shape == rows["sum"].shape == (n, wide)
    assert rows["class"].parameters == wide and rows["positions"].parameters == n * wide
    attended = rows["attention"]
    assert attended.parameters == 4 * (wide * wide + wide) and attended.does().endswith(
        "4 heads of 6"
    )
    assert attended.macs == 4 * n * wide * wide + 2 * n * n * wide
    assert rows["patches"].receptive_field == 8 and attended.receptive_field == 32
    assert rows["mlp"].macs == n * wide * 4 * wide
    assert rows["mlp"].does() == "dense for each token, gelu"
    assert rows["head"].parameters == 4 * wide * 10 + 10 and rows["first"].memory == 0


def test_what_one_value_sees_behind_an_upsampling():
    rows = (
        conv("c", 4, 2, stride=2),
        conv("d", 4, 3),
        upsample("u"),
        conv("e", 4, 3),
        upsample("b", interpolation="bilinear"),
        conv("f", 4, 3),
        conv_transpose("t", 4, 3, 2),
    )
    # Jumps of 2, 2, 1, 1, 1/2, 1/2 and 1/4 input pixels.
    assert [step.receptive_field for step in anatomy(table(*rows))] == [2, 6, 6, 8, 9, 10, 11]
