"""Somebody else's text as one plain line, fit for a table, a terminal, a page in Markdown."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them, and they move nothing
_ESCAPES = {"\n": "\\n", "\r": "\\r"}
_HIDDEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # Unicode: control, format, no character, separators
_BLANKS = re.compile(r"[^\S\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+|[\u2800\u3164\uffa0]+")


def one_line(text, most=500):
    """The text in one line of at most `most` characters; if it is cut, it says by how much.

    A character that breaks a line, moves the cursor, turns the direction of writing or cannot be
    seen is shown by its code (`\\n`, `\\x1b`, `\\u202e`), and a run of blanks is one blank. So no
    text can look like a line that somebody else wrote.
    """
    text = text if isinstance(text, str) else str(text)
    begin = text[: 2 * most]  # a long text is not read to its end
    shown = "".join(map(_shown, _BLANKS.sub(" ", begin).strip()))
    left_out = len(text) - len(begin)
    if not left_out and len(shown) <= most:
        return shown
    kept = shown[: most - 40]
    left_out += len(shown) - len(kept)
    return f"{kept} [… {left_out:,} more characters]".lstrip()


def escaped(text, most=2000):
    """The text in one line of Markdown in which nothing of it is Markdown or HTML."""
    text = re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", one_line(text, most))
    return re.sub(r"^(\d+(?=\.)|)([-=.:])", r"\1\\\2", text)  # where a list or a rule could begin


def _shown(character):
    if unicodedata.category(character) not in _HIDDEN or character in _JOINERS:
        return character
    code = ord(character)
    form = "\\x{:02x}" if code < 0x100 else "\\u{:04x}" if code < 0x10000 else "\\U{:08x}"
    return _ESCAPES.get(character) or form.format(code)
