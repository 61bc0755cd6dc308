"""A roster: a CSV file with a line for each student, exported by an LMS or written by hand.

LMSs write column titles in the user's language. Known titles are used as they are. Any other column
is recognised by its contents: the numbers or names that also occur in the archive.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from course.grading import CourseError
from course.grading.inbox.lms import GENERAL, LMS, PER_ASSIGNMENT, squashed
from course.grading.inbox.spreadsheet import cell, number, read_csv
from course.plain import one_line

# Columns for the student's id, the preferred ones first.
_ID_COLUMNS = (
    "student_id", "student id", "id number", "sid", "orgdefinedid", "sis user id", "user_id",
    "sis login id", "login_id", "username", "netid", "login", "matrikelnummer", "email",
    "email address",
)  # fmt: skip
# {LMS: the columns with the numbers or names that its archive has for students}. A column
# lms_user_id is used for every LMS.
_KEY_COLUMNS = {
    "canvas": ("id",),
    "moodle": ("identifier",),
    "gradescope": ("sid", "email", "email address"),
    "blackboard": ("username",),
    "folders": (*_ID_COLUMNS, "id"),
}
_FIRST = ("first name", "first_name", "vorname", "prénom", "nombre", "nome", "voornaam")
_LAST = (
    "last name", "last_name", "surname", "nachname", "nom", "nom de famille", "apellidos",
    "apellido(s)", "cognome", "sobrenome", "apelido", "achternaam",
)  # fmt: skip
#: Columns of Canvas's own list that say who a student is.
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

_CANVAS_OWN = {"student", "id", "section"}
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_SHORTENED = re.compile(r"\d[.,]?\d*E\+\d+", re.I)


@dataclass
class Person:
    """A line of a roster."""

    line: int  # the first one below the titles is 0
    id: str  # nbgrader's id, and the name of the student's folder
    keys: set
    first_name: str
    last_name: str
    number: str | None = None  # the LMS's number, for the export of grades
    email: str = ""
    canvas: dict = field(default_factory=dict)  # the student's columns of Canvas's own file
    handed_in: datetime | None = None  # local time in Moodle's own file
    group: str = ""  # what the members of a group have in common, if they hand in together


class Roster:
    """The students of a roster, found by their number or name in an archive.

    `lms` is a key of LMS, and `students` are those of its archive. Without an archive, the file
    alone tells whose numbers it has: the ids are the same. `groups` is the title of the column with
    each student's group. Raises CourseError for a file that is not a roster, or lacks that column.
    """

    def __init__(self, path, lms=None, students=(), groups=None):
        self.path = path
        table, _, self.notes = read_csv(path)  # sentences for the instructor
        self.titles, self.rows = _table(path, table)
        keys = {_key(lms, key) for student in students for key in student.keys}
        names = {squashed(student.name) for student in students} - {""}
        # The titles of columns: with the LMS's numbers or names, and with the students' ids.
        self._with_keys = self._key_columns(lms or "folders", keys)
        self.lms = lms
        if lms is None:
            self.lms, self._with_keys = self._recognised()
        self._with_ids = self._id_columns()
        self._name_of = _names(self.titles, self.rows, names)
        self.people = []
        self.by_key, self.by_name = defaultdict(set), defaultdict(set)  # the ids of students
        self.numberless = set()  # names of students without a number in the roster
        self._look_for_shortened_numbers()
        self._take_people(keys)
        if groups:
            self._take_groups(groups)
        # Whether the roster has the archive's numbers. Names count only if it has not, as many LMSs
        # let students change them.
        self.keyed = any(key in self.by_key for key in keys)

    def _look_for_shortened_numbers(self):
        texts = {row[title] for row in self.rows for title in self._with_keys}
        if short := list(filter(_SHORTENED.fullmatch, texts)):
            self.notes.append(
                f"A spreadsheet has shortened numbers in {self.path}, such as {min(short)}. "
                "Download the list again, and do not open it in a spreadsheet before you use it "
                "here."
            )

    def _take_people(self, keys):
        """Make a Person of each line, or note that none can be made; `keys` are the archive's."""
        names = Counter(squashed(" ".join(self._name_of(row)[0])) for row in self.rows)
        left = []  # what says who a line is about that is not taken
        for line, row in enumerate(self.rows):
            numbers = [_key(self.lms, row[title]) for title in self._with_keys if row[title]]
            if _is_canvas_test(row) and keys.isdisjoint(numbers):
                continue
            split, spellings = self._name_of(row)
            plain = squashed(" ".join(split))
            own = self._id_of(row, numbers, plain if names[plain] == 1 else "")
            if not own:
                if numbers or not _is_canvas_own(row):
                    left.append(" ".join(split).strip() or next(filter(None, row.values()), ""))
                continue
            person = Person(line, own, {*numbers}, *split, email=_email(row))
            if self.lms != "folders":
                person.number = next(iter(numbers), None)
            if {"sis user id", "section"} <= set(self.titles):
                person.canvas = {title: row.get(title.casefold(), "") for title in CANVAS}
            person.handed_in = _time(row.get("last modified (submission)", ""))
            self.people.append(person)
            for key in numbers:
                self.by_key[key].add(own)
            for name in spellings:
                self.by_name[name].add(own)
                if not numbers:
                    self.numberless.add(name)
        if left := list(filter(None, left)):
            self.notes.append(
                f"Not read from {self.path}, because the line has no id, and no name that is there "
                f"once: {', '.join(map(one_line, left))}"
            )

    def _id_of(self, row, numbers, name):
        """The id in a line. Else the LMS's number, or the name if its numbers do not last."""
        for title in self._with_ids:
            if own := safe_id(row[title].removeprefix("#")):
                return own
        if not numbers:
            return ""
        return safe_id(name if self.lms in PER_ASSIGNMENT else min(numbers))

    def _take_groups(self, title):
        """Note each Person's group, and say how many groups there are and of which sizes."""
        column = cell(title).casefold()
        if column not in self.titles:
            raise CourseError(
                f"The roster {self.path} has no column {one_line(title)!r} with the students' "
                f"groups. Its columns are: {', '.join(map(one_line, self.titles))}."
            )
        for person in self.people:
            person.group = self.rows[person.line][column].casefold()
        sizes = sorted(Counter(filter(None, (p.group for p in self.people))).values())
        members = " to ".join(map(str, sorted({*sizes[:1], *sizes[-1:]}))) or "no"
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

    def _key_columns(self, lms, keys):
        """Titles of the columns with the numbers or names that the archive uses for students."""
        known = [t for t in ("lms_user_id", *_KEY_COLUMNS.get(lms, ())) if t in self.titles]
        hits = {t: len({_key(lms, row[t]) for row in self.rows} & keys) for t in self.titles}
        if any(hits[title] for title in known):
            return known
        best = max(hits.values())
        return [title for title in self.titles if best and hits[title] == best] or known

    def _recognised(self):
        """(the LMS whose numbers a roster has, the titles of their columns), without an archive."""
        first = self.titles[0]
        alike = first not in _ID_COLUMNS and are_participants(row[first] for row in self.rows)
        if alike and (not self._is_id(first) or self._grades()):
            return "moodle", [first]
        own = [lms for lms in LMS if lms not in GENERAL]
        named = [(lms, [title]) for lms in own for title in self.titles if lms in title]
        return named[0] if named and not self._with_keys else ("folders", self._with_keys)

    def _grades(self):
        """Titles of columns with grades, as in Moodle's worksheet.

        The column after one of them has the highest grade, which is the same in all rows.
        """
        columns = [[number(row[title]) for row in self.rows if row[title]] for title in self.titles]
        return [
            title
            for title, grades, most in zip(self.titles, columns, columns[1:], strict=False)
            if None not in (*grades, *most)
            and len({*most}) == 1
            and max(grades, default=0) <= most[0]
        ]

    def _id_columns(self):
        """Titles of the columns that hold students' ids, the best one first."""
        known = [t for t in _ID_COLUMNS if t in self.titles and any(row[t] for row in self.rows)]
        if known:
            return known
        lasting = [] if self.lms in PER_ASSIGNMENT else self._with_keys
        if set(self.titles) >= _CANVAS_OWN:
            return lasting  # other columns with numbers have grades
        others = [*self._with_keys, *self._grades()]
        by_shape = [t for t in self.titles if t not in others and self._is_id(t)]
        by_shape.sort(key=lambda title: any("@" in row[title] for row in self.rows))
        first = self.titles[0]
        names = first in (*_FIRST, *_LAST) or any(" " in row[first] for row in self.rows)
        return [*(by_shape or ([] if names or first in self._with_keys else [first])), *lasting]

    def _is_id(self, title):
        """Whether a column looks like ids: mostly filled, no duplicates, words with digits."""
        filled = [row[title] for row in self.rows if row[title]]
        return 2 * len(filled) >= len(self.rows) and len(set(filled)) == len(filled) and all(
            re.fullmatch(r"#?[\w.@+-]*[\d@][\w.@+-]*", text)
            and not re.fullmatch(r"\d+[.,]\d+|\d{1,4}([-./])\d{1,2}\1\d{1,4}", text)
            for text in filled
        )  # fmt: skip

    def knows(self, student):
        """Whether the roster has one of the student's keys."""
        return any(_key(self.lms, key) in self.by_key for key in student.keys)

    def find(self, student):
        """The ids of the roster's students who could be this student of the archive."""
        found = set().union(*(self.by_key.get(_key(self.lms, k), ()) for k in student.keys))
        return found if self.keyed else found or self.by_name.get(squashed(student.name), set())

    def lacks_number(self, student):
        """Whether the roster has a student of this name without a number."""
        return squashed(student.name) in self.numberless


