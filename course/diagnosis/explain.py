"""Turn a list of edits into findings: each run of edits gets one sentence."""

from course.diagnosis.causes import (
    Cause,
    comes_out,
    finding,
    formula,
    listed,
    size_arithmetic,
)
from course.diagnosis.ends import other_input, output_count, output_shape
from course.diagnosis.naming import called, does, keys_of, place_of, reads, what
from course.diagnosis.runs import runs_of
from course.network.words import shape_of, sources

#: Reported only if nothing else is: they follow from earlier mistakes.
_LAST = {"behind the end", "output shape"}
#: Reported once: the same mistake in the next stage needs no second sentence.
_ONCE = {Cause.BLOCK_MISSING, Cause.BLOCK_EXTRA, Cause.SHORTCUT_EXTRA}
_FEW = 3  # up to so many steps are listed one by one


def findings_of(alignment, most):
    """The findings about an alignment in the order of the rows, at most `most`."""
    if not alignment.begins:
        return [other_input(alignment.nets)]
    findings = []
    for run in runs_of(alignment):
        kind = run[0].kind
        if kind in _LAST and findings:
            continue
        if kind == "left out" and _ends(alignment, run):
            return findings or _ends_early(alignment, run)
        known = {found.cause for found in findings} & _ONCE
        told = _TELL[kind](alignment, run)
        findings += [found for found in told if found.cause not in known]
        if len(findings) >= most:
            break
    if not findings and not alignment.right:
        said = "The network differs from the table, but the check cannot say where."
        findings = [finding("", Cause.READ_NO_FURTHER, received=said)]
    return findings


# --- one function for each kind of edit


def _changed(alignment, run):
    (edit,) = run
    sizes = not any(e.at < edit.at and _resizes(e) for e in alignment.edits)
    table = alignment.nets.table
    behind = [table.nodes[row] for row in table.readers[edit.at]]
    added = any(row.step == "add" and row.activation == edit.step.activation for row in behind)
    return [
        _attributed(edit, *difference, first=number == 0, sizes=sizes, added=added)
        for number, difference in enumerate(edit.differences)
    ]


def _resizes(edit):
    return edit.kind != "changed" or edit.row.shape != edit.step.shape


def _attributed(edit, cause, expected, received, first, sizes, added):
    row, step = edit.row, edit.step
    gives = hint = ""
    if first and sizes and row.shape != step.shape:
        gives = comes_out(row, step)
    if cause is Cause.PADDING:
        hint = size_arithmetic(row, step)
    elif cause is Cause.CUT and step.step == "conv_transpose":
        hint = f"{formula(step)}. It should be {formula(step, row.padding[0])}."
    elif cause is Cause.KEY_DIM and step.key_dim == row.heads * row.key_dim:
        hint = "key_dim is the length in one head, not in all of them together."
    elif cause in (Cause.KERNEL, Cause.STRIDE) and row.grid != step.grid and first:
        hint = f"The size becomes {formula(step)}."
    elif cause is Cause.ACTIVATION_EXTRA and added:
        hint = "The addition behind it has one."
    elif cause in (Cause.CONNECTIONS, Cause.GROUPS) and step.parameters != row.parameters:
        counts = f"{step.parameters:,} parameters where the table has {row.parameters:,}"
        hint = f"That is {counts}."
    depthwise = row.step == "conv" and row.groups == row.channels > step.groups == 1
    if depthwise and cause in (Cause.FILTERS, Cause.GROUPS):
        hint += f" layers.Conv2D adds up all {row.channels} maps that it sees. "
        hint = f"{hint}layers.DepthwiseConv2D gives each map a kernel of its own.".strip()
    return finding(row.name, cause, expected, received, gives=gives, hint=hint)


def _shared(_, run):
    ((twins,), row) = run[0].differences, run[0].row
    received = f"{twins} other step{'s' * (twins > 1)}"
    hint = "Create a new layer for each map or group of maps."
    return [finding(row.name, Cause.SHARED_WEIGHTS, received=received, hint=hint)]


def _shares(_, run):
    (edit,) = run
    hint = "Create one layer for each row."
    name = edit.row.name
    return [finding(name, Cause.SHARED_WEIGHTS, received=edit.instead.name, hint=hint)]


def _one_of_several(_, run):
    (edit,) = run
    number = len(edit.steps)
    words = "convolutions" if edit.step.step == "conv" else "steps"
    gives = f"is made of {number} {words} side by side, and {edit.step.name} is not like the "
    gives += "other" if number == 2 else "others"
    made = []
    for cause, wanted, received in edit.differences:
        each = f"{wanted} for each" if cause is Cause.FILTERS else wanted
        made.append(finding(edit.row.name, cause, each, received, gives=gives))
    return made


