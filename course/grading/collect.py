"""An LMS's archive taken in: who handed in what, told by content and by the LMS's own file names.

Canvas writes `doejane_LATE_12345_678901_Copy of lenet-2.ipynb`: the student's name, LATE or not,
the student's number, the submission's number, and whatever the student called the file. The
student is known by the part that Canvas wrote, never by what stands in the file; the assignment by
the grade ids in the notebook, never by the file's name.
"""

import json
import re
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

import nbformat
from nbgrader.api import Gradebook

from course.grading.course_folder import CourseError
from course.grading.repair import grade_ids

CANVAS = re.compile(
    r"(?P<name>[^\W_]+)_(?:(?P<late>LATE)_)?(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+)"
)
_MAX_NOTEBOOK = 20_000_000  # bytes; the largest real ones have 15 MB of pictures
_MAX_FILES = 20_000
_MAX_RATIO = 200


@dataclass
class Report:
    """What was taken in and what was not, with reasons."""

    taken: list = field(default_factory=list)  # (student, assignment, file name in the archive)
    skipped: list = field(default_factory=list)  # (file name in the archive, reason)


@dataclass(order=True)
class _Submission:
    when: tuple  # newest last: date in the archive, then Canvas's submission number
    file: str = field(compare=False)
    student: str = field(compare=False)
    number: str = field(compare=False)
    name: str = field(compare=False)
    assignment: str = field(compare=False)
    notebook: str = field(compare=False)
    content: bytes = field(compare=False)


def collect(course, archive, only=None):
    """Put every notebook of a Canvas archive into submitted/<student>/<assignment>/.

    `only` keeps one assignment. Of several notebooks of one student the newest is taken. Running it
    again with the same archive changes nothing.

    Raises CourseError for a file that is no zip archive.
    """
    known = {}
    for assignment in course.assignments():
        for path in course.notebooks(assignment):
            for name in grade_ids(nbformat.read(path, 4)):
                known[name] = (assignment, path.stem)
    report, found = Report(), {}
    for info, content, reason in _notebooks(archive):
        submission = None if reason else _read(info, content, known)
        if not isinstance(submission, _Submission):
            report.skipped.append((info.filename, reason or submission))
            continue
        if only and submission.assignment != only:
            report.skipped.append((info.filename, f"belongs to {submission.assignment}"))
            continue
        key = (submission.student, submission.assignment, submission.notebook)
        older = found.get(key)
        if older is not None:
            older, submission = sorted([older, submission])
            report.skipped.append((older.file, f"{submission.file} is newer"))
        found[key] = submission
    _save(course, sorted(found.values(), key=lambda s: s.student), report)
    return report


def _notebooks(archive):
    """(entry, bytes, reason why not) of every notebook in a zip archive, with limits on each."""
    try:
        opened = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise CourseError(
            f"{archive} cannot be read as a zip archive ({error}). Download the submissions from "
            "the LMS once more, and hand over the file as it is."
        ) from None
    with opened:
        entries = [info for info in opened.infolist() if not info.is_dir()]
        if len(entries) > _MAX_FILES:
            raise CourseError(
                f"{archive} has {len(entries):,} files; more than {_MAX_FILES:,} are no class."
            )
        for info in entries:
            if not info.filename.lower().endswith(".ipynb"):
                yield info, b"", "is no notebook (.ipynb)"
            elif info.file_size > _MAX_NOTEBOOK:
                yield info, b"", f"is {info.file_size / 1e6:.0f} MB large, 20 MB are allowed"
            elif info.file_size > _MAX_RATIO * max(info.compress_size, 1000):
                yield info, b"", "unpacks to far more than a notebook has"
            else:
                try:
                    with opened.open(info) as file:
                        content = file.read(_MAX_NOTEBOOK + 1)
                except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
                    yield info, b"", f"cannot be unpacked ({error})"
                else:
                    yield info, content, None


def _read(info, content, known):
    """The _Submission that a file is, or the reason why it is none."""
    match = CANVAS.fullmatch(PurePosixPath(info.filename).name)
    if match is None:
        return "is not named as Canvas names files (name_number_number_file.ipynb)"
    try:
        nb = nbformat.reads(content.decode("utf-8"), 4)
        names = grade_ids(nb)
    except Exception as error:  # whatever a broken file makes the reader raise
        broken = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
        kind = "JSON" if broken else "a notebook"
        return f"is not {kind} ({type(error).__name__}); ask for it again"
    homes = [known[name] for name in names if name in known]
    if not homes:
        return "holds no exercise of this course"
    assignment, notebook = max(set(homes), key=homes.count)
    return _Submission(
        when=(info.date_time, int(match["submission"])),
        file=info.filename,
        student=f"{match['name']}_{match['id']}",
        number=match["id"],
        name=match["name"],
        assignment=assignment,
        notebook=notebook,
        content=content,
    )


def _save(course, submissions, report):
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        for item in submissions:
            folder = course.path("submitted", item.assignment, item.student)
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{item.notebook}.ipynb"
            if not target.exists() or target.read_bytes() != item.content:
                target.write_bytes(item.content)
            stamp = datetime(*item.when[0], tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            (folder / "timestamp.txt").write_text(stamp + "\n")
            gradebook.update_or_create_student(item.student, lms_user_id=item.number)
            report.taken.append((item.student, item.assignment, item.file))
