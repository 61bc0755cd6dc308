"""The moves about steps in another order: swapped, pre-activation, an activation elsewhere."""

from dataclasses import replace

from course.diagnosis.causes import Cause
from course.diagnosis.compare import different_activation, similar
from course.diagnosis.edits import PRICES, Edit, Kind
from course.diagnosis.naming import is_activation_of
from course.diagnosis.state import whole

#: Functions that no row has. They keep Keras's name. Softmax is among them for one along an axis
#: that is not the last.
_OTHER_FUNCTIONS = {
    "Absolute", "Celu", "Exp", "Expm1", "HardTanh", "LogSigmoid", "PReLU", "Sign", "Sin",
    "Softmax", "Softsign", "SparsePlus", "SparseSigmoid", "Sqrt", "Square", "Squareplus",
    "TanhShrink", "Threshold",
}  # fmt: skip

_OF_A_WINDOW = {Cause.KERNEL, Cause.STRIDE, Cause.PADDING}


def activation_elsewhere(place):
    """The row's activation comes one step later, or the next row's activation comes here."""
    nets, state, row = place.nets, place.state, place.row
    for step in place.candidates:
        causes, follows = nets.causes(state, row, step), nets.net.readers[step]
        if Cause.ACTIVATION_MISSING in causes and len(follows) == 1:
            yield from _activation_behind(place, step, *follows)
        after = nets.table.readers[row]
        if causes != [Cause.ACTIVATION_EXTRA] or len(after) != 1:
            continue
        (after,) = after
        if different_activation(nets.table.nodes[after], nets.net.nodes[step]):
            continue
        following = state.paired(row, step)
        kinds = [nets.net.nodes[n].step for n in follows]
        if nets.table.nodes[after].step == "add" and kinds == ["add"]:
            (total,) = follows
            if nets.net.nodes[total].activation == nets.table.nodes[after].activation:
                continue  # it is not elsewhere, but there twice
            following = following._replace(loose=state.loose | {after})
            yield following.with_edit(
                place.edit(Kind.RELU_BEFORE_ADDITION, step), PRICES["pattern"]
            )
        else:
            following = following.without(after)
            lost = nets.table.nodes[after]
            yield following.with_edit(
                Edit(Kind.LEFT_OUT, after, lost, rows=(lost,), steps=(nets.net.nodes[step],)),
                PRICES["left out"],
            )


def activation_apart(place):
    """The row's activation is a step of its own, as something else reads what comes before it.

    This is no edit yet: that other reader reads something else than it should.
    """
    nets, state, row = place.nets, place.state, place.row
    for step in place.candidates:
        causes = nets.causes(state, row, step)
        own = own_activation(nets, state, row, step)
        if causes == [Cause.ACTIVATION_MISSING] and own is not None:
            yield standing_apart(state.paired(row, step), row, step, own)


def own_activation(nets, state, row, step):
    """The step that is the activation of a row whose step has other readers as well; or None."""
    readers, wanted = nets.net.readers[step], nets.table.nodes[row]
    if nets.net.nodes[step].activation or whole(step) in nets.net.outputs:
        return None
    own = [n for n in readers if is_activation_of(nets.net.nodes[n], wanted)]
    others = {nets.net.nodes[n].step for n in readers if n not in own}
    goes_on = others == {"add"} or (others and len(nets.table.readers[row]) > 1)
    return own[0] if goes_on and len(own) == 1 and not state.uses(own[0]) else None


def standing_apart(state, row, step, own):
    """The state in which a step and its activation `own` stand for a row."""
    following = state.using([own])
    stands = {**following.stands, row: whole(own)}
    moved = {**following.moved, (row, "before its activation"): whole(step)}
    return following._replace(stands=stands, moved=moved)


