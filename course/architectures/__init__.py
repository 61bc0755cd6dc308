"""The published tables as data: what each row of a network is, never code that builds it.

A `Table` is a list of `Row`s, each one step of the paper's table. Everything else that the course
says about a network (shapes, parameters, work, receptive field) is computed from these rows by
`course.anatomy`, so that prose, checks and figures cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from course import show
from course.language import N_, _, ngettext

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterable
    from typing import Any

    Pair = int | tuple[int, int]


__all__ = [
    "Row", "Table", "activation", "add", "attention", "average_pool", "batch_norm", "class_token",
    "concatenate", "conv", "conv_transpose", "crop", "dense", "depthwise_conv", "first_token",
    "global_average_pool", "grn", "layer_norm", "lrn", "max_pool", "multiply", "pad_channels",
    "position_embedding", "subsample", "tokens", "upsample",
]  # fmt: skip


#: (n, k, alpha, beta) of local response normalisation, x / (k + alpha · squares of n maps)^beta:
#: Krizhevsky et al. 2012, section 3.3; Caffe's reference models, whose layer divides 1e-4 by n.
LRN_CONSTANTS = ((5, 2.0, 1e-4, 0.75), (5, 1.0, 2e-5, 0.75))


@dataclass(frozen=True)
class Row:
    """One step of a network, as its paper prints it."""

    name: str
    step: str  # "conv", "dense", "max_pool", "lrn", "add" and so on: the functions below
    filters: int | None = None  # feature maps of a convolution, units of a dense layer
    kernel: int | tuple = 1  # one number, or (height, width); so are stride and padding
    stride: int | tuple = 1
    # pixels on each side, "same", or "ceil" (the last window may hang over)
    padding: int | tuple | str = 0
    groups: int = 1
    connections: tuple | None = None  # for each map, the input maps it sees (LeNet-5's C3)
    activation: str | tuple | None = None  # several: each is accepted, the first is the paper's
    bias: bool | None = True  # None: with or without, both are accepted
    trainable: bool = True
    norm: bool = False  # batch normalisation before the activation
    scale: bool = True  # whether a normalisation learns a factor for each map (gamma)
    factor: int | tuple = 1  # of an upsampling
    interpolation: str = "nearest"  # of an upsampling: "nearest" or "bilinear"
    heads: int = 1  # of an attention
    key_dim: int = 0  # of an attention: the length of a query, a key and a value, in each head
    after: str | tuple | None = None  # the row or rows that feed it; None: the row above


def sources(row: Row) -> tuple[str, ...]:
    """The names of the rows that feed a row; empty if it is the row above."""
    return (row.after,) if isinstance(row.after, str) else row.after or ()


def conv(name: str, filters: int, kernel: Pair, **rest: Any) -> Row:
    """A convolution with `filters` feature maps."""
    return Row(name, "conv", filters, kernel, **rest)


def depthwise_conv(name: str, filters: int, kernel: Pair, **rest: Any) -> Row:
    """A convolution in which each of the `filters` maps sees only the input map of the same number.

    With a kernel of 1 and without a bias it is one learned factor for each map (layer scale).
    A separable convolution (Chollet 2017) is this, without a bias, and a 1 × 1 convolution.
    """
    return conv(name, filters, kernel, groups=filters, **rest)


def conv_transpose(name: str, filters: int, kernel: Pair, stride: Pair = 1, **rest: Any) -> Row:
    """A transposed convolution: each input pixel adds its kernel to the output, `stride` apart.

    N pixels become (N − 1)·stride + kernel, of which `padding` are cut off on each side. With
    padding="same" they become N·stride. Zeiler et al. 2010; Dumoulin and Visin 2016, chapter 4.
    """
    return Row(name, "conv_transpose", filters, kernel, stride, **rest)


def dense(name: str, units: int, **rest: Any) -> Row:
    """A fully connected layer; it sees every value of the row before it.

    A Dense layer that works at each pixel or token is a convolution with a kernel of 1.
    """
    return Row(name, "dense", units, **rest)


def max_pool(name: str, kernel: Pair, stride: Pair | None = None, **rest: Any) -> Row:
    """Max pooling; the stride is the kernel unless it is given."""
    return Row(name, "max_pool", None, kernel, stride or kernel, **rest)


def average_pool(name: str, kernel: Pair, stride: Pair | None = None, **rest: Any) -> Row:
    """Average pooling; the stride is the kernel unless it is given."""
    return Row(name, "average_pool", None, kernel, stride or kernel, **rest)


def global_average_pool(name: str, **rest: Any) -> Row:
    """The average of each map."""
    return Row(name, "global_average_pool", **rest)


def upsample(name: str, factor: Pair = 2, interpolation: str = "nearest", **rest: Any) -> Row:
    """A map made `factor` times as high and wide, without parameters."""
    return Row(name, "upsample", factor=factor, interpolation=interpolation, **rest)


def crop(name: str, pixels: Pair, **rest: Any) -> Row:
    """A map without `pixels` rows and columns on each side, or a pair (height, width) of them."""
    return Row(name, "crop", padding=pixels, **rest)


def lrn(name: str, **rest: Any) -> Row:
    """Local response normalisation across neighbouring maps."""
    return Row(name, "lrn", **rest)


def batch_norm(name: str, activation: str | None = None, **rest: Any) -> Row:
    """Batch normalisation where no convolution stands before it (Ioffe and Szegedy 2015)."""
    return Row(name, "batch_norm", activation=activation, **rest)


def layer_norm(name: str, **rest: Any) -> Row:
    """Normalisation over the maps at each pixel or token (Ba et al. 2016)."""
    return Row(name, "layer_norm", **rest)


def grn(name: str, **rest: Any) -> Row:
    """Global response normalisation: γ · x · n + β + x for each map (Woo et al. 2023, Alg. 1).

    n is the L2 norm of the whole map, divided by the mean of the norms of all maps.
    """
    return Row(name, "grn", **rest)


def activation(name: str, activation: str | tuple[str, ...], **rest: Any) -> Row:
    """An activation alone. It becomes part of the row before it if no other row reads that row."""
    return Row(name, "activation", activation=activation, **rest)


def add(name: str, after: str | tuple[str, ...], **rest: Any) -> Row:
    """The sum of the rows named in `after`."""
    return Row(name, "add", after=after, **rest)


def multiply(name: str, after: str | tuple[str, ...], **rest: Any) -> Row:
    """The product of the rows named in `after`. A row with one value for each map gates all pixels.

    Squeeze and excitation (Hu et al. 2018) is a global average, two dense rows, and this.
    """
    return Row(name, "multiply", after=after, **rest)


def concatenate(name: str, after: str | tuple[str, ...], **rest: Any) -> Row:
    """The maps of the rows named in `after`, side by side."""
    return Row(name, "concatenate", after=after, **rest)


def subsample(name: str, stride: Pair, **rest: Any) -> Row:
    """Every stride-th pixel, without parameters."""
    return Row(name, "max_pool", None, 1, stride, **rest)


def pad_channels(name: str, filters: int, **rest: Any) -> Row:
    """Further maps of zeros, up to `filters`: the shortcut of option A."""
    return Row(name, "pad_channels", filters, **rest)


def tokens(name: str, **rest: Any) -> Row:
    """The pixels of a map, row by row, as a sequence of tokens; like Flatten it computes nothing.

    (height, width, channels) -> (height · width, channels).  Dosovitskiy et al. 2021, section 3.1.
    """
    return Row(name, "tokens", **rest)


def class_token(name: str, **rest: Any) -> Row:
    """One learned token in front of the others: (n, channels) -> (n + 1, channels)."""
    return Row(name, "class_token", **rest)


def position_embedding(name: str, **rest: Any) -> Row:
    """One learned vector for each token, which is added to it."""
    return Row(name, "position_embedding", **rest)


def first_token(name: str, **rest: Any) -> Row:
    """The first token alone, as a vector: (n, channels) -> (channels,)."""
    return Row(name, "first_token", **rest)


def attention(name: str, heads: int, key_dim: int, **rest: Any) -> Row:
    """Self-attention in several heads (Vaswani et al. 2017, section 3.2.2), with its projections.

    Each head makes queries, keys and values of `key_dim` numbers from each token. The output has
    as many channels as the input.
    """
    return Row(name, "attention", heads=heads, key_dim=key_dim, **rest)


@dataclass(frozen=True, repr=False)
class Table:
    """A network: where it was published, what goes in, and its rows in order."""

    name: str
    source: str
    input_shape: tuple[int, ...]  # (height, width, channels)
    rows: tuple[Row, ...]
    # names of the rows that are returned; the last row if none is named
    outputs: tuple[str, ...] = ()

    @property
    def classes(self) -> int | None:
        """Units of the last row."""
        return self.rows[-1].filters

    def with_(
        self, *, input_shape: Iterable[int] | None = None, classes: int | None = None
    ) -> Table:
        """The same network for another input shape (height, width, channels) or class count."""
        rows = self.rows
        if classes is not None:
            last = self.outputs or (rows[-1].name,)
            rows = tuple(replace(r, filters=classes) if r.name in last else r for r in rows)
        return replace(self, input_shape=tuple(input_shape or self.input_shape), rows=rows)

    def part(self, first: str, last: str | None = None, *, input_shape: Iterable[int]) -> Table:
        """The rows from `first` to `last` (default: only that one) as a table of their own.

        A row that reads an earlier row, such as a block's shortcut, reads the input instead.

        Raises KeyError if there is no row of that name, `last` comes before `first`, or the rows
        read more than one earlier row.
        """
        names = [row.name for row in self.rows]
        for name in (first, last or first):
            if name not in names:
                said = _("{network} has the rows {rows}. Received: {name!r}.")
                raise KeyError(said.format(network=self.name, rows=", ".join(names), name=name))
        rows = self.rows[names.index(first) : names.index(last or first) + 1]
        if not rows:
            raise KeyError(f"{last} should not stand above {first} in {self.name}.")
        inside = {row.name for row in rows}
        before = {name for row in rows for name in sources(row)} - inside
        if len(before) > 1:
            raise KeyError(
                f"{first} to {last} should read one earlier row of {self.name}, to be a part of "
                f"its own. They read {', '.join(sorted(before))}."
            )
        rows = tuple(
            replace(row, after=tuple(name if name in inside else "input" for name in sources(row)))
            if sources(row)
            else row
            for row in rows
        )
        name = f"{self.name}, {first}" + (f" to {last}" if last and last != first else "")
        return replace(self, name=name, input_shape=tuple(input_shape), rows=rows, outputs=())

    def _head(self):
        return (
            _("row"), _("step"), _("maps or units"), _("window"), _("stride"), _("activation"),
            _("note"),
        )  # fmt: skip

    def _cells(self):
        for row in self.rows:
            sliding = row.step in ("conv", "conv_transpose", "max_pool", "average_pool")
            window = _sides(row.kernel) if sliding else ""
            activation = row.activation
            if isinstance(activation, tuple):
                activation = _(" or ").join(str(name or _("none")) for name in activation)
            note = []
            if row.connections:
                note.append(_("each map sees some of the maps"))
            if row.groups > 1:
                same = row.groups == row.filters
                several = ngettext("one group", "{number} groups", row.groups)
                note.append(_("each map by itself") if same else several.format(number=row.groups))
            if row.step == "upsample":
                note.append(f"{row.interpolation}, {_sides(row.factor)}")
            if row.step == "attention":
                heads = ngettext("{number} head of {size}", "{number} heads of {size}", row.heads)
                note.append(heads.format(number=row.heads, size=row.key_dim))
            if row.norm:
                note.append(_("batch norm"))
            if not row.scale:
                note.append(_("no gamma"))
            if row.bias is False:
                note.append(_("no bias"))
            if not row.trainable:
                note.append(_("fixed"))
            yield (
                row.name,
                _(row.step.replace("_", " ")),
                str(row.filters or ""),
                window,
                _one(row.stride) if window else "",
                (activation or "").replace("scaled_tanh", "1.7159 · tanh(2a/3)"),
                _(", ").join(note),
            )

    def _caption(self):
        size = " × ".join(map(str, self.input_shape))
        said = _("{network}, input {size} ({source})")
        return said.format(network=self.name, size=size, source=self.source)

    def __str__(self) -> str:
        return "\n".join([self._caption(), *show.lines([self._head(), *self._cells()])])

    __repr__ = __str__

    def _repr_html_(self):
        return show.html(self._head(), self._cells(), caption=self._caption())


#: Kinds of rows that have a shorter name in a table than in an anatomy.
_SHORT = (
    N_("conv"), N_("conv transpose"), N_("global average pool"), N_("global max pool"),
    N_("upsample"), N_("concatenate"), N_("lrn"),
)  # fmt: skip


def _sides(value):
    """A number or a pair as a size: `3 × 3`, `1 × 7`."""
    high, wide = (value, value) if isinstance(value, int) else value
    return f"{high} × {wide}"


def _one(value):
    """A number as it is, a pair as a size."""
    return str(value) if isinstance(value, int) else _sides(value)
