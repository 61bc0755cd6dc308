"""The intake record: an LMS's data about each hand-in, in a file beside the gradebook.

The gradebook has one LMS number for each student, and no place for files that could not be read.
This record keeps both for each assignment. `course collect` writes it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field

from course.grading import CourseError
from course.grading.folder import write_atomically
from course.grading.inbox.lms import PER_ASSIGNMENT

NAME = "gradebook.db.intake.json"


@dataclass
class Intake:
    """What is known about one student's hand-in of one assignment."""

    numbers: dict = field(default_factory=dict)  # {LMS: its number for the student}
    notebooks: dict = field(default_factory=dict)  # {notebook: {"file", "sha256", "order", ...}}
    unreadable: list = field(default_factory=list)  # [file name, why], if a notebook is missing
    stamp: str | None = None  # what `course collect` wrote into timestamp.txt

    @property
    def late(self):
        """Whether the LMS has marked it as late, without saying by how much."""
        return any(notebook.get("late") for notebook in self.notebooks.values())


class Record:
    """The intake record of a course.

    Raises CourseError if the file was damaged.
    """

    def __init__(self, course):
        self.path = course.root / NAME
        self.assignments, self.canvas = {}, {}
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            self.canvas = dict(said["canvas"])
            for name, students in said["assignments"].items():
                self.assignments[name] = {s: Intake(**about) for s, about in students.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CourseError(
                f"{self.path} cannot be read ({error}). Take it from a backup, or delete it and "
                "collect the LMS's archives again."
            ) from None

    def of(self, assignment, student):
        """The student's Intake. If there is none yet, a new one is made."""
        return self.assignments.setdefault(assignment, {}).setdefault(student, Intake())

    def number(self, lms, assignment, student, otherwise=None):
        """An LMS's number for a student, for the export of grades; None if it is not known.

        `otherwise` is the number in the gradebook, whose LMS is not known. It is used unless this
        record has it as another LMS's or another assignment's.
        """
        mine = {
            name: students[student].numbers
            for name, students in self.assignments.items()
            if student in students
        }
        if lms in mine.get(assignment, {}):
            return mine[assignment][lms]
        if lms not in PER_ASSIGNMENT:
            for numbers in mine.values():
                if lms in numbers:
                    return numbers[lms]
        taken = {number for numbers in mine.values() for number in numbers.values()}
        return None if otherwise in taken else otherwise

    def students(self, lms):
        """{an LMS's number: student}; empty for an LMS with other numbers in each assignment."""
        found = {}
        if lms not in PER_ASSIGNMENT:
            for students in self.assignments.values():
                for student, about in students.items():
                    found.setdefault(about.numbers.get(lms), set()).add(student)
        return {number: ids.pop() for number, ids in found.items() if number and len(ids) == 1}

    def save(self):
        """Write the record, if it has changed."""
        said = {
            "canvas": self.canvas,
            "assignments": {
                name: {student: asdict(about) for student, about in sorted(students.items())}
                for name, students in sorted(self.assignments.items())
            },
        }
        content = json.dumps(said, ensure_ascii=False, indent=1).encode()
        if not self.path.exists() or self.path.read_bytes() != content:
            write_atomically(self.path, content)


def intake(course, assignment):
    """{student: Intake} of an assignment."""
    return Record(course).assignments.get(assignment, {})


def groups(course, assignment):
    """[[student, ...]]: all who handed in, with those together who handed in the same file."""
    known, found = intake(course, assignment), {}
    for student in course.students(assignment):
        collected = known[student].notebooks if student in known else {}
        folder = course.path("submitted", assignment, student)
        files = tuple(
            (name, entry["lms"], entry["file"], entry["sha256"])
            for name, entry in sorted(collected.items())
            if _digest(folder / f"{name}.ipynb") == entry["sha256"]  # nobody has put another there
        )
        found.setdefault(files or student, []).append(student)
    return list(found.values())


def _digest(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
