"""Compare numbers that a student worked out by hand with a table, and explain the wrong ones."""

from math import prod

from course.anatomy import anatomy
from course.check import words
from course.check.agree import close
from course.check.asked import ask, failed, no_plain_value
from course.check.card import Card
from course.diagnosis import Cause, finding
from course.evidence import values
from course.language import _, ngettext, sentences


def shapes(answers, like, rows):
    """The Card of {row: (height, width, channels)}; `rows` must be there (None: all rows)."""
    network = anatomy(like)
    right = {step.name: step.shape for step in network}
    kind = _("a tuple such as (28, 28, 6)")
    return _card(answers, network, right, rows, _explain_shape, kind)


def parameters(answers, like, rows):
    """The Card of {row: trained parameters}; the row "total" is the whole network."""
    network = anatomy(like)
    right = {step.name: step.trained for step in network} | {"total": network.trained}
    return _card(answers, network, right, rows, _explain_parameters, _("a whole number"))


def _card(answers, network, right, rows, explain, kind):
    """The Card of {row: number or numbers}, where `right` holds the right ones.

    `explain(network, row, got, expected, answers)` gives (Cause, hint) for a wrong one. `kind` says
    in words what one should be.
    """
    asked = {name: right[name] for name in rows or right}
    reply = ask(answers, {"ask": "value"})
    if "failed" in reply:
        findings = [failed(reply, _("a dict of numbers"))]
    else:
        findings = _findings(reply["value"], network, asked, explain, kind)
    return Card(words.name(answers), findings)


def _findings(got, network, asked, explain, kind):
    if got is None:
        return [finding("", Cause.NOT_ANSWERED, hint=words.answer_above())]
    if not isinstance(got, dict) or not got:
        form = words.dict_of(asked)
        return [finding("", Cause.WRONG_KIND_OF_VALUE, form, words.quoted(got))]
    if all(value is None for value in got.values()):
        return [finding("", Cause.NOT_ANSWERED, hint=_("Fill in the numbers above."))]
    findings = []
    for row, expected in asked.items():
        wanted = list(expected) if isinstance(expected, tuple) else expected
        if row not in got:
            findings.append(finding(row, Cause.MISSING_KEY, hint=words.other_key(got, row)))
        elif got[row] is None:
            findings.append(finding(row, Cause.NOT_ANSWERED))
        elif odd := values.stands_for(got[row]):
            findings.append(no_plain_value(row, odd, kind))
        elif not close(got[row], wanted, 0) and not _same_vector(got[row], wanted):
            cause, hint = explain(network, row, got[row], wanted, got)
            findings.append(finding(row, cause, kind, words.quoted(got[row]), hint=hint))
    return findings


def _same_vector(got, wanted):
    """A vector's shape may be written 120, (120,) or, as the paper does, 1 × 1 × 120."""
    if not isinstance(wanted, list) or len(wanted) != 1:
        return False
    return close(got, wanted[0], 0) or close(got, [1, 1, *wanted], 0)


def _explain_shape(network, row, got, expected, answers):
    step = network[row]
    if not isinstance(got, list | int) or isinstance(got, bool):
        return Cause.WRONG_KIND_OF_VALUE, ""
    got = [got] if isinstance(got, int) else got
    if len(got) == len(expected) + 1 and got[0] is None:
        said = _("You have {value}. Leave out None, which is the batch.")
        return Cause.WRONG_VALUE, said.format(value=words.brief(got))
    if len(got) == len(expected) and sorted(map(str, got)) == sorted(map(str, expected)):
        return Cause.CHANNELS_FIRST, ""
    if len(got) == len(expected) == 3 and got[:2] == expected[:2]:
        return Cause.FILTERS_FORGOTTEN, words.you_have(words.brief(got[2]))
    if len(expected) < 3:
        hint = _("The table gives the number of units.")
    elif step.step == "concatenate":
        hint = _("Side by side, maps keep their height and width, and their numbers add up.")
    else:
        hint = _window(step, answers)
    return Cause.WRONG_VALUE, sentences(words.you_have(words.brief(got)), hint)


def _window(step, answers):
    """A sentence: how a row's size follows from that of the row before it, the student's own."""
    # The right size of that row may be another row's answer.
    source = _before(step)
    while source.name not in answers and source.inputs and source.grid == _before(source).grid:
        source = _before(source)  # not among the answers, and of the same size as its input
    own = source.grid if source.step == "input" else answers.get(source.name)
    size = own[0] if isinstance(own, list | tuple) and own else None
    size = size if isinstance(size, int | float) else "N"
    kernel, stride, padding = step.kernel[0], step.stride[0], step.padding[0][0]
    said = (
        ngettext(
            "A window of {kernel} slides over {size} in steps of {stride} with {padding} zero "
            "on each side: ⌊(N + 2P − F)/stride⌋ + 1.",
            "A window of {kernel} slides over {size} in steps of {stride} with {padding} zeros "
            "on each side: ⌊(N + 2P − F)/stride⌋ + 1.",
            padding,
        ) if padding
        else _(
            "A window of {kernel} slides over {size} in steps of {stride} without padding: "
            "⌊(N + 2P − F)/stride⌋ + 1."
        )
    )  # fmt: skip
    return said.format(kernel=kernel, size=words.brief(size), stride=stride, padding=padding)


def _before(step):
    return step.inputs[0].parts[0][0]


def _explain_parameters(network, row, got, expected, answers):
    if isinstance(got, bool) or not isinstance(got, int | float):
        return Cause.WRONG_KIND_OF_VALUE, ""
    said = words.you_have(words.count(got))
    if row == "total":
        hint = _("Add up the rows above.")
        return Cause.WRONG_VALUE, sentences(said, hint)
    step = network[row]
    area = step.kernel[0] * step.kernel[1]
    if not step.kernel_weights:
        hint = _("What is there to learn in: {step}?").format(step=step.does())
        return Cause.WRONG_VALUE, sentences(said, hint)
    if got == step.kernel_weights:
        return Cause.WITHOUT_BIASES, said
    positions = prod(step.grid)
    if got in (step.macs, step.macs + step.filters, positions * step.parameters):
        return Cause.MACS_FOR_PARAMETERS, said
    if step.connections:
        dense = area * step.channels * step.filters
        if got in (dense, dense + step.filters):
            return Cause.ALL_CONNECTED, said
    if step.step == "conv" and got in (area * step.filters, (area + 1) * step.filters):
        return Cause.WITHOUT_INPUT_CHANNELS, said
    if step.step == "dense":
        source = step.inputs[0]
        sizes = (source.channels,) if source.grid == (1, 1) else (*source.grid, source.channels)
        hint = _("It sees {count} values.").format(count=" · ".join(map(str, sizes)))
    else:
        hint = _("Weights of one map: {area} for each map that it sees. Then its bias.")
        hint = hint.format(area=area)
    return Cause.WRONG_VALUE, sentences(said, hint)