def _activation_behind(place, step, later):
    """A step that stands for the row, and a later one that has its activation, or another one.

    If the later step is a batch normalisation, the first may differ from the row in other ways.
    """
    nets, state, row, node = place.nets, place.state, place.row, place.nets.net.nodes[later]
    apart = nets.apart(state, row, step)
    rest = tuple(each for each in apart if each[0] is not Cause.ACTIVATION_MISSING)
    norm = node.step == "batch_norm"
    if not norm and {cause for cause, _, _ in rest} - {Cause.BIAS_MISSING}:
        return
    sizes = state.sizes and place.node.shape == nets.net.nodes[step].shape
    following = state.paired(row, step, sizes=sizes).using([later])
    following = following._replace(stands={**following.stands, row: whole(later)})
    ((_, wanted, _),) = [each for each in apart if each not in rest]
    edits = []
    if node.written in _OTHER_FUNCTIONS and not node.activation:
        rest = (*rest, (Cause.ACTIVATION, wanted, node.does()))
    elif norm or (node.activation == place.node.activation and len(node.inputs) == 1):
        edit = place.edit(Kind.FOLLOWS, later, steps=[later])
        edits.append((edit, PRICES["reads something else"]))
        rest = (*rest, *different_activation(place.node, node))
    else:
        return
    if rest:
        edits.append((place.edit(Kind.CHANGED, step, differences=rest), 0))
    if any(cause in _OF_A_WINDOW for cause, *_ in rest):
        edits.reverse()  # a wrong window is told before what follows it
    for edit, price in edits:
        following = following.with_edit(edit, price)
    yield following


def activation_before_norm(place):
    """The activation comes before the batch normalisation instead of behind it."""
    nets, state, row = place.nets, place.state, place.row
    if not _only_a_norm(nets.table, row):
        return
    (norm,) = nets.table.readers[row]
    for step in place.candidates:
        early = nets.causes(state, row, step) == [Cause.ACTIVATION_EXTRA]
        early = early and not different_activation(nets.table.nodes[norm], nets.net.nodes[step])
        if not early or not _only_a_norm(nets.net, step):
            continue
        (behind,) = nets.net.readers[step]
        if nets.causes(state, norm, behind) == [Cause.ACTIVATION_MISSING]:
            following = state.paired(row, step).paired(norm, behind)
            edit = Edit(
                Kind.ACTIVATION_BEFORE_NORM, norm, nets.table.nodes[norm], nets.net.nodes[behind]
            )
            yield following.with_edit(edit, PRICES["pattern"])


def swapped(place):
    """The row and the next one have changed places, or so have two convolutions with their norms.

    A convolution too many in front of equal blocks also looks swapped, in each of them. So two of
    them that are swapped cost as much as a missing one.
    """
    yield from _swapped(place, _alone, PRICES["pattern"])
    if len(_with_norm(place.nets.table, place.row)) == 2:
        yield from _swapped(place, _with_norm, PRICES["left out"])


def not_swapped(edits, pairs):
    """The edits and {row: step}, without rows that seem to be swapped because of an extra step.

    A step that stands in the place of another kind of row, and that is also not where the row is,
    is extra if steps of its kind are extra elsewhere, too.
    """
    extra = {edit.step.step for edit in edits if edit.kind == Kind.PUT_IN}
    found, pairs = list(edits), dict(pairs)
    for edit in edits:
        for other in edits if edit.kind == Kind.SWAPPED else ():
            another = other.kind == Kind.ANOTHER_STEP and other.row is edit.instead
            if another and other.step.step in extra:
                put = {"kind": Kind.PUT_IN, "step": other.step, "steps": (other.step,)}
                gone = {"kind": Kind.LEFT_OUT, "step": None, "rows": (other.row,)}
                found[found.index(edit)] = replace(edit, instead=None, **put)
                found[found.index(other)] = replace(other, differences=(), **gone)
                del pairs[other.at]
    return found, pairs


