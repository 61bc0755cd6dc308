"""The language in which students are spoken to: English, or one that `languages/` has.

    _("The kernel is {received}.").format(received="5 × 5")
    ngettext("{n} map", "{n} maps", n).format(n=n)

Messages are whole sentences in English with named placeholders. `python -m tests.languages`
collects them; `languages/README.md` is for translators.
"""

import contextlib
import functools
import os
import re
from contextvars import ContextVar

ENGLISH = "en"
FOLDER = os.path.join(os.path.dirname(__file__), "languages")

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
