"""The columns of a roster: which hold the LMS's numbers, the students' ids, and their names.

LMSs write column titles in the user's language. Known titles are used as they are. Any other column
is recognised by its contents: the numbers or names that also occur in the archive.
"""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

from course.grading.inbox.lms import GENERAL, LMS, PER_ASSIGNMENT, squashed
from course.grading.inbox.spreadsheet import cell, number

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
_FULL = ("name", "student", "full name", "student name")
#: Titles that no student's line has.
KNOWN_TITLES = {*_ID_COLUMNS, *_FIRST, *_LAST, *_FULL, "lms_user_id"}
CANVAS_TITLES = {"student", "id", "section"}  # Canvas's own list has these, and more


class Columns:
    """What each line of a roster says about a student.

    `rows` are the lines, {title: text}; `lms` is a key of LMS, or None without an archive; `keys`
    and `names` are those of the archive's students. A name stands in one column, or in two.
    """

    def __init__(self, rows, lms, keys, names):
        self.rows, self.titles = rows, list(rows[0])
        self.lms, self.with_keys = (lms, self._keys(lms, keys)) if lms else self._recognised()
        self._with_ids = self._ids()  # the best one first
        self._with_name = self._names()
        self._spelled = self._spelled_as(names)  # where names stand as the archive has them
        self._times = Counter(squashed(" ".join(self.name(row))) for row in rows)

    # --- of one line

    def keys(self, row):
        """The numbers or names of a student in the LMS, each in one spelling."""
        return [key_of(self.lms, row[title]) for title in self.with_keys if row[title]]

    def id(self, row):
        """The student's id. Else the LMS's number, or the name if its numbers do not last."""
        for title in self._with_ids:
            if own := safe_id(row[title].removeprefix("#")):
                return own
        keys = self.keys(row)
        if not keys or self.lms not in PER_ASSIGNMENT:
            return safe_id(min(keys, default=""))
        if not self._with_name:  # an anonymous worksheet: the same id as from the archive alone
            return f"{squashed(row[self.with_keys[0]].rpartition(keys[0])[0])}_{keys[0]}"
        name = squashed(" ".join(self.name(row)))
        return safe_id(name) if self._times[name] == 1 else ""

    def name(self, row):
        """(first name, last name)"""
        parts = [row[title] for title in self._with_name]
        return parts if len(parts) == 2 else split_name("".join(parts))

    def spellings(self, row):
        """The student's name, squashed, as the archive may have it."""
        return _spellings(row, self._spelled) - {""}

    # --- which column is which

    def _known(self, titles):
        return [title for title in titles if title in self.titles]

    def _filled(self, title):
        return [row[title] for row in self.rows if row[title]]

    def _keys(self, lms, keys):
        """The columns with the numbers or names that the archive uses for students."""
        known = self._known(("lms_user_id", *_KEY_COLUMNS.get(lms, ())))
        hits = {t: len({key_of(lms, row[t]) for row in self.rows} & keys) for t in self.titles}
        if any(hits[title] for title in known):
            return known
        best = max(hits.values())
        return [title for title in self.titles if best and hits[title] == best] or known

    def _recognised(self):
        """(the LMS whose numbers the roster has, the columns with them), without an archive."""
        first = self.titles[0]
        alike = first not in _ID_COLUMNS and are_participants(row[first] for row in self.rows)
        if alike and (not self._are_ids(first) or self._grades()):
            return "moodle", [first]
        known = self._keys("folders", set())
        own = [lms for lms in LMS if lms not in GENERAL]
        named = [(lms, [title]) for lms in own for title in self.titles if lms in title]
        return named[0] if named and not known else ("folders", known)

    def _grades(self):
        """The columns with grades, as in Moodle's worksheet.

        The column after one of them has the highest grade, which is the same in all rows.
        """
        grades = {title: [*map(number, self._filled(title))] for title in self.titles}
        return [
            title
            for title, after in pairwise(self.titles)
            if None not in (*grades[title], *grades[after])
            and len(set(grades[after])) == 1
            and max(grades[title], default=0) <= grades[after][0]
        ]

    def _ids(self):
        """The columns that hold students' ids, the best one first."""
        if known := list(filter(self._filled, self._known(_ID_COLUMNS))):
            return known
        lasting = [] if self.lms in PER_ASSIGNMENT else self.with_keys
        if CANVAS_TITLES.issubset(self.titles):
            return lasting  # other columns with numbers have grades
        others = [*self.with_keys, *self._grades()]
        alike = [t for t in self.titles if t not in others and self._are_ids(t)]
        alike.sort(key=lambda title: any("@" in text for text in self._filled(title)))
        first = self.titles[0]
        names = first in (*_FIRST, *_LAST) or any(" " in text for text in self._filled(first))
        if not (alike or names or first in self.with_keys):
            alike = [first]
        return [*alike, *lasting]

    def _are_ids(self, title):
        """Whether a column is mostly filled, without duplicates, with words that have digits."""
        filled = self._filled(title)
        return 2 * len(filled) >= len(self.rows) and len(set(filled)) == len(filled) and all(
            re.fullmatch(r"#?[\w.@+-]*[\d@][\w.@+-]*", text)
            and not re.fullmatch(r"\d+[.,]\d+|\d{1,4}([-./])\d{1,2}\1\d{1,4}", text)
            for text in filled
        )  # fmt: skip

    def _names(self):
        """The columns of first and last names, else that of full names, else one that looks so."""
        first, last, full = (self._known(titles)[:1] for titles in (_FIRST, _LAST, _FULL))
        if first and last:
            return [*first, *last]
        alike = {title: len({*filter(_is_name, self._filled(title))}) for title in self.titles}
        best = max(alike, key=alike.get)
        return full or ([best] if 2 * alike[best] >= len(self.rows) else [])

    def _spelled_as(self, names):
        """The column, or the two, with most names as the archive has them; [] if there are none."""
        pairs = [self._with_name] if len(self._with_name) == 2 else pairwise(self.titles)
        places = [*pairs, *([title] for title in self.titles)]
        hits = [sum(bool(_spellings(row, place) & names) for row in self.rows) for place in places]
        return places[hits.index(max(hits))] if any(hits) else []


