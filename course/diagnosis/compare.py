"""Compare one row of a table with one step of a network, without their neighbours.

Their inputs and readers are compared in `course.diagnosis.align`.
"""

from course.architectures import LRN_CONSTANTS
from course.diagnosis.causes import Cause
from course.language import _
from course.network.node import WEIGHTED
from course.network.words import WINDOWS, around, by, chain, constants, groups, one

ABOUT_ACTIVATION = {Cause.ACTIVATION, Cause.ACTIVATION_MISSING, Cause.ACTIVATION_EXTRA}
#: Kinds of steps that students take for each other.
_ALIKE = (
    {"batch_norm", "layer_norm", "group_norm", "grn", "lrn"}, {"add", "multiply"},
    {"upsample", "conv_transpose"},
)  # fmt: skip
_FUNCTIONS = {"scaled_tanh": "1.7159 · tanh(2a/3)"}


def differences(row, step, *, sizes=True, last=False, padded=False, spread=False):
    """[(cause, expected, received)], in the order in which they should be mended.

    `sizes` says whether the sizes of maps count: after a wrong size, later ones follow from it.
    `last` says whether the row is an output of the network. `padded` says that the network's first
    windows pad smaller images to the table's size; then this padding is right.
    """
    step = _as_meant(row, step, sizes, spread)
    if row.step == "lrn" and step.closed:
        return [(Cause.CLOSED, row.does(), step.does())]
    if row.step != step.step:
        return [(Cause.OTHER_STEP, row.does(), step.does())]
    found = []
    if row.step in WINDOWS:
        found += _unequal(Cause.KERNEL, by(row.kernel), by(step.kernel))
        found += _unequal(Cause.STRIDE, one(row.stride), one(step.stride))
        found += _unequal(Cause.DILATION, one(row.dilation), one(step.dilation))
        if _padded_otherwise(row, step, found, sizes, padded):
            cause = Cause.CUT if row.step == "conv_transpose" else Cause.PADDING
            found.append((cause, around(row), around(step)))
    if row.step == "crop" and sizes:
        found += _unequal(Cause.CUT, around(row), around(step))
    if row.step in ("conv", "conv_transpose", "dense", "attention"):
        found += _weights(row, step, last)
    if row.step == "upsample":
        found += _unequal(Cause.FACTOR, by(row.factor), by(step.factor))
        found += _unequal(Cause.INTERPOLATION, row.interpolation, step.interpolation)
    if row.step == "lrn" and step.constants not in LRN_CONSTANTS:
        found.append((Cause.NORMALISATION, constants(row), constants(step)))
    return found + different_activation(row, step)


def trained_otherwise(row, step):
    """The difference, in a list, if the weights of one are frozen and those of the other are not.

    It is not among the `differences`: it tells nothing about which step stands for which row, and
    whole networks are frozen.
    """
    trains = row.step == step.step and row.step in WEIGHTED and step.scales
    if not trains or row.trainable == step.trainable:
        return []
    frozen = Cause.LOST if step.lost else Cause.FROZEN
    return [(frozen if row.trainable else Cause.NOT_FROZEN, "", "")]


def _as_meant(row, step, sizes, spread):
    """The step as it would have been read if the maps before it had the right size.

    Some steps are read by the size of their map. A Dense layer on a map is read as a 1 × 1
    convolution, a convolution as large as its map (also of one pixel) as dense, and a pool as large
    as its map as a global one. An addition of values of two sizes is read as a step of its own,
    `Add`.
    """
    if spread and row.step == "dense" and step.step == "conv" and step.written == "Dense":
        return step.with_(step="dense")
    if row.step == "add" and step.step == "Add" and not sizes:
        return step.with_(step="add")
    if is_a_window(step) and step.step == f"global_{row.step}" and not sizes:
        return step.with_(step=row.step, kernel=step.inputs[0].grid, stride=row.stride)
    if row.step == f"global_{step.step}" and not sizes and step.kernel == row.inputs[0].grid:
        return step.with_(step=row.step)
    window = "Conv" in step.written and not sizes and row.step == "dense"
    if window and step.step == "conv" and step.kernel == row.inputs[0].grid:
        return step.with_(step="dense")
    whole = step.step == "dense" and "Conv" in step.written and not sizes
    if whole and row.step == "conv" and row.kernel == step.inputs[0].grid:
        return step.with_(step="conv", kernel=row.kernel, stride=row.stride)
    return step


def is_a_window(step):
    """Whether a global pool was written as a pool, whose window happens to be the whole map."""
    pools = "MaxPooling2D", "AveragePooling2D", "MaxPool", "AveragePool"
    return step.step.startswith("global_") and step.written in pools


