"""Every small mistake that can be made in a table, to see what is said about it."""

from dataclasses import replace

from course.anatomy import Anatomy, anatomy
from course.architectures import sources
from course.network.from_table import from_table


def explicit(table):
    """The same table, in which every row says what it reads."""
    rows, above = [], "input"
    for row in table.rows:
        rows.append(replace(row, after=sources(row) or (above,)))
        above = row.name
    return replace(table, rows=tuple(rows), outputs=table.outputs or (above,))


def mutations(table):
    """(row, cause, mutated table) for each mistake in one row of an explicit table.

    A mistake is one change of a convolution, a pool or a dense layer, a row left out, a row
    written twice, or a source taken from elsewhere.
    """
    shapes = {step.name: step.shape for step in anatomy(table)} | {"input": table.input_shape}
    for at, row in enumerate(table.rows):
        for cause, changes in _changes(row, table):
            yield row.name, cause, _with(table, at, **changes)
        if row.step in LEFT_OUT:
            yield row.name, "EXTRA", _doubled(table, at)
            if row.name not in table.outputs:
                yield row.name, "MISSING", _without(table, at)
        for number, source in enumerate(sources(row)):
            for other in [r.name for r in table.rows[max(0, at - 6) : at]]:
                if other not in sources(row) and shapes.get(other) == shapes.get(source, ()):
                    after = [*sources(row)[:number], other, *sources(row)[number + 1 :]]
                    rewired = _with(table, at, after=tuple(after))
                    if _all_used(rewired):
                        yield row.name, "WRONG_INPUT", rewired


#: Steps that may be missing, or there twice.
LEFT_OUT = {
    "conv", "conv_transpose", "dense", "max_pool", "average_pool", "lrn", "batch_norm",
    "layer_norm", "attention", "position_embedding",
}  # fmt: skip


def _changes(row, table):
    if row.step in ("conv", "conv_transpose"):
        kernel, around = _more(row.kernel, 2), row.padding
        if isinstance(row.kernel, tuple) and len(set(row.kernel)) > 1:  # wide instead of high
            kernel, around = row.kernel[::-1], around[::-1] if isinstance(around, tuple) else around
        elif not isinstance(around, str):
            around = _more(around, 1)
        yield "KERNEL", {"kernel": kernel, "padding": around}
        if row.kernel not in (1, (1, 1)):
            cause = "CUT" if row.step == "conv_transpose" else "PADDING"
            yield cause, {"padding": 0 if row.padding else 1}
        yield "FILTERS", {"filters": row.filters * 2}
        yield "STRIDE", {"stride": _more(row.stride, 1)}
        yield "FROZEN", {"trainable": False}
        if row.step == "conv" and not row.connections and row.filters % 2 == 0:
            yield "GROUPS", {"groups": 2 if row.groups == 1 else 1}
    if row.step in ("max_pool", "average_pool") and row.kernel not in (1, (1, 1)):
        other = "average_pool" if row.step == "max_pool" else "max_pool"
        yield "POOL_KIND", {"step": other}
        yield "KERNEL", {"kernel": _more(row.kernel, 1)}
        yield "STRIDE", {"stride": _more(row.stride, 1)}
    if row.step == "dense":
        cause = "CLASSES" if row.name in table.outputs else "UNITS"
        yield cause, {"filters": row.filters + 7}
    if row.step == "attention":
        yield "HEADS", {"heads": 2 * row.heads, "key_dim": row.key_dim // 2}
        yield "FROZEN", {"trainable": False}
    if row.step == "layer_norm":
        yield "OTHER_STEP", {"step": "batch_norm"}
    if row.step == "crop":
        yield "CUT", {"padding": _more(row.padding, 1)}
    if row.step in ("conv", "conv_transpose", "dense", "batch_norm", "add") and row.activation:
        several = row.activation if isinstance(row.activation, tuple) else (row.activation,)
        yield (
            "ACTIVATION" if several[0] else "ACTIVATION_EXTRA",
            {"activation": "tanh" if "sigmoid" in several else "sigmoid"},
        )
        if None not in several:
            yield "ACTIVATION_MISSING", {"activation": None}


def _more(size, by):
    """A size that is one number or one for each axis, larger by a number."""
    return size + by if isinstance(size, int) else tuple(side + by for side in size)


def _with(table, at, **changes):
    rows = list(table.rows)
    rows[at] = replace(rows[at], **changes)
    return replace(table, rows=tuple(rows))


def _reading(rows, name, instead):
    """The rows, with other names in the place of one that they read."""

    def read(row):
        return tuple(
            dict.fromkeys(s for n in sources(row) for s in (instead if n == name else (n,)))
        )

    return [replace(row, after=read(row)) if name in sources(row) else row for row in rows]


def _without(table, at):
    gone = table.rows[at]
    rows = [row for row in table.rows if row is not gone]
    return replace(table, rows=tuple(_reading(rows, gone.name, sources(gone))))


def _doubled(table, at):
    row = table.rows[at]
    more = replace(row, name=f"{row.name}_more", after=(row.name,))
    rows = _reading(table.rows, row.name, (more.name,))
    rows.insert(at + 1, more)
    outputs = tuple(more.name if name == row.name else name for name in table.outputs)
    return replace(table, rows=tuple(rows), outputs=outputs)


def _all_used(table):
    used = {name for row in table.rows for name in sources(row)} | set(table.outputs)
    return all(row.name in used for row in table.rows)


def nameless(table):
    """The anatomy of a table as of a student's model: other names, a layer object for each row."""
    names = {row.name: f"x{number}" for number, row in enumerate(table.rows)} | {"input": "input"}
    rows = [
        replace(row, name=names[row.name], after=tuple(names[n] for n in sources(row)))
        for row in table.rows
    ]
    outputs = tuple(names[name] for name in table.outputs)
    graph = from_table(replace(table, rows=tuple(rows), outputs=outputs))
    graph.nodes = {number: node.with_(layer=number) for number, node in graph.nodes.items()}
    return Anatomy.of(table.name, graph)
