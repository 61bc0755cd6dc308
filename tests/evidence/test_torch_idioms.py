"""Ways in which people write modules: masks, gammas, chance, gates. And mistakes in them."""

import pytest

from course.architectures import Table, conv, dense, global_average_pool, multiply
from course.architectures.lenet import C3_CONNECTIONS, LENET5, LENET5_1998
from course.architectures.resnet import RESNET18
from course.diagnosis import diagnose

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install -e .[torch]")
nn, F = torch.nn, torch.nn.functional


def scaled_tanh(x):
    return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """LeCun's: a mean, times a coefficient, plus a bias, for each map."""

    def __init__(self, maps):
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(1, maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x):
        x = F.avg_pool2d(x, 2) * self.coefficient
        return scaled_tanh(x + self.bias.view(1, -1, 1, 1))


class LeNet1998(nn.Module):
    def __init__(self, c3=None, connections=C3_CONNECTIONS):
        super().__init__()
        self.c1, self.s2, self.s4 = nn.Conv2d(1, 6, 5), Subsampling(6), Subsampling(16)
        self.c3, self.how = nn.Conv2d(6, 16, 5), c3 or LeNet1998.masked
        self.c5, self.f6 = nn.Conv2d(16, 120, 5), nn.Linear(120, 84)
        mask = torch.zeros(16, 6, 1, 1)
        for number, seen in enumerate(connections):
            mask[number, list(seen)] = 1
        self.register_buffer("mask", mask)
        self.register_buffer("codes", torch.randn(10, 84).sign())

    def masked(self, x):
        return F.conv2d(x, self.c3.weight * self.mask, self.c3.bias)

    def forward(self, x):
        x = self.s2(scaled_tanh(self.c1(x)))
        x = self.s4(scaled_tanh(self.how(self, x)))
        x = scaled_tanh(self.f6(scaled_tanh(self.c5(x)).flatten(1)))
        return x @ self.codes.t()


def as_data(net, x):
    net.c3.weight.data *= net.mask
    return net.c3(x)


def in_place(net, x):
    with torch.no_grad():
        net.c3.weight.mul_(net.mask)
    return net.c3(x)


def by_hand(net, x):
    weight = net.mask.expand_as(net.c3.weight) * net.c3.weight
    return F.conv2d(x, weight, net.c3.bias)


@pytest.mark.parametrize("c3", [LeNet1998.masked, as_data, in_place, by_hand])
@pytest.mark.parametrize("built", [False, True])
def test_a_mask_of_weights_is_a_table_of_connections(c3, built):
    net = LeNet1998(c3) if built else lambda: LeNet1998(c3)
    assert diagnose(net, LENET5_1998) == []


def test_pruned_weights_are_a_table_of_connections():
    from torch.nn.utils import prune

    class Pruned(LeNet1998):
        def __init__(self):
            super().__init__(lambda net, x: net.c3(x))
            mask = torch.tensor([[float(n in maps) for n in range(6)] for maps in C3_CONNECTIONS])
            mask = mask[:, :, None, None].repeat(1, 1, 5, 5)
            prune.custom_from_mask(self.c3, "weight", mask)

    assert diagnose(Pruned, LENET5_1998) == []


def test_a_mask_that_is_used_while_the_module_is_built_keeps_its_numbers():
    class Built(LeNet1998):
        def __init__(self):
            super().__init__()
            self.ones = self.mask == self.c3.weight[:, :, :1, :1]

    assert diagnose(Built, LENET5_1998) == []


def mask_of_numbers(net, x):
    return F.conv2d(x, net.c3.weight * (net.mask + 0.5), net.c3.bias)


@pytest.mark.parametrize(
    "settings",
    [{"c3": lambda net, x: net.c3(x)}, {"c3": mask_of_numbers},
     {"connections": (*C3_CONNECTIONS[1:], (0, 1, 2, 3))},
     {"connections": ((0, 1, 2, 3), *C3_CONNECTIONS[1:])}],
)  # fmt: skip
def test_another_mask_is_named_at_its_row(settings):
    (first, *_) = diagnose(lambda: LeNet1998(**settings), LENET5_1998)
    assert first.row == "C3"


def test_a_bias_by_hand_is_missed_where_the_table_has_one():
    class WithoutBias(LeNet1998):
        def __init__(self):
            super().__init__()
            self.s4.forward = lambda x: scaled_tanh(F.avg_pool2d(x, 2) * self.s4.coefficient)

    (first, *_) = diagnose(WithoutBias, LENET5_1998)
    assert (first.row, first.cause.name) == ("S4", "BIAS_MISSING")


# --- weights that are computed, dropout by hand, gates


def standardised(conv, x):
    weight = conv.weight - conv.weight.mean((1, 2, 3), keepdim=True)
    weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
    return F.conv2d(x, weight, conv.bias)


