"""The values that are alive at once: by brute force over orders, and measured while NumPy runs."""

import heapq
import random
import tracemalloc
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from course.anatomy import anatomy
from course.architectures.resnet import RESNET152
from course.architectures.vgg import VGG16
from course.network.memory import alive
from tests.published import every_table

# --- small graphs, run in every order there is


def conv(maps):
    return layers.Conv2D(maps, 1)


def chain(x):
    return layers.Flatten()(layers.MaxPooling2D(2)(conv(5)(x)))


def residual(x):
    x = conv(4)(x)
    return layers.ReLU()(layers.Add()([x, conv(4)(conv(2)(x))]))


def branches(x):
    joined = layers.Concatenate()([conv(3)(conv(1)(x)), layers.MaxPooling2D(3, 1, "same")(x)])
    return conv(2)(joined)


def activation_before_the_branch(x):  # what the addition reads must not be overwritten
    x = conv(4)(x)
    return layers.Add()([x, conv(4)(layers.ReLU()(layers.BatchNormalization()(x)))])


def read_in_parts(x):  # behind a pool: a convolution would be taken apart
    x = layers.AveragePooling2D(3, 1, "same")(conv(6)(x))
    return layers.Concatenate()([conv(2)(x[..., :2]), layers.ReLU()(x[..., 2:])])


def activation_of_a_concatenation(x):
    joined = layers.Concatenate()([conv(2)(x), layers.MaxPooling2D(1)(conv(3)(x))])
    return layers.Add()([conv(4)(layers.ReLU()(joined)), conv(4)(joined)])


def every_other_pixel(x):  # looked at where it lies, and so not to be overwritten
    x = conv(4)(x)
    return layers.Add()([layers.BatchNormalization()(x[:, ::2, ::2]), layers.MaxPooling2D(2)(x)])


def two_outputs(x):
    x = conv(4)(x)
    return [conv(1)(x), layers.ReLU()(x), conv(7)(x)]


GRAPHS = [
    chain, residual, branches, activation_before_the_branch, read_in_parts,
    activation_of_a_concatenation, every_other_pixel, two_outputs,
]  # fmt: skip


def drawn(seed):
    """A function that makes a random small network."""

    def build(x):
        draw = random.Random(seed)
        made = [x, conv(3)(x)]
        for _ in range(draw.randint(3, 5)):
            kind, (a, b) = draw.choice("crab"), draw.choices(made[-3:], k=2)
            if kind == "c":
                a = conv(draw.randint(1, 9))(a)
            elif kind == "r":
                a = layers.ReLU()(a)
            elif kind == "a" and a.shape == b.shape:
                a = layers.Add()([a, b])
            else:
                a = layers.Concatenate()([a, b])
            made.append(a)
        return made[draw.choice([-1, -2]) :]

    return build


def read(value):
    return [value.joined] if value.joined else [part[0] for part in value.parts]


def orders(net):
    """Every order in which each row comes after those that it reads."""

    def after(done, left):
        if not left:
            yield done
        for step in left:
            if all(s in done or s.step == "input" for v in step.inputs for s in read(v)):
                yield from after([*done, step], [other for other in left if other is not step])

    return after([], net.steps)


def in_memory(net, order):
    """For each row, how many values are in memory while it runs: every step is played through.

    A row that overwrites its input marks the place. Nobody may read a place that was overwritten
    after the reader's source had run.
    """
    held = {}  # step -> [(a place that its output lies in, how often it had been overwritten)]
    counted = []

    def looked_at(value):
        seen = [one for source in read(value) for one in held[source]]
        assert all(place["written"] == then for place, then in seen), "it was overwritten"
        return [place for place, _ in seen]

    def hold(step, places):
        held[step] = [(place, place["written"]) for place in places]

    for value in net.inputs:
        hold(*read(value), [{"size": value.size, "written": 0}])
    for at, step in enumerate(order):
        places = [place for value in step.inputs for place in looked_at(value)]
        if step.memory:
            places = [{"size": step.memory, "written": 0}]
        elif not step.is_view:
            for place in places:
                place["written"] += 1
        hold(step, places)
        there = {id(place): place["size"] for one in held.values() for place, _ in one}
        counted.append(sum(there.values()))
        later = [value for other in order[at + 1 :] for value in other.inputs] + net.outputs
        for gone in held.keys() - {source for value in later for source in read(value)}:
            del held[gone]
    for value in net.outputs:
        looked_at(value)
    return counted


@pytest.mark.parametrize("build", GRAPHS + [drawn(seed) for seed in range(30)])
def test_of_small_graphs_in_every_order(weightless, build):
    inputs = keras.Input((4, 4, 3))
    net = anatomy(keras.Model(inputs, build(inputs)))
    peaks = []
    for order in orders(net):
        counted = in_memory(net, order)
        assert alive(net.inputs, order, net.outputs) == counted
        peaks.append(max(counted))
    assert net.alive == in_memory(net, net.steps)
    assert min(peaks) <= net.peak <= max(peaks) <= net.memory


def test_an_activation_copies_what_others_read(weightless):
    inputs = keras.Input((4, 4, 3))
    counted = {
        build: {step.does(): step.memory for step in anatomy(keras.Model(inputs, build(inputs)))}
        for build in (residual, activation_before_the_branch, read_in_parts, every_other_pixel)
    }
    assert counted[residual] == {"convolution 1 × 1": 64, "add, relu": 64}
    before = counted[activation_before_the_branch]
    assert before == {"convolution 1 × 1": 64, "batch norm, relu": 64, "add": 64}
    assert counted[read_in_parts]["relu"] == 64
    assert counted[every_other_pixel]["every second pixel"] == 0
    assert counted[every_other_pixel]["batch norm"] == 16


