"""A roster: a CSV file with a line for each student, exported by an LMS or written by hand."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from course.grading import CourseError
from course.grading.inbox.columns import CANVAS_TITLES, KNOWN_TITLES, Columns, key_of
from course.grading.inbox.lms import squashed
from course.grading.inbox.spreadsheet import cell, read_csv
from course.plain import one_line

#: Columns of Canvas's own list that say who a student is.
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_SHORTENED = re.compile(r"\d[.,]?\d*E\+\d+", re.I)


@dataclass
class Person:
    """A line of a roster."""

    line: int  # the first one below the titles is 0
    id: str  # nbgrader's id, and the name of the student's folder; "" if none is known
    keys: set  # the LMS's numbers or names for the student
    names: set  # what an archive may call the student, squashed
    first_name: str
    last_name: str
    number: str | None  # the LMS's number, for the export of grades
    email: str
    canvas: dict  # the student's columns of Canvas's own file
    handed_in: datetime | None  # local time in Moodle's own file
    group: str = ""  # what the members of a group have in common, if they hand in together


class Roster:
    """The students of a roster, found by their number or name in an archive.

    `lms` is a key of LMS, and `students` are those of its archive. Without an archive, the file
    alone tells whose numbers it has: the ids are the same. `groups` is the title of the column with
    each student's group. Raises CourseError for a file that is not a roster, or lacks that column.
    """

    def __init__(self, path, lms=None, students=(), groups=None):
        self.path = path
        rows, self.notes = _read(path)  # the notes are sentences for the instructor
        keys = {key_of(lms, key) for student in students for key in student.keys}
        names = {squashed(student.name) for student in students} - {""}
        self._refuse_without_titles(rows[0], keys | names)
        about = [{t: row[t] for t in row if t != _column(groups)} for row in rows]
        columns = Columns(about, lms, keys, names)
        self._lms = columns.lms
        self._note_shortened(row[title] for row in rows for title in columns.with_keys)
        self.people = self._people(rows, columns, keys)
        # Names count only if the roster has none of the archive's numbers, as many LMSs let
        # students change them.
        self._by_name = all(keys.isdisjoint(person.keys) for person in self.people)
        if groups:
            self._take_groups(groups, rows)

    def _refuse_without_titles(self, titles, archive):
        """Raise CourseError if the first line has a student of the archive, and no titles."""
        found = (t for t in titles if _ADDRESS.fullmatch(t) or {t, squashed(t)} & archive)
        # A student may call herself "Student".
        if KNOWN_TITLES.isdisjoint(titles) and (title := next(found, None)):
            raise CourseError(
                f"The roster {self.path} should have a first line with names of columns, such as "
                f"student_id,lms_user_id. Its first line has {one_line(title)!r}, which is a "
                "student's. Write a line with names of columns above it."
            )

    def _note_shortened(self, numbers):
        if short := list(filter(_SHORTENED.fullmatch, numbers)):
            self.notes.append(
                f"A spreadsheet has shortened numbers in {self.path}, such as {min(short)}. "
                "Download the list again, and do not open it in a spreadsheet before you use it "
                "here."
            )

    def _people(self, rows, columns, keys):
        """A Person for each line; notes the lines of which none can be made."""
        people, left = [], []
        for line, row in enumerate(rows):
            person = _person(line, row, columns)
            if _is_canvas_test(row) and keys.isdisjoint(person.keys):
                continue
            if person.id:
                people.append(person)
            elif person.keys or not _is_canvas_own(row):
                name = f"{person.first_name} {person.last_name}".strip()
                left.append(name or next(filter(None, row.values()), ""))
        if any(left):
            self.notes.append(
                f"Not read from {self.path}, because the line has no id, and no name that is there "
                f"once: {', '.join(map(one_line, filter(None, left)))}"
            )
        return people

    def _take_groups(self, title, rows):
        """Set each Person's group, and note how many groups there are and of which sizes."""
        column = _column(title)
        if column not in rows[0]:
            raise CourseError(
                f"The roster {self.path} has no column {one_line(title)!r} with the students' "
                f"groups. Its columns are: {', '.join(map(one_line, rows[0]))}."
            )
        for person in self.people:
            person.group = rows[person.line][column].casefold()
        sizes = Counter(person.group for person in self.people if person.group).values()
        members = " to ".join(map(str, sorted({min(sizes), max(sizes)}))) if sizes else "no"
        self.notes.append(
            f"{len(sizes)} groups of {members} members, by the column {one_line(title)!r}: what "
            "one member hands in is every member's."
        )

    def members(self, ids):
        """The people who are in a group with one of these students, themselves included."""
        groups = {person.group for person in self.people if person.id in ids} - {""}
        return [person for person in self.people if person.group in groups]

    def group_called(self, student):
        """The people of the group that an archive names in a student's place; none if unclear."""
        named = {text.casefold() for text in (student.name, *student.keys)}
        groups = {person.group for person in self.people} - {""}
        alike = {group for group in groups if squashed(group) in set(map(squashed, named))}
        found = groups & named or alike
        return [person for person in self.people if found == {person.group}]

    def find(self, student):
        """The ids of the roster's students who could be this student of the archive."""
        name = squashed(student.name)
        named = [person for person in self.people if name in person.names]
        if not self._by_name:
            # No list of Brightspace has the numbers of its archives. So where somebody has written
            # a few into one, to set people of one name apart, the other lines count by the name.
            named = [person for person in named if self._lms == "brightspace" and not person.keys]
        return self.find_by_key(student) or {person.id for person in named}

    def find_by_key(self, student):
        """The ids of the roster's students who have one of this student's keys."""
        keys = {key_of(self._lms, key) for key in student.keys}
        return {person.id for person in self.people if not keys.isdisjoint(person.keys)}

    def lacks_number(self, student):
        """Whether the roster has a student of this name without a number."""
        name = squashed(student.name)
        return any(name in person.names and not person.keys for person in self.people)


