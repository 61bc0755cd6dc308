"""Whether a student's function takes what a check gives it, told before it is called.

Python's own error names the function and one argument. It says neither what the check calls nor
what to write.
"""

import inspect

from course.evidence.keras_private import is_symbolic
from course.evidence.lines import Refused
from course.language import _, ngettext
from course.network.words import listed

_LONGEST = 30  # characters of an argument that is shown


def must_take(function, args, kwargs):
    """Raise Refused if a function or class cannot be called with these arguments."""
    kind = isinstance(function, type)
    try:
        signature = inspect.signature(function.__init__ if kind else function)
    except (TypeError, ValueError):  # Python does not tell it of some functions written in C
        return
    try:
        signature.bind(*([None] if kind else []), *args, **kwargs)  # a class has `self` in front
    except TypeError:
        takes = list(signature.parameters.values())[kind:]
        raise Refused("UNUSABLE", _said(_name(function), takes, args, kwargs)) from None


def can_take(function, args, kwargs):
    """Whether a function or class can be called with these arguments."""
    try:
        must_take(function, args, kwargs)
    except Refused:
        return False
    return True


def _said(name, takes, args, kwargs):
    """The sentence about a call that does not fit: what is called, what is taken, what to do."""
    given = [*map(_short, args), *(f"{key}={_short(value)}" for key, value in kwargs.items())]
    call, names = f"{name}({', '.join(given)})", [each.name for each in takes]
    said = _("this check calls {call}, and {name} takes {names}").format(
        call=call, name=name, names=listed(names) if names else _("no arguments")
    )
    if missing := [key for key in kwargs if key not in names]:
        todo = ngettext(
            "Give it an argument of the name {names}",
            "Give it arguments of the names {names}",
            len(missing),
        )
        return f"{said}. {todo.format(names=listed(missing))}"
    needed = [each.name for each in takes[len(args) :] if each.default is each.empty]
    if needed := [each for each in needed if each not in kwargs]:
        todo = _("Nothing is given for {names}")
        return f"{said}. {todo.format(names=listed(needed))}"
    return said


def _name(function):
    """The name of a function, of a class, or of what `functools.partial` calls."""
    function = getattr(function, "func", function)
    return getattr(function, "__name__", type(function).__name__)


def _short(value):
    """An argument as it is written, unless it is long. A tensor of the network is x."""
    text = "x" if is_symbolic(value) else repr(value)
    return text if len(text) <= _LONGEST else "…"
