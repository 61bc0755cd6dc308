"""The moves about many rows at once: a missing or extra block, a missing path to an output."""

from collections import Counter

from course.diagnosis.compare import window
from course.diagnosis.edits import PRICES, Kind

_FUNCTION = 8  # most steps of a function


def blocks(place):
    """A run of rows is missing, or a run of steps is extra.

    It begins and ends where a single value is all that later rows read of the earlier ones.
    """
    if place.source is None:
        return
    first = place.row == place.nets.table.images  # nothing stands before it, so no block
    if first or place.nets.table.narrow[place.row] == place.keys[0]:
        yield from () if first else _block_missing(place)
        yield from _block_too_many(place)


def _block_missing(place):
    nets, state, row = place.nets, place.state, place.row
    unsized = state._replace(sizes=False)
    begin = min(place.candidates or place.ready, default=len(nets.net.nodes))
    for end, past in nets.table.blocks(row):
        # The row behind the block reads nothing but `past`.
        reads = [state.moved.get((end, past), place.source)] * len(nets.table.inputs[end])
        found = nets.fitting(unsized, end, nets.reading(reads, state.used))
        gone = range(row, end)
        # If nothing is found, the row behind the block is missing too.
        if found and not _other_widths(place, gone, range(begin, begin + len(gone)), +1):
            following = state.standing(past, place.source).settling(gone)
            instead = nets.net.nodes[(place.candidates or found)[0]]
            edit = place.edit(Kind.BLOCK_MISSING, rows=gone, instead=instead)
            yield following.with_edit(edit, _block_price(edit.kind, gone))


def _block_too_many(place):
    nets, state, row = place.nets, place.state, place.row
    begin = min(place.candidates or place.ready, default=None)
    if begin is None:
        return
    alone = sum((edit.kind, edit.at) == (Kind.PUT_IN, row) for edit in state.edits)
    unsized = state._replace(sizes=False)
    for end, past in nets.net.blocks(begin):
        these = (1 << end) - (1 << begin)
        if state.used & these:
            break
        reads = [state.moved.get((row, place.keys[0]), past)]
        more = range(begin, end)
        if not _of_the_table(nets, more):
            continue
        found = nets.fitting(unsized, row, nets.reading(reads, state.used | these))
        steps = range(max(0, begin - alone), end)  # with those that were put in before the block
        if found and not _other_widths(place, range(row, row + len(steps)), steps, -1):
            following = state.standing(place.keys[0], past).using(more)
            edit = place.edit(Kind.BLOCK_TOO_MANY, begin, steps=more)
            yield following.with_edit(edit, _block_price(edit.kind, more))


def _of_the_table(nets, steps):
    """Whether most steps of a block are such as the table has, whatever their maps.

    Otherwise no block is too many, but the steps of all blocks differ from their rows. Some steps
    may also be a function that the table does not know.
    """
    alike = nets.known_before[steps.stop] - nets.known_before[steps.start]
    return 2 * alike >= len(steps) or len(steps) <= _FUNCTION


def _other_widths(place, rows, steps, sign):
    """Whether a block's steps are there, and only make other numbers of maps than the rows.

    Then no block is missing (`sign` is 1) or too many (-1), unless the table or the network has
    more nodes left than the other. One in eight steps may differ in other ways, too. But a
    stage, which begins with a stride, is not the blocks inside of one.
    """
    table, net = place.nets.table, place.nets.net
    more = sign * place.state.balance.more
    if 2 * more >= len(rows) or rows.stop > len(table.nodes) or steps.stop > len(net.nodes):
        return False
    ours, theirs = (
        Counter(window(side.nodes[n]) for n in numbers)
        for side, numbers in ((table, rows), (net, steps))
    )
    strided = [any(stride != (1, 1) for _, _, stride, _ in kinds) for kinds in (ours, theirs)]
    return strided[0] == strided[1] and 8 * (ours - theirs).total() <= len(rows)


def _block_price(kind, nodes):
    price = PRICES[kind] + PRICES["row of a block"] * len(nodes)
    return min(price, PRICES["block at most"])


def head_missing(place):
    """All rows from here to an output are missing, which is not the last.

    The network has fewer outputs than the table.
    """
    nets, state, row = place.nets, place.state, place.row
    if len(nets.net.outputs) >= len(nets.table.outputs) or len(place.keys) != 1:
        return
    gone = [r for r in range(row, len(nets.table.nodes)) if nets.table.leads(row, r)]
    if len(nets.last_rows & {*gone}) == 1 and gone[-1] in nets.last_rows - {max(nets.last_rows)}:
        gone = [r for r in gone if not state.settles(r)]
        following = state.settling(gone, sizes=False)
        yield following.with_edit(place.edit(Kind.HEAD_MISSING, rows=gone), PRICES["head missing"])
