"""Findings about maps that a step reads twice, in part, or turned around."""

from collections import Counter

from course.diagnosis.causes import Cause, finding, worded
from course.diagnosis.naming import is_activation_of, keys_of, place_of, reads, some_maps
from course.language import _, sentences
from course.network.rules import AGAIN
from course.network.words import listed, shape_of, sources, sources_of, together

_MOVING = {"Permute", "Transpose", "Reshape", "Swapaxes", "Moveaxis"}  # steps that are no rows


def again(alignment, edit):
    """The finding about maps that are put beside themselves before a row, or None."""
    if edit.step.step != AGAIN:
        return None
    value = edit.row.inputs[0]
    row = value.joined or edit.row
    (key,) = keys_of(alignment, edit.step)
    got = _times(reads(alignment, key), edit.step.filters // edit.step.channels)
    hint = _("Put other maps in the place of those that stand there again.")
    wanted = listed(sources(row) if value.joined else sources_of(value))
    return finding(row.name, Cause.WRONG_INPUT, wanted, got, hint=hint)


def stands_twice(alignment, lost):
    """The finding about a concatenation that has one step twice and lacks one of `lost`, or None.

    `lost` are the numbers of missing rows.
    """
    table = alignment.nets.table
    for value, key in _read_alike(alignment):
        read = {table.number[id(part[0])] for part in value.parts}
        if value.joined and read & lost and len({*key}) < len(key):
            names = [_once_or_more(alignment, part, n) for part, n in Counter(key).items()]
            missing = _("{row} is missing, or nothing reads it.")
            gone = [table.nodes[row].name for row in sorted(read & lost)]
            hint = sentences(*(missing.format(row=row) for row in gone))
            wanted = listed(sources(value.joined))
            return finding(value.joined.name, Cause.WRONG_INPUT, wanted, listed(names), hint=hint)
    return None


def one_tower(alignment, edit):
    """A sentence about a step that makes a share of the row's maps, as one of several towers does.

    Behind it both groups of a row read the same maps, or the maps are put beside themselves. Else
    it is "".
    """
    for later in alignment.edits:
        grouped = Cause.GROUPS in later.causes
        repeats = later.step is not None and later.step.step == AGAIN
        times = later.row.groups if grouped else 0
        times = later.step.filters // later.step.channels if repeats else times
        if later.at > edit.at and times > 1 and edit.row.filters == times * edit.step.filters:
            return _("Maps of another tower are missing, or nothing reads them.")
    return ""


def turned(edit, step, library):
    """A sentence about an extra step that moves or loses values of a map; "" about any other."""
    pools = step.step.startswith("global_") and edit.row.inputs[0].grid != (1, 1)
    if not (step.step in _MOVING or (pools and edit.row.step == "dense")):
        return ""
    after, before, wanted = (
        shape_of(each.shape) for each in (step, step.inputs[0], edit.row.inputs[0])
    )
    said = _("It makes {after} of {before}, and {row} should read {wanted}.")
    if pools:
        said = worded(
            library,
            _("It keeps one number of each map. Write layers.Flatten() instead, which keeps all."),
            _("It keeps one number of each map. Write nn.Flatten() instead, which keeps all."),
        )
    elif edit.row.step == "dense":
        said = worded(
            library,
            _("It makes {after} of {before}. A vector is needed here: write layers.Flatten()."),
            _("It makes {after} of {before}. A vector is needed here: write nn.Flatten()."),
        )
    elif before == wanted:
        said = _("Without it {row} reads {wanted}, as it should.")
    return said.format(after=after, before=before, row=edit.row.name, wanted=wanted)


def _read_alike(alignment):
    """(value of the table, key of the network) for each input of a matched row, and each output."""
    table, net = alignment.nets.table, alignment.nets.net
    for row, step in sorted(alignment.pairs.items()):
        yield from zip(table.nodes[row].inputs, net.inputs[step], strict=False)
    yield from zip(table.network.outputs, net.outputs, strict=False)


def _once_or_more(alignment, part, number):
    if number == 1:
        return place_of(alignment, (part,))
    return _times(reads(alignment, (part,)), number)


def read_by_step(alignment, step):
    """The names of the values that a step reads; one that it reads twice is named once."""
    read = Counter(_read_early(alignment, key) for key in keys_of(alignment, step))
    return [name if number == 1 else _times(name, number) for name, number in read.items()]


def uneven_slices(alignment, edit):
    """The finding about towers whose slices of a row's maps overlap, or leave some of them out."""
    row, number = edit.row, len(edit.steps)
    (name,), share = sources(row), row.channels // number
    ends = [(at * share, (at + 1) * share) for at in range(number)]
    wanted = [name + some_maps(alignment, *each) for each in ends]
    got = [reads(alignment, keys_of(alignment, step)[0]) for step in edit.steps]
    return finding(row.name, Cause.WRONG_INPUT, together(wanted), together(got))


def _read_early(alignment, key):
    """A value by its names. If its row's activation only comes behind it, that is said."""
    table, net = alignment.nets.table, alignment.nets.net
    rows = {step: row for row, step in alignment.pairs.items()}
    if len(key) > 1 or key[0][0] not in rows:
        return reads(alignment, key)
    node, row = key[0][0], table.nodes[rows[key[0][0]]]
    behind = [net.nodes[n] for n in net.readers[node]]
    if net.nodes[node].activation or not any(is_activation_of(each, row) for each in behind):
        return reads(alignment, key)
    said = _("{step} before its {activation}")
    return said.format(step=reads(alignment, key), activation=row.activation)


def _times(name, number):
    """A name, and how often it is read."""
    if number == 2:
        return _("{name} twice").format(name=name)
    return _("{name} {number} times").format(name=name, number=number)
