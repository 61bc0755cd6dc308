"""Maps that are written into a tensor part by part, sums of products, and functions of a mode."""

import functools

import pytest

from course import check
from course.anatomy import anatomy
from course.architectures import Table, conv
from course.architectures.alexnet import ALEXNET
from course.architectures.lenet import LENET5_RELU
from course.architectures.vgg import VGG16
from course.diagnosis import Cause, diagnose

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")
nn, F = torch.nn, torch.nn.functional


class LeNet(nn.Module):
    """LeNet-5 whose C3 and whose first dense layer are given: functions of the module and x."""

    def __init__(self, c3=None, c5=None):
        super().__init__()
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.ModuleList(nn.Conv2d(6, 4, 5) for _ in range(4))
        self.weight, self.bias = nn.Parameter(torch.randn(400, 120)), nn.Parameter(torch.zeros(120))
        self.f6, self.out = nn.Linear(120, 84), nn.Linear(84, 10)
        self.parts = c3 or (lambda net, x: torch.cat([conv(x) for conv in net.c3], 1))
        self.dense = c5 or (lambda net, x: x.flatten(1) @ net.weight + net.bias)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.parts(self, x)), 2)
        x = F.relu(self.f6(F.relu(self.dense(self, x))))
        return self.out(x).softmax(1)


def findings(*ways):
    return diagnose(lambda: LeNet(*ways), LENET5_RELU)


# --- filled part by part


def filled(order=(0, 1, 2, 3), begin=lambda x: torch.zeros(len(x), 16, 10, 10), wide=4):
    def c3(net, x):
        y = begin(x)
        for part in order:
            y[:, 4 * part : 4 * part + wide] = net.c3[part](x)[:, :wide]
        return y

    return c3


def overwritten(net, x):
    y = torch.cat([conv(x) for conv in net.c3], 1)
    y[:, :8] = y[:, :8].relu()
    return y


@pytest.mark.parametrize(
    "c3",
    [
        filled(),
        filled((2, 0, 3, 1)),
        filled((0, 1, 1, 2, 3)),
        filled(begin=lambda x: torch.empty(len(x), 16, 10, 10)),
        overwritten,
    ],
    ids=["in order", "in another order", "one part twice", "of an empty tensor", "overwritten"],
)
def test_maps_that_are_filled_in_part_by_part_lie_side_by_side(c3):
    assert findings(c3) == []
    assert diagnose(LeNet(c3), LENET5_RELU) == []  # built with weights


@pytest.mark.parametrize(
    "c3",
    [
        filled((0, 1, 2)),
        filled((0, 1, 2), lambda x: torch.empty(len(x), 16, 10, 10)),
        filled((0, 1, 2, 3), wide=3),
        lambda net, x: filled()(net, x).index_fill(1, torch.tensor([1]), 0),
    ],
    ids=["one missing", "one unset", "too narrow", "then changed"],
)
def test_parts_that_are_not_filled_in_are_missed(c3):
    assert findings(c3) != []


def test_half_of_a_part_is_not_taken_for_the_part():
    def c3(net, x):
        y = filled()(net, x)
        y[:, 2:6] = net.c3[0](x)
        return y

    assert findings(c3) != []


# --- sums of products


@pytest.mark.parametrize(
    "c5",
    [
        lambda net, x: torch.einsum("bi,io->bo", x.flatten(1), net.weight) + net.bias,
        lambda net, x: torch.einsum("bi, oi -> bo", x.flatten(1), net.weight.t()) + net.bias,
        lambda net, x: torch.einsum("nchw,chwk->nk", x, net.weight.view(16, 5, 5, 120)) + net.bias,
    ],
    ids=["by rows", "by columns", "over a whole map"],
)
def test_a_sum_of_products_is_a_dense_layer(c5):
    assert findings(None, c5) == []


