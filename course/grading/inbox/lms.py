"""How each LMS names the files in its archive: whose a file is, and when it was handed in.

The student follows from the outermost part of the path, which the LMS wrote; students choose the
rest. Only times that the LMS itself gives are used. The dates in Canvas's and Drive's archives are
those of packing, and those of plain folders are those of copying.
"""

import re
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import yaml

from course.grading import CourseError
from course.grading.inbox.archives import Unreadable

# Canvas leaves ASCII signs and blanks out of names. Beyond ASCII, names have combining marks too.
_NAME = r"[^\x00-/:-@\[-^`{-\x7f\s]+?"


class Naming(NamedTuple):
    """How an LMS names the files in its archive."""

    title: str  # of the LMS
    example: str
    pattern: str  # of the whole path


#: {LMS: how it names files}
LMS = {
    "canvas": Naming(
        "Canvas",
        "name_number_number_file.ipynb",
        rf"(?P<name>{_NAME})_(?P<late>LATE_)?(?P<id>[0-9]{{1,19}}|(?<=^anon_)[0-9A-Za-z]{{1,19}}"
        r"|(?<=^anon_LATE_)[0-9A-Za-z]{1,19})_(?P<number>[0-9]{1,19})_(?P<file>[^/]+)",
    ),
    "moodle": Naming(
        "Moodle",
        "Name_number_assignsubmission_file/file.ipynb",
        r"(?P<name>[^/_]+)_(?P<id>[0-9]+)_assignsubmission_(?:file|onlinetext)(?:_?/|_)(?P<file>.+)",
    ),
    "gradescope": Naming(
        "Gradescope", "submission_number/file.ipynb", r"(?P<folder>submission_[0-9]+)/(?P<file>.+)"
    ),
    "blackboard": Naming(
        "Blackboard",
        "assignment_username_attempt_date_file.ipynb",
        r"(?P<name>[^/]+?)_attempt_(?P<date>[0-9]{4}(?:-[0-9]{2}){5})_(?P<file>[^/]+)",
    ),
    "brightspace": Naming(
        "Brightspace",
        "number-number - Name - date/file.ipynb",
        r"(?P<id>[0-9]+)-[0-9]+ ?- (?P<name>[^/]+?) ?- (?P<date>[^/-]*[0-9]{4}[^/-]*?)"
        r"(?:/| - )(?P<file>.+)",
    ),
    "classroom": Naming(
        "Google Classroom",
        "Name - file.ipynb",
        # Drive puts these words in front of a copy's name, in the user's language.
        r"(?:(?:Copy of|Kopie v[ao]n|Copi[ea] d[ei]|Cópia de|Kopia av) )*"
        r"(?P<name>[^/]+?) - (?P<file>[^/]+)",
    ),
    "folders": Naming("plain folders", "student/file.ipynb", r"(?P<name>[^/]+)/(?P<file>.+)"),
}
#: LMSs that give participants other numbers in each assignment.
PER_ASSIGNMENT = ("moodle",)
GENERAL = ("classroom", "folders")  # their patterns fit many files of other LMSs too
_LOCAL = ("moodle", "blackboard", "brightspace")  # their times are local, without a time zone
_METADATA, _SAKAI = "submission_metadata.yml", "Submission attachment(s)"  # files; a folder


@dataclass(frozen=True)
class Student:
    """Somebody whom an archive names."""

    id: str  # unless a roster gives another one
    name: str  # as in the archive, for messages and for rosters without numbers
    keys: tuple = ()  # numbers or names by which a roster may list the student
    number: str | None = None  # the LMS's number, for the export of grades
    full_name: str = ""  # if the archive has it as people write it

    def __str__(self):
        return f"{self.name} ({self.number})" if self.number else self.name


@dataclass
class File:
    """A file that a student handed in, a notebook or not."""

    entry: object
    students: list
    name: str  # as the student called it
    reason: str | None = None  # why it cannot be read as a notebook
    when: datetime | None = None  # time of the hand-in in UTC; None if the LMS does not give it
    wall: datetime | None = None  # the same time as the LMS writes it, without a time zone
    late: bool = False  # the LMS has marked it as late
    number: int = 0  # Canvas's running number of files
    assignment: str = ""
    notebook: str = ""
    broken: str | None = None  # what is wrong with it, if it is named as a notebook

    @property
    def order(self):
        """[number, time as text], fit for JSON: the greater one was handed in later."""
        when = self.wall or self.entry.when or datetime.min
        return [self.number, when.isoformat(sep=" ", timespec="seconds")]


