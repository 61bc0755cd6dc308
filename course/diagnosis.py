"""Anatomy against table: the first row that differs, the likely cause, one sentence that helps.

`diagnose(model, TABLE)` walks both networks from the input. A row of the table is right if some
step of the model reads the same rows and does the same thing; names, order of branches and ways of
writing do not count, because an anatomy has none. The first row without such a step is the first
finding. It is named with what came out, what should have, and the cause that the numbers suggest.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from course.anatomy import anatomy


class Cause(Enum):
    """Everything that can be found, each with its sentence; reports count these."""

    # the answer itself
    NOT_ANSWERED = "There is no answer yet."
    RAISES = "Your code stops with an error: {received}."
    NO_ANSWER = "No answer came back: {received}."
    NO_MODEL = "It should return a keras.Model. Received: {received}."
    UNREADABLE = "The model cannot be read: {received}"
    # numbers
    WRONG_VALUE = "The value is not right."
    WRONG_KIND_OF_VALUE = "It should be {expected}. Received: {received}."
    MISSING_KEY = "The row is missing in your answer."
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
    DILATION = "The kernel is spread out by {received}, the table has no dilation."
    FILTERS = "It makes {received} maps, the table has {expected}."
    UNITS = "It has {received} units, the table has {expected}."
    CLASSES = "It has {received} outputs, one for each of {expected} classes is needed."
    GROUPS = "It works in {received}, the table has {expected}."
    CONNECTIONS = "Its connections are {received}, the table has {expected}."
    ACTIVATION_MISSING = "It has no activation, the table has {expected}."
    ACTIVATION = "Its activation is {received}, the table has {expected}."
    ACTIVATION_EXTRA = "Its activation is {received}, the table has none here."
    BIAS_MISSING = "It has no bias, the table has one for each map."
    BIAS_EXTRA = "It has a bias, the table has none."
    FROZEN = "Its weights are frozen, the table trains them."
    NOT_FROZEN = "Its weights are trained, the table keeps them fixed."
    POOL_KIND = "It is {received}, the table has {expected}."
    SHARED_WEIGHTS = "It is the same layer object as {received}: they share their weights."
    # rows that are too many, too few, or elsewhere
    MISSING = "This row is missing: after {after} comes {received}."
    EXTRA = "This step is not in the table: {received}."
    OTHER_STEP = "It is {received}, the table has {expected}."
    FLATTEN_MISSING = (
        "A Dense layer on a map works at every position by itself. Flatten the map before it."
    )
    SHORTCUT_MISSING = "The shortcut is missing: nothing is added to what the block computes."
    SHORTCUT_CONCATENATED = "The shortcut is put beside the block's output instead of added to it."
    PROJECTION_EXTRA = (
        "The shortcut is a projection ({received}), but the shape does not change here: the input "
        "of the block itself should be added."
    )
    RELU_BEFORE_ADDITION = "The activation comes before the addition; it belongs behind it."
    BLOCK_MISSING = "A block is missing before this row: here comes {received} already."
    BLOCK_EXTRA = "There is one block too many before this row: here comes {received} once more."
    WRONG_INPUT = "It reads {received}, it should read {expected}."
    ENDS_EARLY = "The model ends before this row."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, why, and a sentence for the person who wrote it."""

    row: str
    cause: Cause
    expected: str
    received: str
    message: str


def finding(row, cause, expected="", received="", *, gives="", after="", hint=""):
    """A Finding whose message is the row, what it gives, the cause's sentence and a hint."""
    sentence = cause.value.format(expected=expected, received=received, after=after)
    start = f"{row} {gives}." if gives else f"{row}:" if row else ""
    message = " ".join(filter(None, (start, sentence, hint)))
    return Finding(row, cause, str(expected), str(received), message)


def diagnose(network, table):
    """Everything that differs between a network and a published table; empty if nothing does.

    Of several tables, as a list, one has to fit; the findings are those of the table that the
    network follows farthest.

    `network` is a Keras model, its JSON config, its trace or its anatomy. The first finding is
    the first row of the table that differs; later ones are listed as far as they stand for
    themselves.
    """
    tables = list(table) if isinstance(table, list | tuple) else [table]
    found = anatomy(network, getattr(tables[0], "input_shape", None))
    comparisons = [_Comparison(anatomy(wanted), found) for wanted in tables]
    results = [(comparison.findings(), comparison) for comparison in comparisons]
    findings, _ = min(results, key=lambda result: (bool(result[0]), -result[1].right))
    return findings