def _one_lacks(alignment, run):
    (edit,) = run
    (towers,), without = edit.differences, called(alignment, edit.instead)
    return [finding(edit.row.name, Cause.MISSING_IN_A_TOWER, str(towers), without)]


def _swapped(_, run):
    (edit,) = run
    return [finding(edit.row.name, Cause.SWAPPED, does(edit.row), edit.instead.name)]


def _wrong_axis(_, run):
    (edit,) = run
    shapes = edit.step.shape, edit.step.inputs[0].shape
    axis = next((n for n, sides in enumerate(zip(*shapes, strict=False)) if len(set(sides)) > 1), 0)
    along = ("in height", "in width", "")[axis]
    return [finding(edit.row.name, Cause.MERGE_AXIS, along, axis + 1)]


def _added(alignment, run):
    edit = run[0]
    names = [place_of(alignment, key) for key in keys_of(alignment, edit.step)]
    return [finding(edit.row.name, Cause.SHORTCUT_EXTRA, received=" and ".join(names))]


def _added_instead(_, run):
    edit = run[0]
    shapes = " and ".join(shape_of(value.shape) for value in edit.step.inputs)
    return [finding(edit.row.inputs[0].joined.name, Cause.ADDED, received=shapes)]


def _no_flatten(_, run):
    row, step = run[0].row, run[0].step
    shapes, gives = (shape_of(row.shape), shape_of(step.shape)), comes_out(row, step)
    return [finding(row.name, Cause.FLATTEN_MISSING, *shapes, gives=gives)]


def _another_step(_, run):
    row, step = run[0].row, run[0].step
    cause = Cause.POOL_KIND if "pool" in row.step and "pool" in step.step else Cause.OTHER_STEP
    cause = Cause.CLOSED if step.closed and row.step == "lrn" else cause
    steps = run[0].steps or (step,)
    received = ", then ".join(map(does, steps))
    if len(steps) > _FEW:
        received = f"{len(steps)} steps, from {does(steps[0])} to {does(steps[-1])}"
    return [finding(row.name, cause, does(row), received)]


def _pre_activation(_, run):
    row, step = run[0].row, run[0].step
    return [finding(row.name, Cause.PRE_ACTIVATION, does(row), does(step))]


def _relu_before_addition(_, run):
    return [finding(run[0].row.name, Cause.RELU_BEFORE_ADDITION)]


def _ends(alignment, run):
    """Whether the network ends before these rows: nothing in it stands for later rows."""
    kinds = {edit.kind for edit in alignment.edits if edit.at >= run[0].at}
    if (
        alignment.rest
        or run[0].steps
        or not kinds <= {"left out", "output shape"}
        or _reader(alignment, run)
    ):
        return False
    parts = [{part[0] for part in key} for key in alignment.nets.table.outputs]
    lost = _lost(alignment, run)
    return not any(nodes & lost and nodes - lost for nodes in parts)  # a branch of the last value


def _left_out(alignment, run):
    edit, row = run[0], run[0].row
    if run[-1].row.step == "add" and len(run) <= 3:
        row = run[-1].row
        return [finding(row.name, Cause.SHORTCUT_MISSING, does(row))]
    if len(run) == 1:
        row = _unnamed(alignment.nets, edit)
    value = row.inputs[0]
    after = value.joined.name if value.joined else value.parts[0][0].name
    step = _reader(alignment, run) or edit.instead
    received = what(alignment, step) if step else "the output"
    rest = [other.row.name for other in run[1:] if other.row.step != "batch_norm"]
    hint = f"{listed(rest)} {'are' if len(rest) > 1 else 'is'} missing, too." if rest else ""
    return [finding(row.name, Cause.MISSING, does(row), after=after, received=received, hint=hint)]


def _reader(alignment, run):
    """The step of the first matched row that should read one of the missing rows, or None."""
    table, lost = alignment.nets.table, _lost(alignment, run)
    for row, step in sorted(alignment.pairs.items()):
        if {part[0] for key in table.inputs[row] for part in key} & lost:
            return alignment.nets.net.nodes[step]
    return None


def _lost(alignment, run):
    """The rows of a run, and those behind them that are missing as well, as numbers."""
    table, lost = alignment.nets.table, {edit.at for edit in run}
    for row in range(run[0].at, len(table.nodes)):
        reads = {part[0] for key in table.inputs[row] for part in key}
        if reads & lost and row not in alignment.pairs:
            lost.add(row)
    return lost


