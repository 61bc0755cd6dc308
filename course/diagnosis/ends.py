"""Findings about the images that a network begins with, and about its outputs."""

from course.diagnosis.causes import Cause, finding
from course.language import _, ngettext
from course.network.words import shape_of, together


def other_input(nets):
    """The finding about a network that begins with images of another shape."""
    wanted = [value.shape for value in nets.table.network.inputs]
    found = [value.shape for value in nets.net.network.inputs]
    text = [together(map(shape_of, shapes)) for shapes in (wanted, found)]
    hint = ""
    if len(found) == len(wanted) == 1 and sorted(found[0]) == sorted(wanted[0]):
        hint = _("The order is (height, width, channels).")
    return finding("input", Cause.INPUT_SHAPE, *text, hint=hint)


def output_count(alignment, edit):
    """One finding, in a list, about a network with more or fewer outputs."""
    nets = alignment.nets
    counts = [len(side.outputs) for side in (nets.table, nets.net)]
    text = [
        ngettext("{number} output", "{number} outputs", count).format(number=count)
        for count in counts
    ]
    return [finding("output", Cause.OUTPUT_COUNT, *text)]


def output_shape(alignment, edit):
    """One finding, in a list, about the first output that has another shape."""
    nets = alignment.nets
    outputs = [side.network.outputs for side in (nets.table, nets.net)]
    for value, other in zip(*outputs, strict=True):
        if value.shape != other.shape:
            hint = ""
            if other.shape[-1] == value.shape[-1]:
                hint = _("Flatten the last map, so that each class is one number.")
            shapes = (shape_of(value.shape), shape_of(other.shape))
            return [finding("output", Cause.OUTPUT_SHAPE, *shapes, hint=hint)]
    return []
