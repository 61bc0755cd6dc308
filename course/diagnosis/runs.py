"""Group the edits of an alignment into runs: each run is one mistake and gets one sentence."""

from collections import Counter
from dataclasses import replace

from course.diagnosis.causes import Cause
from course.diagnosis.compare import differences, does_it_again, window
from course.diagnosis.edits import Kind

#: Edits of a step that is matched to its row. What they say holds, whatever else is wrong.
_OF_ONE_STEP = {
    Kind.CHANGED, Kind.ONE_OF_SEVERAL, Kind.ONE_LACKS, Kind.SWAPPED, Kind.MOVED, Kind.ADDED_INSTEAD,
    Kind.NO_FLATTEN, Kind.WRONG_AXIS, Kind.FOLLOWS, Kind.RELU_BEFORE_ADDITION,
    Kind.PRE_ACTIVATION, Kind.ACTIVATION_BEFORE_NORM, Kind.SIDE_BY_SIDE, Kind.SHARED, Kind.SHARES,
}  # fmt: skip
_EXTRA = {Kind.PUT_IN, Kind.BEHIND_THE_END, Kind.BLOCK_TOO_MANY}
_FEW = 3  # most rows that one layer of the student's own stands for


def runs_of(alignment):
    """The runs (lists of edits) in the rows' order, without those that follow from another."""
    runs = _independent(_fed_elsewhere(alignment.nets.table, _grouped(alignment)))
    wired = [n for n, run in enumerate(runs) if not _of_one_step(run[0])]
    counts = Counter(_mistake(runs[n][0]) for n in wired).values()
    if len(counts) < 3 and sum(count > 1 for count in counts) < 2:
        return runs
    # Three mistakes about what is connected to what, or two that come again and again: this is
    # another network, and only what is found first can be relied on.
    told = max(1, wired[0])
    return runs[:told] + [run for run in runs[told:] if _as_the_first(alignment, run, runs[0])]


def _mistake(edit):
    """What is wrong, in whichever row: of an extra step, the row behind it does not count."""
    return (edit.kind, edit.step.step) if edit.kind == Kind.PUT_IN else edit.about


def _of_one_step(edit):
    """Whether an edit is about a step that is matched to its row, or a pool to another pool."""
    if edit.kind != Kind.ANOTHER_STEP or edit.steps:
        return edit.kind in _OF_ONE_STEP
    row, step = edit.row, edit.step
    pools = "pool" in row.step and "pool" in step.step
    return pools and (row.kernel, row.stride) == (step.kernel, step.stride)


def _as_the_first(alignment, run, first):
    """Whether a run is the first mistake once more, so that it is told with it.

    Rows are missing, and the network has no such step at all; or steps are extra, and the table has
    no such row at all; or another function is an activation.
    """
    if run[0].kind == first[0].kind == Kind.OWN_ACTIVATION:
        return True
    rows, steps = (
        {node.step for node in side.nodes} for side in (alignment.nets.table, alignment.nets.net)
    )
    gone = run[0].kind == Kind.LEFT_OUT and run[0].row.step not in steps
    more = run[0].kind == Kind.PUT_IN and run[0].step.step not in rows
    return (gone or more) and _mistake(run[0]) == _mistake(first[0])


def _independent(runs):
    """The runs that do not follow from another one."""
    if added := [run for run in runs if run[0].kind == Kind.ADDED_INSTEAD]:
        # What is added has equally many maps. If it is so again and again, the rest follows.
        again = runs[runs.index(added[0]) :] if len(added) > 1 else []
        runs = [
            run
            for run in runs
            if run in added or not (run in again or _widens(run, [each[0].step for each in added]))
        ]
    turned = [run for run in runs if run[0].kind == "pre-activation"]
    if turned:  # then norms and activations are elsewhere as well
        norms = [run for run in runs if all(_is_norm(e) or _is_bare_sum(e) for e in run)]
        runs = turned + [run for run in runs if run not in norms and run not in turned]
    ends = [(run[0].kind, run[-1].at) for run in runs]
    return [run for n, run in enumerate(runs) if ends[n] not in ends[:n]]


