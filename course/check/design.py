"""Findings about a network of one's own: what it takes and gives, its form, and what it costs."""

from course.diagnosis import Cause, finding
from course.network.words import counted, shape_of


def findings(built, input_shape, classes, convolutions, parameters, macs):
    """What is wrong with a network that was read; nothing if it keeps to its budget."""
    for fault in built.faults:
        shapes = " and ".join(shape_of(value.shape) for value in fault.values)
        merges = f"{fault.name} merges maps of {shapes}, which do not fit"
        return [finding("", Cause.RAISES, received=merges)]
    return [
        *_ends(built, tuple(input_shape), classes),
        *_costs(built, convolutions, parameters, macs),
    ]


def _ends(built, input_shape, classes):
    """Findings about the images that it takes, and about the probabilities that it gives."""
    found, shapes = [], [value.shape for value in built.inputs]
    if shapes != [input_shape]:
        said = " and ".join(map(shape_of, shapes))
        found.append(finding("", Cause.INPUT_SHAPE, shape_of(input_shape), said))
    if len(built.outputs) != 1:
        return [
            *found,
            finding("", Cause.OUTPUT_COUNT, "1 output", f"{len(built.outputs)} outputs"),
        ]
    (end,) = built.outputs
    if len(end.shape) > 1:
        hint = (
            "Flatten the last map, or take the average of each, so that each class is one number."
        )
        shapes = f"{classes} numbers", shape_of(end.shape)
        return [*found, finding("", Cause.OUTPUT_SHAPE, *shapes, hint=hint)]
    if end.size != classes:
        return [*found, finding("", Cause.CLASSES, classes, end.size)]
    last = [source.activation for source in end.sources]
    if last != ["softmax"]:
        hint = "Probabilities are positive and add up to 1."
        received = last[0] if len(last) == 1 and last[0] else "none"
        received = f"{received} at its end" if received != "none" else "no activation at its end"
        found.append(finding("", Cause.FORM, "softmax there", received, hint=hint))
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
        some = [f"{n or 'no'} convolution{'s' * (n != 1)}" for n in (has, convolutions)]
        found.append(finding("", Cause.FORM, f"at least {some[1]}", some[0]))
    for what, has, most in (
        ("parameters", built.parameters, parameters),
        ("MACs", built.macs, macs),
    ):
        if has > most:
            cost = "parameters" if what == "parameters" else "macs"
            row = max(built, key=lambda step: getattr(step, cost))
            hint = f"{row.name} alone has {getattr(row, cost):,}."
            found.append(finding("", Cause.OVER_BUDGET, f"{most:,}", f"{has:,} {what}", hint=hint))
    return found
