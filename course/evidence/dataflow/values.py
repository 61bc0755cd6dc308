"""Abstract values: what is known of a value whose code is read and not run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Value:
    """An abstract value: the imported objects that flow into a value of the program."""

    origins: set[str] = field(default_factory=set)  # full names, as "course.anatomy.anatomy"
    #: Values that flow into it, each with the name in the notebook that it comes through, or "".
    parts: list[tuple[str, Value]] = field(default_factory=list)
    late: set[str] = field(default_factory=set)  # dotted names that are looked up at each call
    stands_for: str = ""  # if it is an imported object: its full name
    function: Summary | None = None  # if it is a function of the student's
    belated: bool = False  # made after its name was judged (`Dataflow.closed`)

    def add(self, other):
        """Let everything flow into this value that flows into the other one."""
        self.origins |= other.origins
        self.late |= other.late
        if other.parts:
            self.parts.append(("", other))


@dataclass
class Summary:
    """What callers need to know of a function of the student's. So its body is read only once."""

    params: list[str]  # its positional parameters, in order
    flowing: set[str]  # the parameters that flow into its result
    uses: set[str]  # names from outside that occur in it
    changes: dict[str, Value]  # {name from outside: what the function adds to its value}
    reveals: Value  # what decides whether it raises, which a caller can observe


def joined(*values):
    """The value of which is known only that it is one of these; None among them is left out.

    At least one is not None. Only the first is still known as a function of the student's.
    """
    values = [value for value in values if value is not None]
    if len(values) == 1:
        return values[0]
    return Value(parts=[("", value) for value in values], function=values[0].function)
