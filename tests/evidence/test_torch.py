"""Networks written with PyTorch: the same rows, findings and numbers as Keras's."""

import json
import linecache
import re

import pytest

from course import check
from course.anatomy import anatomy
from course.architectures import alexnet, googlenet, lenet, resnet, vgg, zfnet
from course.check import CheckFailed
from course.diagnosis import Cause, diagnose
from course.evidence.observe import weightless
from tests.classroom import ROOT

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")
nn, F = torch.nn, torch.nn.functional


# --- the five networks, each in a style of its own


class LeNet5(nn.Module):
    """Functions between layers, and a view."""

    flat, padding, activation = 400, 0, staticmethod(torch.tanh)

    def __init__(self, classes=10):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=self.padding)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(self.flat, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def flattened(self, x):
        return x.view(x.size(0), -1)

    def forward(self, x):
        x = F.avg_pool2d(self.activation(self.c1(x)), 2)
        x = F.avg_pool2d(self.activation(self.c3(x)), (2, 2))
        x = self.flattened(x)
        x = self.activation(self.f6(self.activation(self.c5(x))))
        return F.softmax(self.output(x), dim=1)


def lenet5(classes=10):
    """Layers in a row. C5 is a convolution, as in the paper."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),
        nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes), nn.Softmax(dim=-1),
    )  # fmt: skip


class LeNet1998(nn.Module):
    """Maps chosen by lists, coefficients as parameters of the module's own, a frozen layer."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = nn.Conv2d(6, 6, 1, groups=6)
        self.c3 = nn.ModuleList(nn.Conv2d(len(seen), 1, 5) for seen in lenet.C3_CONNECTIONS)
        self.seen = list(map(list, lenet.C3_CONNECTIONS))
        self.s4 = nn.Conv2d(16, 16, 1, groups=16)
        self.c5, self.f6 = nn.Linear(400, 120), nn.Linear(120, 84)
        self.output = nn.Linear(84, 10, bias=False).requires_grad_(False)

    def forward(self, x):
        def squash(x):
            return 1.7159 * torch.tanh(x * 2 / 3)

        x = squash(self.s2(F.avg_pool2d(squash(self.c1(x)), 2)))
        maps = [one(x[:, seen]) for one, seen in zip(self.c3, self.seen, strict=True)]
        x = squash(torch.cat(maps, dim=1))
        x = squash(self.s4(F.avg_pool2d(x, 2))).flatten(start_dim=1)
        return self.output(squash(self.f6(squash(self.c5(x)))))


class AlexNet(nn.Module):
    """`features` and `classifier`, with ReLUs that overwrite and dropout."""

    def __init__(self, groups=2, norm_first=True, classes=1000):
        super().__init__()

        def block(convolution):
            norm, pool = nn.LocalResponseNorm(5, alpha=5e-4, k=2.0), nn.MaxPool2d(3, 2)
            ends = (norm, pool) if norm_first else (pool, norm)
            return [convolution, nn.ReLU(inplace=True), *ends]

        relu = nn.ReLU(inplace=True)
        self.features = nn.Sequential(
            *block(nn.Conv2d(3, 96, 11, stride=4)),
            *block(nn.Conv2d(96, 256, 5, padding=2, groups=groups)),
            nn.Conv2d(256, 384, 3, padding="same"), relu,
            nn.Conv2d(384, 384, 3, padding=(1, 1), groups=groups), relu,
            nn.ZeroPad2d(1), nn.Conv2d(384, 256, 3, groups=groups), relu,
            nn.MaxPool2d(kernel_size=3, stride=2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(9216, 4096), relu, nn.Dropout(0.5), nn.Linear(4096, 4096), relu,
            nn.Linear(4096, classes),
        )  # fmt: skip

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class AlexNetInTowers(AlexNet):
    """Two towers as slices, and the normalisation written by hand."""

    def __init__(self):
        super().__init__()
        self.two = nn.ModuleList(nn.Conv2d(48, 128, 5, padding=2) for _ in range(2))

    def forward(self, x):
        def norm(x):
            squares = F.pad(x.square().unsqueeze(1), (0, 0, 0, 0, 2, 2))
            near = F.avg_pool3d(squares, (5, 1, 1), stride=1).squeeze(1) * 5
            return x / (2 + 1e-4 * near) ** 0.75

        x = F.max_pool2d(norm(F.relu(self.features[0](x))), 3, 2)
        one, two = x.chunk(2, dim=1)
        x = torch.cat((self.two[0](one), self.two[1](two)), 1).relu()
        x = self.features[8:](F.max_pool2d(norm(x), 3, 2))
        return self.classifier(x.flatten(1))


def vgg16(classes=1000):
    """A loop over the configuration, and the adaptive pool of torchvision."""
    layers, channels = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += (
            [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(True)]
            if width
            else [nn.MaxPool2d(2, 2)]
        )
        channels = width or channels
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d((7, 7)), nn.Flatten(),
        nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, classes), nn.Softmax(1),
    )  # fmt: skip