def are_participants(names):
    """Whether Moodle calls participants so: by one word and a number, in any language."""
    words = {found and found[1] for found in (re.fullmatch(r"([^\d,]+)\d+", n) for n in names)}
    return len(words) == 1 and None not in words


def _is_canvas_own(row):
    """Whether a line of Canvas's own list is no student's, such as that of possible points.

    Students are there by their last name, a comma and the first name.
    """
    return set(row) >= _CANVAS_OWN and "," not in row["student"]


def _is_canvas_test(row):
    """Whether it is the student whom Canvas makes up for *Student View*, and who is not absent."""
    named = set(row) >= _CANVAS_OWN and row["student"] == "Student, Test"
    return named and not row.get("sis user id")


def _email(row):
    """The e-mail address in a line, or "". A column that is called so comes first."""
    found = [title for title in row if _ADDRESS.fullmatch(row[title])]
    return next((row[title] for title in sorted(found, key=lambda t: "mail" not in t)), "")


def _table(path, table):
    """(titles, [{title: value}]) of the rows of a CSV file."""
    titles = [cell(title).casefold() for title in table[0]] if table else []
    rows = []
    for line in table[1:]:
        row = dict.fromkeys(titles, "")
        for title, value in zip(titles, line, strict=False):
            row[title] = row[title] or cell(value)  # of equal titles, the first filled one counts
        rows.append(row)
    if len(titles) < 2 or not rows:
        raise CourseError(
            f"The roster {path} should have a first line with names of columns, and a line "
            "for each student: the id that you want, and the LMS's number or the name."
        )
    return list(dict.fromkeys(titles)), rows


