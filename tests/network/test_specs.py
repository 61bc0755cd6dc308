"""Every number of every network of the fact sheet, worked out by an anatomy from the rows alone."""

import json
from math import prod

import pytest

from course.anatomy import anatomy
from course.architectures import Row, Table, conv, dense
from tests.conftest import SPECS

NETWORKS = json.loads(SPECS.read_text())["architectures"] if SPECS.exists() else {}
# Its rows stand for several of ours; test_architectures.py compares it.
OTHERS = {"lenet5_1998", "cifar_resnet1202"}  # of the latter the sheet has totals only


def table(facts):
    """The sheet's rows as a Table of ours: what a row is, none of its numbers."""
    rows = [row for layer in facts["layers"] for row in _rows(layer)]
    read = {name for row in rows for name in row.after or ()}
    ends = tuple(row.name for row in rows[:-1] if row.name not in read and row.after)
    names = tuple(name for name in ends if name.endswith("classifier"))
    outputs = (*names, rows[-1].name) if names else ()
    return Table(facts["name"], "fact sheet", tuple(facts["input"]), tuple(rows), outputs)


def _rows(layer):
    name, op = layer["name"], layer["op"]
    after = tuple(layer["inputs"]) or "input"
    kernel = layer["kernel"][0] if layer["kernel"] else 1
    common = {"after": after}
    if op == "conv":
        bias = bool(layer["biases"])
        more = {"groups": layer["groups"], "bias": bias, "norm": bool(layer["bn"])}
        stride, padding = layer["stride"], layer["padding"]
        filters = layer["out_shape"][-1]
        return [conv(name, filters, kernel, stride=stride, padding=padding, **more, **common)]
    if op == "fc":
        return [dense(name, layer["out_shape"][-1], bias=bool(layer["biases"]), **common)]
    if op in ("maxpool", "avgpool"):
        step = {"maxpool": "max_pool", "avgpool": "average_pool"}[op]
        padding = "ceil" if layer.get("ceil_mode") and not layer["padding"] else layer["padding"]
        return [Row(name, step, None, kernel, layer["stride"], padding, **common)]
    if op == "shortcutA":
        stride = layer["in_shape"][0] // layer["out_shape"][0]
        first = Row(f"{name}_stride", "max_pool", None, 1, stride, **common)
        return [first, Row(name, "pad_channels", layer["out_shape"][-1])]
    steps = {"gap": "global_average_pool", "lrn": "lrn", "concat": "concatenate", "add": "add"}
    return [Row(name, steps[op], **common)]


@pytest.mark.parametrize("key", sorted(set(NETWORKS) - OTHERS))
def test_every_number(key):
    facts = NETWORKS[key]
    built = anatomy(table(facts))
    for layer in facts["layers"]:
        if layer["op"] == "gap" and layer["in_shape"][:2] == [1, 1]:
            continue
        step = built[layer["name"]]
        if layer["op"] == "concat" and step.step != "concatenate":
            continue  # equal normalisations side by side have become one row
        where = f"{key}, {layer['name']}"
        assert prod(step.shape) == prod(layer["out_shape"]), where
        # Side by side, equal normalisations count as one row; the totals below include it.
        norm = next((s for s in built if s.name == f"{layer['name']}_bn"), None)
        missing = layer["bn"] if norm is None else 0
        assert step.trained + (norm.trained if norm else 0) == layer["params"] - missing, where
        if norm:
            assert norm.parameters - norm.trained == layer["bn_moving"], where
        assert step.macs == layer["macs"], where
        assert step.receptive_field == layer["rf"], where
        assert step.memory == layer["out_elems"], where
    totals = facts["totals"]
    assert built.parameters == totals["params_with_bn_moving"]
    assert built.trained == totals["params_trainable"]
    assert built.macs == totals["macs"]


def test_the_sheet_was_found_or_is_absent():
    if not NETWORKS:
        pytest.skip(f"needs {SPECS}, which is not part of the repository")
    assert len(NETWORKS) == 63
