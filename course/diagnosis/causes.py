"""Everything that can be wrong with an answer: a closed vocabulary, and words for its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, unique
from itertools import starmap

from course.arithmetic import same_padding
from course.language import N_, _, ngettext, sentences
from course.network.words import around, listed, shape_of


@unique
class Cause(Enum):
    """Every mistake that a check can find, with its sentence. Reports count mistakes by these.

    A pair is for one thing and for several: {received} is their number.
    """

    # the answer itself
    NOT_ANSWERED = "There is no answer yet."
    STOPPED = "{received}"
    FOLLOWS = "Judged with {received}."
    HELPER = (
        "It comes from {received}. This exercise asks for your own work. Write it yourself, then "
        "compare."
    )
    OTHER_VARIANT = (
        "This is another variant's network. Yours has the code {expected}, and "
        'course.variant("{expected}") shows it.'
    )
    TEST = "The test says: {received}"
    UNUSABLE = "The check cannot use your answer: {received}."
    RAISES = "Your code stops with an error: {received}."
    NOT_SYMBOLIC = "With numbers it is right, but it cannot be part of a network: {received}."
    NOT_CALLED = "{received}."
    NO_ANSWER = "No answer came back: {received}."
    NO_MODEL = "It should return a keras.Model. Received: {received}."
    UNREADABLE = "The model cannot be read: {received}"
    READ_NO_FURTHER = "{received} The check reads no further."
    # numbers
    WRONG_VALUE = "The value is not right."
    CHOICE = "It is not {received}."
    TOO_LARGE = "It is {received}."
    WRONG_KIND_OF_VALUE = "It should be {expected}. Received: {received}."
    MISSING_KEY = "It is missing in your answer."
    WITHOUT_BIASES = "These are the weights alone: each map or unit also has one bias."
    WITHOUT_INPUT_CHANNELS = "A kernel reaches through all maps it sees, not through one."
    MACS_FOR_PARAMETERS = "This is the work (weights × positions). Parameters are shared by them."
    ALL_CONNECTED = "This counts every pair of maps; the table connects only some of them."
    CHANNELS_FIRST = "The order is (height, width, channels)."
    FILTERS_FORGOTTEN = "The last number is the number of maps that come out."
    # shapes
    INPUT_SHAPE = "The model begins with {received}, it should begin with {expected}."
    OUTPUT_SHAPE = "The model ends with {received}, it should end with {expected}."
    OUTPUT_COUNT = "The model has {received}, it should have {expected}."
    # one row
    KERNEL = "The kernel is {received}, the table has {expected}."
    STRIDE = "The stride is {received}, the table has {expected}."
    PADDING = "The padding is {received}, the table has {expected}."
    CUT = "It cuts {received} off its output, the table cuts {expected}."
    FACTOR = "It makes the map {received} times as large, the table {expected} times."
    INTERPOLATION = "Its interpolation is {received}, the table has {expected}."
    HEADS = "It has {received} heads, the table has {expected}."
    KEY_DIM = "In each head a query and a key have {received} numbers, the table has {expected}."
    VALUE_DIM = "In each head a value has {received} numbers, the table has {expected}."
    DILATION = "The kernel is spread out by {received}, the table has no dilation."
    FILTERS = (
        "It makes {received} map, the table has {expected}.",
        "It makes {received} maps, the table has {expected}.",
    )
    UNITS = (
        "It has {received} unit, the table has {expected}.",
        "It has {received} units, the table has {expected}.",
    )
    CLASSES = (
        "It has {received} output. It needs {expected}, one for each class.",
        "It has {received} outputs. It needs {expected}, one for each class.",
    )
    FORM = "It has {received}, it should have {expected}."
    NOT_COUNTED = (
        "It is {received}, and what that costs is not counted here. Use convolutions, dense "
        "layers, pools, batch normalisations, activations, additions and concatenations."
    )
    OVER_BUDGET = "It has {received}, at most {expected} are allowed."
    GROUPS = "It works in {received}, the table has {expected}."
    CONNECTIONS = "It has {received}. The table has {expected}."
    ACTIVATION_MISSING = "It has no activation, the table has {expected}."
    ACTIVATION = "Its activation is {received}, the table has {expected}."
    ACTIVATION_EXTRA = "Its activation is {received}, the table has none here."
    ARGUMENTS_SWAPPED = "The number of its maps and its kernel are swapped."
    BIAS_MISSING = "It has no bias, the table has one for each map."
    BIAS_EXTRA = "It has a bias, the table has none."
    FROZEN = "Its weights are frozen, the table trains them."
    LOST = (
        "Keras does not find this layer, so its weights are not trained. Make it in __init__ and "
        "keep it as an attribute of the model, or of a layer in it: self.name = …"
    )
    NOT_FROZEN = "Its weights are trained, the table keeps them fixed."
    NORMALISATION = "It normalises with {received}, the table has {expected}."
    CLOSED = (
        "It is {received}, a step of your own that can neither be opened nor tried out on numbers. "
        "Write it with keras.ops, so that it can be compared with {expected}."
    )
    POOL_KIND = "It is {received}, the table has {expected}."
    SHARED_WEIGHTS = "It is the same layer object as {received}, with the same weights."
    SLICED = (
        "A slice takes some of the pixels here. Maps lie on the last axis, so x[..., a:b] takes "
        "some of them."
    )
    # a merge that Keras refuses
    MERGE_AXIS = (
        "axis={received} stacks the maps {expected}. Maps lie on the last axis, so axis=-1 "
        "puts them side by side."
    )
    MERGE_SIZES = (
        "Maps can only be put side by side if their heights and widths are the same. {received}, "
        "the others {expected}."
    )
    ADDED = "{received} are added here. The table puts the maps side by side: layers.Concatenate()."
    PROJECTION_MISSING = (
        "The shortcut is {received}, the block gives {expected}: a projection is needed here, a "
        "1 × 1 convolution with the stride of the block and as many maps."
    )
    SHORTCUT_SHAPE = "The shortcut is {received}, the block gives {expected}. They cannot be added."
    # rows that are too many, too few, or elsewhere
    MISSING = "This row is missing: after {after} comes {received}."
    MISSING_IN_A_TOWER = "One of the {expected} towers lacks it: {received} goes on without it."
    SWAPPED = "It comes after {received}. In the table it comes before {received}."
    MOVED = "It stands before {received}. In the table it comes after {expected}."
    POOL_EARLY = "This pool stands one convolution too early."
    POOL_LATE = "This pool stands one convolution too late."
    EXTRA = "This step is not in the table: {received}."
    OTHER_STEP = "It is {received}. The table has {expected} here."
    FLATTEN_MISSING = (
        "Dense was applied to a map, so it works on each position separately. "
        "Put layers.Flatten() before it."
    )
    SHORTCUT_MISSING = "The shortcut is missing: nothing is added to what the block computes."
    SHORTCUT_CONCATENATED = "The shortcut is put beside the block's output instead of added to it."
    PROJECTION_EXTRA = (
        "The shortcut is a projection ({received}), but the shape does not change here: the input "
        "of the block itself should be added."
    )
    RELU_BEFORE_ADDITION = "The activation comes before the addition; it belongs after it."
    ACTIVATION_BEFORE_NORM = (
        "The activation comes before the batch normalisation; it belongs after it."
    )
    PRE_ACTIVATION = (
        "Normalisation and activation come before the convolution here, as in the pre-activation "
        "networks of 2016. In the table they come after it."
    )
    BLOCK_MISSING = "A block is missing: where this row should come, {received} comes already."
    BLOCK_EXTRA = (
        "There are more blocks before this row than in the table: here comes {received} once more."
    )
    SHORTCUT_EXTRA = "{received} are added here. The table has no shortcut, and no addition."
    WRONG_INPUT = "It reads {received}, it should read {expected}."
    ENDS_EARLY = "The model ends before this row."


#: Sentences with the words of PyTorch, for networks that are written with it.
_OF_TORCH = {
    Cause.ADDED: N_(
        "{received} are added here. The table puts the maps side by side: torch.cat([…], dim=1)."
    ),
    Cause.CLOSED: N_(
        "It is {received}, a step of your own that can neither be opened nor tried out on numbers. "
        "Write it with functions of torch, so that it can be compared with {expected}."
    ),
    Cause.FLATTEN_MISSING: N_(
        "nn.Linear was applied to a map, so it works along its width. Put nn.Flatten() before it."
    ),
    Cause.FROZEN: N_(
        "Its weights are not trained, the table trains them. Either requires_grad is False, or the "
        "layer is in a plain list, where parameters() does not find it: use nn.ModuleList."
    ),
    Cause.MERGE_AXIS: N_(
        "torch.cat stacks the maps {expected} here. Maps lie along dim=1, which puts them side by "
        "side."
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, why, and a sentence for the person who wrote it."""

    row: str
    cause: Cause
    expected: str
    received: str
    message: str

    @property
    def about(self):
        """What is wrong, in whichever row: equal for the same mistake in several rows.

        What comes in the place of a missing row does not count.
        """
        received = "" if self.cause is Cause.MISSING else self.received
        return self.cause, self.expected, received