def _column(title):
    """A column's title in one spelling; None stays None."""
    return title and cell(title).casefold()


def _read(path):
    """([{title: text}] of the lines of a CSV file, sentences for the instructor)."""
    table, _, notes = read_csv(path)
    if len(table) < 2 or len(table[0]) < 2:
        begins = table[0][0] if table else ""
        raise CourseError(
            f"The roster {path} should have a first line with names of columns, and a line "
            "for each student: the id that you want, and the LMS's number or the name. It begins "
            f"with {one_line(begins)!r}."
        )
    titles, rows = list(map(_column, table[0])), []
    for line in table[1:]:
        row = dict.fromkeys(titles, "")
        for title, text in zip(titles, line, strict=False):
            row[title] = row[title] or cell(text)  # of equal titles, the first filled one counts
        rows.append(row)
    return rows, notes


def _person(line, row, columns):
    keys, is_canvas = columns.keys(row), {"sis user id", "section"} <= row.keys()
    first_name, last_name = columns.name(row)
    return Person(
        line=line,
        id=columns.id(row),
        keys=set(keys),
        names=columns.spellings(row),
        first_name=first_name,
        last_name=last_name,
        number=keys[0] if keys and columns.lms != "folders" else None,
        email=_email(row),
        canvas={title: row.get(title.casefold(), "") for title in CANVAS} if is_canvas else {},
        handed_in=_time(row.get("last modified (submission)", "")),
    )


def _is_canvas_own(row):
    """Whether a line of Canvas's own list is no student's, such as that of possible points.

    Students are there by their last name, a comma and the first name.
    """
    return row.keys() >= CANVAS_TITLES and "," not in row["student"]


def _is_canvas_test(row):
    """Whether it is the student whom Canvas makes up for *Student View*, and who is not absent."""
    named = row.keys() >= CANVAS_TITLES and row["student"] == "Student, Test"
    return named and not row.get("sis user id")


def _email(row):
    """The e-mail address in a line, or "". A column that is called so comes first."""
    found = [title for title in row if _ADDRESS.fullmatch(row[title])]
    return next((row[title] for title in sorted(found, key=lambda t: "mail" not in t)), "")


def _time(text):
    """A time as Moodle writes it in English; None for anything else."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        with suppress(ValueError):
            return datetime.strptime(text, form)
    return None
