"""Checks for notebooks: is the answer right, and if not, what is wrong with it?

    check.model(lenet5, like=LENET5)                # a builder against a published table
    check.model(lenet5, classes=17, like=LENET5)    # the same for other arguments
    check.block(subsample, like=..., name="S2")     # a function from tensor to tensor
    check.budget(own, parameters=9_000, macs=10**6, input_shape=(28, 28, 1), classes=10)
    check.shapes(shapes, like=LENET5)               # hand counts against the same table
    check.parameters(parameters, like=LENET5)
    check.value(share, 95.8, tolerance=0.05)
    check.value(predictions, labels, wrong=75)      # a text, of which some may be wrong
    check.choice(letters, "comparison-costs")       # letters, with a reason for each wrong one
    check.function(area, [2, 3], [4, 4], gives=[6, 16])
    check.batch_norm(normalised, mode="use")        # batch normalisation written by hand
    check.progress({"lenet-shapes": 8, ...})        # points so far, and what is open

Each shows a card. It returns None if the answer is right; otherwise it raises `CheckFailed`, whose
text is the card. `course.evidence` runs next to the student's code and collects evidence. This
package and `course.diagnosis` judge by that evidence alone.
"""

from __future__ import annotations

from course.check import agree, counts, design, networks, outcome, questions, words
from course.check.asked import ask, failed, told
from course.check.card import Card
from course.check.outcome import CheckFailed, conclude, silently
from course.check.record import progress
from course.diagnosis import Cause, finding
from course.evidence import values
from course.language import _
from course.plain import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable, Iterable, Sequence

    from course.architectures import Table

    Like = Table | list[Table] | tuple[Table, ...]


__all__ = [
    "CheckFailed", "batch_norm", "block", "budget", "choice", "function", "model", "parameters",
    "progress", "shapes", "silently", "told", "value",
]  # fmt: skip

__tracebackhide__ = outcome.__tracebackhide__


def model(builder: Callable[..., object], /, *args: object, like: Like, **kwargs: object) -> None:
    """Check the model that a builder returns against a table.

    `like` is a `Table`, or a list of tables of which one has to fit. The keyword arguments
    `classes` and `input_shape` are passed to the builder and to the table, all others to the
    builder only. The model is built without weights: VGG-16 takes hundredths of a second. A builder
    may also be a class of PyTorch's modules, or return a module.

    Raises CheckFailed with the first row that differs.
    """
    changes = {k: v for k, v in kwargs.items() if k in ("classes", "input_shape")}
    tables = [table.with_(**changes) for table in _several(like)]
    conclude(networks.card("model", builder, args, kwargs, tables))


def block(function: Callable[..., object], /, *args: object, like: Like, **kwargs: object) -> None:
    """Check a function from tensor to tensor against some rows of a table.

    The function gets a symbolic tensor of `like.input_shape` first, then the other arguments. A
    class of PyTorch's modules gets the arguments, and its module the tensor.

    Raises CheckFailed with the first row that differs.
    """
    conclude(networks.card("block", function, args, kwargs, _several(like)))


def budget(
    builder: Callable[..., object], /, *args: object, parameters: int, macs: int,
    input_shape: Sequence[int], classes: int, convolutions: int = 1, **kwargs: object,
) -> None:  # fmt: skip
    """Check a network of the student's own design against a budget; there is no table for it.

    The builder is called with `input_shape` (height, width, channels) and `classes`, and with the
    other arguments. Its model should take such images and give one probability for each class. It
    should have at least so many `convolutions`, at most so many `parameters`, and at most so many
    `macs` (multiply-accumulates for one image).

    Raises CheckFailed with everything that is too much or missing.
    """
    kwargs |= {"input_shape": tuple(input_shape), "classes": classes}
    conclude(design.card(builder, args, kwargs, convolutions, parameters, macs))


def shapes(answers: object, /, *, like: Table, rows: Iterable[str] | None = None) -> None:
    """Check {row: (height, width, channels)} against the shapes that follow from a table.

    `rows` are the names of the rows that the answer must hold; None means all. A vector's shape is
    (units,) or just the number of units. Raises CheckFailed with the wrong rows.
    """
    conclude(counts.shapes(answers, like, rows))


def parameters(answers: object, /, *, like: Table, rows: Iterable[str] | None = None) -> None:
    """Check {row: trained parameters} against a table; the row "total" is the whole network.

    `rows` are the names of the rows that the answer must hold; None means all and the total.
    Raises CheckFailed with the wrong rows.
    """
    conclude(counts.parameters(answers, like, rows))


