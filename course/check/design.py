"""A network of one's own: what it takes and gives, its form, and whether it keeps to a budget."""

from course.check import networks, words
from course.check.card import Card
from course.diagnosis import Cause, finding
from course.language import _, ngettext
from course.network.words import counted, listed, shape_of


def card(builder, args, kwargs, convolutions, parameters, macs):
    """The Card of a builder's network; `kwargs` has the `input_shape` and `classes` asked for."""
    shape, classes = kwargs["input_shape"], kwargs["classes"]
    _call, read, unread = networks.read(
        "model", builder, args, kwargs, shape,
        lambda built: _findings(built, shape, classes, convolutions, parameters, macs),
    )  # fmt: skip
    name = words.call(words.name(builder), args, {"classes": classes})  # it is asked for several
    if unread:
        return Card(name, [unread])
    built, findings = read
    if findings := [*findings, *built.stopped]:
        return Card(name, findings)
    said = _("Your network takes {has} of {most} parameters, and {takes} of {macs} MACs.")
    said = said.format(
        has=f"{built.parameters:,}", most=f"{parameters:,}",
        takes=f"{built.macs:,}", macs=f"{macs:,}",
    )  # fmt: skip
    return Card(name, [], note=said)


def _findings(built, input_shape, classes, convolutions, parameters, macs):
    """What is wrong with a network that was read; nothing if it keeps to its budget."""
    if built.faults:
        fault = built.faults[0]  # those after it may follow from it
        shapes = listed([shape_of(value.shape) for value in fault.values])
        merges = _("{name} merges maps of {shapes}, which do not fit")
        return [finding("", Cause.RAISES, received=merges.format(name=fault.name, shapes=shapes))]
    return [
        *_ends(built, input_shape, classes),
        *_costs(built, convolutions, parameters, macs),
    ]


def _ends(built, input_shape, classes):
    """Findings about the images that it takes, and about the probabilities that it gives."""
    found, shapes = [], [value.shape for value in built.inputs]
    if shapes != [input_shape]:
        said = listed(list(map(shape_of, shapes)))
        found.append(finding("", Cause.INPUT_SHAPE, shape_of(input_shape), said))
    if len(built.outputs) != 1:
        has, wanted = (
            ngettext("{count} output", "{count} outputs", count).format(count=count)
            for count in (len(built.outputs), 1)
        )
        return [*found, finding("", Cause.OUTPUT_COUNT, wanted, has)]
    (end,) = built.outputs
    if len(end.shape) > 1:
        hint = _(
            "Flatten the last map, or take the average of each, so that each class is one number."
        )
        wanted = ngettext("{count} number", "{count} numbers", classes).format(count=classes)
        return [*found, finding("", Cause.OUTPUT_SHAPE, wanted, shape_of(end.shape), hint=hint)]
    if end.size != classes:
        return [*found, finding("", Cause.CLASSES, classes, end.size)]
    last = [source.activation for source in end.sources]
    if last != ["softmax"]:
        hint = _("Probabilities are positive and add up to 1.")
        received = _("no activation at its end")
        if len(last) == 1 and last[0]:
            received = _("{activation} at its end").format(activation=last[0])
        found.append(finding("", Cause.FORM, _("softmax at its end"), received, hint=hint))
    return found


def _costs(built, convolutions, parameters, macs):
    """Findings about its rows: those that cannot be counted, too few convolutions, too much."""
    found = [
        finding(step.name, Cause.NOT_COUNTED, received=step.does())
        for step in built
        if not counted(step)
    ]
    has = sum(step.step == "conv" for step in built)
    if has < convolutions:
        some = ngettext("{count} convolution", "{count} convolutions", has) if has else ""
        least = ngettext(
            "at least {count} convolution", "at least {count} convolutions", convolutions
        ).format(count=convolutions)
        received = some.format(count=has) or _("no convolutions")
        found.append(finding("", Cause.FORM, least, received))
    for cost, said, has, most in (
        ("parameters", _("{count} parameters"), built.parameters, parameters),
        ("macs", _("{count} MACs"), built.macs, macs),
    ):
        if has > most:
            row = max(built, key=lambda step: getattr(step, cost))
            hint = _("{row} alone has {count}.")
            hint = hint.format(row=row.name, count=f"{getattr(row, cost):,}")
            said = said.format(count=f"{has:,}")
            found.append(finding("", Cause.OVER_BUDGET, f"{most:,}", said, hint=hint))
    return found
