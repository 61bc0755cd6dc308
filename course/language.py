"""The language in which students are spoken to: English, or one that `languages/` has.

    _("The kernel is {received}.").format(received="5 × 5")
    ngettext("{n} map", "{n} maps", n).format(n=n)

Messages are whole sentences in English with named placeholders. `python -m tests.languages`
collects them; `languages/README.md` is for translators.
"""

import ast
import contextlib
import functools
import glob
import json
import os
import re
from contextvars import ContextVar

ENGLISH = "en"
FOLDER = os.path.join(os.path.dirname(__file__), "languages")
_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)

_chosen = ENGLISH  # by this process
_here = ContextVar("language", default=None)  # by this thread, for a while


def _(text):
    """A message in the language that is spoken."""
    return _catalogue(spoken()).gettext(text) if text else text


def ngettext(one, many, number):
    """A message about one thing or about several, in the language that is spoken."""
    return _catalogue(spoken()).ngettext(one, many, number)


def sentences(*several):
    """Whole sentences one after another; empty ones are left out."""
    text = ""
    for each in filter(None, several):
        text = _("{first} {second}").format(first=text, second=each) if text else each
    return text


def N_(text):
    """Mark a message that is translated later, where it is used."""
    return text


def spoken():
    """The language that is spoken here, such as "en"."""
    return _here.get() or _chosen


def use(name):
    """Speak a language from now on. Raises ValueError if there is none of that name."""
    global _chosen
    _chosen = known(name)


@contextlib.contextmanager
def speaking(name):
    """Speak a language in a `with` block, in this thread alone."""
    token = _here.set(known(name))
    try:
        yield
    finally:
        _here.reset(token)


def languages():
    """The names of all languages, English first."""
    return [ENGLISH, *sorted(each.name for each in os.scandir(FOLDER) if each.is_dir())]


def known(name):
    """The language of a name such as "de", "de-AT" or "de_DE.UTF-8".

    Raises ValueError if there is none.
    """
    base = re.split(r"[-_.@]", name)[0].lower() if isinstance(name, str) else name
    if base not in languages():
        *others, last = map(repr, languages())
        said = _("language should be {others} or {last}. Received: {value}.")
        raise ValueError(said.format(others=_(", ").join(others), last=last, value=repr(name)))
    return base


def of_setup(texts):
    """The language of the first `course.setup(language=…)` in the texts of cells, or English."""
    for call in filter(None, map(_setup, texts)):
        given = _language(call)
        with contextlib.suppress(ValueError):
            return known(getattr(given.value, "value", None)) if given else ENGLISH
    return ENGLISH


def of_assignments(folder):
    """The language that is spoken; if it is English, that of the notebooks in folder/*/."""
    if spoken() == ENGLISH:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*", "*.ipynb"))):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                with open(path, encoding="utf-8") as file:
                    cells = json.load(file)["cells"]
                return of_setup("".join(cell["source"]) for cell in cells)
    return spoken()


def in_setup(text, name):
    """The text of a cell in which `course.setup(…)` names this language; None without that call.

    Nothing else of the text changes.
    """
    call = _setup(text)
    if not call or call.args:  # it takes none but those of the form name=value
        return None
    given, data = _language(call), text.encode()

    def place(line, column):
        return sum(len(each) + 1 for each in data.split(b"\n")[: line - 1]) + column

    def end(node):
        return place(node.end_lineno, node.end_col_offset)

    named = f'language="{name}"'
    if given:
        begin, stop = place(given.lineno, given.col_offset), end(given)
    elif name == ENGLISH:
        return text
    elif call.keywords:
        begin = stop = end(call.keywords[-1])
        named = f", {named}"
    else:
        begin = stop = data.index(b"(", end(call.func)) + 1
    return (data[:begin] + named.encode() + data[stop:]).decode()


def _setup(text):
    """The syntax tree of a cell's first call `course.setup(…)`; None if there is none."""
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", text)) if "setup" in text else ast.Module([], [])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    calls = [each for each in calls if _is_setup(each.func)]
    return min(calls, key=lambda each: (each.lineno, each.col_offset), default=None)


def _is_setup(function):
    named = isinstance(function, ast.Attribute) and function.attr == "setup"
    return named and isinstance(function.value, ast.Name) and function.value.id == "course"


def _language(call):
    """The argument `language=…` of a call, or None."""
    return next((each for each in call.keywords if each.arg == "language"), None)


def of_environment():
    """The language of the person at this computer, as other programs find it, or English."""
    variables = map(os.environ.get, ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"))
    for name in next(filter(None, variables), "").split(":"):
        with contextlib.suppress(ValueError):
            return known(name)
    return ENGLISH


@functools.cache
def _catalogue(name):
    import gettext

    if name == ENGLISH:
        return gettext.NullTranslations()
    return gettext.translation("course", FOLDER, [name])
