"""Dense layers of PyTorch: `nn.Linear`, or a product with a matrix."""

from math import prod

from course.evidence.pytorch.calls import MAP, NotExpressed, add_before, add_last, leaves


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


def _sum_of_products(call):
    """`torch.einsum("bi,oi->bo", x, weight)`: along the maps, or over all values of an image."""
    equation, x, weight = call.args
    read, _, made = equation.replace(" ", "").partition("->")
    ours, theirs = read.split(",")
    summed = [axis for axis in ours if axis in theirs and axis not in made]
    (unit, *more) = [axis for axis in theirs if axis not in ours]
    if more or id(x) not in call.found or id(weight) in call.found or len(theirs) > len(summed) + 1:
        raise NotExpressed
    source = call.sources[id(x)]
    if summed == [*ours[1:]] and made == ours[0] + unit:
        source = add_before(call, "layers.Flatten", {}, [prod(x.shape[1:])], source)
    elif made != ours.replace("".join(summed), unit) or call.axis(x, ours.index(*summed)) != -1:
        raise NotExpressed
    config = {"units": call.made[0].shape[made.index(unit)], "use_bias": False}
    add_last(
        call, "layers.Dense", config | {"activation": "linear"}, [source], leaves(call, weight)
    )


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
    "einsum": _sum_of_products,
}  # fmt: skip
