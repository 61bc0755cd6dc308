"""The state of the search: how far table and network are laid side by side, and what comes next."""

from collections import namedtuple

from course.diagnosis.edits import PRICES, Kind

#: The fields of a `State`, as they are before the search.
_FIELDS = {
    "nets": None,  # the `Networks`: table and network
    "at": 0,  # the next row
    "cost": 0.0,
    "stands": None,  # row -> the parts of the network that stand for it
    "moved": None,  # value of the table, or (row, value) for that row alone -> its parts now
    "used": 0,  # the steps that are accounted for, as bits
    "settled": 0,  # the rows that are accounted for, as bits
    "gone": 0,  # rows that are left out, as bits
    "loose": frozenset(),  # rows whose activation was found elsewhere
    "late": False,  # whether rows that were put off are looked at again
    "sizes": True,  # whether sizes still count: after a wrong size, later ones follow from it
    "spread": False,  # whether dense layers are applied to maps, as a Flatten is missing
    "edits": (),
    "about": frozenset(),  # `about` of all edits
    "pairs": (),  # a linked list, the last pair first: (row, step, earlier pairs)
    "balance": None,  # the `Balance` of the rows and steps that are not accounted for
    "done": False,
}


class State(namedtuple("State", _FIELDS, defaults=_FIELDS.values())):
    """How far the alignment has got. States are immutable; `_replace` makes the next one."""

    __slots__ = ()

    def uses(self, step):
        """Whether a step is accounted for."""
        return self.used >> step & 1

    def settles(self, row):
        """Whether a row is accounted for."""
        return self.settled >> row & 1

    def with_edit(self, edit, price, **changes):
        """The state after an edit. Going on with a run is cheap, and so is the same mistake again.

        Rows left out one after another are a run, and so are steps put in before the same row.
        """
        known = self.about
        if edit.kind in (Kind.LEFT_OUT, Kind.PUT_IN) and self.edits:
            last = self.edits[-1]
            run = last.kind == edit.kind and edit.at - last.at <= (edit.kind == Kind.LEFT_OUT)
            price = PRICES["go on"] if run or edit.about <= known else price
        elif edit.kind == Kind.CHANGED:
            new = len(edit.about - known)
            price += PRICES["changed"] * new + PRICES["again"] * (len(edit.about) - new)
            price = min(price, PRICES["changed at most"])
        elif edit.about <= known:
            price = min(price, PRICES["again"])
        return self._replace(
            cost=self.cost + price, edits=(*self.edits, edit), about=known | edit.about, **changes
        )

    # --- the states that come next

    def paired(self, row, step, **changes):
        """The state in which a step is matched to a row."""
        ours, theirs = self.nets.table.counted[row], self.nets.net.counted[step]
        balance = self.balance if ours == theirs else self.balance.changed([ours], [theirs])
        kept = {
            "stands": {**self.stands, row: whole(step)},
            "used": self.used | 1 << step,
            "settled": self.settled | 1 << row,
            "pairs": (row, step, self.pairs),
            "balance": balance,
        }
        return self._replace(**(kept | changes))

    def without(self, row, main=None):
        """The state in which a row is missing. Its last source, or `main`, stands for it.

        Without a row that keeps the shape of what it reads, all later sizes are the same.
        """
        key = self.nets.table.inputs[row][-1] if main is None else main
        parts = self.nets.translated(self, row, key)
        gone = self._replace(stands={**self.stands, row: parts}, gone=self.gone | 1 << row)
        node = self.nets.table.nodes[row]
        kept = main is None and node.inputs[-1].shape == node.shape
        return gone.settling([row], sizes=self.sizes and kept)

    def using(self, steps, **changes):
        """The state in which these steps are accounted for, though no row is matched to them."""
        used = self.used
        for step in steps:
            used |= 1 << step
        kinds = [self.nets.net.counted[step] for step in steps]
        return self._replace(used=used, balance=self.balance.changed(more=kinds), **changes)

    def settling(self, rows, **changes):
        """The state in which these rows are accounted for, though no step is matched to them."""
        settled = self.settled
        for row in rows:
            settled |= 1 << row
        kinds = [self.nets.table.counted[row] for row in rows]
        return self._replace(settled=settled, balance=self.balance.changed(less=kinds), **changes)

    def together(self, row, steps, parts):
        """The state in which several steps, of which these parts are read, stand for a row."""
        following = self.settling([row]).using(steps)
        return following._replace(stands={**self.stands, row: parts})

    def standing(self, key, parts, row=None):
        """The state in which `parts` stand for the table's value `key` from now on.

        With `row`, for that row alone.
        """
        if row is not None:
            return self._replace(moved={**self.moved, (row, key): parts}, sizes=False)
        stands = self.stands
        if len(key) == 1 and key[0][1] == -1:
            stands = {**stands, key[0][0]: parts}
        return self._replace(moved={**self.moved, key: parts}, stands=stands, sizes=False)

    def step_of(self):
        """{row: its step} of the rows that are matched to one."""
        found, rest = {}, self.pairs
        while rest:
            row, step, rest = rest
            found[row] = step
        return found


def whole(step):
    """All maps of a step, as a value."""
    return ((step, -1, -1),)
