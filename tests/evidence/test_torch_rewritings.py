"""The published tables as modules of PyTorch, each row written in a way of its own.

A `Net` is a table's network. Its seed decides in which of the ways known here each row is written.
Keras has the same in `tests.network.test_rewritings`.

    python -m tests.evidence.test_torch_rewritings 300      tries 300 of each kind
"""

import random

import pytest

from course.architectures import sources
from tests.network.test_rewritings import TABLES, case, overlooked, pair, refused, try_all

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

MODULES = {"relu": nn.ReLU, "relu6": nn.ReLU6, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
FUNCTIONS = {
    "relu": (F.relu, torch.relu, torch.Tensor.relu, torch.Tensor.relu_, lambda x: x.clamp(min=0),
             lambda x: torch.maximum(x, torch.zeros_like(x)), lambda x: torch.clamp_min(x, 0)),
    "relu6": (F.relu6, lambda x: x.clamp(0, 6), lambda x: F.hardtanh(x, 0.0, 6.0)),
    "tanh": (torch.tanh, F.tanh, torch.Tensor.tanh),
    "sigmoid": (torch.sigmoid, F.sigmoid, torch.Tensor.sigmoid),
}  # fmt: skip
NOTHING = (
    lambda x: x * 1.0, lambda x: x + 0, lambda x: x.contiguous(), lambda x: x.clone(),
    lambda x: x.float(), lambda x: x.to(x.device), lambda x: x.view_as(x), lambda x: x[:],
    lambda x: x.to(memory_format=torch.channels_last) if x.dim() == 4 else x,
    lambda x: x.transpose(1, -1).transpose(1, -1), lambda x: x.view(x.shape),
    lambda x: x.reshape(x.size()), lambda x: F.dropout(x, 0.5), lambda x: x.type_as(x),
    lambda x: x / 0.8 * x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(0.8),
    lambda x: x.div(0.8) * (0.8 + torch.rand(len(x), *[1] * (x.dim() - 1))).floor_(),
    lambda x: x * (torch.rand_like(x) > 0.2), lambda x: x + 0.1 * torch.randn_like(x),
)  # fmt: skip
IDLE = (lambda: nn.Dropout(0.5), nn.Identity, lambda: nn.Dropout2d(0.1), nn.Sequential)


class Own(nn.Module):
    """A module of one's own around another one."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


class Net(nn.Module):
    """The network of an explicit table; one seed always writes the same."""

    def __init__(self, table, seed):
        super().__init__()
        self.table, self.random = table, random.Random(seed)
        self.share = self.random.random()  # of what is written in another way than the usual
        self.steps, self.shapes = {}, {"input": table.input_shape}
        self.parts = self.one_of(nn.ModuleList, nn.Sequential)()
        for row in table.rows:
            shapes = [self.shapes[name] for name in sources(row)]
            step = getattr(self, row.step)(row, *shapes)
            idle = row.name not in table.outputs and self.random.random() < self.share / 4
            after = self.random.choice((*NOTHING, self.kept(self.random.choice(IDLE)())))
            self.steps[row.name] = (step, after) if idle else (step,)
            with torch.device("meta"):
                x = [torch.zeros(2, s[2], *s[:2]) if len(s) == 3 else torch.zeros(2, *s)
                     for s in shapes]  # fmt: skip
                x = self.to("meta").run(row.name, *x)
            self.shapes[row.name] = (*x.shape[2:], x.shape[1])

    def one_of(self, usual, *others):
        return self.random.choice(others) if self.random.random() < self.share else usual

    def kept(self, module):
        """A module among the network's own, alone or inside of something."""
        self.parts.append(self.one_of(module, Own(module), nn.Sequential(module)))
        return self.parts[-1]

    def run(self, name, *x):
        first, *rest = self.steps[name]
        x = first(*x)
        for step in rest:
            x = step(x)
        return x

    def forward(self, x):
        made = {"input": x}
        for row in self.table.rows:
            made[row.name] = self.run(row.name, *(made[name] for name in sources(row)))
        outputs = [made[name] for name in self.table.outputs]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def activation(self, row):
        name = row.activation[0] if isinstance(row.activation, tuple) else row.activation
        if name is None:
            return lambda x: x
        if name == "scaled_tanh":
            return lambda x: 1.7159 * torch.tanh(2 / 3 * x)
        if name == "softmax":
            usual = nn.Softmax(dim=1)
            return self.one_of(self.kept(usual), lambda x: x.softmax(1), lambda x: F.softmax(x, -1),
                               lambda x: torch.log_softmax(x, 1).exp())  # fmt: skip
        modules = MODULES[name](), *([MODULES[name](inplace=True)] if "relu" in name else [])
        return self.one_of(self.kept(self.random.choice(modules)), *FUNCTIONS[name])

    def sides(self, row, shape):
        """((above, below), (left, right)) of a row's padding."""
        padding, found = pair(row.padding if row.padding != "ceil" else "xx"), []
        for size, kernel, stride, side in zip(
            shape[:2], pair(row.kernel), pair(row.stride), padding, strict=True
        ):
            if row.padding == "ceil":
                side = (0, max(-(-(size - kernel) // stride) * stride + kernel - size, 0))
            found.append(pair(side))
        return tuple(found)

    def padding(self, sides, value=0.0):
        """(what pads before a step, the step's own padding)."""
        (above, below), (left, right) = sides
        if above == below and left == right and self.one_of(True, False):
            return lambda x: x, (above, left)
        around = (left, right, above, below)
        if not any(around):
            return lambda x: x, (0, 0)
        ways = [self.kept(nn.ConstantPad2d(around, value))]
        ways += [] if value else [self.kept(nn.ZeroPad2d(around))]
        return self.one_of(lambda x: F.pad(x, around, value=value), *ways), (0, 0)

    def conv(self, row, shape):
        pad, padding = self.padding(self.sides(row, shape))
        bias = row.bias if row.bias is not None else self.one_of(True, False)
        kernel, stride, channels = pair(row.kernel), pair(row.stride), shape[-1]
        same = stride == (1, 1) and all(
            2 * p == k - 1 for p, k in zip(padding, kernel, strict=True)
        )
        padding = "same" if same and self.one_of(False, True) else padding

        def layer(inputs, maps, groups=1):
            made = nn.Conv2d(inputs, maps, kernel, stride, padding, groups=groups, bias=bool(bias))
            made.requires_grad_(row.trainable)
            how = self.one_of("module", "function", "bias by hand", "spectral norm", "mask of ones")
            if how == "spectral norm":
                return self.kept(nn.utils.parametrizations.spectral_norm(made))
            if how == "module":
                return self.kept(made)
            self.kept(made)  # its weights are used, and it is not called

            def by_hand(x):
                weight, bias = made.weight, made.bias
                if how == "mask of ones":
                    weight = weight * torch.ones(weight.shape)
                if how != "bias by hand" or bias is None:
                    return F.conv2d(x, weight, bias, stride, padding, groups=groups)
                return F.conv2d(x, weight, None, stride, padding, 1, groups) + bias[:, None, None]

            return by_hand

        parts = 2 if row.groups == 1 else row.groups
        whole = row.filters % parts or channels % row.groups or parts > 4
        if whole or self.one_of(True, False):
            step = layer(channels, row.filters, row.groups)
        elif row.groups == 1:
            halves = [layer(channels, row.filters // 2) for _ in range(2)]
            step = lambda x: torch.cat([half(x) for half in halves], 1)  # noqa: E731
        else:
            wide = channels // parts
            each = [layer(wide, row.filters // parts) for _ in range(parts)]
            cut = self.one_of(
                lambda x: x.chunk(parts, 1),
                lambda x: torch.split(x, wide, dim=1),
                lambda x: [x[:, at * wide : (at + 1) * wide] for at in range(parts)],
                lambda x: [x.narrow(1, at * wide, wide) for at in range(parts)],
            )
            step = lambda x: torch.cat(  # noqa: E731
                [one(piece) for one, piece in zip(each, cut(x), strict=True)], dim=1
            )
        norm = self.kept(nn.BatchNorm2d(row.filters)) if row.norm else lambda x: x
        activation = self.activation(row)
        return lambda x: activation(norm(step(pad(x))))

    def max_pool(self, row, shape):
        kernel, stride, sides = pair(row.kernel), pair(row.stride), self.sides(row, shape)
        ceil = row.padding == "ceil" and self.one_of(True, False)
        if ceil:
            pad, padding = (lambda x: x), (0, 0)
        else:
            pad, padding = self.padding(sides, float("-inf"))
        pool = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
        ways = [
            lambda x: F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil),
            lambda x: torch.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil),
            lambda x: F.max_pool2d(x, kernel, stride, padding, 1, ceil, return_indices=True)[0],
        ]
        even = not any(size % 2 for size in shape[:2])
        if kernel == stride == (2, 2) and even and not ceil:
            ways += [
                lambda x: x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5)),
                lambda x: x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2)),
                lambda x: torch.maximum(
                    torch.maximum(x[:, :, ::2, ::2], x[:, :, 1::2, ::2]),
                    torch.maximum(x[:, :, ::2, 1::2], x[:, :, 1::2, 1::2]),
                ),
                lambda x: x.view(*x.shape[:2], x.shape[2] // 2, 2, -1, 2).amax((3, 5)),
            ]
        step, activation = self.one_of(self.kept(pool), *ways), self.activation(row)
        return lambda x: activation(step(pad(x)))

    def average_pool(self, row, shape):
        kernel, stride = pair(row.kernel), pair(row.stride)
        pad, padding = self.padding(self.sides(row, shape))
        pool = nn.AvgPool2d(kernel, stride, padding)
        step = self.one_of(self.kept(pool), lambda x: F.avg_pool2d(x, kernel, stride, padding))
        activation = self.activation(row)
        return lambda x: activation(step(pad(x)))

    def global_average_pool(self, row, shape):
        adaptive = self.kept(nn.AdaptiveAvgPool2d(self.one_of(1, (1, 1))))
        return self.one_of(
            lambda x: torch.flatten(adaptive(x), 1),
            lambda x: x.mean((2, 3)),
            lambda x: x.mean([-2, -1]),
            lambda x: x.mean(3).mean(2),
            lambda x: x.flatten(2).mean(-1),
            lambda x: x.view(x.size(0), x.size(1), -1).mean(2),
            lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1),
            lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0],
            lambda x: F.avg_pool2d(x, x.shape[2:]).view(x.shape[0], -1),
            lambda x: F.avg_pool2d(x, tuple(x.size()[2:])).reshape(-1, x.size(1)),
            lambda x: torch.sum(x, dim=(2, 3)) / (x.shape[2] * x.shape[3]),
            lambda x: torch.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3]),
        )

    def dense(self, row, shape):
        activation, bias = self.activation(row), row.bias is not False
        size = shape[0] * shape[1] * shape[2] if len(shape) == 3 else shape[0]
        if (how := self.one_of("linear", "one pixel", "whole map", "weights")) == "whole map":
            if len(shape) == 3:
                conv = self.kept(nn.Conv2d(shape[2], row.filters, shape[:2], bias=bias))
                conv.requires_grad_(row.trainable)
                return lambda x: activation(conv(x).flatten(1))
            how = "one pixel"
        flat = (
            lambda x: torch.flatten(x, 1),
            lambda x: x.view(x.size(0), -1),
            lambda x: x.reshape(len(x), -1),
            lambda x: x.view(-1, size),
            lambda x: x.flatten(start_dim=1),
            self.kept(nn.Flatten()),
        )
        flat = self.random.choice(flat) if len(shape) == 3 else lambda x: x
        if how == "one pixel":
            conv = self.kept(nn.Conv2d(size, row.filters, 1, bias=bias))
            conv.requires_grad_(row.trainable)
            return lambda x: activation(conv(flat(x)[:, :, None, None]).flatten(1))
        linear = self.kept(nn.Linear(size, row.filters, bias=bias)).requires_grad_(row.trainable)
        if how == "weights":
            own = next(each for each in linear.modules() if isinstance(each, nn.Linear))
            return lambda x: activation(F.linear(flat(x), own.weight, own.bias))
        return lambda x: activation(linear(flat(x)))

    def lrn(self, row, shape):
        def by_hand(x):
            squares, maps = F.pad(x**2, (0, 0, 0, 0, 2, 2)), x.shape[1]
            total = sum(squares[:, at : at + maps] for at in range(5))
            return x / (2.0 + 1e-4 * total) ** 0.75

        given = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        return self.one_of(
            self.kept(given), by_hand, lambda x: F.local_response_norm(x, 5, 5e-4, 0.75, 2.0)
        )

    def add(self, row, *shapes):
        way = self.one_of(
            lambda a, b: a + b,
            torch.add,
            lambda a, b: b + a,
            lambda a, b: sum([a, b]),
            lambda a, b: torch.stack([a, b]).sum(0),
            lambda a, b: torch.stack((a, b), dim=1).sum(dim=1),
            lambda a, b: a.add(b),
            lambda a, b: a - (-b),
        )
        activation = self.activation(row)
        return lambda a, b: activation(way(a, b))

    def concatenate(self, row, *shapes):
        return self.one_of(
            lambda *x: torch.cat(x, 1),
            lambda *x: torch.cat(list(x), dim=-3),
            lambda *x: torch.concat(x, dim=1),
            lambda *x: torch.hstack(x),
            lambda *x: torch.cat([torch.cat(x[:2], 1), *x[2:]], 1),
        )

    def pad_channels(self, row, shape):
        more = row.filters - shape[-1]
        return self.one_of(
            lambda x: F.pad(x, (0, 0, 0, 0, 0, more)),
            lambda x: torch.cat([x, torch.zeros_like(x[:, :1]).expand(-1, more, -1, -1)], 1),
            lambda x: torch.cat([x, x.new_zeros(len(x), more, *x.shape[2:])], 1),
        )


@pytest.mark.parametrize("seed", range(len(TABLES)))
def test_a_right_network_is_right_however_it_is_written(seed):
    assert refused(seed, Net) == "", case(seed)[0]


@pytest.mark.parametrize("seed", range(len(TABLES)))
def test_a_mistake_is_named_however_it_is_written(seed, capsys):
    assert overlooked(seed, Net) == "", case(seed)[0]


if __name__ == "__main__":
    try_all(Net)
