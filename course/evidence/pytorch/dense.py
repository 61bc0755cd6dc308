"""Dense layers of PyTorch: `nn.Linear`, or a product with a matrix."""

from course.evidence.pytorch.calls import MAP, NotExpressed, add_last, leaves


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


WRITERS = {
    "linear": linear, "matmul": _product, "mm": _product, "addmm": _product_and_bias,
}  # fmt: skip
