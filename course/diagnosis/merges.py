"""Findings about a merge that Keras refuses, from its sizes and from the other findings."""

from dataclasses import replace

from course.diagnosis.causes import Cause, finding, worded
from course.evidence.unmerged import MERGES
from course.language import _, sentences
from course.network.faults import likely
from course.network.words import by, listed, shape_of, sources_of, together
from course.plain import one_line

_OF_ONE_ROW = {
    Cause.KERNEL, Cause.STRIDE, Cause.PADDING, Cause.DILATION, Cause.FILTERS, Cause.POOL_KIND,
    Cause.UNITS, Cause.GROUPS, Cause.SHARED_WEIGHTS, Cause.CUT, Cause.FACTOR, Cause.SLICED,
}  # fmt: skip


def told(fault, findings, wanted, library):
    """The findings about a network with a merge that Keras refuses, the likeliest mistake first.

    `fault` is the merge (`course.network.faults`), and `findings` are those without it. `wanted` is
    the anatomy of the table, and `library` is "torch" or "", as in `worded`.
    """
    row = _row(fault, wanted)
    stops = ""
    if fault.line:
        stops = _("The code stops in {line}.").format(line=one_line(fault.line))
    kinds = {step.step for step in wanted.steps}
    if fault.merge == "add" and "add" not in kinds and "concatenate" in kinds:
        said = finding(row, Cause.ADDED, "", _shapes_of(fault.values), hint=stops, library=library)
        findings = [other for other in findings if other.cause is not Cause.ADDED]
    elif fault.merge == "concatenate" and "concatenate" not in kinds and "add" in kinds:
        said = finding(row, Cause.SHORTCUT_CONCATENATED, hint=stops)
        same = Cause.SHORTCUT_MISSING, Cause.SHORTCUT_CONCATENATED
        findings = [other for other in findings if other.cause not in same]
    elif fault.merge == "concatenate" and (along := _along(fault)):
        said = finding(row, Cause.MERGE_AXIS, along, fault.axis, hint=stops, library=library)
    elif findings and _explains(findings[0], row, wanted, fault):
        first, *rest = findings
        message = sentences(first.message, _why_it_fails(fault, first, wanted, library), stops)
        return [replace(first, message=message), *_before_the_guess(rest, fault, row, wanted)]
    elif fault.merge == "add":
        said = _shortcut(fault, findings, wanted, row, stops)
    else:
        said = _sizes(fault, row, stops)
    follows = {Cause.MISSING, Cause.EXTRA, Cause.WRONG_INPUT, Cause.ENDS_EARLY, Cause.OTHER_STEP}
    return [said, *(other for other in findings if other.cause not in follows)]


def _explains(first, row, wanted, fault):
    """Whether the first finding says why the sizes differ; `row` is that of the merge.

    Before the merge something reads another value than it should, a step is too many, or a block is
    wrong already whose own merge is possible. Then the two sizes alone would suggest something
    else, such as a projection.
    """
    names = [step.name for step in wanted.steps]
    merges = [name for name, step in zip(names, wanted.steps, strict=True) if step.step == "add"]
    if fault.merge == "add" and not merges:
        return True
    if fault.merge == "add" and row in merges[1:] and first.row in names:
        before = merges[merges.index(row) - 1]
        if names.index(first.row) <= names.index(before):
            return True
    elsewhere = first.cause is Cause.WRONG_INPUT and first.row != row
    extra = first.cause is Cause.EXTRA and fault.merge == "add"
    return first.cause in _OF_ONE_ROW or elsewhere or extra


def _before_the_guess(findings, fault, row, wanted):
    """The findings that do not follow from the shape that was guessed for the merge (`likely`).

    If the guess is not the table's shape, the rows after the merge were built for other sizes.
    """
    shapes = {step.name: step.shape for step in wanted.steps}
    if shapes.get(row) == likely(fault.merge, [value.shape for value in fault.values]):
        return findings
    until = list(shapes)[: list(shapes).index(row) + 1] if row in shapes else ()
    return [found for found in findings if found.row in until]


def _row(fault, wanted):
    """The name of the table's row that the merge is meant as, or else the merge's own name."""
    names = [step.name for step in wanted.steps if step.step == fault.merge]
    others = [step.name for step in wanted.steps if step.step in MERGES.values()]
    if fault.name in names:
        return fault.name
    if not names:  # only merges of the other kind
        return others[0] if others else fault.name
    return names[fault.earlier] if fault.earlier < len(names) else fault.name


def _shapes_of(values):
    return listed([shape_of(value.shape) for value in values])


def _usual(fault):
    """The most common height and width of the values to be concatenated."""
    return likely(fault.merge, [value.shape for value in fault.values])[:-1]


def _along(fault):
    """The direction in which the merge stacks the maps, in words; "" for the last axis."""
    names = [_("along the batch"), _("in height"), _("in width"), ""]
    rank = len(fault.values[0].shape) + 1
    axis = fault.axis % rank
    return names[axis] if rank == 4 else names[0] if axis == 0 else ""


def _why_it_fails(fault, first, wanted, library):
    """Why the merge fails: a sentence that comes after that of the first finding."""
    if fault.merge == "add":
        return _("{shapes} cannot be added.").format(shapes=_shapes_of(fault.values))
    right = next((step.shape[:-1] for step in wanted.steps if step.name == first.row), None)
    if [value.shape[:-1] for value in fault.values].count(right) < len(fault.values) - 1:
        return _("{shapes} cannot be put side by side.").format(shapes=_shapes_of(fault.values))
    said = _("The others give {size}.")
    if first.cause is Cause.PADDING:
        said = worded(
            library,
            _('The others give {size}: padding="same" is missing.'),
            _("The others give {size}: its padding is missing."),
        )
    return said.format(size=by(right))


def _shortcut(fault, findings, wanted, row, stops):
    """The finding about an addition of different shapes."""
    largest = likely("add", [value.shape for value in fault.values])
    block = next(value for value in fault.values if value.shape == largest)
    other = next(value for value in fault.values if value is not block)
    missing = findings[0].row if findings else row
    does = next((step.step for step in wanted.steps if step.name == missing), "conv")
    cause = Cause.PROJECTION_MISSING if does in ("conv", "add") else Cause.SHORTCUT_SHAPE
    return finding(missing, cause, shape_of(block.shape), shape_of(other.shape), hint=stops)


def _sizes(fault, row, stops):
    """The finding about a concatenation of different sizes."""
    odd = [value for value in fault.values if value.shape[:-1] != _usual(fault)]
    said = _("{name} gives {shape}")
    gives = [said.format(name=sources_of(v)[-1], shape=shape_of(v.shape)) for v in odd]
    others = shape_of(_usual(fault))
    return finding(row, Cause.MERGE_SIZES, others, together(gives), hint=stops)
