"""Questions with letters: each wrong letter has a reason, and each question is in its notebook."""

import re
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from course import arithmetic, check, ilsvrc
from course.anatomy import anatomy
from course.architectures.alexnet import ALEXNET_TWO_GPUS
from course.architectures.googlenet import GOOGLENET, INCEPTION_NAIVE
from course.architectures.resnet import RESNET34, RESNET50
from course.architectures.vgg import VGG11, VGG16
from course.check.questions import QUESTIONS, RIGHT
from course.diagnosis import Cause
from tests.classroom import SOURCES


def right(name):
    return {
        q: letter for q, why in QUESTIONS[name].items() for letter in why if why[letter] == RIGHT
    }


each_set = pytest.mark.parametrize("name", QUESTIONS)


@each_set
def test_one_letter_is_right_and_each_other_one_has_its_reason(name):
    check.choice(right(name), name)
    for question, reasons in QUESTIONS[name].items():
        assert list(reasons.values()).count(RIGHT) == 1 and "".join(reasons) in "abcdefgh"
        for letter, why in reasons.items():
            if why != RIGHT:
                with pytest.raises(check.CheckFailed) as failed:
                    check.choice(right(name) | {question: letter}, name)
                (found,) = failed.value.findings
                assert found.message == f"{question}: It is not {letter}. {why}"


@each_set
def test_one_letter_for_all_questions_passes_no_check(name):
    assert len(set(right(name).values())) > 1


@pytest.mark.parametrize("form", ["{}", "{})", "({})", " {}. "])
def test_a_letter_counts_however_it_is_written(form):
    answers = {q: form.format(letter.upper()) for q, letter in right("lenet-relu").items()}
    check.choice(answers, "lenet-relu")


def test_the_questions_stand_in_the_notebooks():
    found = {}
    for path in SOURCES:
        options = {}
        for cell in nbformat.read(path, 4).cells:
            asked = r"^\*([^*\n]+)\* · (.*?)(?=^\*|\Z)"
            for question, text in re.findall(asked, cell.source, re.M | re.S):
                options[question] = re.findall(r"^- ([a-h])\) ", text, re.M)
            if name := re.search(r"check\.choice\(\w+, \"(.+)\"\)", cell.source):
                found[name[1]], options = options, {}
    assert found == {
        name: {question: list(reasons) for question, reasons in questions.items()}
        for name, questions in QUESTIONS.items()
    }


def test_guessing_one_letter_everywhere_gains_nothing():
    asked = [reasons for questions in QUESTIONS.values() for reasons in questions.values()]
    for last in "cd":  # questions with three options, and those with four
        right = [key for why in asked if max(why) == last for key in why if why[key] == RIGHT]
        most = max(map(right.count, right))
        assert most <= len(right) * (0.4 if last == "c" else 0.5)


@pytest.mark.parametrize(
    "answer, cause, says",
    [
        ({}, Cause.NOT_ANSWERED, "the same images: There is no answer yet."),
        ({"the same images": None}, Cause.NOT_ANSWERED, "There is no answer yet."),
        ({"the same images": "D"}, Cause.WRONG_VALUE, 'letters "a" to "c", in quotation marks'),
        ({"the same images": 3}, Cause.WRONG_VALUE, "You have 3."),
        ({"the same images": ["c"]}, Cause.WRONG_VALUE, "You have ['c']."),
        ("cb", Cause.WRONG_KIND_OF_VALUE, 'for each question. Received: the text "cb".'),
        (None, Cause.NOT_ANSWERED, "There is no answer yet."),
        ({"The same images": "c"}, Cause.MISSING_KEY, 'You wrote "The same images".'),
    ],
)
def test_other_answers(answer, cause, says):
    with pytest.raises(check.CheckFailed) as failed:
        check.choice(answer, "comparison-relative")
    found = failed.value.findings[0]
    assert found.cause is cause and says in found.message


def test_numbers_in_the_reasons():
    def standard_error(percent, images):
        return (percent * (100 - percent) / images) ** 0.5

    before, after = (w.top5 for w in ilsvrc.WINNERS if w.year in (2011, 2012))
    network, person = 3.567, ilsvrc.HUMANS["annotator A1"]
    macs = anatomy(ilsvrc.NETWORKS["VGG-16"]).macs
    reasons = {q: why for questions in QUESTIONS.values() for q, why in questions.items()}
    assert f"of {before} errors {before - after:.2f} went" in reasons["the larger step"]["b"]
    assert (before - after) / before == pytest.approx(2 / 5, abs=0.01)
    assert f"about {3 * macs / 1e9:.0f} billion" in reasons["two numbers"]["b"]
    assert anatomy(INCEPTION_NAIVE).macs == pytest.approx(1.71e9 / 2, rel=0.01)
    errors = [f"{standard_error(percent, 1500):.2f}" for percent in (5.1, 4.9)]
    assert " and ".join(errors) + " points" in reasons["two people"]["a"]
    assert person == (5.1, 1500)
    errors = [f"{standard_error(*one):.2f}" for one in ((network, 100_000), person)]
    said = f"{' and '.join(errors)} points, and the difference is {person[0] - network:.1f}."
    assert said in reasons["what was shown"]["c"]


