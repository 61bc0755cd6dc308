"""A published table, read as plain nodes: one for each row, two for a row with a normalisation."""

from math import prod

from course.architectures import LRN_CONSTANTS, sources
from course.network import functions, steps
from course.network.graph import Graph
from course.network.unknown import pair


def from_table(table):
    """The graph of a published `Table`."""
    graph = Graph()
    x = graph.add(steps.image("input", table.input_shape))
    graph.inputs = [x]
    made = {"input": x}
    for row in table.rows:
        values = [made[name] for name in sources(row)] or [x]
        x = graph.add(ROWS[row.step](row, *values))
        if row.norm:
            scales = {"scales": 1 + row.scale}
            norm = steps.alike(x, f"{row.name}_bn", "batch_norm", **scales, **_activation(row))
            x = graph.add(norm)
        made[row.name] = x
    graph.returns([made[name] for name in table.outputs] or [x])
    # The table's order, so that the first finding is about the table's first row that differs.
    graph.order = {row.name: number for number, row in enumerate(table.rows)}
    return graph


def _conv(row, x):
    window = pair(row.kernel), pair(row.stride), row.padding
    rest = {"groups": row.groups, "connections": row.connections, **_weights(row)}
    return steps.conv(x, row.name, row.filters, *window, **rest)


def _conv_transpose(row, x):
    window = pair(row.kernel), pair(row.stride), row.padding
    rest = {"groups": row.groups, **_weights(row)}
    return steps.conv_transpose(x, row.name, row.filters, *window, **rest)


def _pool(row, x):
    window = pair(row.kernel), pair(row.stride), row.padding
    return steps.pool(x, row.name, row.step, *window, **_activation(row))


def _attention(row, x):
    rest = {"bias": row.bias, "trainable": row.trainable}
    return steps.attention(x, row.name, row.heads, row.key_dim, **rest)


def _upsample(row, x):
    return steps.upsample(x, row.name, pair(row.factor), row.interpolation)


def _normalised(row, x):
    rest = {"scales": 1 + row.scale, "trainable": row.trainable}
    return steps.alike(x, row.name, row.step, **rest, **_activation(row))


def _tokens(row, x):
    return steps.reshaped(x, row.name, (prod(x.grid), x.channels))


def _weights(row):
    activation = {} if row.norm else _activation(row)  # it comes behind the normalisation
    return {"bias": row.bias, "trainable": row.trainable, **activation}


def _activation(row):
    names = row.activation if isinstance(row.activation, tuple) else (row.activation,)
    first, *others = map(functions.named, names)
    return {"chain": first, "accepts": tuple(map(functions.name_of_chain, others))}


ROWS = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _pool,
    "average_pool": _pool,
    "global_average_pool": lambda row, x: steps.global_pool(x, row.name, "average_pool"),
    "upsample": _upsample,
    "crop": lambda row, x: steps.crop(x, row.name, steps.sides(row.padding)),
    "lrn": lambda row, x: steps.alike(x, row.name, "lrn", constants=LRN_CONSTANTS[0]),
    "batch_norm": _normalised,
    "layer_norm": _normalised,
    "grn": _normalised,
    "activation": lambda row, x: steps.alike(x, row.name, "activation", **_activation(row)),
    "pad_channels": lambda row, x: steps.pad_channels(x, row.name, row.filters),
    "add": lambda row, *values: steps.add(values, row.name, **_activation(row)),
    "multiply": lambda row, *values: steps.multiply(values, row.name, **_activation(row)),
    "concatenate": lambda row, *values: steps.concatenate(values, row.name, moves=steps.FORCED),
    "dense": lambda row, x: steps.dense(x, row.name, row.filters, **_weights(row)),
    "tokens": _tokens,
    "class_token": lambda row, x: steps.class_token(x, row.name, trainable=row.trainable),
    "first_token": lambda row, x: steps.first_token(x, row.name),
    "position_embedding": lambda row, x: steps.alike(
        x, row.name, row.step, trainable=row.trainable
    ),
    "attention": _attention,
}