class Clock:
    """The time zone of times that an LMS gives without one."""

    def __init__(self, name, source):
        self.zone = None
        if name:
            try:
                self.zone = ZoneInfo(name)
            except (ValueError, OSError, KeyError):
                raise CourseError(
                    f"{source} names an unknown time zone: {name!r}. Name one by continent and "
                    "city, such as Europe/Berlin or America/New_York."
                ) from None
        here = f"{time.tzname[0]}, this machine's time zone; --timezone names another"
        self.name = f"{name}, as {source} says" if name else here

    def utc(self, when):
        """A local time in UTC. In the hour that comes twice a year, the first one is meant."""
        return (when.replace(tzinfo=self.zone) if self.zone else when.astimezone()).astimezone(UTC)

    def shown(self, when):
        """A time in UTC as local time with its offset from UTC, as text."""
        return f"{when.astimezone(self.zone):%Y-%m-%d %H:%M:%S %z}"


def matches(lms, paths):
    """{path: match} of the paths that fit an LMS's pattern.

    If none fits and one folder lies around all files, it is ignored.
    """
    pattern = re.compile(LMS[lms].pattern)
    found = {path: match for path in paths if (match := pattern.fullmatch(path))}
    around = {path.partition("/")[0] for path in paths}
    if not found and len(around) == 1:
        inside = {path: path.partition("/")[2] for path in paths}
        found = {p: match for p in paths if (match := pattern.fullmatch(inside[p]))}
    return found


def detected(archive, paths):
    """The LMS that names files like these. Raises CourseError if several could, or none."""
    fits = {lms: matches(lms, paths) for lms in LMS}
    likely = [lms for lms in fits if 2 * len(fits[lms]) > len(paths)]
    likely = [lms for lms in likely if lms not in GENERAL] or likely
    most = max((len(fits[lms]) for lms in likely), default=0)
    best = [lms for lms in likely if len(fits[lms]) == most]
    # Drive packs a folder around everything. So "folder/Ada - lenet.ipynb" may be the file of a
    # student Ada in Classroom, or a file in the folder of one student. Several names decide it.
    if best == ["classroom", "folders"] and len({m["name"] for m in fits[best[0]].values()}) > 1:
        best = ["classroom"]
    if len(best) == 1:
        return best[0]
    names = " or ".join(best) or "none of the known"
    raise CourseError(
        f"It is not clear which LMS wrote {archive}: files like {paths[0]!r} could be from "
        f"{names}. Name it with --from ({', '.join(LMS)}), or put each student's files into a "
        "folder with the student's id as its name, and use --from folders."
    )


def handed_in(lms, archive, entries, clock):
    """(the students' files by the LMS's pattern, as a list of File; the other entries).

    Raises CourseError for an archive that lacks the LMS's metadata, or folders of students.
    """
    by_path = {entry.path: entry for entry in entries if not entry.problem}
    found = matches(lms, list(by_path))
    if lms == "folders":
        _check_folders(archive, found)
    metadata = _metadata(archive, by_path, found) if lms == "gradescope" else {}
    anonymous = lms == "canvas" and all(match["name"] == "anon" for match in found.values())
    files, others = [], []
    for entry in entries:
        path = entry.path
        if entry.problem or path not in found:
            others.append(entry)
            continue
        got = found[path].groupdict()
        wall, number = _date(lms, got.get("date")), 0
        when = wall and clock.utc(wall)
        if lms == "canvas":
            students, number = _on_canvas(got, anonymous), int(got["number"])
        elif lms == "blackboard":
            students = [_on_blackboard(got, path, by_path)]
        elif lms == "gradescope":
            students, when = metadata.get(got["folder"], ([], None))
            wall = when and when.replace(tzinfo=None)
        elif lms == "classroom":
            students = [Student(squashed(got["name"]), got["name"], full_name=got["name"])]
        elif lms == "folders":
            students = [Student(got["name"], got["name"], (got["name"],))]
        elif lms == "brightspace":
            students = [_on_brightspace(got["name"], got["id"])]
        else:  # Moodle
            name, id_ = got["name"], got["id"]
            students = [Student(f"{squashed(name)[:40]}_{id_}", name, (id_,), id_, name)]
        if lms == "moodle" and entry.when:
            when = clock.utc(entry.when)
        late = bool(got.get("late"))
        for inner, reason in _opened(entry):
            name = inner.path.removeprefix(path).lstrip("/") or got["file"]
            file = File(inner, students, name, reason, when, wall, late, number)
            if not students:
                file.reason = f"{_METADATA} does not say whose it is"
            files.append(file)
    return files, others


def times_are_local(lms, files):
    """Whether the archive has times without a time zone."""
    return lms in _LOCAL and any(file.when for file in files)