def test_numbers_in_the_reasons_about_googlenet():
    alexnet, google = anatomy(ALEXNET_TWO_GPUS), anatomy(GOOGLENET)
    why = QUESTIONS["inception-cost"]
    assert alexnet.parameters / google.parameters == pytest.approx(9, abs=0.5)  # "a ninth"
    assert 2 < google.macs / alexnet.macs < 2.5  # "more than twice"
    assert "conv2 alone takes nearly half" in why["work"]["b"]
    assert 0.45 < google["conv2"].macs / alexnet.macs < 0.5
    convolutions = sum(row.parameters for row in alexnet if row.step == "conv")
    share = round(100 * convolutions / alexnet.parameters)
    assert f"only {share} %" in why["where they went"]["b"]
    assert f"keep {100 - share} %" in why["where they went"]["c"]


def convolution_weights(size, channels, maps):
    return arithmetic.conv_parameters(size, channels, maps, bias=False)


def test_numbers_in_the_reasons_about_vgg():
    net, small = anatomy(VGG16), anatomy(VGG11)
    why = QUESTIONS["vgg-growth"]
    dense = [row.parameters for row in small if row.name.startswith("fc")]
    assert f"hold {100 * sum(dense) / small.parameters:.0f} %" in why["eight more"]["b"]
    early, late = net["conv1_2"], net["conv5_1"]
    assert round(late.parameters / early.parameters) == 64
    assert "conv5_1 has 64 times as many weights" in why["two rows"]["a"]
    assert early.grid[0] ** 2 / late.grid[0] ** 2 == 256
    assert "256 times as many" in why["two rows"]["a"]
    assert early.macs > late.macs
    assert arithmetic.conv_parameters(7, 512, 4096) == net["fc6"].parameters
    values = [net[name].memory for name in ("fc6", "fc7", "fc8")]
    assert values == [4096, 4096, 1000] and 1000 * sum(values) < net.memory
    why = QUESTIONS["vgg-shares"]
    middle = net["conv4_2"]
    assert f"{middle.parameters / 1e6:.1f} million" in why["fewer parameters"]["b"]
    assert early.memory == 8 * middle.memory and middle.macs == early.macs
    assert early.grid[0] ** 2 / middle.grid[0] ** 2 == 64
    assert 100 * net["fc6"].macs < net.macs
    head = net["fc8"].parameters
    assert round((net.parameters - head) / 1e6) == 134  # up to fc7


def test_numbers_in_the_questions_about_sharing():
    values = 24 * 24 * 8
    dense = arithmetic.dense_parameters(28 * 28, values)
    local = arithmetic.conv_parameters(5, 1, values)
    assert round(dense / local) == 30
    assert local / arithmetic.conv_parameters(5, 1, 8) == 24 * 24 == 576


def test_numbers_in_the_questions_about_a_phone():
    net = anatomy(VGG16)
    needs = [4 * n / 1e6 for n in (net.parameters, net.parameters + net.peak,
                                   net.parameters + net.memory, 2 * net.parameters)]  # fmt: skip
    assert [round(n) for n in needs] == [553, 579, 614, 1107]
    assert net.peak == 2 * net["conv1_1"].memory and round(net.peak / 1e5) == 64
    assert round(net.parameters / net.peak) == 22


def test_what_layers_leave_behind_that_are_taken_out():
    def without(*out):
        rows = tuple(row for row in ALEXNET_TWO_GPUS.rows if row.name not in out)
        return anatomy(replace(ALEXNET_TWO_GPUS, rows=rows))

    whole = anatomy(ALEXNET_TWO_GPUS)
    assert whole["fc7"].parameters == whole.parameters - without("fc7").parameters
    assert without("fc6", "fc7")["fc8"].parameters > whole["fc8"].parameters
    assert without("conv3", "conv4")["conv5"].parameters < whole["conv5"].parameters
    assert without("conv5").parameters > whole.parameters


def test_numbers_in_the_reasons_about_mixing():
    merged = convolution_weights(3, 256, 192)
    apart = convolution_weights(1, 256, 64) + convolution_weights(3, 64, 192)
    said = QUESTIONS["inception-mixing"]["without ReLU"]["c"]
    assert f"{merged:,} weights" in said and f"of {apart:,} numbers" in said


def test_numbers_in_the_reasons_about_blocks():
    basic = anatomy(RESNET34.part("conv2_1_1", "conv2_1", input_shape=(56, 56, 64)))
    bottleneck = anatomy(RESNET50.part("conv2_2_1", "conv2_2", input_shape=(56, 56, 256)))
    assert bottleneck.trained == pytest.approx(basic.trained, rel=0.05)
    assert bottleneck.memory > 3 * basic.memory
    thin = convolution_weights(1, 256, 64) + convolution_weights(1, 64, 256)
    assert 0.85 < thin / convolution_weights(3, 64, 64) < 1  # "nearly as many"


def test_what_the_order_of_relu_and_normalisation_does():
    def normalised(x):
        return (x - x.mean()) / x.std()

    x = np.array([-1.0, 1.0])
    assert np.maximum(normalised(x), 0).tolist() == [0, 1]
    assert normalised(np.maximum(x, 0)).tolist() == [-1, 1]
    assert "ReLU makes 0 and 1 of them" in QUESTIONS["resnet-blocks"]["order"]["a"]
