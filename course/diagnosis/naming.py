"""Name a step of a student's network so that the student finds it: by its name or its place.

A layer is called by its name, which `model.summary()` shows. An operation has only a name that
Keras made up (`true_divide_28`) and that the student never sees. So it is called by what it does
and what it follows.
"""

import re

_WORDS = {
    "Add": "addition", "Subtract": "subtraction", "Multiply": "multiplication",
    "TrueDivide": "division", "Divide": "division", "GetItem": "slice", "Square": "square",
    "Concatenate": "concatenation",
}  # fmt: skip


def called(alignment, step):
    """A step's name, or for an operation its kind and place: `the division behind conv1`."""
    made_up = re.sub(r"(?<!^)(?=[A-Z])", "_", step.written).lower()
    if step.name and not (step.written in _WORDS and re.fullmatch(rf"{made_up}(_\d+)?", step.name)):
        return step.name
    key = keys_of(alignment, step)[0]
    return f"the {_WORDS[step.written]} behind {place_of(alignment, key)}"


def does(step):
    """What a step does, in words that go into a sentence."""
    text = step.does()
    return f"a step that takes {text}" if text.startswith("every ") else text


def what(alignment, step):
    """A step's name, and its operation in brackets. A layer that is two rows is named, too."""
    inside = ", inside SeparableConv2D" if step.written == "SeparableConv2D" else ""
    return f"{called(alignment, step)} ({does(step)}{inside})"


def keys_of(alignment, step):
    """The values that a step of the network reads, as keys (`course.diagnosis.sides`)."""
    net = alignment.nets.net
    return net.inputs[net.number[id(step)]]


def place_of(alignment, key):
    """A value of the network by the table's name for it, or else by its own."""
    return _row_of(alignment, key) or _own(alignment, key)


def reads(alignment, key):
    """A value of the network by its own name, and by the table's name for it if that is another."""
    own, row = _own(alignment, key), _row_of(alignment, key)
    return own if row in (None, own) else f"{own} (the table's {row})"


def _own(alignment, key):
    net = alignment.nets.net
    names = list(dict.fromkeys(_name(net.nodes[n]) for n, _, _ in key))
    if len(names) == 1:
        return names[0]
    return _joined(net, key) or f"{names[0]} to {names[-1]} side by side"


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
