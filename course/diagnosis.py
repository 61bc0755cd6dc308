"""Anatomy against table: the first row that differs, the likely cause, one sentence that helps.

`diagnose(model, TABLE)` walks both networks from the input. A row of the table is right if some
step of the model reads the same rows and does the same thing; names, order of branches and ways of
writing do not count, because an anatomy has none. The first row without such a step is the first
finding. It is named with what came out, what should have, and the cause that the numbers suggest.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum, unique

from course.anatomy import anatomy


@unique
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
    OTHER_STEP = "It is {received}. The table has {expected} here."
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
    PRE_ACTIVATION = (
        "Normalisation and activation come before the convolution here, as in the pre-activation "
        "networks of 2016. In the table they come behind it."
    )
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
    wanted = [anatomy(each) for each in tables]
    for each in wanted[:-1]:
        if not _Comparison(each, found).findings():
            return []
    if len(wanted) > 1:
        wanted.sort(key=lambda each: _Comparison(each, found).left_over())
    return _Comparison(wanted[0], found).findings()


class _Comparison:
    """Two anatomies side by side, walked from the input.

    Where a row has no partner, everything that may have happened there is tried: a step that was
    changed, left out, put in or fed from elsewhere, a block too few or too many. Each explanation
    is followed to the end, and the one after which the least is left to explain is reported.
    """

    MOST = 5

    def __init__(self, wanted, found):
        self.wanted, self.found = wanted, found
        # A concatenation is no step: what reads it reads what was put together.
        self.rows, self.steps = (
            [step for step in network.steps if step.step != "concatenate"]
            for network in (wanted, found)
        )
        self.list = []
        self.readers, self.kinds = {}, {}
        for steps in (self.rows, self.steps):
            for step in steps:
                for source in {id(part[0]): part[0] for v in step.inputs for part in v.parts}:
                    self.readers.setdefault(source, []).append(step)
                    kind = (step.step, step.kernel, step.filters, step.activation)
                    self.kinds.setdefault(source, []).append(kind)
        self.fed = {}  # what is read -> the steps that read it
        for step in self.steps:
            self.fed.setdefault(_together(map(_key, step.inputs)), []).append(step)
        self.known = {}  # differences that were looked at before
        self.state = _State()

    def findings(self):
        """What differs, the first row first."""
        if not self._same_input():
            return self.list
        at = 0
        while at < len(self.rows) and len(self.list) < self.MOST:
            row = self.rows[at]
            if id(row) not in self.state.settled:
                step = self._partner_of(row, self.state)
                if step is None:
                    self._go_on(at + 1)
                if step is None or self._doubtful(row, step):
                    if not self._explain(at):
                        return self.list
                    continue
                self.state.pair(row, step)
            self._sharing(row)
            at += 1
        self._same_output()
        return self.list

    def left_over(self):
        """How much of the table fits nothing, roughly: to tell which of several tables is meant."""
        return self._rest(0, self.state.copy(), float("inf")) if self._same_input() else 1000

    # --- the ends

    def _same_input(self):
        wanted = [value.shape for value in self.wanted.inputs]
        begins = [self._behind_preparation(value.parts[0][0]) for value in self.found.inputs]
        found = [step.shape for step in begins]
        if wanted == found or self._padded_to(begins, wanted):
            for value, step in zip(self.wanted.inputs, begins, strict=True):
                self.state.stands[id(value.parts[0][0])] = ((id(step), -1, -1),)
            return True
        text = [" and ".join(map(_shape, shapes)) for shapes in (wanted, found)]
        hint = ""
        if len(found) == len(wanted) == 1 and sorted(found[0]) == sorted(wanted[0]):
            hint = "The order is (height, width, channels)."
        self.list = [finding("input", Cause.INPUT_SHAPE, *text, hint=hint)]
        return False

    def _behind_preparation(self, step):
        """The step that hands on the images: cropping and normalising come before the network."""
        while True:
            readers = self.readers.get(id(step), [])
            if len(readers) != 1 or readers[0].step not in _PREPARATION:
                return step
            step = readers[0]
            self.state.used.add(id(step))

    def _padded_to(self, begins, wanted):
        """Whether zeros around a smaller image make it what the table begins with.

        AlexNet's paper says 224, and its sizes need 227. Only where the first window moves in
        larger steps: elsewhere every zero is a position more, and another network.
        """
        if not len(begins) == len(wanted) == 1:
            return False
        (begin,), (shape,) = begins, wanted
        first = self.readers.get(id(begin), [])
        if len(shape) != 3 or begin.filters != shape[-1] or any(s.stride == (1, 1) for s in first):
            return False
        sizes = [
            tuple(side + sum(pad) for side, pad in zip(begin.grid, step.padding, strict=True))
            for step in first
        ]
        self.padded = bool(sizes) and all(size == shape[:2] for size in sizes)
        return self.padded

    padded = False

    def _same_output(self):
        wanted, found = self.wanted.outputs, self.found.outputs
        if len(wanted) != len(found):
            count = [f"{len(v)} output{'s' * (len(v) != 1)}" for v in (wanted, found)]
            self.list.append(finding("output", Cause.OUTPUT_COUNT, *count))
            return
        if self.list:
            return
        for value, other in zip(wanted, found, strict=True):
            rest = [step for step, _, _ in other.parts if id(step) not in self.state.used]
            if rest:
                self.list.append(finding(rest[0].name, Cause.EXTRA, received=rest[0].does()))
            elif value.shape != other.shape:
                hint = ""
                if other.shape[-1] == value.shape[-1]:
                    hint = "Flatten the last map, so that each class is one number."
                shapes = (_shape(value.shape), _shape(other.shape))
                self.list.append(finding("output", Cause.OUTPUT_SHAPE, *shapes, hint=hint))

    # --- one row

    def _partner_of(self, row, state):
        """The step of the model that reads the same rows and does the same."""
        right = [
            step for step in self._candidates(row, state) if not self._differences(row, step, state)
        ]
        if not right:
            return None
        best = max(right, key=lambda step: self._likeness(row, step))
        # A twin's only step is not this row's: what reads it tells them apart.
        likeness = self._likeness(row, best)
        if len(right) == 1 and likeness < 0 and id(row) not in state.edited:
            reads = [_key(value) for value in row.inputs]
            for twin in self.rows:
                same = twin is not row and id(twin) not in state.settled
                if same and [_key(value) for value in twin.inputs] == reads:
                    better = self._likeness(twin, best) > likeness
                    if better and not self._differences(twin, best, state):
                        return None
        return best

    def _doubtful(self, row, step):
        """Whether another step, by what reads it, is more like the row than the one that fits."""
        others = (s for s in self._candidates(row, self.state) if s.step == row.step)
        return any(self._likeness(row, s) > self._likeness(row, step) + 1 for s in others)

    def _candidates(self, row, state):
        """Unused steps that read exactly what stands for what the row reads."""
        reading = self._reading(row, state)
        if reading is None:
            return []
        return [step for step in self.fed.get(reading, ()) if id(step) not in state.used]

    def _reading(self, row, state):
        """What a row's partner should read, or None if the model has nothing for a part of it."""
        values = [self._translated(row, value, state) for value in row.inputs]
        return None if None in values else _together(values)

    def _translated(self, row, value, state):
        key = _key(value)
        for name in ((id(row), key), key):
            if name in state.moved:
                return state.moved[name]
        parts = []
        for step, start, stop in key:
            stands = state.stands.get(step)
            if stands is None:
                return None
            if start != -1:
                if len(stands) != 1:
                    return None
                stands = [(stands[0][0], start, stop)]
            parts += stands
        return tuple(sorted(set(parts)))  # rows that were left out may stand for the same

    def _likeness(self, row, step):
        """How well the kinds of what reads the row and the step agree; 0 if they are the same."""
        ours, theirs = (Counter(self.kinds.get(id(s), [])) for s in (row, step))
        return (row.name == step.name) / 2 - ((ours - theirs) + (theirs - ours)).total()

    def _differences(self, row, step, state):
        """[(cause, expected, received)] in the order in which they should be mended."""
        key = (id(row), id(step), state.sizes_off)
        if key not in self.known:
            self.known[key] = self._compared(row, step, state.sizes_off)
        found = self.known[key]
        if id(row) in state.loose:
            found = [difference for difference in found if difference[0] not in _ABOUT_ACTIVATION]
        return found

    def _compared(self, row, step, sizes_off):
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
            if not found and not sizes_off and self._padded_otherwise(row, step):
                found.append((Cause.PADDING, _around(row), _around(step)))
        if row.step in ("conv", "dense"):
            units = Cause.UNITS if row.step == "dense" else Cause.FILTERS
            if row.step == "dense" and any(row is part[0] for v in self._ends for part in v.parts):
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

    @property
    def _ends(self):
        return self.wanted.outputs

    def _padded_otherwise(self, row, step):
        """Whether the maps differ in size, or a step that should not pad does so all the same."""
        if row.grid != step.grid:
            return True
        if self.padded and any(source.step == "input" for v in row.inputs for source in v.sources):
            return False
        return any(map(any, step.padding)) and not any(map(any, row.padding))

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

    def _sharing(self, row):
        step = self.state.of.get(id(row))
        if step is None or step.layer is None or not step.parameters:
            return
        first = self.state.owner.setdefault(step.layer, row)
        if first is not row:
            hint = "Create one layer for each row."
            rest = {"received": first.name, "hint": hint}
            self.list.append(finding(row.name, Cause.SHARED_WEIGHTS, **rest))

    # --- what went wrong

    def _go_on(self, at):
        """Place the later rows that do not depend on the one without a partner."""
        for row in self.rows[at:]:
            if id(row) not in self.state.settled:
                step = self._partner_of(row, self.state)
                if step is not None:
                    self.state.pair(row, step)

    def _explain(self, at):
        """Report why a row has no partner. False if what follows cannot be compared."""
        row = self.rows[at]
        later = any(id(r) in self.state.settled for r in self.rows[at + 1 :])
        beside = any(len(value.parts) > 1 for value in self.wanted.outputs)
        if not self._ready(self.state) and not later and not beside:
            return self._ends_early(row)
        best = None
        for explanation in self._explanations(at, row):
            most = best[0] - explanation.cost if best else float("inf")
            if most > 0:
                rest = 0 if explanation.last else self._rest(at, explanation.state.copy(), most)
                cost = explanation.cost + rest
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, explanation)
        explanation = best[1]
        self.state = explanation.state
        self.list += explanation.findings
        return not explanation.last

    def _rest(self, at, state, most):
        """What is left to explain from a row on, at most `most`: the walk without its reports."""
        cost = 0.0
        for row in self.rows[at:]:
            if id(row) in state.settled:
                continue
            step = self._partner_of(row, state)
            if step is None:
                candidates = self._candidates(row, state)
                like = [s for s in candidates if self._similar(row, s)]
                behind = [
                    (s, after)
                    for s in candidates
                    if len(s.inputs) == 1 == len(row.inputs)
                    for after in self.readers.get(id(s), [])
                    if len(after.inputs) == 1 and not self._differences(row, after, state)
                ]
                if like:
                    step = min(like, key=lambda s: len(self._differences(row, s, state)))
                price = self._price(self._differences(row, step, state)) if like else 2
                if behind and price > 1:
                    extra, step = behind[0]
                    cost += 1
                    state.used.add(id(extra))
                    self._move(_key(row.inputs[0]), ((id(extra), -1, -1),), state)
                elif like:
                    cost += price
                else:
                    cost += 1
                    self._leave_out(row, state)
            if step is not None:
                state.pair(row, step)
            if cost >= most:
                return cost
        return cost + sum(id(step) not in state.used for step in self.steps)

    def _similar(self, row, step):
        return row.step == step.step or ("pool" in row.step and "pool" in step.step)

    def _price(self, differences):
        return min(0.6 * len(differences), 1.8)

    def _explanations(self, at, row):
        fits = self._partner_of(row, self.state)
        if fits is not None:
            state = self.state.copy()
            state.pair(row, fits)
            yield _Explanation(0, state, [])
        candidates = self._candidates(row, self.state)
        for step in candidates:
            yield from self._changed(row, step)
            yield from self._turned_round(row, step)
        for step in candidates:
            yield from self._activation_elsewhere(row, step)
        yield from self._missing(row)
        for step in candidates:
            yield from self._extra(row, step)
        if not candidates:
            for value in row.inputs:
                yield from self._extra_before_part(row, value)
        yield from self._elsewhere(at, row)
        yield from self._runs(at, row)
        if row.step == "add":
            yield from self._addition(row)

    def _changed(self, row, step):
        """It is this row's step, and something about it is not right."""
        state = self.state.copy()
        state.pair(row, step)
        state.sizes_off |= row.shape != step.shape
        differences = self._differences(row, step, self.state)
        if row.step == step.step:
            findings = [
                self._attributed(row, step, *difference, first=number == 0)
                for number, difference in enumerate(differences)
            ]
            twins = self._twins(row)
            if twins and row.filters != step.filters:
                received = f"{twins} other step{'s' * (twins > 1)}"
                hint = "Create a new layer for each map or group of maps."
                rest = {"received": received, "hint": hint}
                yield _Explanation(
                    0, state, [finding(row.name, Cause.SHARED_WEIGHTS, **rest)], last=True
                )
            if differences:
                yield _Explanation(self._price(differences), state, findings)
        elif row.step == "dense" and step.step == "conv" and step.written == "Dense":
            shapes = (_shape(row.shape), _shape(step.shape))
            found = finding(row.name, Cause.FLATTEN_MISSING, *shapes, gives=_gives(row, step))
            yield _Explanation(0.6, state, [found], last=True)
        else:
            pools = self._similar(row, step)
            cause = Cause.POOL_KIND if pools else Cause.OTHER_STEP
            state.sizes_off = True
            found = finding(row.name, cause, row.does(), step.does())
            yield _Explanation(0.6 if pools else 1.5, state, [found])

    def _turned_round(self, row, step):
        """Normalisation and activation before the convolution instead of behind it."""
        behind = [s.step for s in self.readers.get(id(row), [])]
        follows = [s.step for s in self.readers.get(id(step), [])]
        norm = step.step == "batch_norm" and step.activation
        if row.step == "conv" and norm and behind == ["batch_norm"] and "conv" in follows:
            found = finding(row.name, Cause.PRE_ACTIVATION, row.does(), step.does())
            yield _Explanation(0.5, self.state.copy(), [found], last=True)

    def _activation_elsewhere(self, row, step):
        """The row's activation comes one step later, or the next row's activation comes here."""
        causes = [cause for cause, _, _ in self._differences(row, step, self.state)]
        follows = self.readers.get(id(step), [])
        if causes == [Cause.ACTIVATION_MISSING] and len(follows) == 1:
            (later,) = follows
            if later.activation == row.activation and len(later.inputs) == 1:
                state = self.state.copy()
                state.pair(row, step)
                state.stands[id(row)] = ((id(later), -1, -1),)
                state.used.add(id(later))
                gives = f"follows {row.name}"
                found = finding(_name(later), Cause.EXTRA, received=later.does(), gives=gives)
                yield _Explanation(1.0, state, [found])
        after = self.readers.get(id(row), [])
        if causes != [Cause.ACTIVATION_EXTRA] or len(after) != 1:
            return
        (after,) = after
        if after.activation != step.activation:
            return
        state = self.state.copy()
        state.pair(row, step)
        if after.step == "add" and any(s.step == "add" for s in follows):
            state.loose.add(id(after))
            yield _Explanation(0.5, state, [finding(row.name, Cause.RELU_BEFORE_ADDITION)])
            return
        self._leave_out(after, state, row)
        found = self._left_out(after, row.name, follows[0] if follows else None)
        yield _Explanation(1.1, state, [found])

    def _left_out(self, row, after, step):
        """The finding that a row is missing."""
        if row.step == "add":
            return finding(row.name, Cause.SHORTCUT_MISSING, row.does())
        received = _what(step) if step else "the output"
        return finding(row.name, Cause.MISSING, row.does(), after=after, received=received)

    def _leave_out(self, row, state, main=None):
        """Let what a row reads stand for the row itself: of an addition, its main branch."""
        state.settle(row)
        value = row.inputs[-1]
        if main is not None:
            value = next((v for v in row.inputs if main in v.sources), value)
        state.stands[id(row)] = self._translated(row, value, state)
        state.sizes_off = True

    def _missing(self, row):
        state = self.state.copy()
        self._leave_out(row, state)
        cost = 1.1
        norm = self.readers.get(id(row), [None])[0]
        if row.step == "conv" and norm is not None and norm.step == "batch_norm":
            # It may have gone together with its normalisation.
            both = state.copy()
            self._leave_out(norm, both)
            yield _Explanation(1.15, both, [self._missing_here(row)])
        yield _Explanation(cost, state, [self._missing_here(row)])

    def _missing_here(self, row):
        row = self._unnamed(row)
        value = row.inputs[0]
        after = value.joined.name if value.joined else value.parts[0][0].name
        candidates = self._candidates(row, self.state) or self._ready(self.state)
        return self._left_out(row, after, candidates[0] if candidates else None)

    def _unnamed(self, row):
        """The row that was left out of several equal ones, if the model's names tell which."""
        names = {step.name for step in self.steps}
        missing, above = row, row
        while row.name in names and len(above.inputs) == 1:
            above = above.inputs[0].parts[0][0]
            if above.step != row.step or self._compared(above, row, True):
                break
            if above.name not in names:
                missing = above
        return missing

    def _extra(self, row, step):
        """The step, and perhaps up to two that follow it, are not in the table."""
        if len(row.inputs) != 1:
            return
        key, chain = _key(row.inputs[0]), []
        while step is not None and len(chain) < 3 and id(step) not in self.state.used:
            chain.append(step)
            for name in (key, (id(row), key)):  # for all that read it, or for this row only
                state = self.state.copy()
                state.used.update(map(id, chain))
                state.edited.add(id(row))
                state.moved[name] = ((id(step), -1, -1),)
                if name == key and len(key) == 1 and key[0][1] == -1:
                    state.stands[key[0][0]] = state.moved[name]
                state.sizes_off = True
                found = self._too_much(row, chain[0])
                yield _Explanation(1.1 + 0.2 * (len(chain) - 1), state, [found])
            follows = self.readers.get(id(step), [])
            step = follows[0] if len(follows) == 1 and len(follows[0].inputs) == 1 else None

    def _extra_before_part(self, row, value):
        """A step too much at the end of one of the branches that a row reads side by side."""
        for source, start, _ in _key(value):
            stands = self.state.stands.get(source)
            for step in self._ready(self.state):
                if start == -1 and len(step.inputs) == 1 and _key(step.inputs[0]) == stands:
                    state = self.state.copy()
                    state.used.add(id(step))
                    state.edited.add(id(row))
                    state.stands[source] = ((id(step), -1, -1),)
                    yield _Explanation(1.1, state, [self._too_much(row, step)])

    def _too_much(self, row, step):
        gives = f"stands where {row.name} ({row.does()}) should come"
        return finding(_name(step), Cause.EXTRA, received=step.does(), gives=gives)

    def _elsewhere(self, at, row):
        """The row's step is there and reads something else; or only that of a later row is."""
        ready = self._ready(self.state)
        for step in ready:
            if not self._differences(row, step, self.state):
                state = self.state.copy()
                state.pair(row, step)
                yield _Explanation(1.0, state, [self._reads(row, step)])
        for later in self.rows[at + 3 :]:
            if later.step != "dense" and "global" not in later.step:
                continue
            for step in ready:
                if self._differences(later, step, self.state):
                    continue
                # Fed from a side branch. From the way to it, the rows between would be missing.
                sources = [part[0] for value in step.inputs for part in value.parts]
                rows = [r for r in self.rows if self.state.of.get(id(r)) in sources]
                if not rows or any(self._leads(r, later) for r in rows):
                    continue
                state = self.state.copy()
                for between in self.rows[at : self.rows.index(later)]:
                    if self._leads(between, later):
                        state.settle(between)
                state.pair(later, step)
                yield _Explanation(1.5, state, [self._reads(later, step)])

    def _leads(self, row, later):
        """Whether a row leads to a later one."""
        waiting, seen = [row], set()
        while waiting:
            step = waiting.pop()
            if step is later:
                return True
            new = [s for s in self.readers.get(id(step), []) if id(s) not in seen]
            seen.update(map(id, new))
            waiting += new
        return False

    def _reads(self, row, step):
        reads = [" and ".join(_sources(s)) for s in (row, step)]
        return finding(row.name, Cause.WRONG_INPUT, *reads)

    def _runs(self, at, row):
        """Several rows too few or too many: whole blocks, from one narrow place to another."""
        if len(row.inputs) != 1:
            return
        here = self._translated(row, row.inputs[0], self.state)
        key = _key(row.inputs[0])
        if here is None or (at and _narrow(self.rows, at) != key):
            return
        candidates = self._candidates(row, self.state)
        received = candidates[0].does() if candidates else "the output"
        for end in range(at + 2, min(len(self.rows), at + 60)):
            past = _narrow(self.rows, end)
            if past is None:
                continue
            gone = self.rows[at:end]
            state = self.state.copy()
            for lost in gone:
                state.settle(lost)
            self._move(past, here, state)
            if any(len(lost.inputs) > 1 for lost in gone) or len(past) > 1:
                found = finding(row.name, Cause.BLOCK_MISSING, row.does(), received)
                yield _Explanation(1.3 + 0.1 * len(gone), state, [found])
            elif len(gone) < 5:
                findings = [self._missing_here(row)]
                findings += [
                    finding(r.name, Cause.MISSING, r.does(), after=row.name, received=received)
                    for r in gone[1:]
                ]
                yield _Explanation(0.9 * len(gone), state, findings)
        ready = candidates or self._ready(self.state)
        begin = next((number for number, step in enumerate(self.steps) if step in ready), None)
        if begin is None:
            return
        for end in range(begin + 2, min(len(self.steps), begin + 60)):
            past = _narrow(self.steps, end)
            if past is None:
                continue
            more = self.steps[begin:end]
            if not any(len(step.inputs) > 1 for step in more) and len(past) == 1:
                continue
            state = self.state.copy()
            state.used.update(map(id, more))
            state.edited.add(id(row))
            self._move(key, past, state)
            found = finding(row.name, Cause.BLOCK_EXTRA, row.does(), received)
            if all(len(step.inputs) < 2 for step in self.rows):
                found = self._too_much(row, more[0])
            yield _Explanation(1.3 + 0.1 * len(more), state, [found])

    def _move(self, key, parts, state):
        """From now on, what reads a value of the table should read these parts of the model."""
        state.moved[key] = parts
        if len(key) == 1 and key[0][1] == -1:
            state.stands[key[0][0]] = parts
        state.sizes_off = True

    def _addition(self, row):
        wanted = [self._translated(row, value, self.state) for value in row.inputs]
        if None in wanted:
            return
        for reader in self.steps:
            if any(set(sum(wanted, ())) <= set(_key(value)) for value in reader.inputs):
                found = finding(row.name, Cause.SHORTCUT_CONCATENATED, row.does())
                yield _Explanation(0.5, self.state.copy(), [found], last=True)
                return
        for step in self.steps:
            if step.step != "add" or id(step) in self.state.used or len(step.inputs) != len(wanted):
                continue
            got = [_key(value) for value in step.inputs]
            wrong = [n for n, value in enumerate(wanted) if value not in got]
            other = [value for value in got if value not in wanted]
            if len(wrong) != 1 or len(other) != 1:
                continue
            state = self.state.copy()
            state.pair(row, step)
            chain = self._chain(other[0], wanted[wrong[0]])
            if chain is None:
                yield _Explanation(1.0, state, [self._reads(row, step)])
                continue
            state.used.update(map(id, chain))
            weights = next((s for s in chain if s.parameters and s.step != "batch_norm"), None)
            # What the block begins with is read by the block as well: it is the shortcut.
            source = row.inputs[wrong[0]].parts[0][0]
            if weights is not None and len(self.readers[id(source)]) > 1:
                found = finding(row.name, Cause.PROJECTION_EXTRA, received=weights.does())
            else:
                gives = f"stands between {_sources(row)[wrong[0]]} and {row.name}"
                found = finding(_name(chain[0]), Cause.EXTRA, received=chain[0].does(), gives=gives)
            yield _Explanation(1.0, state, [found])

    def _chain(self, end, begin):
        """The unused steps, at most three, that lead from a value of the model to another."""
        chain = []
        while len(end) == 1 and len(chain) < 4:
            step = next((s for s in self.steps if id(s) == end[0][0]), None)
            if step is None or id(step) in self.state.used or len(step.inputs) != 1:
                return None
            chain.insert(0, step)
            end = _key(step.inputs[0])
            if end == begin:
                return chain
        return None

    def _attributed(self, row, step, cause, expected, received, first):
        gives = hint = ""
        if first and row.shape != step.shape and not self.state.sizes_off:
            gives = _gives(row, step)
        if cause is Cause.PADDING:
            hint = _size_arithmetic(row, step)
        elif cause in (Cause.KERNEL, Cause.STRIDE) and row.grid != step.grid:
            hint = f"The size becomes {_formula(step)}."
        elif cause in (Cause.CONNECTIONS, Cause.GROUPS):
            counts = f"{step.parameters:,} parameters where the table has {row.parameters:,}"
            hint = f"That is {counts}." if step.parameters != row.parameters else ""
        return finding(row.name, cause, expected, received, gives=gives, hint=hint)

    def _ends_early(self, row):
        if not self.list:
            last = next((s for s in reversed(self.steps) if id(s) in self.state.used), None)
            hint = f"Its last step is {last.name} ({last.does()})." if last else "It has no steps."
            self.list.append(finding(row.name, Cause.ENDS_EARLY, row.does(), hint=hint))
        return False

    def _ready(self, state):
        """Unused steps all of whose sources have their place: the frontier."""
        placed = {part[0] for parts in state.stands.values() if parts for part in parts}
        placed |= {part[0] for parts in state.moved.values() for part in parts}
        return [
            step
            for step in self.steps
            if id(step) not in state.used
            and all(id(s) in placed for value in step.inputs for s, _, _ in value.parts)
        ]

    def _twins(self, row):
        """How many further steps of the row's kind use one layer side by side; 0 if none does."""
        same = [
            s.layer
            for s in self._ready(self.state)
            if s.step == row.step and s.parameters and s.layer is not None
        ]
        return max(Counter(same).values(), default=1) - 1


