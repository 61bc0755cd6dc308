"""`Place`, a row that no step fits, with the data that all moves share."""

from dataclasses import dataclass
from functools import cached_property

from course.diagnosis.edits import Edit, Kind
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
        """The parts that stand for the value that the row reads.

        None if nothing stands for it, or if the row reads several values.
        """
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
