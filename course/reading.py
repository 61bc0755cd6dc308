"""Networks turned into anatomies: from a published table, and from the trace of a Keras model.

This is where it is written down which Keras layers and operations are understood, and what each of
them means. A layer that is not in `_KNOWN` keeps a row of its own, with Keras's own numbers.
"""

import re
from collections import Counter
from itertools import pairwise
from math import prod

from course import normal
from course.anatomy import SCALED_TANH, Anatomy, Step, Value
from course.architectures import LRN_CONSTANTS, sources
from course.evidence import probes, unmerged


def from_table(table):
    """The anatomy of a published table."""
    image = normal.image("input", table.input_shape)
    made, x = {"input": image}, image
    reads = Counter(name for row in table.rows for name in sources(row))
    for row in table.rows:
        values = [made[name].like(once=reads[name] <= 1) for name in sources(row)] or [x]
        x = made[row.name] = _TABLE_STEPS[row.step](values, row)
    found = Anatomy(table.name, [image], [made[name] for name in table.outputs] or [x])
    # In the order of the table, so that the first row that differs is the one that it has first.
    place = {row.name: number for number, row in enumerate(table.rows)}
    found.steps.sort(key=lambda step: place.get(step.name.removesuffix("_bn"), len(place)))
    return found


def _row_conv(values, row):
    (x,) = values
    rest = _row_rest(row)
    if row.norm:
        rest |= {"chain": [], "accepts": ()}
    x = normal.conv(
        x, row.name, row.filters, _pair(row.kernel), _pair(row.stride), row.padding,
        groups=row.groups, connections=row.connections, **rest,
    )  # fmt: skip
    return normal.batch_norm(x, f"{row.name}_bn", **_row_chain(row)) if row.norm else x


def _row_pool(values, row):
    (x,) = values
    return normal.pool(
        x, row.name, row.step, _pair(row.kernel), _pair(row.stride), row.padding, **_row_chain(row)
    )


def _row_global_pool(values, row):
    (x,) = values
    return normal.global_pool(x, row.name, "average_pool")


def _row_lrn(values, row):
    (x,) = values
    return normal.lrn(x, row.name, LRN_CONSTANTS[0])


def _row_pad_channels(values, row):
    (x,) = values
    return normal.pad_channels(x, row.name, row.filters)


def _row_add(values, row):
    return normal.add(values, row.name, **_row_chain(row))


def _row_concatenate(values, row):
    return normal.concatenate(values, row.name)


def _row_dense(values, row):
    (x,) = values
    return normal.dense(x, row.name, row.filters, **_row_rest(row))


def _row_rest(row):
    return {"bias": row.bias, "trainable": row.trainable, **_row_chain(row)}


def _row_chain(row):
    names = row.activation if isinstance(row.activation, tuple) else (row.activation,)
    chain = list(_named_chain(names[0])) if names[0] else []
    return {"chain": chain, "accepts": names[1:]}


_TABLE_STEPS = {
    "conv": _row_conv,
    "max_pool": _row_pool,
    "average_pool": _row_pool,
    "global_average_pool": _row_global_pool,
    "lrn": _row_lrn,
    "pad_channels": _row_pad_channels,
    "add": _row_add,
    "concatenate": _row_concatenate,
    "dense": _row_dense,
}


# --- traces ------------------------------------------------------------------------------------


def from_trace(evidence, numbers=probes.FIXED):
    """The anatomy of a traced model; `numbers` are those that its probes were asked with.

    Raises ValueError for a step without a fixed shape, `normal.TooLarge` for a trace beyond the
    bounds of this module, KeyError or TypeError for what is no trace.
    """
    return _Reader(evidence, numbers).anatomy()


# Bounds on work: a trace of a few kB can ask for more than any machine has.
_MOST_PIECES = 100_000  # ranges of maps that all steps together read and make
_MOST_PROBES = 8  # of one step
_PROBE = 200  # what one of them counts
_LONGEST_NAME = 100