def finding(
    row: str, cause: Cause, expected: object = "", received: object = "", *, start: str = "",
    after: str = "", hint: str = "", library: str = "",
) -> Finding:  # fmt: skip
    """A Finding, whose message is the cause's sentence in the language that is spoken.

    Before it comes the sentence `start`, or else the row's name, and after it a hint. `library` is
    that of the network (`worded`).
    """
    text = cause.value
    if isinstance(text, tuple):  # about one thing, about several
        text = ngettext(*text, int(received))
    else:
        text = _(worded(library, text, _OF_TORCH.get(cause, text)))
    said = text.format(expected=expected, received=received, after=after)
    if not start and row:
        said = _("{row}: {sentence}").format(row=row, sentence=said)
    return Finding(row, cause, str(expected), str(received), sentences(start, said, hint))


def with_more(findings, alike):
    """The findings, each with the names of the other rows with which the same is wrong.

    `alike` is {`Finding.about`: all rows with it}.
    """
    made = []
    for found in findings:
        if others := [row for row in alike.get(found.about, ()) if row != found.row]:
            said = _("The same is true of {rows}.")
            if found.cause is Cause.MISSING:
                said = ngettext("{rows} is missing, too.", "{rows} are missing, too.", len(others))
            found = replace(found, message=sentences(found.message, said.format(rows=few(others))))
        made.append(found)
    return made


