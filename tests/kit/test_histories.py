"""Every stored run shows what the notebooks say: over the seeds, ranges that lie apart."""

import json

import pytest

from course.kit import data
from tests.classroom import LECTURES, ROOT, SOURCES

CELLS = {  # (lecture or solution, cell): its text
    (path.stem, cell["id"]): "".join(cell["source"])
    for path in (*LECTURES, *SOURCES)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
}
FILES = sorted(path.stem for path in ROOT.glob("course/histories/*.json"))


def accuracy(run):
    return run["val_accuracy"][-1]


def training_error(run):
    return round(1 - run["accuracy"][-1], 5)


def epochs_needed(run):
    *before, last = run["accuracy"]
    assert last >= 0.75 > max(before)
    return len(run["accuracy"])


def help_of_heads(run):
    return round(run["both"][0] / run["main"][0], 3)


MEASURES = {  # of the others: accuracy on the test images after the last epoch
    "03-relu": epochs_needed,
    "04-start": training_error,
    "05-heads": help_of_heads,
    "06-resnet": training_error,
}

# What the notebooks claim: all seeds of the first lie below all seeds of the second.
APART = {
    "02-lenet": [("lenet", "lenet_relu"), ("lenet_1998", "lenet_relu")],
    "03-alexnet": [("plain", "regularised")],
    "03-relu": [("tanh", "relu")],
    "04-features": [("random", "scratch"), ("scratch", "features")],
    "04-start": [
        ("shallow_small", "deep_small"),
        ("deep_he", "deep_small"),
        ("shallow_he", "deep_he"),
    ],
    "04-vgg": [],
    "05-equal-work": [("bottleneck", "naive")],
    "05-heads": [("drawn", "half")],
    "05-inception": [("bottleneck", "naive")],
    "06-resnet": [("plain20", "plain44"), ("resnet44", "plain44")],
    "08-project": [("still", "moved")],
}

# What the notebooks say cannot be told apart: the ranges overlap.
ALIKE = {
    "04-vgg": [("three", "six")],
    "05-inception": [("bottleneck", "head")],
}


def measured(name, net):
    measure = MEASURES.get(name, accuracy)
    return [measure(run) for run in data.history(name)["nets"][net]["seeds"].values()]


@pytest.mark.parametrize("name", FILES)
def test_a_history_has_three_seeds_and_its_ranges_are_those_of_its_runs(name):
    for key, net in data.history(name)["nets"].items():
        assert len(net["seeds"]) >= 3
        assert net["range"] == [min(measured(name, key)), max(measured(name, key))]


@pytest.mark.parametrize("name", FILES)
def test_a_history_shows_what_is_claimed(name):
    for lower, higher in APART[name]:
        assert max(measured(name, lower)) < min(measured(name, higher)), (lower, higher)
    for one, other in ALIKE.get(name, []):
        one, other = measured(name, one), measured(name, other)
        assert max(one) >= min(other) and max(other) >= min(one)


@pytest.mark.parametrize("name", FILES)
def test_a_notebook_shows_the_history(name):
    assert any(f'data.history("{name}")' in source for source in CELLS.values())


def test_the_heads_help_the_early_parts_and_only_after_a_bad_start_by_much():
    stored = data.history("05-heads")
    early, late = stored["parts"].index("4a") + 1, stored["parts"].index("4d") + 1
    for key, lowest, highest in (("drawn", 1, 2), ("half", 20, float("inf"))):
        for run in stored["nets"][key]["seeds"].values():
            times = [both / main for both, main in zip(run["both"], run["main"], strict=True)]
            assert all(lowest < ratio < highest for ratio in times[:early])
            assert run["both"][late:] == run["main"][late:]
    for key, largest in (("drawn", 1), ("half", 1e-5)):
        for run in stored["nets"][key]["seeds"].values():
            assert run["main"][-1] / 2 < run["main"][0] and max(run["main"]) < largest


def ends(name, net, measure, digits=1):
    """The lowest and the highest of a net's runs, in percent as the texts write them."""
    measured = [measure(run) for run in data.history(name)["nets"][net]["seeds"].values()]
    return [f"{100 * pick(measured):.{digits}f}" for pick in (min, max)]


def error_on_test_images(run):
    return 1 - run["val_accuracy"][-1]


def test_degradation_is_no_standstill_and_shortcuts_take_it_away():
    for run in data.history("06-resnet")["nets"]["plain44"]["seeds"].values():
        first, last = 1 - run["accuracy"][0], 1 - run["accuracy"][-1]
        assert last < 0.6 < first and last < 1 - run["accuracy"][-3]  # 0.9 is guessing
    for net in ("resnet20", "resnet44"):
        assert ends("06-resnet", net, training_error) == ["0.0", "0.0"]


@pytest.mark.parametrize("where", ["06-resnet", "resnet"])
def test_the_texts_about_degradation_say_the_numbers(where):
    for net in ("plain20", "plain44"):
        said = f"{' to '.join(ends('06-resnet', net, training_error))} %"
        assert said in CELLS[where, "degradation-see"]
    net, cell = {
        "06-resnet": ("resnet44", "degradation-overfitting"),
        "resnet": ("resnet20", "train-see"),
    }[where]
    said = f"{' to '.join(ends('06-resnet', net, error_on_test_images))} %"
    assert said in CELLS[where, cell]


def test_the_texts_about_features_say_the_numbers():
    text = CELLS["vgg", "transfer-see"]
    for net in ("features", "scratch", "random"):
        assert f"{' to '.join(ends('04-features', net, accuracy, 0))} %" in text


@pytest.mark.parametrize("cell", [("03-alexnet", "small-relu-see"), ("alexnet", "relu-curves-see")])
def test_the_texts_about_relu_say_the_numbers(cell):
    tanh, relu = ("{} to {}".format(*data.history("03-relu")["nets"][net]["range"])
                  for net in ("tanh", "relu"))  # fmt: skip
    assert f"{tanh} epochs against {relu}" in CELLS[cell]


def test_the_text_about_the_start_says_the_numbers():
    text = CELLS["04-vgg", "start-see"]
    for net in ("shallow_small", "deep_he"):
        assert f"{' to '.join(ends('04-start', net, training_error))} %" in text
    least, most = ends("04-start", "deep_small", training_error)
    assert least == most and f"{most} % wrong, in every run" in text
    assert float(least) > 88  # guessing among ten digits


@pytest.mark.parametrize("cell", [("05-inception", "live-equal-see"), ("inception", "equal-see")])
def test_the_texts_about_equal_work_say_the_numbers(cell):
    for net in ("naive", "bottleneck"):
        assert f"{' to '.join(ends('05-equal-work', net, accuracy))} %" in CELLS[cell]
    naive, slim = (
        data.history("05-equal-work")["nets"][n]["macs"] for n in ("naive", "bottleneck")
    )
    assert 1 < naive / slim < 1.05


def test_the_text_about_the_inception_nets_says_the_numbers():
    text = CELLS["inception", "curves-see"]
    for net in ("naive", "bottleneck"):
        assert f"{' to '.join(ends('05-inception', net, accuracy, 0))} %" in text
