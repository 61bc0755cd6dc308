"""A published table, read as plain nodes: one for each row, two for a row with a normalisation."""

from course.architectures import LRN_CONSTANTS, sources
from course.network import functions, steps
from course.network.graph import Graph


def from_table(table):
    """The graph of a published `Table`."""
    graph = Graph()
    x = graph.add(steps.image("input", table.input_shape))
    graph.inputs = [x]
    made = {"input": x}
    for row in table.rows:
        values = [made[name] for name in sources(row)] or [x]
        x = graph.add(_ROWS[row.step](row, *values))
        if row.norm:
            norm = steps.alike(x, f"{row.name}_bn", "batch_norm", **_activation(row))
            x = graph.add(norm)
        made[row.name] = x
    graph.returns([made[name] for name in table.outputs] or [x])
    # The table's order, so that the first finding is about the table's first row that differs.
    graph.order = {row.name: number for number, row in enumerate(table.rows)}
    return graph


def _conv(row, x):
    rest = _weights(row)
    if row.norm:
        rest |= {"chain": (), "accepts": ()}
    return steps.conv(
        x, row.name, row.filters, _pair(row.kernel), _pair(row.stride), row.padding,
        groups=row.groups, connections=row.connections, **rest,
    )  # fmt: skip


def _pool(row, x):
    window = _pair(row.kernel), _pair(row.stride), row.padding
    return steps.pool(x, row.name, row.step, *window, **_activation(row))


def _weights(row):
    return {"bias": row.bias, "trainable": row.trainable, **_activation(row)}


def _activation(row):
    names = row.activation if isinstance(row.activation, tuple) else (row.activation,)
    return {"chain": functions.named(names[0]), "accepts": names[1:]}


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


_ROWS = {
    "conv": _conv,
    "max_pool": _pool,
    "average_pool": _pool,
    "global_average_pool": lambda row, x: steps.global_pool(x, row.name, "average_pool"),
    "lrn": lambda row, x: steps.alike(x, row.name, "lrn", constants=LRN_CONSTANTS[0]),
    "pad_channels": lambda row, x: steps.pad_channels(x, row.name, row.filters),
    "add": lambda row, *values: steps.add(values, row.name, **_activation(row)),
    "concatenate": lambda row, *values: steps.concatenate(values, row.name, moves=steps.FORCED),
    "dense": lambda row, x: steps.dense(x, row.name, row.filters, **_weights(row)),
}
