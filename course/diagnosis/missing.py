"""Findings about rows of the table that have no step, and about a network that ends early."""

from dataclasses import replace

from course.diagnosis.causes import Cause, few, finding
from course.diagnosis.compare import ABOUT_ACTIVATION, differences
from course.diagnosis.edits import Kind
from course.diagnosis.joins import read_by_step, stands_twice
from course.diagnosis.naming import does, what
from course.language import _, ngettext, sentences
from course.network.words import listed, sources, together
from course.plain import one_line

_FEW = 3  # with more rows missing, their reader stands too far away to be named instead
_SHORTCUT = 3  # most rows of a shortcut: a convolution, its normalisation, the addition


def left_out(alignment, *run):
    """One finding, in a list, about missing rows.

    Usually it says of the first of them: "after {after} comes {received}". There `received` is the
    step of their reader, the first row that should read one of them and has a step. If the rows are
    a shortcut, the finding is about its addition. A step of the row's name is another step.
    """
    edit, row = run[0], run[0].row
    if run[-1].row.step == "add" and len(run) <= _SHORTCUT:
        row = run[-1].row
        hint = not_read(alignment, [each.row for each in run if each.row.step == "add"])
        return [finding(row.name, Cause.SHORTCUT_MISSING, does(row), hint=hint)]
    if twice := stands_twice(alignment, _lost(alignment, run)):
        return [twice]
    reader, step = _reader(alignment, run) or (None, edit.instead)
    if len(run) == 1:
        unnamed = _unnamed(alignment.nets, edit)
        at = alignment.nets.table.number[id(unnamed)]
        if at in alignment.pairs:  # the step that stands for it has the name of a later row
            row, reader, step = unnamed, None, alignment.nets.net.nodes[alignment.pairs[at]]
    value = row.inputs[0]
    after = value.joined.name if value.joined else value.parts[0][0].name
    if reader is not None and len(run) > 1 and _is_norm_of(step, row, reader):
        # The norm of the last missing row stands there, and may as well be that of the first one.
        after, row, run, value = row.name, run[1].row, run[1:], None
        reader, step = None, _reads(alignment, step)
    if reader is not None and not _follows(alignment, value, step):
        # The reader's step does not come after it. Name the step that does. If there is none, say
        # what the reader's step reads.
        if edit.instead and _follows(alignment, value, edit.instead):
            step = edit.instead
        elif len(run) <= _FEW and not any(value.joined for value in reader.inputs):
            return [_reads_another(alignment, run, reader, step)]
        elif joined := _without_a_branch(alignment, run, reader):
            return [joined]
    step = step or (value and _next(alignment, value))
    received = what(alignment, step) if step else _("the output")
    rest = [other.row.name for other in run[1:] if other.row.step != "batch_norm"]
    hint = ""
    if rest:
        hint = ngettext("{rows} is missing, too.", "{rows} are missing, too.", len(rest))
        hint = hint.format(rows=few(rest))
    unread = not_read(alignment, [each.row for each in run])
    named = step is not None and step.name == row.name
    if named and alignment.nets.net.number[id(step)] not in alignment.pairs.values():
        return [finding(row.name, Cause.OTHER_STEP, does(row), does(step), hint=hint)]
    hint = sentences(hint, _of_its_name(alignment, row), unread)
    return [finding(row.name, Cause.MISSING, does(row), after=after, received=received, hint=hint)]


def block_missing(alignment, edit):
    """One finding, in a list, about a missing block; also about rows before it that are missing."""
    if _begins_a_block(alignment.nets.table, edit):
        texts, hint = (does(edit.row), does(edit.instead)), not_read(alignment, edit.rows)
        return [finding(edit.row.name, Cause.BLOCK_MISSING, *texts, hint=hint)]
    return head_missing(alignment, edit)


def head_missing(alignment, edit):
    """One finding, in a list, about the rows of an edit, all of which are missing."""
    number = alignment.nets.table.number
    rows = [(number[id(row)], row) for row in edit.rows]
    gone = [replace(edit, kind=Kind.LEFT_OUT, at=at, row=row, rows=(row,)) for at, row in rows]
    return left_out(alignment, *gone)


def _begins_a_block(table, edit):
    """Whether the first of some missing rows is the first of a block.

    A block begins where a value goes several ways, behind a sum or a concatenation, or where rows
    come once more. A pool and a local response normalisation stand between blocks.
    """
    if "pool" in edit.row.step or edit.row.step == "lrn":
        return False
    (key,) = table.inputs[edit.at]
    (first, *others) = [node for node, _, _ in key]
    joined = bool(others) or table.nodes[first].step == "add"
    return (
        joined or len(table.readers[first]) > 1 or table.repeats(edit.at, edit.at + len(edit.rows))
    )


def not_read(alignment, rows, would_be=None):
    """A sentence about a layer that would be one of these rows and that nothing reads, or "".

    `would_be` says of a step and a row whether the step is what is missing.
    """
    unread, would_be = alignment.nets.net.network.unread, would_be or _would_be
    found = [(node, line, row) for node, line in unread for row in rows if would_be(node, row)]
    for node, line, _row in sorted(found, key=_unlike):
        said = _("Nothing reads what comes out of {name}, made in {line}.")
        return said.format(name=node.name, line=one_line(line))
    return ""


def _would_be(node, row):
    found = differences(row, node, sizes=False)
    return all(cause in ABOUT_ACTIVATION for cause, _, _ in found)


def _unlike(found):
    """A key that sorts those steps first that have the size, or the maps, of their row."""
    node, _line, row = found
    return node.shape != row.shape, node.filters != row.filters