class Inception(nn.Module):
    """Four branches, each in another style."""

    def __init__(self, channels, one, reduce3, three, reduce5, five, project):
        super().__init__()
        self.one = nn.Conv2d(channels, one, 1)
        self.three = nn.Sequential(
            nn.Conv2d(channels, reduce3, 1), nn.ReLU(), nn.Conv2d(reduce3, three, 3, padding=1)
        )
        self.reduce5, self.five = nn.Conv2d(channels, reduce5, 1), nn.Conv2d(reduce5, five, 5, 1, 2)
        self.project = nn.Conv2d(channels, project, 1)

    def forward(self, x):
        five = self.five(F.relu(self.reduce5(x)))
        pool = self.project(F.max_pool2d(x, 3, stride=1, padding=1))
        return F.relu(torch.cat([self.one(x), self.three(x), five, pool], 1))


class GoogLeNet(nn.Module):
    """Training heads that are there in training only, as torchvision has them."""

    def __init__(self, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.reduce, self.conv2 = nn.Conv2d(64, 64, 1), nn.Conv2d(64, 192, 3, padding=1)
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.blocks, channels = nn.ModuleDict(), 192
        for name, widths in googlenet.MODULES.items():
            self.blocks[name] = Inception(channels, *widths)
            channels = widths[0] + widths[2] + widths[4] + widths[5]
        self.heads = nn.ModuleDict({
            name: nn.Sequential(
                nn.AvgPool2d(5, 3), nn.Conv2d(wide, 128, 1), nn.ReLU(), nn.Flatten(),
                nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, classes),
            )
            for name, wide in (("4a", 512), ("4d", 528))
        })  # fmt: skip
        self.classifier = nn.Linear(1024, classes)

    def forward(self, x):
        x = self.norm(self.pool(F.relu(self.conv1(x))))
        x = self.pool(self.norm(F.relu(self.conv2(F.relu(self.reduce(x))))))
        heads = {}
        for name, block in self.blocks.items():
            x = block(x)
            if name in self.heads and self.training:
                heads[name] = self.heads[name](x)
            if name in ("3b", "4e"):
                x = self.pool(x)
        x = self.classifier(F.dropout(x.mean((2, 3)), 0.4, self.training))
        return (x, *heads.values()) if self.training else x


class Block(nn.Module):
    """A residual block of either kind; `out += shortcut` overwrites."""

    def __init__(self, kind, channels, filters, stride, shortcut="B"):
        super().__init__()
        basic = kind == "basic"
        self.last = filters if basic else 4 * filters
        sides = [(3, stride), (3, 1)] if basic else [(1, stride), (3, 1), (1, 1)]
        widths = [channels, filters, *([filters] if not basic else []), self.last]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[n], widths[n + 1], side, step, side // 2, bias=False)
            for n, (side, step) in enumerate(sides)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.relu, self.stride, self.projection = nn.ReLU(inplace=True), stride, None
        self.more = self.last - channels
        if shortcut == "B" and (stride > 1 or self.more):
            self.projection = nn.Sequential(
                nn.Conv2d(channels, self.last, 1, stride, bias=False), nn.BatchNorm2d(self.last)
            )

    def shortcut(self, x):
        if self.projection is not None:
            return self.projection(x)
        if self.more:
            return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return x

    def forward(self, x):
        shortcut, last = self.shortcut(x), len(self.norms) - 1
        for number, convolution in enumerate(self.convolutions):
            x = self.norms[number](convolution(x))
            if number < last:
                x = self.relu(x)
        x += shortcut
        return self.relu(x)