def worded(library: str, keras: str, torch: str) -> str:
    """What is said about a network of Keras, or of PyTorch: `library` is "" or "torch"."""
    return torch if library == "torch" else keras


# --- words for the numbers of a step


def formula(step, padding=None):
    """The output-size formula with a step's own numbers, for its height."""
    before, after = padding or step.padding[0]
    size, kernel, stride = step.inputs[0].grid[0], step.kernel[0], step.stride[0]
    total = before + after
    if step.step == "conv_transpose":
        cut = f" {'−' if total > 0 else '+'} {abs(total)}" if total else ""
        return f"({size} − 1)·{stride} + {kernel}{cut} = {(size - 1) * stride + kernel - total}"
    pad = f"2·{before}" if before == after else f"{total}"
    inside = f"({size} + {pad} − {kernel})"
    result = (size + total - kernel) // stride + 1
    if stride == 1:
        return f"{inside} + 1 = {result}"
    return f"⌊{inside}/{stride}⌋ + 1 = {result}"


def size_arithmetic(row, step, library=""):
    """The argument that sets the padding, and the arithmetic with it and with the table's."""
    yours = _("{received}.").format(received=formula(step))
    if not any(map(any, step.padding)):
        said = worded(
            library,
            _('The default padding="valid" adds nothing.'),
            _("The default padding=0 adds nothing."),
        )
    else:
        axes = zip(step.inputs[0].grid, step.kernel, step.stride, strict=True)
        same = step.padding == tuple(starmap(same_padding, axes))
        said = worded(
            library,
            _('padding="same" surrounds the map with zeros.')
            if same
            else _("ZeroPadding2D surrounds the map with zeros."),
            _("Its padding surrounds the map with zeros."),
        )
    if (row.kernel, row.stride) != (step.kernel, step.stride):
        return said
    given, right = row.padding[0], formula(step, row.padding[0])
    if not any(given):
        should = _("Without padding it is {formula}.")
    elif library == "torch" and given[0] == 0 and row.padding[1] == given:
        should = _("With ceil_mode=True it is {formula}.")
    else:
        should = _("With {padding} it is {formula}.")
    return sentences(said, yours, should.format(padding=around(row), formula=right))


def comes_out(row, step):
    """The shape that a step gives beside the shape in the table, as a sentence."""
    return _("{row} gives {received}, the table has {expected}.").format(
        row=row.name, received=shape_of(step.shape), expected=shape_of(row.shape)
    )


def few(names):
    """Names as a list in words. Of more than four, the first three are named."""
    if len(names) > 4:
        names = [*names[:3], _("{number} more").format(number=len(names) - 3)]
    return listed(names)
