"""One call of a function of PyTorch: what it was given, and the steps of the trace that it makes.

A tensor's layout says for each of its axes which one it is in Keras's order. A map of PyTorch,
(channels, height, width), has the layout (2, 0, 1): its first axis is number 2 of (height, width,
channels). A permutation of the axes changes only the layout, and is no step at all. The batch is
not part of a layout. A tensor whose first axis is not the batch has the layout None.
"""

from course.evidence.pytorch.known import tensors

MOVES = {"to", "cuda", "cpu"}  # functions that move a tensor to another device
MAP = (2, 0, 1)  # the layout of (channels, height, width)


class NotExpressed(Exception):
    """No layer of Keras does what this call does."""


class Call:
    """One call of a function: what it was given and what it made."""

    def __init__(self, tracer, function, name, args, kwargs):
        self.tracer, self.function, self.name = tracer, function, name
        self.args, self.kwargs = args, kwargs
        known = tracer.known
        self.read = [t for t in tensors([args, kwargs]) if known.depends(t)]
        # By id(tensor), as they are before the call, which may overwrite a tensor:
        self.found = {id(t): (known.found[id(t)], known.layouts[id(t)]) for t in self.read}
        self.flattened = {id(t): known.flattened.get(id(t)) for t in self.read}
        self.sides = {id(t): tuple(t.shape) for t in self.read}
        self.sources = {id(t): known.argument(t) for t in self.read}
        self.made = []  # the tensors that it makes
        self.too_large = False  # whether its window is larger than its map
        self.unmerged = None  # the settings of a merge of sizes that do not fit
        self.layout = None  # that of the first tensor that it makes

    def get(self, place, name, otherwise=None):
        """An argument by its place or its name."""
        if place < len(self.args):
            return self.args[place]
        return self.kwargs.get(name, otherwise)

    @property
    def x(self):
        """The first tensor."""
        return self.get(0, "input")

    @property
    def source(self):
        """The first tensor as an argument in the trace."""
        return self.sources[id(self.x)]

    def layout_of(self, tensor):
        """A tensor's layout before the call."""
        return self.found[id(tensor)][1]

    def shape(self, tensor):
        """A tensor's shape before the call, channels last, without the batch."""
        return channels_last(self.sides[id(tensor)], self.layout_of(tensor))

    def axis(self, tensor, dim):
        """An axis of a tensor as Keras counts it, the batch included; -1 for the last."""
        layout, dim = self.layout_of(tensor), dim % len(self.sides[id(tensor)])
        if layout is None or dim == 0:
            raise NotExpressed
        return -1 if layout[dim - 1] == len(layout) - 1 else layout[dim - 1] + 1

    def learned(self):
        """All parameters that the call uses, each once."""
        tracer = self.tracer
        given = tensors([list(self.args), self.kwargs])
        constants = [tracer.known.constant(t) for t in given if id(t) not in self.found]
        return tuple({id(p): p for c in constants for p in c.learned}.values())


def plain_name(function):
    """A function's name without underscores: `relu` for `torch.relu_`, `add` for `__iadd__`."""
    name = getattr(function, "__name__", type(function).__name__)
    if name in ("__get__", "__set__"):  # a property of tensors
        name = function.__self__.__name__
    name = name.strip("_")
    short = {"iadd": "add", "radd": "add", "imul": "mul", "rmul": "mul", "isub": "sub"}
    short |= {"truediv": "div", "itruediv": "div", "idiv": "div", "rdiv": "rtruediv"}
    return short.get(name, name)


def usual(rank):
    """The layout of PyTorch's tensors with so many axes besides the batch."""
    return MAP if rank == 3 else tuple(range(rank))


def channels_last(shape, layout):
    """A shape with channels last and without its batch, of one with the batch."""
    if layout is None:
        return list(shape)
    made = [0] * len(layout)
    for axis, side in zip(layout, shape[1:], strict=True):
        made[axis] = side
    return made


def add_last(call, op, config, args, weights=(), layouts=None, **more):
    """Add a call's last step, and note which tensors it makes.

    `weights` are the constants that the step holds, `layouts` those of the tensors: if they are not
    given, as those of the tensors that the call reads.
    """
    tracer, like = call.tracer, {len(at): at for _, at in call.found.values() if at}
    layouts = layouts or [
        like.get(made.dim() - 1, usual(made.dim() - 1)) for made in call.made
    ]  # fmt: skip
    layouts = [
        layout if made.dim() and made.shape[0] == tracer.batch else None
        for made, layout in zip(call.made, layouts, strict=True)
    ]
    shapes = [channels_last(tuple(t.shape), at) for t, at in zip(call.made, layouts, strict=True)]
    call.layout = layouts[0]
    number = tracer.step(call, op, config, args, shapes, weights, **more)
    for output, (made, layout) in enumerate(zip(call.made, layouts, strict=True)):
        tracer.known.remember(made, (number, output), layout)
    return number


def add_before(call, op, config, shape, source=None, **more):
    """Add a step that comes before the call's own; returns it as an argument."""
    source = source or call.source
    number = call.tracer.step(call, op, config, [source], [list(shape)], **more)
    return {"tensor": [number, 0]}


def must_be_map(call):
    """Raise NotExpressed for anything but a map with channels first."""
    if call.layout_of(call.x) != MAP:
        raise NotExpressed


def leaves(call, *tensors):
    """A layer's weights as its parameters. Raises NotExpressed if one of them is computed."""
    constants = [call.tracer.known.constant(tensor) for tensor in tensors if tensor is not None]
    if any(not constant.whole for constant in constants):
        raise NotExpressed
    return tuple(c.learned[0] if c.learned else c.value for c in constants)


def pair(value):
    """A number as [number, number]; a pair stays a pair."""
    value = list(value) if isinstance(value, list | tuple) else [value]
    return value * 2 if len(value) == 1 else value


def without(call, gone):
    """The layout of the first tensor without some of its axes."""
    left = [axis for dim, axis in enumerate(call.layout_of(call.x)) if dim not in gone]
    return tuple(sorted(left).index(axis) for axis in left)
