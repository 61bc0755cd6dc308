"""The catalogues of translations: `python -m tests.languages` brings them up to date.

It collects the messages of the package, keeps the translations that are still asked for, and writes
`course/languages/*/LC_MESSAGES/course.po` and `.mo`. Then it says what is left to translate, as
`--check` does without writing anything.
"""

import argparse
import datetime
import io
import re
import string
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from course import language
from course.check.questions import QUESTIONS
from course.diagnosis.causes import Cause

FOLDER = Path(language.FOLDER)
METHODS = [("**.py", "python"), ("**/templates/*.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
_NO_DATE = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # two runs write the same file
_VARIES = re.compile(
    rb'^"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By'
    rb"|Report-Msgid-Bugs-To|Project-Id-Version): .*\n",
    re.MULTILINE,
)
#: What stays as it is in every language: names with a dot or an argument, and calls.
_CODE = re.compile(
    r"[\w.]*\w\([^()\s]*\)|\w+=[\w\"'-]*\w[\"']?|\w+\.\w{2,}\b|__\w+__|`[^`]+`", re.ASCII
)
_NUMBER = re.compile(r"\d+")


@cache
def messages():
    """[id, ...] of all messages of the package; that of a plural is (one, many)."""
    package = FOLDER.parent
    found = extract_from_dir(package, METHODS, keywords=KEYWORDS)
    ids = {tuple(id) if isinstance(id, tuple) else id for _, _, id, _, _ in found}
    questions = [asked.values() for asked in QUESTIONS.values()]
    ids |= {why for asked in questions for reasons in asked for why in reasons.values() if why}
    return sorted(ids | {cause.value for cause in Cause}, key=str)


def languages():
    """The languages that need a catalogue."""
    return [name for name in language.languages() if name != language.ENGLISH]


def path(name, kind):
    return FOLDER / name / "LC_MESSAGES" / f"course.{kind}"


def updated(name):
    """The Catalog of a language with the messages of today, and the translations that it has."""
    known = read_po(io.BytesIO(path(name, "po").read_bytes())) if path(name, "po").exists() else ()
    before = {each.id: each.string for each in known if each.id and not each.fuzzy}
    dates = {"creation_date": _NO_DATE, "revision_date": _NO_DATE}
    catalog = Catalog(name, project="course", header_comment="", fuzzy=False, **dates)
    for id in messages():
        catalog.add(id, before.get(id, "")).flags.clear()
    return catalog


def written(catalog):
    """(the .po, the .mo) of a Catalog as bytes."""
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, catalog, width=100, no_location=True, sort_output=True)
    write_mo(mo, catalog)
    return _VARIES.sub(b"", po.getvalue()), mo.getvalue()


def problems(name):
    """Sentences about a language's catalogue: what is left to do."""
    if not path(name, "po").exists():
        return ["course.po is missing. Run: python -m tests.languages"]
    catalog = read_po(io.BytesIO(path(name, "po").read_bytes()))
    ids = {each.id for each in catalog if each.id}
    found = [f"not in the catalogue: {id!r}" for id in messages() if id not in ids]
    found += [f"nothing asks for it any more: {id!r}" for id in ids - set(messages())]
    for each in catalog:
        if each.id in messages():
            found += [f"{problem}: {each.id!r}" for problem in _problems(each, catalog)]
    if not path(name, "mo").exists() or _texts(path(name, "mo"), read_mo) != _texts(
        path(name, "po"), read_po
    ):
        found.append("course.mo is not what course.po says. Run: python -m tests.languages")
    return found


def _texts(file, read):
    with file.open("rb") as opened:
        done = [each for each in read(opened) if each.id and _is_translated(each)]
    return {tuple(_forms(each.id)): tuple(_forms(each.string)) for each in done}


def _forms(text):
    return text if isinstance(text, tuple | list) else (text,)


def _is_translated(message):
    return all(_forms(message.string))


def _problems(message, catalog):
    if message.fuzzy:
        yield "fuzzy"
    if not _is_translated(message):
        yield "not translated"
        return
    *_, most = _forms(message.id)
    forms = _forms(message.string)
    if isinstance(message.id, tuple) and len(forms) != catalog.num_plurals:
        yield f"{len(forms)} forms instead of {catalog.num_plurals}"
    for number, form in enumerate(forms):
        # The form for one thing may leave the number out, as English does.
        english = message.id if number == 0 and len(forms) > 1 else (most,)
        if _fields(form) not in [_fields(text) for text in _forms(english)]:
            yield f"other placeholders in {form!r}"
        elif not _formats(form):
            yield f"cannot be formatted: {form!r}"
        for kept in (_CODE, _NUMBER):
            if all(kept_in(kept, form) != kept_in(kept, text) for text in _forms(message.id)):
                yield f"other code or numbers in {form!r}"


def kept_in(pattern, text):
    """How often each piece of code, or each number, stands in a text."""
    return Counter(pattern.findall(text))


def _fields(text):
    """The placeholders of a message, with their formats."""
    parts = string.Formatter().parse(text)
    return sorted((name, convert or "", spec) for _, name, spec, convert in parts if name)


def _formats(text):
    def sample(spec):
        return 0.5 if spec[-1:] in ("f", "g", "e", "%") and spec else 1234 if spec else "5 × 5"

    try:
        return bool(text.format(**{name: sample(spec) for name, _, spec in _fields(text)}))
    except (ValueError, KeyError, IndexError):
        return False


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.languages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked, left = parser.parse_args(), 0
    for name in languages():
        if not asked.check:
            for kind, content in zip(("po", "mo"), written(updated(name)), strict=True):
                path(name, kind).parent.mkdir(exist_ok=True)
                path(name, kind).write_bytes(content)
        found = problems(name)
        left += len(found)
        print(*(f"{name}: {problem}" for problem in found), sep="\n", end="\n" * bool(found))
    print(f"{len(messages())} messages, {left} problems")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
