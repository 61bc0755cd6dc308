"""How a student's values and calls are written in a sentence: short, on one line."""

from course.evidence import values
from course.plain import one_line

NO_NAME = "Your answer"


def name(subject):
    """The student's name for a subject, or `NO_NAME`."""
    return values.name_of(subject) or NO_NAME


def call(name, args, kwargs):
    """A call as it would be written, area(2, size=3); just the name if it takes nothing."""
    if name == NO_NAME or (not args and not kwargs):
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
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(brief, value[:8])) + (", …" if len(value) > 8 else "")
        text = f"[{inside}]" if isinstance(value, list) else f"({inside})"
        return text if len(text) <= 400 else text[:399] + "…"
    text = str(value)
    return one_line(text if len(text) <= 120 else text[:119] + "…")


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
    return f'the text "{brief(value)}"' if isinstance(value, str) else brief(value)


def other_key(got, key):
    """A sentence about a key that is spelled almost like the missing one, or ""."""

    def bare(text):
        return "".join(filter(str.isalnum, text)).casefold()

    alike = next((other for other in got if bare(other) == bare(key)), None)
    return f'You wrote "{brief(alike)}".' if alike else ""
