"""The fingerprints of an answer: its normal form as tokens, hashed in runs, a few of them chosen.

They are chosen by winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for
Document Fingerprinting", SIGMOD 2003): in each window of WINDOW runs of RUN tokens the smallest
hash. Two answers that share WINDOW + RUN − 1 tokens in a row have a fingerprint in common. This is
written here because copydetect cuts source files into tokens in a way of its own that cannot be
replaced, and compare50 needs an older version of attrs than Jupyter's notebooks do.
"""

import ast
import hashlib
import re
from functools import lru_cache
from graphlib import TopologicalSorter

import numpy as np

from course.evidence.syntax import base, dotted, parsed
from course.notebook import pieces

RUN, WINDOW = 5, 3
_MOST_SORTED = 50  # statements of a block that are put into order
_SHORT = 20  # characters of a text that is a name, such as "same" or "relu"
_WORD = re.compile(r"\w+|[^\w\s]")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of a token is lost
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEAVES = ast.Return | ast.Raise | ast.Break | ast.Continue | ast.Yield
_JOINS = "Model", "Sequential"  # they only hold layers together
_GATHERS = "append", "add", "extend"


def fingerprints(text, code, own=frozenset(), shared=frozenset()):
    """{fingerprint: the lines that it was made of} of one answer; lines are counted from 1.

    `own` are the student's names from other cells. `shared` are the names that the task asks for.
    """
    found = tokens(text, own, shared) if code else _words(text)
    if not found:
        return {}
    hashes = _hashes([token for token, _ in found])
    prints = {}
    for at in _winnowed(hashes):
        lines = {line for _, line in found[at : at + RUN]}
        prints.setdefault(int(hashes[at]), set()).update(lines)
    return prints


def _hashes(names):
    """A hash of each run of RUN tokens; of a shorter text, one hash of all of it."""
    run = min(RUN, len(names))
    numbers = np.array([_number(name) for name in names], np.uint64)
    hashes = np.zeros(len(names) - run + 1, np.uint64)
    for at in range(run):
        hashes = hashes * _FACTOR + numbers[at : at + len(hashes)]
    return hashes ^ (hashes >> np.uint64(29))


@lru_cache(100_000)
def _number(token):
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest())


def _winnowed(hashes):
    """The places of the smallest hash of each window, of equal ones the last."""
    window = min(WINDOW, len(hashes))
    views = np.lib.stride_tricks.sliding_window_view(hashes, window)
    last = window - 1 - np.argmin(views[:, ::-1], axis=1)
    return np.unique(np.arange(len(views)) + last).tolist()


def _words(text):
    lines = enumerate(text.lower().splitlines(), 1)
    return [(word, number) for number, line in lines for word in _WORD.findall(line)]


