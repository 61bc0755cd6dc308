"""How a student's values and calls are written in a sentence: short, on one line."""

from itertools import islice

from course.evidence import values
from course.language import _
from course.plain import one_line

_MOST = 8  # items of a list that are written


def no_name():
    """What a subject without a name is called."""
    return _("Your answer")


def name(subject):
    """The student's name for a subject, or `no_name()`."""
    return values.name_of(subject) or no_name()


def call(name, args, kwargs):
    """A call as it would be written, area(2, size=3); just the name if it takes nothing."""
    if name == no_name() or (not args and not kwargs):
        return name
    parts = [brief(values.sendable(a)) for a in args]
    parts += [f"{key}={brief(item)}" for key, item in kwargs.items()]
    return f"{name}({', '.join(parts)})"


def brief(value):
    """A value in a few hundred characters at most; longer ones end in …."""
    if isinstance(value, dict) and set(value) == {"array", "dtype"}:
        value = value["array"]
    if isinstance(value, dict) and set(value) == {"tuple"}:
        value = tuple(value["tuple"])
    if odd := values.stands_for(value):
        return odd[0]
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"  # −0.0 becomes 0
    if isinstance(value, list | tuple):
        inside = _listed(map(brief, value[:_MOST]), len(value))
        inside += "," * (isinstance(value, tuple) and len(value) == 1)  # as Python writes it
        return _cut(f"[{inside}]" if isinstance(value, list) else f"({inside})", 400)
    if isinstance(value, dict):
        pairs = islice(value.items(), _MOST)
        return _cut(f"{{{_listed(map(_pair, pairs), len(value))}}}", 400)
    return one_line(_cut(str(value), 120))


def _pair(pair):
    key, value = pair
    return f"{brief(repr(key))}: {brief(repr(value) if isinstance(value, str) else value)}"


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
