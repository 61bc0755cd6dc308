"""An LMS's archive taken in: who handed in what, told by content and by the LMS's own file names.

The student is known by the outermost part of the path, which the LMS wrote, never by what stands
behind it or in the file; the assignment by the grade ids in the notebook, never by the file's name.
"""

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import yaml
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from course.grading import CourseError
from course.grading.archives import Unreadable, opened
from course.grading.course_folder import write_atomically
from course.grading.notebooks import read_notebook
from course.grading.repair import grade_ids

#: LMS: (its name, how it names files, the same as a pattern of the whole path).
LMS = {
    "canvas": (
        "Canvas",
        "name_number_number_file.ipynb",
        r"(?P<name>\w+?)_(?P<late>LATE_)?(?P<id>[0-9]{1,19})_(?P<number>[0-9]{1,19})_(?P<file>[^/]+)",
    ),
    "moodle": (
        "Moodle",
        "Name_number_assignsubmission_file/file.ipynb",
        r"(?P<name>[^/_]+)_(?P<id>[0-9]+)_assignsubmission_file(?:_?/|_)(?P<file>.+)",
    ),
    "gradescope": (
        "Gradescope",
        "submission_number/file.ipynb",
        r"(?P<folder>submission_[0-9]+)/(?P<file>.+)",
    ),
    "blackboard": (
        "Blackboard",
        "assignment_username_attempt_date_file.ipynb",
        r"(?P<name>[^/]+?)_attempt_(?P<date>[0-9]{4}(?:-[0-9]{2}){5})_(?P<file>[^/]+)",
    ),
    "brightspace": (
        "Brightspace",
        "number-number - Name - date/file.ipynb",
        r"(?P<id>[0-9]+)-[0-9]+ ?- (?P<name>[^/]+?) ?- (?P<date>[^/-]*[0-9]{4}[^/-]*?)"
        r"(?:/| - )(?P<file>.+)",
    ),
    "classroom": (
        "Google Classroom",
        "Name - file.ipynb",
        r"(?:Copy of )*(?P<name>[^/]+?) - (?P<file>[^/]+)",
    ),
    "folders": ("plain folders", "student/file.ipynb", r"(?P<name>[^/]+)/(?P<file>.+)"),
}
_GENERAL = ("classroom", "folders")  # their patterns fit much that others wrote
_METADATA = "submission_metadata.yml"

# Columns of a roster, as LMSs call them in their exports: what becomes the student's id, and
# what each LMS's archive knows students by. A column lms_user_id is for any LMS.
_ID_COLUMNS = (
    "student_id", "student id", "id number", "sid", "orgdefinedid", "sis user id", "sis login id",
    "username", "email", "email address",
)  # fmt: skip
_KEY_COLUMNS = {
    "canvas": ("id",),
    "moodle": ("identifier",),
    "gradescope": ("sid", "email", "email address"),
    "blackboard": ("username",),
    "folders": (*_ID_COLUMNS, "id"),
}


@dataclass
class Report:
    """What was taken in and what was not, with reasons."""

    lms: str | None = None  # a key of LMS
    taken: list = field(default_factory=list)  # (student, assignment, file name in the archive)
    skipped: list = field(default_factory=list)  # (file name in the archive, reason)
    notes: list = field(default_factory=list)  # (file name, or "" for the whole archive, text)
    unimportant: int = 0  # files that an operating system left behind


@dataclass(frozen=True)
class _Student:
    id: str  # if no roster says otherwise
    name: str
    keys: tuple = ()  # what a roster may know the student by
    number: str | None = None  # for the way back to the LMS

    def __str__(self):
        return f"{self.name} ({self.number})" if self.number else self.name


@dataclass
class _File:
    entry: object
    students: list
    when: datetime | None
    number: int  # Canvas's running number of files
    name: str  # as the student called it
    assignment: str = ""
    notebook: str = ""
    note: str | None = None

    @property
    def age(self):
        return self.number, self.when or datetime.min.replace(tzinfo=UTC)


