"""A class made of a bank's answers: students who wrote on their own, and some who copied.

Each student draws an answer to each exercise from the bank and the solution, and writes it in a way
of their own: `written`. A copy is another student's work, disguised in one of `DISGUISES`; a copier
has some answers of their own.
"""

import ast
import random

from course.notebook import symbols

_GIVEN = {  # the first parameters of layers, to be named or not
    "Conv2D": ("filters", "kernel_size", "strides", "padding"), "Dense": ("units", "activation"),
    "MaxPooling2D": ("pool_size", "strides", "padding"), "Dropout": ("rate",),
}  # fmt: skip
_NEEDLESS = {
    "Conv2D": (("use_bias", True), ("dilation_rate", 1), ("kernel_initializer", "glorot_uniform")),
    "Dense": (("use_bias", True), ("bias_initializer", "zeros")),
}
_NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "k",
    "m",
    "n",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "y",
    "z",
    "out",
    "res",
    "tmp",
    "val",
    "cur",
    "acc",
    "item",
    "total",
    "net",
]
HABITS = "name", "pair", "apart", "needless", "other", "loops", "steps", "index", "branches"
_SAYS = "first the size", "as in the paper", "see lecture", "loop over all", "TODO check", "works"


def drawn(bank, right, draw):
    """{answer cell: text}: for each, a right answer in one of the bank's styles, or a mistake."""
    answers = {}
    for cell, text in right.items():
        styles = [text, *(style[cell] for style in bank.RIGHT.values() if cell in style)]
        wrong = [mistake.source for mistake in bank.MISTAKES if mistake.cell == cell]
        answers[cell] = draw.choice(wrong if wrong and draw.random() < 0.2 else styles)
    return answers


def written(answers, draw):
    """The answers as one student writes them: with habits, and with chance."""
    habits = {name: draw.random() ** 2 for name in HABITS}
    return {cell: _own_way(text, habits, draw) for cell, text in answers.items()}


def _own_way(text, habits, draw):
    if not symbols.parses(text):
        return text
    tree = _Habits(habits, draw).visit(ast.parse(text))
    return _commented(_renamed(tree, draw), draw)


def _commented(tree, draw):
    lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
    for _ in range(draw.randrange(3)):
        at = draw.randrange(len(lines))
        lines[at] += f"  # {draw.choice(_SAYS)}"
    return "\n".join(lines)


def _last(node):
    return getattr(node, "attr", getattr(node, "id", ""))


