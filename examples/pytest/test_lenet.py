"""Tests of the module `lenet.py` that a student writes beside this file."""

from convnet_course import check
from convnet_course.architectures.lenet import LENET5
from lenet import lenet5


def test_lenet5():
    """The network is LeNet-5."""
    check.model(lenet5, like=LENET5)


def test_lenet5_for_other_images():
    """It takes other sizes, and another number of classes."""
    check.model(lenet5, input_shape=(48, 40, 3), classes=17, like=LENET5)
