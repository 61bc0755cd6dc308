"""A table and a network as numbers: the inputs and the readers of each node.

Nothing here changes while the two are laid side by side. A node's number is its place in
`Side.nodes`: the images first, then the steps in the order in which they are computed. A value is
written as a key: a sorted tuple of parts (node, first channel, one past the last). All channels are
written (node, -1, -1).
"""

from collections import Counter
from functools import cached_property
from itertools import accumulate

from course.diagnosis.balance import Balance
from course.diagnosis.compare import differences, kind, window

#: Layers that prepare an image. They may stand before the table's first row.
_PREPARATION = {"Normalization", "RandomCrop", "crop", "Resizing"}

_BESIDE = 200  # most steps with the same inputs that are compared with one row

# Most nodes of a run of blocks. conv4 of ResNet-152 has 30 blocks of seven rows more than that of
# ResNet-50.
_LONGEST = 260


class Side:
    """One of the two networks. A concatenation is no node: its reader reads what it joins."""

    def __init__(self, network):
        self.network = network
        self.images = len(network.inputs)
        self.nodes = [value.parts[0][0] for value in network.inputs]
        self.nodes += [step for step in network.steps if step.step != "concatenate"]
        self.number = {id(node): n for n, node in enumerate(self.nodes)}
        self.inputs = [tuple(map(self.key, node.inputs)) for node in self.nodes]
        self.outputs = [self.key(value) for value in network.outputs]
        self.kinds = [kind(node) for node in self.nodes]
        self.fed = {}  # keys of values -> the nodes that read exactly these values
        self.readers = [[] for _ in self.nodes]
        self.sources = []  # of each node: the nodes that it reads, as bits
        self.above = []  # of each node: the node and all that it is computed from, as bits
        for n, keys in enumerate(self.inputs):
            self.fed.setdefault(unordered(keys), []).append(n)
            sources = {part[0] for key in keys for part in key}
            for source in sources:
                self.readers[source].append(n)
            self.sources.append(sum(1 << source for source in sources))
            above = 1 << n
            for source in sources:
                above |= self.above[source]
            self.above.append(above)
        self.stacks = [n for n, step in enumerate(self.nodes) if _stacks(step)]
        # The kinds of each node's readers, and how many there are of each.
        everything = range(len(self.nodes))
        self.reader_kinds = [
            [self.kinds[r] for r in self.readers_and_theirs(n)] for n in everything
        ]
        self.reader_counts = [Counter(kinds) for kinds in self.reader_kinds]
        # The values that a node reads or the network returns, and those of several parts.
        self.read = {*self.outputs, *(key for keys in self.inputs for key in keys)}
        # {a value without what stands in it again: that value}
        self.twice = {tuple(sorted({*key})): key for key in self.read if len({*key}) < len(key)}
        self.joined = [parts for parts in map(set, self.read) if len(parts) > 1]
        self.narrow = self._narrow()
        self._blocks = {}  # what `blocks` has found

    def nodes_read_by(self, node):
        """The nodes that `node` reads, as a set of numbers."""
        return {part[0] for key in self.inputs[node] for part in key}

    @cached_property
    def norms_first(self):
        """Whether normalisations stand before convolutions: one of them follows no weights."""
        for n, node in enumerate(self.nodes):
            if node.step == "batch_norm" and node.activation:
                kinds = {self.nodes[source].step for source in self.nodes_read_by(n)}
                if kinds.isdisjoint({"conv", "conv_transpose", "dense"}):
                    return True
        return False

    def readers_and_theirs(self, node):
        """The readers of a node, and for a reader that normalises its readers too.

        A normalisation may follow any step, so it alone would tell little.
        """
        for reader in self.readers[node]:
            yield reader
            if self.nodes[reader].step == "batch_norm":
                yield from self.readers[reader]

    def key(self, value):
        """A value as something that can be compared; the order of its parts does not count."""
        return tuple(
            sorted(
                (self.number[id(step)], -1, -1)
                if start == 0 and stop == step.filters
                else (self.number[id(step)], start, stop)
                for step, start, stop in value.parts
            )
        )

    def blocks(self, begin):
        """The runs of at least two nodes from `begin` on that may be blocks: [(end, value)].

        The value is the only one that the nodes from `end` on read of those before. A block joins
        values, gives a joined one, or repeats what stands before it.
        """
        if begin not in self._blocks:
            joins, found = len(self.inputs[begin]) > 1, []
            for end in range(begin + 2, min(len(self.nodes), begin + _LONGEST)):
                joins |= len(self.inputs[end - 1]) > 1
                past = self.narrow[end]
                if past is not None and (joins or len(past) > 1 or self.repeats(begin, end)):
                    found.append((end, past))
            self._blocks[begin] = found
        return self._blocks[begin]

    def repeats(self, begin, end):
        """Whether the nodes `begin` to `end - 1` repeat those right before them, as blocks do.

        A repetition of one or two nodes does not count.
        """
        before = 2 * begin - end
        return (
            end - begin >= 3 and before >= 0 and (self.kinds[begin:end] == self.kinds[before:begin])
        )

    def leads(self, begin, end):
        """Whether node `end` is computed from node `begin`."""
        return bool(self.above[end] >> begin & 1)

    def _narrow(self):
        """For each node: the only earlier value that it and the later nodes read, as a key.

        None if they read several. A block begins and ends at such a node.
        """
        ways = {}  # a value that is read -> the last node that reads it
        for n, keys in enumerate(self.inputs):
            ways.update(dict.fromkeys(keys, n))
        begin, end = {}, {}
        for key, last in ways.items():
            begin.setdefault(min(part[0] for part in key) + 1, []).append(key)
            end.setdefault(last + 1, []).append(key)
        found, crossing = [], set()
        for n in range(len(self.nodes)):
            crossing.update(begin.get(n, ()))
            crossing.difference_update(end.get(n, ()))
            found.append(next(iter(crossing)) if len(crossing) == 1 else None)
        return found


