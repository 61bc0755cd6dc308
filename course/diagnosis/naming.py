"""Name a step of a student's network so that the student finds it: by its name or its place.

A layer is called by its name, which `model.summary()` shows. An operation has only a name that
Keras made up (`true_divide_28`) and that the student never sees. So it is called by what it does
and what it follows.
"""

import re
from functools import partial

from course.diagnosis.compare import is_a_window
from course.language import N_, _
from course.network.words import skips

_AFTER = {
    "Add": N_("the addition after {place}"),
    "Subtract": N_("the subtraction after {place}"),
    "Multiply": N_("the multiplication after {place}"),
    "TrueDivide": N_("the division after {place}"),
    "Divide": N_("the division after {place}"),
    "GetItem": N_("the slice after {place}"),
    "Square": N_("the square after {place}"),
    "Concatenate": N_("the concatenation after {place}"),
}


def called(alignment, step):
    """A step's name, or for an operation its kind and place: `the division after conv1`."""
    if not _is_made_up(step):
        return _name(step)
    key = keys_of(alignment, step)[0]
    return _(_AFTER[_kind(step)]).format(place=_place_before(alignment, key))


def _is_made_up(step):
    """Whether a step is an operation without a name of the student's."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", _kind(step)).lower()
    named = step.name and not re.fullmatch(rf"{kind}(_\d+)?", step.name)
    return _kind(step) in _AFTER and not named


def _kind(step):
    """Keras's name for an operation. A merge that Keras refuses is called by what it should do."""
    return step.step.capitalize() if step.written == "Unmerged" else step.written


def _place_before(alignment, key):
    """The place of a value, or of the nearest one before it that has a name."""
    net = alignment.nets.net
    while (row := _row_of(alignment, key)) is None:
        node = key[0][0]
        if not (_is_made_up(net.nodes[node]) and net.inputs[node]):
            return _own(alignment, key, _name)
        key = net.inputs[node][0]
    return row


def does(step):
    """What a step does, in words that go into a sentence."""
    said = _("a step that takes {part}") if skips(step) else "{part}"
    return said.format(part=_with_its_window(step).does())


def _with_its_window(step):
    """A step whose window is its whole map (dense, or a global pool) as the student wrote it."""
    if step.step == "dense" and "Conv" in step.written:
        return step.with_(step="conv", kernel=step.inputs[0].grid)
    if is_a_window(step):
        kind = step.step.removeprefix("global_")
        return step.with_(step=kind, kernel=step.inputs[0].grid)
    return step


def what(alignment, step):
    """A step's name, and its operation in brackets. A layer that is two rows is named, too."""
    said = _("{step} ({does})")
    if step.written == "SeparableConv2D":
        said = _("{step} ({does}, inside SeparableConv2D)")
    return said.format(step=called(alignment, step), does=does(step))


def keys_of(alignment, step):
    """The values that a step of the network reads, as keys (`course.diagnosis.sides`)."""
    net = alignment.nets.net
    return net.inputs[net.number[id(step)]]


def is_activation_of(node, row):
    """Whether a step is only an activation, and that of the row."""
    return node.step == "activation" and node.activation == row.activation


def place_of(alignment, key):
    """A value of the network by the table's name for it, or else by its own."""
    return _row_of(alignment, key) or _own(alignment, key)


def reads(alignment, key):
    """A value of the network by its own name, and by the table's name for it if that is another.

    Some maps of a step have the table's name for the step, if there is one.
    """
    own, row = _own(alignment, key), _row_of(alignment, key)
    if row and len(key) == 1 and key[0][1] != -1:
        return row + some_maps(alignment, *key[0][1:])
    if row in (None, own):
        return own
    return _("{step} (the table's {row})").format(step=own, row=row)


def _own(alignment, key, name=None):
    net, name = alignment.nets.net, name or partial(called, alignment)
    names = list(dict.fromkeys(name(net.nodes[n]) + some_maps(alignment, *at) for n, *at in key))
    if len(names) == 1:
        return names[0]
    beside = _("{first} to {last} side by side").format(first=names[0], last=names[-1])
    return _joined(net, key) or beside


def some_maps(alignment, start, stop):
    """Some maps of a step, as Python takes them: `[..., 0:48]`; of all maps nothing."""
    first = ":" if alignment.library == "torch" else "..."
    return "" if start == -1 else f"[{first}, {start}:{stop}]"


def _joined(side, key):
    """The name of the concatenation that a value is, if a step reads it as one."""
    for node, keys in zip(side.nodes, side.inputs, strict=True):
        if key in keys and (joined := node.inputs[keys.index(key)].joined):
            return joined.name
    return None


def _name(node):
    return "input" if node.step == "input" else node.name


def _row_of(alignment, key):
    """The name of the row, or of the concatenation of rows, that a value of the network is."""
    table, net = alignment.nets.table, alignment.nets.net
    rows = {step: row for row, step in alignment.pairs.items()}
    rows |= {image: image for image in range(min(table.images, net.images))}
    if any(node not in rows for node, _, _ in key):
        return None
    key = tuple(sorted((rows[node], start, stop) for node, start, stop in key))
    if len(key) == 1:
        return _name(table.nodes[key[0][0]])
    return _joined(table, key)
