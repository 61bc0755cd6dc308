"""Repair a submitted notebook, so that it can be graded.

Students delete, copy, split, merge and retype graded cells, and editors rewrite metadata. Locked
cells come from the release. The student's cells stay and run in their order. Each repair is written
into the notebook, for the student and the instructor to read. A damaged notebook raises nothing: a
cell that cannot be found is missing, and a missing answer costs only its own points.

If an answer is there several times, the last one that differs from the release's stub counts; the
others still run before it. A test comes after the answers that it checks.
"""

from itertools import takewhile

from nbformat.v4 import new_markdown_cell

from course.exercise import EXERCISE
from course.language import _
from course.notebook import compare, pieces, symbols
from course.notebook.compare import same_code, squeezed
from course.notebook.official import grade_id, is_older
from course.notebook.order import put_together
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
        _find_answers(found, official, said)
        _join_answers(found, official, said)
        nb.cells = put_together(found, official, said)
    if allowance.reached:
        said.tell(Told.READ_NO_FURTHER)
    repairs = [*damage, *said.lines()]
    if repairs:
        head = _("This notebook was repaired before it was graded.")
        note = "\n".join([f"**{head}**", "", *(f"- {line}" for line in repairs)])
        nb.cells.insert(0, new_markdown_cell(note, id="repairs"))
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata["course"] = {"repairs": repairs}
    return nb, repairs


# --- the submitted cells


def _pieces(cells, official, said):
    """The submitted cells, merged ones split again, each with the official cell that it claims."""
    tests = {
        name: compare.stripped(known.released).splitlines()
        for name, known in official.items()
        if known.is_test
    }
    found, placed = [], set()  # placed: locked cells
    for cell in cells:
        piece = _piece(cell, official, said)
        parts = [piece] if piece.key in official.by_key else pieces.taken_apart(piece, tests)
        for part in parts:
            _claim(part, found, official)
        if len(parts) > 1:
            _tell_merged(parts, official, said)
        for part in parts:
            known = official.get(part.claim)
            if known and known.locked:
                found += _locked(part, known, part.claim in placed, said)
                placed.add(part.claim)
            else:
                part.released = known is None and part.key in official.plain
                found.append(part)
    told = {piece.claim for piece in found if piece.told}
    for piece in found:
        if piece.claim and piece.claim not in told and official[piece.claim].locked:
            said.tell(Told.LOST, piece.claim)
    return found


def _piece(cell, official, said):
    """A submitted cell as a Piece, with the claim that its metadata makes."""
    name, text = grade_id(cell), cell.source
    if is_older(cell, official):
        said.tell(Told.OLDER, name)
        text = official[name].released
    claim = name if name in official else None
    return pieces.Piece(text, cell.cell_type == "code", claim, id=cell.get("id"))


def _claim(piece, before, official):
    """Set which official cell a piece is, from its text, metadata, exercise line or cell id.

    `before` are the pieces before it.
    """
    by_text = _by_text(piece, before, official)
    if by_text is not None or piece.claim is not None:
        piece.told = by_text in (None, piece.claim)
        piece.claim = by_text or piece.claim
        return
    piece.told = False
    match = EXERCISE.search(piece.text)
    if match and match[1] in official and official[match[1]].locked:
        piece.claim = match[1]
    elif known := official.get(piece.id):
        # An id alone is weak evidence: the text must also look like the answer.
        fits = not known.names or _fits(piece, known) or not known.is_answered(piece.text)
        piece.claim = piece.id if fits else None


def _by_text(piece, before, official):
    """The official cell that has a piece's text; None if none has.

    Of several that is the one of its metadata or id, else the one that the release has below the
    same text, else the next one.
    """
    alike = official.by_key.get(piece.key, []) if piece.text.strip() else []
    if len(alike) < 2:
        return alike[0] if alike else None
    above = before[-1].key if before else None
    below = [each for each in alike if official.above.get(each) == above]
    order = list(official)
    last = next((each.claim for each in reversed(before) if each.claim), order[0])
    following = [each for each in order[order.index(last) :] if each in alike]
    told = [each for each in (piece.claim, piece.id) if each in alike]
    return [*told, *below, *following, alike[-1]][0]


def _locked(part, known, again, said):
    """The pieces for a submitted locked cell: its place, and any text that the student added."""
    text, place = part.text, pieces.Piece("", known.type == "code", known.name, part.told)
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
    own = pieces.Piece(text, part.code, of=known.name)
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


