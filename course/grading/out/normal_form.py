"""An answer's normal form, as tokens: equal for answers that differ in names and order only."""

import ast
import re
from functools import lru_cache
from graphlib import TopologicalSorter
from typing import NamedTuple

from course.evidence.syntax import base, dotted, parsed
from course.grading.out.chosen import chosen
from course.notebook import symbols

_MOST_SORTED = 50  # statements of a block that are put into order
_SHORT = 20  # characters of a text that is a name, such as "same" or "relu"
_WORD = re.compile(r"\w+|[^\w\s]")
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEAVES = ast.Return | ast.Raise | ast.Break | ast.Continue | ast.Yield
_JOINS = "Model", "Sequential"  # they only hold layers together
_GATHERS = "append", "add", "extend"


def words(text):
    """[(word, line)] of any text; lines are counted from 1."""
    lines = enumerate(text.lower().splitlines(), 1)
    return [(word, number) for number, line in lines for word in _WORD.findall(line)]


@lru_cache(10_000)
def tokens(text, own=frozenset(), shared=frozenset()):
    """[(token, line)] of a cell in its normal form; the words of one that is not valid Python."""
    text = symbols.dedented(text[: symbols.LONGEST])
    try:
        tree = parsed(text)
        return _Form(tree, own, shared).found
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return words(text)


class _Statement(NamedTuple):
    tokens: list
    reads: set  # names
    writes: set

    def needs(self, earlier):
        """Whether it must stay behind an earlier statement."""
        return self.writes & (earlier.writes | earlier.reads) or self.reads & earlier.writes


