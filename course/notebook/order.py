"""Put the cells of a repaired notebook into an order in which they can be run and judged.

The student's cells keep their order. The release's imports come before the answers. Each test comes
once, after the answers that it checks and the cells that these use.
"""

from dataclasses import dataclass
from itertools import takewhile

from course.notebook import symbols
from course.notebook.cell import new_cell
from course.notebook.said import Told
from course.notebook.symbols import defined

DELETED = "# This cell was missing from the submission."


@dataclass(eq=False)
class Part:
    """A cell of the repaired notebook: an official one by its name, or one of the student's own."""

    text: str
    code: bool
    name: str | None = None
    gives: bool = True  # whether it runs and is not empty
    added: bool = False  # whether the submission lacked it
    of: str | None = None  # the locked cell into which the student wrote this text
    released: bool = False  # an unchanged cell of the release that is not an answer

    def cell(self, official):
        if self.name is not None:
            return official[self.name].restored(self.text)
        # A student's own cell: its text, and nothing that nbgrader would act upon.
        return new_cell(self.code, self.text)

    def defines(self, names):
        """Those of the names that this cell defines when it runs."""
        return defined(self.text, names) if self.code and self.gives else set()


def put_together(found, official, said):
    """The cells of the repaired notebook, in order; `found` are its Pieces."""
    body = _body(found, official, said)
    _insert_missing(body, official, said)
    _imports_above(body, official, said)
    _tests_below(body, official, said)
    return [part.cell(official) for part in body]


def _body(found, official, said):
    """The Parts in the submitted order; a locked cell may be there several times."""
    body, answered = [], {piece.answer for piece in found}
    for piece in found:
        known = official.get(piece.answer or piece.claim)
        code = known is not None and known.type == "code"
        if piece.answer:
            if piece.code != code:
                said.tell(Told.RETYPED, known.name, known.type)
            body += [Part(piece.prose, False)] if piece.prose else []
            body.append(Part(piece.text, code, known.name, known.is_answered(piece.text)))
        elif piece.joined:
            continue
        elif known is None:
            body.append(Part(piece.text, piece.code, of=piece.of, released=piece.released))
        elif known.locked:
            body.append(Part(known.source, code, known.name, not known.is_test))
        elif known.is_answered(piece.text):
            said.tell(Told.OTHER_ANSWER, known.name)
            body.append(Part(piece.text, piece.code))
        elif piece.text.strip() and known.name in answered:
            said.tell(Told.UNTOUCHED, known.name)
    return body


def _insert_missing(body, official, said):
    """Insert missing cells after the official cell before them, and say why answers are empty."""
    at = -1
    for name, known in official.items():
        here = [index for index, part in enumerate(body) if part.name == name]
        if here:
            at = max(at, here[0])
            continue
        at += 1
        text, gives = (known.source, not known.is_test) if known.locked else (DELETED, False)
        body.insert(at, Part(text, known.type == "code", name, gives, added=True))
        if known.locked:
            said.tell(Told.LOCKED_MISSING, name)
    answers = [part for part in body if part.name and not official[part.name].locked]
    for part in answers:
        if part.gives:
            continue
        others = [other.name for other in answers if other.defines(official[part.name].names)]
        if others:  # the released stub would define the answer's name again
            part.text = f"# The answer stands in the cell {others[-1]}."
            said.tell(Told.IN_OTHER_ANSWER, part.name, others[-1])
        elif part.added:
            said.tell(Told.ANSWER_MISSING, part.name)


def _imports_above(body, official, said):
    """Keep one copy of each locked cell that runs, above the answers that follow it.

    Those above all answers (the first cell, tables, imports) also keep the release's order.
    """
    names = list(official)
    front = set(takewhile(lambda name: official[name].locked, names))  # above all answers
    for name in reversed(names):
        known = official[name]
        if not known.locked or known.is_test:
            continue
        first = _once(body, name)
        later = names[names.index(name) + 1 :]
        above = [part for part in body[: body.index(first)] if part.name in later]
        answers = [part for part in above if not official[part.name].locked]
        needing = answers or [p for p in above if name in front and p.code and p.gives]
        if known.type != "code" or not needing:
            continue
        moved = [part for part in body if part is first or part.of == name]
        for part in moved:
            body.remove(part)
        if answers and name in front:  # the student's own cells may need it, too
            needing = [part for part in body if part.code and part.gives] or needing
        goal = body.index(needing[0])
        body[goal:goal] = moved
        said.tell(Told.IMPORTS_MOVED, name)


def _tests_below(body, official, said):
    """Keep each test once, after the cells that it needs."""
    asked = {variable: name for name, known in official.items() for variable in known.names}
    giving = _giving(body, asked)
    for name, known in official.items():
        if not known.is_test:
            continue
        needed = set(symbols.used(known.source))
        for part in body:  # released cells that the test needs may use answers, too
            if part.name and official[part.name].locked and part.defines(needed):
                needed |= symbols.used(part.text)
        last = _last_needed(body, name, needed, asked, giving)
        slot = _slot(body, name, last, needed & asked.keys())
        test = _once(body, name, slot)
        if slot is None:
            body.remove(test)
            body.insert(body.index(last) + 1, test)
            if not test.added:
                said.tell(Told.TEST_MOVED, name)


def _giving(body, asked):
    """{variable: [the Parts that define it]}; released cells define no variable that is asked."""
    giving = {}
    for part in body:
        if part.code and part.gives:
            names = symbols.bound(part.text)
            for variable in defined(part.text, asked) if names is None else names:
                if not (variable in asked and part.released):
                    giving.setdefault(variable, []).append(part)
    return giving


def _once(body, name, kept=None):
    """Keep one of the places of an official cell (the first by default) and return it."""
    places = [part for part in body if part.name == name]
    kept = kept or places[0]
    for part in places:
        if part is not kept:
            body.remove(part)
    return kept


def _last_needed(body, test, needed, asked, giving):
    """The last one of the cells that a test needs, directly or through other cells."""
    at = {part: index for index, part in enumerate(body)}
    here = next(index for part, index in at.items() if part.name == test)
    last, waiting, seen = None, list(needed), set()
    while waiting:
        variable = waiting.pop()
        if variable in seen or variable not in giving:
            continue
        seen.add(variable)
        parts = giving[variable]
        if variable not in needed:  # what the release does below its test is for no answer
            parts = [part for part in parts if at[part] < here or not part.released]
        if not parts:
            continue
        answer = [part for part in parts if part.name == asked.get(variable, "")]
        above = [part for part in parts if at[part] < here]
        part = (answer or above or parts[:1])[-1]
        last = part if last is None or at[part] > at[last] else last
        waiting += symbols.used(part.text)
    return last


def _slot(body, test, last, answers):
    """The Part at which a test is judged; None if it has to be moved.

    That is the first place of the test after the `last` cell that it needs. If the student wrote a
    newer answer right above a later copy of the test, it is that copy. `answers` are the names that
    the test asks for.
    """
    places = [index for index, part in enumerate(body) if part.name == test]
    least = body.index(last) if last else -1
    places = [index for index in places if index > least]
    chosen = places[:1]
    for place in places[1:]:
        start = max((i for i in range(place) if body[i].name), default=-1)
        if any(part.defines(answers) for part in body[start + 1 : place]):
            chosen = [place]
    between = body[least + 1 : chosen[0]] if last and chosen else []
    if not chosen or any(part.released and part.defines(answers) for part in between):
        return None  # released cells in between define the same names for something else
    return body[chosen[0]]
