"""An answer's normal form, as tokens: equal for answers that differ in names and order only."""

import ast
import re
from functools import lru_cache

from course.evidence.syntax import base, dotted, parsed
from course.grading.out.chosen import chosen
from course.notebook import symbols

_MOST_SORTED = 50  # statements of a block that are put into order
_SHORT = 20  # characters of a text that is a name, such as "same" or "relu"
_WORD = re.compile(r"\w+|[^\w\s]")
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEAVES = ast.Raise | ast.Break | ast.Continue | ast.Yield
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


class _Form(ast.NodeVisitor):
    """The normal form of a syntax tree, as tokens: what is computed, in the order of the data.

    A token of an operation comes after the tokens of what it works on. `own` are the student's
    names from other cells. `shared` are the names that the task asks for, which stay.

    The student's own names, names of layers, formatting and texts leave no token. Independent
    statements, keywords and the parts of a sum have one order. A loop and a comprehension look the
    same, and so do layers that are called, listed, or added to a Sequential.
    """

    def __init__(self, tree, own, shared):
        found = chosen(_nodes(tree))
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
        start, reads, writes, made = len(self.found), self.reads, self.writes, []
        for statement in statements:
            self.reads, self.writes = {""}, set()
            (tokens,) = self._tokens_of([statement])
            if isinstance(statement, _DEFINES):
                self.reads, self.writes = set(), {statement.name}
            made.append((tokens, self.reads, self.writes))
        self.found[start:] = [token for at in _ordered(made) for token in made[at][0]]
        self.reads = reads.union(*(read for _, read, _ in made))
        self.writes = writes.union(*(written for _, _, written in made))

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

    def _add(self, node, token):
        """Add a token, with the line of a node."""
        self.found.append((token, getattr(node, "lineno", 1)))

    def generic_visit(self, node):
        if isinstance(node, _LEAVES):
            self.writes.add("")
        self._visit_all(_parts(node))
        self._add(node, node.__class__.__name__)

    # --- without a token of their own

    def _without(self, node):
        self._visit_all(_parts(node))

    visit_Tuple = visit_List = visit_Set = visit_Starred = visit_Await = _without

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
        self.visit(node.value)
        self._visit_all(node.targets)

    def visit_AnnAssign(self, node):
        self._visit_all([node.value, node.target])

    def visit_AugAssign(self, node):
        self.visit_BinOp(ast.copy_location(ast.BinOp(node.target, node.op, node.value), node))

    def visit_NamedExpr(self, node):
        self._visit_all([node.value, node.target])

    def visit_Return(self, node):
        self.writes.add("")
        self._visit_all([node.value])
        self._add(node, "return")

    def visit_FunctionDef(self, node):
        self._add(node, "def")
        self._visit_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self._visit_block(node.body)
        self._add(node, "end")

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self._add(node, "def")
        self.visit(node.body)
        self._add(node, "return")

    def visit_ClassDef(self, node):
        self._add(node, "class")
        self._visit_all(node.bases)
        self._visit_block(node.body)
        self._add(node, "end")

    def visit_For(self, node):
        self.visit(node.iter)
        self._add(node, "for")
        self.visit(node.target)
        self._visit_block(node.body)
        self._add(node, "end")
        self._visit_block(node.orelse)

    visit_AsyncFor = visit_For

    def _comprehended(self, node):
        tests = 0
        for each in node.generators:
            self.visit(each.iter)
            self._add(node, "for")
            self.visit(each.target)
            for test in each.ifs:
                self.visit(test)
                self._add(node, "if")
                tests += 1
        self._visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.found += [("end", node.lineno)] * (tests + len(node.generators))

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehended

    def visit_While(self, node):
        self.visit(node.test)
        self._add(node, "while")
        self._visit_block(node.body)
        self._add(node, "end")
        self._visit_block(node.orelse)

    def visit_If(self, node):
        self.visit(node.test)
        self._add(node, "if")
        for part in (node.body, node.orelse):
            if part is node.orelse:
                self._add(node, "else")
            before = len(self.found)
            self._visit_block(part) if isinstance(part, list) else self.visit(part)
        if len(self.found) == before:
            self.found.pop()  # there is nothing else
        self._add(node, "end")

    visit_IfExp = visit_If

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
        func, keywords = node.func, [each for each in node.keywords if each.arg != "name"]
        keywords.sort(key=lambda each: each.arg or "")
        if isinstance(func, ast.Call):  # a layer, called: what goes in stands first
            self._visit_all([*node.args, *keywords, func])
            return
        start, called, is_own = len(self.found), None, False
        if not (
            isinstance(func, ast.Attribute) and func.attr in _GATHERS and base(func) in self.own
        ):
            self.visit(func)
            is_own = getattr(func, "attr", None) in self.attributes or len(self.found) == start
            called = None if is_own else self.found.pop()
        if called and called[0] in _JOINS:
            del self.found[start:]
            called, keywords = None, [each.value for each in keywords]
        self._visit_all(node.args)
        if is_own:  # the names of its parameters are the student's, too
            for found in sorted(self._tokens_of([each.value for each in keywords]), key=_plain):
                self.found += found
        else:
            self._visit_all(keywords)
        if called:
            self.found.append((f"{called[0]}()", called[1]))

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
        for found in sorted(self._tokens_of(parts), key=_plain):
            self.found += found
        self.found += [(sign.__name__, node.lineno)] * (len(parts) - 1)

    def visit_Dict(self, node):
        for found in sorted(self._tokens_of(zip(node.keys, node.values, strict=True)), key=_plain):
            self.found += found


def _parts(node):
    """The nodes right below a node; ast.iter_child_nodes takes twice as long."""
    parts = []
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            parts += [part for part in value if isinstance(part, ast.AST)]
        elif isinstance(value, ast.AST) and field != "ctx":
            parts.append(value)
    return parts


def _nodes(tree):
    """All nodes of a tree."""
    found = [tree]
    for node in found:
        found += _parts(node)
    return found


def _plain(found):
    """Tokens without their lines."""
    return [token for token, _ in found]


def _ordered(made):
    """The places of (tokens, reads, writes) in order: what depends on another comes later."""
    after = []
    for at, (_, reads, writes) in enumerate(made):
        after.append({
            before
            for before, (_, read, written) in enumerate(made[:at])
            if not (writes.isdisjoint(written) and writes.isdisjoint(read))
            or not reads.isdisjoint(written)
        })  # fmt: skip
    left, done = list(range(len(made))), set()
    while left:
        ready = [at for at in left if after[at] <= done]
        if len(ready) > 1:
            ready.sort(key=lambda at: _plain(made[at][0]))
        yield from ready
        done.update(ready)
        left = [at for at in left if at not in done]