def collect(course, archive, only=None, lms=None, roster=None):
    """Put every notebook of an archive or folder into submitted/<student>/<assignment>/.

    `only` keeps one assignment, `lms` is one of LMS (default: told by the names), and `roster` is a
    CSV file that says which student the LMS means. Of several notebooks of one student the newest
    is taken. A notebook that cannot be read is taken as well, if it can be told which one it is, so
    that grading lists it. Running it again with the same archive changes nothing.

    Raises CourseError for a file that is no archive, an LMS that cannot be told, and a roster that
    cannot be read.
    """
    course.chosen([only] if only else [])
    known = _Known(course)
    with opened(archive) as (entries, unimportant):
        report = Report(unimportant=unimportant)
        report.skipped += [(entry.path, entry.problem) for entry in entries if entry.problem]
        notebooks = [entry for entry in entries if not entry.problem]
        if not notebooks:
            return report
        report.lms = lms or _detected(archive, [entry.path for entry in notebooks])
        if lms is None:
            report.notes.append(("", f"Taken for files of {LMS[report.lms][0]}."))
        files = _handed_in(report, archive, entries, notebooks)
        files = _with_ids(report, files, roster)
        found = defaultdict(list)
        for file in files:
            reason = known.recognise(file, only)
            if reason:
                report.skipped.append((file.entry.path, reason))
                continue
            for student in file.students:
                found[student.id, file.assignment, file.notebook].append((student, file))
        newest = [_newest(report, handed_in) for handed_in in found.values()]
        _save(course, sorted(filter(None, newest), key=lambda pair: pair[0].id), report)
    return report


# --- which LMS, and whose file


def _matches(lms, paths):
    """{path: match}. One folder around everything is left out if nothing fits otherwise."""
    pattern = re.compile(LMS[lms][2])
    found = {path: match for path in paths if (match := pattern.fullmatch(path))}
    around = {path.partition("/")[0] for path in paths}
    if not found and len(around) == 1:
        inside = {path: path.partition("/")[2] for path in paths}
        found = {p: match for p in paths if (match := pattern.fullmatch(inside[p]))}
    return found


def _detected(archive, paths):
    fits = {lms: _matches(lms, paths) for lms in LMS}
    likely = [lms for lms in fits if 2 * len(fits[lms]) > len(paths)]
    likely = [lms for lms in likely if lms not in _GENERAL] or likely
    most = max((len(fits[lms]) for lms in likely), default=0)
    best = [lms for lms in likely if len(fits[lms]) == most]
    # Drive packs a folder around everything: several students in it, or one with a folder?
    if best == ["classroom", "folders"] and len({m["name"] for m in fits[best[0]].values()}) > 1:
        best = ["classroom"]
    if len(best) == 1:
        return best[0]
    names = " or ".join(best) or "none of the known"
    raise CourseError(
        f"It cannot be told which LMS wrote {archive}: files like {paths[0]!r} could be from "
        f"{names}. Name it with --from ({', '.join(LMS)}), or put each student's files into a "
        "folder with the student's id as its name, and use --from folders."
    )


def _handed_in(report, archive, entries, notebooks):
    """A _File for each notebook that the LMS says is a student's."""
    lms, by_path = report.lms, {entry.path: entry for entry in entries}
    title, named, _ = LMS[lms]
    matches = _matches(lms, [entry.path for entry in notebooks])
    if lms == "folders":
        _check_folders(archive, matches)
    metadata = _metadata(archive, by_path, matches) if lms == "gradescope" else {}
    files = []
    for entry in notebooks:
        match = matches.get(entry.path)
        if match is None:
            reason = f"is not named as {title} names files ({named})"
            report.skipped.append((entry.path, reason))
            continue
        got = match.groupdict()
        when, number = _date(lms, got.get("date")), 0
        if lms == "canvas":
            students, number = _on_canvas(got), int(got["number"])
        elif lms == "blackboard":
            students = [_on_blackboard(got, entry.path, by_path)]
        elif lms == "gradescope":
            students, when = metadata.get(got["folder"], ([], None))
        elif lms == "classroom":
            students = [_Student(_squashed(got["name"]), got["name"])]
        elif lms == "folders":
            students = [_Student(got["name"], got["name"], (got["name"],))]
        else:  # Moodle, Brightspace
            students = [_numbered(got["name"], got["id"])]
        if students:
            files.append(_File(entry, students, when or entry.when, number, got["file"]))
        else:
            report.skipped.append((entry.path, f"{_METADATA} does not say whose it is"))
    return files


