"""A student's mistakes in PyTorch code: each is told with the line, and with what to write."""

import linecache

import keras
import pytest

from course import check
from course.architectures.lenet import LENET5
from course.architectures.resnet import RESNET18

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")

MODULE = """\
class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.pool = nn.AvgPool2d(2)
        self.c5 = nn.Linear(400, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)

    def forward(self, x):
        x = self.pool(torch.tanh(self.c1(x)))
        x = self.pool(torch.tanh(self.c3(x)))
        x = torch.flatten(x, 1)
        x = torch.tanh(self.c5(x))
        x = torch.tanh(self.f6(x))
        return F.softmax(self.output(x), dim=1)
"""


def net(*changes):
    """The class of `MODULE` with pairs of texts replaced, as a cell of a notebook."""
    source = MODULE
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    namespace = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    exec(compile(source, name, "exec"), namespace)
    return namespace["Net"]


def said(*changes):
    with pytest.raises(check.CheckFailed) as failed:
        check.model(net(*changes), like=LENET5)
    return str(failed.value)


FLAT = "torch.flatten(x, 1)"

#: {what is wrong: (what stands in the code, what the student wrote, a part of what is said)}
MISTAKES = {
    "a class takes the tensor": (
        "torch.tanh(self.c5(x))", "nn.Tanh(self.c5(x))",
        "nn.Tanh(self.c5(x)) is a layer that was not called; write nn.Tanh()(self.c5(x)) (line 15",
    ),
    "and settings": (
        "F.softmax(self.output(x), dim=1)", "nn.Softmax(self.output(x), dim=1)",
        "write nn.Softmax(dim=1)(self.output(x)) (line 17",
    ),
    "a layer is not called": (
        "torch.tanh(self.c5(x))", "torch.tanh(self.c5)",
        "self.c5 is a layer that was not called; write self.c5(x) (line 15",
    ),
    "a new layer is not called": (
        FLAT, "nn.Flatten()", "x is a layer that was not called; write nn.Flatten()(x) (line 15",
    ),
    "a class in the place of a tensor": (
        FLAT, "nn.Flatten", "x is the class Flatten, no tensor; write nn.Flatten()(x) (line 15",
    ),
    "a layer is returned": (
        "F.softmax(self.output(x), dim=1)", "nn.Softmax(dim=1)",
        "What forward() returns is a layer that was not called; write nn.Softmax()(x).",
    ),
    "a class is returned": (
        "F.softmax(self.output(x), dim=1)", "nn.Softmax",
        "What forward() returns is the class Softmax, no tensor; write nn.Softmax()(x).",
    ),
    "forward is missing": (
        "def forward", "def foward",
        "the class Net has no forward(). Begin `def forward` in the column of `def __init__`",
    ),
    "a view for other values": (
        FLAT, "x.view(-1, 16 * 4 * 4)",
        "view() asks each image for 256 values, and here it has 400. Write torch.flatten(x, 1) "
        "(line 14",
    ),
    "a view by the number of images": (
        FLAT, "x.reshape((x.shape[0], 300))",
        "reshape() asks each image for 300 values, and here it has 400. Write torch.flatten(x, 1)",
    ),
    "a view for a batch": (
        FLAT, "x.view(64, -1)",
        "view() asks for 64 images, and the number of images is not known while a network is built",
    ),
    "maps of other sides": (
        FLAT, "torch.flatten(x.view(-1, 16, 4, 4), 1)",
        "view() asks each image for 256 values, and here it has 400 (line 14",
    ),
    "numbers swapped": (
        "nn.Conv2d(6, 16, 5)", "nn.Conv2d(16, 6, 5)",
        "c3 is a convolution of 16 maps and gets 6. Are the two numbers swapped? "
        "Write nn.Conv2d(6, 16, …)",
    ),
    "numbers of a vector swapped": (
        "nn.Linear(120, 84)", "nn.Linear(84, 120)",
        "f6 is a Linear layer for 84 values and gets 120. Are the two numbers swapped? "
        "Write nn.Linear(120, 84)",
    ),
    "softmax over the images": (
        "dim=1)", "dim=0)", "softmax along axis 0 (the classes lie along axis -1), the table has",
    ),
    "a layer for sequences": (
        "nn.Conv2d(1, 6, 5)", "nn.Conv1d(1, 6, 5)",
        "This layer takes sequences, and here come maps. The layers for maps end with 2d",
    ),
    "a pool for sequences": (
        "nn.AvgPool2d(2)", "nn.AvgPool1d(2)",
        "This layer takes sequences, and here come maps. The layers for maps end with 2d",
    ),
    "a max pool for sequences": (
        "nn.AvgPool2d(2)", "nn.MaxPool1d(2)",
        "This layer takes sequences, and here come maps. The layers for maps end with 2d",
    ),
    "a norm of sequences": (
        "torch.tanh(self.c1(x))", "torch.tanh(nn.BatchNorm1d(6)(self.c1(x)))",
        "This layer takes sequences, and here come maps. The layers for maps end with 2d",
    ),
    "a norm of maps": (
        "torch.tanh(self.f6(x))", "torch.tanh(nn.BatchNorm2d(84)(self.f6(x)))",
        "This layer takes maps, and here comes a vector. nn.BatchNorm1d takes vectors",
    ),
    "a pool of a vector": (
        "torch.tanh(self.c5(x))", "self.pool(torch.tanh(self.c5(x)))",
        "Convolutions and pools take maps, and here comes a vector.",
    ),
    "a convolution of a vector": (
        "torch.tanh(self.c5(x))", "torch.tanh(nn.Conv2d(400, 120, 1)(x))",
        "Convolutions and pools take maps, and here comes a vector.",
    ),
}  # fmt: skip


