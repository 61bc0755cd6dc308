"""A table and a network laid side by side: the cheapest list of edits that explains the network.

Rows are matched to steps in the table's order. A step can match a row only if it reads the steps
that are matched to the row's sources. A state of the search holds the rows so far and their steps.
If no step fits the next row, each possible mistake (`course.diagnosis.moves`) leads to another
state. The cheapest state is continued first, as in A* (Hart, Nilsson and Raphael 1968). The cost of
the rest is estimated by counting the nodes that have no equal on the other side.

Four differences are looked for after the search: rows near the output, if the search could not get
that far, rows that share a layer, weights that are frozen, and more windows with a wrong padding.
"""

import heapq
from dataclasses import dataclass
from itertools import count

from course.diagnosis.causes import Cause
from course.diagnosis.compare import trained_otherwise
from course.diagnosis.crossed import uncrossed
from course.diagnosis.edits import PRICES, Edit, Kind
from course.diagnosis.moves import MOVES
from course.diagnosis.order import not_swapped
from course.diagnosis.place import Place
from course.diagnosis.sides import Networks, unordered
from course.diagnosis.state import State, whole
from course.network.words import around

HORIZON = 14  # once the search is so many rows past a mistake, its explanation is fixed
PER_MISTAKE = 80  # states that are tried to explain one mistake
MOST_STATES = 300  # states that are tried in all, in networks of up to USUAL_STEPS steps
USUAL_STEPS = 600  # with more steps a state takes longer, so fewer are tried
_NORMS = ["batch_norm"] * 2
_NEAR = 5  # the next convolution of a block is looked for among so many rows
INPUTS_OF_A_STEP = 4  # comparing so many inputs takes as long as comparing one step
MOST_MISTAKES = 6  # after so many different mistakes the search stops


@dataclass
class Alignment:
    """The result of the search: the edits, and the step of each row."""

    nets: Networks
    edits: tuple = ()
    pairs: dict = None  # row -> step, both as numbers
    cost: float = float("inf")  # the sum of the prices, and the estimate for what was not reached
    states: int = 0  # number of states that were tried
    rest: int = 0  # number of steps of the network that match no row
    done: bool = False  # whether the search came to an end before it reached a limit
    begins: bool = True  # whether the network begins with the shapes of the table

    @property
    def right(self):
        """Whether the network equals the table: the search is done and each row has its step."""
        table = self.nets.table
        complete = len(self.pairs or ()) == len(table.nodes) - table.images
        return self.begins and self.done and complete and not self.edits

    @property
    def library(self):
        """What the network is written with: "torch", or "" for Keras."""
        return self.nets.net.network.library


def align(table, network):
    """The `Alignment` of two anatomies, a published one and a student's."""
    nets = Networks(table, network)
    begin = nets.begin()
    if begin is None:
        return Alignment(nets, begins=False)
    images, prepared = begin
    state = State(
        nets,
        at=nets.table.images,
        stands={image: whole(node) for image, node in images},
        moved={},
        used=prepared,
        balance=nets.balance,
    )
    state, tried = _search(nets, state)
    if state.edits and state.edits[-1].final:
        state = _compared_from_the_output(nets, state)
    cost = state.cost + state.balance.cost()
    edits = sorted((*state.edits, *_looked_for_later(nets, state)), key=lambda edit: edit.at)
    edits, pairs = uncrossed(nets, *not_swapped(edits, state.step_of()))
    rest = len(nets.net.nodes) - state.used.bit_count()
    return Alignment(nets, edits, pairs, cost, tried, rest, state.done)


