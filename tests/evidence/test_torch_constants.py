"""Tensors that `forward` makes itself: numbers, zeros, masks. They are known by their values."""

import pytest

from course.architectures.resnet import RESNET18
from course.diagnosis import diagnose

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")
nn, F = torch.nn, torch.nn.functional

BLOCK = RESNET18.part("conv2_1_1", "conv2_1", input_shape=(56, 56, 64))


class Block(nn.Module):
    def __init__(self, add=torch.add, relu=F.relu):
        super().__init__()
        self.add, self.relu = add, relu
        self.conv1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(64), nn.BatchNorm2d(64)

    def forward(self, x):
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(self.add(x, y))


RELU = {
    "maximum": lambda x: torch.maximum(x, torch.zeros(1)),
    "full": lambda x: torch.maximum(x, torch.full((), 0.0)),
    "on its device": lambda x: torch.fmax(x, torch.zeros((), device=x.device, dtype=x.dtype)),
    "prelu": lambda x: F.prelu(x, torch.zeros(1)),
    "heaviside": lambda x: x * torch.heaviside(x, torch.zeros(())),
    "of other constants": lambda x: torch.maximum(x, torch.ones(64, 1, 1) - torch.ones(1)),
    "times one": lambda x: F.relu(x) * torch.ones(()),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "no upper end": lambda x: F.hardtanh(x, 0.0, float("inf")),
}
ADD = {
    "stack, channels": lambda x, y: torch.stack([x, y], dim=1).sum(1),
    "stack, last": lambda x, y: torch.stack((x, y), dim=-1).sum(dim=-1),
    "stack, images": lambda x, y: torch.stack([x, y]).sum(0),
    "addcmul": lambda x, y: torch.addcmul(x, y, torch.ones(())),
}


@pytest.mark.parametrize("way", RELU)
def test_a_relu_with_a_tensor_of_ones_own(way):
    assert diagnose(lambda: Block(relu=RELU[way]), BLOCK) == []


@pytest.mark.parametrize("way", ADD)
def test_an_addition_with_a_tensor_of_ones_own(way):
    assert diagnose(lambda: Block(add=ADD[way]), BLOCK) == []


def one_tenth(x):
    zero = torch.zeros(1)
    zero += 0.1
    return torch.maximum(x, zero)


@pytest.mark.parametrize(
    "relu", [one_tenth, lambda x: torch.maximum(x, torch.full((1,), 0.1)),
             lambda x: torch.maximum(x, torch.rand(1)), lambda x: F.relu(x) * torch.full((), 2.0)],
)  # fmt: skip
def test_another_number_is_no_relu(relu):
    (first, *_) = diagnose(lambda: Block(relu=relu), BLOCK)
    assert first.row.startswith("conv2_1_1")


@pytest.mark.parametrize(
    "vector",
    [lambda x: x[:, :, None, None], lambda x: x.unsqueeze(-1).unsqueeze(-1),
     lambda x: x[..., None, None], lambda x: x.view(*x.shape, 1, 1)],
)  # fmt: skip
def test_dense_layers_as_convolutions_of_one_pixel(vector):
    from course.architectures.lenet import LENET5

    class LeNet5(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Sequential(
                nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
                nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
            )  # fmt: skip
            self.dense = nn.Sequential(
                nn.Conv2d(400, 120, 1), nn.Tanh(), nn.Conv2d(120, 84, 1), nn.Tanh(),
                nn.Conv2d(84, 10, 1), nn.Flatten(), nn.Softmax(1),
            )  # fmt: skip

        def forward(self, x):
            x = self.dense[:3](vector(self.maps(x))).flatten(1)  # once more, of another vector
            return self.dense[3:](vector(x))

    assert diagnose(LeNet5, LENET5) == []
