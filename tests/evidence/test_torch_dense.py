"""Dense layers of PyTorch that are written by hand, as products of matrices."""

import pytest

from course import check
from course.anatomy import anatomy
from course.architectures.lenet import LENET5
from course.diagnosis import Cause

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")
nn = torch.nn

#: {how it is written: F6 as a function of the module and its input}
BY_HAND = {
    "@": lambda net, x: x @ net.weight + net.bias,
    "matmul": lambda net, x: torch.matmul(x, net.weight) + net.bias,
    "mm": lambda net, x: torch.mm(x, net.weight).add(net.bias),
    "addmm": lambda net, x: torch.addmm(net.bias, x, net.weight),
    "the bias first": lambda net, x: net.bias + x @ net.weight,
    "in place": lambda net, x: x.mm(net.weight).add_(net.bias),
    "T": lambda net, x: x @ net.weight.T.T + net.bias,
    "t and transpose": lambda net, x: x.mm(net.weight.t().transpose(0, 1)) + net.bias,
}


class LeNet5(nn.Module):
    def __init__(self, f6, bias=84):
        super().__init__()
        self.f6 = f6
        self.maps = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.Tanh(),
        )  # fmt: skip
        self.weight = nn.Parameter(torch.empty(120, 84))
        self.bias = nn.Parameter(torch.empty(bias))
        self.output = nn.Sequential(nn.Linear(84, 10), nn.Softmax(1))

    def forward(self, x):
        return self.output(torch.tanh(self.f6(self, self.maps(x))))


def told(f6, **changed):
    with pytest.raises(check.CheckFailed) as failed:
        check.model(LeNet5(f6, **changed), like=LENET5)
    return [(each.row, each.cause) for each in failed.value.findings]


@pytest.mark.parametrize("f6", BY_HAND.values(), ids=list(BY_HAND))
def test_it_is_a_dense_layer(f6):
    check.model(LeNet5(f6), like=LENET5)
    assert anatomy(LeNet5(f6), (32, 32, 1)).trained == 61_706


def test_what_is_wrong_with_it_is_told():
    assert told(lambda net, x: x @ net.weight) == [("F6", Cause.BIAS_MISSING)]
    one_for_all = told(BY_HAND["@"], bias=1)
    assert ("F6", Cause.BIAS_MISSING) in one_for_all


def test_a_product_that_something_else_reads_keeps_its_bias_apart():
    def f6(net, x):
        product = x @ net.weight
        return (product + net.bias) * product

    rows = anatomy(LeNet5(f6), (32, 32, 1))
    assert [bool(row.bias) for row in rows if row.step == "dense"] == [True, False, True]
    assert told(f6) == [("F6", Cause.OTHER_STEP)]
