"""A program that uses the package, as mypy reads it: nothing in it is of an unknown type."""

from contextlib import suppress
from typing import assert_type

import convnet_course
import convnet_course.check as same
from convnet_course import anatomy, arithmetic, check, data, diagnosis, doctor, figures, timing
from convnet_course.architectures import Row, Table, conv, dense, max_pool
from convnet_course.architectures.lenet import LENET5
from convnet_course.architectures.resnet import RESNET50, cifar
from convnet_course.check.card import Card

import course
from course.kit.figures import Picture


def lenet5(input_shape: tuple[int, int, int] = (32, 32, 1), classes: int = 10) -> object:
    """Stands for a student's builder."""
    return input_shape, classes


course.setup(seed=1)
convnet_course.setup()
assert_type(convnet_course.__version__, str)
rows = (conv("a", 6, 5, activation="relu"), max_pool("b", 2), dense("c", 10))
assert_type(rows, tuple[Row, Row, Row])
own = Table("mine", "here", (32, 32, 1), rows).with_(classes=3)
with check.silently() as cards, suppress(same.CheckFailed):
    check.model(lenet5, input_shape=(48, 40, 3), like=[LENET5, own])
    check.block(lenet5, name="S2", like=LENET5.part("C1", input_shape=(32, 32, 1)))
    check.shapes({"C1": (28, 28, 6)}, like=LENET5, rows=["C1"])
    check.parameters({"C1": 156}, like=LENET5)
    check.value(1.0, 2, tolerance=0.1)
    check.choice({"a": "b"}, "comparison-costs")
    check.function(lenet5, [1], gives=[2])
    check.budget(lenet5, parameters=1, macs=2, input_shape=(1, 2, 3), classes=3)
    assert_type(check.progress({"a": 3}).headline, str)
assert_type(cards, list[Card])
assert_type((cards[0].markdown(), cards[0].html(), cards[0].state), tuple[str, str, str])
assert_type([found.cause.name for found in cards[0].findings], list[str])
assert_type(anatomy.anatomy(RESNET50).macs, int)
assert_type([row.parameters for row in anatomy.anatomy(lenet5)], list[int])
assert_type(arithmetic.output_size(32, 5), int)
assert_type(timing.forward(LENET5), dict[str, float])
assert_type(figures.architecture(LENET5, title="LeNet-5"), Picture)
figures.bars({"a": 1}).save("bars.png")
train, test = data.load("digits")
assert_type(diagnosis.diagnose(cifar(20), LENET5)[0].message, str)
assert_type(doctor.doctor(), int)
convnet_course.training.line()
check.model(lenet5, like="LeNet-5")