class _Comparison:
    MOST = 5

    def __init__(self, wanted, found):
        self.wanted, self.found = wanted, found
        # A concatenation is no step: what reads it reads what was put together.
        self.rows, self.steps = (
            [step for step in network.steps if step.step != "concatenate"]
            for network in (wanted, found)
        )
        self.partner = {}  # id(step of the table) -> step of the model
        self.used = {}  # id(step of the model) -> step of the table
        self.owner = {}  # layer -> row of the table that uses its weights
        self.missing = set()  # rows that were found to be missing before their turn
        self.right = 0  # rows that fit before the first that does not
        self.sizes_off = False  # after a wrong size, later sizes follow from it
        self.list = []
        self.readers = {id(network): _readers(network) for network in (wanted, found)}

    def findings(self):
        if not self._same_input():
            return self.list
        for row in self.rows:
            if len(self.list) >= self.MOST:
                return self.list
            if id(row) in self.missing:
                continue
            step = self._partner_of(row)
            if step is None:
                if not self._explain(row):
                    return self.list
                step = self.partner.get(id(row))
            if step is not None and self.used.get(id(step)) is row:
                self._sharing(row, step)
        self._same_output()
        return self.list

    def _report(self, row, cause, expected="", received="", **rest):
        self.list.append(finding(row, cause, expected, received, **rest))

    # --- the ends

    def _same_input(self):
        wanted = [value.shape for value in self.wanted.inputs]
        begins = [self._behind_preparation(value.parts[0][0]) for value in self.found.inputs]
        found = [step.shape for step in begins]
        if wanted == found:
            for value, step in zip(self.wanted.inputs, begins, strict=True):
                self.partner[id(value.parts[0][0])] = step
            return True
        if len(wanted) == len(begins) == 1 and self._padded_to(begins[0], wanted[0]):
            self.partner[id(self.wanted.inputs[0].parts[0][0])] = begins[0]
            return True
        text = [" and ".join(map(_shape, shapes)) for shapes in (wanted, found)]
        hint = ""
        if len(found) == len(wanted) == 1 and sorted(found[0]) == sorted(wanted[0]):
            hint = "The order is (height, width, channels)."
        self._report("input", Cause.INPUT_SHAPE, *text, hint=hint)
        return False

    def _behind_preparation(self, step):
        """The step that hands on the images: cropping and normalising come before the network."""
        while True:
            readers = _reading(self.steps, step)
            if len(readers) != 1 or readers[0].step not in _PREPARATION:
                return step
            step = readers[0]
            self.used[id(step)] = None

    def _padded_to(self, begin, wanted):
        """Whether zeros around a smaller image make it what the table begins with.

        AlexNet's paper says 224, and its sizes need 227. Only where the first window moves in
        larger steps: elsewhere every zero is a position more, and another network.
        """
        strided = all(step.stride != (1, 1) for step in _reading(self.steps, begin))
        if len(wanted) != 3 or begin.filters != wanted[-1] or not strided:
            return False
        sizes = [
            tuple(side + sum(pad) for side, pad in zip(begin.grid, step.padding, strict=True))
            for step in _reading(self.steps, begin)
        ]
        return bool(sizes) and all(size == wanted[:2] for size in sizes)

    def _same_output(self):
        wanted, found = self.wanted.outputs, self.found.outputs
        if len(wanted) != len(found):
            count = [f"{len(v)} output{'s' * (len(v) != 1)}" for v in (wanted, found)]
            self._report("output", Cause.OUTPUT_COUNT, *count)
            return
        for value, other in zip(wanted, found, strict=True):
            expected = {id(self.partner.get(id(step))) for step, _, _ in value.parts}
            rest = [
                s for s, _, _ in other.parts if id(s) not in expected and id(s) not in self.used
            ]
            if rest and not self.list:
                self._report(rest[0].name, Cause.EXTRA, received=rest[0].does())
            elif value.shape != other.shape and not self.sizes_off and not self.list:
                hint = ""
                if other.shape[-1] == value.shape[-1]:
                    hint = "Flatten the last map, so that each class is one number."
                shapes = (_shape(value.shape), _shape(other.shape))
                self._report("output", Cause.OUTPUT_SHAPE, *shapes, hint=hint)

    # --- one row

    def _partner_of(self, row):
        """The step of the model that reads the same rows and does the same."""
        right = [step for step in self._candidates(row) if not self._differences(row, step)]
        if not right:
            return None
        best = max(right, key=lambda step: self._same_readers(row, step))
        self._pair(row, best)
        self.right += not self.list
        return best

    def _pair(self, row, step):
        self.partner[id(row)] = step
        self.used[id(step)] = row

    def _candidates(self, row):
        """Unused steps that read exactly the partners of what the row reads."""
        wanted = self._reading(row, self.partner.get)
        return [
            step
            for step in self.steps
            if id(step) not in self.used and self._reading(step) == wanted
        ]

    def _reading(self, step, translate=None):
        """What a step reads, as something that can be compared; the order does not count."""

        def name(source, start, stop):
            whole = start == 0 and stop == source.filters
            source = translate(id(source)) if translate else source
            return (id(source), -1, -1) if whole else (id(source), start, stop)

        return sorted(sorted(name(*part) for part in value.parts) for value in step.inputs)

    def _same_readers(self, row, step):
        """How well the kinds of what reads the row and the step agree; tells twins apart."""
        ours = self.readers[id(self.wanted)].get(id(row), [])
        theirs = list(self.readers[id(self.found)].get(id(step), []))
        score = 0
        for kind in ours:
            if kind in theirs:
                theirs.remove(kind)
                score += 1
        return score - len(theirs)

    def _differences(self, row, step):
        """[(cause, expected, received)] in the order in which they should be mended."""
        opaque = step.step == step.written and not step.claimed  # an own layer, Lambda: unreadable
        if row.step == "lrn" and opaque and step.grid == row.grid and step.filters == row.filters:
            return []
        if row.step != step.step:
            return [(Cause.OTHER_STEP, row.does(), step.does())]
        found = []

        def differs(cause, wanted, got, show=str):
            if wanted != got:
                found.append((cause, show(wanted), show(got)))

        if row.step in ("conv", "max_pool", "average_pool"):
            differs(Cause.KERNEL, row.kernel, step.kernel, _by)
            differs(Cause.STRIDE, row.stride, step.stride, _one)
            differs(Cause.DILATION, row.dilation, step.dilation, _one)
            if row.grid != step.grid and not found and not self.sizes_off:
                found.append((Cause.PADDING, _around(row), _around(step)))
        if row.step in ("conv", "dense"):
            units = Cause.UNITS if row.step == "dense" else Cause.FILTERS
            if row.step == "dense" and row is self.rows[-1]:
                units = Cause.CLASSES
            differs(units, row.filters, step.filters)
            if row.filters == step.filters:
                found += self._connection_differences(row, step)
            if row.bias is not None and bool(row.bias) != bool(step.bias):
                found.append((Cause.BIAS_MISSING if row.bias else Cause.BIAS_EXTRA, "", ""))
            if row.trainable != step.trainable:
                found.append((Cause.FROZEN if row.trainable else Cause.NOT_FROZEN, "", ""))
        accepted = {row.activation, *row.accepts}
        if step.activation not in accepted:
            names = [_ACTIVATIONS.get(s.activation, s.activation) for s in (row, step)]
            if step.activation is None:
                cause = Cause.ACTIVATION_MISSING
            else:
                cause = Cause.ACTIVATION if row.activation else Cause.ACTIVATION_EXTRA
            found.append((cause, *names))
        return found

    def _connection_differences(self, row, step):
        if row.step != "conv":
            return []
        if row.connections or step.connections:
            wanted, got = map(_connection_table, (row, step))
            if wanted != got:
                pairs = [f"{len(t)} maps with {sum(map(len, t))} pairs" for t in (wanted, got)]
                if sum(map(len, wanted)) == sum(map(len, got)):
                    strange = next(seen for seen in got if got.count(seen) > wanted.count(seen))
                    which = ", ".join(map(str, strange))
                    pairs = ["no such map", f"as many, but one map sees {which}"]
                return [(Cause.CONNECTIONS, *pairs)]
        elif row.groups != step.groups:
            return [(Cause.GROUPS, _groups(row), _groups(step))]
        return []

    # --- what went wrong

    def _explain(self, row):
        """Report why no step is the row's partner. False if what follows cannot be compared."""
        candidates = self._candidates(row)
        ready = candidates or self._ready()
        if not ready:
            return self._ends_early(row)
        step = min(ready, key=lambda s: self._distance(row, s))
        if (goes_on := self._residual(row, step)) is not None:
            return goes_on
        if step not in candidates and not self._differences(row, step):
            return self._wrong_input(row, step)
        if step not in candidates and step.step == row.step:
            return self._extra(row, step)
        if (norm := self._between(row, step)) is not None:
            self._pair(row, step)
            self._report(norm.name, Cause.EXTRA, received=norm.does(), gives=f"follows {row.name}")
            self.used[id(norm)] = None
            self.partner[id(row)] = norm
            return True
        twins = self._twins(row)
        if twins and row.filters != step.filters:
            hint = "Create a new layer for each map or group of maps."
            received = f"{twins} other step{'s' * (twins > 1)}"
            self._report(row.name, Cause.SHARED_WEIGHTS, received=received, hint=hint)
            return False
        verdict = self._alignment(row, step)
        if verdict == "missing":
            after = row.inputs[0].parts[0][0].name
            rest = {"after": after, "received": _what(step)}
            self._report(row.name, Cause.MISSING, row.does(), **rest)
            self.partner[id(row)] = self.partner.get(id(row.inputs[0].parts[0][0]))
            self.sizes_off = True
            return True
        if verdict == "extra":
            return self._extra(row, step)
        if row.step == "dense" and step.step == "conv" and step.written == "Dense":
            shapes = (_shape(row.shape), _shape(step.shape))
            self._report(row.name, Cause.FLATTEN_MISSING, *shapes, gives=_gives(row, step))
            self._pair(row, step)
            return False
        if row.step != step.step:
            pools = "pool" in row.step and "pool" in step.step
            cause = Cause.POOL_KIND if pools else Cause.OTHER_STEP
            what = (row.does(), step.does())
            self._report(row.name, cause, *what)
            self._pair(row, step)
            self.sizes_off = True
            return pools
        for number, difference in enumerate(self._differences(row, step)):
            self._attribute(row, step, *difference, first=number == 0)
        self._pair(row, step)
        if row.shape != step.shape:
            self.sizes_off = True
        return True

    def _attribute(self, row, step, cause, expected, received, first):
        gives = hint = ""
        if first and row.shape != step.shape and not self.sizes_off:
            gives = _gives(row, step)
        if cause is Cause.PADDING:
            hint = _size_arithmetic(row, step)
        elif cause in (Cause.KERNEL, Cause.STRIDE) and row.grid != step.grid:
            hint = f"The size becomes {_formula(step)}."
        elif cause in (Cause.CONNECTIONS, Cause.GROUPS):
            counts = f"{step.parameters:,} parameters where the table has {row.parameters:,}"
            hint = f"That is {counts}." if step.parameters != row.parameters else ""
        self._report(row.name, cause, expected, received, gives=gives, hint=hint)

    def _sharing(self, row, step):
        if step.layer is None or not step.parameters:
            return
        first = self.owner.setdefault(step.layer, row)
        if first is not row:
            hint = "Create one layer for each row."
            self._report(row.name, Cause.SHARED_WEIGHTS, received=first.name, hint=hint)

    def _ends_early(self, row):
        if not self.list:
            last = next((s for s in reversed(self.steps) if id(s) in self.used), None)
            hint = f"Its last step is {last.name} ({last.does()})." if last else "It has no steps."
            self._report(row.name, Cause.ENDS_EARLY, row.does(), hint=hint)
        return False

    def _wrong_input(self, row, step):
        reads = [" and ".join(_sources(s)) for s in (row, step)]
        self._report(row.name, Cause.WRONG_INPUT, *reads)
        self._pair(row, step)
        return True

    def _ready(self):
        """Unused steps all of whose sources are already matched: the frontier."""
        matched = {id(step) for step in self.partner.values() if step is not None}
        return [
            step
            for step in self.steps
            if id(step) not in self.used
            and all(id(s) in matched for value in step.inputs for s, _, _ in value.parts)
        ]

    def _residual(self, row, step):
        """What typically goes wrong with blocks: reported here, or None if it is nothing of that.

        True if what follows can still be compared.
        """
        if row.step == "add":
            return self._addition(row, step)
        causes = {cause for cause, _, _ in self._differences(row, step)}
        after = _reading(self.rows, row)
        follows = _reading(self.steps, step)
        if causes == {Cause.ACTIVATION_EXTRA} and [s.step for s in after] == ["add"]:
            if any(s.step == "add" for s in follows):
                self._report(row.name, Cause.RELU_BEFORE_ADDITION)
                self._pair(row, step)
                return True
            self._report(after[0].name, Cause.SHORTCUT_MISSING, after[0].does())
            return False
        if causes == {Cause.ACTIVATION_EXTRA} and [s.step for s in after] == ["batch_norm"]:
            norm = after[0]
            if norm.activation == step.activation and all(s.step != "batch_norm" for s in follows):
                received = _what(follows[0]) if follows else "the output"
                rest = {"after": row.name, "received": received}
                self._report(norm.name, Cause.MISSING, norm.does(), **rest)
                self._pair(row, step)
                self.partner[id(norm)] = step
                self.missing.add(id(norm))
                return True
        if row.step == "conv" == step.step and causes & {Cause.FILTERS, Cause.STRIDE}:
            return self._block_count(row, step)
        return None

    def _addition(self, row, step):
        sources = [self.partner.get(id(s)) for value in row.inputs for s in value.sources]
        for reader in self.steps:
            if any(set(map(id, sources)) <= set(map(id, v.sources)) for v in reader.inputs):
                self._report(row.name, Cause.SHORTCUT_CONCATENATED, row.does())
                return False
        projects = step.step == "conv" and any(s is step.inputs[0].parts[0][0] for s in sources)
        if projects:
            self._report(row.name, Cause.PROJECTION_EXTRA, received=step.does())
            return False
        return None

    def _block_count(self, row, step):
        """Whether the step is another row's: the networks have different numbers of blocks."""
        if not any(other.step == "add" for other in self.rows):
            return None
        at, sizes = self.rows.index(row), self.sizes_off
        self.sizes_off = True  # what the row is does not depend on how large its maps are
        same = [number for number, r in enumerate(self.rows) if not self._differences(r, step)]
        self.sizes_off = sizes
        if not same:
            return None
        cause = Cause.BLOCK_EXTRA if min(same) < at else Cause.BLOCK_MISSING
        self._report(row.name, cause, row.does(), step.does())
        return False

    def _extra(self, row, step):
        """Report a step that should not be there, and go on behind it."""
        self._report(_name(step), Cause.EXTRA, received=step.does(), gives=self._place(row))
        self.used[id(step)] = None
        source = row.inputs[0].parts[0][0]
        self.partner[id(source)] = step
        return self._partner_of(row) is not None or self._explain(row)

    def _between(self, row, step):
        """A normalisation that stands between a step and the activation that the row has."""
        causes = [cause for cause, _, _ in self._differences(row, step)]
        if causes != [Cause.ACTIVATION_MISSING]:
            return None
        readers = _reading(self.steps, step)
        same = len(readers) == 1 and readers[0].activation == row.activation
        return readers[0] if same and readers[0].step == "batch_norm" else None

    def _twins(self, row):
        """How many further steps of the row's kind use one layer side by side; 0 if none does."""
        same = [s.layer for s in self._ready() if s.step == row.step and s.parameters]
        return max(Counter(same).values(), default=1) - 1

    def _distance(self, row, step):
        if row.step != step.step:
            return 10
        return len(self._differences(row, step))

    def _place(self, row):
        return f"stands where {row.name} ({row.does()}) should come"

    def _alignment(self, row, step):
        """Whether from here on a row is "missing", a step is "extra", or one is "changed".

        The rest of both networks is aligned like two texts, with the cheapest edits.
        """
        first = self.rows.index(row)
        ours = self.rows[first : first + 12]
        theirs = [step, *(s for s in self.steps if id(s) not in self.used and s is not step)]
        theirs = theirs[:12]
        cost = {}
        for i in range(len(ours), -1, -1):
            for j in range(len(theirs), -1, -1):
                options = []
                if i < len(ours) and j < len(theirs):
                    options.append(
                        (self._edit(ours[i], theirs[j]) + cost[i + 1, j + 1][0], "changed")
                    )
                if i < len(ours):
                    options.append((_GAP + cost[i + 1, j][0], "missing"))
                if j < len(theirs):
                    options.append((_GAP + cost[i, j + 1][0], "extra"))
                cost[i, j] = min(options, key=lambda o: o[0]) if options else (0, "")
        return cost[0, 0][1]

    def _edit(self, row, step):
        """Cost of taking a step for a row: sizes are left out, they follow from what is before."""
        if row.step != step.step:
            pools = "pool" in row.step and "pool" in step.step
            dense = row.step == "dense" and step.written == "Dense"
            return 1 if pools or dense else 2 * _GAP + 0.1
        kinds = [
            cause for cause, _, _ in self._differences(row, step) if cause is not Cause.PADDING
        ]
        return min(0.6 * len(kinds), 1.8)


