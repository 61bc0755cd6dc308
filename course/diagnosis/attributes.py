"""The sentences about one property of a step that stands for a row: its kernel, its padding."""

from math import isclose

from course.diagnosis.causes import Cause, comes_out, finding, formula, size_arithmetic, worded
from course.language import _, sentences

_OF_MAPS = {Cause.FILTERS, Cause.GROUPS}
_OF_TRAINING = {Cause.FROZEN, Cause.NOT_FROZEN}  # the size of a row is not due to them
_OF_UNITS = {Cause.UNITS, Cause.CLASSES}  # these say the size of a vector themselves


def attributed(edit, cause, expected, received, library, *, first, sizes, added, more):
    """The finding about one difference between an edit's row and its step.

    `first` is whether no other difference of theirs is told before it, `sizes` whether sizes still
    count, `added` whether the addition behind the row has this activation. `more` is a sentence
    for the end.
    """
    row, step = edit.row, edit.step
    start = hint = ""
    of_vectors = row.grid == step.grid == (1, 1)
    needless = cause in _OF_TRAINING or (cause in _OF_UNITS and of_vectors) or not _fits(step)
    if first and sizes and row.shape != step.shape and not needless:
        start = comes_out(row, step)
    if cause is Cause.PADDING:
        hint = size_arithmetic(row, step, library)
    elif cause is Cause.CUT and step.step == "conv_transpose":
        hint = _("{yours}. It should be {right}.").format(
            yours=formula(step), right=formula(step, row.padding[0])
        )
    elif cause is Cause.KEY_DIM and step.key_dim == row.heads * row.key_dim:
        hint = _("key_dim is the length in one head, not in all of them together.")
    elif cause in (Cause.KERNEL, Cause.STRIDE) and row.grid != step.grid and first:
        hint = _("The size becomes {formula}.").format(formula=formula(step))
    elif cause is Cause.FROZEN and step.frozen:
        said = _(
            "{name}.trainable was set, which freezes every layer of this class. Delete that line "
            "and restart the kernel."
        )
        hint = said.format(name=step.frozen)
    elif cause is Cause.ACTIVATION_EXTRA and added:
        hint = _("The addition after it has one.")
    elif cause is Cause.NORMALISATION and _divided(row, step) and library == "torch":
        hint = _("PyTorch divides alpha by n before it uses it.")
    elif cause in (Cause.CONNECTIONS, Cause.GROUPS) and step.parameters != row.parameters:
        said = _("That is {yours:,} parameters where the table has {right:,}.")
        hint = said.format(yours=step.parameters, right=row.parameters)
    depthwise = row.step == "conv" and row.groups == row.channels > step.groups == 1
    if depthwise and cause in _OF_MAPS:
        said = worded(
            library,
            _(
                "layers.Conv2D adds up all {maps} maps that it sees. layers.DepthwiseConv2D gives "
                "each map a kernel of its own."
            ),
            _(
                "nn.Conv2d adds up all {maps} maps that it sees. With as many groups as maps it "
                "gives each map a kernel of its own."
            ),
        )
        hint = sentences(hint, said.format(maps=row.channels))
    if step.written == "DepthwiseConv2D" and row.groups == 1 and cause in _OF_MAPS:
        said = _(
            "layers.DepthwiseConv2D makes as many maps as it sees, layers.Conv2D as many as you "
            "ask for."
        )
        hint = sentences(hint, said)
    if cause is Cause.STRIDE and step.written == "Conv2D" and row.kernel == step.stride > (1, 1):
        hint = sentences(hint, _("In layers.Conv2D the number after the kernel is the stride."))
    said = {"start": start, "hint": sentences(hint, more), "library": library}
    return finding(row.name, cause, expected, received, **said)


def _fits(step):
    """Whether a step's window is not larger than its map; if it is, nothing comes out."""
    sides = zip(step.inputs[0].grid, step.padding, step.kernel, strict=False)  # of tokens: one
    return all(size + sum(padding) >= kernel for size, padding, kernel in sides)


def _divided(row, step):
    """Whether a local response normalisation has the row's constants, but for alpha/n as alpha."""
    (n, k, alpha, beta), wanted = step.constants, row.constants
    return (n, k, beta) == (*wanted[:2], wanted[3]) and isclose(n * alpha, wanted[2], rel_tol=0.01)


def arguments_swapped(edit, library):
    """The finding, in a list, about a kernel that stands where the number of maps should."""
    row, step = edit.row, edit.step
    maps, kernel = step.filters, step.kernel
    if step.step != "conv" or row.step != "conv" or row.kernel != (maps, maps):
        return []
    if kernel != (row.filters, row.filters) or row.kernel == kernel:
        return []
    said = _("Write the number of maps first: {code}.")
    code = worded(library, "layers.Conv2D({}, {})", "nn.Conv2d(…, {}, {})")
    hint = said.format(code=code.format(row.filters, row.kernel[0]))
    return [finding(row.name, Cause.ARGUMENTS_SWAPPED, hint=hint)]
