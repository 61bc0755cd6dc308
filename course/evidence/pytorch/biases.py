"""Biases that are added by hand: `x @ weight + bias`, or `self.conv(x) + bias[:, None, None]`."""

from course.evidence.pytorch.calls import MAP, NotExpressed, add_last

_BIAS = "ops.Bias"  # until `joined`: a learned addend, one number for each unit or map
_LEFT_ALONE = "ops.AddOfPyTorch"
_PRODUCTS = {f"layers.{kind}" for kind in (
    "Dense", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose",
)}  # fmt: skip


def added(call, x, constant):
    """`x + bias`, with learned numbers. Raises NotExpressed unless there is one for each unit."""
    sides, last = constant.value.shape, -3 if call.layout_of(x) == MAP else -1
    own = call.sides[id(x)][last]
    of_each_unit = len(sides) >= -last and sides[last] == constant.value.numel() == own
    if not constant.whole or not of_each_unit or call.axis(x, last) != -1:
        raise NotExpressed
    add_last(call, _BIAS, {}, [call.sources[id(x)]], constant.learned)


def joined(steps, outputs):
    """The steps of a trace. A product and the bias that is added to it alone are one.

    `outputs` are those of the network, [[number of a step, output], ...].
    """
    readers, by_number = {}, {step["id"]: step for step in steps}
    for step in steps:
        for number in _read(step["args"]):
            readers.setdefault(number, []).append(step["id"])
    gone = set()
    for step in steps:
        if step["op"] != _BIAS:
            continue
        step["op"] = _LEFT_ALONE
        (number,) = _read(step["args"])
        product = by_number.get(number, {"op": ""})
        alone = readers[number] == [step["id"]] and [number, 0] not in outputs
        if product["op"] not in _PRODUCTS or product["config"]["use_bias"] or not alone:
            continue
        gone.add(number)
        for part in ("parameters", "trained"):
            step[part] += product[part]
        kept = {name: product[name] for name in ("op", "name", "args", "layer", "trainable")}
        step |= kept | {"config": product["config"] | {"use_bias": True}}
    return [step for step in steps if step["id"] not in gone]


def _read(value):
    """The numbers of the steps that are read in arguments."""
    if isinstance(value, list):
        return [number for item in value for number in _read(item)]
    if isinstance(value, dict):
        return [value["tensor"][0]] if "tensor" in value else []
    return []
