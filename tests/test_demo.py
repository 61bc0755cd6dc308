"""`make demo`: what it prints is what the class of twelve was made up to get."""

import re

from course.cli import main
from tests.classroom import ROOT

EXPECTED = {
    "abdulaaisha": 100,  # the solution
    "bergmannjo": 100,  # Sequential
    "chenwei": 100,  # "Copy of", C5 as a convolution
    "diazlucia": 100,  # saved by Colab, subclassed layers
    "eriksenida": 80,  # padded, and a test cell copied
    "fofanamory": 72,  # max pooling, biases forgotten
    "grecopia": 76,  # not flattened, signs turned round
    "haddadsami": 94,  # plain tanh; the three exercises that use it get the official one
    "itoren": 80,  # all maps connected, maps first
    "jonesbo": 92,  # the number of classes is not taken from the argument
    "kowalskaola": 83,  # output trained, still average pooling
    "lopezana": 0,  # untouched
}


def test_the_demo_grades_its_class(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "demo"
    assert main(["demo", "--course", str(ROOT), "--folder", str(folder)]) == 0
    out = capsys.readouterr().out
    scores = dict(re.findall(r"^([a-z]+)_\d+ +([\d.]+) / 100$", out, re.MULTILINE))
    assert {name: float(score) for name, score in scores.items()} == EXPECTED
    assert "repaired: A second copy of the cell lenet-model was removed." in out
    assert "−20" not in out  # every lost point has its own line and reason
    lost = sum(float(points) for points in re.findall(r"^ +−([\d.]+) ", out, re.MULTILINE))
    assert lost == sum(100 - score for score in EXPECTED.values())
    for path in ("gradebook.db", "scores.csv", "feedback"):
        assert str(folder / path) in out and (folder / path).exists()
    assert len(list((folder / "feedback").rglob("lenet.html"))) == 12