class _Reader:
    """Turns the steps of a trace into rows."""

    def __init__(self, evidence, numbers):
        self.evidence = evidence
        self.numbers = numbers
        self.pieces = 0
        self.faults = []
        self.merges = Counter()
        self.values = {}  # (step number, output) -> Value
        self.steps = {step["id"]: step for step in evidence["steps"]}
        self.readers = {}  # (step number, output) -> the numbers of the steps that read it
        for number, step in self.steps.items():
            for reference in probes.read_by(step):
                self.readers.setdefault(reference, []).append(number)
        for reference in evidence["outputs"]:
            self.readers.setdefault(tuple(reference), []).append(None)
        self.functions = {}  # the number of a step -> what it and those before it do, of what
        self.inside = set()  # numbers of steps that are a part of such a function
        for number in reversed(self.steps):
            if number not in self.inside:
                self._as_one_function(self.steps[number])

    def _as_one_function(self, step):
        """Take a step and others before it for one function, if their probe tells which it is."""
        for probe in step.get("probe", ())[:_MOST_PROBES]:
            begin, number = tuple(probe["of"]), step["id"]
            self.count(_PROBE)
            region = set(probes.between(self.steps, begin, number, self.count) or ())
            function = region and probes.recognised(probe["gives"], step["shapes"][0], self.numbers)
            if not function:
                continue
            read = {
                (part, k)
                for part in region - {number}
                for k in range(len(self.steps[part]["shapes"]))
            }
            elsewhere = {reader for one in read for reader in self.readers.get(one, ())} - region
            weights = any(self.steps[part].get("parameters") for part in region)
            if not elsewhere and not (weights and function[0] == "fn"):
                self.functions[number] = (begin, *function)
                self.inside |= region - {number}
                others = [reader for reader in self.readers[begin] if reader not in region]
                self.readers[begin] = [*others, number]
                return

    def anatomy(self):
        inputs = []
        for source in self.evidence["inputs"]:
            # A name that Keras counted out says nothing to who reads it.
            name = re.sub(r"^(keras_tensor|input_layer)(_\d+)?$", "input", str(source["name"]))
            value = normal.image(name, source["shape"])
            inputs.append(self._keep(source["id"], 0, value))
        for number, step in self.steps.items():
            if number not in self.inside:
                self._read({**step, "name": step["name"][:_LONGEST_NAME]})
        outputs = [self.values[tuple(reference)] for reference in self.evidence["outputs"]]
        made = Anatomy("model", inputs, outputs)
        made.faults = self.faults
        return made

    def _read(self, step):
        if step["id"] in self.functions:
            begin, kind, what = self.functions[step["id"]]
            self._keep(step["id"], 0, _function(self.values[begin], step, kind, what))
            return
        augments = step["op"].startswith("layers.Random")
        read = _KNOWN.get(step["op"], _same if augments else _unknown)
        values = [self.values[reference] for reference in probes.read_by(step)]
        kind = step["config"]["mode"] if step["op"] == "ops.Unmerged" else step["op"].split(".")[1]
        self.count(sum(len(value.parts) for value in values))
        try:
            result = read(self, step, values)
        except _NotUnderstood as error:
            result = _unknown(self, step, values, str(error))
        results = result if isinstance(result, list) else [result]
        self.count(sum(len(value.parts) for value in results))
        for index, value in enumerate(results):
            self._keep(step["id"], index, value)
        self.merges[kind.lower()] += 1

    def count(self, pieces):
        """Count ranges of maps that are about to be read or made.

        Raises normal.TooLarge when they are too many.
        """
        self.pieces += pieces
        if self.pieces > _MOST_PIECES:
            raise normal.TooLarge(
                f"This network takes its maps apart and puts them together in more than "
                f"{_MOST_PIECES:,} pieces."
            )

    def _keep(self, number, index, value):
        """What two steps read must not be changed by the one of them."""
        once = value.once and len(self.readers.get((number, index), ())) <= 1
        self.values[number, index] = value.like(once=once)
        return self.values[number, index]