def _fed_elsewhere(table, runs):
    """The runs, except a row that is missing only because its reader reads something else.

    The edit of that reader names the row.
    """
    found = list(runs)
    for lost in runs:
        if [edit.kind for edit in lost] != [Kind.LEFT_OUT]:
            continue
        for n, (edit, *_) in enumerate(found):
            elsewhere = edit.kind == Kind.READS_SOMETHING_ELSE
            if elsewhere and lost[0].at in table.nodes_read_by(edit.at):
                found[n] = [replace(edit, rows=(lost[0].row,))]
                found.remove(lost)
                break
    return found


def _widens(run, sums):
    """Whether a run only says that a step makes another number of maps, and a sum reads them."""
    read = [source for step in sums for value in step.inputs for source in value.sources]
    return run[0].causes == [Cause.FILTERS] and run[0].step in read


def _is_norm(edit):
    return edit.kind == Kind.LEFT_OUT and edit.row.step == "batch_norm"


def _is_bare_sum(edit):
    """Whether an addition only lacks its activation."""
    bare = edit.kind == Kind.CHANGED and edit.causes == [Cause.ACTIVATION_MISSING]
    return bare and edit.row.step == "add"


def _grouped(alignment):
    """The edits in runs: rows left out one after another are a run, and so are steps put in."""
    runs = []
    for edit in alignment.edits:
        if runs and _goes_on(alignment.nets.table, runs[-1], edit):
            runs[-1].append(edit)
        else:
            runs.append([edit])
    return _with_replacements(_moved(alignment.nets.table, runs))


def _moved(table, runs):
    """The runs. A row that is missing while its step stands before another row was moved there."""
    found, (missing, extra) = (
        list(runs),
        (
            [run for run in runs if [edit.kind for edit in run] == [kind]]
            for kind in (Kind.LEFT_OUT, Kind.PUT_IN)
        ),
    )
    for put in extra:
        lost = next((run for run in missing if _is_elsewhere(table, run[0], put[0])), None)
        if lost is not None:
            first = min(found.index(put), found.index(lost))
            found[first] = [replace(lost[0], kind=Kind.MOVED, step=put[0].step, instead=put[0].row)]
            found = [run for run in found if run is not put and run is not lost]
            missing.remove(lost)
    return found


def _is_elsewhere(table, lost, put):
    """Whether a missing row without weights is an extra step, and no row between is like it."""
    row, step = lost.row, put.step
    if step.parameters or window(row) != window(step):
        return False
    between = table.nodes[slice(*sorted((lost.at, put.at)))]
    return all(window(node) != window(row) for node in between if node is not row)


def _with_replacements(runs):
    """The runs. Where steps stand in the place of rows, two runs become one edit."""
    found, often = [], Counter(_mistake(run[0]) for run in runs)
    for run in runs:
        if found and _is_first_of(run, found[-1]):
            found[-1], run = [_replacement(run[:1], found[-1][0].steps)], run[1:]
        edit = _as_one_edit(found[-1], run, often) if found else None
        if edit is None:
            found.append(run)
        else:
            found[-1] = [edit]
    return found


def _is_first_of(lost, put):
    """Whether one step of the first row's kind stands there, and rows behind it are missing too."""
    gone = len(lost) > 1 and lost[0].kind == Kind.LEFT_OUT
    alone = len(put) == 1 and put[0].kind == Kind.PUT_IN and put[0].at == lost[0].at
    return (
        gone and alone and put[0].step.step == lost[0].row.step and not does_it_again(put[0].step)
    )


