"""The nodes of one network by number, while it is read and while rules rewrite it.

Nodes are immutable. A rule can put another node under the same number, remove a node and let a
value stand for it, or let one node stand for several. The graph keeps track of the readers of each
node. `finished` returns the nodes that are left; they refer to each other directly.
"""

from collections import Counter, deque
from itertools import chain

from course import language
from course.network.node import Node, Value, cut, finished, join

#: Ranges of maps that all steps together may read and make. Without a bound, a trace of a few kB
#: could need more memory than any machine has.
MOST_PIECES = 50_000
_OUTPUT = None  # stands among a node's readers if the network returns the node


class TooLarge(ValueError):
    """The network is larger than a check reads; the text says which bound it exceeds."""


class Graph:
    """A network that is being read or rewritten. Its nodes are numbered, sources before readers."""

    def __init__(self):
        self.nodes = {}  # number -> Node
        self.readers = {}  # number -> {number of a reader: how often it reads the node}
        self.stands = {}  # number of a node that vanished -> the Value that stands for it
        self.wide = {}  # number of a node that vanished -> how many maps it had
        self.beside = {}  # number of a node that was joined -> (number, first channel) of the whole
        self.joins = {}  # number of a concatenation that vanished -> its row, to be shown
        self.inputs, self.outputs = [], ()  # Values
        self.library = ""  # what it is written with, if that is not Keras
        self.written = {}  # name of a layer as it was written -> its class
        self.unread = []  # (node, line) of layers that were called and lead to no output
        self.order = {}  # name of a row -> its place, if the rows have an order (of a table)
        self.faults = []  # (function that makes a Fault from its values, those Values)
        self.waiting = deque()  # numbers of the nodes that the rules have to look at
        self.pieces = 0  # ranges of maps that were read or made so far
        self.made = 0  # the next number

    # --- reading

    def add(self, node):
        """Add a node. Returns the Value of its whole output.

        If it reads a node instead of a value, that is added before.
        """
        if any(isinstance(x, Node) for x in node.inputs):
            inputs = (self.add(x) if isinstance(x, Node) else x for x in node.inputs)
            node = node.with_(inputs=tuple(inputs))
        self.count(len(node.inputs) + 1)
        number = self._new(node)
        self.waiting.append(number)
        return Value(((number, 0, node.filters),), node.grid, node.flat)

    def returns(self, values):
        """Say which values the network returns."""
        self.outputs = tuple(values)
        for number, _, _ in chain.from_iterable(value.parts for value in values):
            self.readers[number][_OUTPUT] += 1

    def count(self, pieces):
        """Count ranges of maps that are about to be read or made.

        Raises TooLarge when they are too many.
        """
        self.pieces += pieces
        if self.pieces > MOST_PIECES:
            raise TooLarge(
                language._(
                    "This network takes its maps apart and puts them together in more than "
                    "{number:,} pieces."
                ).format(number=MOST_PIECES)
            )

    # --- rewriting

    def rewrite(self, rules_for):
        """Apply rules, sources before readers, until nothing changes.

        `rules_for` gives the rules that may fit a node. A rule is called with the graph, a number
        and its node. It returns whether it changed anything.
        """
        while self.waiting:
            number = self.waiting.popleft()
            self._bring_up_to_date(number)
            while number in self.nodes and any(
                rule(self, number, self.nodes[number]) for rule in rules_for(self.nodes[number])
            ):
                pass

    def sources(self, value):
        """The nodes that a value's channels come from."""
        return [self.nodes[number] for number, _, _ in value.parts]

    def only_reader(self, value, reader):
        """Whether a value consists of complete outputs that only this node reads."""
        return all(
            start == 0 and stop == self.nodes[number].filters
            and self.readers[number].get(reader) == 1 == len(self.readers[number])
            for number, start, stop in value.parts
        )  # fmt: skip

    def put(self, number, node):
        """Replace a node. The rules look at the new one again."""
        before, self.nodes[number] = self.nodes[number], node
        if node.inputs is not before.inputs:
            self._reads(number, node)
            self._reads_no_more(number, before)
        self.waiting.appendleft(number)

    def vanish(self, number, value):
        """Remove a node and let a value stand for it: the node's readers now read that value."""
        readers = self.readers.pop(number)
        self.count(len(value.parts) * len(readers))
        self.stands[number], self.wide[number] = value, self.nodes[number].filters
        for source, _, _ in value.parts:
            for reader, times in readers.items():
                self.readers[source][reader] += times
        self._reads_no_more(number, self.nodes.pop(number))

    def one_for(self, numbers, node):
        """Let one node stand for several side by side. Returns its Value."""
        whole, first, readers = self._new(node), 0, set()
        for number in numbers:
            self.beside[number] = (whole, first)
            first += self.nodes[number].filters
            readers.update(self.readers.pop(number))
        for number in numbers:
            self._reads_no_more(number, self.nodes.pop(number))
        for reader in readers - {_OUTPUT}:
            self._bring_up_to_date(reader)
            parts = chain.from_iterable(value.parts for value in self.nodes[reader].inputs)
            self.readers[whole][reader] = [part[0] for part in parts].count(whole)
        if _OUTPUT in readers:
            self.outputs = tuple(map(self.now, self.outputs))
            parts = chain.from_iterable(value.parts for value in self.outputs)
            self.readers[whole][_OUTPUT] = [part[0] for part in parts].count(whole)
        self.waiting.appendleft(whole)
        return Value(((whole, 0, node.filters),), node.grid, node.flat)

    def several_for(self, number, nodes, name=""):
        """Let nodes side by side stand for one; a reader of some of its maps reads their nodes.

        With a name, the row of a concatenation shows that they are put side by side.
        """
        made = [self.add(node) for node in nodes]
        pieces = {part[0] for value in made for part in value.parts}
        readers, node = list(self.readers[number]), self.nodes[number]
        parts = tuple(part for value in made for part in value.parts)
        value = Value(parts, node.grid, node.flat)
        self.vanish(number, self.shown_together(value, name) if name else value)
        self.readers.update((piece, Counter()) for piece in pieces)
        self.outputs = tuple(map(self.now, self.outputs))
        for reader in readers:
            self._bring_up_to_date(reader)
            values = self.outputs if reader is _OUTPUT else self.nodes[reader].inputs
            for piece, _, _ in chain.from_iterable(value.parts for value in values):
                if piece in pieces:
                    self.readers[piece][reader] += 1
            self.waiting.extend([reader] * (reader is not _OUTPUT))

    def shown_together(self, value, name="concatenate", **rest):
        """The value, with a row for its concatenation if it has more than one part."""
        if len(value.parts) < 2:
            return value
        made = {"filters": value.channels, "grid": value.grid, "flat": value.flat, **rest}
        self.joins[self.made] = Node(name, "concatenate", (value,), **made)
        self.made += 1
        return value.with_(joined=self.made - 1)

    def now(self, value):
        """A value in terms of the nodes that there are now."""
        while any(part[0] in self.stands or part[0] in self.beside for part in value.parts):
            number, start, stop = value.parts[0]
            if len(value.parts) == 1 and (start, stop) == (0, self.wide.get(number)):
                value = self.stands[number]
                continue
            parts = join(chain.from_iterable(map(self._stand_for, value.parts)))
            joined = value.joined if len(parts) > 1 else None
            value = Value(parts, value.grid, value.flat, joined)
        return value

    def _stand_for(self, part):
        number, start, stop = part
        if number in self.beside:
            whole, first = self.beside[number]
            return [(whole, first + start, first + stop)]
        if number in self.stands:
            return cut(self.stands[number].parts, [(start, stop)])[0]
        return [part]

    def _bring_up_to_date(self, number):
        """Write a node's inputs in terms of the nodes that there are now."""
        node = self.nodes.get(number)
        if node is None:
            return
        inputs = tuple(map(self.now, node.inputs))
        if any(new is not old for new, old in zip(inputs, node.inputs, strict=True)):
            self.nodes[number] = node.with_(inputs=inputs)

    def _new(self, node):
        number = self.made
        self.made += 1
        self.nodes[number], self.readers[number] = node, Counter()
        self._reads(number, node)
        return number

    def _reads(self, number, node):
        """Put a reader on its sources' lists."""
        for value in node.inputs:
            for source, _, _ in value.parts:
                self.readers[source][number] += 1

    def _reads_no_more(self, number, node):
        """Take a reader off its sources' lists. Sources without readers are removed too."""
        gone = [(number, node)]
        while gone:
            number, node = gone.pop()
            for source in {part[0] for value in node.inputs for part in value.parts}:
                readers = self.readers.get(source)
                if readers is None or number not in readers:
                    continue
                still = self.nodes.get(number)
                times = still and sum(p[0] == source for v in still.inputs for p in v.parts)
                if times:
                    readers[number] = times
                    continue
                del readers[number]
                if not readers and self.nodes[source].step != "input":
                    gone.append((source, self.nodes.pop(source)))
                    del self.readers[source]

    # --- the end

    def finished(self):
        """(inputs, outputs, nodes in the order in which they are computed, faults)."""
        made, order = {}, []  # number -> finished Node
        for number in self.nodes:
            self._bring_up_to_date(number)
        self.outputs = tuple(map(self.now, self.outputs))
        for number, node in self.nodes.items():
            if node.overwrites and not self._reads_alone(number):
                self.nodes[number] = node.with_(copies=True)
        inputs, outputs = self.inputs, self.outputs
        faults = [(make, list(map(self.now, values))) for make, values in self.faults]
        for value in outputs:
            order += self._finish(value, made)
        for value in [*inputs, *chain.from_iterable(values for _, values in faults)]:
            self._finish(value, made)
        inputs, outputs = ([_finished(v, made) for v in values] for values in (inputs, outputs))
        faults = [make([_finished(v, made) for v in values]) for make, values in faults]
        return inputs, outputs, order, faults

    def _reads_alone(self, number):
        """Whether nothing but this node reads what lies where its input lies."""
        (value, *_) = self.nodes[number].inputs
        for source, _, _ in value.parts:
            others = self.readers[source].keys() - {number}
            if value.joined is not None:  # the concatenation is a value of its own
                others = {other for other in others if self._reads_join(other, value.joined)}
            elif self.nodes[source].is_view and not self._reads_alone(source):
                return False
            if others:
                return False
        return True

    def _reads_join(self, reader, join):
        values = self.outputs if reader is _OUTPUT else self.nodes[reader].inputs
        return any(value.joined == join for value in values)

    def _finish(self, value, made):
        """Finish all nodes that a value is computed from. Returns the new ones but the inputs."""
        order, inputs, waiting = [], {}, value.sources[::-1]
        while waiting:
            number = waiting[-1]
            if number in made:
                waiting.pop()
                continue
            node = self.nodes.get(number) or self.joins[number]
            if number not in inputs:  # those of a concatenation may be out of date
                inputs[number] = tuple(map(self.now, node.inputs))
            sources = chain.from_iterable(read.sources for read in inputs[number])
            if missing := [source for source in sources if source not in made]:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            reads = tuple(_finished(read, made) for read in inputs[number])
            node = made[number] = finished(node, reads)
            if reads:
                order.append(node)
        return order


def _finished(value, made):
    joined = None if value.joined is None else made[value.joined]
    parts = tuple((made[number], *part) for number, *part in value.parts)
    return Value(parts, value.grid, value.flat, joined)