class _NotUnderstood(Exception):
    """This use of a known layer is outside the normal form; may carry words for it."""


def _common(step):
    return {"layer": step["layer"], "written": step["op"].split(".")[1]}


def _weighted(step):
    config = step["config"]
    return {
        **_common(step),
        "bias": config.get("use_bias", True),
        "trainable": step.get("trainable", True),
        "chain": _read_activation(config.get("activation")),
    }


def _read_activation(name):
    return [] if name in (None, "linear") else list(_named_chain(name))


def _named_chain(name):
    """An activation by name as a chain of element-wise functions."""
    if name == "scaled_tanh":
        return (("mul", SCALED_TANH[1]), ("fn", "tanh"), ("mul", SCALED_TANH[0]))
    return (("fn", name),)


def _conv2d(reader, step, values):
    config = step["config"]
    _channels_last(config)
    x = _image(values)
    kernel, stride = tuple(config["kernel_size"]), tuple(config["strides"])
    dilation = tuple(config["dilation_rate"])
    padding = "same" if config["padding"] == "same" else 0
    groups, filters = config.get("groups", 1), config.get("filters")
    if "depth_multiplier" in config and filters is None:
        groups, filters = x.channels, x.channels * config["depth_multiplier"]
    return normal.conv(
        x, step["name"], filters, kernel, stride, padding, dilation,
        groups=groups, **_weighted(step),
    )  # fmt: skip


def _dense_layer(reader, step, values):
    (x,) = values
    units, rest = step["config"]["units"], _weighted(step)
    if x.flat or x.grid == (1, 1):
        return normal.dense(x, step["name"], units, flat=x.flat, **rest)
    # A Dense layer on a map works at every position, like a 1 × 1 convolution.
    return normal.conv(x, step["name"], units, (1, 1), **rest)


def _pool2d(reader, step, values):
    config = step["config"]
    _channels_last(config)
    kind = "max_pool" if "Max" in step["op"] else "average_pool"
    padding = "same" if config["padding"] == "same" else 0
    kernel = _pair(config["pool_size"])
    stride = _pair(config.get("strides") or kernel)
    return normal.pool(_image(values), step["name"], kind, kernel, stride, padding, **_common(step))