def _find_answers(found, official, said):
    """Set which answer a piece holds, for at most one piece of each answer."""
    missing, lost = [], []
    for name, known in official.items():
        if known.locked:
            continue
        claimed = [p for p in found if p.claim == name and known.is_answered(p.text)]
        fit = [piece for piece in claimed if _fits(piece, known)]
        if fit or (claimed and not known.names):
            best = _best(fit or claimed, known)
            best.answer = name
            lost += [] if best.told else [name]
        else:
            missing.append(name)
    for name in missing:
        claimed = [p for p in found if p.claim == name and not p.answer]
        piece = _elsewhere(found, name, official)
        if piece and claimed:
            said.tell(Told.ELSEWHERE, name)
        elif piece:
            lost.append(name)
        elif claimed:
            changed = [p for p in claimed if official[name].is_answered(p.text)]
            piece = changed[-1] if changed else claimed[0]
        if piece:
            piece.answer = name
    for name in lost:
        said.tell(Told.LOST, name)


def _fits(piece, known):
    return bool(defined(piece.text, known.names))


def _best(candidates, known):
    """The piece with most of the answer's names, then with a released first line, then the last."""
    first = {squeezed(li) for li in known.source.splitlines() if defined(li, known.names)}

    def rank(piece):
        named = [li for li in piece.text.splitlines() if any(name in li for name in known.names)]
        return len(defined(piece.text, known.names)), not first.isdisjoint(map(squeezed, named))

    return max(reversed(candidates), key=rank)


def _elsewhere(found, name, official):
    """Another piece that holds an answer, or None."""
    known = official[name]
    if known.type != "code" or not known.names:
        return _between(found, name, official)
    fit = []
    for piece in found:
        other = official.get(piece.claim)
        free = other is None or not (other.locked or _fits(piece, other))
        if free and not (piece.answer or piece.released) and _fits(piece, known):
            fit += [piece] if known.is_answered(piece.text) else []
    return _best(fit, known) if fit else None


def _between(found, name, official):
    """The piece with the student's first new text at an answer's place in the release, or None."""
    names, above = list(official), official.above.get(name)
    others = {*official.above.values()} - {above}  # the texts above other official cells
    starts = [i for i, piece in enumerate(found) if piece.released and piece.key == above]
    for before in reversed(names[: names.index(name)]):
        starts = starts or [i for i, piece in enumerate(found) if piece.claim == before]
    seen = 0
    for start in starts:
        for index in range(max(start + 1, seen), len(found)):
            piece, seen = found[index], index
            if piece.claim in official and piece.claim != name:
                break
            if piece.released and piece.key in others:
                break
            new = not (piece.answer or piece.released)
            if new and not symbols.bound(piece.text) and official[name].is_answered(piece.text):
                return piece
    return None


def _join_answers(found, official, said):
    """Join answers that were split."""
    for at, piece in enumerate(found):
        if not piece.answer:
            continue
        known = official[piece.answer]
        if known.type == "code":
            _take_code(piece, known)
        texts = [_possible_part(each, piece, known) for each in found]
        text, parts = (_code if known.type == "code" else _prose)(found, texts, at, known)
        if len(parts) > 1:
            said.tell(Told.SPLIT, known.name, _("two") if len(parts) == 2 else len(parts))
            piece.text = text
            for i in parts:
                found[i].joined = i != at


def _take_code(piece, known):
    """Leave nothing in a piece but the Python that answers; what was around it is its prose."""
    piece.text = pieces.undoubled(piece.text)
    if not piece.code and (code := pieces.code_in(piece.text, known.names)) != piece.text:
        piece.text, piece.prose = code, piece.text


def _possible_part(other, piece, known):
    """The text that a piece may add to a split answer; None if it cannot be a part."""
    if other is piece:
        return piece.text
    if other.answer or other.joined or other.released or other.claim not in (None, known.name):
        return None
    return other.text if other.claim is None or known.is_answered(other.text) else ""


def _code(found, texts, at, known):
    """(text, indices) of an answer joined with the neighbouring cells that are parts of it."""

    def complete(text):
        return symbols.parses(text) or (
            symbols.parses(symbols.dedented(text)) and bool(defined(text, known.names))
        )

    of_code = [text and text * each.code for text, each in zip(texts, found, strict=True)]
    of_code[at] = texts[at]  # the Python in it counts, though it stands in a text cell
    for tried in (of_code, texts):
        text, parts = joined(tried, at, complete)
        if len(parts) > 1 or complete(text):
            break
    return text, parts


def _prose(found, texts, at, known):
    """(text, indices) of a written answer joined with the text cells around that belong to it."""
    fits = [text is not None and not piece.code for text, piece in zip(texts, found, strict=True)]
    above = takewhile(lambda i: fits[i] and found[i].claim, range(at - 1, -1, -1))
    below = takewhile(fits.__getitem__, range(at + 1, len(found)))
    parts = sorted([at, *(i for i in (*above, *below) if texts[i].strip())])
    return "\n\n".join(texts[i].strip("\n") for i in parts), parts