def _swapped(place, unit, price):
    nets, state, row = place.nets, place.state, place.row
    ours = unit(nets.table, row)
    after = nets.table.readers[ours[-1]]
    if len(place.keys) != 1 or len(after) != 1 or len(nets.table.inputs[after[0]]) != 1:
        return
    (after,) = after
    theirs = unit(nets.table, after)
    for step in place.candidates:
        first = unit(nets.net, step)
        later = nets.net.readers[first[-1]]
        if len(later) != 1 or nets.net.inputs[later[0]] != (whole(first[-1]),):
            continue
        (later,) = later
        second = unit(nets.net, later)
        rows, steps = (*theirs, *ours), (*first, *second)
        if len(theirs) != len(first) or len(ours) != len(second):
            continue
        pairs = list(zip(rows, steps, strict=True))
        apart = [nets.differences(*pair, sizes=False) for pair in pairs]
        if not nets.differences(row, step, sizes=False):
            continue
        if any(apart) and not (unit is _alone and _two_kinds(nets, pairs)):
            continue
        norms = [_only_a_norm(nets.table, theirs[-1]), _only_a_norm(nets.net, second[-1])]
        if place.node.step == "batch_norm" and norms == [True, False]:
            continue  # the step is the norm behind the next row, and this one is missing
        following = state
        for pair in pairs:
            following = following.paired(*pair)
        sizes = state.sizes and nets.table.nodes[after].shape == nets.net.nodes[later].shape
        stands = {**following.stands, theirs[-1]: whole(second[-1])}
        edit = place.edit(Kind.SWAPPED, later, instead=nets.table.nodes[after])
        following = following._replace(stands=stands, sizes=sizes).with_edit(edit, price)
        for (r, n), found in zip(pairs, apart, strict=True):
            wanted, got = nets.table.nodes[r], nets.net.nodes[n]
            kind = Kind.CHANGED if wanted.step == got.step else Kind.ANOTHER_STEP
            edit = Edit(kind, r, wanted, got, differences=found)
            more = 0 if kind == Kind.CHANGED else PRICES["changed"]
            following = following.with_edit(edit, more) if found else following
        yield following


def _two_kinds(nets, pairs):
    """Whether two rows are steps of two kinds, and their steps may be meant as them."""
    (one, first), (other, second) = pairs
    one, other = nets.table.nodes[one], nets.table.nodes[other]
    first, second = nets.net.nodes[first], nets.net.nodes[second]
    crossed = similar(one, second) or similar(other, first)
    return similar(one, first) and similar(other, second) and not crossed


def _alone(side, node):
    return (node,)


def _with_norm(side, node):
    """A node; of a convolution also the normalisation behind it, if nothing else reads it."""
    norm = side.nodes[node].step == "conv" and _only_a_norm(side, node)
    return (node, *side.readers[node]) if norm else (node,)


def _only_a_norm(side, node):
    """Whether a batch normalisation is all that reads a node."""
    return [side.nodes[n].step for n in side.readers[node]] == ["batch_norm"]


def pre_activation(place):
    """Normalisation and activation before the convolution instead of behind it."""
    table, net = place.nets.table, place.nets.net
    if table.norms_first:
        return
    before = [net.nodes[part[0]].step for key in place.reads[:1] for part in key or ()]
    if before == ["add"] and _only_normalised(net, place.reads[0][0][0]):
        return  # it belongs to the addition: in pre-activation, the shortcut goes around it
    behind = [table.nodes[n].step for n in table.readers[place.row]]
    for step in place.candidates:
        node = net.nodes[step]
        norm = node.step == "batch_norm" and node.activation
        follows = [net.nodes[n] for n in net.readers[step]]
        norm = norm and not {"conv", "batch_norm"} & {*before}  # the table has its own behind it
        full = place.node.groups == 1
        own = any(n.step == "conv" and (n.groups == 1) == full for n in follows)
        if place.node.step == "conv" and norm and behind == ["batch_norm"] and own:
            edit = place.edit(Kind.PRE_ACTIVATION, step, final=True)
            yield place.state.with_edit(edit, PRICES["pattern"])


def _only_normalised(net, total):
    """Whether an addition has no activation, and only a normalisation reads it."""
    readers = net.readers[total]
    return net.nodes[total].activation is None and len(readers) == 1