def test_the_module_is_right():
    check.model(net(), like=LENET5)


@pytest.mark.parametrize("old, new, part", MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_told(old, new, part):
    assert part in said((old, new))


@pytest.mark.parametrize("view", ["x.view(-1, 400)", "x.view(x.size(0), 16 * 5 * 5)"])
def test_what_made_a_view_fail_comes_first(view):
    text = said((FLAT, view), ("nn.Conv2d(1, 6, 5)", "nn.Conv2d(1, 6, 5, padding=2)"))
    first, second = text.splitlines()[1:3]
    assert first.strip().startswith("C1 gives 32 × 32 × 6, the table has 28 × 28 × 6.")
    assert "view() asks each image for 400 values, and here it has 576." in second


def test_an_empty_sequential_is_the_identity():
    """A shortcut as many write it; the module counts as false, as it has no parts."""
    check.model(net(("torch.tanh(self.c5(x))", "torch.tanh(nn.Sequential()(self.c5(x)))")),
                like=LENET5)  # fmt: skip


class Block(torch.nn.Module):
    def __init__(self, maps, width, stride):
        super().__init__()
        nn = torch.nn
        self.main = nn.Sequential(
            nn.Conv2d(maps, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride != 1 or maps != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(maps, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        return torch.relu(self.main(x) + self.shortcut(x))


def resnet18(classes=1000):
    nn = torch.nn
    parts = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    parts, maps = [*parts, nn.MaxPool2d(3, 2, 1)], 64
    for width in (64, 128, 256, 512):
        parts += [Block(maps, width, 1 if width == 64 else 2), Block(width, width, 1)]
        maps = width
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes), nn.Softmax(1)
    return nn.Sequential(*parts, *head)


def test_a_builder_need_not_take_the_shape_of_the_input():
    """A module takes images of any size, so PyTorch's builders have no such argument."""
    check.model(resnet18, input_shape=(64, 96, 3), classes=5, like=RESNET18)


def test_keras_builders_are_asked_for_it_although_pytorch_is_imported():
    def lenet5(classes=10):
        return keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Dense(classes)])

    with pytest.raises(check.CheckFailed) as failed:
        check.model(lenet5, input_shape=(48, 40, 3), classes=17, like=LENET5)
    assert "Give it an argument of the name input_shape." in str(failed.value)
