"""Any Python value as plain data: numbers, strings, None, lists and dicts that JSON can carry.

An answer may be anything that a variable can hold. `plain` reads it without trusting its methods,
never raises, and returns a bounded amount of data. A part without a plain form (a set, a complex
number, a number of 50,000 digits) is replaced by a stand-in, a dict that describes it.
"""

import math
import numbers
from decimal import Decimal

from course.evidence.keras_private import is_symbolic
from course.language import _
from course.plain import one_line

MOST_VALUES = 50_000  # numbers, strings, lists and dicts in one answer
MOST_CHARACTERS = 100_000  # of all strings in one answer
_DEEPEST = 20  # lists in lists
_LONGEST = 1000  # bits of a whole number, some 300 digits: it still fits into a float
_MARKS = {"array", "dtype", "tuple", "pairs"}  # the keys of the dicts that `sendable` makes
_STAND_IN = "no plain value"


class _TooMuch(Exception):
    """An answer exceeds a bound of this module; the text says which."""


def plain(value):
    """A value as plain data, with a stand-in for each part that has no plain form."""
    try:
        return _Reading().read(value)
    except _TooMuch as error:
        said = _("{value} that is far too large ({why})")
        return _stand_in(said.format(value=_article(value), why=error), "TOO_LARGE")


def exactly(value):
    """A value as plain data. Raises TypeError if a part of it has no plain form."""
    found = plain(value)
    if words := first_stand_in(found):
        raise TypeError(f"Only plain values can be compared with an answer, not {words[0]}.")
    return found


def first_stand_in(found):
    """`stands_for` of the first stand-in anywhere in plain data, or None."""
    waiting = [found]
    while waiting:
        part = waiting.pop()
        if words := stands_for(part):
            return words
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
    return None


def stands_for(found):
    """(the replaced value in words, the name of a Cause) for a stand-in; None for others."""
    if isinstance(found, dict) and found.keys() == {_STAND_IN, "cause"}:
        return one_line(found[_STAND_IN], 200), str(found["cause"])
    return None


def attribute(value, name):
    """An attribute of any object; None if it is missing or raises."""
    try:
        return getattr(value, name, None)
    except BaseException as error:
        _let_through(error)
        return None


def name_of(value):
    """The name of a function, class or module; None for other values."""
    name = attribute(value, "__name__")
    return one_line(str.__str__(name), 80) if issubclass(type(name), str) else None


def kind_of(value):
    """The kind of a value in words: `a Dense`, `the function lenet5`. Never raises."""
    if value is None:
        return _("None (is the return missing?)")
    name = name_of(value) if callable(value) else None
    said = _("the class {name}") if issubclass(type(value), type) else _("the function {name}")
    return said.format(name=name) if name else _article(value)


def _article(value):
    name = one_line(type.__getattribute__(type(value), "__name__"), 80)
    return (_("an {kind}") if name[:1] in "aeiouAEIOU" else _("a {kind}")).format(kind=name)


def _stand_in(words, cause="WRONG_KIND_OF_VALUE"):
    return {_STAND_IN: words, "cause": cause}


def _let_through(error):
    """Raise again an error that is not about one object: an interrupt, or too much data."""
    if isinstance(error, KeyboardInterrupt | GeneratorExit | _TooMuch):
        raise error


def sendable(value):
    """A check's argument in a form for JSON, from which `received` restores tuples and arrays.

    Other objects are left as they are. A notebook can pass them on, the grader cannot.
    """
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, tuple):
        return {"tuple": [sendable(item) for item in value]}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    if isinstance(value, dict):
        if all(type(key) is str for key in value) and not set(value) <= _MARKS:
            return {key: sendable(item) for key, item in value.items()}
        return {"pairs": [[sendable(key), sendable(item)] for key, item in value.items()]}
    return value


