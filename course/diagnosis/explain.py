"""Turn a list of edits into findings: each run of edits gets one sentence."""

from dataclasses import replace
from itertools import pairwise

from course.diagnosis.attributes import arguments_swapped, attributed
from course.diagnosis.causes import Cause, comes_out, finding, with_more
from course.diagnosis.edits import Kind
from course.diagnosis.ends import other_input, output_count, output_shape
from course.diagnosis.joins import again, one_tower, read_by_step, turned, uneven_slices
from course.diagnosis.missing import (
    block_missing,
    ends_before,
    ends_early,
    head_missing,
    left_out,
    not_read,
)
from course.diagnosis.naming import called, does, is_activation_of, keys_of, place_of
from course.diagnosis.runs import runs_of
from course.language import _, ngettext, sentences
from course.network.words import by, listed, read_by, shape_of, sources, together

#: Reported only if nothing else is: they follow from earlier mistakes.
_LAST = {Kind.BEHIND_THE_END, Kind.OUTPUT_SHAPE}
#: Reported once: the same mistake in the next stage needs no second sentence.
_ONCE = {Cause.BLOCK_MISSING, Cause.BLOCK_EXTRA, Cause.SHORTCUT_EXTRA}
_FEW = 3  # up to so many steps are listed one by one


def findings_of(alignment, most):
    """The findings about an alignment in the order of the rows, at most `most`.

    What is wrong with several rows in the same way is one finding, about the first of them.
    """
    if not alignment.begins:
        return [other_input(alignment.nets)]
    findings, alike = [], {}  # what is wrong (`Finding.about`) -> the rows with which it is
    for run in runs_of(alignment):
        kind, full = run[0].kind, len(findings) >= most
        if kind in _LAST and findings:
            continue
        if kind == Kind.LEFT_OUT and ends_before(alignment, run):
            return with_more(findings, alike) or ends_early(alignment, run)
        known = {found.cause for found in findings} & _ONCE
        for found in _TELL[kind](alignment, *run):
            rows = alike.setdefault(found.about, [])
            rows.append(found.row)
            if len(rows) == 1 and found.cause not in known and not full:
                findings.append(found)
    if not findings and not alignment.right:
        said = _("The network differs from the table, but the check cannot say where.")
        findings = [finding("", Cause.READ_NO_FURTHER, received=said)]
    return with_more(findings, alike)


# --- one function for each kind of edit: the findings about such an edit, or about a run of them


def _changed(alignment, edit):
    library = alignment.library
    before = [e for e in alignment.edits if (e.at, e.kind != Kind.SWAPPED) < (edit.at, True)]
    sizes = not any(map(_resizes, before))
    table = alignment.nets.table
    behind = [table.nodes[row] for row in table.readers[edit.at]]
    added = any(row.step == "add" and row.activation == edit.step.activation for row in behind)
    more = _other_maps(alignment, edit)
    if edit.causes == [Cause.ACTIVATION_MISSING]:
        more = sentences(more, not_read(alignment, [edit.row], is_activation_of))
    if turned_round := arguments_swapped(edit, library):
        return turned_round
    return [
        attributed(edit, *each, library, first=number == 0, sizes=sizes, added=added, more=more)
        for number, each in enumerate(edit.differences)
    ]


def _other_maps(alignment, edit):
    """A sentence about a step that makes only a share of the row's maps, or "".

    The others may come out of a layer like it that nothing reads, as that of another tower.
    """
    share = Cause.FILTERS in edit.causes and edit.row.filters % edit.step.filters == 0
    unread = not_read(alignment, [edit.step]) if share else ""
    return unread or one_tower(alignment, edit)


def _resizes(edit):
    return edit.kind != Kind.CHANGED or edit.row.shape != edit.step.shape


def _shared(alignment, edit):
    received = ngettext("{number} other step", "{number} other steps", edit.count)
    received = received.format(number=edit.count)
    hint = _("Create a new layer for each map or group of maps.")
    return [finding(edit.row.name, Cause.SHARED_WEIGHTS, received=received, hint=hint)]


def _shares(alignment, edit):
    hint = _("Create one layer for each row.")
    name = edit.row.name
    return [finding(name, Cause.SHARED_WEIGHTS, received=edit.instead.name, hint=hint)]


def _one_of_several(alignment, edit):
    number = len(edit.steps)
    if edit.step.step == "conv":
        start = (
            _("{row} is made of 2 convolutions side by side, and {step} is not like the other.")
            if number == 2
            else _(
                "{row} is made of {number} convolutions side by side, and {step} is not like the "
                "others."
            )
        )
    else:
        start = (
            _("{row} is made of 2 steps side by side, and {step} is not like the other.")
            if number == 2
            else _(
                "{row} is made of {number} steps side by side, and {step} is not like the others."
            )
        )
    start = start.format(row=edit.row.name, number=number, step=edit.step.name)
    made = []
    for cause, wanted, received in edit.differences:
        each = wanted
        if cause is Cause.FILTERS:
            each = _("{number} for each convolution").format(number=wanted)
        made.append(finding(edit.row.name, cause, each, received, start=start))
    return made


