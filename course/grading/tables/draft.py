"""A table drafted from a Keras model: a row for each row of its anatomy.

Nothing here lists the kinds of rows. A row copies the fields of its step that have the same names.
It is right if the table's own reader makes the same step of it.
"""

from dataclasses import fields, replace

from course.anatomy import anatomy
from course.architectures import LRN_CONSTANTS, Row, Table
from course.diagnosis import diagnose
from course.network import functions
from course.network.from_table import ROWS
from course.network.node import Node
from course.network.words import name_of, read_from

_BLANK = Row("", "")
#: Fields that a step and a row have under the same name.
_SHARED = [f.name for f in fields(Row) if f.name in vars(Node("", ""))][2:]
#: Fields of a step that are no part of the architecture, or that are compared elsewhere.
_OTHER = {"name", "inputs", "chain", "accepts", "layer", "written", "claimed", "claimed_trained"}
_OTHER |= {"closed", "copies", "moves", "reach", "flat"}


class NoTable(Exception):
    """A network that no table can express; `reasons` are sentences with the names of layers."""

    def __init__(self, reasons):
        self.reasons = list(dict.fromkeys(reasons))
        super().__init__("\n".join(self.reasons))


def drafted(network, name="network"):
    """The Table of a network (whatever `anatomy` takes); it has no source yet.

    Raises NoTable with every reason why rows cannot express it.
    """
    found = anatomy(network)
    if found.name not in ("model", "your network"):
        name = found.name
    draft = _Draft(found)
    if draft.reasons:
        raise NoTable(draft.reasons)
    outputs = tuple(draft.names[value.sources[-1]] for value in found.outputs)
    outputs = () if outputs == (draft.rows[-1].name,) else outputs
    table = Table(name, "", found.inputs[0].shape, tuple(draft.rows), outputs)
    if differences := diagnose(found, table):
        raise NoTable(f"The rows are not the network: {one.message}" for one in differences)
    ours, theirs = map(_numbers, (anatomy(table), found))
    if ours != theirs:
        raise NoTable([f"The rows have {ours}, the network has {theirs}."])
    return table


def _numbers(found):
    return (
        f"{found.parameters:,} parameters ({found.trained:,} trained), {found.macs:,} MACs and the "
        f"outputs {', '.join(map(str, found.output_shapes))}"
    )


