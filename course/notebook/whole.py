"""Whether a notebook needs no repair: found out in a fraction of the time that `repair` takes."""

from course.exercise import EXERCISE
from course.notebook import compare, pieces, symbols
from course.notebook.official import grade_id, is_older
from course.notebook.read import versions
from course.notebook.symbols import defined


def is_whole(nb, official):
    """Whether `repair` would leave the text of every answer and of the student's cells as it is.

    That is so if each official cell stands in its place, each answer is complete and defines the
    names that only it defines, and the student's own cells between them are whole as well.
    """
    names = [name if (name := grade_id(cell)) in official else None for cell in nb.cells]
    if nb.metadata.get("damage") or [*filter(None, names)] != list(official):
        return False
    given = {text for key, text in official.plain.items() if key not in official.by_key}
    own, missing, length = [], False, 0
    for cell, name in zip(nb.cells, names, strict=True):
        known, text = official.get(name), cell.source
        if is_older(cell, official):
            return False
        if known is None and text in given and cell.id not in official:
            continue
        if known is not None and known.type != cell.cell_type:
            return False
        if known is not None and (known.locked or text == known.released):
            if text.rstrip() not in (known.released, known.source.rstrip()):
                return False
            missing |= not known.locked
            continue
        length += len(text)
        if length > symbols.LONGEST or EXERCISE.search(text) or versions(text):
            return False
        if known is None:
            own.append(cell)
        elif not _is_whole_answer(known, text, official):
            return False
    return not own or (not missing and all(_is_own(cell, official) for cell in own))


def _is_whole_answer(known, text, official):
    if not known.is_answered(text) or pieces.undoubled(text) != text:
        return False
    if known.type == "code" and not symbols.parses(text):
        return False
    if known.names:
        return bool(defined(text, known.names & official.own_names))
    return compare.key(text) not in official.by_key


def _is_own(cell, official):
    """Whether no part of an answer can be meant by a cell of the student's own."""
    if cell.id in official or compare.key(cell.source) in official.by_key:
        return False
    if cell.cell_type == "code":
        return symbols.parses(cell.source)
    return all(known.locked or known.type == "code" for known in official.values())
