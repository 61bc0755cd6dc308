"""A scope: the names of a notebook, of a function or of a class, and their abstract values."""

import ast
import builtins
from dataclasses import replace

from course.evidence.dataflow.reading import is_output
from course.evidence.dataflow.values import Value, joined


class Scope:
    """The names that can be used at one point of a program, with their values at that point.

    `outer` is the scope around it, None for a notebook's top level. `local` are its own names.
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
        return self.outer is None or name in self.local

    def named(self, dotted, called=False):
        """The value of a name, or of a name with dots, as it is used here.

        `called`: whether it is used as a function, which looks up its own names at that moment.
        """
        name, _, rest = dotted.partition(".")
        if not self.owns(name):
            return Value(late={dotted})
        value = self.values.get(name)
        # Once a cell has assigned `_` or `Out`, Jupyter leaves it alone. It defines `_7` anew.
        jupyters = value is None or name.strip("_") not in ("", "Out")
        if jupyters and self.outer is None and is_output(name):
            return joined(value, self.reading.output(name))
        if value is None:  # perhaps a name of a module of which all was imported
            free = self.outer is None and not hasattr(builtins, name)
            return Value({f"{module}.*" for module in self.reading.stars} if free else set())
        if value.stands_for:
            full_name = f"{value.stands_for}.{rest}" if rest else value.stands_for
            own = name if self.outer is None else ""
            return Value(parts=[(own, Value({full_name}))], stands_for=full_name)
        if self.outer is not None:
            return value
        value = self.now(value) if called else value
        return Value(parts=[(name, value)], function=value.function)

    def now(self, value, made=None):
        """A function's value, with the names that it looks up replaced by their present values.

        Only the top level knows these; elsewhere the value stays as it is. `made` is {a value: its
        value now}, so that functions that call each other come to an end.
        """
        if not value.late or self.outer is not None:
            return value
        made = {} if made is None else made
        if value not in made:
            self.reading.step()
            fixed = made[value] = replace(
                value,
                origins=set(value.origins),
                parts=list(value.parts),
                late=set(),
                stands_for="",
            )
            for dotted in value.late:
                one = self.named(dotted)
                fixed.origins |= one.origins
                fixed.parts += [(name, self.now(part, made)) for name, part in one.parts]
        return made[value]

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
        if not self.owns(name):
            self.changed[name] = joined(self.changed.get(name), value)
            return
        if self.outer is None and name in self.reading.closed:
            value = Value(parts=[("", value)], function=value.function, belated=True)
        self.values[name] = value

    def imported(self, name, full_name):
        """Give a name an imported object, such as "course.anatomy.anatomy"."""
        kept = self.values if self.owns(name) else self.changed
        kept[name] = Value({full_name}, stands_for=full_name)

    def change(self, name, value, decided=()):
        """Let a value flow into the value that a name has already, as in x.append(…)."""
        value = joined(value, *decided)
        kept = self.values if self.owns(name) else self.changed
        old = kept.get(name)
        if old is None and self.outer is None and is_output(name):
            self.reading.shown.append((value, False))
            return
        if old is not None and old.stands_for:
            return  # an attribute of a module
        if old is not None and self.outer is None and name in self.reading.closed:
            parts = [(name, old), ("", value)]
            kept[name] = Value(parts=parts, function=old.function, belated=True)
        else:
            kept[name] = joined(old, value)

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


def _is_literal(node):
    """Whether a node is a number or a text that is written out, or a part of one."""
    plain = ast.operator | ast.unaryop | ast.UnaryOp | ast.BinOp | ast.expr_context
    return isinstance(node, plain) or (isinstance(node, ast.Constant) and node.value is not None)