def _as_one_edit(first, second, often):
    """One edit for two runs, if the steps of one stand in the place of the other's rows.

    `often` counts each mistake. A step that is extra elsewhere, too, stands in no row's place.
    """
    for lost, put in ((first, second), (second, first)):
        beside = lost[0].at <= put[0].at <= lost[-1].at + 1
        stands_in = put[0].kind in _EXTRA and not does_it_again(put[0].steps[0])
        stands_in = stands_in and often[_mistake(put[0])] <= often[_mistake(lost[0])]
        if beside and stands_in and _are_gone(lost, put[0].steps):
            return _replacement(lost, [step for edit in put for step in edit.steps])
        # The addition is there, and adds something else than the shortcut.
        sums = [step for edit in put for step in edit.steps if step.step == "add"]
        if beside and put[0].kind in {*_EXTRA, Kind.ADDED} and sums and _is_a_shortcut(lost):
            rows = (lost[0].row,) if len(lost) > 1 else ()
            return replace(lost[-1], kind=Kind.READS_SOMETHING_ELSE, step=sums[-1], rows=rows)
    edit, more = first[0], second[0]
    if edit.kind == Kind.CHANGED and more.kind in _EXTRA:
        steps = tuple(step for each in second for step in each.steps)
        if _is_a_function(edit, steps):
            return replace(edit, kind=Kind.OWN_ACTIVATION, steps=steps)
    own = edit.kind == Kind.ANOTHER_STEP and more.at == edit.at + 1
    if own and edit.step.claimed and _are_gone(second, [edit.step]):
        return replace(edit, rows=(*(edit.rows or (edit.row,)), *(e.row for e in second)))
    of_one_layer = all(
        each.step and each.step.written == "SeparableConv2D" for each in (edit, more)
    )
    if (
        of_one_layer
        and (edit.kind, more.kind) == (Kind.PUT_IN, Kind.CHANGED)
        and edit.at == more.at
    ):
        return _replacement(second, [edit.step, more.step])
    return None


def _is_a_function(edit, steps):
    """Whether a step has no activation, and these steps are a function that stands for it."""
    lacks = Cause.ACTIVATION_MISSING in edit.causes
    reads = any(edit.step in value.sources for value in steps[0].inputs)
    plain = not any(step.parameters for step in steps) and steps[-1].shape == edit.step.shape
    return lacks and reads and plain and any(step.step == step.written for step in steps)


def _are_gone(run, steps):
    """Whether a run is one missing row, in whose place the steps may stand.

    A layer of the student's own may stand in the place of several rows.
    """
    gone = {edit.kind for edit in run} == {Kind.LEFT_OUT}
    few = len(run) <= (_FEW if steps[0].claimed else 1)
    return gone and few and all(edit.row.step != "add" for edit in run)


def _is_a_shortcut(run):
    """Whether the missing rows are those of a shortcut, the addition last."""
    gone = {edit.kind for edit in run} == {Kind.LEFT_OUT}
    return gone and len(run) <= _FEW and run[-1].row.step == "add"


def _replacement(lost, steps):
    """One edit: these steps stand where the rows of the run should."""
    rows = tuple(edit.row for edit in lost)
    steps = tuple(steps)
    alike = len(rows) == len(steps) == 1 and rows[0].does() == steps[0].does()
    if alike and (found := differences(rows[0], steps[0], sizes=False)):  # it is no other step
        return replace(lost[0], kind=Kind.CHANGED, step=steps[0], differences=tuple(found))
    kind = Kind.ANOTHER_STEP
    return replace(lost[0], kind=kind, differences=(), step=steps[0], steps=steps, rows=rows)


def _goes_on(table, run, edit):
    """Whether an edit belongs to the run before it."""
    last = run[-1]
    if last.kind != edit.kind or edit.kind not in (Kind.LEFT_OUT, Kind.PUT_IN):
        return False
    if edit.kind == Kind.PUT_IN:
        return edit.at == last.at
    reads = table.nodes_read_by(edit.at)
    if edit.row.step == "add" and table.readers[last.at] != [edit.at]:
        return False  # the row above is missing for all its readers, not as a part of a shortcut
    beside = edit.at == last.at + 1 and "add" not in (edit.row.step, last.row.step)
    return beside or (last.at in reads and last.row.step != "add")
