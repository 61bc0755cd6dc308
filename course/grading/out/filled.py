"""Fill scores into the file that an LMS gave; every other byte of it stays as it was.

Canvas's gradebook, Moodle's grading worksheet (in any language), Blackboard's, Brightspace's and
Gradescope's tables of grades are told apart by the titles of their columns. Only final scores are
filled in. No grade's cell is emptied, because Canvas would delete that grade.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

from course.grading import CourseError
from course.grading.folder import write_atomically
from course.grading.inbox.columns import are_participants
from course.grading.inbox.lms import LMS
from course.grading.inbox.roster import CANVAS
from course.grading.inbox.spreadsheet import begin, decoded, number, read_csv
from course.grading.out.matched import looked_for, people_in
from course.language import _, speaking
from course.plain import one_line

_GRADE = (
    "grade", "bewertung", "note", "calificación", "valutazione", "nota", "avaliação", "cijfer",
)  # fmt: skip
#: {title of Moodle's column "Grade can be changed": what it holds of a grade that cannot be}
_CHANGEABLE = {
    "grade can be changed": "no", "bewertung kann geändert werden": "nein",
    "la note peut être modifiée": "non", "la calificación puede ser cambiada": "no",
}  # fmt: skip
_COMMENTS = re.compile(r"feedback|kommentar|comm?ent|retroaliment|opmerking", re.I)


class Sheet:
    """A CSV file in which single cells are changed; `rows` are its cells without blank lines.

    Raises CourseError for a file that cannot be read, or whose cells cannot be told apart for sure.
    """

    def __init__(self, path):
        self.path = path
        self.rows, mark, self.notes = read_csv(path, "file")
        content = Path(path).read_bytes()
        self._text, self._codec, _ = decoded(content)
        self._mark, self._changed = mark, {}
        values = self._read()
        if values != self.rows or len(values) < 2 or self._text.encode(self._codec) != content:
            raise CourseError(
                f"{path} is not written as an LMS writes CSV, so it cannot be filled in without a "
                "risk for its other cells. Download it again, and do not open it in a spreadsheet."
            )
        width = len(self.rows[0])
        for line in reversed(self._places):  # programs leave out empty cells at a line's end
            end = line[-1][1]
            self._text = self._text[:end] + mark * (width - len(line)) + self._text[end:]
        self.rows = self._read()

    def _read(self):
        """The lines of cells; their places in the text are kept."""
        lines = _cells(self._text, begin(self._text), self._mark)
        lines = [line for line in lines if any(value for value, _ in line)]
        self._places = [[place for _, place in line] for line in lines]
        return [[value for value, _ in line] for line in lines]

    def fill(self, row, column, text):
        """Change one cell."""
        self._changed[self._places[row][column]] = text

    def write(self, path):
        """Write the file with what was changed."""
        parts, at = [], 0
        for (first, end), text in sorted(self._changed.items()):
            quoted = self._text[first:end].startswith('"')
            if quoted or any(sign in text for sign in f'{self._mark}"\r\n'):
                text = '"' + text.replace('"', '""') + '"'
            parts += [self._text[at:first], text]
            at = end
        text = "".join([*parts, self._text[at:]])
        # Only a comment, which is HTML, can have a letter that the file's encoding lacks.
        write_atomically(Path(path), text.encode(self._codec, "xmlcharrefreplace"))


def _cells(text, at, mark):
    """[(value, (place of its first character, place after its last))] for each line of a text."""
    cell = re.compile(
        rf'"((?:[^"]|"")*)"(?=[{re.escape(mark)}\r\n]|\Z)|([^{re.escape(mark)}\r\n]*)'
    )
    lines, line = [], []
    while True:
        found = cell.match(text, at)
        quoted, plain = found.groups()
        value = plain if quoted is None else quoted.replace('""', '"')
        line.append((value, found.span()))
        at = found.end()
        if text[at : at + 1] == mark:
            at += 1
            continue
        lines.append(line)
        line = []
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if at >= len(text):
            return lines


@dataclass
class _Place:
    """Where an assignment's grades stand in a file."""

    grade: int  # the column's index
    most: float | None  # the highest grade in the LMS
    comments: int | None = None


def recognised(path, kind=None):
    """(the LMS that wrote a file, its Sheet). `kind` is the LMS that the instructor named, if any.

    Raises CourseError if the file is another LMS's, or no table of grades.
    """
    sheet = Sheet(path)
    titles = {_plain(title) for title in sheet.rows[0]}
    if {"student", "id", "section"} <= titles:
        lms = "canvas"
    elif "end-of-line indicator" in titles:
        lms = "brightspace"
    elif any(title.endswith(_MOST) for title in titles):
        lms = "gradescope"
    elif any(map(_BLACKBOARD.search, titles)):
        lms = "blackboard"
    else:
        lms = "moodle"
        on_moodle(sheet)  # raises if it is not Moodle's either
    if kind and kind != lms:
        raise CourseError(f"{path} comes from {LMS[lms].title}, not from {LMS[kind].title}.")
    return lms, sheet