class _Draft:
    """The rows of a network, {step: the name of its row}, and why some steps have none."""

    def __init__(self, found):
        self.rows, self.names, self.reasons = [], {}, []
        self._readers, self._layers, self._joined = {}, {}, {}
        shapes = [value.shape for value in found.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 3:
            said = " and ".join(map(str, shapes))
            self.reasons.append(f"A table begins with one image. This network begins with {said}.")
            return
        self.names[found.inputs[0].sources[0]] = "input"
        self._returned = {source for value in found.outputs for source in value.sources}
        for step in found:
            for value in step.inputs:
                for source in value.sources:
                    self._readers.setdefault(source, []).append(step)
        for step in found:
            if step not in self.names:  # a normalisation may be in the row above
                self._take(step)

    def _take(self, step):
        """Put the row of a step there, also for the normalisation behind it."""
        self.names[step] = ""
        if said := list(_unfit(step, self._layers)):
            self.reasons += said
            return
        readers = self._readers.get(step, ())
        norm = readers[0] if len(readers) == 1 and step not in self._returned else None
        both = norm and _with_norm(step, norm)
        if not (row := both or _row(step)):
            self.reasons.append(
                f"{name_of(step)} ({step.does()}): no row can express {_unsaid(step)}."
            )
        if self.reasons:  # a later step may read one that has no row
            return
        if step.step == "concatenate":
            after = self._side_by_side(step)
        else:
            after = [name for value in step.inputs for name in self._read(value)]
        name = self._free(name_of(step))
        self.names[step] = self._put(replace(row, name=name, after=after))
        if not row.activation and step.chain:
            alone = Row(self._free(f"{name}_activation"), "activation", after=[name])
            self.names[step] = self._put(replace(alone, activation=step.activation))
        if both:
            self.names[norm] = self.names[step]

    def _put(self, row):
        """Add a row, whose `after` is a list. Returns its name."""
        above, after = self.rows[-1].name if self.rows else "input", tuple(row.after)
        after = after if len(after) > 1 else None if after == (above,) else after[0]
        self.rows.append(replace(row, after=after))
        return row.name

    def _read(self, value):
        """The row that has a value, in a list; put there if it takes one of its own."""
        sources = list(map(self.names.get, read_from(value)))
        if len(sources) > 1:
            row = Row(self._free("concatenate"), "concatenate", after=sources)
            sources = [self._put(row)]
        grid = read_from(value)[0].grid
        if len(value.grid) == 1 and len(grid) == 2 and not value.flat:
            row = Row(self._free(f"{sources[0]}_tokens"), "tokens", after=sources)
            sources = [self._put(row)]
        return sources

    def _side_by_side(self, step):
        """The rows that a concatenation reads; an earlier one stands for its parts."""
        parts = [source for value in step.inputs for source, _, _ in value.parts]
        after, at = [], 0
        while at < len(parts):
            ends = range(len(parts), at, -1)
            end = next((end for end in ends if tuple(parts[at:end]) in self._joined), at + 1)
            after.append(self.names[self._joined.get(tuple(parts[at:end]), parts[at])])
            at = end
        self._joined[tuple(parts)] = step
        return after

    def _free(self, name):
        """A name that no row has yet."""
        taken = {row.name for row in self.rows} | {"input"}
        tries = (f"{name}_{number}" for number in range(2, len(self.rows) + 3))
        return next(each for each in (name, *tries) if each not in taken)


def _unfit(step, layers):
    """Why no row can express a step, as far as it and the steps before it show."""
    if step.step not in ROWS:
        yield f"{name_of(step)}: a table has no row for {step.written or step.step}."
    if step.layer is not None and (first := layers.setdefault(step.layer, step)) is not step:
        yield (
            f"{name_of(first)} is used more than once, and each row of a table has weights of its "
            "own."
        )
    for value in step.inputs:
        for source, start, stop in value.parts:
            if stop - start < source.filters:
                yield (
                    f"{name_of(step)} reads only the maps {start} to {stop - 1} of "
                    f"{name_of(source)}, and a row reads whole rows."
                )
    name = functions.name_of_chain(step.chain)
    if functions.named(name) != step.chain and name not in functions.FUNCTIONS:
        yield f"{name_of(step)}: its activation ({step.activation}) has no name in a table."


def _row(step):
    """A step as a Row that the table's reader makes the same step of, or None."""
    found = next((row for row in _alike(step) if not _differs(step, row)), None)
    return found and _shortest(step, found)


def _alike(step):
    """A Row with all fields that a step has, for each way to write its padding."""
    said = {name: _one(getattr(step, name)) for name in _SHARED}
    said |= {"scale": step.scales > 1, "activation": step.activation}
    ways = _paddings(step.padding)
    return [replace(Row("", step.step), **{**said, "padding": padding}) for padding in ways]


def _unsaid(step):
    """The fields of a step that no row can express, as text."""
    least = min((_differs(step, row) for row in _alike(step)), key=len)
    least = [name for name in least if name != "grid"] or least  # which follows from the others
    return " and ".join(f"{name} = {getattr(step, name)}" for name in least)


def _with_norm(step, norm):
    """A step and the batch normalisation behind it as one Row, or None."""
    row = norm.step == "batch_norm" and step.kernel_weights and not step.chain and _row(step)
    if not row or not norm.trainable or _differs(norm, Row("", norm.step, scale=norm.scales > 1)):
        return None
    row = replace(row, norm=True, scale=norm.scales > 1, activation=norm.activation)
    return row if not ROWS[row.step](row, *step.inputs).chain else None


def _differs(step, row):
    """The fields in which a step differs from the one that the table's reader makes of a row.

    An activation may be missing: it can come behind the row.
    """
    try:
        made = ROWS[row.step](row, *step.inputs)
    except (TypeError, ValueError):
        return ["step"]
    ours, theirs = dict(vars(made)), dict(vars(step))
    if {ours["constants"], theirs["constants"]} <= {*LRN_CONSTANTS}:
        ours["constants"] = theirs["constants"]
    if not step.parameters:
        ours["trainable"] = theirs["trainable"]
    if made.chain:
        ours |= {"activation": made.activation}
        theirs |= {"activation": step.activation}
    return [name for name in ours if name not in _OTHER and ours[name] != theirs[name]]


def _shortest(step, row):
    """The row without the values that make no difference to the step."""
    chain = ROWS[row.step](row, *step.inputs).chain
    for field in fields(Row)[2:]:
        less = replace(row, **{field.name: getattr(_BLANK, field.name)})
        if not _differs(step, less) and ROWS[row.step](less, *step.inputs).chain == chain:
            row = less
    return row


def _paddings(padding):
    """The ways to write a padding, the simplest first."""
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        yield top if top == left else (top, left)
    yield from ("same", "ceil")


def _one(value):
    """A pair of equal numbers as one number."""
    is_pair = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if is_pair and isinstance(value[0], int) else value
