"""What table and network have left, as numbers of nodes, and what that costs at least."""

from collections import namedtuple
from operator import itemgetter

from course.diagnosis.compare import kind
from course.diagnosis.edits import PRICES

# Nodes are compared by some of (step, kernel, maps, activation, bias).
_COMPARED = {
    "step": itemgetter(0, 1),
    "maps": itemgetter(0, 1, 2),
    "activation": itemgetter(0, 1, 2, 3),
    "bias": itemgetter(0, 1, 2, 4),
    "all": itemgetter(0, 1, 2, 3, 4),
}
_Lacking = namedtuple("_Lacking", _COMPARED)


class Balance(namedtuple("Balance", "counts lacking more")):
    """What the table has left, less what the network has left. Immutable.

    `counts` has a number for each kind of node, `lacking` their sum for each entry of _COMPARED,
    whatever their signs, and `more` the number of nodes in all.
    """

    __slots__ = ()

    @classmethod
    def of(cls, table, net):
        """(the balance of two `Side`s, the kinds of each of their nodes); images are not counted.

        The kinds of a node are numbers, one for each entry of _COMPARED. Two nodes that agree there
        have the same number.
        """
        # The bias counts where the table says something of it.
        biased = {row.step for row in table.nodes if row.bias is not None}
        numbers = {}

        def kinds(node):
            told = (*kind(node), bool(node.bias) if node.step in biased else None)
            return tuple(
                numbers.setdefault((name, parts(told)), len(numbers))
                for name, parts in _COMPARED.items()
            )

        ours, theirs = ([kinds(node) for node in side.nodes] for side in (table, net))
        none = cls([0] * len(numbers), [0] * len(_COMPARED), 0)
        return none.changed(theirs[net.images :], ours[table.images :]), ours, theirs

    def changed(self, less=(), more=()):
        """The balance with some nodes less in the table, and some more (or less in the network)."""
        counts, lacking, total = self.counts.copy(), self.lacking.copy(), self.more
        for nodes, number in ((less, -1), (more, 1)):
            for kinds in nodes:
                total += number
                for place, each in enumerate(kinds):
                    before = counts[each]
                    counts[each] = now = before + number
                    lacking[place] += abs(now) - abs(before)
        return Balance(counts, lacking, total)

    def unmatched(self):
        """Half the number of nodes left that have no equal on the other side.

        Half, because a row and a step that differ are one mistake.
        """
        return _Lacking(*self.lacking).all / 2

    def cost(self):
        """A rough estimate of the cost of the rest.

        Nodes that lack an equal only because of their number of maps, activation or bias count for
        less: if that is one mistake, made everywhere, each costs `PRICES["again"]`.
        """
        lacking = _Lacking(*self.lacking)
        return (
            PRICES["without an equal"] * lacking.step
            + PRICES["with other maps"] * (lacking.maps - lacking.step)
            + PRICES["again"] * (lacking.activation + lacking.bias - 2 * lacking.maps)
        ) / 2