def _one_lacks(alignment, edit):
    without = called(alignment, edit.instead)
    return [finding(edit.row.name, Cause.MISSING_IN_A_TOWER, str(edit.count), without)]


def _swapped(alignment, edit):
    row, other = edit.row, edit.instead
    slides = (1, 1) not in (row.kernel, other.kernel)
    if slides and row.step == "conv" and "pool" in other.step:
        hint = _("{row} should come before it.").format(row=row.name)
        return [finding(other.name, Cause.POOL_EARLY, hint=hint)]
    if slides and "pool" in row.step and other.step == "conv":
        hint = _("{row} should come after it.").format(row=other.name)
        return [finding(row.name, Cause.POOL_LATE, hint=hint)]
    return [finding(row.name, Cause.SWAPPED, does(row), other.name)]


def _moved(alignment, edit):
    value = edit.row.inputs[0]
    after = value.joined or value.parts[0][0]
    return [finding(edit.row.name, Cause.MOVED, after.name, edit.instead.name)]


def _wrong_axis(alignment, edit):
    shapes = edit.step.shape, edit.step.inputs[0].shape
    axis = next((n for n, sides in enumerate(zip(*shapes, strict=False)) if len(set(sides)) > 1), 0)
    said = (_("in height"), _("in width"), "")[axis], axis + 1
    return [finding(edit.row.name, Cause.MERGE_AXIS, *said, library=alignment.library)]


def _added(alignment, edit):
    if any(row.step == "add" for row in alignment.nets.table.nodes):
        return _put_in(alignment, edit)
    names = [place_of(alignment, key) for key in keys_of(alignment, edit.step)]
    return [finding(edit.row.name, Cause.SHORTCUT_EXTRA, received=together(names))]


def _added_instead(alignment, edit):
    shapes = listed([shape_of(value.shape) for value in edit.step.inputs])
    value = edit.row.inputs[0]
    name = (value.joined or value.parts[0][0]).name  # without a concatenation: a row of two towers
    return [finding(name, Cause.ADDED, received=shapes, library=alignment.library)]


def _no_flatten(alignment, edit):
    row, step = edit.row, edit.step
    shapes = shape_of(row.shape), shape_of(step.shape)
    said = {"start": comes_out(row, step), "library": alignment.library}
    return [finding(row.name, Cause.FLATTEN_MISSING, *shapes, **said)]


def _another_step(alignment, edit):
    row, step = edit.row, edit.step
    cause = Cause.POOL_KIND if "pool" in row.step and "pool" in step.step else Cause.OTHER_STEP
    cause = Cause.CLOSED if step.closed and row.step == "lrn" else cause
    received = _one_after_another(edit.steps or (step,))
    expected = _(", then ").join(map(does, edit.rows or (row,)))
    hint = ""
    if (row.step, step.step) == ("dense", "conv"):
        said = _("A convolution does the same with a kernel of {size} and without padding.")
        hint = said.format(size=by(row.inputs[0].grid))
    return [finding(row.name, cause, expected, received, hint=hint, library=alignment.library)]


def _one_after_another(steps):
    """What several steps do, in words; of more than a few only the first and the last."""
    if len(steps) > _FEW:
        said = _("{number} steps, from {first} to {last}")
        return said.format(number=len(steps), first=does(steps[0]), last=does(steps[-1]))
    if all(one in read_by(other) for one, other in pairwise(steps)):
        return _(", then ").join(map(does, steps))
    return together(map(does, steps))  # some of them are side by side


def _own_activation(alignment, edit):
    own = _one_after_another(edit.steps)
    differences = tuple(
        (Cause.ACTIVATION, each[1], own) if each[0] is Cause.ACTIVATION_MISSING else each
        for each in edit.differences
    )
    return _changed(alignment, replace(edit, differences=differences))


def _put_in(alignment, edit, *more):
    if twice := again(alignment, edit):
        return [twice]
    steps = [each.step for each in (edit, *more)]
    step = next((step for step in steps if step.step in ("conv", "dense")), edit.step)
    name = called(alignment, step)
    start = _("{step} stands where {row} ({does}) should come.")
    start = start.format(step=name, row=edit.row.name, does=does(edit.row))
    hint = turned(edit, step, alignment.library)
    return [finding(name, Cause.EXTRA, received=does(step), start=start, hint=hint)]