def test_the_order_counts(weightless):
    def wide_first(x):
        x = conv(1)(x)
        return layers.Concatenate()([conv(1)(conv(8)(x)), conv(4)(x)])

    def wide_last(x):
        x = conv(1)(x)
        return layers.Concatenate()([conv(4)(x), conv(1)(conv(8)(x))])

    inputs = keras.Input((1, 2, 1))
    first, last = (anatomy(keras.Model(inputs, build(inputs))) for build in (wide_first, wide_last))
    assert first.memory == last.memory == 2 * (1 + 1 + 8 + 1 + 4 + 5)
    assert first.peak == 2 * (1 + 4 + 5)  # the two branches and their concatenation
    assert last.peak == 2 * (1 + 8 + 4)


# --- the published tables


def fewest(net):
    """The smallest peak of all orders: the way through the sets of rows that have run."""
    reads = {step: {s for v in step.inputs for s in read(v)} for step in net.steps}
    lies = {}  # step -> the steps whose memory it lies in
    for step in [*(read(value)[0] for value in net.inputs), *net.steps]:
        lies[step] = set().union(*map(lies.get, reads[step])) if step.in_place else {step}
    kept = {source for value in net.outputs for source in read(value)}

    def there(done):
        left = [step for step in net.steps if step not in done]
        wanted = kept.union(*(reads[step] for step in left))
        have = [s for s in lies if s in done or s.step == "input"]
        return set().union(*(lies[step] for step in have if step in wanted))

    waiting, seen, count = [(0, 0, frozenset())], set(), 0
    while True:
        peak, _, done = heapq.heappop(waiting)
        if len(done) == len(net.steps):
            return peak
        if done in seen:
            continue
        seen.add(done)
        now = there(done)
        for step in net.steps:
            if step not in done and all(s in done or s.step == "input" for s in reads[step]):
                needed = sum(place.size for place in now | lies[step])
                count += 1
                heapq.heappush(waiting, (max(peak, needed), count, done | {step}))


@pytest.mark.parametrize("name", every_table())
def test_no_other_order_of_a_published_table_needs_less(name):
    net = anatomy(every_table()[name])
    assert net.peak == fewest(net) <= net.memory


def test_of_a_chain_it_is_the_largest_step_with_its_input():
    net = anatomy(VGG16)
    sizes = [224 * 224 * 3, *(step.memory for step in net)]
    assert net.alive == [before + after for before, after in pairwise(sizes)]
    assert net.peak == 2 * 224 * 224 * 64


def test_of_a_shortcut_it_waits_beside_the_block():
    net = anatomy(RESNET152)
    widest = 56 * 56 * 256
    assert net.peak == 3 * widest  # two values and their sum
    assert net.alive[[step.name for step in net].index("conv2_2_2")] == widest + 2 * 56 * 56 * 64


# --- measured


def window(x, kernel):
    """A convolution without padding that takes memory for nothing but its output."""
    size = kernel.shape[0]
    seen = np.lib.stride_tricks.sliding_window_view(x, (size, size), (0, 1))
    out = np.empty((*seen.shape[:2], kernel.shape[3]), "float32")
    return np.einsum("hwcij,ijcf->hwf", seen, kernel, out=out)


def by_hand(given, kernels, keep):
    """A network in NumPy; Python takes a value away when no name refers to it."""
    x = keep(window(keep(given.pop()), kernels[0]))
    np.maximum(x, 0, out=x)
    y = keep(window(x, kernels[1]))
    np.maximum(y, 0, out=y)
    y = keep(window(y, kernels[2]))
    x = keep(x + y)
    del y
    a = keep(window(x, kernels[3]))
    np.maximum(a, 0, out=a)
    b = keep(window(x, kernels[4]))
    del x
    joined = keep(np.concatenate([a, b], axis=-1))
    del a, b
    return keep(joined.mean((0, 1)))


def in_keras(x):
    def conv(maps, kernel=1, activation=None):
        return layers.Conv2D(maps, kernel, activation=activation, use_bias=False)

    x = conv(8, 3, "relu")(x)
    y = conv(8)(conv(4, activation="relu")(x))
    x = layers.Add()([x, y])
    joined = layers.Concatenate()([conv(2, activation="relu")(x), conv(6)(x)])
    return layers.GlobalAveragePooling2D()(joined)


@pytest.mark.parametrize("training", [False, True])
def test_as_measured_while_numpy_runs(training):
    inputs = keras.Input((66, 66, 3))
    model = keras.Model(inputs, in_keras(inputs))
    net, kernels = anatomy(model), model.get_weights()
    image, kept = np.random.default_rng(0).random((66, 66, 3), "float32"), []

    def keep(value):
        if training:
            kept.append(value)
        return value

    tracemalloc.start()
    out = by_hand([image.copy()], kernels, keep)
    _, measured = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.allclose(out, model(image[None])[0], atol=1e-4)
    wanted = net.memory if training else net.peak
    assert measured == pytest.approx(4 * wanted, rel=0.02)
    assert net.peak < 0.7 * net.memory