class _State:
    """How far two networks have been compared."""

    def __init__(self):
        self.stands = {}  # id(step of the table) -> the parts of the model that stand for it
        self.moved = {}  # a value of the table, for all or for one row -> parts of the model
        self.of = {}  # id(row) -> its step in the model
        self.owner = {}  # layer -> row of the table that uses its weights
        self.used = set()  # ids of the model's steps that are accounted for
        self.settled = set()  # ids of the table's rows that are accounted for
        self.edited = set()  # ids of rows before which something was taken out
        self.loose = set()  # ids of rows whose activation was found elsewhere
        self.sizes_off = False  # after a wrong size, later sizes follow from it

    def copy(self):
        other = _State()
        for name, value in self.__dict__.items():
            setattr(other, name, value if isinstance(value, bool) else value.copy())
        return other

    def pair(self, row, step):
        self.stands[id(row)] = ((id(step), -1, -1),)
        self.of[id(row)] = step
        self.used.add(id(step))
        self.settle(row)

    def settle(self, row):
        self.settled.add(id(row))


@dataclass
class _Explanation:
    cost: float
    state: _State
    findings: list
    last: bool = False  # what follows cannot be compared


_ABOUT_ACTIVATION = {Cause.ACTIVATION, Cause.ACTIVATION_MISSING, Cause.ACTIVATION_EXTRA}
_PREPARATION = {"Normalization", "RandomCrop", "CenterCrop", "Resizing"}
_ACTIVATIONS = {"scaled_tanh": "1.7159 · tanh(2a/3)"}


def _key(value):
    """What a value is made of, as something that can be compared; the order does not count."""
    return tuple(
        sorted(
            (id(step), -1, -1) if start == 0 and stop == step.filters else (id(step), start, stop)
            for step, start, stop in value.parts
        )
    )


def _together(keys):
    """What a step reads: for each input, what it is made of."""
    return tuple(sorted(keys))


def _narrow(steps, at):
    """The one value that everything from a place on reads of what stands before it, or None."""
    before = {id(step) for step in steps[:at]}
    crossing = {
        _key(value)
        for step in steps[at:]
        for value in step.inputs
        if any(id(source) in before for source, _, _ in value.parts)
    }
    return crossing.pop() if len(crossing) == 1 else None


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
    """The names of what a step reads; a concatenation stands for what it puts together."""
    found = [[v.joined] if v.joined else [part[0] for part in v.parts] for v in step.inputs]
    return [source.name for sources in found for source in sources]


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
