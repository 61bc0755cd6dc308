"""Repair a submitted notebook, so that it can be graded.

Students delete, copy, split, merge and retype graded cells, and editors rewrite metadata. Locked
cells come from the release. The student's cells stay and run in their order. Each repair is written
into the notebook, for the student and the instructor to read. A damaged notebook raises nothing: a
cell that cannot be found is missing, and a missing answer costs only its own points.

If an answer is there several times, the last one that differs from the release's stub counts; the
others still run before it. A test comes after the answers that it checks.
"""

from nbformat.v4 import new_markdown_cell

from course.exercise import EXERCISE
from course.language import _
from course.notebook import compare, pieces, symbols
from course.notebook.compare import same_code, squeezed
from course.notebook.official import grade_id, is_older
from course.notebook.order import put_together
from course.notebook.pieces import Piece
from course.notebook.said import Said, Told
from course.notebook.split import joined
from course.notebook.symbols import defined


def repair(nb, official):
    """(the notebook in gradable shape, [a sentence for each repair])."""
    damage, said = nb.metadata.pop("damage", []), Said()
    if nb.metadata.pop("widgets", None) is not None:
        said.tell(Told.WIDGETS)
    released = [text for known in official.values() for text in (known.source, known.released)]
    with symbols.bounded(released) as allowance:
        found = _pieces(nb.cells, official, said)
        owner = _owners(found, official, said)
        taken = _join(found, owner, official, said)
        nb.cells = put_together(found, owner, taken, official, said)
    if allowance.reached:
        said.tell(Told.READ_NO_FURTHER)
    repairs = [*damage, *said.lines()]
    if repairs:
        lines = "\n".join(f"- {line}" for line in repairs)
        head = _("This notebook was repaired before it was graded.")
        note = f"**{head}**\n\n{lines}"
        nb.cells.insert(0, new_markdown_cell(note, id="repairs"))
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata["course"] = {"repairs": repairs}
    return nb, repairs


# --- the submitted cells


def _pieces(cells, official, said):
    """The submitted cells, merged ones split again, each with the official cell that it claims."""
    texts = official.by_key
    tests = {
        name: compare.stripped(known.released).splitlines()
        for name, known in official.items()
        if known.is_test
    }
    found, whole = [], set()
    for cell in cells:
        code, name = cell.cell_type == "code", grade_id(cell)
        if is_older(cell, official):
            said.tell(Told.OLDER, name)
            cell = {**cell, "source": official[name].released}
        piece = Piece(cell["source"], code, name if name in official else None)
        parts = [piece] if piece.key in texts else pieces.taken_apart(piece, tests)
        for part in parts:
            _claim(part, cell.get("id") if part.text == piece.text else None, found, official)
        if len(parts) > 1:
            _tell_merged(parts, official, said)
        for part in parts:
            known = official.get(part.claim)
            if known and known.locked:
                found += _locked(part, known, part.claim in whole, said)
                whole.add(part.claim)
            else:
                part.released = known is None and part.key in official.plain
                found.append(part)
    told = {piece.claim for piece in found if piece.told}
    for name in [piece.claim for piece in found if piece.claim and piece.claim not in told]:
        if official[name].locked:
            said.tell(Told.LOST, name)
    return found


def _claim(piece, cell_id, before, official):
    """Set which official cell a piece is, from its text, metadata, exercise line or cell id.

    `before` are the pieces before it.
    """
    alike = official.by_key.get(piece.key, []) if piece.text.strip() else []
    by_text = _one_of(alike, piece.claim, cell_id, before, official)
    if by_text is not None or piece.claim is not None:
        piece.told = by_text in (None, piece.claim)
        piece.claim = by_text or piece.claim
        return
    piece.told = False
    match = EXERCISE.search(piece.text)
    if match and match[1] in official and official[match[1]].locked:
        piece.claim = match[1]
    elif known := official.get(cell_id):
        # An id alone is weak evidence: the text must also look like the answer.
        fits = not known.names or _fits(piece, known) or not known.is_answered(piece.text)
        piece.claim = cell_id if fits else None


def _one_of(alike, name, cell_id, before, official):
    """Which of the official cells that have a piece's text it is; None if there are none.

    That is the one of its metadata or id, else the one that the release has below the same text,
    else the next one.
    """
    if len(alike) < 2:
        return alike[0] if alike else None
    above = before[-1].key if before else None
    below = [each for each in alike if official.above.get(each) == above]
    order = list(official)
    last = next((piece.claim for piece in reversed(before) if piece.claim), order[0])
    following = [each for each in order[order.index(last) :] if each in alike]
    told = [each for each in (name, cell_id) if each in alike]
    return [*told, *below, *following, alike[-1]][0]


def _locked(part, known, again, said):
    """The pieces for a submitted locked cell: its place, and any text that the student added."""
    text, place = part.text, Piece("", known.type == "code", known.name, part.told)
    if not again and part.code != place.code:
        said.tell(Told.RETYPED, known.name, known.type)
    if same_code(text, known.released) or same_code(text, known.source):
        if again:
            said.tell(Told.COPY, known.name)
        return [place]
    lines = {line.strip() for line in known.source.splitlines()}
    if all(line.strip() in lines for line in text.splitlines()):
        if not again:
            said.tell(Told.CHANGED if part.told else Told.OTHER, known.name)
        return [place]
    own = Piece(text, part.code, of=known.name)
    kept = Told.CHANGED_AND_KEPT if part.told else Told.OTHER_AND_KEPT
    said.tell(Told.CHANGED_COPY if again else kept, known.name)
    return [own, place] if place.code else [place, own]


