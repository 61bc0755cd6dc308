"""A table and a network as numbers: what each of their steps reads, and who reads what.

Nothing here changes while the two are laid side by side. A number is a place in `Side.nodes`: the
images first, then the steps in the order in which they are computed. A value is a key: a sorted
tuple of parts (node, first channel, one past the last), with -1 twice for all channels.
"""

from collections import Counter

from course.diagnosis.compare import differences, kind

_PREPARATION = {"Normalization", "RandomCrop", "CenterCrop", "Resizing"}

_BESIDE = 200  # steps side by side that are told apart


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
        self.fed = {}  # what is read -> the nodes that read just that
        self.readers = [[] for _ in self.nodes]
        self.sources = []  # of each node: the nodes that it reads, as bits
        for n, keys in enumerate(self.inputs):
            self.fed.setdefault(together(keys), []).append(n)
            sources = {part[0] for key in keys for part in key}
            for source in sources:
                self.readers[source].append(n)
            self.sources.append(sum(1 << source for source in sources))
        self.behind = [[self.kinds[r] for r in readers] for readers in self.readers]
        self.counts = [Counter(kinds) for kinds in self.behind]
        self.read = {*self.outputs, *(key for keys in self.inputs for key in keys)}
        self.narrow = self._narrow()

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

    def ends(self):
        """The nodes that the network returns."""
        return {part[0] for key in self.outputs for part in key}

    def repeats(self, begin, end):
        """Whether nodes, at least three, do the same as those right before them, as blocks do."""
        before = 2 * begin - end
        return (
            end - begin >= 3 and before >= 0 and (self.kinds[begin:end] == self.kinds[before:begin])
        )

    def leads(self, begin, end):
        """Whether a node leads to a later one."""
        waiting, seen = [begin], set()
        while waiting:
            node = waiting.pop()
            if node == end:
                return True
            new = [n for n in self.readers[node] if n <= end and n not in seen]
            seen.update(new)
            waiting += new
        return False

    def _narrow(self):
        """For each node: the one value that all from there on read of what is before, or None."""
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


class Networks:
    """The two networks that are laid side by side, and what is asked about pairs of their nodes."""

    def __init__(self, table, network):
        self.table, self.net = Side(table), Side(network)
        self.ends = self.table.ends()
        self.padded = False
        self._known = {}
        self.looks = 0  # how often two nodes were compared

    def begin(self):
        """(image of the table, node of the network) for each image, and the nodes before them.

        None if the network begins with other shapes than the table.
        """
        prepared, images = 0, []
        for image in range(self.net.images):
            node = image
            while True:
                prepared |= 1 << node
                readers = self.net.readers[node]
                if len(readers) != 1 or self.net.nodes[readers[0]].step not in _PREPARATION:
                    break
                (node,) = readers
            images.append(node)
        wanted = [value.shape for value in self.table.network.inputs]
        if wanted == [self.net.nodes[n].shape for n in images] or self._padded_to(images, wanted):
            return list(enumerate(images)), prepared
        return None

    def _padded_to(self, images, wanted):
        """Whether zeros around a smaller image make it what the table begins with.

        AlexNet's paper says 224, and its sizes need 227. Only where the first window moves in
        larger steps: elsewhere every zero is a position more, and another network.
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

    def differences(self, row, step, sizes=True):
        """What differs between a row and a step: see `course.diagnosis.compare`."""
        asked = (row, step, sizes)
        if asked not in self._known:
            self.looks += 1
            nodes = self.table.nodes[row], self.net.nodes[step]
            last = row in self.ends
            found = differences(*nodes, sizes=sizes, last=last, padded=self.padded)
            self._known[asked] = tuple(found)
        return self._known[asked]

    def likeness(self, row, step):
        """How well what reads the row agrees with what reads the step; 0 or more if it does."""
        apart = 0
        if self.table.behind[row] != self.net.behind[step]:
            ours, theirs = self.table.counts[row], self.net.counts[step]
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
        return found

    def reads(self, state, row):
        """For each input of a row, the parts of the network that stand for it, or None."""
        return [self.translated(state, row, key) for key in self.table.inputs[row]]

    def candidates(self, state, row):
        """Unused steps that read just what stands for what the row reads."""
        reads = self.reads(state, row)
        if None in reads:
            return []
        found = [n for n in self.net.fed.get(together(reads), ()) if not state.used >> n & 1]
        return found[:_BESIDE]

    def fitting(self, state, row, candidates):
        """Those of the candidates in which nothing differs, the most alike first."""
        fits = [n for n in candidates if not self.apart(state, row, n)]
        return sorted(fits, key=lambda n: -self.likeness(row, n)) if len(fits) > 1 else fits

    def apart(self, state, row, step):
        """What differs between a row and a step where the search has come to."""
        found = self.differences(row, step, state.sizes)
        if row in state.loose:
            found = tuple(each for each in found if not each[0].name.startswith("ACTIVATION"))
        return found

    def ready(self, state):
        """Unused steps all of whose sources stand for something in the table."""
        placed = 0
        for parts in (*state.stands.values(), *state.moved.values()):
            for part in parts:
                placed |= 1 << part[0]
        return [
            n
            for n, sources in enumerate(self.net.sources)
            if not state.used >> n & 1 and sources and not sources & ~placed
        ]


def together(keys):
    """All inputs of a node as one key; their order does not count."""
    return tuple(sorted(keys))
