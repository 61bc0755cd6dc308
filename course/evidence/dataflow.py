"""Data flow in a notebook: which imported objects flow into the value of a name.

The cells are read and never run. Only what flows into a value counts: not what is printed,
asserted or displayed beside it, nor what a comment or a type hint names. Branches are merged, a
loop is read twice, and a function's body counts where it is used.
"""

import ast
import builtins
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field

from course.evidence import syntax
from course.evidence.syntax import bound, parsed

_SHOWING = {"print", "display"}  # their own value is None
_CHANGING = {"append", "extend", "insert", "setdefault", "update"}
_BY_TEXT = {"__import__", "eval", "exec", "import_module"}
_NAMES = {"globals", "locals", "vars"}  # functions that return all names
#: Jupyter's names for what cells have shown: the last three, each by its number, and all.
_SHOWN = re.compile(r"_{1,3}|_\d+|_oh|Out")
_PLAIN = ast.BinOp | ast.Add | ast.Sub | ast.Mult | ast.UnaryOp | ast.USub  # never raises, or None
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_MOST = 3_000_000  # steps of reading; a cell written by hand takes some hundreds


class _TooMuch(Exception):
    """There is more to be read than anybody writes by hand."""


@dataclass
class _Function:
    params: list  # names, in order
    flowing: set  # the parameters that flow into its result
    uses: set  # names from outside that occur in it
    changes: dict  # {name from outside: _Value that the function adds to it}
    tells: "_Value"  # what decides whether it raises, which a caller can observe


@dataclass(eq=False)
class _Value:
    origins: set = field(default_factory=set)  # imported objects, as "course.anatomy.anatomy"
    parts: list = field(default_factory=list)  # [(name in the notebook or "", _Value)]
    late: set = field(default_factory=set)  # dotted names that are looked up at each call
    stands_for: str = ""  # the imported object that it is
    function: _Function | None = None
    belated: bool = False  # made after its name was judged (`Dataflow.closed`)

    def add(self, other):
        self.origins |= other.origins
        self.late |= other.late
        if other.parts:
            self.parts.append(("", other))


def _merged(*values):
    values = [value for value in values if value is not None]
    if len(values) == 1:
        return values[0]
    return _Value(parts=[("", value) for value in values], function=values[0].function)