def _tell_merged(parts, official, said):
    names = [part.claim for part in parts if part.claim]
    tests = [name for name in names if official[name].is_test]
    if tests:
        said.tell(Told.MERGED, tests[0])
    elif names:
        said.tell(Told.CONFLICT, names[0])
    else:
        said.tell(Told.CONFLICT_OF_YOURS)


# --- the cell of each answer


def _owners(found, official, said):
    """{index of a piece: grade id of the answer in it}, at most one piece for each answer."""
    answers = {name: known for name, known in official.items() if not known.locked}
    owner, missing = {}, []
    for name, known in answers.items():
        claimed = [i for i, p in enumerate(found) if p.claim == name and known.is_answered(p.text)]
        fit = [i for i in claimed if _fits(found[i], known)]
        if fit or (claimed and not known.names):
            owner[max(fit or claimed, key=lambda i: _rank(found[i], known, i))] = name
        else:
            missing.append(name)
    lost = [name for at, name in owner.items() if not found[at].told]
    for name in missing:
        known = answers[name]
        claimed = [i for i, p in enumerate(found) if p.claim == name and i not in owner]
        where = _elsewhere(found, name, official, owner)
        if where is not None:
            if claimed:
                said.tell(Told.ELSEWHERE, name)
            else:
                lost.append(name)
        elif claimed:
            changed = [i for i in claimed if known.is_answered(found[i].text)]
            where = changed[-1] if changed else claimed[0]
        if where is not None:
            owner[where] = name
    for name in lost:
        said.tell(Told.LOST, name)
    return owner


def _fits(piece, known):
    return bool(defined(piece.text, known.names))


def _rank(piece, known, index):
    """A key to choose by: more of the answer's names, then a released first line, then later."""
    first = {squeezed(li) for li in known.source.splitlines() if defined(li, known.names)}
    named = [li for li in piece.text.splitlines() if any(name in li for name in known.names)]
    return len(defined(piece.text, known.names)), bool(first & {*map(squeezed, named)}), index


def _elsewhere(found, name, official, owner):
    """The index of another cell that holds an answer, or None."""
    known = official[name]
    if known.type != "code" or not known.names:
        return _between(found, name, official, owner)
    fit = []
    for index, piece in enumerate(found):
        other = official.get(piece.claim)
        if index in owner or piece.released or not _fits(piece, known):
            continue
        if other is None or (not other.locked and not _fits(piece, other)):
            fit += [index] * known.is_answered(piece.text)
    return max(fit, key=lambda i: _rank(found[i], known, i), default=None)


def _between(found, name, official, owner):
    """The index of the student's first new text at an answer's place in the release, or None."""
    names, above = list(official), official.above.get(name)
    starts = [i for i, piece in enumerate(found) if piece.released and piece.key == above]
    for before in reversed(names[: names.index(name)]):
        starts = starts or [i for i, piece in enumerate(found) if piece.claim == before]
    seen = 0
    for start in starts:
        for index in range(max(start + 1, seen), len(found)):
            piece, seen = found[index], index
            if piece.claim in official and piece.claim != name:
                break
            if piece.released and piece.key in {*official.above.values()} - {above}:
                break  # the text above another official cell
            new = index not in owner and not piece.released
            if new and not symbols.bound(piece.text) and official[name].is_answered(piece.text):
                return index
    return None


def _join(found, owner, official, said):
    """Join answers that were split. Returns the indices of the parts that were joined to one."""
    taken = set()
    for at, name in sorted(owner.items()):
        known, piece = official[name], found[at]
        if known.type != "code":
            parts = _prose(found, owner, at, known)
            text = "\n\n".join(found[i].text.strip("\n") for i in parts)
        else:
            text, parts = _code(found, owner, at, known, taken)
        if len(parts) > 1:
            said.tell(Told.SPLIT, name, _("two") if len(parts) == 2 else len(parts))
            piece.text = text
            taken.update(i for i in parts if i != at)
    return taken


def _code(found, owner, at, known, taken):
    """(text, indices) of an answer joined with the neighbouring cells that are parts of it."""
    piece = found[at]
    piece.text = pieces.undoubled(piece.text)
    if not piece.code and (code := pieces.code_in(piece.text, known.names)) != piece.text:
        piece.text, piece.prose = code, piece.text

    def complete(text):
        return symbols.parses(text) or (
            symbols.parses(symbols.dedented(text)) and bool(defined(text, known.names))
        )

    def part(index, code_only):
        text = None if index in taken else _possible_part(found, owner, index, at, known)
        return "" if text and code_only and not found[index].code else text

    for code_only in (True, False):
        text, parts = joined([part(i, code_only) for i in range(len(found))], at, complete)
        if len(parts) > 1 or complete(text):
            break
    return text, parts


def _possible_part(found, owner, index, at, known):
    """The text that a cell may add to a split answer; None at a cell that cannot be a part."""
    piece = found[index]
    if index == at:
        return piece.text
    if index in owner or piece.released or piece.claim not in (None, known.name):
        return None
    return piece.text if piece.claim is None or known.is_answered(piece.text) else ""


def _prose(found, owner, at, known):
    """The indices of a written answer and of the text cells around it that belong to it."""
    parts = [at]
    for step in (-1, 1):
        index = at + step
        while 0 <= index < len(found):
            text = _possible_part(found, owner, index, at, known)
            if text is None or found[index].code or (step < 0 and found[index].claim is None):
                break
            if text.strip():
                parts.append(index)
            index += step
    return sorted(parts)