def test_a_sum_of_products_at_each_pixel_is_a_convolution():
    table = Table("1 × 1", "", (8, 8, 3), (conv("conv", 5, 1, bias=False),))

    class Pixels(nn.Module):
        def __init__(self, equation, shape):
            super().__init__()
            self.equation, self.weight = equation, nn.Parameter(torch.randn(shape))

        def forward(self, x):
            return torch.einsum(self.equation, x, self.weight)

    assert diagnose(lambda: Pixels("bchw,oc->bohw", (5, 3)), table) == []
    assert diagnose(lambda: Pixels("bchw,co->bohw", (3, 5)), table) == []
    for equation, shape in (("bchw,ow->bcho", (5, 8)), ("bchw,oh->bohw", (5, 8))):
        assert diagnose(lambda e=equation, s=shape: Pixels(e, s), table) != []


# --- windows


def pooled():
    """VGG-16's first two stages with a pool behind each convolution."""
    layers = []
    for maps, out in ((3, 64), (64, 64), (64, 128), (128, 128)):
        layers += [nn.Conv2d(maps, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def test_a_window_larger_than_its_map_is_passed(capsys):
    table = VGG16.part("conv1_1", "pool2", input_shape=(4, 4, 3))
    for build, first in (
        (lambda: pooled(), ("2", Cause.EXTRA)),
        (lambda: nn.Conv2d(3, 64, 5), ("conv1_1", Cause.KERNEL)),
        (lambda: nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1), nn.ReLU(), nn.AvgPool2d(5)), None),
    ):
        with pytest.raises(check.CheckFailed) as failed:
            check.model(build, like=table)
        own, *_, stopped = failed.value.findings
        assert first in (None, (own.row, own.cause))
        assert stopped.cause is Cause.RAISES
        assert "The map is " in stopped.message and "and the window is" in stopped.message


def test_a_window_that_may_hang_over_is_not_too_large():
    pool = nn.MaxPool2d(4, 2, ceil_mode=True)
    sides = pool(torch.zeros(1, 8, 3, 3)).shape[2:]
    assert anatomy(pool, (3, 3, 8)).outputs[0].shape == (*sides, 8)
    with pytest.raises(Exception, match="The map is 3 × 3 here, and the window is 4 × 4"):
        anatomy(nn.MaxPool2d(4, 2), (3, 3, 8))


# --- modes


def test_a_module_that_calls_inference_mode_is_read_as_usual():
    class Mode(LeNet):
        @torch.inference_mode()
        def forward(self, x):
            return super().forward(x)

    assert diagnose(Mode, LENET5_RELU) == []
    with torch.inference_mode():
        assert torch.zeros(1).is_inference()  # as before


def test_an_orthogonal_weight_is_its_parameter():
    def build():
        net = LeNet()
        nn.utils.parametrizations.orthogonal(net.f6)
        return net

    assert diagnose(build, LENET5_RELU) == []


def test_a_partial_class_is_called():
    assert diagnose(functools.partial(LeNet), LENET5_RELU) == []


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_of_another_mode_is_named(mode):
    table = Table("one row", "", (8, 8, 3), (conv("conv", 5, 3, padding=1),))
    (first, *_) = diagnose(lambda: nn.Conv2d(3, 5, 3, padding=1, padding_mode=mode), table)
    assert first.cause is Cause.EXTRA
    assert f'padding with mode="{mode}"' in first.message


def test_pytorch_divides_alpha_by_n():
    def norm(**constants):
        return lambda: nn.Sequential(
            nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(5, beta=0.75, **constants)
        )

    table = ALEXNET.part("conv1", "norm1", input_shape=(227, 227, 3))
    assert diagnose(norm(alpha=5e-4, k=2.0), table) == []
    (only,) = diagnose(norm(alpha=1e-4, k=2.0), table)
    assert only.cause is Cause.NORMALISATION and "divides alpha by n" in only.message
    (only,) = diagnose(norm(alpha=1e-4, k=4.0), table)
    assert only.cause is Cause.NORMALISATION and "divides alpha by n" not in only.message