def similar(row, step):
    """Whether a step may be meant as this row."""
    pools = "pool" in row.step and "pool" in step.step
    alike = any({row.step, step.step} <= kinds for kinds in _ALIKE)
    window = row.step == "dense" and step.step == "conv" and row.filters == step.filters
    closed = row.step == "lrn" and step.closed
    return row.step == step.step or pools or alike or window or closed


def kind(step):
    """A key of a step for counting: its kind, kernel, number of maps and activation."""
    return step.step, step.kernel, step.filters, step.activation


def window(step):
    """A key of a step that says what it does, and not how many maps it makes."""
    return step.step, step.kernel, step.stride, step.activation


def does_it_again(step):
    """Whether a step does once more what the one step before it does; then it may be extra."""
    sources = [source for value in step.inputs for source in value.sources]
    return len(sources) == 1 and kind(sources[0]) == kind(step)


def _unequal(cause, wanted, got):
    return [(cause, wanted, got)] if wanted != got else []


def _padded_otherwise(row, step, found, sizes, padded):
    """Whether the padding is wrong: the sizes of the maps differ, or the step should not pad."""
    if 1 in (len(row.grid), len(step.grid)):
        return False  # a dense layer for each token
    if row.grid != step.grid:
        # With a wrong kernel or stride the sizes differ anyway. Then padding counts as wrong only
        # if just one of the two pads.
        return sizes and (not found or any(map(any, row.padding)) != any(map(any, step.padding)))
    if found or not sizes:
        return False
    if padded and any(source.step == "input" for v in row.inputs for source in v.sources):
        return False
    return any(map(any, step.padding)) and not any(map(any, row.padding))


def _weights(row, step, last):
    units = Cause.CLASSES if last else Cause.UNITS
    cause = units if row.step == "dense" else Cause.FILTERS
    # A step that works on each map makes as many as it reads: their number follows from those.
    of_each_map = all(each.groups == each.channels == each.filters for each in (row, step))
    of_each_map |= all(
        e.step == "attention" and e.inputs[0].channels == e.filters for e in (row, step)
    )
    found = [] if of_each_map else _unequal(cause, str(row.filters), str(step.filters))
    if row.step == "attention":
        found += _unequal(Cause.HEADS, str(row.heads), str(step.heads))
        found += _unequal(Cause.KEY_DIM, str(row.key_dim), str(step.key_dim))
        if step.value_dim != step.key_dim:  # Keras takes the one for the other
            found += _unequal(Cause.VALUE_DIM, str(row.value_dim), str(step.value_dim))
    if row.filters == step.filters and row.step in ("conv", "conv_transpose", "dense"):
        found += _connections(row, step)
    if row.bias is not None and bool(row.bias) != bool(step.bias):
        found.append((Cause.BIAS_MISSING if row.bias else Cause.BIAS_EXTRA, "", ""))
    return found


def _connections(row, step):
    """The difference in which maps each map sees; both have the same number of maps."""
    if not row.connections and not step.connections:
        return _unequal(Cause.GROUPS, groups(row), groups(step))
    wanted, got = map(_connection_table, (row, step))
    if wanted == got:
        return []
    table, network = (sum(map(len, seen)) for seen in (wanted, got))
    if table != network:
        said = _("{number} connections between maps").format(number=network)
        return [(Cause.CONNECTIONS, str(table), said)]
    strange = next(seen for seen in got if got.count(seen) > wanted.count(seen))
    which = _(", ").join(map(str, strange))
    has = _("{number} connections between maps, but one map sees the maps {which}")
    return [(Cause.CONNECTIONS, _("no such map"), has.format(number=network, which=which))]


def _connection_table(step):
    """A convolution's connections in an order that does not depend on the order of its maps."""
    if step.connections:
        return sorted(tuple(sorted(seen)) for seen in step.connections)
    wide, maps = step.channels // step.groups, step.filters // step.groups
    return sorted(
        tuple(range(group * wide, (group + 1) * wide))
        for group in range(step.groups)
        for _map in range(maps)
    )


def different_activation(row, step):
    """What differs between the activations of a row and a step, as in `differences`."""
    if step.activation in {row.activation, *row.accepts}:
        return []
    names = _FUNCTIONS.get(row.activation, row.activation), _one_after_another(step)
    if step.activation is None:
        return [(Cause.ACTIVATION_MISSING, *names)]
    return [(Cause.ACTIVATION if row.activation else Cause.ACTIVATION_EXTRA, *names)]


def _one_after_another(step):
    """The activation of a step in words; of several functions one after the other."""
    if len(step.chain) > 1 and step.activation not in _FUNCTIONS:
        return _(", then ").join(chain([link]) for link in step.chain)
    return _FUNCTIONS.get(step.activation, step.activation)
