"""Scopes: the names of a notebook, of a function or of a class, and their abstract values."""

import ast
import builtins
from dataclasses import replace

from course.evidence.dataflow.reading import is_output
from course.evidence.dataflow.values import Value, joined


class Scope:
    """The names that a function or class has at one point of its body, with their values there.

    `outer` is the scope around it. `local` are its own names.
    """

    def __init__(self, reading, outer=None, local=(), is_class=False):
        self.reading, self.outer, self.local = reading, outer, set(local)
        self.is_class, self.is_function = is_class, outer is not None and not is_class
        self.values = {}  # {own name: Value}
        self.changed = {}  # {name from outside: what this scope adds to its value}
        self.returned = []  # the values that a function may return
        self.control = ()  # values that decide whether this statement runs
        self.exits = ()  # values that decide when the loop around it ends
        self.loops = outer.loops if outer else 0  # how many are around this statement

    # --- the value of a name

    def owns(self, name):
        """Whether an assignment here defines the name in this scope."""
        return name in self.local

    def named(self, dotted, called=False):
        """The value of a name, or of a name with dots, as it is used here.

        `called`: whether it is used as a function, which looks up its own names at that moment.
        """
        name = dotted.partition(".")[0]
        if not self.owns(name):
            return Value(late={dotted})
        value = self.values.get(name, Value())
        return _attribute(value, dotted, "") if value.stands_for else value

    def now(self, value):
        """A function's value, with the names that it looks up replaced by their present values.

        Only the top level knows these.
        """
        return value

    def known(self, name):
        """The value that a name has here or in a scope around, or None."""
        scope = self
        while scope is not None and name not in scope.values:
            scope = scope.outer
        return scope.values[name] if scope else None

    def full_name(self, dotted):
        """The full name of an attribute of an imported object; "" for other dotted names."""
        name, _, rest = dotted.partition(".")
        value = self.known(name)
        return f"{value.stands_for}.{rest}" if value and value.stands_for and rest else ""

    def reached(self, name):
        """The summaries of the student's functions that a call of this name reaches."""
        waiting, seen = [name], set()
        while waiting:
            name = waiting.pop()
            value = self.known(name)
            if name in seen or value is None or value.function is None:
                continue
            seen.add(name)
            self.reading.step()
            waiting += value.function.uses
            yield value.function

    # --- new values

    def bind(self, name, value, decided=()):
        """Give a name a value; the values in `decided`, which decide about it, flow in, too."""
        value = joined(value, *decided, *self.exits)
        if self.owns(name):
            self.values[name] = value
        else:
            self.changed[name] = joined(self.changed.get(name), value)

    def imported(self, name, full_name):
        """Give a name an imported object, such as "course.anatomy.anatomy"."""
        self._values_with(name)[name] = Value({full_name}, stands_for=full_name)

    def change(self, name, value, decided=()):
        """Let a value flow into the value that a name has already, as in x.append(…)."""
        values = self._values_with(name)
        old = values.get(name)
        if not (old and old.stands_for):  # else it is an attribute of a module
            values[name] = joined(old, value, *decided)

    def _values_with(self, name):
        return self.values if self.owns(name) else self.changed

    def decided(self, *sources):
        """The values that decide which of several values is assigned here (control dependence).

        `sources` are the expressions that are assigned. In a loop a condition can pick the right
        value out of many, so it counts. Elsewhere it picks between two values, and counts only if
        they are literals: who computes a value and then compares it has computed it.
        """
        computed = (node for each in sources for node in ast.walk(each) if not _is_literal(node))
        return self.control if self.loops or next(computed, None) is None else ()

    # --- several values as one

    def join(self, *ends):
        """Join the values {name: Value} at the ends of branches with those that are here."""
        for values in ends:
            self.reading.step(len(values))
            for name, value in values.items():
                mine = self.values.get(name, value)
                self.values[name] = value if mine is value else joined(mine, value)

    def from_outside(self, *values):
        """Values as one value, for use outside of this scope.

        The scope's own names end with it. In their place stands what flows into them.
        """
        made, seen, waiting = Value(), set(), list(values)
        while waiting:
            value = waiting.pop()
            if value in seen:
                continue
            seen.add(value)
            self.reading.step()
            made.origins |= value.origins
            made.parts += [(name, part) for name, part in value.parts if name]
            waiting += [part for name, part in value.parts if not name]
            for dotted in value.late:
                if self.owns(dotted.partition(".")[0]):
                    waiting.append(self.named(dotted))
                else:
                    made.late.add(dotted)
        return made


class TopLevel(Scope):
    """The names of a notebook, at the point that its cells have reached."""

    def owns(self, name):
        """Yes, it is its own."""
        return True

    def named(self, dotted, called=False):
        """The value of a name; it says that it came through this name."""
        name = dotted.partition(".")[0]
        value = self.values.get(name)
        # Once a cell has assigned `_` or `Out`, Jupyter leaves it alone. It defines `_7` anew.
        if is_output(name) and (value is None or name.strip("_") not in ("", "Out")):
            return joined(value, self.reading.output(name))
        if value is None:  # perhaps a name of a module of which all was imported
            stars = self.reading.stars if not hasattr(builtins, name) else ()
            return Value({f"{module}.*" for module in stars})
        if value.stands_for:
            return _attribute(value, dotted, name)
        value = self.now(value) if called else value
        return Value(parts=[(name, value)], function=value.function)

    def now(self, value, made=None):
        """As in any scope. `made` is {a value: its value now}: functions may call each other."""
        if not value.late:
            return value
        made = {} if made is None else made
        if value not in made:
            self.reading.step()
            origins, parts = set(value.origins), list(value.parts)
            made[value] = replace(value, origins=origins, parts=parts, late=set(), stands_for="")
            for one in map(self.named, value.late):
                origins |= one.origins
                parts += [(name, self.now(part, made)) for name, part in one.parts]
        return made[value]

    def bind(self, name, value, decided=()):
        """As in any scope."""
        super().bind(name, value, decided)
        if name in self.reading.closed:
            value = self.values[name]
            self.values[name] = Value(parts=[("", value)], function=value.function, belated=True)

    def change(self, name, value, decided=()):
        """As in any scope. What Jupyter has shown can be changed by its names, too."""
        old = self.values.get(name)
        if old is None and is_output(name):
            self.reading.shown.append((joined(value, *decided), False))
        elif old and not old.stands_for and name in self.reading.closed:
            parts = [(name, old), ("", joined(value, *decided))]
            self.values[name] = Value(parts=parts, function=old.function, belated=True)
        else:
            super().change(name, value, decided)


def _attribute(value, dotted, own):
    """The value of an attribute of an imported object, which came through the name `own`, or ""."""
    rest = dotted.partition(".")[2]
    full_name = f"{value.stands_for}.{rest}" if rest else value.stands_for
    return Value(parts=[(own, Value({full_name}))], stands_for=full_name)


def _is_literal(node):
    """Whether a node is a number or a text that is written out, or a part of one."""
    plain = ast.operator | ast.unaryop | ast.UnaryOp | ast.BinOp | ast.expr_context
    return isinstance(node, plain) or (isinstance(node, ast.Constant) and node.value is not None)