def key_of(lms, text):
    """A number in one spelling. Moodle writes `Participant 13`, in the user's language."""
    text = cell(text).removeprefix("#").casefold()
    if lms == "moodle" and (numbered := re.fullmatch(r"[^\d,]*?(\d+)", text)):
        return numbered[1]
    return text


def are_participants(names):
    """Whether Moodle calls participants so: by one word and a number, in any language."""
    words = {found and found[1] for found in (re.fullmatch(r"([^\d,]+)\d+", n) for n in names)}
    return len(words) == 1 and None not in words


def safe_id(text):
    """A text made fit for nbgrader's id and a folder's name; "" if nothing is left."""
    text = unicodedata.normalize("NFC", text).strip()
    kept = [c if c in "_.@-" or unicodedata.category(c)[0] in "LMN" else " " for c in text]
    return re.sub(" +", "_", "".join(kept)).lstrip(".-").rstrip(".")[:60]


def split_name(name):
    """(first name, last name): at the comma, else the last word is the last name."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.strip().rpartition(" ")
    return first.strip(), last.strip()


def _is_name(text):
    """Whether it looks like a name of two words."""
    words = re.search(r"[^\W\d_]{2}", text) and re.search(r"\S[ ,]+\S", text)
    return bool(words) and not re.search(r"[\d@:]", text)


def _spellings(row, columns):
    """A name of one column or two, squashed, in both orders: Canvas has Bo Li as libo."""
    parts = [row[title] for title in columns]
    if len(parts) == 1:
        parts = split_name(parts[0])
    return {squashed("".join(parts)), squashed("".join(reversed(parts)))}