class _Habits(ast.NodeTransformer):
    """Ways of writing the same: arguments, activations, loops, steps, conditions, guards."""

    def __init__(self, habits, draw):
        self.habits, self.draw = habits, draw

    def has(self, habit):
        return self.draw.random() < self.habits[habit]

    def visit_Call(self, node):
        self.generic_visit(node)
        name = _last(node.func)
        if name == "range" and len(node.args) == 1 and self.has("other"):
            node.args.insert(0, ast.Constant(0))
        if name == "range" and len(node.args) == 1 and self.has("other"):
            more = ast.BinOp(node.args[0], ast.Add(), ast.Constant(1))
            node.args[:] = [ast.Constant(1), more]
        if name == "prod" and self.has("other"):
            node.func = ast.Attribute(ast.Name("math"), "prod")
        for at, arg in enumerate(node.args if name in _GIVEN else ()):
            size = _GIVEN[name][at : at + 1] in (("kernel_size",), ("pool_size",), ("strides",))
            if size and isinstance(arg, ast.Constant) and self.has("pair"):
                node.args[at] = ast.Tuple([arg, arg])
        if name in _GIVEN and self.has("name"):
            named = zip(_GIVEN[name][1:], node.args[1:], strict=False)
            node.keywords[:0] = [ast.keyword(key, value) for key, value in named]
            node.args = node.args[:1]
        if name in _NEEDLESS and self.has("needless"):
            node.keywords.append(_keyword(*self.draw.choice(_NEEDLESS[name])))
        return self._apart(node)

    def _apart(self, node):
        """An activation as a layer of its own."""
        layer = node.func
        if isinstance(layer, ast.Call) and len(node.args) == 1 and self.has("apart"):
            for keyword in layer.keywords:
                if keyword.arg == "activation" and isinstance(keyword.value, ast.Constant):
                    layer.keywords.remove(keyword)
                    how = self.draw.choice(["layers.Activation({})", "keras.activations.get({})"])
                    made = ast.parse(how.format(repr(keyword.value.value)), mode="eval").body
                    return ast.Call(made, [node], [])
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        square = isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2"
        if square and self.has("other"):
            return ast.BinOp(node.left, ast.Mult(), node.left)
        same = isinstance(node.op, ast.Mult) and ast.dump(node.left) == ast.dump(node.right)
        if same and self.has("other"):
            return ast.BinOp(node.left, ast.Pow(), ast.Constant(2))
        return node

    def visit_If(self, node):
        self.generic_visit(node)
        equal = isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq)
        if equal and node.orelse and self.has("other"):
            node.test.ops[0] = ast.NotEq()
            node.body, node.orelse = node.orelse, node.body
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.ListComp) and self.has("loops"):
            return [*self._as_loop("out", node.value), ast.parse("return out").body[0]]
        if node.value and self.has("other"):
            keep = ast.Assign([ast.Name("result", ast.Store())], node.value, lineno=0)
            return [*self._in_steps(keep), ast.Return(ast.Name("result", ast.Load()))]
        return self._in_steps(node)

    def visit_Assign(self, node):
        self.generic_visit(node)
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and isinstance(value, ast.ListComp) and self.has("loops"):
            return self._as_loop(target.id, value)
        if isinstance(value, ast.IfExp) and self.has("branches"):
            both = [[ast.Assign([target], part, lineno=0)] for part in (value.body, value.orelse)]
            return ast.If(value.test, *both)
        return self._in_steps(node)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and self.has("other"):
            value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            return self._in_steps(ast.Assign([node.target], value, lineno=0))
        return self._in_steps(node)

    def visit_For(self, node):
        self.generic_visit(node)
        if isinstance(node.iter, ast.Name) and self.has("index"):
            rows = node.iter.id
            node.body[:0] = [ast.Assign([node.target], ast.parse(f"{rows}[i]").body[0].value)]
            node.target = ast.Name("i", ast.Store())
            node.iter = ast.parse(f"range(len({rows}))").body[0].value
        return node

    def _as_loop(self, name, made):
        """A list comprehension as a loop."""
        body = [ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [made.elt], []))]
        for each in reversed(made.generators):
            for test in reversed(each.ifs):
                body = [ast.If(test, body, [])]
            body = [ast.For(each.target, each.iter, body, [])]
        return [ast.parse(f"{name} = []").body[0], *body]

    def _in_steps(self, node):
        """A statement, perhaps with a part of its value as a step of its own above it."""
        parts = [part for part in _always(node.value) if part is not node.value]
        if not parts or not self.has("steps"):
            return [node]
        part, name = self.draw.choice(parts), f"step{self.draw.randrange(10**6)}"
        keep = ast.Assign([ast.Name(name, ast.Store())], part, lineno=0)
        _Swap(part, ast.Name(name, ast.Load())).visit(node)
        return [keep, node]

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        first = node.args.args[0].arg if node.args.args else None
        guards = (
            "assert {} is not None", "if {} is None:\n    raise ValueError('nothing')",
            "print({})", "{0} = {0}", "assert len({}) > 0",
        )  # fmt: skip
        if first and self.draw.random() < 0.15:
            node.body[:0] = ast.parse(self.draw.choice(guards).format(first)).body
        return node


class _Swap(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def _always(value):
    """The sums, products and calls in an expression that are computed whatever happens."""
    if isinstance(value, ast.BinOp):
        return [value, *_always(value.left), *_always(value.right)]
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name | ast.Attribute):
        return [value, *(part for arg in value.args for part in _always(arg))]
    return []


def _keyword(name, value):
    return ast.keyword(name, ast.Constant(value))


def _renamed(tree, draw):
    """Every local name of each function, and no parameter, under another name."""
    tree = ast.parse(ast.unparse(ast.fix_missing_locations(tree)))  # complete, as a parser makes it
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        given = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
        local = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)
                 and isinstance(n.ctx, ast.Store)} - given  # fmt: skip
        new = draw.sample(_NAMES, len(_NAMES))
        names = dict(zip(sorted(local), (n for n in new if n not in given), strict=False))
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                node.id = names.get(node.id, node.id)
    return tree


# --- copies


def renamed(tree, draw):
    """Other names and comments."""
    return _renamed(tree, draw)


