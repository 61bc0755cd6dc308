"""Dense layers of PyTorch: `nn.Linear`, or a product with a matrix and an addition by hand."""

from course.evidence.pytorch.calls import MAP, NotExpressed, add_last, leaves

_BIAS = "ops.Bias"  # until `with_biases`: a learned addend, one number for each value of a vector
_LEFT_ALONE = "ops.AddOfPyTorch"


def linear(call):
    """F.linear, which nn.Linear calls."""
    _dense(call, call.x, call.get(1, "weight"), call.get(2, "bias"))


def _product(call):
    """`x @ weight`, also as matmul or mm."""
    _by_hand(call, *call.args[:2])


def _product_and_bias(call):
    """`torch.addmm(bias, x, weight)`"""
    bias, x, weight = call.args[:3]
    _by_hand(call, x, weight, bias)


def _by_hand(call, x, weight, bias=None):
    if id(x) not in call.found or id(weight) in call.found or weight.dim() != 2:
        raise NotExpressed
    _dense(call, x, weight, bias)


def _dense(call, x, weight, bias):
    # On a map, Linear works along the width. If that does not fit, Flatten is missing before it.
    missing = call.tracer.passed and call.layout_of(x) == MAP
    if call.axis(x, -1) != -1 and not missing:
        raise NotExpressed
    config = {"units": call.made[0].shape[-1], "use_bias": bias is not None, "activation": "linear"}
    add_last(call, "layers.Dense", config, [call.sources[id(x)]], leaves(call, weight, bias))


def added_bias(call, x, constant):
    """`x + bias`, with learned numbers. Raises NotExpressed unless there is one for each unit."""
    sides = constant.value.shape
    of_each_unit = sides and sides[-1] == constant.value.numel() == call.sides[id(x)][-1]
    if not constant.made or not of_each_unit or call.axis(x, -1) != -1:
        raise NotExpressed
    add_last(call, _BIAS, {}, [call.sources[id(x)]], constant.learned)


def with_biases(steps, outputs):
    """The steps of a trace. A product and the bias that is added to it, and to no other, are one.

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
        if product["op"] != "layers.Dense" or product["config"]["use_bias"] or not alone:
            continue
        gone.add(number)
        for part in ("parameters", "trained", "trainable"):
            step[part] += product[part]
        kept = {name: product[name] for name in ("op", "name", "args", "layer")}
        step |= kept | {"config": product["config"] | {"use_bias": True}}
        step["trainable"] = bool(step["trainable"])
    return [step for step in steps if step["id"] not in gone]


def _read(value):
    """The numbers of the steps that are read in arguments."""
    if isinstance(value, list):
        return [number for item in value for number in _read(item)]
    if isinstance(value, dict):
        return [value["tensor"][0]] if "tensor" in value else []
    return []


WRITERS = {
    "linear": linear, "matmul": _product, "mm": _product, "addmm": _product_and_bias,
}  # fmt: skip