def _of_its_name(alignment, row):
    """A sentence about the layer that has the name of a missing row; "" if there is none."""
    nets = alignment.nets
    names = [node.name for node in nets.net.nodes]
    if row.name not in names:
        kind = nets.net.network.written.get(row.name)
        said = _("Your layer {name} is {what}.")
        return said.format(name=row.name, what=kind) if kind else ""
    step = names.index(row.name)
    for other, its in alignment.pairs.items():
        if its == step:
            said = _("Your layer {name} is in the place of {row}.")
            return said.format(name=row.name, row=nets.table.nodes[other].name)
    node = nets.net.nodes[step]
    if node.step == row.step:
        return ""  # the search did not get there
    return _("Your layer {name} is {what}.").format(name=row.name, what=does(node))


def ends_before(alignment, run):
    """Whether the network ends before these rows: nothing in it stands for later rows."""
    kinds = {edit.kind for edit in alignment.edits if edit.at >= run[0].at}  # from here on
    if (
        alignment.rest
        or run[0].steps
        or not kinds <= {Kind.LEFT_OUT, Kind.OUTPUT_SHAPE}
        or _reader(alignment, run)
    ):
        return False
    parts = [{part[0] for part in key} for key in alignment.nets.table.outputs]
    lost = _lost(alignment, run)
    return not any(nodes & lost and nodes - lost for nodes in parts)  # a branch of the last value


def ends_early(alignment, run):
    """One finding, in a list, about a network that ends before these rows."""
    row = run[0].row
    hint = _("It has no steps.")
    if alignment.pairs:
        last = alignment.nets.net.nodes[max(alignment.pairs.values())]
        hint = _("Its last step is {name} ({does}).").format(name=last.name, does=does(last))
    return [finding(row.name, Cause.ENDS_EARLY, does(row), hint=hint)]


def _reader(alignment, run):
    """The first matched row that should read one of the missing rows, and its step; or None."""
    table, lost = alignment.nets.table, _lost(alignment, run)
    for row, step in sorted(alignment.pairs.items()):
        if table.nodes_read_by(row) & lost:
            return table.nodes[row], alignment.nets.net.nodes[step]
    return None


def _follows(alignment, value, step):
    """Whether a step reads what stands for a value of the table.

    True as well if one of the value's rows has no step: then it cannot be told.
    """
    nets, stands = alignment.nets, _stand_for(alignment, value)
    read = nets.net.nodes_read_by(nets.net.number[id(step)])
    return None in stands or not stands.isdisjoint(read)


def _is_norm_of(step, row, reader):
    """Whether a missing row normalises, and the step of its reader `reader` does that, too."""
    return row.step.endswith("_norm") and row.step == reader.step == step.step


def _reads(alignment, step):
    """The first step that reads another one; None if none does."""
    net = alignment.nets.net
    return next((net.nodes[n] for n in net.readers[net.number[id(step)]]), None)


def _next(alignment, value):
    """The first step that reads what stands for a value of the table; None if nothing does."""
    stands, readers = _stand_for(alignment, value), alignment.nets.net.readers
    read = min((reader for step in stands - {None} for reader in readers[step]), default=None)
    return None if read is None else alignment.nets.net.nodes[read]


def _stand_for(alignment, value):
    """The numbers of the steps that stand for a value's rows, and None if one has no step."""
    nets, stands = alignment.nets, set()
    for part in value.parts:
        row = nets.table.number[id(part[0])]
        image = row < min(nets.table.images, nets.net.images)
        stands.update(nets.preparation(row) if image else [alignment.pairs.get(row)])
        stands.update(
            nets.net.number[id(edit.step)]
            for edit in alignment.edits
            if (edit.kind, edit.at) == (Kind.FOLLOWS, row)
        )
    return stands


def _reads_another(alignment, run, row, step):
    """The finding about `row`, which should read the missing rows: its step reads other steps."""
    got = together(read_by_step(alignment, step))
    hint = _("{row} is missing, or nothing reads it.").format(row=run[0].row.name)
    return finding(row.name, Cause.WRONG_INPUT, together(sources(row)), got, hint=hint)


def _without_a_branch(alignment, run, row):
    """The finding about maps side by side that `row` reads, and of which some are missing; or None.

    The others are there, so their branch may have been forgotten in the list of them.
    """
    number, lost = alignment.nets.table.number, _lost(alignment, run)
    for value in row.inputs:
        names = {step.name: number[id(step)] for step, _, _ in value.parts}
        there = [name for name, at in names.items() if at in alignment.pairs]
        gone = [name for name, at in names.items() if at in lost]
        if value.joined and gone and there:
            said = _("{row} is missing, or nothing reads it.")
            hints = [said.format(row=name) for name in gone]
            hint = sentences(*hints, not_read(alignment, [each.row for each in run]))
            texts = listed(list(names)), listed(there)
            return finding(value.joined.name, Cause.WRONG_INPUT, *texts, hint=hint)
    return None


def _lost(alignment, run):
    """The rows of a run, and those behind them that are missing as well, as numbers."""
    table, lost = alignment.nets.table, {edit.at for edit in run}
    for row in range(run[0].at, len(table.nodes)):
        reads = table.nodes_read_by(row)
        if reads & lost and row not in alignment.pairs:
            lost.add(row)
    return lost


def _unnamed(nets, edit):
    """The missing row: the edit's, or an equal one above it if the network's names show that.

    Of three equal convolutions, two of which are there, the search calls the last one missing. But
    if steps have the names of the first and the last, the one between them is.
    """
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
