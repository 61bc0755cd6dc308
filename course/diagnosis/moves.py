"""The moves: possible mistakes at a row that no step fits.

Each move is a function of a `Place`. It yields the states that may follow, each with one more edit.
The variable `following` is such a state.
"""

from course.diagnosis.blocks import blocks, head_missing
from course.diagnosis.causes import Cause
from course.diagnosis.compare import ABOUT_ACTIVATION, does_it_again, similar
from course.diagnosis.edits import PRICES, Edit, Kind
from course.diagnosis.order import (
    activation_apart,
    activation_before_norm,
    activation_elsewhere,
    pre_activation,
    swapped,
)
from course.diagnosis.shortcuts import (
    added,
    added_instead,
    addition,
    normalised_sum,
    shortcut,
    side_by_side,
)
from course.diagnosis.state import whole
from course.diagnosis.towers import one_lacks, towers, uneven_slices
from course.network.rules import AGAIN

_GROUP = 60  # most steps that are taken together as one other step

#: What can differ although a step has the maps, the kernel and the stride of the row.
_AROUND = ABOUT_ACTIVATION | {Cause.PADDING, Cause.BIAS_MISSING, Cause.BIAS_EXTRA}

# --- the row's own step, with something changed about it


def changed(place):
    """A step reads the row's sources, but differs from the row."""
    nets, state, row = place.nets, place.state, place.row
    for step in place.candidates:
        ours, theirs = place.node, nets.net.nodes[step]
        found = nets.apart(state, row, step)
        if not found:
            continue
        sizes = state.sizes and ours.shape == theirs.shape
        following = state.paired(row, step, sizes=sizes)
        spread = ours.step == "dense" and theirs.step == "conv" and theirs.written == "Dense"
        if (ours.step == theirs.step or (spread and state.spread)) and not theirs.closed:
            if ours.filters != theirs.filters and (twins := _twins(place)):
                edit = place.edit(Kind.SHARED, step, count=twins, final=True)
                yield state.with_edit(edit, 0)
            # `with_edit` adds the price of each difference.
            price = -PRICES["unlike"] * nets.likeness(row, step)
            yield following.with_edit(place.edit(Kind.CHANGED, step, differences=found), price)
        elif spread:
            following = following._replace(sizes=False, spread=True)
            found = nets.apart(following, row, step)
            following = following.with_edit(place.edit(Kind.NO_FLATTEN, step), PRICES["changed"])
            yield place.also_changed(following, step, found)
        elif similar(ours, theirs) or not does_it_again(theirs):
            price = PRICES["changed" if similar(ours, theirs) else "another step"]
            following = following._replace(sizes=False)
            yield following.with_edit(place.edit(Kind.ANOTHER_STEP, step, differences=found), price)


def several_steps(place):
    """Several steps, some of them side by side, stand in the place of one row.

    Neither the steps nor the row have weights.
    """
    nets, state, row = place.nets, place.state, place.row
    if place.node.parameters or place.source is None:
        return
    readers = {n for part in place.source for n in nets.net.readers[part[0]]}
    begin = min((n for n in readers if not state.uses(n)), default=len(nets.net.nodes))
    for end in range(begin + 1, min(len(nets.net.nodes), begin + _GROUP)):
        if nets.net.nodes[end - 1].parameters or state.uses(end - 1):
            return
        past, group = nets.net.narrow[end], range(begin, end)
        if past != whole(end - 1) or all(len(nets.net.inputs[n]) == 1 for n in group):
            continue
        following = state.together(row, group, past)._replace(sizes=False)
        edit = place.edit(Kind.ANOTHER_STEP, begin, steps=group)
        yield following.with_edit(edit, PRICES["another step"])


def part_read(place):
    """A convolution sees only some of the maps that the row's convolution should see."""
    nets, state, row = place.nets, place.state, place.row
    if place.node.step != "conv" or None in place.reads:
        return
    wanted = {part[0] for parts in place.reads for part in parts}
    for step in place.ready if not place.candidates else ():
        read = nets.net.nodes_read_by(step)
        found = nets.apart(state, row, step)
        if read == wanted and found and nets.net.nodes[step].step == "conv":
            following = state.paired(row, step, sizes=False)
            if not place.node.connections:
                edit = place.edit(Kind.READS_SOMETHING_ELSE, step)
                following = following.with_edit(edit, PRICES["reads something else"])
                found = [each for each in found if each[0] is not Cause.GROUPS]
            yield place.also_changed(following, step, found)


