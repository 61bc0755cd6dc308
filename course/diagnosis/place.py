"""`Place`, a row that no step fits, and functions that make the next states."""

from dataclasses import dataclass
from functools import cached_property

from course.diagnosis.edits import Edit, Kind, balanced
from course.diagnosis.sides import unordered

_MOST = 24  # most steps that are tried at one row; a module of GoogLeNet begins with only four


@dataclass
class Place:
    """A row for which no step fits with certainty, with the data that all moves share."""

    nets: object
    state: object
    row: int

    @cached_property
    def node(self):
        """The row itself; `row` is its number."""
        return self.nets.table.nodes[self.row]

    @cached_property
    def keys(self):
        """The values of the table that the row reads, as keys."""
        return self.nets.table.inputs[self.row]

    @cached_property
    def reads(self):
        """For each of them the parts of the network that stand for it, or None."""
        return self.nets.reads(self.state, self.row)

    @property
    def source(self):
        """What stands for the only value that the row reads; None if it reads several values."""
        return self.reads[0] if len(self.keys) == 1 else None

    @cached_property
    def candidates(self):
        """Unused steps that read the row's sources, without those that fit another row."""
        nets, state = self.nets, self.state
        found = nets.candidates(state, self.row)[:_MOST]
        if len(found) < 2:
            return found
        taken = set()
        for other in nets.table.fed[unordered(self.keys)]:
            if other != self.row and not state.settles(other):
                fits = [n for n in nets.fitting(state, other, found) if n not in taken]
                taken.update(n for n in fits[:1] if nets.likeness(other, n) >= 0)
        return [n for n in found if n not in taken] or found

    @cached_property
    def ready(self):
        return self.nets.ready(self.state)[:_MOST]

    def edit(self, kind, step=None, rows=(), steps=(), **more):
        """An edit of this row. Its step, and all rows and steps, are given by their numbers."""
        table, net = self.nets.table.nodes, self.nets.net.nodes
        rows, steps = tuple(table[n] for n in rows), tuple(net[n] for n in steps)
        step = None if step is None else net[step]
        return Edit(kind, self.row, self.node, step, rows=rows, steps=steps, **more)

    def also_changed(self, state, step, differences):
        """The state, with an edit of this row more if there are differences."""
        edit = self.edit(Kind.CHANGED, step, differences=tuple(differences))
        return state.with_edit(edit, 0) if differences else state


def paired(nets, state, row, step, **changes):
    """The state in which a step is matched to a row."""
    ours, theirs = nets.table.counted[row], nets.net.counted[step]
    balance = state.balance
    if ours != theirs:
        balance = balanced(balance, [ours], [theirs])
    kept = {
        "stands": {**state.stands, row: ((step, -1, -1),)},
        "used": state.used | 1 << step,
        "settled": state.settled | 1 << row,
        "pairs": (row, step, state.pairs),
        "balance": balance,
    }
    return state._replace(**(kept | changes))


def left_out(nets, state, row, main=None):
    """The state in which a row is missing. Its last source, or `main`, stands for it."""
    key = nets.table.inputs[row][-1] if main is None else main
    return state._replace(
        stands={**state.stands, row: nets.translated(state, row, key)},
        gone=state.gone | 1 << row,
        settled=state.settled | 1 << row,
        balance=balanced(state.balance, [nets.table.counted[row]]),
        sizes=False,
    )


def put_in(nets, state, steps, **changes):
    """The state in which these steps are used, though no row is matched to them."""
    used = state.used
    for step in steps:
        used |= 1 << step
    kinds = [nets.net.counted[step] for step in steps]
    return state._replace(used=used, balance=balanced(state.balance, (), kinds), **changes)


def settled(nets, state, rows, **changes):
    """The state in which these rows are accounted for, though no step is matched to them."""
    done = state.settled
    for row in rows:
        done |= 1 << row
    kinds = [nets.table.counted[row] for row in rows]
    return state._replace(settled=done, balance=balanced(state.balance, kinds), **changes)


def together(nets, state, row, steps, parts):
    """The state in which several steps, of which these parts are read, stand for a row."""
    following = put_in(nets, settled(nets, state, [row]), steps)
    return following._replace(stands={**state.stands, row: parts})


def standing(state, key, parts, row=None):
    """The fields of a state in which `parts` stand for the table's value `key` from now on.

    With `row`, for that row alone.
    """
    if row is not None:
        return {"moved": {**state.moved, (row, key): parts}, "sizes": False}
    stands = state.stands
    if len(key) == 1 and key[0][1] == -1:
        stands = {**stands, key[0][0]: parts}
    return {"moved": {**state.moved, key: parts}, "stands": stands, "sizes": False}


def whole(step):
    """All maps of a step, as a value."""
    return ((step, -1, -1),)


def pairs_of(state):
    """{row: its step} of a state."""
    found, rest = {}, state.pairs
    while rest:
        row, step, rest = rest
        found[row] = step
    return found