def _opened(entry):
    """[(entry, why it is no notebook, or None)] for a file, or for the files in a zip file."""
    reason = entry.reason()
    if reason or not entry.holds_files():
        return [(entry, reason)]
    try:
        inner = entry.files()
    except Unreadable as error:
        return [(entry, str(error))]
    if all(reason for _, reason in inner):
        said = [f": {e.path} {reason}" for e, reason in inner if e.is_notebook or e.is_zip]
        return [(entry, f"holds no notebook that can be read{said[0] if said else ''}")]
    return [(e, reason) for e, reason in inner if e.is_notebook or not reason]


def _on_canvas(got, anonymous):
    """[the student], or two if Canvas's name for the file can be read in two ways.

    Names may contain _ and digits. So it may be unclear where the student's name ends and where the
    number, or the name of the file, begins.
    """
    if anonymous or not got["id"].isdigit():  # an anonymous file
        return [Student(f"anon_{got['id']}", f"anon_{got['id']}", (got["id"],))]
    readings = [(got["name"], got["id"])]
    if not got["late"] and re.match(r"[1-9][0-9]{4,18}_", got["file"]):
        readings.append((f"{got['name']}_{got['id']}", got["number"]))
    return [Student(f"{name[:40]}_{number}", name, (number,), number) for name, number in readings]


def _on_brightspace(name, number):
    """The student of a name before which some universities let Brightspace write the id.

    That id stands in the file of grades (OrgDefinedId), too; the number in front does not.
    """
    own, between, rest = name.partition(" - ")
    if not (between and re.fullmatch(r"\w*[0-9]\w*", own)):
        return Student(f"{squashed(name)[:40]}_{number}", name, (number,), number, name)
    return Student(f"{squashed(rest)[:40]}_{own}", rest, (own, number), own, rest)


def _check_folders(archive, found):
    folders, around = {tuple(path.split("/")[:-1]) for path in found}, ()
    while around not in folders and len(inside := {f[: len(around) + 1] for f in folders}) == 1:
        (around,) = inside
    # Sakai's zip file has the assignment's folder around that of even a single student.
    outer = next((f[: f.index(_SAKAI) - 1] for f in folders if _SAKAI in f[2:]), None)
    if outer or (around and len({f[: len(around) + 1] for f in folders} - {around}) > 1):
        raise CourseError(
            f"Everything in {archive} lies in one folder, {'/'.join(outer or around)!r}, so all of "
            "it would be one student's. Unpack it, and give the folder in which each has a folder."
        )


def _on_blackboard(got, path, by_path):
    """The student of `assignment_username`, both of which may contain _.

    Blackboard puts a text beside each attempt that begins with `Name: Jane Doe (username)`.
    """
    name, said = got["name"], None
    if about := by_path.get(path.removesuffix(f"_{got['file']}") + ".txt"):
        with suppress(Unreadable):
            line = about.read().partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
            said = re.fullmatch(r"[^:]+: *(.*?) *\((\S+)\)", line)
    if said and f"_{name}".endswith(f"_{said[2]}"):
        return Student(said[2], name, (said[2],), said[2], said[1])
    parts = name.split("_")
    keys = tuple("_".join(parts[n:]) for n in reversed(range(len(parts))))
    return Student(keys[0], name, keys, keys[0])


def _metadata(archive, by_path, found):
    """{folder: (students, time of the hand-in)} from Gradescope's file about the archive."""
    if not found:
        return {}
    path, match = next(iter(found.items()))
    # Only the file beside the folders counts: students could put one into theirs.
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
            students.append(Student(keys[0], name, keys, keys[0], name))
    when = about.get(":created_at")
    if not isinstance(when, datetime):
        return students, None
    return students, when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _date(lms, text):
    """The local time that an LMS writes into a file's name, or None."""
    with suppress(ValueError):
        if lms == "blackboard":
            return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S")
        if lms == "brightspace":  # Sep 24, 2024 926 PM; elsewhere 24 September, 2024 2126
            one, other, year, hour, *half = re.sub("[,:]", "", text).split()
            day, month = (one, other) if one.isdigit() else (other, one)
            text = " ".join([month[:3], day, year, hour.zfill(4), *half])
            return datetime.strptime(text, f"%b %d %Y {'%I%M %p' if half else '%H%M'}")
    return None


def without_time(lms, files):
    """The paths of files whose time the LMS has written in a way that is not known."""
    dated = lms in ("blackboard", "brightspace")
    return [file.entry.path for file in files if dated and file.wall is None]


def squashed(name):
    """A name as Canvas writes it: without blanks, signs and capitals, but with combining marks."""
    name = unicodedata.normalize("NFC", name)
    return "".join(c for c in name if unicodedata.category(c)[0] in "LMN").casefold()