def _numbered(name, number):
    return _Student(f"{_squashed(name)}_{number}", name, (number,), number)


def _on_canvas(got):
    """The student; two if Canvas's name for the file can be read in two ways.

    Names may contain _ and digits, so that one could end like the start of somebody else's file.
    """
    readings = [(got["name"], got["id"])]
    if not got["late"] and re.match(r"[1-9][0-9]{4,18}_", got["file"]):
        readings.append((f"{got['name']}_{got['id']}", got["number"]))
    return [_Student(f"{name}_{number}", name, (number,), number) for name, number in readings]


def _check_folders(archive, matches):
    around = {match["name"] for match in matches.values()}
    inside = {m["file"].partition("/")[0] for m in matches.values() if "/" in m["file"]}
    if len(around) == 1 and len(inside) > 1:
        raise CourseError(
            f"Everything in {archive} lies in one folder, {around.pop()!r}, so all of it would be "
            "one student's. Unpack it, and hand over the folder that has a folder for each student."
        )


def _on_blackboard(got, path, by_path):
    """The student of `assignment_username`, both of which may contain _.

    Blackboard puts a text beside each attempt that begins with `Name: Jane Doe (username)`.
    """
    name, said = got["name"], None
    if about := by_path.get(path.removesuffix(f"_{got['file']}") + ".txt"):
        with suppress(Unreadable):
            line = about.read().partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
            said = re.fullmatch(r"Name: .*\((\S+)\)", line)
    if said and f"_{name}".endswith(f"_{said[1]}"):
        return _Student(said[1], name, (said[1],), said[1])
    parts = name.split("_")
    keys = tuple("_".join(parts[n:]) for n in reversed(range(len(parts))))
    return _Student(keys[0], name, keys, keys[0])