@lru_cache(10_000)
def tokens(text, own=frozenset(), shared=frozenset()):
    """[(token, line)] of a cell in its normal form; the words of one that is not valid Python."""
    text = pieces.dedented(text[: pieces.LONGEST])
    try:
        tree = parsed(text)
        return _Form(tree, own, shared).block(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _words(text)


class _Form:
    """The normal form of a syntax tree, as tokens: what is computed, in the order of the data.

    The student's own names, names of layers, formatting and texts leave no token. Independent
    statements, keywords and the parts of a sum have one order. A loop and a comprehension look the
    same, and so do layers that are called, listed, or added to a Sequential.
    """

    def __init__(self, tree, own, shared):
        names, self.imported = set(), {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, _DEFINES):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.imported |= {a.asname: a.name.split(".")[-1] for a in node.names if a.asname}
        self.own = own | (names - shared)

    def block(self, statements):
        """The tokens of statements, in an order that only depends on what they compute."""
        made = [(statement, self.of(statement)) for statement in statements]
        if not 1 < len(made) <= _MOST_SORTED:
            return [token for _, found in made for token in found]
        return [token for at in _ordered(made) for token in made[at][1]]

    def all(self, nodes):
        return [token for node in nodes if node is not None for token in self.of(node)]

    def of(self, node):
        """The tokens of a node: by a method with its name, or of its parts and its name."""
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is not None:
            return method(node)
        return [*self.all(ast.iter_child_nodes(node)), *self._end(node, type(node).__name__)]

    @staticmethod
    def _end(node, token):
        return [(token, getattr(node, "lineno", 1))]

    # --- without a token of their own

    def _parts(self, node):
        return self.all(ast.iter_child_nodes(node))

    _Tuple = _List = _Set = _Starred = _Load = _Store = _Index = _Await = _parts

    def _nothing(self, node):
        return []

    _Pass = _Import = _ImportFrom = _Global = _Nonlocal = _nothing

    def _Expr(self, node):
        return [] if isinstance(node.value, ast.Constant) else self.of(node.value)

    # --- statements

    def _Assign(self, node):
        return [*self.of(node.value), *self.all(node.targets)]

    def _AnnAssign(self, node):
        return self.all([node.value, node.target])

    def _AugAssign(self, node):
        return self._BinOp(ast.copy_location(ast.BinOp(node.target, node.op, node.value), node))

    def _NamedExpr(self, node):
        return self.of(node.value)

    def _Return(self, node):
        return [*self.all([node.value]), *self._end(node, "return")]

    def _FunctionDef(self, node):
        given = [*node.args.defaults, *node.args.kw_defaults]
        begin = [*self._end(node, "def"), *self.all([*node.decorator_list, *given])]
        return [*begin, *self.block(node.body), ("end", begin[0][1])]

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node):
        return [*self._end(node, "def"), *self.of(node.body), *self._end(node, "return")]

    def _ClassDef(self, node):
        begin = [*self._end(node, "class"), *self.all(node.bases)]
        return [*begin, *self.block(node.body), ("end", begin[0][1])]

    def _For(self, node):
        begin = [*self.of(node.iter), *self._end(node, "for"), *self.of(node.target)]
        return [*begin, *self.block(node.body), ("end", node.lineno), *self.block(node.orelse)]

    _AsyncFor = _For

    def _comprehended(self, node):
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inside, line = self.all(parts), node.lineno
        for each in reversed(node.generators):
            for test in reversed(each.ifs):
                inside = [*self.of(test), ("if", line), *inside, ("end", line)]
            inside = [*self.of(each.iter), ("for", line), *inside, ("end", line)]
        return inside

    _ListComp = _SetComp = _GeneratorExp = _DictComp = _comprehended

    def _While(self, node):
        return [*self.of(node.test), *self._end(node, "while"), *self.block(node.body)]

    def _If(self, node):
        both = [self.block(part) if isinstance(part, list) else self.of(part)
                for part in (node.body, node.orelse)]  # fmt: skip
        other = [*self._end(node, "else"), *both[1]] if both[1] else []
        return [*self.of(node.test), *self._end(node, "if"), *both[0], *other, ("end", node.lineno)]

    _IfExp = _If

    # --- expressions

    def _Name(self, node):
        name = self.imported.get(node.id, node.id)
        return [] if name in self.own else self._end(node, name)

    def _Attribute(self, node):
        if (names := dotted(node)) and names.split(".")[0] not in self.own:
            return self._end(node, node.attr)  # keras.layers.X and layers.X are the same
        return [*self.of(node.value), *self._end(node, f".{node.attr}")]

    def _Call(self, node):
        keywords = sorted((k for k in node.keywords if k.arg != "name"), key=lambda k: k.arg or "")
        given = [*self.all(node.args), *self.all(keywords)]
        func = node.func
        if isinstance(func, ast.Call):  # a layer, called: what goes in stands first
            return [*given, *self.of(func)]
        if isinstance(func, ast.Attribute) and func.attr in _GATHERS and base(func) in self.own:
            return given
        called = self.of(func)
        if called and called[-1][0] in _JOINS:
            return given
        return [*called[:-1], *given, *((f"{token}()", line) for token, line in called[-1:])]

    def _keyword(self, node):
        return [*self.of(node.value), (f"{node.arg or '**'}=", node.value.lineno)]

    def _Constant(self, node):
        value = node.value
        text = isinstance(value, str) and (len(value) > _SHORT or not value)
        return self._end(node, "text" if text else repr(value)[:_SHORT])

    def _JoinedStr(self, node):
        return self._end(node, "text")

    def _BinOp(self, node):
        if not isinstance(node.op, ast.Add | ast.Mult):
            return [*self.all([node.left, node.right]), *self._end(node, type(node.op).__name__)]
        parts, waiting = [], [node]
        while waiting:
            part = waiting.pop()
            if isinstance(part, ast.BinOp) and type(part.op) is type(node.op):
                waiting += [part.left, part.right]
            else:
                parts.append(self.of(part))
        parts.sort(key=_plain)
        sign = self._end(node, type(node.op).__name__) * (len(parts) - 1)
        return [*(token for part in parts for token in part), *sign]

    def _Dict(self, node):
        pairs = [self.all(pair) for pair in zip(node.keys, node.values, strict=True)]
        return [token for pair in sorted(pairs, key=_plain) for token in pair]


def _plain(found):
    return [token for token, _ in found]


def _ordered(made):
    """The places of (statement, its tokens) in their order: what depends on another comes later."""
    effects = [_effects(statement) for statement, _ in made]
    after = {at: set() for at in range(len(made))}
    for at, (reads, writes) in enumerate(effects):
        for before, (read, written) in enumerate(effects[:at]):
            if writes & (read | written) or reads & written:
                after[at].add(before)
    sorter = TopologicalSorter(after)
    sorter.prepare()
    while sorter.is_active():
        for at in sorted(sorter.get_ready(), key=lambda at: _plain(made[at][1])):
            yield at
            sorter.done(at)


def _effects(statement):
    """(names that a statement reads, names that it writes); "" stands for the way of the run."""
    if isinstance(statement, _DEFINES):
        return set(), {statement.name}
    reads, writes = {""}, set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            reads.add(node.id)
            if isinstance(node.ctx, ast.Store):
                writes.add(node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node.ctx, ast.Store):
                writes.add(base(node))
        elif isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Call):
                writes.add(base(node.value.func))  # x.append(…) changes x, print() the way
        elif isinstance(node, _LEAVES):
            writes.add("")
    return reads, writes