def _unnamed(nets, edit):
    """Of several equal rows, the one that is missing, if the network's names show which."""
    names = {step.name for step in nets.net.nodes}
    at, missing = edit.at, edit.row
    while nets.table.nodes[at].name in names and len(nets.table.inputs[at]) == 1:
        above = nets.table.inputs[at][0][0][0]
        if above < nets.table.images or nets.table.kinds[above] != nets.table.kinds[edit.at]:
            break
        at = above
        if nets.table.nodes[at].name not in names:
            missing = nets.table.nodes[at]
    return missing


def _ends_early(alignment, run):
    row = run[0].row
    last = max(alignment.pairs.values(), default=None)
    last = None if last is None else alignment.nets.net.nodes[last]
    hint = f"Its last step is {last.name} ({does(last)})." if last else "It has no steps."
    return [finding(row.name, Cause.ENDS_EARLY, does(row), hint=hint)]


def _put_in(alignment, run):
    edit = run[0]
    step = next((each.step for each in run if each.step.step in ("conv", "dense")), edit.step)
    gives = f"stands where {edit.row.name} ({does(edit.row)}) should come"
    return [finding(called(alignment, step), Cause.EXTRA, received=does(step), gives=gives)]


def _follows(alignment, run):
    step, row = run[0].step, run[0].row
    gives = f"follows {row.name}"
    return [finding(called(alignment, step), Cause.EXTRA, received=does(step), gives=gives)]


def _behind_the_end(alignment, run):
    step = run[0].step
    return [finding(called(alignment, step), Cause.EXTRA, received=does(step))]


def _reads(alignment, run):
    row, step = run[0].row, run[0].step
    wanted = " and ".join(sources(row))
    got = " and ".join(reads(alignment, key) for key in keys_of(alignment, step))
    if got == wanted:
        got = f"another step of the name {got}"
    hint = " ".join(f"{lost.name} is missing, or nothing reads it." for lost in run[0].rows)
    return [finding(row.name, Cause.WRONG_INPUT, wanted, got, hint=hint)]


def _block_missing(_, run):
    edit = run[0]
    return [finding(edit.row.name, Cause.BLOCK_MISSING, does(edit.row), does(edit.instead))]


def _block_too_many(alignment, run):
    edit = run[0]
    blocks = any(len(keys) > 1 or len(keys[0]) > 1 for keys in alignment.nets.table.inputs if keys)
    if not blocks and any(len(step.inputs) > 1 for step in edit.steps):
        return _put_in(alignment, run)
    return [finding(edit.row.name, Cause.BLOCK_EXTRA, does(edit.row), does(edit.step))]


def _side_by_side(_, run):
    return [finding(run[0].row.name, Cause.SHORTCUT_CONCATENATED, does(run[0].row))]


def _on_a_shortcut(alignment, run):
    edit = run[0]
    weights = next((s for s in edit.steps if s.parameters and s.step != "batch_norm"), None)
    if weights is None:
        return _before_addition(alignment, run)
    if edit.steps[0].inputs[0].shape != edit.steps[-1].shape:
        return []  # because of an earlier mistake, the shape does change here
    return [finding(edit.row.name, Cause.PROJECTION_EXTRA, received=does(weights))]


def _before_addition(alignment, run):
    edit = run[0]
    step = edit.steps[0]
    gives = f"stands between {edit.instead.name} and {edit.row.name}"
    return [finding(called(alignment, step), Cause.EXTRA, received=does(step), gives=gives)]


def _another_shortcut(_, run):
    row, step = run[0].row, run[0].step
    return [finding(row.name, Cause.OTHER_STEP, does(row), does(step))]


_TELL = {
    "changed": _changed,
    "another step": _another_step,
    "shared": _shared,
    "shares": _shares,
    "no flatten": _no_flatten,
    "pre-activation": _pre_activation,
    "relu before addition": _relu_before_addition,
    "left out": _left_out,
    "put in": _put_in,
    "follows": _follows,
    "behind the end": _behind_the_end,
    "reads something else": _reads,
    "block missing": _block_missing,
    "block too many": _block_too_many,
    "head missing": _left_out,
    "side by side": _side_by_side,
    "one of several": _one_of_several,
    "one lacks": _one_lacks,
    "swapped": _swapped,
    "wrong axis": _wrong_axis,
    "added": _added,
    "added instead": _added_instead,
    "on a shortcut": _on_a_shortcut,
    "before an addition": _before_addition,
    "another shortcut": _another_shortcut,
    "output count": output_count,
    "output shape": output_shape,
}