def _metadata(archive, by_path, matches):
    """{folder: (students, date)} as Gradescope has written it."""
    if not matches:
        return {}
    path, match = next(iter(matches.items()))
    # Only the one beside the folders: what lies in them is the students'.
    entry = by_path.get(path.removesuffix(match.string) + _METADATA)
    try:
        if entry is None:
            raise ValueError("there is none")
        data = yaml.load(entry.read(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return {folder: _submission(about) for folder, about in data.items()}
    except (Unreadable, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise CourseError(
            f"{archive} needs Gradescope's {_METADATA} beside the folders; it says whose they are "
            f"({error}). Use Gradescope's Export Submissions, and hand over the file as it is."
        ) from None


def _submission(about):
    students = []
    for person in about.get(":submitters") or ():
        sid, email, name = (str(person.get(key) or "") for key in (":sid", ":email", ":name"))
        if keys := tuple(filter(None, (sid, email))):
            students.append(_Student(keys[0], name, keys, keys[0]))
    when = about.get(":created_at")
    if not isinstance(when, datetime):
        return students, None
    return students, when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _date(lms, text):
    """The date that an LMS writes into a name, taken as UTC; None if it is none."""
    with suppress(ValueError):
        if lms == "blackboard":
            return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        if lms == "brightspace":  # Sep 24, 2024 926 PM
            month, day, year, time, half = text.replace(",", "").split()
            text = f"{month[:3]} {day} {year} {time.zfill(4)} {half}"
            return datetime.strptime(text, "%b %d %Y %I%M %p").replace(tzinfo=UTC)
    return None


# --- ids


class _Roster:
    """A CSV file with a line for each student: an LMS's own export, or one that was written.

    The first of _ID_COLUMNS that is there (else the first column) is what the student is called
    here. The others say what the LMS calls the student.
    """

    def __init__(self, path, lms):
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CourseError(
                f"The roster {path} cannot be read ({error}). It should be a CSV file in UTF-8."
            ) from None
        first = text.partition("\n")[0]
        table = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
        header = [title.strip().casefold() for title in table[0]] if table else []
        rows = [dict(zip(header, map(str.strip, row), strict=False)) for row in table[1:]]
        if len(header) < 2 or not rows:
            raise CourseError(
                f"The roster {path} should have a first line with names of columns, and a line "
                "for each student: the id that you want, and the LMS's number or the name."
            )
        filled = [title for title in _ID_COLUMNS if any(row.get(title) for row in rows)]
        own = (filled or header)[0]
        keys = {"lms_user_id", *_KEY_COLUMNS.get(lms, ())} & set(header) or set(header) - {own}
        self.path, self.by_key, self.by_name = path, defaultdict(set), defaultdict(set)
        for row in rows:
            student = row.get(own, "").removeprefix("#")  # Brightspace writes #123
            if not student:  # such as Canvas's line of possible points
                continue
            for value in filter(None, (row.get(key) for key in keys)):
                self.by_key[_key(value)].add(student)
            for name in filter(None, map(_squashed, _names(row))):
                self.by_name[name].add(student)
        self.keyed = False  # whether the archive's numbers stand in it

    def knows(self, student):
        """Whether a number of the student's stands in it."""
        return any(_key(key) in self.by_key for key in student.keys)

    def find(self, student):
        """Ids of those who the LMS could mean. Names, which many LMSs let students change, count
        only where the roster has no numbers."""
        found = set().union(*(self.by_key.get(_key(key), ()) for key in student.keys))
        return found if self.keyed else found or self.by_name.get(_squashed(student.name), set())


def _key(text):
    return text.removeprefix("#").removeprefix("Participant ").casefold()


def _names(row):
    for title in ("name", "student", "full name", "student name"):
        yield row.get(title) or ""
        yield "".join(reversed((row.get(title) or "").split(",")))  # Doe, Jane
    first = row.get("first name") or row.get("first_name") or ""
    last = row.get("last name") or row.get("last_name") or ""
    yield first + last
    yield last + first


def _with_ids(report, files, roster):
    """The files whose students are known, each student with the id that it will have."""
    if roster:
        roster = _Roster(roster, report.lms)
        roster.keyed = any(roster.knows(s) for file in files for s in file.students)
    elif report.lms == "moodle":
        report.notes.append((
            "", "Moodle's numbers differ from one assignment to the next, and so do the ids made "
            "of them. Its grading worksheet, handed over with --roster, says who is who.",
        ))  # fmt: skip
    people = defaultdict(set)
    for file in files:
        file.students, reasons = _identified(report.lms, file.students, roster)
        report.skipped += [(file.entry.path, reason) for reason in reasons]
        for safe, student in file.students:
            people[safe.casefold()].add(student)
    # Nobody's work may end up under somebody else's id.
    for file in files:
        students, file.students = file.students, []
        for safe, student in students:
            same = people[safe.casefold()]
            if len(same) == 1:
                file.students.append(replace(student, id=safe))
            else:
                who = " and ".join(sorted(map(str, same)))
                reason = f"{who} would both be {safe}; say who is who with --roster"
                report.skipped.append((file.entry.path, reason))
    return [file for file in files if file.students]


def _identified(lms, students, roster):
    """([(id, student)], reasons why others are not among them)."""
    if lms == "canvas" and len(students) > 1:
        certain = [student for student in students if roster and roster.knows(student)]
        if len(certain) != 1:
            ids = " or ".join(student.id for student in students)
            return [], [f"could be from {ids}; say who is who with --roster"]
        students = certain
    known, reasons = [], []
    for student in students:
        ids = roster.find(student) if roster else {student.id}
        if len(ids) != 1:
            how = "not" if not ids else "more than once"
            reasons.append(f"{student} is {how} in the roster {roster.path}")
        elif safe := _safe(*ids):
            known.append((safe, student))
        else:
            reasons.append(f"{student} has no name that can be an id")
    return known, reasons


def _safe(text):
    """The text as a folder's name and an id of nbgrader's; "" if nothing is left."""
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"[^\w.@-]+", "_", text).lstrip(".-").rstrip(".")[:60]


def _squashed(name):
    """A name as Canvas writes it: no blanks, no signs, no capitals."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name)).casefold()


# --- which assignment


class _Known:
    """The course's notebooks, by their grade ids and by their names."""

    def __init__(self, course):
        self.by_id, self.notebooks = {}, []
        for assignment in course.assignments():
            for path in course.notebooks(assignment):
                self.notebooks.append((assignment, path.stem))
                for name in grade_ids(nbformat.read(path, 4)):
                    self.by_id[name] = (assignment, path.stem)

    def recognise(self, file, only):
        """Fill in the file's assignment and notebook. Returns the reason if it is not wanted."""
        try:
            content = file.entry.read()
        except Unreadable as error:
            return str(error)
        nb, reason = read_notebook(content)
        if nb is not None:
            homes = Counter(self.by_id[name] for name in grade_ids(nb) if name in self.by_id)
            if not homes:
                return "holds no exercise of this course"
            home = homes.most_common(1)[0][0]
        else:
            home = self._by_name(file.name, only)
            if home is None:
                return (
                    f"{reason}; its name does not say which assignment it is, so name that with "
                    "--assignment, or ask for the file again"
                )
            file.note = f"{reason}; it was taken as it is, and grading will list it as not graded"
        file.assignment, file.notebook = home
        if only and file.assignment != only:
            return f"belongs to {file.assignment}"
        return None

    def _by_name(self, name, only):
        """The notebook that a broken file was, by a word of its name, or the only one asked for."""
        words = {home: rf"(?<![^\W_]){re.escape(home[1])}(?![^\W_])" for home in self.notebooks}
        found = [home for home in words if re.search(words[home], name, re.IGNORECASE)]
        found = found or [home for home in self.notebooks if home[0] == only]
        return found[0] if len(found) == 1 else None


# --- the newest, written


def _newest(report, handed_in):
    """The newest (student, file) of one notebook; the others are reported."""
    handed_in = sorted(handed_in, key=lambda pair: pair[1].age)
    student, best = handed_in[-1]
    if report.lms == "classroom" and len({file.entry.read() for _, file in handed_in}) > 1:
        # In a folder of Drive students name the files, so the newest could be anybody's.
        for _, file in handed_in:
            others = ", ".join(f.entry.path for _, f in handed_in if f is not file)
            reason = f"bears the same name as {others}, and it cannot be told whose they are"
            report.skipped.append((file.entry.path, reason))
        return None
    for _, file in handed_in[:-1]:
        how = "is newer" if best.age > file.age else "was taken, which has the same date"
        report.skipped.append((file.entry.path, f"{best.entry.path} {how}"))
    return student, best


def _save(course, handed_in, report):
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        for student, file in handed_in:
            folder = course.path("submitted", file.assignment, student.id)
            target, stamp = folder / f"{file.notebook}.ipynb", folder / "timestamp.txt"
            content = file.entry.read()
            other = target.exists() and target.read_bytes() != content
            before = _read_stamp(stamp) if other else None
            if before and file.when and before > file.when:
                reason = f"{student.id} has a newer one in submitted/; delete that to take this one"
                report.skipped.append((file.entry.path, reason))
                continue
            folder.mkdir(parents=True, exist_ok=True)
            _write(target, content)
            if file.when:
                _write(stamp, file.when.strftime("%Y-%m-%d %H:%M:%S UTC\n").encode())
            given = {"lms_user_id": student.number} if student.number else {}
            gradebook.update_or_create_student(student.id, **given)
            report.taken.append((student.id, file.assignment, file.entry.path))
            if file.note:
                report.notes.append((file.entry.path, file.note))


def _read_stamp(path):
    try:
        return parse_utc(path.read_text().strip()).replace(tzinfo=UTC)
    except (OSError, ValueError, AttributeError):
        return None


def _write(path, content):
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