def _adaptive_pool2d(reader, step, values):
    """A pool that is told what should come out: its windows follow from that, if they are equal."""
    config = step["config"]
    _channels_last(config)
    x, sides = _image(values), _pair(config["output_size"])
    sides = tuple(side or own for side, own in zip(sides, x.grid, strict=True))
    if any(own % side for side, own in zip(sides, x.grid, strict=True)):
        raise _NotUnderstood
    kernel = tuple(own // side for side, own in zip(sides, x.grid, strict=True))
    kind = "max_pool" if "Max" in step["op"] else "average_pool"
    return normal.pool(x, step["name"], kind, kernel, kernel, 0, **_common(step))


def _global_pool2d(reader, step, values):
    _channels_last(step["config"])
    kind = "max_pool" if "Max" in step["op"] else "average_pool"
    flat = not step["config"].get("keepdims")
    return normal.global_pool(_image(values), step["name"], kind, flat=flat, **_common(step))


def _flatten(reader, step, values):
    (x,) = values
    if any(map(any, x.padding)):
        raise _NotUnderstood
    return x.like(flat=True)


def _reshape(reader, step, values):
    x = values[0]
    wanted = tuple(step["shapes"][0])
    if wanted == (x.size,):
        return x.like(flat=True)
    if wanted == x.shape:
        return x
    if wanted == (*x.grid, x.channels) and not any(map(any, x.padding)):
        return x.like(flat=False)
    raise _NotUnderstood


def _squeeze(reader, step, values):
    x = values[0]
    if x.grid == (1, 1) and step["shapes"][0] == [x.channels]:
        return x.like(flat=True)
    raise _NotUnderstood


def _same(reader, step, values):
    return values[0]


def _mean(reader, step, values):
    x, config = values[0], step["config"]
    if x.flat or sorted(a % 4 for a in _listed(config.get("axis"))) != [1, 2]:
        raise _NotUnderstood
    flat = not config.get("keepdims")
    return normal.global_pool(x, step["name"], "average_pool", flat=flat, **_common(step))


def _listed(axis):
    return [axis] if isinstance(axis, int) else list(axis or [])


def _pad(reader, step, values):
    """ops.pad: zeros around the map, or maps of zeros behind (or around) the others."""
    x, width = values[0], step["config"].get("pad_width")
    if x.flat or not isinstance(width, list) or len(width) != 4:
        raise _NotUnderstood
    width = [[side, side] if isinstance(side, int) else list(side) for side in width]
    if step["config"].get("mode", "constant") != "constant" or any(width[0]):
        raise _NotUnderstood
    if any(width[3]):
        if any(width[1]) or any(width[2]):
            raise _NotUnderstood
        filters = x.channels + sum(width[3])
        return normal.pad_channels(x, step["name"], filters, **_common(step))
    both = zip(x.padding, width[1:3], strict=True)
    return x.like(padding=tuple((old[0] + new[0], old[1] + new[1]) for old, new in both))


def _zeros_like(reader, step, values):
    return _zeros(step, values[0])


def _zeros(step, x):
    made = Step(step["name"], "zeros", [x], x.channels, x.grid, **_common(step))
    return Value([(made, 0, x.channels)], x.grid, flat=x.flat)


def _zero_padding(reader, step, values):
    x = _image(values)
    pad = step["config"]["padding"]
    pad = (
        [[pad] * 2] * 2
        if isinstance(pad, int)
        else [[p, p] if isinstance(p, int) else p for p in pad]
    )
    both = tuple(
        (old[0] + new[0], old[1] + new[1]) for old, new in zip(x.padding, pad, strict=True)
    )
    return x.like(padding=both)


def _activation_layer(reader, step, values):
    links = _read_activation(step["config"].get("activation"))
    x = values[0]
    for link in links:
        x = normal.function(x, step["name"], link, **_common(step))
    return x


def _named_function(name):
    def read(reader, step, values):
        config = step["config"]
        if name == "softmax" and config.get("axis", -1) not in (-1, len(values[0].shape)):
            raise _NotUnderstood
        words = name
        if step["op"] == "layers.ReLU":
            odd = {
                k: config[k] for k in ("max_value", "negative_slope", "threshold") if config.get(k)
            }
            if odd == {"max_value": 6}:
                words = "relu6"
            elif odd:
                words += " with " + ", ".join(f"{key} {value:g}" for key, value in odd.items())
        return normal.function(values[0], step["name"], ("fn", words), **_common(step))

    return read


def _function(x, step, kind, what):
    """A function that a probe has told."""
    if kind == "lrn":
        return normal.lrn(x, step["name"], what, **_common(step))
    for link in _read_activation(what):
        x = normal.function(x, step["name"], link, **_common(step))
    return x


def _scale_by(kind):
    """An operation of a tensor and a number, or of two tensors."""

    def read(reader, step, values):
        numbers = [arg for arg in step["args"] if isinstance(arg, int | float)]
        numbers = [n for n in numbers if not isinstance(n, bool)]
        if len(values) == 1 and _is_input(values[0]):
            return values[0]  # rescaling the image, or its channels, is not architecture
        if len(values) == 1 and len(numbers) == 1 and len(step["args"]) == 2:
            number, tensor_first = numbers[0], isinstance(step["args"][0], dict)
            if kind == "add":
                link = ("add", number)
            elif kind == "subtract" and tensor_first:
                link = ("add", -number)
            elif kind == "multiply" and number == 0:
                return _zeros(step, values[0])
            elif kind == "multiply":
                link = ("mul", number)
            elif kind == "divide" and tensor_first and number:
                link = ("mul", 1 / number)
            else:
                raise _NotUnderstood
            return normal.function(values[0], step["name"], link, **_common(step))
        same = len({(v.grid, v.channels, v.flat) for v in values}) == 1
        if kind == "add" and len(values) > 1 and same:
            return normal.add(values, step["name"], **_common(step))
        raise _NotUnderstood

    return read


def _negative(reader, step, values):
    return normal.function(values[0], step["name"], ("mul", -1), **_common(step))


def _is_input(x):
    return all(source.step == "input" for source, _, _ in x.parts)


def _maximum(reader, step, values):
    """The larger of a value and 0 is a ReLU."""
    if len(values) == 1 and len(step["args"]) == 2 and 0 in step["args"]:
        return normal.function(values[0], step["name"], ("fn", "relu"), **_common(step))
    raise _NotUnderstood


def _rescaling(reader, step, values):
    x, config = values[0], step["config"]
    if _is_input(x):
        return x
    for link in (("mul", config.get("scale", 1)), ("add", config.get("offset", 0))):
        if not isinstance(link[1], int | float):
            raise _NotUnderstood
        x = normal.function(x, step["name"], link, **_common(step))
    return x


def _batch_norm(reader, step, values):
    (x,) = values
    config = step["config"]
    axis = config.get("axis", -1)
    if axis not in (-1, len(x.shape)):
        raise _NotUnderstood(f"batch norm along axis {axis} (the maps lie along axis -1)")
    scales = config.get("center", True) + config.get("scale", True)
    trainable = step.get("trainable", True)
    return normal.batch_norm(x, step["name"], scales=scales, trainable=trainable, **_common(step))


def _concat(reader, step, values):
    axis = step["config"].get("axis", -1)
    last = len(values[0].shape)
    if axis not in (-1, last) or len({v.grid for v in values}) > 1:
        raise _NotUnderstood
    if len({v.flat for v in values}) > 1 or any(any(map(any, v.padding)) for v in values):
        raise _NotUnderstood
    filled = [v for v in values if any(source.step != "zeros" for source in v.sources)]
    if len(filled) == 1 < len(values) and not filled[0].flat:
        channels = sum(v.channels for v in values)
        return normal.pad_channels(filled[0], step["name"], channels, **_common(step))
    if all(map(_is_input, values)):
        together = normal.join([part for v in values for part in v.parts])
        if len(whole := _any_order(together)) == 1:
            return values[0].like(parts=whole)
    named = step["op"].startswith("layers.") and not step["name"].startswith("concatenate")
    return normal.concatenate(values, step["name"] if named else "")


def _unmerged(reader, step, values):
    """A merge of sizes that do not fit together, which the trace let pass: as if they did."""
    config = step["config"]
    merge, line = config["mode"], config["line"]
    shapes = [value.shape for value in values]
    rank = max(map(len, shapes))
    shape = unmerged.likely(merge, [shape for shape in shapes if len(shape) == rank])
    earlier = reader.merges[merge]
    reader.faults.append(unmerged.Fault(step["name"], merge, config["axis"], values, line, earlier))
    if merge == "add":
        values = sorted(values, key=lambda value: value.shape != shape)
        return normal.add(values, step["name"], **_common(step))
    flat = len(shape) == 1
    grid = (1, 1) if flat else tuple(shape[:2])
    alike = [value.like(grid=grid, flat=flat, padding=((0, 0), (0, 0))) for value in values]
    return normal.concatenate(alike, step["name"])


def _get_item(reader, step, values):
    """x[..., a:b]: some of the channels."""
    x = values[0]
    key = step["args"][1] if len(step["args"]) > 1 else None
    keys = list(key) if isinstance(key, list) else [key]
    rank = len(x.shape) + 1
    if "..." in keys:
        at = keys.index("...")
        keys = keys[:at] + [{"slice": [None] * 3}] * (rank - len(keys) + 1) + keys[at + 1 :]
    keys += [{"slice": [None] * 3}] * (rank - len(keys))
    if x.grid == (1, 1) and not x.flat and len(keys) == rank and keys[1:3] == [0, 0]:
        keys[1:3] = []  # the one pixel of each map: a vector
        x = x.like(flat=True)
        rank = 2
    if len(keys) == rank == 4 and not x.flat:
        strides = [k["slice"][2] if isinstance(k, dict) else None for k in keys[1:3]]
        plain = all(
            isinstance(k, dict) and k["slice"][:2] in ([None, None], [0, None]) for k in keys
        )
        if plain and any(stride not in (None, 1) for stride in strides):
            stride = tuple(stride or 1 for stride in strides)
            return normal.pool(x, step["name"], "max_pool", (1, 1), stride, 0, **_common(step))
    *others, last = keys
    whole = {"slice": [None, None, None]}
    plain = all(k == whole or k == {"slice": [0, None, None]} for k in others)
    if len(keys) == rank and plain and isinstance(last, int) and _is_input(x):
        return _channels(reader, x, range(x.channels)[last:][:1])  # a colour, to be stacked again
    if len(keys) != rank or not plain or not isinstance(last, dict) or "slice" not in last:
        raise _NotUnderstood
    return _channels(reader, x, range(x.channels)[slice(*last["slice"])])


def _stack(reader, step, values):
    if step["config"].get("axis") not in (-1, 3) or not all(map(_is_input, values)):
        raise _NotUnderstood
    return _concat(reader, {**step, "config": {"axis": -1}}, values)


def _flip(reader, step, values):
    (x,) = values
    if step["config"].get("axis") not in (-1, 3, [-1], [3]) or not _is_input(x):
        raise _NotUnderstood
    return x


def _take(reader, step, values):
    x = values[0]
    axis = step["config"].get("axis", step.get("kwargs", {}).get("axis"))
    indices = [arg for arg in step["args"][1:] if not (isinstance(arg, dict) and "tensor" in arg)]
    wanted = indices[0] if indices else step.get("kwargs", {}).get("indices")
    if axis not in (-1, len(x.shape)) or not isinstance(wanted, list):
        raise _NotUnderstood
    channels = x.channels
    if not all(isinstance(i, int) and -channels <= i < channels for i in wanted):
        raise _NotUnderstood
    return _channels(reader, x, [i % channels for i in wanted])


def _split(reader, step, values):
    x = values[0]
    sections = step["config"].get("indices_or_sections")
    axis = step["config"].get("axis", 0)
    if axis not in (-1, len(x.shape)) or (x.flat and x.grid != (1, 1)):
        raise _NotUnderstood
    if isinstance(sections, int):
        wide = x.channels // sections
        reader.count(sections)
        sections = [wide * number for number in range(1, sections)]
    edges = [0, *sections, x.channels]
    if not all(0 <= start < stop for start, stop in pairwise(edges)):
        raise _NotUnderstood
    return [
        x.like(parts=_any_order(normal.join(piece)), joined=None)
        for piece in normal.cut(x.parts, pairwise(edges))
    ]


def _channels(reader, x, wanted):
    """The value that is made of the wanted channels of x, a range or a list of their numbers."""
    if not len(wanted) or (x.flat and x.grid != (1, 1)):
        raise _NotUnderstood
    if isinstance(wanted, range) and wanted.step == 1:
        ranges = [(wanted.start, wanted.stop)]
    else:
        reader.count(len(wanted))
        ranges = [(channel, channel + 1) for channel in wanted]
    parts = normal.join([part for piece in normal.cut(x.parts, ranges) for part in piece])
    return x.like(parts=_any_order(parts), joined=None)


def _any_order(parts):
    """The colours of an image in another order are still the image."""
    ordered = normal.join(sorted(parts, key=lambda part: part[1]))
    whole = len(ordered) == 1 and ordered[0][0].step == "input"
    return ordered if whole and ordered[0][1:] == (0, ordered[0][0].filters) else parts


def _unknown(reader, step, values, words=""):
    """A step that the normal form has no words for: kept, with what Keras says about it."""
    results = []
    for shape in step["shapes"]:
        # A size that depends on the batch (a stack along axis 0) is as good as any other here.
        shape = [side if isinstance(side, int) and side > 0 else 1 for side in shape or [1]]
        image = len(shape) == 3
        made = Step(
            step["name"], words or step["op"].split(".")[1], list(values), shape[-1],
            tuple(shape[:2]) if image else (1, prod(shape[:-1])),
            claimed=step.get("parameters", 0), claimed_trained=step.get("trained", 0),
            closed=step.get("probe") == [],
            **_common(step),
        )  # fmt: skip
        results.append(Value([(made, 0, shape[-1])], made.grid, flat=not image))
    return results


def _image(values):
    (x,) = values
    if x.flat:
        raise _NotUnderstood
    return x


def _channels_last(config):
    if config.get("data_format", "channels_last") != "channels_last":
        raise _NotUnderstood


_KNOWN = {
    "layers.Conv2D": _conv2d,
    "layers.DepthwiseConv2D": _conv2d,
    "layers.Dense": _dense_layer,
    "layers.MaxPooling2D": _pool2d,
    "layers.AveragePooling2D": _pool2d,
    "ops.MaxPool": _pool2d,
    "ops.AveragePool": _pool2d,
    "layers.AdaptiveAveragePooling2D": _adaptive_pool2d,
    "layers.AdaptiveMaxPooling2D": _adaptive_pool2d,
    "ops.AdaptiveAveragePool": _adaptive_pool2d,
    "ops.AdaptiveMaxPool": _adaptive_pool2d,
    "layers.GlobalAveragePooling2D": _global_pool2d,
    "layers.GlobalMaxPooling2D": _global_pool2d,
    "layers.Flatten": _flatten,
    "layers.Reshape": _reshape,
    "ops.Reshape": _reshape,
    "ops.Squeeze": _squeeze,
    "ops.Mean": _mean,
    "ops.Pad": _pad,
    "ops.ZerosLike": _zeros_like,
    "layers.ZeroPadding2D": _zero_padding,
    "layers.Activation": _activation_layer,
    "layers.BatchNormalization": _batch_norm,
    "layers.Rescaling": _rescaling,
    "layers.RandomCrop": _unknown,  # like the others with Random in their name, but of its own size
    "layers.Add": _scale_by("add"),
    "ops.Add": _scale_by("add"),
    "ops.Subtract": _scale_by("subtract"),
    "ops.Multiply": _scale_by("multiply"),
    "ops.Divide": _scale_by("divide"),
    "ops.TrueDivide": _scale_by("divide"),
    "layers.Concatenate": _concat,
    "ops.Concatenate": _concat,
    "ops.GetItem": _get_item,
    "ops.Take": _take,
    "ops.Split": _split,
    "ops.Unmerged": _unmerged,
    "ops.Stack": _stack,
    "ops.Flip": _flip,
    "ops.Maximum": _maximum,
    "ops.Negative": _negative,
    **{
        f"layers.{name}": _same
        for name in (
            "Dropout", "SpatialDropout2D", "Identity", "GaussianNoise", "GaussianDropout",
            "AlphaDropout", "ActivityRegularization", "RandAugment", "AugMix", "MixUp", "CutMix",
        )
    },
    "ops.ConvertToTensor": _same,
    "ops.Identity": _same,
    "ops.Cast": _same,
    **{
        f"{group}.{written}": _named_function(name)
        for written, name in {
            "ReLU": "relu", "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid",
            "Softmax": "softmax", "LogSoftmax": "log_softmax", "Elu": "elu", "Gelu": "gelu",
            "Selu": "selu", "Silu": "silu", "Softplus": "softplus", "Relu6": "relu6",
            "LeakyReLU": "leaky_relu", "LeakyRelu": "leaky_relu", "ELU": "elu",
        }.items()
        for group in ("layers", "ops")
    },
}  # fmt: skip


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
