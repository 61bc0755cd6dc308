"""The student's names in a test cell that is executed in the grader.

A test cell may pass such a name to a check. It may also call it, compare it, compute with it, index
it or iterate over it. Then the student's kernel is asked for the value, or for the answer of the
call, as plain data. Other objects (a model, a set, an attribute) are not available.
"""

import builtins
import json
import operator

from course import check
from course.diagnosis.causes import Cause
from course.evidence import values
from course.language import _


class NoEvidence(AttributeError):
    """A test cell asks for something other than plain data; the text says what it can ask for."""


class Remote:
    """A student's name. `ask(request)` returns the kernel's reply (`course.evidence.observe`)."""

    def __init__(self, name, ask):
        self.__dict__.update(__name__=name, _ask=ask)

    def __evidence__(self, request):
        """The kernel's reply to a request."""
        request = {"name": self.__name__, **request}
        try:
            json.dumps(request)
        except (TypeError, ValueError):
            raise NoEvidence(
                f"{self.__name__} can be called with numbers, texts, lists, tuples, dicts and "
                "arrays: other values cannot be sent to the student's kernel."
            ) from None
        return self._ask(request)

    def __getattr__(self, name):
        if name.startswith("__"):  # Python and NumPy look for these on their own
            raise AttributeError(name)
        raise NoEvidence(
            f"{self.__name__}.{name}: a test cell can use the value of a student's name and the "
            f"answers of its calls, but no attributes. Use a function such as len({self.__name__}) "
            f"or numpy.shape({self.__name__}), or one of the checks."
        )

    def __call__(self, *args, **kwargs):
        """The answer of one call."""
        args = [_own(arg) for arg in args]
        kwargs = {key: _own(item) for key, item in kwargs.items()}
        request = {"ask": "call", "cases": [values.sendable(args)]}
        request["kwargs"] = values.sendable(kwargs)
        try:
            reply = check.told(self, request, _("a function that returns plain values"))
        except check.CheckFailed as failed:
            raise _as_raised(failed.card) from None
        return _usable(reply["answers"][0], reply.get("kinds") == ["array"])

    def __array__(self, dtype=None, copy=None):
        """The value as a NumPy array."""
        import numpy as np

        return np.array(_own(self), dtype=dtype)

    @property
    def __class__(self):
        """The class of the value, so that `isinstance(answer, int)` works."""
        return type(_own(self))


def _own(value):
    """A Remote's value; anything else as it is."""
    if type(value) is not Remote:
        return value
    expected = _("a number, a text, a list, a dict or an array")
    reply = check.told(value, {"ask": "value"}, expected)
    return _usable(reply["value"], reply.get("kind") == "array")


def _usable(found, array=False):
    """Plain data as a test cell uses it."""
    if array:
        import numpy as np

        return np.array(found)
    if isinstance(found, list):
        return _List(map(_usable, found))
    if stand_in := values.stands_for(found):
        return _NotPlain(stand_in[0])
    if isinstance(found, dict):
        return _Dict({key: _usable(item) for key, item in found.items()})
    return found


class _NotPlain:
    """Takes the place of a part that is not plain data; it is equal to nothing."""

    def __init__(self, words):
        self._words = words

    def __repr__(self):
        return f"<{self._words}>"


class _List(list):
    """A student's list or tuple. Evidence does not say which, so it equals both."""

    __hash__ = None

    def __eq__(self, other):
        if isinstance(other, list | tuple):
            return len(self) == len(other) and all(map(operator.eq, self, other))
        return NotImplemented

    def __ne__(self, other):
        same = self.__eq__(other)
        return same if same is NotImplemented else not same


class _Dict(dict):
    """A student's dict. Evidence makes all keys strings, so d[1] finds d["1"]."""

    def __missing__(self, key):
        if isinstance(key, str):
            raise KeyError(key)
        return self[str(key)]


def _method(function):
    """A method that calls a function with the values of names."""
    return lambda self, *others: function(_own(self), *map(_own, others))


def _reflected(function):
    return lambda self, other: function(_own(other), _own(self))


_TWO = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"]
_OTHERS = [
    "lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "invert", "getitem", "contains", "index",
]  # fmt: skip
_BUILTIN = [
    "abs", "bool", "complex", "float", "format", "hash", "int", "iter", "len", "repr", "reversed",
    "round", "str", "divmod",
]  # fmt: skip
for _name in _OTHERS:
    setattr(Remote, f"__{_name}__", _method(getattr(operator, _name)))
for _name in _TWO:
    setattr(Remote, f"__{_name.strip('_')}__", _method(getattr(operator, _name)))
    setattr(Remote, f"__r{_name.strip('_')}__", _reflected(getattr(operator, _name)))
for _name in _BUILTIN:
    setattr(Remote, f"__{_name}__", _method(getattr(builtins, _name)))


def _as_raised(card):
    """CheckFailed for an error of the student's code, which is also of that error's class.

    So a test cell can expect a ValueError as it would in the student's kernel.
    """
    first = card.findings[0]
    kind = getattr(builtins, first.received.partition(":")[0], None)
    if first.cause is Cause.RAISES and isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return type(kind.__name__, (check.CheckFailed, kind), {})(card)
        except TypeError:  # the two classes cannot be combined
            pass
    return check.CheckFailed(card)