class ResNet(nn.Module):
    """Stages as Sequential, and a global average that is flattened."""

    block = Block

    def __init__(self, depth=18, shortcut="B", classes=1000):
        super().__init__()
        kind, blocks = resnet.DEPTHS[depth]
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.stem = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1))
        channels, stages = 64, []
        for stage, count in enumerate(blocks):
            made = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                made.append(self.block(kind, channels, 64 * 2**stage, stride, shortcut))
                channels = made[-1].last
            stages.append(nn.Sequential(*made))
        self.stages = nn.ModuleList(stages)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.fc(torch.flatten(self.pool(x), 1))


class ZerosBeside(Block):
    """Option A with maps of zeros that are put beside the others."""

    def shortcut(self, x):
        if not self.more:
            return x
        x = F.avg_pool2d(x, 1, self.stride)
        n, _, high, wide = x.shape
        return torch.cat([x, torch.zeros(n, self.more, high, wide, device=x.device)], dim=1)


class Cifar(nn.Module):
    def __init__(self, depth=20, block=Block):
        super().__init__()
        blocks, channels = [], 16
        for width in (16, 32, 64):
            for number in range((depth - 2) // 6):
                blocks.append(
                    block("basic", channels, width, 2 if number == 0 < width - 16 else 1, "A")
                )
                channels = width
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16))
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(torch.relu(self.stem(x)))
        return self.fc(F.avg_pool2d(x, x.size()[2:]).squeeze())


def in_a_row(table):
    """The rows of a table without branches as layers; pools may round up."""
    layers, channels, flat = [], table.input_shape[-1], False
    for row in table.rows:
        if row.step == "conv":
            sides = row.kernel, row.stride, row.padding
            layers.append(nn.Conv2d(channels, row.filters, *sides, groups=row.groups))
            channels = row.filters
        elif row.step == "max_pool":
            up = row.padding == "ceil"
            padding = 0 if up else row.padding
            layers.append(nn.MaxPool2d(row.kernel, row.stride, padding, ceil_mode=up))
        elif row.step == "lrn":
            layers.append(nn.LocalResponseNorm(5, 5e-4, 0.75, 2))
        else:
            layers += [nn.Flatten()] * (not flat) + [nn.LazyLinear(row.filters)]
            flat = True
        layers += [nn.ReLU()] * (row.activation == "relu")
    return nn.Sequential(*layers)


FIVE = {
    "a class": (LeNet5, lenet.LENET5),
    "a function": (lenet5, lenet.LENET5),
    "of 1998": (LeNet1998, lenet.LENET5_1998),
    "two GPUs": (AlexNet, alexnet.ALEXNET_TWO_GPUS),
    "towers": (AlexNetInTowers, alexnet.ALEXNET_TWO_GPUS),
    "one tower": (lambda: AlexNet(groups=1), alexnet.ALEXNET),
    "CaffeNet": (lambda: AlexNet(norm_first=False), alexnet.CAFFENET),
    "VGG-16": (vgg16, vgg.VGG16),
    "GoogLeNet": (lambda: GoogLeNet().eval(), googlenet.GOOGLENET),
    "GoogLeNet with its heads": (GoogLeNet, googlenet.GOOGLENET_TRAINING),
    "ResNet-18": (ResNet, resnet.RESNET18),
    "ResNet-18, option A": (lambda: ResNet(18, "A"), resnet.RESNET18_A),
    "ResNet-50": (lambda: ResNet(50), resnet.RESNET50),
    "ResNet-152": (lambda: ResNet(152), resnet.RESNET152),
    "CIFAR": (Cifar, resnet.CIFAR_RESNET20),
    "CIFAR, zeros beside": (lambda: Cifar(20, ZerosBeside), resnet.CIFAR_RESNET20),
}