def reordered(tree, draw):
    """Independent statements, keywords and entries of dicts in another order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            draw.shuffle(node.keywords)
        elif isinstance(node, ast.Dict):
            both = list(zip(node.keys, node.values, strict=True))
            draw.shuffle(both)
            node.keys, node.values = [key for key, _ in both], [value for _, value in both]
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for at in range(len(body) - 1 if isinstance(body, list) else 0):
                if _independent(body[at], body[at + 1]):
                    body[at], body[at + 1] = body[at + 1], body[at]
    return _renamed(tree, draw)


def _independent(one, other):
    if not all(isinstance(statement, ast.Assign | ast.FunctionDef) for statement in (one, other)):
        return False
    names = [{n.id for n in ast.walk(s) if isinstance(n, ast.Name)} for s in (one, other)]
    stored = [{n.id for n in ast.walk(s) if isinstance(n, ast.Name)
               and isinstance(n.ctx, ast.Store)} for s in (one, other)]  # fmt: skip
    return not (stored[0] & names[1] or stored[1] & names[0])


def retyped(tree, draw):
    """Typed anew from the screen: other names, and here and there another way of writing."""
    habits = dict.fromkeys(HABITS, 0.1)
    return _renamed(_Habits(habits, draw).visit(tree), draw)


def translated(tree, draw):
    """Layers that were called one after the other are added to a Sequential, under other names."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        function.body = _as_sequential(function.body)
    return _renamed(tree, draw)


def _as_sequential(body):
    """Statements with each run of layers in a Sequential that is called once."""
    new, run = [], []

    def end():
        if run:
            source, target = run[0][1], run[-1][2]
            new.append(ast.parse("model = keras.Sequential()").body[0])
            new.extend(statement for adds, _, _ in run for statement in adds)
            new.extend(ast.parse(f"{target} = model({source})").body)
            run.clear()

    for statement in body:
        adds, source, target = _adds(statement)
        if run and source != run[-1][2]:
            end()
        if adds and isinstance(statement, ast.Return):
            run.append((adds, source, "x"))
            end()
            _Swap(_innermost(statement.value)[1], ast.Name("x")).visit(statement)
            new.append(statement)
        elif adds:
            run.append((adds, source, target))
        else:
            end()
            new.append(statement)
    end()
    return new


def _adds(statement):
    """(statements that add its layers to `model`, the name they are called on, the name given)."""
    if isinstance(statement, ast.For) and not statement.orelse:
        inside = [_adds(part) for part in statement.body]
        names = {name for _, source, target in inside for name in (source, target)}
        if all(adds for adds, _, _ in inside) and len(names) == 1:
            adds = [part for adds, _, _ in inside for part in adds]
            return [ast.For(statement.target, statement.iter, adds, [])], *(2 * [*names])
    value = getattr(statement, "value", None)
    layers, call = _innermost(value) if value is not None else ([], None)
    if not layers or not isinstance(statement, ast.Assign | ast.Return):
        return [], "", ""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else ast.Name("x")
    if not isinstance(target, ast.Name):
        return [], "", ""
    adds = [ast.Expr(ast.Call(ast.Attribute(ast.Name("model"), "add"), [layer], []))
            for layer in layers]  # fmt: skip
    source = call
    while isinstance(source, ast.Call):
        source = source.args[0]
    return adds, source.id, target.id


def _innermost(value):
    """(the layers that are called on a name one after the other, that whole call)."""
    if isinstance(value, ast.Call) and _last(value.func) == "Model" and len(value.args) == 2:
        return _innermost(value.args[1])
    layers, call = [], value
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Call) and len(call.args) == 1:
        layers.insert(0, call.func)
        call = call.args[0]
    return (layers, value) if layers and isinstance(call, ast.Name) else ([], None)


DISGUISES = {f.__name__: f for f in (renamed, reordered, retyped, translated)}


def copied(answers, own, disguise, draw, share):
    """A copy of this share of another's answers in a disguise; the rest are the copier's own."""
    made = dict(own)
    for cell, text in answers.items():
        if draw.random() < share and symbols.parses(text):
            tree = DISGUISES[disguise](ast.parse(text), draw)
            made[cell] = _commented(tree, draw)
    return made


def school_class(bank, right, size, copies, seed=0, share=0.75):
    """A made-up class: ({student: {answer cell: text}}, {(writer, copier): disguise}, own).

    `copies` students of each disguise have each copied from another one who wrote alone. `own` has
    what they would have written: {copier: {answer cell: text}}.
    """
    draw = random.Random(seed)
    names = [f"s{number:04}" for number in range(size)]
    works = {name: written(drawn(bank, right, draw), draw) for name in names}
    chosen, pairs, own = iter(draw.sample(names, 2 * copies * len(DISGUISES))), {}, {}
    for disguise in list(DISGUISES) * copies:
        writer, copier = next(chosen), next(chosen)
        pairs[writer, copier], own[copier] = disguise, works[copier]
        works[copier] = copied(works[writer], own[copier], disguise, draw, share)
    return works, pairs, own