class _Form(ast.NodeVisitor):
    """The normal form of a syntax tree, as tokens: what is computed, in the order of the data.

    A token of an operation comes after the tokens of what it works on. `own` are the student's
    names from other cells. `shared` are the names that the task asks for, which stay.

    The student's own names, names of layers, formatting and texts leave no token. Independent
    statements, keywords and the parts of a sum have one order. A loop and a comprehension look the
    same, and so do layers that are called, listed, or added to a Sequential.
    """

    def __init__(self, tree, own, shared):
        found = chosen(ast.walk(tree))
        self.imported, self.attributes = found.imported, found.attributes - shared
        self.own = own | (found.names - shared)
        self.found = []  # [(token, line)]
        # The names that the present statement reads and writes. "" stands for the way of the run,
        # which print() and return change.
        self.reads, self.writes = set(), set()
        self._visit_block(tree.body)

    def _visit_block(self, statements):
        """Add the tokens of statements, in an order that only depends on what they compute."""
        if not 1 < len(statements) <= _MOST_SORTED:
            return self._visit_all(statements)
        reads, writes, made = self.reads, self.writes, []
        for statement in statements:
            self.reads, self.writes = {""}, set()
            (tokens,) = self._tokens_of([statement])
            if isinstance(statement, _DEFINES):
                self.reads, self.writes = set(), {statement.name}
            made.append(_Statement(tokens, self.reads, self.writes))
        self.found += [token for statement in _ordered(made) for token in statement.tokens]
        self.reads = reads.union(*(each.reads for each in made))
        self.writes = writes.union(*(each.writes for each in made))

    def _visit_all(self, nodes):
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _tokens_of(self, nodes):
        """A list of the tokens of each node (or of each list of nodes), without adding them."""
        start, found = len(self.found), []
        for node in nodes:
            self._visit_all([node] if isinstance(node, ast.AST) else node)
            found.append(self.found[start:])
            del self.found[start:]
        return found

    def _add_sorted(self, nodes):
        """Add the tokens of nodes whose order does not matter."""
        for tokens in sorted(self._tokens_of(nodes), key=_plain):
            self.found += tokens

    def _add(self, node, token):
        """Add a token, with the line of a node."""
        self.found.append((token, getattr(node, "lineno", 1)))

    def generic_visit(self, node):
        if isinstance(node, _LEAVES):
            self.writes.add("")
        self._parts(node)
        self._add(node, "return" if isinstance(node, ast.Return) else node.__class__.__name__)

    # --- without a token of their own

    def _parts(self, node):
        parts = ast.iter_child_nodes(node)
        self._visit_all(part for part in parts if not isinstance(part, ast.expr_context))

    visit_Tuple = visit_List = visit_Set = visit_Starred = visit_Await = _parts

    def _nothing(self, node):
        pass

    visit_Pass = visit_Import = visit_ImportFrom = visit_Global = visit_Nonlocal = _nothing

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Call):
            self.writes.add(base(node.value.func))  # x.append(…) changes x, print() the way
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    # --- statements

    def visit_Assign(self, node):
        self._visit_all([node.value, *node.targets])

    def visit_AnnAssign(self, node):
        self._visit_all([node.value, node.target])

    visit_NamedExpr = visit_AnnAssign

    def visit_AugAssign(self, node):
        self.visit_BinOp(ast.copy_location(ast.BinOp(node.target, node.op, node.value), node))

    def visit_FunctionDef(self, node):
        self._add(node, "def")
        self._visit_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self._body(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def _body(self, node):
        self._visit_block(node.body)
        self._add(node, "end")

    def visit_Lambda(self, node):
        self._add(node, "def")
        self.visit(node.body)
        self._add(node, "return")

    def visit_ClassDef(self, node):
        self._add(node, "class")
        self._visit_all(node.bases)
        self._body(node)

    def visit_For(self, node):
        self._loop(node, "for", node.iter, node.target)

    visit_AsyncFor = visit_For

    def visit_While(self, node):
        self._loop(node, "while", node.test)

    def _loop(self, node, word, over, target=None):
        self.visit(over)
        self._add(node, word)
        self._visit_all([target])
        self._body(node)
        self._visit_block(node.orelse)

    def _comprehended(self, node):
        made = ast.Tuple([node.key, node.value]) if isinstance(node, ast.DictComp) else node.elt
        for each in reversed(node.generators):
            for test in reversed(each.ifs):
                made = ast.copy_location(ast.If(test, [made], []), node)
            made = ast.copy_location(ast.For(each.target, each.iter, [made], []), node)
        self.visit(made)

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehended

    def visit_If(self, node):
        self.visit(node.test)
        self._add(node, "if")
        self._visit_block(node.body)
        self._add(node, "else")
        before = len(self.found)
        self._visit_block(node.orelse)
        if len(self.found) == before:
            self.found.pop()  # there is no other branch
        self._add(node, "end")

    def visit_IfExp(self, node):
        self.visit_If(ast.copy_location(ast.If(node.test, [node.body], [node.orelse]), node))

    # --- expressions

    def visit_Name(self, node):
        self.reads.add(node.id)
        if isinstance(node.ctx, ast.Store):
            self.writes.add(node.id)
        if (name := self.imported.get(node.id, node.id)) not in self.own:
            self._add(node, name)

    def visit_Attribute(self, node):
        if isinstance(node.ctx, ast.Store):
            self.writes.add(base(node))
        root = dotted(node).partition(".")[0]
        if root and root not in self.own:
            self.reads.add(root)
            self._add(node, node.attr)  # keras.layers.X and layers.X are the same
        else:
            self.visit(node.value)
            if node.attr not in self.attributes:
                self._add(node, f".{node.attr}")

    def visit_Subscript(self, node):
        if isinstance(node.ctx, ast.Store):
            self.writes.add(base(node))
        self.generic_visit(node)

    def visit_Call(self, node):
        func, args = node.func, node.args
        keywords = sorted((k for k in node.keywords if k.arg != "name"), key=lambda k: k.arg or "")
        values = [each.value for each in keywords]
        if isinstance(func, ast.Call):  # a layer, called: what goes in stands first
            return self._visit_all([*args, *keywords, func])
        if isinstance(func, ast.Attribute) and func.attr in _GATHERS and base(func) in self.own:
            return self._visit_all([*args, *keywords])
        (called,) = self._tokens_of([func])
        if not called or getattr(func, "attr", None) in self.attributes:
            self.found += called
            self._visit_all(args)
            return self._add_sorted(values)  # the names of its parameters are the student's, too
        *before, (name, line) = called
        if name in _JOINS:
            return self._visit_all([*args, *values])
        self.found += before
        self._visit_all([*args, *keywords])
        self.found.append((f"{name}()", line))

    def visit_keyword(self, node):
        self.visit(node.value)
        self._add(node.value, f"{node.arg or '**'}=")

    def visit_Constant(self, node):
        value = node.value
        text = isinstance(value, str) and (len(value) > _SHORT or not value)
        self._add(node, "text" if text else repr(value)[:_SHORT])

    def visit_JoinedStr(self, node):
        self._add(node, "text")

    def visit_BinOp(self, node):
        sign = node.op.__class__
        if sign not in (ast.Add, ast.Mult):
            self._visit_all([node.left, node.right])
            self._add(node, sign.__name__)
            return
        parts, waiting = [], [node]
        while waiting:
            part = waiting.pop()
            if isinstance(part, ast.BinOp) and part.op.__class__ is sign:
                waiting += [part.left, part.right]
            else:
                parts.append(part)
        self._add_sorted(parts)
        self.found += [(sign.__name__, node.lineno)] * (len(parts) - 1)

    def visit_Dict(self, node):
        self._add_sorted(zip(node.keys, node.values, strict=True))


def _plain(found):
    """Tokens without their lines."""
    return [token for token, _ in found]


def _ordered(made):
    """Yield _Statements in order: what needs another comes later."""
    needed = {at: [n for n in range(at) if each.needs(made[n])] for at, each in enumerate(made)}
    sorter = TopologicalSorter(needed)
    sorter.prepare()
    while sorter:
        ready = sorted(sorter.get_ready(), key=lambda at: (_plain(made[at].tokens), at))
        yield from map(made.__getitem__, ready)
        sorter.done(*ready)