_PREPARATION = {"Normalization", "RandomCrop", "CenterCrop", "Resizing"}
_GAP = 1.1  # dropping a row costs more than changing one thing about it, less than three
_ACTIVATIONS = {"scaled_tanh": "1.7159 · tanh(2a/3)"}


def _reading(steps, step):
    """The steps that read a step."""
    return [s for s in steps if any(step is source for v in s.inputs for source, _, _ in v.parts)]


def _readers(network):
    """id(step) -> the kinds of the steps that read it."""
    readers = {}
    for step in network.steps:
        for value in step.inputs:
            for source, _, _ in value.parts:
                readers.setdefault(id(source), []).append((step.step, step.kernel, step.filters))
    return readers


def _connection_table(step):
    """A convolution's connections in an order that does not depend on the order of its maps."""
    if step.connections:
        return sorted(tuple(sorted(seen)) for seen in step.connections)
    wide, maps = step.channels // step.groups, step.filters // step.groups
    return sorted(
        tuple(range(group * wide, (group + 1) * wide))
        for group in range(step.groups)
        for _ in range(maps)
    )


def _sources(step):
    return [source.name for value in step.inputs for source, _, _ in value.parts]


def _name(step):
    return step.name or step.step


def _what(step):
    return f"{_name(step)} ({step.does()})"