def wrong_axis(place):
    """The row's sources are joined along another axis than that of the maps."""
    nets, state = place.nets, place.state
    if None in place.reads:
        return
    wanted = {part[0] for parts in place.reads for part in parts}
    for step in nets.net.stacks:
        if state.uses(step):
            continue
        made = nets.net.nodes_read_by(step)
        begins = {part[0] for n in made for key in nets.net.inputs[n] for part in key}
        if made <= wanted:
            following = state.using([step])
            for key in place.keys:
                following = following.standing(key, whole(step))
        elif begins <= wanted:  # the row itself is made of the steps that are joined
            following = state.paired(place.row, step, sizes=False).using(made)
        else:
            continue
        yield following.with_edit(place.edit(Kind.WRONG_AXIS, step), PRICES["pattern"])


def sliced(place):
    """Pixels are taken where the table's groups take maps: x[:, a:b] stands for x[..., a:b]."""
    nets = place.nets
    if nets.net.network.library or not any(node.groups > 1 for node in nets.table.nodes):
        return
    for step in place.candidates:
        node = nets.net.nodes[step]
        cuts = node.written in ("GetItem", "Split") and node.step in ("crop", node.written)
        if cuts and node.shape[:-1] != node.inputs[0].shape[:-1]:
            edit = place.edit(Kind.SLICED, step, final=True)
            yield place.state.with_edit(edit, PRICES["pattern"])


def _twins(place):
    """The number of further steps of the row's kind that use the same layer side by side."""
    nodes = [place.nets.net.nodes[n] for n in place.ready]
    layers = [
        node.layer
        for node in nodes
        if node.step == place.node.step and node.parameters and node.layer is not None
    ]
    return max((layers.count(layer) for layer in set(layers)), default=1) - 1


# --- a missing row, an extra step


def missing(place):
    """The row is missing. Its source stands for it."""
    if None in place.reads:  # the source is missing, too
        cost = place.state.cost + PRICES["go on"] + _made_otherwise(place)
        yield place.state.settling([place.row])._replace(cost=cost)
    elif _one_pixel(place):
        yield place.state.without(place.row)
    else:
        instead = (place.candidates or place.ready or [None])[0]
        instead = None if instead is None else place.nets.net.nodes[instead]
        edit = place.edit(Kind.LEFT_OUT, rows=[place.row], instead=instead)
        following = place.state.without(place.row)
        cost = following.cost + max((_near(place, n) for n in place.candidates), default=0)
        cost += _made_otherwise(place)
        yield following._replace(cost=cost).with_edit(edit, PRICES["left out"])


def _made_otherwise(place):
    """What it costs that a row is missing although the network makes its output: by other steps."""
    nets = place.nets
    made = len(nets.net.outputs) >= len(nets.table.outputs) > 1
    return PRICES["left out"] if made and place.row in nets.last_rows else 0


def _near(place, step):
    """What it costs to say that a step is not the row's, if only its surroundings differ."""
    found = {*place.nets.causes(place.state, place.row, step)}
    near = place.node.step == "conv" and bool(found) and found <= _AROUND
    return PRICES["changed at most"] if near else 0


def _one_pixel(place):
    """Whether the row pools a map that has one pixel here, because of a wrong size before it."""
    grids = {place.nets.net.nodes[part[0]].grid for part in place.reads[0]}
    return "global" in place.node.step and not place.state.sizes and grids == {(1, 1)}


def too_many(place):
    """An extra step comes before this row, or before all rows that read the same value."""
    nets, state = place.nets, place.state
    if place.source is not None:
        for step in place.candidates:
            edit = place.edit(Kind.PUT_IN, step, steps=[step])
            readers = {r for n, _, _ in place.keys[0] for r in nets.table.readers[n]}
            alone = all(state.settles(r) for r in readers - {place.row})
            for row in (None,) if alone else (None, place.row):
                following = state.standing(place.keys[0], whole(step), row)
                following = following.using([step], cost=state.cost + _near(place, step))
                yield following.with_edit(edit, PRICES["put in"])
    if not place.candidates:
        yield from _before_a_part(place)