@pytest.mark.parametrize("style", FIVE)
def test_the_networks_of_the_course_in_many_styles(style):
    builder, table = FIVE[style]
    assert check.model(builder, like=table) is None


@pytest.mark.parametrize(
    "table", [zfnet.ZFNET, vgg.VGG11, vgg.VGG13, vgg.VGG16_C, vgg.VGG19], ids=lambda t: t.name
)
def test_tables_without_branches(table):
    assert check.model(lambda: in_a_row(table), like=table) is None


def test_the_numbers_are_those_of_the_parameters():
    for builder, table in (FIVE["VGG-16"], FIVE["ResNet-50"], FIVE["GoogLeNet with its heads"]):
        with weightless():
            module = builder()
        found = anatomy(module, table.input_shape)
        assert found.trained == sum(weight.numel() for weight in module.parameters())
        assert (found.macs, found.memory) == (anatomy(table).macs, anatomy(table).memory)
        averages = sum(buffer.numel() for buffer in module.buffers() if buffer.dim())
        assert found.parameters == found.trained + averages


def test_a_module_with_weights_stays_as_it_is():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.random.get_rng_state()
    assert [step.name for step in anatomy(module, (8, 8, 3))] == ["0", "1"]
    assert module.training and torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not module._forward_hooks and module[0].weight.device.type == "cpu"


def test_nothing_is_allocated():
    def far_too_large():
        model = nn.Sequential(nn.Flatten(), nn.Linear(10**5, 10**5), nn.Linear(10**5, 10)).to(
            "cuda"
        )
        rates = [rate.item() for rate in torch.linspace(0, 0.1, 3)]  # values that code reads
        return model if rates[2] > rates[0] else None

    found = anatomy(far_too_large, (100, 100, 10))  # 40 GB in float32
    assert found.trained == 10**10 + 10**5 + 10**6 + 10


def test_the_evidence_is_plain_data():
    from course.evidence.pytorch.trace import trace

    found = trace(AlexNetInTowers(), (227, 227, 3))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert not diagnose(found, alexnet.ALEXNET_TWO_GPUS)


def test_the_rows_bear_the_names_of_the_modules():
    found = anatomy(ResNet, (224, 224, 3))
    assert found.name == "ResNet"
    assert found["stages.1.0.projection.0"].does() == "convolution 1 × 1, stride 2"
    text = str(found)
    assert "stages.0.0.convolutions.1" in text and "11,699,112 (11,689,512 trained)" in text


# --- what else a module may do


def rows(module, shape=(8, 8, 4)):
    return [(step.does(), step.shape) for step in anatomy(module, shape)]