def _stacks(step):
    """Whether a step concatenates along another axis than that of the maps.

    It may be written as Keras's layer `Concatenate`, or as the function `concatenate`.
    """
    return step.written.lower() == "concatenate" and step.grid != step.inputs[0].grid


class Networks:
    """The table and the network, with the questions that the search asks about a row and a step."""

    def __init__(self, table, network):
        self.table, self.net = Side(table), Side(network)
        self.balance, self.table.counted, self.net.counted = Balance.of(self.table, self.net)
        known = {window(row) for row in self.table.nodes}
        alike = (window(step) in known for step in self.net.nodes)
        # How many of the steps before each one, and in all, the table has but for their maps.
        self.known_before = [*accumulate(alike, initial=0)]
        self.last_rows = {part[0] for key in self.table.outputs for part in key}
        self.padded = False  # whether the first windows pad smaller images to the table's size
        self._known = {}  # what was asked of `differences` -> its answer
        self.looks = 0  # how often two nodes were compared

    def begin(self):
        """The node that stands for each image of the table, and the nodes up to there.

        Returns ([(image, node)], the nodes as bits), or None if the network begins with other
        shapes than the table.
        """
        wanted = [value.shape for value in self.table.network.inputs]
        prepared, images = 0, []
        for image in range(self.net.images):
            way = self.preparation(image)
            right = [n for n, node in enumerate(way) if self.net.nodes[node].shape in wanted]
            # A step that changes the size of an image that was right is an extra step.
            way = way[: right[-1] + 1] if right else way
            prepared |= sum(1 << node for node in way)
            images.append(way[-1])
        if wanted == [self.net.nodes[n].shape for n in images] or self._padded_to(images, wanted):
            return list(enumerate(images)), prepared
        return None

    def preparation(self, image):
        """An image of the network, and the steps behind it that only prepare it."""
        way = [image]
        while True:
            readers = self.net.readers[way[-1]]
            if len(readers) != 1 or self.net.nodes[readers[0]].step not in _PREPARATION:
                return way
            way += readers

    def _padded_to(self, images, wanted):
        """Whether zero padding in the first steps makes a smaller image as large as the table's.

        AlexNet's paper says 224 pixels, and its sizes need 227. Padding is accepted only if the
        first window moves by more than one pixel. With stride 1 each row of zeros adds a position,
        and that is another network.
        """
        if not len(images) == len(wanted) == 1:
            return False
        begin, (shape,) = self.net.nodes[images[0]], wanted
        first = [self.net.nodes[n] for n in self.net.readers[images[0]]]
        if len(shape) != 3 or begin.filters != shape[-1] or any(s.stride == (1, 1) for s in first):
            return False
        sizes = [
            tuple(side + sum(pad) for side, pad in zip(begin.grid, step.padding, strict=True))
            for step in first
        ]
        self.padded = bool(sizes) and all(size == shape[:2] for size in sizes)
        return self.padded

    def differences(self, row, step, sizes=True, spread=False):
        """What differs between a row and a step: see `course.diagnosis.compare`."""
        asked = (row, step, sizes, spread)
        if asked not in self._known:
            self.looks += 1
            nodes = self.table.nodes[row], self.net.nodes[step]
            last = row in self.last_rows
            rest = {"sizes": sizes, "spread": spread, "padded": self.padded}
            found = differences(*nodes, last=last, **rest)
            self._known[asked] = tuple(found)
        return self._known[asked]

    def likeness(self, row, step):
        """How well the readers of a row and of a step agree.

        Minus the number of readers that only one of the two has; plus 1/2 if row and step have the
        same name.
        """
        apart = 0
        if self.table.reader_kinds[row] != self.net.reader_kinds[step]:
            ours, theirs = self.table.reader_counts[row], self.net.reader_counts[step]
            apart = ((ours - theirs) + (theirs - ours)).total()
        return (self.table.nodes[row].name == self.net.nodes[step].name) / 2 - apart

    def translated(self, state, row, key):
        """The parts of the network that stand for a value that a row reads; None if none do."""
        for name in ((row, key), key):
            if name in state.moved:
                return state.moved[name]
        parts = set()
        for node, start, stop in key:
            stands = state.stands.get(node)
            if stands is None or (start != -1 and len(stands) != 1):
                return None
            parts.update(stands if start == -1 else [(stands[0][0], start, stop)])
        found = tuple(sorted(parts))
        if len(key) > 1 and found not in self.net.read:
            # Some of the maps that are put side by side were left out. Look for the others alone.
            gone = {p for node, _, _ in key if state.gone >> node & 1 for p in state.stands[node]}
            rest = tuple(part for part in found if part not in gone)
            found = rest if rest in self.net.read else found
            if gone:  # and something else may stand there again in their place
                found = self.net.twice.get(rest, found)
        return found

    def reads(self, state, row):
        """For each input of a row, the parts of the network that stand for it, or None."""
        return [self.translated(state, row, key) for key in self.table.inputs[row]]

    def candidates(self, state, row):
        """Unused steps that read exactly the values that stand for the row's inputs."""
        return self.reading(self.reads(state, row), state.used)

    def reading(self, parts, used):
        """Steps that read exactly these values, and are not among those that are `used`."""
        if None in parts:
            return []
        found = [n for n in self.net.fed.get(unordered(parts), ()) if not used >> n & 1]
        return found[:_BESIDE]

    def fitting(self, state, row, candidates):
        """The candidates that do not differ from the row, those with the best readers first."""
        fits = [n for n in candidates if not self.apart(state, row, n)]
        return sorted(fits, key=lambda n: -self.likeness(row, n)) if len(fits) > 1 else fits

    def apart(self, state, row, step):
        """What differs between a row and a step in this state of the search."""
        sizes = state.sizes
        if state.late and not sizes:  # the row was put off: what is wrong behind it is no excuse
            ours, theirs = self.table.nodes[row].inputs, self.net.nodes[step].inputs
            sizes = [value.grid for value in ours] == [value.grid for value in theirs]
        found = self.differences(row, step, sizes, state.spread)
        if row in state.loose:
            found = tuple(each for each in found if not each[0].name.startswith("ACTIVATION"))
        return found

    def causes(self, state, row, step):
        """The causes of what differs between a row and a step in this state of the search."""
        return [cause for cause, _, _ in self.apart(state, row, step)]

    def ready(self, state):
        """Unused steps whose sources all stand for something in the table."""
        placed = 0
        for parts in (*state.stands.values(), *state.moved.values()):
            for part in parts:
                placed |= 1 << part[0]
        lost = ~placed
        return [
            n
            for n, sources in enumerate(self.net.sources)
            if sources and not sources & lost and not state.uses(n)
        ]


def unordered(keys):
    """The keys of all inputs of a node in one order, as their own order does not count."""
    return tuple(sorted(keys))