def _shape(shape):
    return " × ".join(map(str, shape))


def _by(pair):
    return f"{pair[0]} × {pair[1]}"


def _one(pair):
    return str(pair[0]) if pair[0] == pair[1] else _by(pair)


def _groups(step):
    return "one group" if step.groups == 1 else f"{step.groups} groups"


def _around(step):
    """Padding in words: `none`, `2 on each side`."""
    sides = [side for axis in step.padding for side in axis]
    if not any(sides):
        return "none"
    if len(set(sides)) == 1:
        return f"{sides[0]} on each side"
    return f"{step.padding[0]} and {step.padding[1]} (before, after)"


def _formula(step, padding=None):
    """The output-size formula with a step's own numbers, for its height."""
    before, after = padding or step.padding[0]
    size, kernel, stride = step.inputs[0].grid[0], step.kernel[0], step.stride[0]
    total = before + after
    pad = f"2·{before}" if before == after else f"{total}"
    inside = f"({size} + {pad} − {kernel})"
    result = (size + total - kernel) // stride + 1
    if stride == 1:
        return f"{inside} + 1 = {result}"
    return f"⌊{inside}/{stride}⌋ + 1 = {result}"


def _size_arithmetic(row, step):
    """Why the size came out as it did, what it should be, and the argument that decides it."""
    yours, right = _formula(step), _formula(step, row.padding[0])
    if any(row.padding[0]):
        cause = 'The default padding="valid" adds nothing.'
        should = f"With {_around(row)} it is {right}."
    else:
        cause = 'padding="same" surrounds the map with zeros.'
        should = f"Without padding it is {right}."
    return f"{cause} {yours}. {should}"


def _gives(row, step):
    return f"gives {_shape(step.shape)}, the table has {_shape(row.shape)}"