class Dataflow:
    """The cells that have run, in the order in which they ran.

    `silent(whole)` says whether the imported function `whole` returns nothing and only raises if
    something is wrong. Such a call gives information only where the error is caught.
    """

    def __init__(self, silent=lambda whole: False):
        self.silent = silent
        self.stars = set()  # modules of `from m import *` that this process has not imported
        self.closed = set()  # names that have been judged
        self.shown = []  # [(_Value of a cell's last expression, whether it surely was shown)]
        self._left = _MOST
        self._top = _Scope(self)

    def ran(self, source):
        """A cell has run."""
        try:
            statements = parsed(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        with suppress(_TooMuch, RecursionError):
            self._top.run(statements)
            if statements and isinstance(statements[-1], ast.Expr):
                value = self._top.of(statements[-1].value)
                self.shown.append(
                    (value, _is_sum(statements) and not source.rstrip().endswith(";"))
                )
        self._top.control, self._top.exits, self._top.loops = (), (), 0

    def step(self, number=1):
        self._left -= number
        if self._left < 0:
            raise _TooMuch

    def output(self, name):
        """What a name such as `_`, `_7` or `Out` gives, of all cells whose output it may be."""
        behind = len(name) if not name.strip("_") else len(self.shown) + 1
        found = _Value()
        for value, surely in reversed(self.shown):
            self.step()
            found.add(value)
            behind -= surely
            if behind == 0:
                break
        return found

    def origins(self, name, stop=()):
        """The imported objects, as "course.anatomy.anatomy", that flow into a name's value.

        What flows in through the names in `stop` is left out.
        """
        found, seen = set(), {}
        waiting = [self._top.values[name]] if name in self._top.values else []
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen[id(value)] = value
            found |= value.origins
            called = [self._top.named(dotted) for dotted in value.late]
            for one in called:
                found |= one.origins
            parts = [part for one in (value, *called) for part in one.parts]
            waiting += [part for name, part in parts if name not in stop or part.belated]
        return found


class _Scope:
    """Names and their values: at the top of a notebook, in a function or in a class."""

    def __init__(self, flow, outer=None, local=(), is_class=False):
        self.flow, self.outer, self.local, self.is_class = flow, outer, set(local), is_class
        self.values, self.changed, self.returned = {}, {}, []
        self.control = ()  # values that decide whether this statement runs
        self.exits = ()  # values that decide when the loop around it ends
        self.loops = outer.loops if outer else 0

    # --- names

    def _owns(self, name):
        return self.outer is None or name in self.local

    def named(self, dotted, called=False):
        """The value of a name, or of a name with dots, as it is used here."""
        name, _, rest = dotted.partition(".")
        if not self._owns(name):
            return _Value(late={dotted})
        value = self.values.get(name)
        anew = value is None or name.strip("_") not in ("", "Out")  # then Jupyter defines it
        if anew and self.outer is None and _SHOWN.fullmatch(name):
            return _merged(value, self.flow.output(name))
        if value is None:
            free = self.outer is None and not hasattr(builtins, name)
            return _Value({f"{module}.*" for module in self.flow.stars} if free else set())
        if value.stands_for:
            whole = f"{value.stands_for}.{rest}" if rest else value.stands_for
            own = name if self.outer is None else ""
            return _Value(parts=[(own, _Value({whole}))], stands_for=whole)
        if self.outer is not None:
            return value
        value = self._now(value) if called else value
        return _Value(parts=[(name, value)], function=value.function)

    def _now(self, value, made=None):
        """A function's value, with the names that it looks up replaced by their present values."""
        if not value.late or self.outer is not None:
            return value
        made = {} if made is None else made
        if id(value) not in made:
            self.flow.step()
            fixed = made[id(value)] = _Value(
                set(value.origins), list(value.parts), set(), "", value.function, value.belated
            )
            for dotted in value.late:
                one = self.named(dotted)
                fixed.origins |= one.origins
                fixed.parts += [(name, self._now(part, made)) for name, part in one.parts]
        return made[id(value)]

    def _known(self, name):
        scope = self
        while scope is not None and name not in scope.values:
            scope = scope.outer
        return scope.values[name] if scope else None

    def _whole(self, dotted):
        """The full name of an attribute of an imported object; "" for other dotted names."""
        name, _, rest = dotted.partition(".")
        value = self._known(name)
        return f"{value.stands_for}.{rest}" if value and value.stands_for and rest else ""

    def bind(self, name, value, decided=()):
        value = _merged(value, *decided, *self.exits)
        if not self._owns(name):
            self.changed[name] = _merged(self.changed.get(name), value)
            return
        if self.outer is None and name in self.flow.closed:
            value = _Value(parts=[("", value)], function=value.function, belated=True)
        self.values[name] = value

    def change(self, name, value, decided=()):
        value = _merged(value, *decided)
        kept = self.values if self._owns(name) else self.changed
        old = kept.get(name)
        if old is None and self.outer is None and _SHOWN.fullmatch(name):
            self.flow.shown.append((value, False))
            return
        if old is not None and old.stands_for:
            return  # an attribute of a module
        if old is not None and self.outer is None and name in self.flow.closed:
            parts = [(name, old), ("", value)]
            kept[name] = _Value(parts=parts, function=old.function, belated=True)
        else:
            kept[name] = _merged(old, value)

    def _decided(self, *sources):
        """The conditions that count as flowing into a value assigned here.

        In a loop a condition can pick the right value out of many, so it counts. Elsewhere it picks
        between two values, and counts only if they are literals: who computes a value and then
        compares it has computed it.
        """
        names = (node for each in sources for node in ast.walk(each) if not _is_literal(node))
        return self.control if self.loops or next(names, None) is None else ()

    def _join(self, *others):
        for values in others:
            self.flow.step(len(values))
            for name, value in values.items():
                mine = self.values.get(name, value)
                self.values[name] = value if mine is value else _merged(mine, value)

    # --- expressions

    def of(self, *nodes, hidden=None):
        """The value of expressions together; `hidden` is {a comprehension's own name: _Value}."""
        made, waiting = _Value(), [(node, hidden or {}) for node in nodes if node is not None]
        while waiting:
            node, hidden = waiting.pop()
            self.flow.step()
            if dotted := syntax.dotted(node):
                one = hidden.get(dotted.partition(".")[0]) or self.named(dotted)
                if len(nodes) == 1 and node is nodes[0]:
                    return one
                made.add(one)
            elif isinstance(node, ast.Lambda):
                made.add(self._function(node.args, [ast.Return(node.body)], hidden))
            elif isinstance(node, _COMPREHENSIONS):
                inner = self._hidden(node, hidden)
                parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
                parts += [test for each in node.generators for test in each.ifs]
                waiting += [(part, inner) for part in parts]
            elif isinstance(node, ast.Call):
                waiting += [(part, hidden) for part in self._call(node, hidden, made)]
            else:
                if isinstance(node, ast.Subscript):
                    self._by_key(node, made)
                waiting += [(child, hidden) for child in ast.iter_child_nodes(node)]
        return made

    def _hidden(self, node, hidden):
        hidden = dict(hidden)
        for each in node.generators:
            for target, source in syntax.looped(each.target, each.iter):
                value = self.of(*source, hidden=hidden)
                hidden.update((name, value) for name in bound(target))
        return hidden

    def _call(self, node, hidden, made):
        """The expressions that flow into a call's result; values of names are added to `made`."""
        name = syntax.dotted(node.func)
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not name or name.partition(".")[0] in hidden:
            return [node.func, *given]
        known = self._known(name)
        if name in _SHOWING and (known is None or known.function is None):
            return []
        if self.flow.silent(self._whole(name)):
            return []
        texts = [each.value for each in node.args if syntax.is_text(each)]
        if name == "getattr" and texts and syntax.dotted(node.args[0]):
            made.add(self.named(f"{syntax.dotted(node.args[0])}.{texts[0]}"))
            return node.args[2:]
        if name.split(".")[-1] in _BY_TEXT:
            made.origins |= {" ".join(texts), "".join(reversed(texts))}
        made.add(self.named(name, called=True))
        if known is None or known.function is None:
            return given
        idle = set(known.function.params) - known.function.flowing
        if not any(isinstance(each, ast.Starred) for each in node.args):
            given = [each for each in given if each not in node.args]
            names = known.function.params[: len(node.args)]
            names += [""] * (len(node.args) - len(names))
            given += [each for each, name in zip(node.args, names, strict=True) if name not in idle]
        beside = [keyword.value for keyword in node.keywords if keyword.arg in idle]
        return [each for each in given if each not in beside]

    def _by_key(self, node, made):
        key = node.slice
        if not syntax.is_text(key):
            return
        if syntax.dotted(node.value) == "sys.modules":
            made.origins.add(key.value)
        elif getattr(node.value, "attr", "") == "user_ns" or (
            isinstance(node.value, ast.Call) and syntax.dotted(node.value.func) in _NAMES
        ):
            made.add(self.named(key.value))

    def _effects(self, *nodes):
        """The effects of evaluating expressions: names defined, values changed."""
        waiting = [(node, {}) for node in nodes if node is not None]
        while waiting:
            node, hidden = waiting.pop()
            self.flow.step()
            if isinstance(node, ast.Lambda):
                continue
            if isinstance(node, _COMPREHENSIONS):
                hidden = self._hidden(node, hidden)
            elif isinstance(node, ast.NamedExpr):
                self.bind(node.target.id, self.of(node.value, hidden=hidden))
            elif isinstance(node, ast.Yield | ast.YieldFrom):
                self.returned.append(self.of(node.value, hidden=hidden))
            elif isinstance(node, ast.Call):
                for function in self._reached(syntax.dotted(node.func)):
                    for name, value in function.changes.items():
                        self.change(name, self._now(value))
                if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
                    given = [*node.args, *(keyword.value for keyword in node.keywords)]
                    if name := syntax.base(node.func):
                        self.change(name, self.of(*given, hidden=hidden), self._decided(*given))
            waiting += [(child, hidden) for child in ast.iter_child_nodes(node)]

    def _reached(self, name):
        """The student's functions that a call reaches."""
        waiting, seen = [name], set()
        while waiting:
            name = waiting.pop()
            value = self._known(name)
            if name in seen or value is None or value.function is None:
                continue
            seen.add(name)
            self.flow.step()
            waiting += value.function.uses
            yield value.function

    # --- statements

    def run(self, statements):
        for statement in statements:
            self._statement(statement)

    def _statement(self, node):
        self.flow.step()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                function = self._function(node.args, node.body)
                if node.decorator_list:
                    function = _merged(function, self.of(*node.decorator_list))
                self.bind(node.name, function)
            case ast.ClassDef():
                self.bind(node.name, self._class(node))
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Assign():
                self._effects(node.value)
                for target in node.targets:
                    self._assign(syntax.assigned(target, node.value))
            case ast.AnnAssign(value=ast.expr()):
                self._effects(node.value)
                self._assign([(node.target, [node.value])])
            case ast.AugAssign():
                self._effects(node.value)
                if name := syntax.base(node.target):
                    self.change(name, self.of(node.value), self._decided(node.value))
            case ast.For() | ast.AsyncFor() | ast.While():
                self._loop(node)
            case ast.If():
                self._effects(node.test)
                self._branches(self.of(node.test), [node.body, node.orelse])
            case ast.Match():
                self._effects(node.subject)
                for name in syntax.captured(node):
                    self.bind(name, self.of(node.subject))
                self._branches(self.of(node.subject), [*(case.body for case in node.cases), []])
            case ast.With() | ast.AsyncWith():
                self._with(node)
            case ast.Try() | ast.TryStar():
                self._try(node)
            case ast.Return(value=ast.expr()):
                self._effects(node.value)
                self.returned.append(_merged(self.of(node.value), *self._decided(node.value)))
            case ast.Delete():
                for target in node.targets:
                    if isinstance(target, ast.Name) and self._owns(target.id):
                        self.values.pop(target.id, None)
            case _:
                self._effects(node)

    def _assign(self, pairs):
        for target, source in pairs:
            decided = self._decided(*source)
            if isinstance(target, ast.Name):
                self.bind(target.id, self.of(*source), decided)
            elif name := syntax.base(target):
                key = target.slice if isinstance(target, ast.Subscript) else None
                self.change(name, self.of(*source, key), decided)

    def _import(self, node):
        module = getattr(node, "module", None)
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            if alias.name == "*":
                whole = {name: f"{module}.{name}" for name in _public(module)}
                if not whole and module:
                    self.flow.stars.add(module)
            elif module is None:
                whole = {name: alias.name if alias.asname else name}
            else:
                whole = {name: f"{module}.{alias.name}"}
            for name, stands_for in whole.items():
                kept = self.values if self._owns(name) else self.changed
                kept[name] = _Value({stands_for}, stands_for=stands_for)

    def _branches(self, decides, bodies):
        before, ends, control = dict(self.values), [], self.control
        self.control = *control, decides
        for body in bodies:
            self.flow.step(len(before))
            self.values = dict(before)
            self.run(body)
            ends.append(self.values)
        self.control, self.values = control, {}
        self._join(*ends)

    def _loop(self, node):
        before, control, exits = dict(self.values), self.control, self.exits
        # The second reading sees the values that one pass of the loop leaves for the next.
        times = 1 if self.loops else 2
        self.loops += 1
        for _ in range(times):
            ends = [self.of(test) for test in syntax.exits(node.body)]
            if isinstance(node, ast.While):
                self._effects(node.test)
                self.control = *control, self.of(node.test)
            else:
                self._effects(node.iter)
                self._assign(syntax.looped(node.target, node.iter))
            self.exits = *exits, *ends
            self.run(node.body)
            if not isinstance(node, ast.While):  # the exits decide which item was the last
                for name in bound(node.target):
                    self.bind(name, self.named(name))
            self.control, self.exits = control, exits
        self.loops -= 1
        self._join(before)
        self.run(node.orelse)

    def _with(self, node):
        for item in node.items:
            self._effects(item.context_expr)
            if item.optional_vars is not None:
                self._assign([(item.optional_vars, [item.context_expr])])
        if any("suppress" in ast.unparse(item.context_expr) for item in node.items):
            control = self.control
            self._attempt(node.body, learns=bool(self.loops))
            self.control = control
        else:
            self.run(node.body)

    def _try(self, node):
        before, control = dict(self.values), self.control
        handlers = [handler.body for handler in node.handlers]
        answers = any(isinstance(each, ast.Return) for each in syntax.within(handlers))
        told = self._attempt(node.body, learns=bool(self.loops) or answers)
        raised = dict(self.values)
        self.run(node.orelse)
        ends = [self.values]
        self.control = *control, *told
        for handler in handlers:
            self.values = dict(before)
            self._join(raised)
            self.run(handler)
            ends.append(self.values)
        self.control, self.values = control, {}
        self._join(*ends)
        self.run(node.finalbody)

    def _attempt(self, body, learns):
        """Run statements whose errors are caught. Returns the values that such an error reveals.

        `learns`: whether the statements behind show that there was no error.
        """
        all_ = []
        for statement in body:
            self._statement(statement)
            told = list(self._told([statement]))
            all_ += told
            if learns:
                self.control += tuple(told)
        return all_

    def _told(self, statements):
        """The values that statements reveal by raising an error or not."""
        for node in syntax.within(statements):
            self.flow.step()
            if isinstance(node, ast.Assert):
                yield self.of(node.test)
            elif isinstance(node, ast.If):
                if any(isinstance(each, ast.Raise) for each in syntax.within(node.body)):
                    yield self.of(node.test)
            elif isinstance(node, ast.Call):
                whole = self._whole(syntax.dotted(node.func))
                if self.flow.silent(whole):
                    yield _Value({whole})
                for function in self._reached(syntax.dotted(node.func)):
                    yield self._now(function.tells)

    # --- functions and classes

    def _function(self, args, body, hidden=None):
        params = [each.arg for each in (*args.posonlyargs, *args.args)]
        others = [*args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
        own = [*params, *(each.arg for each in others)]
        inner = _Scope(self.flow, self, {*own, *syntax.local(body), *(hidden or ())})
        inner.values.update(hidden or {})
        inner.values.update((name, _Value(late={f"<{name}>"})) for name in own)
        defaults = zip(reversed(params), reversed(args.defaults), strict=False)
        defaults = [
            *defaults,
            *zip((a.arg for a in args.kwonlyargs), args.kw_defaults, strict=True),
        ]
        for name, default in defaults:
            if default is not None:
                inner.values[name] = _merged(inner.values[name], self.of(default))
        inner.run(body)
        returned = list(inner.returned)
        if self.is_class and params:  # what a method assigns to self
            returned.append(inner.values[params[0]])
        value = inner.flat(*returned)
        flowing = {name for name in own if f"<{name}>" in value.late}
        uses = {node.id for part in body for node in ast.walk(part) if isinstance(node, ast.Name)}
        self.flow.step(len(uses))
        changes = {name: inner.flat(changed) for name, changed in inner.changed.items()}
        tells = inner.flat(*inner._told(body))
        for one in (value, tells, *changes.values()):
            one.late -= {f"<{name}>" for name in own}
        value.function = _Function(own[: len(params)], flowing, uses - inner.local, changes, tells)
        return value

    def _class(self, node):
        inner = _Scope(self.flow, self, syntax.local(node.body), is_class=True)
        inner.run(node.body)
        outside = [*node.bases, *(each.value for each in node.keywords), *node.decorator_list]
        value = inner.flat(*inner.values.values())
        return _merged(value, self.of(*outside)) if outside else value

    def flat(self, *values):
        """The values as one, without this scope's own names, which end with the scope."""
        made, seen, waiting = _Value(), {}, list(values)
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen[id(value)] = value
            self.flow.step()
            made.origins |= value.origins
            made.parts += [(name, part) for name, part in value.parts if name]
            waiting += [part for name, part in value.parts if not name]
            for dotted in value.late:
                if self._owns(dotted.partition(".")[0]):
                    waiting.append(self.named(dotted))
                else:
                    made.late.add(dotted)
        return made


def _is_sum(statements):
    """Whether a cell is nothing but numbers that are added or multiplied."""
    return len(statements) == 1 and all(
        isinstance(node, _PLAIN) or isinstance(getattr(node, "value", None), int | float)
        for node in ast.walk(statements[0].value)
    )


def _is_literal(node):
    plain = ast.operator | ast.unaryop | ast.UnaryOp | ast.BinOp | ast.expr_context
    return isinstance(node, plain) or (isinstance(node, ast.Constant) and node.value is not None)


def _public(module):
    """The names of `from module import *`, if this process has imported the module."""
    known = getattr(sys.modules.get(module), "__dict__", {})
    return [name for name in known.get("__all__", known) if not name.startswith("_")]