def _before_a_part(place):
    """An extra step at the end of one of the branches that a row joins."""
    nets, state = place.nets, place.state
    for source, start, _ in {part for key in place.keys for part in key}:
        for step in nets.net.fed.get((state.stands.get(source),), ()):
            if start == -1 and not state.uses(step):
                edit = place.edit(Kind.PUT_IN, step, steps=[step])
                stands = {**state.stands, source: whole(step)}
                following = state._replace(stands=stands, sizes=False)
                if nets.net.nodes[step].step == AGAIN and len(place.keys) == 1:  # for all branches
                    following = state.standing(place.keys[0], whole(step))
                yield following.using([step]).with_edit(edit, PRICES["put in"])


def reads_something_else(place):
    """The step of this row, or of a later one, reads another source than it should."""
    nets, state, row = place.nets, place.state, place.row
    direct = set(nets.candidates(state, row))
    for step in place.ready:
        found, node = nets.differences(row, step, sizes=False), nets.net.nodes[step]
        named = node.name == place.node.name and node.step == place.node.step
        if step not in direct and (named or not found):
            following = state.paired(row, step, sizes=False)
            price = PRICES["reads something else"]
            price -= PRICES["unlike"] * nets.likeness(row, step)
            near = max((part[0] for parts in place.reads for part in parts or ()), default=step)
            price += PRICES["far away"] * abs(step - near)
            following = following.with_edit(place.edit(Kind.READS_SOMETHING_ELSE, step), price)
            yield place.also_changed(following, step, found)
    yield from _reads_a_branch(place)
    of = state.step_of()
    for later in range(row + 3, len(nets.table.nodes)):
        node = nets.table.nodes[later]
        if node.step != "dense" and "global" not in node.step:
            continue
        for step in place.ready:
            if nets.apart(state, later, step):
                continue
            # Only a side branch may feed it. If a row that leads to `later` feeds it, the rows
            # between the two are missing, which is another move.
            read = nets.net.nodes_read_by(step)
            rows = [r for r, n in of.items() if n in read]
            if not rows or any(nets.table.leads(r, later) for r in rows):
                continue
            between = [r for r in range(row, later) if nets.table.leads(r, later)]
            between = [r for r in between if not state.settles(r)]
            following = state.settling(between).paired(later, step)
            edit = Edit(Kind.READS_SOMETHING_ELSE, later, node, nets.net.nodes[step])
            price = PRICES["reads something else"] + PRICES["pattern"]
            yield following.with_edit(edit, price)


def _reads_a_branch(place):
    """The row reads the first step of a branch beside it, whose row comes later in the table."""
    nets, state, row = place.nets, place.state, place.row
    if len(place.keys) != 1 or place.candidates == []:
        return
    beside = [r for r in nets.table.fed[place.keys] if r != row and not state.settles(r)]
    for step in nets.candidates(state, row):
        for other in beside:
            if nets.apart(state, other, step) or nets.table.kinds[other] == nets.table.kinds[row]:
                continue
            moved = state.paired(other, step)
            for reader in nets.net.fed.get((whole(step),), ()):
                if state.uses(reader) or nets.differences(row, reader, sizes=False):
                    continue
                following = moved.paired(row, reader, sizes=False)
                price = PRICES["reads something else"]
                price -= PRICES["unlike"] * nets.likeness(row, reader)
                yield following.with_edit(place.edit(Kind.READS_SOMETHING_ELSE, reader), price)


def put_off(place):
    """Put the row off: with several outputs, other rows may have to be matched first."""
    state = place.state
    if len(place.nets.table.outputs) > 1 and not state.late:
        yield state._replace(at=place.row + 1, cost=state.cost + PRICES["later"])


MOVES = (
    changed, swapped, several_steps, part_read, wrong_axis, sliced, towers, one_lacks,
    uneven_slices, side_by_side, added, added_instead, activation_elsewhere, activation_apart,
    activation_before_norm, pre_activation, missing, too_many, reads_something_else, blocks,
    head_missing, put_off, addition, shortcut, normalised_sum,
)  # fmt: skip