def _follows(alignment, edit):
    step, row = edit.step, edit.row
    name = called(alignment, step)
    start = _("{step} follows {row}.").format(step=name, row=row.name)
    return [finding(name, Cause.EXTRA, received=does(step), start=start)]


def _behind_the_end(alignment, edit):
    step = edit.step
    return [finding(called(alignment, step), Cause.EXTRA, received=does(step))]


def _reads_something_else(alignment, edit):
    row, step = edit.row, edit.step
    if edit.steps:
        return [uneven_slices(alignment, edit)]
    wanted = together(sources(row))
    got = together(read_by_step(alignment, step))
    if got == wanted:
        got = _("another step of the name {name}").format(name=got)
    missing = _("{row} is missing, or nothing reads it.")
    hint = sentences(*(missing.format(row=lost.name) for lost in edit.rows))
    parts = [part for key in keys_of(alignment, step) for part in key]
    if row.groups > step.groups and any(start != -1 for _, start, _ in parts):
        said = _("Each of the {number} groups should read maps of its own.")
        hint = sentences(said.format(number=row.groups), hint)
    return [finding(row.name, Cause.WRONG_INPUT, wanted, got, hint=hint)]


def _block_too_many(alignment, edit):
    blocks = any(len(keys) > 1 or len(keys[0]) > 1 for keys in alignment.nets.table.inputs if keys)
    if not blocks and any(len(step.inputs) > 1 for step in edit.steps):
        return _put_in(alignment, edit)
    return [finding(edit.row.name, Cause.BLOCK_EXTRA, does(edit.row), does(edit.step))]


def _side_by_side(alignment, edit):
    return [finding(edit.row.name, Cause.SHORTCUT_CONCATENATED, does(edit.row))]


def _on_a_shortcut(alignment, edit):
    weights = next((s for s in edit.steps if s.parameters and s.step != "batch_norm"), None)
    if weights is None:
        return _before_addition(alignment, edit)
    if edit.steps[0].inputs[0].shape != edit.steps[-1].shape:
        return []  # because of an earlier mistake, the shape does change here
    return [finding(edit.row.name, Cause.PROJECTION_EXTRA, received=does(weights))]


def _before_addition(alignment, edit):
    step = edit.steps[0]
    name = called(alignment, step)
    start = _("{step} stands between {before} and {behind}.")
    start = start.format(step=name, before=edit.instead.name, behind=edit.row.name)
    return [finding(name, Cause.EXTRA, received=does(step), start=start)]


def _of_the_row(cause):
    """A function that says of a row nothing but this cause."""
    return lambda alignment, edit: [finding(edit.row.name, cause)]


def _of_row_and_step(cause):
    """A function that says this cause of a row, with what the row does and what its step does."""
    return lambda alignment, edit: [finding(edit.row.name, cause, does(edit.row), does(edit.step))]


_TELL = {
    Kind.CHANGED: _changed,
    Kind.ANOTHER_STEP: _another_step,
    Kind.SHARED: _shared,
    Kind.SHARES: _shares,
    Kind.NO_FLATTEN: _no_flatten,
    Kind.OWN_ACTIVATION: _own_activation,
    Kind.PRE_ACTIVATION: _of_row_and_step(Cause.PRE_ACTIVATION),
    Kind.ACTIVATION_BEFORE_NORM: _of_the_row(Cause.ACTIVATION_BEFORE_NORM),
    Kind.RELU_BEFORE_ADDITION: _of_the_row(Cause.RELU_BEFORE_ADDITION),
    Kind.LEFT_OUT: left_out,
    Kind.PUT_IN: _put_in,
    Kind.FOLLOWS: _follows,
    Kind.BEHIND_THE_END: _behind_the_end,
    Kind.READS_SOMETHING_ELSE: _reads_something_else,
    Kind.BLOCK_MISSING: block_missing,
    Kind.BLOCK_TOO_MANY: _block_too_many,
    Kind.HEAD_MISSING: head_missing,
    Kind.SIDE_BY_SIDE: _side_by_side,
    Kind.ONE_OF_SEVERAL: _one_of_several,
    Kind.ONE_LACKS: _one_lacks,
    Kind.SWAPPED: _swapped,
    Kind.MOVED: _moved,
    Kind.WRONG_AXIS: _wrong_axis,
    Kind.SLICED: _of_the_row(Cause.SLICED),
    Kind.ADDED: _added,
    Kind.ADDED_INSTEAD: _added_instead,
    Kind.ON_A_SHORTCUT: _on_a_shortcut,
    Kind.BEFORE_AN_ADDITION: _before_addition,
    Kind.ANOTHER_SHORTCUT: _of_row_and_step(Cause.OTHER_STEP),
    Kind.OUTPUT_COUNT: output_count,
    Kind.OUTPUT_SHAPE: output_shape,
}