def _search(nets, begin):
    """(the cheapest final state, or the last one within the limits; number of states tried)."""
    ticks, seen = count(), set()
    size = max(len(nets.net.nodes), sum(map(len, nets.net.inputs)) // INPUTS_OF_A_STEP)
    most = MOST_STATES * USUAL_STEPS // max(USUAL_STEPS, size)
    waiting = [(begin.balance.cost(), 0, next(ticks), begin)]
    fixed = tried = window = 0  # fixed edits; states tried; states since the last fixed edit
    state = begin
    while waiting:
        state = heapq.heappop(waiting)[-1]
        if state.done:
            break
        state = _advanced(nets, state)
        if (known := _signature(state)) in seen and waiting:
            continue
        seen.add(known)
        tried, window = tried + 1, window + 1
        # An explanation is fixed if it has held for long enough, or has taken too many states. Then
        # the states that explain the mistake in another way are dropped.
        while len(state.edits) > fixed and (
            _reached(nets, state) - state.edits[fixed].at >= HORIZON or window > PER_MISTAKE
        ):
            fixed, window = fixed + 1, 0
            stand = state.edits[:fixed]
            waiting = [each for each in waiting if each[-1].edits[:fixed] == stand]
            heapq.heapify(waiting)
            if len(set().union(*(edit.about for edit in stand))) >= MOST_MISTAKES:
                return state._replace(edits=stand), tried
        if tried >= most:
            break
        for following in _following(nets, state):
            order = following.cost + (0 if following.done else following.balance.cost())
            heapq.heappush(waiting, (order, -following.at, next(ticks), following))
    return state, tried


def _reached(nets, state):
    """The number of rows up to the first that was put off, or else up to the next row."""
    put_off = ~state.settled & ((1 << state.at) - (1 << nets.table.images))
    return (put_off & -put_off).bit_length() - 1 if put_off else state.at


def _signature(state):
    """What a state has accounted for. Of states with equal signatures only the cheapest goes on."""
    stands = frozenset(state.stands.items()), frozenset(state.moved.items())
    return state.at, state.used, state.settled, stands


def _following(nets, state):
    """The states that may come next."""
    if state.at == len(nets.table.nodes):
        yield _ended(nets, state)
        return
    fits = nets.fitting(state, state.at, nets.candidates(state, state.at))
    for step in fits[:2]:  # they fit equally well, so more of them would only take more time
        price = -PRICES["unlike"] * nets.likeness(state.at, step)
        yield state.paired(state.at, step, cost=state.cost + max(0, price))
    place = Place(nets, state, state.at)
    for move in MOVES:
        for following in move(place):
            stops = following.edits[len(state.edits) :] and following.edits[-1].final
            yield _stopped(following) if stops else following


def _stopped(state):
    """The final state after an edit that ends the comparison. Each unmatched node costs."""
    return state._replace(cost=state.cost + PRICES["again"] * state.balance.unmatched(), done=True)


def _advanced(nets, state):
    """The state at the next row for which no step fits with certainty."""
    end = len(nets.table.nodes)
    while True:
        row = state.at
        if row == end:
            if state.late or (first := _reached(nets, state)) == end:
                return state
            state = state._replace(at=first, late=True)
            continue
        if not state.settles(row) and (state.late or None not in nets.reads(state, row)):
            step = _certain(nets, state, row)
            if step is None:
                return state
            state = state.paired(row, step)
        state = state._replace(at=row + 1)


def _certain(nets, state, row):
    """The step that fits a row. None if no step does, or if it may be the step of another row.

    It may be if its readers agree better with those of another row, or if another step's readers
    agree better with this row's.
    """
    candidates = nets.candidates(state, row)
    fits = nets.fitting(state, row, candidates)
    if not fits:
        return None
    step, likeness = fits[0], nets.likeness(row, fits[0])
    if likeness >= 0:
        return step
    kind = nets.table.nodes[row].step
    # A norm that does not follow a convolution: one begins each block, and one follows the last.
    of_a_block = kind.endswith("_norm") and not _follows_weights(nets.table, row)
    if of_a_block and _readers_do(nets.table, row) != _readers_do(nets.net, step):
        return None
    if any(
        nets.likeness(later, step) >= 0 and not nets.apart(state, later, step)
        for later in _alike_behind(nets.table, row)
    ):
        return None  # it may be the next convolution of the block, and this one is missing
    for other in candidates:
        if nets.net.nodes[other].step == kind and nets.likeness(row, other) > likeness + 1:
            return None
    if _alone(nets, state, row, step):
        for other in nets.net.readers_and_theirs(step):
            if nets.likeness(row, other) > likeness and not nets.differences(row, other):
                return None  # it may be extra, and `other` is the row's
    for twin in nets.table.fed[unordered(nets.table.inputs[row])]:
        better = twin != row and not state.settles(twin)
        better = better and nets.likeness(twin, step) > likeness
        if better and not nets.apart(state, twin, step):
            return None
    return step


def _alone(nets, state, row, step):
    """Whether only this step reads a value that several rows should read."""
    ((source, *_), *_) = nets.table.inputs[row][0]
    ((node, *_), *_) = nets.net.inputs[step][0]
    rows = [reader for reader in nets.table.readers[source] if not state.settles(reader)]
    return len(rows) > 1 and nets.net.readers[node] == [step]


def _alike_behind(side, node):
    """Nodes close behind a node that are like it, but whose normalisation has another activation.

    Such are the convolutions of a block, of which the last has its activation behind an addition.
    """
    norms = [side.kinds[reader] for reader in side.readers[node]]
    for later in range(node + 1, min(node + _NEAR, len(side.nodes))):
        behind = [side.kinds[reader] for reader in side.readers[later]]
        alike = side.kinds[later] == side.kinds[node] and norms != behind
        if alike and [kind[0] for kind in norms + behind] == _NORMS:
            yield later


def _follows_weights(side, node):
    """Whether a node reads a convolution or a dense layer, and nothing else."""
    sources = side.nodes_read_by(node)
    return len(sources) == 1 and side.kinds[sources.pop()][0] in ("conv", "dense")


def _readers_do(side, node):
    """What a node's readers do ("conv", "add"), whatever their sizes."""
    return sorted(kind for kind, *_ in side.reader_kinds[node])


def _ended(nets, state):
    """The state after the last row, with edits for leftover steps and wrong outputs."""
    wanted, found = nets.table.network.outputs, nets.net.network.outputs
    rest = [n for n in range(len(nets.net.nodes)) if not state.uses(n)]
    if rest:
        steps = tuple(nets.net.nodes[n] for n in rest)
        edit = Edit(Kind.BEHIND_THE_END, state.at, step=steps[0], steps=steps)
        price = PRICES["put in"] + PRICES["go on"] * (len(rest) - 1)
        state = state.using(rest).with_edit(edit, price)
    if len(wanted) != len(found):
        state = state.with_edit(Edit(Kind.OUTPUT_COUNT, state.at), PRICES["changed"])
    elif [value.shape for value in wanted] != [value.shape for value in found]:
        state = state.with_edit(Edit(Kind.OUTPUT_SHAPE, state.at), PRICES["changed"])
    return state._replace(done=True)


def _compared_from_the_output(nets, state):
    """The state after an edit that ends the search, with the rows compared that lead to the output.

    They are compared from the output upwards, until row and step are of different kinds. Each
    difference is one more `Kind.CHANGED` edit, and costs nothing.
    """
    wanted, got = nets.table.outputs, nets.net.outputs
    while len(wanted) == len(got) == len(wanted[0]) == len(got[0]) == 1:
        ((row, *_),), ((step, *_),) = wanted[0], got[0]
        ours, theirs = nets.table.nodes[row], nets.net.nodes[step]
        alike = ours.step == theirs.step and len(ours.inputs) == 1
        if row <= state.at or state.uses(step) or not alike:
            break
        state = state.paired(row, step)
        if found := nets.differences(row, step, sizes=False):
            edit = Edit(Kind.CHANGED, row, ours, theirs, differences=found)
            state = state._replace(edits=(*state.edits, edit))
        wanted, got = nets.table.inputs[row], nets.net.inputs[step]
    return state


def _looked_for_later(nets, state):
    """The edits of rows that share a layer, of frozen weights, and of more wrong paddings.

    The search looks at no padding behind a wrong size. With a stride of 1 it depends on no size.
    """
    changed = {edit.at: edit for edit in state.edits if edit.kind == Kind.CHANGED}
    padded = any(Cause.PADDING in edit.causes for edit in changed.values())
    owner = {}  # layer -> the first row with it
    for row, step in sorted(state.step_of().items()):
        ours, theirs = nets.table.nodes[row], nets.net.nodes[step]
        if theirs.layer is not None and theirs.parameters:
            first = owner.setdefault(theirs.layer, row)
            if first != row:
                yield Edit(Kind.SHARES, row, ours, theirs, instead=nets.table.nodes[first])
        found = trained_otherwise(ours, theirs)
        if padded and row not in changed and _padded_otherwise(ours, theirs):
            found.append((Cause.PADDING, around(ours), around(theirs)))
        for difference in found:
            yield Edit(Kind.CHANGED, row, ours, theirs, differences=(difference,))


def _padded_otherwise(row, step):
    """Whether two convolutions of stride 1 are equal, but for their padding and their maps."""
    convolutions = row.step == step.step == "conv" and row.kernel == step.kernel
    alike = row.stride == step.stride == (1, 1) and row.dilation == step.dilation
    return convolutions and alike and row.padding != step.padding