class Does(nn.Module):
    """A module of one function and, if need be, a layer."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.function(self, x)


SAME = {
    "functions": lambda m, x: F.relu(F.conv2d(x, m.conv.weight, m.conv.bias)),
    "in place": lambda m, x: m.conv(x).relu_(),
    "a view overwritten": lambda m, x: F.relu(m.conv(x), inplace=True).contiguous(),
    "the larger of 0 and it": lambda m, x: m.conv(x).clamp(min=0),
    "a choice": lambda m, x: (y := m.conv(x)) * (y > 0),
    "channels last and back": lambda m, x: F.relu(m.conv(x).permute(0, 2, 3, 1)).permute(
        0, 3, 1, 2
    ),
    "a loop over its shape": lambda m, x: m.conv(x).relu() if x.shape[2] > 4 else x,
    "dropout by hand": lambda m, x: (
        m.conv(x).relu() * torch.bernoulli(torch.full((2, 4, 6, 6), 0.5))
    ),
}


@pytest.mark.parametrize("way", SAME)
def test_ways_of_writing_a_convolution_with_relu(way):
    module = Does(SAME[way], conv=nn.Conv2d(4, 4, 3))
    assert rows(module) == [("convolution 3 × 3, relu", (6, 6, 4))]


def test_what_is_overwritten_is_read_as_it_is_then():
    """The shortcut is the same tensor as the one that `relu_` changes."""

    def forward(m, x):
        x = shortcut = m.conv(x)
        return m.two(x.relu_()) + shortcut

    found = anatomy(Does(forward, conv=nn.Conv2d(4, 4, 3), two=nn.Conv2d(4, 4, 1)), (8, 8, 4))
    assert found["conv"].activation == "relu"
    assert [value.parts[0][0].name for value in found["add"].inputs] == ["two", "conv"]


def test_a_part_that_is_overwritten_is_refused():
    """The steps would say that the whole is as it was."""

    def overwrites(m, x):
        x = m.conv(x)
        x[:, :2].relu_()
        return m.conv(x)

    def copies(m, x):
        y = m.conv(x)
        flat = y.flatten(1)
        y.relu_()
        return flat.relu()

    for forward in (overwrites, copies):
        module = Does(forward, conv=nn.Conv2d(4, 4, 3))
        with pytest.raises(ValueError, match="was overwritten in place"):
            anatomy(module, (8, 8, 4))


@pytest.mark.parametrize(("pool", "padding"), [
    (nn.MaxPool2d(3, 2, ceil_mode=True), ((0, 1), (0, 1))),
    (nn.MaxPool2d(3, 2, padding=1), ((1, 1), (1, 1))),
    (nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False), ((1, 2), (1, 2))),
    (nn.AvgPool2d((2, 3), 2, (0, 1)), ((0, 0), (1, 1))),
    (nn.Sequential(nn.ConstantPad2d(1, float("-inf")), nn.MaxPool2d(3, 2)), ((1, 1), (1, 1))),
])  # fmt: skip
def test_padding_of_pools(pool, padding):
    (row,) = anatomy(pool, (8, 8, 4))
    assert row.padding == padding and row.shape[:2] == tuple(
        pool(torch.zeros(1, 4, 8, 8)).shape[2:]
    )


def test_layers_that_share_their_weights_count_once():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    found = anatomy(nn.Sequential(conv, nn.ReLU(), conv), (8, 8, 4))
    assert len(found) == 2 and found.trained == 4 * 4 * 9 + 4


def test_learned_factors_for_each_map_are_a_convolution():
    module = Does(lambda m, x: x * m.gamma[:, None, None], gamma=nn.Parameter(torch.ones(4)))
    (row,) = anatomy(module, (8, 8, 4))
    assert (row.does(), row.trained) == ("convolution 1 × 1, one map each", 4)


def test_what_is_not_known_keeps_its_name_and_its_parameters():
    module = nn.Sequential(nn.GroupNorm(2, 4), nn.PReLU(4), nn.PixelShuffle(2))
    found = anatomy(module, (8, 8, 4))
    assert found.trained == 8 + 4
    assert found.output_shapes == [(16, 16, 1)]


def test_a_module_of_another_precision():
    assert rows(nn.Conv2d(4, 2, 3).half()) == [("convolution 3 × 3", (6, 6, 2))]
    assert rows(nn.Conv2d(4, 2, 3).double()) == [("convolution 3 × 3", (6, 6, 2))]


def test_what_torch_jit_made_is_refused():
    with pytest.raises(ValueError, match="Hand over the module itself"):
        anatomy(torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 3))), (8, 8, 4))


def test_mixed_views_are_no_permutation():
    """A map of channels first that is viewed as (height, width, channels) is a mistake."""
    wrong = Does(lambda m, x: x.view(-1, 8, 8, 4).permute(0, 3, 1, 2) * 2)
    right = Does(lambda m, x: x.permute(0, 2, 3, 1).reshape(-1, 64, 4) * 2)
    names = [[step.name for step in anatomy(each, (8, 8, 4))] for each in (wrong, right)]
    assert "view" in names[0] and "view" not in names[1]


# --- mistakes


class InPlainList(LeNet1998):
    def __init__(self):
        super().__init__()
        kept = list(self.c3)
        del self.c3
        self.c3 = kept


class LooksAtValues(LeNet5):
    def forward(self, x):
        return super().forward(-x if x.mean() > 0 else x)


class StacksAside(LeNet5):
    def flattened(self, x):
        torch.cat([x, x[:, :, 1:]], 1)
        return super().flattened(x)


class Unfinished(LeNet5):
    def forward(self, x):
        super().forward(x)


def of_lenet(**attributes):
    return type("LeNet", (LeNet5,), attributes)


class WithoutProjection(Block):
    def shortcut(self, x):
        return x


class WithoutShortcut(Block):
    def forward(self, x):
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = self.relu(norm(convolution(x)))
        return x


class ReluBeforeSum(WithoutShortcut):
    def forward(self, x):
        return super().forward(x) + self.shortcut(x)


class SharedInside(Block):
    def __init__(self, *args):
        super().__init__(*args)
        if self.projection is None:
            self.convolutions[1] = self.convolutions[0]


class OneHead(GoogLeNet):
    """Maps stacked in height, pools that round down, a branch without padding."""

    def __init__(self, ceil=True, padding=2):
        super().__init__()
        self.pool.ceil_mode = ceil
        for block in self.blocks.values():
            block.five.padding = (padding, padding)
        self.eval()


def resnet_of(kind):
    return type("ResNet", (ResNet,), {"block": kind})


#: (builder, table, row, cause, part of the message)
MISTAKES = {
    "padding": (
        of_lenet(padding=2), lenet.LENET5, "C1", Cause.PADDING,
        ["Its padding surrounds the map", "c5 is a Linear layer for 400 values and gets 576"],
    ),
    "no padding": (
        lambda: nn.Sequential(*(
            nn.Conv2d(m.in_channels, m.out_channels, 3) if isinstance(m, nn.Conv2d) else m
            for m in vgg16()
        )),
        vgg.VGG16, "conv1_1", Cause.PADDING, ["The default padding=0 adds nothing."],
    ),
    "activation": (
        of_lenet(activation=staticmethod(F.relu)), lenet.LENET5, "C1", Cause.ACTIVATION, [],
    ),
    "no flatten": (
        of_lenet(flattened=lambda self, x: x), lenet.LENET5, "C5", Cause.FLATTEN_MISSING,
        ["nn.Linear was applied to a map, so it works along its width. Put nn.Flatten() before"],
    ),
    "another number of values": (
        of_lenet(flat=256), lenet.LENET5, "", Cause.RAISES,
        ["c5 is a Linear layer for 256 values and gets 400 (line "],
    ),
    "all images in one row": (
        of_lenet(flattened=lambda self, x: x.flatten()), lenet.LENET5, "", Cause.RAISES,
        ["all of 2 images in one row. Write torch.flatten(x, 1)"],
    ),
    "a view that mixes": (
        of_lenet(flattened=lambda self, x: x.view(-1, 200)), lenet.LENET5, "", Cause.RAISES,
        ["gets 200, and 2 images became 4: view() or reshape() mixes them"],
    ),
    "a plain list": (
        InPlainList, lenet.LENET5_1998, "C3", Cause.FROZEN, ["use nn.ModuleList"],
    ),
    "groups": (
        lambda: AlexNet(groups=1), alexnet.ALEXNET_TWO_GPUS, "conv2", Cause.GROUPS, ["one group"],
    ),
    "the order of pool and norm": (
        lambda: AlexNet(norm_first=False), alexnet.ALEXNET_TWO_GPUS, "norm1", Cause.SWAPPED, [],
    ),
    "a branch without padding": (
        lambda: OneHead(padding=0), googlenet.GOOGLENET, "3a_5x5", Cause.PADDING,
        ["The others give 28 × 28: its padding is missing. The code stops in line "],
    ),
    "pools that round down": (
        lambda: OneHead(ceil=False), googlenet.GOOGLENET, "pool1", Cause.PADDING,
        ["With ceil_mode=True it is"],
    ),
    "no projection": (
        resnet_of(WithoutProjection), resnet.RESNET18, "conv3_1_shortcut",
        Cause.PROJECTION_MISSING, ["56 × 56 × 64", "x += shortcut"],
    ),
    "relu before the sum": (
        resnet_of(ReluBeforeSum), resnet.RESNET18, "conv2_1_2_bn", Cause.RELU_BEFORE_ADDITION, [],
    ),
    "the same layer twice": (
        resnet_of(SharedInside), resnet.RESNET18, "conv2_1_2", Cause.SHARED_WEIGHTS, [],
    ),
    "values": (
        LooksAtValues, lenet.LENET5, "", Cause.RAISES, ["and not at their values (line "],
    ),
    "a stack that nothing reads": (StacksAside, lenet.LENET5, "", Cause.RAISES, ["(line "]),
    "no return": (
        Unfinished, lenet.LENET5, "", Cause.UNREADABLE, ["None (is the return missing?)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_row_and_its_cause(mistake):
    builder, table, row, cause, words = MISTAKES[mistake]
    with pytest.raises(CheckFailed) as failed:
        check.model(builder, like=table)
    first = failed.value.card.findings[0]
    assert (first.row, first.cause) == (row, cause)
    for part in words:
        assert part in str(failed.value)
    assert "layers." not in str(failed.value)


# --- the other doors


def test_a_block_of_a_network():
    like = resnet.RESNET18.part("conv3_1_1", "conv3_1", input_shape=(56, 56, 64))
    assert check.block(Block, "basic", 64, 128, 2, like=like) is None
    with pytest.raises(CheckFailed, match="conv3_1_1 gives"):
        check.block(Block, "basic", 64, 128, 1, like=like)


def test_a_design_within_a_budget():
    def own(input_shape, classes):
        return nn.Sequential(
            nn.Conv2d(input_shape[-1], 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, classes), nn.Softmax(1),
        )  # fmt: skip

    budget = {"parameters": 200, "macs": 10**5, "input_shape": (28, 28, 1), "classes": 10}
    assert check.budget(own, **budget) is None
    with pytest.raises(CheckFailed, match="170 parameters"):
        check.budget(own, **budget | {"parameters": 100})


def test_numbers_of_pytorch_are_answers():
    assert check.value(torch.tensor([1.0, 2.0]), [1, 2]) is None
    assert check.value(nn.Parameter(torch.ones(2)), [1, 1]) is None


def test_figures_take_the_anatomy_of_a_module():
    from course.kit import figures

    assert "conv" in figures.architecture(anatomy(LeNet5, (32, 32, 1))).alt


@pytest.mark.parametrize(("name", "table"), [
    ("vgg16", vgg.VGG16), ("vgg19", vgg.VGG19), ("resnet18", resnet.RESNET18),
    ("resnet34", resnet.RESNET34), ("resnet50", resnet.RESNET50_V1_5),
    ("resnet101", resnet.RESNET101_V1_5),
])  # fmt: skip
def test_the_networks_of_torchvision(name, table):
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    assert check.model(getattr(models, name), like=table) is None


@pytest.mark.parametrize(
    "name", ["densenet121", "mobilenet_v2", "convnext_tiny", "efficientnet_b0", "regnet_y_400mf"]
)
def test_later_networks_of_torchvision_have_all_their_parameters(name):
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    with weightless():
        module = getattr(models, name)().eval()
    found = anatomy(module, (224, 224, 3))
    assert found.trained == sum(weight.numel() for weight in module.parameters())


def test_the_page_shows_what_is_printed():
    text = (ROOT / "docs/pytorch.md").read_text(encoding="utf-8")
    code, printed = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL).groups()
    linecache.cache["page"] = len(code), None, code.splitlines(keepends=True), "page"
    with pytest.raises(CheckFailed) as failed:
        exec(compile(code, "page", "exec"), {"__name__": "page"})
    assert str(failed.value.card) == printed.rstrip("\n")


def test_a_bias_before_a_batch_normalisation_is_told_in_words_of_pytorch(capsys):
    def stem():
        return nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU())

    check.block(stem(), like=resnet.RESNET18.part("conv1", input_shape=(224, 224, 3)))
    assert "With bias=False" in capsys.readouterr().out


def test_maps_are_enlarged():
    (row,) = anatomy(nn.ConvTranspose2d(4, 6, 4, 2, 1), (8, 8, 4))
    assert (row.shape, row.trained) == ((16, 16, 6), 4 * 6 * 16 + 6)
    assert anatomy(nn.Upsample(scale_factor=2), (8, 8, 4)).output_shapes == [(16, 16, 4)]
