"""Two anatomies side by side: which step of the one is which row of the other.

A row's partner is a step that reads what stands for the row's inputs and does the same. Names,
the order of branches and the way of writing do not count, because an anatomy has none of them.
"""

from collections import Counter
from contextlib import suppress

from course.architectures import LRN_CONSTANTS
from course.findings import Cause, around, by, constants, groups, one


class Spent(Exception):
    """The comparison has looked at as much as it may; what it has found so far stands."""


class Comparison:
    """A published network and a student's, compared from the input on.

    `State` records how far the comparison has got. Methods take it as an argument, so that an
    explanation can be tried on a copy.

    The work is counted in looks, each about as long as comparing one row with one step: a network
    that differs everywhere, or one that was made to be expensive, ends the comparison, not the
    patience of whoever waits for it.
    """

    MOST_LOOKS = 50_000

    def __init__(self, wanted, found):
        self.wanted, self.found = wanted, found
        self.looks = 0
        # A concatenation is no step: what reads it reads what was put together.
        self.rows, self.steps = (
            [step for step in network.steps if step.step != "concatenate"]
            for network in (wanted, found)
        )
        self.padded = False  # whether zeros around the image make it what the table begins with
        self.readers, self.kinds = {}, {}
        for steps in (self.rows, self.steps):
            for step in steps:
                for source in {id(part[0]): part[0] for v in step.inputs for part in v.parts}:
                    self.readers.setdefault(source, []).append(step)
                    kind = (step.step, step.kernel, step.filters, step.activation)
                    self.kinds.setdefault(source, []).append(kind)
        # of each step of the model: the ids of the steps that it reads
        self.sources = [{id(p[0]) for v in step.inputs for p in v.parts} for step in self.steps]
        self.keys = {}  # id of a value -> its key
        self.fed, self.rows_fed = {}, {}  # what is read -> the steps, or rows, that read it
        for steps, fed in ((self.rows, self.rows_fed), (self.steps, self.fed)):
            for step in steps:
                fed.setdefault(together(map(self.key, step.inputs)), []).append(step)
        read = [*found.outputs, *(value for step in self.steps for value in step.inputs)]
        self.read = set(map(self.key, read))
        self.narrow_rows, self.narrow_steps = map(self._narrow, (self.rows, self.steps))
        self.known = {}  # differences that were looked at before
        self.state = State()

    def look(self, times=1):
        """Count a piece of work. Raises Spent when there has been twice too much."""
        self.looks += times
        if self.looks > 2 * self.MOST_LOOKS:
            raise Spent

    @property
    def spent(self):
        """Whether there has been enough work, so that no further explanation is looked for."""
        return self.looks > self.MOST_LOOKS

    def key(self, value):
        """The key of a value that one of the two networks reads."""
        if id(value) not in self.keys:
            self.keys[id(value)] = key_of(value)
        return self.keys[id(value)]

    def _narrow(self, steps):
        """For each place: the one value that all from there on read of what is before, or None."""
        place = {id(step): number for number, step in enumerate(steps)}
        ways = {}  # a value that is read -> the first step that makes it, the last that reads it
        for number, step in enumerate(steps):
            for value in step.inputs:
                made = [place[id(part[0])] for part in value.parts if id(part[0]) in place]
                if made:
                    key = self.key(value)
                    ways[key] = (min(made), number)
        begin, end = {}, {}
        for key, (made, read) in ways.items():
            begin.setdefault(made + 1, []).append(key)
            end.setdefault(read + 1, []).append(key)
        found, crossing = [], set()
        for at in range(len(steps)):
            crossing.update(begin.get(at, ()))
            crossing.difference_update(end.get(at, ()))
            found.append(next(iter(crossing)) if len(crossing) == 1 else None)
        return found

    def same_input(self):
        """Place the images. False if the model begins with another shape than the table."""
        wanted = [value.shape for value in self.wanted.inputs]
        begins = [self.behind_preparation(value.parts[0][0]) for value in self.found.inputs]
        if wanted == [step.shape for step in begins] or self._padded_to(begins, wanted):
            for value, step in zip(self.wanted.inputs, begins, strict=True):
                self.state.stands[id(value.parts[0][0])] = ((id(step), -1, -1),)
            return True
        return False

    def left_over(self):
        """How much of the table fits nothing, roughly: to tell which of several tables is meant."""
        if self.same_input():
            with suppress(Spent):
                return self.rest(0, self.state.copy(), float("inf"))
        return float("inf")

    def behind_preparation(self, step):
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

    def partner_of(self, row, state):
        """The step of the model that reads the same rows and does the same."""
        right = [
            step for step in self.candidates(row, state) if not self.differences(row, step, state)
        ]
        if not right:
            return None
        best = max(right, key=lambda step: self.likeness(row, step))
        # A twin's only step is not this row's: what reads it tells them apart.
        likeness = self.likeness(row, best)
        if len(right) == 1 and likeness < 0 and id(row) not in state.edited:
            for twin in self.rows_fed[together(map(self.key, row.inputs))]:
                if twin is not row and id(twin) not in state.settled:
                    better = self.likeness(twin, best) > likeness
                    if better and not self.differences(twin, best, state):
                        return None
        return best

    def doubtful(self, row, step):
        """Whether another step, by what reads it, is more like the row than the one that fits."""
        others = (s for s in self.candidates(row, self.state) if s.step == row.step)
        return any(self.likeness(row, s) > self.likeness(row, step) + 1 for s in others)

    def candidates(self, row, state):
        """Unused steps that read exactly what stands for what the row reads."""
        reading = self._reading(row, state)
        if reading is None:
            return []
        return [step for step in self.fed.get(reading, ()) if id(step) not in state.used]

    def _reading(self, row, state):
        """What a row's partner should read, or None if the model has nothing for a part of it."""
        values = [self.translated(row, value, state) for value in row.inputs]
        return None if None in values else together(values)

    def translated(self, row, value, state):
        """The parts of the model that stand for a value that the row reads, or None."""
        key = self.key(value)
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
        found = tuple(sorted(set(parts)))  # rows that were left out may stand for the same
        if len(key) > 1 and found not in self.read:
            # Maps that were left out between others: the others may be there without them.
            gone = {p for step, _, _ in key if step in state.left_out for p in state.stands[step]}
            rest = tuple(part for part in found if part not in gone)
            found = rest if rest in self.read else found
        return found

    def likeness(self, row, step):
        """How well the kinds of what reads the row and the step agree; 0 if they are the same."""
        ours, theirs = (self.kinds.get(id(s), []) for s in (row, step))
        apart = 0
        if ours != theirs:
            ours, theirs = Counter(ours), Counter(theirs)
            apart = ((ours - theirs) + (theirs - ours)).total()
        return (row.name == step.name) / 2 - apart

    def differences(self, row, step, state):
        """[(cause, expected, received)] in the order in which they should be mended."""
        self.look()
        key = (id(row), id(step), state.sizes_off)
        if key not in self.known:
            self.known[key] = self.compared(row, step, state.sizes_off)
        found = self.known[key]
        if id(row) in state.loose:
            found = [difference for difference in found if difference[0] not in _ABOUT_ACTIVATION]
        return found

    def compared(self, row, step, sizes_off):
        """The same, once sizes are known to be off (or not), whatever else was found before."""
        self.look()
        if row.step == "lrn" and step.closed:
            return [(Cause.CLOSED, row.does(), step.does())]
        if row.step != step.step:
            return [(Cause.OTHER_STEP, row.does(), step.does())]
        found = []

        def differs(cause, wanted, got, show=str):
            if wanted != got:
                found.append((cause, show(wanted), show(got)))

        if row.step in ("conv", "max_pool", "average_pool"):
            differs(Cause.KERNEL, row.kernel, step.kernel, by)
            differs(Cause.STRIDE, row.stride, step.stride, one)
            differs(Cause.DILATION, row.dilation, step.dilation, one)
            if not found and not sizes_off and self._padded_otherwise(row, step):
                found.append((Cause.PADDING, around(row), around(step)))
        if row.step in ("conv", "dense"):
            units = Cause.UNITS if row.step == "dense" else Cause.FILTERS
            ends = [part[0] for value in self.wanted.outputs for part in value.parts]
            if row.step == "dense" and any(row is end for end in ends):
                units = Cause.CLASSES
            differs(units, row.filters, step.filters)
            if row.filters == step.filters:
                found += self._connection_differences(row, step)
            if row.bias is not None and bool(row.bias) != bool(step.bias):
                found.append((Cause.BIAS_MISSING if row.bias else Cause.BIAS_EXTRA, "", ""))
        if row.step == "lrn" and step.constants not in LRN_CONSTANTS:
            found.append((Cause.NORMALISATION, constants(row), constants(step)))
        weights = row.step in ("conv", "dense") or (row.step == "batch_norm" and step.scales)
        if weights and row.trainable != step.trainable:
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

    def _padded_otherwise(self, row, step):
        """Whether the maps differ in size, or a step that should not pad does so all the same."""
        if row.grid != step.grid:
            return True
        if self.padded and any(source.step == "input" for v in row.inputs for source in v.sources):
            return False
        return any(map(any, step.padding)) and not any(map(any, row.padding))

    def _connection_differences(self, row, step):
        """Of a convolution whose number of maps is right: which maps each of them sees."""
        if row.step != "conv":
            return []
        if row.connections or step.connections:
            wanted, got = map(connection_table, (row, step))
            if wanted != got:
                pairs = [f"{len(t)} maps with {sum(map(len, t))} pairs" for t in (wanted, got)]
                if sum(map(len, wanted)) == sum(map(len, got)):
                    strange = next(seen for seen in got if got.count(seen) > wanted.count(seen))
                    which = ", ".join(map(str, strange))
                    pairs = ["no such map", f"as many, but one map sees {which}"]
                return [(Cause.CONNECTIONS, *pairs)]
        elif row.groups != step.groups:
            return [(Cause.GROUPS, groups(row), groups(step))]
        return []

    def similar(self, row, step):
        """Whether a step can be the row's with something changed about it."""
        pools = "pool" in row.step and "pool" in step.step
        return row.step == step.step or pools or (row.step == "lrn" and step.closed)

    def ready(self, state):
        """Unused steps all of whose sources have their place: the frontier."""
        self.look(len(self.steps) // 10)
        placed = {part[0] for parts in state.stands.values() if parts for part in parts}
        placed |= {part[0] for parts in state.moved.values() for part in parts}
        return [
            step
            for step, sources in zip(self.steps, self.sources, strict=True)
            if id(step) not in state.used and sources <= placed
        ]

    def leads(self, row, later):
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

    def leave_out(self, row, state, main=None):
        """Let what a row reads stand for the row itself: of an addition, its main branch."""
        state.settle(row)
        value = row.inputs[-1]
        if main is not None:
            value = next((v for v in row.inputs if main in v.sources), value)
        state.stands[id(row)] = self.translated(row, value, state)
        state.left_out.add(id(row))
        state.sizes_off = True

    def move(self, key, parts, state):
        """From now on, what reads a value of the table should read these parts of the model."""
        state.moved[key] = parts
        if len(key) == 1 and key[0][1] == -1:
            state.stands[key[0][0]] = parts
        state.sizes_off = True

    def rest(self, at, state, most):
        """What is left to explain from a row on, at most `most`: the walk without its reports."""
        cost = 0.0
        for row in self.rows[at:]:
            if id(row) in state.settled:
                continue
            self.look()
            step = self.partner_of(row, state)
            if step is None:
                candidates = self.candidates(row, state)
                like = [s for s in candidates if self.similar(row, s)]
                behind = [
                    (s, after)
                    for s in candidates
                    if len(s.inputs) == 1 == len(row.inputs)
                    for after in self.readers.get(id(s), [])
                    if len(after.inputs) == 1 and not self.differences(row, after, state)
                ]
                if like:
                    step = min(like, key=lambda s: len(self.differences(row, s, state)))
                elsewhere = []
                if not candidates and len(self.wanted.outputs) > 1:  # a head in another place
                    elsewhere = [
                        s for s in self.ready(state) if not self.compared(row, s, sizes_off=True)
                    ]
                price = self.price(self.differences(row, step, state)) if like else 2
                if behind and price > 1:
                    extra, step = behind[0]
                    cost += 1
                    state.used.add(id(extra))
                    self.move(self.key(row.inputs[0]), ((id(extra), -1, -1),), state)
                elif like:
                    cost += price
                elif elsewhere:
                    cost, step = cost + 1, elsewhere[0]
                else:
                    cost += 1
                    self.leave_out(row, state)
            if step is not None:
                state.pair(row, step)
            if cost >= most:
                return cost
        return cost + sum(id(step) not in state.used for step in self.steps)

    def price(self, differences):
        """What it costs to explain a row by these differences; a row left out costs about 1."""
        return min(0.6 * len(differences), 1.8)


class State:
    """How far two networks have been compared."""

    def __init__(self):
        self.stands = {}  # id(step of the table) -> the parts of the model that stand for it
        self.moved = {}  # a value of the table, for all or for one row -> parts of the model
        self.of = {}  # id(row) -> its step in the model
        self.owner = {}  # layer -> row of the table that uses its weights
        self.used = set()  # ids of the model's steps that are accounted for
        self.settled = set()  # ids of the table's rows that are accounted for
        self.left_out = set()  # ids of the table's rows that the model lacks
        self.edited = set()  # ids of rows before which something was taken out
        self.loose = set()  # ids of rows whose activation was found elsewhere
        self.sizes_off = False  # after a wrong size, later sizes follow from it

    def copy(self):
        """Another state, which can be changed without changing this one."""
        other = State()
        for name, value in self.__dict__.items():
            setattr(other, name, value if isinstance(value, bool) else value.copy())
        return other

    def pair(self, row, step):
        """The step is the row's."""
        self.stands[id(row)] = ((id(step), -1, -1),)
        self.of[id(row)] = step
        self.used.add(id(step))
        self.settle(row)

    def settle(self, row):
        """The row needs no step any more."""
        self.settled.add(id(row))


_ABOUT_ACTIVATION = {Cause.ACTIVATION, Cause.ACTIVATION_MISSING, Cause.ACTIVATION_EXTRA}
_PREPARATION = {"Normalization", "RandomCrop", "CenterCrop", "Resizing"}
_ACTIVATIONS = {"scaled_tanh": "1.7159 · tanh(2a/3)"}


def key_of(value):
    """What a value is made of, as something that can be compared; the order does not count."""
    return tuple(
        sorted(
            (id(step), -1, -1) if start == 0 and stop == step.filters else (id(step), start, stop)
            for step, start, stop in value.parts
        )
    )


def together(keys):
    """What a step reads: for each input, what it is made of."""
    return tuple(sorted(keys))


def connection_table(step):
    """A convolution's connections in an order that does not depend on the order of its maps."""
    if step.connections:
        return sorted(tuple(sorted(seen)) for seen in step.connections)
    wide, maps = step.channels // step.groups, step.filters // step.groups
    return sorted(
        tuple(range(group * wide, (group + 1) * wide))
        for group in range(step.groups)
        for _ in range(maps)
    )
