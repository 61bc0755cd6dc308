"""Sums, products and quotients, also with numbers, with learned tensors and with chance."""

from course.evidence.pytorch import biases
from course.evidence.pytorch.calls import NotExpressed, add_last


def arithmetic(op):
    """The writer of a function of two operands, of which one may be a constant."""

    def write(call):
        tracer, args = call.tracer, list(call.args[:2])
        if call.kwargs.get("alpha", 1) != 1 or len(args) != 2 or call.kwargs.get("rounding_mode"):
            raise NotExpressed
        if call.name in ("rsub", "rtruediv"):
            args.reverse()
        reads = [value for value in args if id(value) in call.found]
        if len({call.layout_of(value) for value in reads}) > 1:
            raise NotExpressed
        others = [value for value in args if tracer.torch.is_tensor(value)]
        others = [tracer.known.constant(value) for value in others if id(value) not in call.found]
        if any(other.random for other in others):
            return _by_chance(call, reads[0], op)
        if others and others[0].learned:
            write = biases.added if op == "ops.Add" else _per_map
            return write(call, reads[0], others[0])
        told = [_told(call, value) for value in args]
        add_last(call, op, {}, told)
        by_number = args[0] is reads[0] and isinstance(told[1], int | float)
        if by_number and op in ("ops.Multiply", "ops.TrueDivide"):
            tracer.known.unscaled[id(call.made[0])] = call.sources[id(reads[0])]
        return None

    return write


def _told(call, value):
    """An operand as an argument in the trace, as it was before it was expanded to the size of x."""
    if id(value) not in call.found:
        return _number(call.tracer, value)
    return call.tracer.known.unexpanded.get(id(value), call.sources[id(value)])


def _by_chance(call, x, op):
    """Dropout by hand. A division by the share that is kept, which often comes before, is of it."""
    source = call.sources[id(x)]
    if op == "ops.Multiply":
        source = call.tracer.known.unscaled.get(id(x), source)
    add_last(call, "layers.Dropout", {}, [source])


def _number(tracer, value):
    """A number of a call, also one in a tensor; an array stays unknown."""
    if not tracer.torch.is_tensor(value):
        return value
    one = value.dim() < 2 and value.numel() == 1
    real = tracer.known.constant(value).real() if one else value
    return {"unknown": "Tensor"} if real.device.type == "meta" or not one else real.item()


def _per_map(call, x, constant):
    """Learned factors, one for each map, are a depthwise convolution of 1 × 1."""
    sides, (learned, *more), layout = constant.value.shape, constant.learned, call.layout_of(x)
    dim = layout.index(2) - 3 if len(layout) == 3 else 0  # that of the channels
    wide = dim and len(sides) >= -dim
    wide = wide and sides[dim] == call.sides[id(x)][dim] == constant.value.numel()
    if call.name not in ("mul", "multiply") or more or not wide:
        raise NotExpressed
    one = [1, 1]
    config = {
        "kernel_size": one, "strides": one, "padding": "valid", "dilation_rate": one,
        "depth_multiplier": 1, "use_bias": False, "activation": "linear",
    }  # fmt: skip
    add_last(call, "layers.DepthwiseConv2D", config, [call.sources[id(x)]], (learned,))