def fill(everything, lms, sheet, to):
    """Write the Sheet with the final scores filled in. Returns sentences for the instructor.

    Raises CourseError if the file has no place for an assignment.
    """
    names = list(dict.fromkeys(one.row["assignment"] for one in everything if one.result))
    if lms == "moodle" and len(names) != 1:
        raise CourseError("Moodle's grading worksheet is for one assignment: name that one.")
    places, problems = _places(names, lms, sheet)
    if not places:
        raise CourseError(problems[0])
    notes = [*sheet.notes, *(f"not exported: {problem}" for problem in problems)]
    final, there = set(), set()
    for name, place in places.items():
        chosen = [o for o in everything if o.row["assignment"] == name and o.final is not None]
        if not chosen:
            continue
        most = chosen[0].row["max_score"]
        if place.most is not None and place.most != most:
            notes.append(
                f"The highest grade of {name} in {LMS[lms].title} is {place.most:g}, and the "
                f"assignment has {most:g} points: change it there."
            )
        beside = [text for row in sheet.rows for text in row[place.grade : place.grade + 2]]
        point = "," if any("," in text and number(text) is not None for text in beside) else "."
        about = "student", "first_name", "last_name"
        wanted = [looked_for(*map(o.row.get, about), o.number[lms]) for o in chosen]
        people, said = people_in(sheet.path, lms, wanted)
        notes += said
        final.update(student.id for student in wanted)
        there.update(people)
        if excused := [id_ for id_ in people if _is_excused(sheet, place, people[id_])]:
            notes.append(f"Excused in {LMS[lms].title}, so not filled in: {', '.join(excused)}.")
            people = {id_: people[id_] for id_ in people if id_ not in excused}
        if closed := [id_ for id_ in people if _is_closed(sheet, people[id_])]:
            notes.append(
                f"{LMS[lms].title} says that these grades cannot be changed, and ignores new ones: "
                f"{', '.join(closed)}. Unlock them in its gradebook, and download the file again."
            )
        for one in chosen:
            if person := people.get(one.row["student"]):
                sheet.fill(1 + person.line, place.grade, f"{one.final:g}".replace(".", point))
                if place.comments is not None:
                    sheet.fill(1 + person.line, place.comments, comment(one))
    if final and not there:
        raise CourseError(
            f"Final scores: {len(final)}, and none is of a student in {sheet.path}. So nothing was "
            "written. If it is the file of this class, name it with --roster when you collect, "
            "so that the students are known as it has them."
        )
    sheet.write(to)
    return notes


def _is_excused(sheet, place, person):
    """Whether Canvas has "EX" in a grade's place; a score would take that back."""
    return sheet.rows[1 + person.line][place.grade].strip() == "EX"


def _is_closed(sheet, person):
    """Whether Moodle's worksheet says that a student's grade cannot be changed."""
    cells = zip(map(_plain, sheet.rows[0]), sheet.rows[1 + person.line], strict=False)
    return any(_CHANGEABLE.get(title) == _plain(text) for title, text in cells)


def _places(names, lms, sheet):
    """({assignment: its `_Place` in a Sheet}, sentences about those that have none for sure)."""
    places, problems = {}, []
    for name in names:
        try:
            places[name] = _PLACES[lms](sheet, name)
        except CourseError as problem:
            problems.append(str(problem))
    claimed = Counter(place.grade for place in places.values())
    for name in [name for name, place in places.items() if claimed[place.grade] > 1]:
        title = one_line(sheet.rows[0][places.pop(name).grade])
        problems.append(
            f"{name} is not the only assignment that could be {title!r} in {sheet.path}. Name "
            f"one: course export {name} --fill {sheet.path}"
        )
    return places, problems


# --- the place of an assignment in each LMS's file


def _on_canvas(sheet, name):
    header, *rows = sheet.rows
    # Canvas's own columns, such as those of totals, have no number.
    titles = [title for title in header if _NUMBERED.search(title)]
    titles = titles or [title for title in header if title not in CANVAS]
    column = _column(sheet, name, {title: title for title in titles})
    id_ = header.index("ID")
    about = [row[column] for row in rows if not row[id_].strip()]  # Points Possible
    return _Place(column, next(filter(None, map(number, about)), None))


