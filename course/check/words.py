"""How a student's values and calls are written in a sentence: short, on one line."""

from itertools import islice

from course.evidence import values, watch
from course.language import _
from course.plain import one_line

_MOST = 8  # items of a list that are written


def no_name():
    """What a subject without a name is called."""
    return _("Your answer")


def name(subject):
    """The student's name for a subject, or `no_name()`."""
    return watch.name_of(subject) or values.name_of(subject) or no_name()


def call(name, args, kwargs):
    """A call as it would be written, area(2, size=3); just the name if it takes nothing."""
    if name == no_name() or (not args and not kwargs):
        return name
    parts = [written(values.sendable(a)) for a in args]
    parts += [f"{key}={written(item)}" for key, item in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def written(value, exact=False):
    """A value as in Python: a text stands in quotation marks; all others are as in `brief`."""
    return brief(repr(value) if isinstance(value, str) else value, exact)


def apart(*given):
    """Different values as `written`; with all their digits if they would look the same."""
    texts = [written(value) for value in given]
    return texts if len(set(texts)) > 1 else [written(value, exact=True) for value in given]


def brief(value, exact=False):
    """A value in a few hundred characters at most; longer ones end in ….

    Numbers have six digits. Whole ones, and with `exact` all others, have all their digits.
    """
    if isinstance(value, dict) and set(value) == {"array", "dtype"}:
        value = value["array"]
    if isinstance(value, dict) and set(value) == {"tuple"} and isinstance(value["tuple"], list):
        value = tuple(value["tuple"])
    if odd := values.stands_for(value):
        return odd[0]
    if isinstance(value, float):
        value += 0.0  # −0.0 becomes 0
        if value.is_integer() and abs(value) < 1e15:
            return f"{value:.0f}"
        return repr(value) if exact else f"{value:.6g}"
    if isinstance(value, list | tuple):
        inside = _listed((written(item, exact) for item in value[:_MOST]), len(value))
        inside += "," * (isinstance(value, tuple) and len(value) == 1)  # as Python writes it
        return _cut(f"[{inside}]" if isinstance(value, list) else f"({inside})", 400)
    if isinstance(value, dict):
        pairs = islice(value.items(), _MOST)
        inside = _listed((f"{written(k)}: {written(v, exact)}" for k, v in pairs), len(value))
        return _cut(f"{{{inside}}}", 400)
    return one_line(_cut(str(value), 120))


def _listed(texts, number):
    return ", ".join([*texts, *["…"] * (number > _MOST)])


def _cut(text, most):
    return text if len(text) <= most else text[: most - 1] + "…"


def fitted(parts, most):
    """Texts, the longest of them cut so that all have at most `most` characters, or 40 each."""
    room = max(map(len, parts))
    while room > 40 and sum(min(len(part), room) for part in parts) > most:
        room -= 1
    return [part if len(part) <= room else f"{part[: room - 1]}…" for part in parts]


def count(number):
    """A number with commas between thousands; a huge one is shortened."""
    return f"{number:,}" if abs(number) < 10**30 else brief(number)


def quoted(value):
    """A value; a string as `the text "…"`, so that "5" is not read as 5."""
    said = _('the text "{text}"') if isinstance(value, str) else "{text}"
    return said.format(text=brief(value))


def dict_of(keys):
    """The form of a dict with these keys, such as {"C1": ..., ...}."""
    return f'{{"{next(iter(keys))}": ..., ...}}'


def kind_of_numbers(expected):
    """What an answer should be whose right value is `expected`: a number, or a list or dict."""
    if isinstance(expected, dict):
        return _("a dict of numbers")
    return _("a list of numbers") if isinstance(expected, list) else _("a number")


def other_key(got, key):
    """A sentence about a key that is spelled almost like the missing one, or ""."""

    def bare(text):
        return "".join(filter(str.isalnum, text)).casefold()

    alike = next((other for other in got if bare(other) == bare(key)), None)
    return _('You wrote "{key}".').format(key=brief(alike)) if alike else ""


def you_have(text):
    """The sentence about an answer that `text` shows."""
    return _("You have {value}.").format(value=text)


def answer_above():
    """What to do about an answer that is not there yet."""
    return _("Fill in the cell above.")


def malformed():
    """What came instead of an answer to each question."""
    return _("the reply is malformed")