def received(value):
    """The argument that was given to `sendable`."""
    if isinstance(value, list):
        return [received(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"array", "dtype"}:
        import numpy as np

        return np.array(value["array"], dtype=value["dtype"])
    if set(value) == {"tuple"}:
        return tuple(map(received, value["tuple"]))
    if set(value) == {"pairs"}:
        return {received(key): received(item) for key, item in value["pairs"]}
    return {key: received(item) for key, item in value.items()}


class _Reading:
    """Reads one value; keeps the amount that may still come, and the containers around it."""

    def __init__(self):
        self.values, self.characters, self.path = MOST_VALUES, MOST_CHARACTERS, []

    def read(self, value):
        """The plain form of a value or of a part of it."""
        self._count(1)
        try:
            return self._scalar(value) if _is_scalar(value) else self._inside(value)
        except BaseException as error:  # an object of the student's own that raises or lies
            _let_through(error)
            return _stand_in(kind_of(value))

    def _count(self, more):
        self.values -= more
        if self.values < 0:
            raise _TooMuch(_("more than {number:,} values").format(number=MOST_VALUES))

    def _scalar(self, value):
        if value is None or isinstance(value, bool):
            return value
        if value is Ellipsis:  # the dots of "fill this in"
            return None
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return self._whole(int.__int__(value))
        return float.__float__(value)

    def _text(self, text):
        self.characters -= len(text)
        if self.characters < 0:
            raise _TooMuch(_("more than {number:,} characters").format(number=MOST_CHARACTERS))
        return text.encode("utf-8", "replace").decode()  # half a surrogate pair fits no file

    def _whole(self, number):
        if number.bit_length() <= _LONGEST:
            return number
        digits = int(number.bit_length() * math.log10(2)) + 1
        text = _("a number that is far too large (about {digits:,} digits)")
        return _stand_in(text.format(digits=digits), "TOO_LARGE")

    def _inside(self, value):
        if any(value is outer for outer in self.path):
            return _stand_in(_("{value} that contains itself").format(value=_article(value)))
        if len(self.path) >= _DEEPEST and not _is_stand_in(value):
            said = _("{value} more than {number} levels deep")
            return _stand_in(said.format(value=_article(value), number=_DEEPEST))
        self.path.append(value)
        try:
            return self._parts(value)
        finally:
            self.path.pop()

    def _parts(self, value):
        if isinstance(value, list | tuple):
            kind = list if isinstance(value, list) else tuple
            self._count(kind.__len__(value))
            self.values += kind.__len__(value)  # each is counted when it is read
            return [self.read(item) for item in kind.__iter__(value)]
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, numbers.Integral) and not hasattr(value, "dtype"):
            return self._whole(value.__index__())
        if isinstance(value, numbers.Real | Decimal) and not hasattr(value, "dtype"):
            return self._real(value)
        if isinstance(value, complex):
            return _stand_in(_("a complex number"))
        if is_symbolic(value):
            return _stand_in(_("a symbolic Keras tensor, which has no numbers yet"))
        if not callable(value) and hasattr(value, "dtype"):
            return self._array(value)
        return _stand_in(kind_of(value))

    def _dict(self, value):
        found = {}
        # Of the keys 1 and "1" the string counts, as questions ask for strings.
        pairs = sorted(dict.items(value), key=lambda pair: isinstance(pair[0], str))
        for key, item in pairs:
            key = str.__str__(key) if isinstance(key, str) else one_line(_written(key), 200)
            found[self._text(key)] = self.read(item)
        return found

    def _real(self, value):
        """A fraction or a decimal number; whole ones stay exact."""
        if isinstance(value, numbers.Rational) and value.denominator == 1:
            return self._whole(value.numerator)
        try:
            return float(value)
        except OverflowError:
            return _stand_in(_("a number that is far too large"), "TOO_LARGE")

    def _array(self, value):
        """An array or a tensor of any library as lists of numbers."""
        import numpy as np

        size = math.prod(value.shape)
        self._count(size)
        if not isinstance(value, np.ndarray | np.generic):  # NumPy's own need no Keras
            import keras

            detached = getattr(value, "detach", lambda: value)  # of PyTorch: it may have slopes
            value = keras.ops.convert_to_numpy(detached())
        array = np.asarray(value)
        self._count(array.size - size)
        with np.errstate(all="ignore"):
            if array.dtype.kind == "f":  # as Python's own floats, whatever their width
                return array.astype("float64").tolist()
            if array.dtype.kind == "V" and array.dtype.names is None:  # bfloat16
                return array.astype("float32").tolist()
        if array.dtype.kind in "biu":
            return array.tolist()
        self.values += array.size  # each is counted when it is read
        if array.dtype.kind in "OU":
            return self.read(array.tolist())
        name = array.dtype.name
        if not array.ndim:
            return _stand_in(_("a {kind}").format(kind=name))
        if array.dtype.kind == "c":
            return _stand_in(_("an array of complex numbers"))
        return _stand_in(_("an array of {kind}").format(kind=name))


def _is_scalar(value):
    return value is None or value is Ellipsis or isinstance(value, bool | int | float | str)


def _is_stand_in(value):
    """Whether `_stand_in` made this, so that reading plain data again changes nothing."""
    return (
        type(value) is dict
        and value.keys() == {_STAND_IN, "cause"}
        and all(type(text) is str for text in value.values())
    )


def _written(key):
    """A key of a dict as text."""
    try:
        return str(key)
    except BaseException as error:
        _let_through(error)
        return kind_of(key)