#: How titles go on behind the assignment's name, with the highest grade.
_BRIGHTSPACE = re.compile(r" +Points Grade <Numeric MaxPoints:([\d.,]+).*>", re.I)
# Not "up to 100", which Blackboard writes of weighted totals.
_BLACKBOARD = re.compile(r" +\[Total Pts: ([\d.,]+)[^]]*\]", re.I)


def _by_title(points, sheet, name):
    titles = {t: t[: found.start()] for t in sheet.rows[0] if (found := points.search(t))}
    column = _column(sheet, name, titles)
    return _Place(column, number(points.search(sheet.rows[0][column])[1]))


_MOST = " - max points"


def _on_gradescope(sheet, name):
    header, *rows = sheet.rows
    plain = [_plain(title) for title in header]
    titles = {title: title for title in header if _plain(title) + _MOST in plain}
    column = _column(sheet, name, titles)
    most = plain.index(plain[column] + _MOST)
    return _Place(column, next(filter(None, (number(row[most]) for row in rows)), None))


_NUMBERED = re.compile(r" *\(\d+\)$")  # Canvas's number of an assignment
_PLACES = {
    "canvas": _on_canvas, "blackboard": partial(_by_title, _BLACKBOARD),
    "brightspace": partial(_by_title, _BRIGHTSPACE), "gradescope": _on_gradescope,
    "moodle": lambda sheet, name: on_moodle(sheet),  # which is for one assignment
}  # fmt: skip


def _column(sheet, name, titles):
    """Index of the column of an assignment among {title: what names the assignment in it}.

    It is called `02-lenet`, contains that, or contains `lenet`.
    """
    plain = {title: _NUMBERED.sub("", about) for title, about in titles.items()}
    plain = {title: _plain(text) for title, text in plain.items()}
    _, _, word = name.rpartition("-")
    fits = (
        [title for title in plain if plain[title] == name.casefold()]
        or [title for title in plain if name.casefold() in plain[title]]
        or [title for title in plain if word.casefold() in plain[title]]
    )
    if len(fits) == 1:
        return sheet.rows[0].index(fits[0])
    fits = ", ".join(map(one_line, fits))
    many = f"several columns that could be {name} ({fits})" if fits else None
    raise CourseError(
        f"{sheet.path} has {many or f'no column that is called like {name}'}. Call the assignment "
        f"{name!r} in the LMS, and download the file again."
    )


def on_moodle(sheet):
    """The `_Place` of the grade in Moodle's grading worksheet.

    In any language, the column after the grade has the highest grade, the same in all rows. Raises
    CourseError if it is no such worksheet.
    """
    header, *rows = sheet.rows
    titles, width = [_plain(title) for title in header], len(header)
    if not are_participants(row[0].strip() for row in rows):
        raise CourseError(
            f"{sheet.path} is no file that can be filled in. These are Moodle's grading worksheet "
            "(Submissions > Actions), and the gradebooks that Canvas, Blackboard, Brightspace and "
            "Gradescope export, as they give them."
        )
    alike = [i for i in range(1, width) if len({row[i] for row in rows}) == 1]
    highest = [i for i in alike if number(rows[0][i]) is not None]
    known = [titles.index(title) for title in _GRADE if title in titles]
    if not (known or highest):
        raise CourseError(
            f"{sheet.path} has no column for the grade. Download the grading worksheet from Moodle "
            "(Submissions > Actions) with quick grading and feedback comments switched on."
        )
    comments = [i for i, title in enumerate(titles) if _COMMENTS.search(title)]
    grade = known[0] if known else highest[-1] - 1
    most = number(rows[0][highest[-1]]) if highest else None
    return _Place(grade, most, comments[-1] if comments else None)


def _plain(title):
    return title.strip().casefold()


# --- what is told of one


def comment(one):
    """The lost points with reasons, in HTML, as Moodle reads comments."""
    lines = [escape(line, quote=False).replace("\n", "<br>") for line in reasons(one)]
    return "<br>".join(lines)


def reasons(one):
    """Lines about the lost points of a Scored."""
    if one.result is None:
        return []
    with speaking(one.result.language):
        if one.result.failed:
            return [_("Not graded: {reason}").format(reason=one.result.failed)]
        lines = []
        for grade in one.grades:
            if grade.points < grade.most and not grade.waits:
                said = grade.reasons or [_("no reason is known")]
                lines.append(f"−{grade.most - grade.points:g} {grade.name}: {said[0]}")
        lines += [f"{name}: {said}" for name, said in one.result.remarks]
        late = sum(grade.points for grade in one.grades) - one.result.score
        if late > 0.005:
            lines.append(_("−{points:g} handed in late").format(points=late))
        if waiting := [grade.name for grade in one.grades if grade.waits]:
            lines.append(_("A person still grades {names}.").format(names=_(", ").join(waiting)))
    return lines
