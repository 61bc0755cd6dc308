"""Group the edits of an alignment into runs: each run is one mistake and gets one sentence."""

from collections import Counter
from dataclasses import replace

#: Edits of a step that is matched to its row. What they say holds, whatever else is wrong.
_OF_ONE_STEP = {
    "changed", "one of several", "one lacks", "swapped", "no flatten", "wrong axis", "follows",
    "relu before addition", "pre-activation", "side by side", "shared", "shares",
}  # fmt: skip


def runs_of(alignment):
    """The runs (lists of edits) in the rows' order, without those that follow from another."""
    runs = _told(_fed_elsewhere(alignment.nets.table, _together(alignment)))
    wired = [n for n, run in enumerate(runs) if run[0].kind not in _OF_ONE_STEP]
    counts = Counter(frozenset(runs[n][0].about) for n in wired).values()
    if len(counts) < 3 and sum(count > 1 for count in counts) < 2:
        return runs
    # Three mistakes about what is connected to what, or two that come again and again: this is
    # another network, and only what is found first can be relied on.
    return runs[: max(1, wired[0])]


def _told(runs):
    """The runs that do not follow from another one."""
    turned = [run for run in runs if run[0].kind == "pre-activation"]
    if turned:  # then norms are elsewhere as well
        norms = [run for run in runs if all(_is_norm(edit) for edit in run)]
        runs = turned + [run for run in runs if run not in norms and run not in turned]
    ends = [(run[0].kind, run[-1].at) for run in runs]
    return [run for n, run in enumerate(runs) if ends[n] not in ends[:n]]


def _fed_elsewhere(table, runs):
    """The runs, except a row that is missing only because its reader reads something else.

    The edit of that reader names the row.
    """
    found = list(runs)
    for lost in runs:
        if [edit.kind for edit in lost] != ["left out"]:
            continue
        for n, (edit, *_) in enumerate(found):
            if edit.kind == "reads something else" and lost[0].at in _sources(table, edit.at):
                found[n] = [replace(edit, rows=(lost[0].row,))]
                found.remove(lost)
                break
    return found


def _is_norm(edit):
    return edit.kind == "left out" and edit.row.step == "batch_norm"


def _together(alignment):
    """The edits in runs: rows left out one after another are a run, and so are steps put in."""
    runs = []
    for edit in alignment.edits:
        if runs and _goes_on(alignment.nets.table, runs[-1], edit):
            runs[-1].append(edit)
        else:
            runs.append([edit])
    return _replaced(runs)


def _replaced(runs):
    """The runs. A row left out and steps put in at the same place become one `another step`."""
    found = []
    for run in runs:
        before = found[-1] if found else run
        for lost, put in ((before, run), (run, before)):
            if (
                [edit.kind for edit in lost] == ["left out"]
                and put[0].kind in ("put in", "behind the end", "block too many")
                and 0 <= put[0].at - lost[0].at <= 1
                and lost[0].row.step != "add"
            ):
                steps = tuple(step for edit in put for step in edit.steps)
                found[-1] = [replace(lost[0], kind="another step", step=steps[0], steps=steps)]
                break
        else:
            found.append(run)
    return found


def _goes_on(table, run, edit):
    last = run[-1]
    if last.kind != edit.kind or edit.kind not in ("left out", "put in"):
        return False
    if edit.kind == "put in":
        return edit.at == last.at
    reads = _sources(table, edit.at)
    beside = edit.at == last.at + 1 and "add" not in (edit.row.step, last.row.step)
    return beside or (last.at in reads and last.row.step != "add")


def _sources(table, row):
    """The rows that a row reads."""
    return {part[0] for key in table.inputs[row] for part in key}