def batch_norm(
    subject: Callable[..., object], /, *cases: Sequence[object], mode: str, seed: int | None = 0
) -> None:
    """Check batch normalisation that is written by hand. `mode` says what the function does:

        "training"  (x, gamma, beta, mean, variance, momentum, epsilon) -> (y, mean, variance)
        "use"       (x, gamma, beta, mean, variance, epsilon) -> y
        "folding"   (kernel, bias, gamma, beta, mean, variance, epsilon) -> (kernel, bias)

    x is (images, height, width, maps), kernel (F, F, channels, maps), all others are (maps,) or a
    number. `cases` are lists of arguments and are asked first. Then arguments are asked that are
    drawn with `seed` (None: others each time). Raises CheckFailed; a usual mistake is named.
    """
    from course.check import normalised  # it needs NumPy; importing the course does not

    conclude(normalised.card(subject, cases, mode, seed))


def value(
    answer: object, expected: object, /, *, tolerance: float = 0, hint: str = "", wrong: int = 0
) -> None:
    """Check a number, or a list or dict of numbers; each may differ by `tolerance` (absolute).

    If `expected` is a text, such as one digit for each image, the answer is a text of its length in
    which at most `wrong` characters may differ. `hint` is shown when the answer is wrong. Raises
    CheckFailed.
    """
    reply, name = ask(answer, {"ask": "value"}), words.name(answer)
    if "failed" in reply:
        kind = words.kind_of_numbers(values.exactly(expected))
        findings = [failed(reply, _("a text") if wrong else kind)]
    elif wrong and (got := reply["value"]) is not None:
        findings = agree.wrong_text(name, got, expected, wrong, hint)
    else:
        right = values.exactly(expected)
        findings = agree.wrong_value(name, reply["value"], right, tolerance, hint)
    conclude(Card(name, findings))


def choice(answers: object, about: str | dict[str, dict[str, str]], /) -> None:
    """Check {question: letter} for the questions of that name in `course.check.questions`.

    For questions of an instructor's own it is, instead of a name, {question: {letter: why it is
    wrong}}, with "" for the right letter. Raises CheckFailed with a reason for each wrong letter.
    """
    reply, name = ask(answers, {"ask": "value"}), words.name(answers)
    if "failed" in reply:
        findings = [failed(reply, _("a dict of letters"))]
    else:
        findings = questions.wrong(reply["value"], about)
    conclude(Card(name, findings))


def function(
    subject: Callable[..., object], /, *cases: Sequence[object],
    gives: Iterable[object] | None = None, like: Callable[..., object] | None = None,
    tolerance: float = 1e-5, hint: str | Sequence[str] = "", symbolic: bool = False,
) -> None:  # fmt: skip
    """Check a function's answers to some cases.

    A case is the list of arguments of one call. The right answers are either `gives`, a list with
    one answer for each case, or the answers of `like`, a reference function (for random cases).
    `tolerance` is relative to the largest number of the right answer, so that rounding does not
    count. `hint` is shown when an answer is wrong. A list has one hint for each case, which is also
    shown when the code stops at that case. With `symbolic` the function must also work on Keras's
    symbolic tensors, which have a shape and no values. Raises CheckFailed.
    """
    if (gives is None) == (like is None):
        raise TypeError("check.function takes either gives= (answers) or like= (a reference).")
    cases = [list(case) for case in cases]
    rights = [like(*case) for case in cases] if gives is None else list(gives)
    own = isinstance(hint, list | tuple)
    hints = list(hint) if own else [hint] * len(cases)
    if len(hints) != len(cases):
        raise TypeError(f"check.function takes one hint, or one for each of {len(cases)} cases.")
    request = {"ask": "call", "cases": values.sendable(cases)}
    if symbolic:
        request["symbolic"] = True
    reply, name = ask(subject, request), words.name(subject)
    if "failed" in reply:
        wanted = _("a function that returns numbers") if "case" in reply else _("a function")
        findings = [failed(reply, wanted, agree.call_of(reply, name, cases, hints if own else []))]
    else:
        findings = agree.wrong_answers(name, cases, reply["answers"], rights, tolerance, hints)
    if symbolic and not findings and (why := one_line(reply.get("symbolic", _("no answer came")))):
        findings = [finding(name, Cause.NOT_SYMBOLIC, received=why)]
    conclude(Card(name, findings))


def _several(like):
    return list(like) if isinstance(like, list | tuple) else [like]