def safe_id(text):
    """A text made fit for nbgrader's id and a folder's name; "" if nothing is left."""
    text = unicodedata.normalize("NFC", text).strip()
    kept = [c if c in "_.@-" or unicodedata.category(c)[0] in "LMN" else " " for c in text]
    return re.sub(" +", "_", "".join(kept)).lstrip(".-").rstrip(".")[:60]


def _key(lms, text):
    """A number in one spelling. Moodle writes `Participant 13`, in the user's language."""
    text = cell(text).removeprefix("#").casefold()
    if lms == "moodle" and (numbered := re.fullmatch(r"[^\d,]*?(\d+)", text)):
        return numbered[1]
    return text


def _time(text):
    """A time as Moodle writes it in English; None for anything else."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        with suppress(ValueError):
            return datetime.strptime(text, form)
    return None


def _names(header, rows, wanted):
    """A function: row -> ((first name, last name), the spellings that an archive may have)."""
    first = next((title for title in _FIRST if title in header), None)
    last = next((title for title in _LAST if title in header and title != first), None)
    pairs = [(first, last)] if first and last else list(pairwise(header))
    spelled = [lambda row, a=a, b=b: [row[a] + row[b], row[b] + row[a]] for a, b in pairs]
    spelled += [lambda row, t=t: [row[t], "".join(reversed(row[t].split(",")))] for t in header]
    hits = [sum(bool({*map(squashed, get(row))} & wanted) for row in rows) for get in spelled]
    best = spelled[hits.index(max(hits))] if max(hits) else None
    full = next((t for t in ("name", "student", "full name", "student name") if t in header), None)
    if full is None:
        like_names = {t: sum(_is_name(row[t]) for row in rows) for t in header}
        full = max(header, key=like_names.get)
        full = full if 2 * like_names[full] >= len(rows) else None

    def name_of(row):
        split = split_name(row[full]) if full else ("", "")
        split = (row[first], row[last]) if first and last else split
        return split, {*filter(None, map(squashed, best(row) if best else ()))}

    return name_of


def _is_name(text):
    """Whether it looks like a name of two words."""
    words = re.search(r"[^\W\d_]{2}", text) and re.search(r"\S[ ,]+\S", text)
    return bool(words) and not re.search(r"[\d@:]", text)


def split_name(name):
    """(first name, last name): at the comma, else the last word is the last name."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.strip().rpartition(" ")
    return first.strip(), last.strip()
