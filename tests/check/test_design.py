"""A network of one's own under a budget, and a text of which some may be wrong."""

import keras
import pytest
from keras import layers

from course import check
from course.anatomy import anatomy
from course.diagnosis import Cause
from course.kit import data

LIMITS = {"parameters": 12_000, "macs": 250_000, "convolutions": 2}
DIGIT = {"input_shape": (28, 28, 1), "classes": 10}


def built(*rows):
    """A builder of these rows behind the image."""

    def own(input_shape, classes):
        return keras.Sequential([keras.Input(input_shape), *(row() for row in rows)])

    return own


def said(builder, **changes):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.budget(builder, **LIMITS | DIGIT | changes)
    return caught.value


def conv(filters=8, **settings):
    return lambda: layers.Conv2D(filters, 3, 2, **settings)


AVERAGE, END = layers.GlobalAveragePooling2D, lambda: layers.Dense(10, activation="softmax")
SMALL = conv(), conv(), AVERAGE, END


def test_a_network_within_the_budget_is_right(capsys):
    check.budget(built(*SMALL), **LIMITS | DIGIT)
    rows = anatomy(lambda: built(*SMALL)(**DIGIT))
    text = capsys.readouterr().out
    assert f"Your network takes {rows.parameters:,} of 12,000 parameters" in text
    assert f"and {rows.macs:,} of 250,000 MACs." in text


def test_the_limits_themselves_are_allowed():
    rows = anatomy(lambda: built(*SMALL)(**DIGIT))
    exact = {"parameters": rows.parameters, "macs": rows.macs}
    check.budget(built(*SMALL), **LIMITS | DIGIT | exact)
    for cost in exact:
        (found,) = said(built(*SMALL), **exact | {cost: exact[cost] - 1}).findings
        assert found.cause is Cause.OVER_BUDGET and f"at most {exact[cost] - 1:,}" in found.message


@pytest.mark.parametrize(
    "rows, cause",
    [
        ((conv(), AVERAGE, END), Cause.FORM),
        ((*SMALL[:3], lambda: layers.Dense(10)), Cause.FORM),
        ((*SMALL[:3], lambda: layers.Dense(10, activation="sigmoid")), Cause.FORM),
        ((*SMALL[:3], lambda: layers.Dense(9, activation="softmax")), Cause.CLASSES),
        ((*SMALL[:2], END), Cause.OUTPUT_SHAPE),
        ((*SMALL[:2], layers.PReLU, *SMALL[2:]), Cause.NOT_COUNTED),
    ],
)
def test_what_is_missing_or_too_much_is_said(rows, cause):
    assert [found.cause for found in said(built(*rows)).findings] == [cause]


def test_work_in_a_layer_of_ones_own_is_not_hidden():
    class Wide(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 900))

        def call(self, x):
            return keras.ops.matmul(x, self.kernel)

        def count_params(self):
            return 0

    causes = {found.cause for found in said(built(conv(), conv(), Wide, AVERAGE, END)).findings}
    assert causes & {Cause.NOT_COUNTED, Cause.OVER_BUDGET}


def test_maps_that_do_not_fit_are_said():
    def own(input_shape, classes):
        x = inputs = keras.Input(input_shape)
        x = layers.Add()([layers.Conv2D(8, 3)(x), layers.Conv2D(8, 5)(x)])
        return keras.Model(inputs, END()(AVERAGE()(x)))

    (found,) = said(own).findings
    assert found.cause is Cause.RAISES and "26 × 26 × 8 and 24 × 24 × 8" in found.message


def test_other_images_are_said():
    def own(input_shape, classes):
        return built(*SMALL)((32, 32, 3), classes)

    assert said(own).findings[0].cause is Cause.INPUT_SHAPE


def test_no_answer_is_open():
    card = said(None).card
    assert card.state == "open" and card.headline == "○ This exercise is not answered yet."


def test_the_card_says_for_how_many_classes():
    card = said(built(*SMALL[:3], lambda: layers.Dense(3)), classes=3).card
    assert card.headline == "✗ own(classes=3) is not right."


# --- a text of which some may be wrong


def wrong(answer, expected="0123456789", most=2):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        check.value(answer, expected, wrong=most, hint="Look.")
    return caught.value.findings[0]


def test_some_characters_may_be_wrong():
    check.value("0123456789", "0123456789", wrong=2)
    check.value("01234567xx", "0123456789", wrong=2)
    found = wrong("0123456xxx")
    assert "Wrong characters: 3 of 10. At most 2 may be wrong. Look." in found.message


@pytest.mark.parametrize(
    "answer, cause, says",
    [
        (None, Cause.NOT_ANSWERED, "There is no answer yet."),
        (..., Cause.NOT_ANSWERED, "There is no answer yet."),
        ("012345678", Cause.WRONG_VALUE, "The number of characters is 9, it should be 10."),
        ("", Cause.WRONG_VALUE, "The number of characters is 0"),
        ([0, 1], Cause.WRONG_KIND_OF_VALUE, "a text in quotation marks. Received: [0, 1]."),
        (123, Cause.WRONG_KIND_OF_VALUE, "Received: 123."),
        (float("nan"), Cause.WRONG_KIND_OF_VALUE, "Received: nan."),
        (b"0123456789", Cause.WRONG_KIND_OF_VALUE, "a bytes"),
        ("1" * 10**6, Cause.TOO_LARGE, "far too large"),
    ],
)
def test_what_is_no_such_text_is_said(answer, cause, says):
    found = wrong(answer)
    assert found.cause is cause and says in found.message


def test_the_held_out_images_have_no_labels_and_lie_anywhere():
    images = data.held_out()
    assert images.shape == (500, 28, 28, 1) and images.dtype == "float32"
    assert images.min() == 0 and 0.9 < images.max() <= 1
    edge = images[:, [0, -1]].max(axis=(1, 2, 3))
    assert 0.1 < (edge > 0).mean() < 0.9  # MNIST's own have none there