def scaled(conv, x):
    return F.conv2d(x, conv.weight * conv.weight[0].numel() ** -0.5, conv.bias)


class LeNet5(nn.Module):
    def __init__(self, wrap=lambda layer: layer, c3=lambda conv, x: conv(x), noise=lambda x: x):
        super().__init__()
        self.c1, self.c3, self.f5 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Linear(400, 120)
        self.dense = nn.Sequential(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))
        self.c3, self.f5, self.how, self.noise = wrap(self.c3), wrap(self.f5), c3, noise

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.how(self.c3, x)), 2)
        x = torch.exp(self.dense(self.noise(torch.tanh(self.f5(x.flatten(1))))))
        return x / x.sum(1, keepdims=True)


RIGHT = [
    {"wrap": nn.utils.parametrizations.spectral_norm}, {"wrap": nn.utils.spectral_norm},
    {"c3": standardised}, {"c3": scaled}, {"noise": lambda x: x + 0.1 * torch.randn_like(x)},
    {"noise": lambda x: x.div(0.9) * (0.9 + torch.rand(len(x), 1)).floor_()},
]  # fmt: skip


@pytest.mark.parametrize("settings", RIGHT)
def test_weights_made_of_one_parameter_and_chance_are_no_rows(settings):
    assert diagnose(lambda: LeNet5(**settings), LENET5) == []


WRONG = [
    ({"c3": lambda conv, x: F.conv2d(x, torch.zeros_like(conv.weight), conv.bias)}, "C3"),
    ({"c3": lambda conv, x: F.conv2d(x, torch.rand_like(conv.weight), conv.bias)}, "C3"),
    ({"c3": lambda conv, x: F.conv2d(x, conv.weight)}, "C3"),
    ({"noise": lambda x: x * 2}, "C5"),
    ({"noise": lambda x: 2 / x * torch.rand_like(x)}, "the division after C5"),
    ({"noise": lambda x: x * 2 + torch.rand_like(x)}, "C5"),
]


@pytest.mark.parametrize(("settings", "row"), WRONG)
def test_what_only_looks_like_it_is_named(settings, row):
    (first, *_) = diagnose(lambda: LeNet5(**settings), LENET5)
    assert first.row == row


GATE = Table(
    "Gate", "Hu et al. 2018, Fig. 2", (16, 16, 8),
    (
        conv("conv", 8, 3, padding=1),
        global_average_pool("squeeze"),
        dense("reduce", 2, activation="relu"),
        dense("gate", 8, activation="sigmoid"),
        multiply("excite", ("conv", "gate")),
    ),
)  # fmt: skip


class Gate(nn.Module):
    def __init__(self, gated, gate=nn.Sigmoid):
        super().__init__()
        self.conv, self.gated = nn.Conv2d(8, 8, 3, padding=1), gated
        self.fc = nn.Sequential(nn.Linear(8, 2), nn.ReLU(), nn.Linear(2, 8), gate())

    def forward(self, x):
        x = self.conv(x)
        return self.gated(x, self.fc(x.mean((2, 3))).view(len(x), -1, 1, 1))


GATED = {
    "expand_as": lambda x, gate: x * gate.expand_as(x),
    "expand": lambda x, gate: gate.expand(-1, -1, *x.shape[2:]).mul(x),
    "broadcast_to": lambda x, gate: torch.broadcast_to(gate, x.shape) * x,
}


@pytest.mark.parametrize("way", GATED)
def test_a_gate_for_each_map(way):
    assert diagnose(lambda: Gate(GATED[way]), GATE) == []
    (first, *_) = diagnose(lambda: Gate(GATED[way], nn.Tanh), GATE)
    assert first.row == "gate"


def test_an_expanded_gate_is_not_taken_for_the_gate():
    (first, *_) = diagnose(lambda: Gate(lambda x, gate: x + gate.expand_as(x)), GATE)
    assert first.row == "excite"
    tanh = lambda x, gate: x * gate.expand_as(x).clone().tanh_()  # noqa: E731
    assert diagnose(lambda: Gate(tanh), GATE) != []


# --- pools


class Stem(nn.Module):
    def __init__(self, places=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.norm, self.places = nn.BatchNorm2d(64), places
        self.pool = nn.MaxPool2d(3, 2, 1, return_indices=True)

    def forward(self, x):
        x, places = self.pool(F.relu(self.norm(self.conv(x))))
        return x + places if self.places else x


def test_a_pool_that_gives_its_places_too():
    stem = RESNET18.part("conv1", "pool1", input_shape=(224, 224, 3))
    assert diagnose(Stem, stem) == []
    assert diagnose(lambda: Stem(places=True), stem) != []
