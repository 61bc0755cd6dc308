"""Take in an LMS's archive: find out who handed in which notebook of which assignment.

The student follows from the name that the LMS gave the file (`lms`), and the assignment from the
exercises in it (`assignment`). The intake record (`intake`) keeps the files, their times, and the
files that could not be read.
"""

from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from nbgrader.api import Gradebook
from nbgrader.api import Student as Entry
from sqlalchemy.exc import SQLAlchemyError

from course.grading import CourseError
from course.grading.inbox.archives import opened
from course.grading.inbox.assignment import Notebooks, recognise
from course.grading.inbox.columns import split_name
from course.grading.inbox.ids import read_roster, with_ids
from course.grading.inbox.intake import Record
from course.grading.inbox.lms import (
    LMS,
    PER_ASSIGNMENT,
    Clock,
    detected,
    handed_in,
    times_are_local,
    without_time,
)
from course.grading.inbox.submitted import Submitted
from course.grading.troubles import of_the_gradebook
from course.plain import one_line

_LMS_ADDS = (".txt", ".html", ".yml")  # files that LMSs add to those of students


@dataclass
class Report:
    """The files that were taken in, and those that were not with the reasons."""

    lms: str | None = None  # a key of LMS
    taken: list = field(default_factory=list)  # (student, assignment, file name in the archive)
    skipped: list = field(default_factory=list)  # (file name in the archive, reason)
    notes: list = field(default_factory=list)  # (file name, or "" for the whole archive, text)
    times: dict = field(default_factory=dict)  # {(student, assignment): when, as a person reads it}
    unimportant: int = 0  # files that no student handed in to be graded

    def note(self, text, file=""):
        """Add a sentence about the whole archive, or about one file of it."""
        self.notes.append((file, text))


def collect(course, archive, only=None, lms=None, roster=None, timezone=None, groups=None):
    """Put every notebook of an archive or folder into submitted/<student>/<assignment>/.

    `only` keeps one assignment. `lms` is a key of LMS (default: found from the file names).
    `roster` is a CSV file with a line for each student; it maps the LMS's numbers to students and
    says who is in the class. `timezone` is the zone of the local times that an LMS writes.
    `groups` is the title of the roster's column with the students' groups: each member gets what
    one of them handed in. Of several versions of a student's notebook the newest that holds an
    answer is taken. A broken
    notebook is taken too, if it is clear which one it is, so that grading lists it. Running this
    again with the same archive changes nothing.

    Raises CourseError for a file that is not an archive, an LMS that cannot be recognised, a roster
    or a time zone that cannot be read, and a disk that cannot be written.
    """
    course.chosen([only] if only else [])
    if groups and not roster:
        raise CourseError(
            f"--groups {groups} names a column of the class list: give the list, too, with "
            "--roster students.csv."
        )
    source = "--timezone" if timezone else "c.Exchange.timezone in nbgrader_config.py"
    clock = Clock(timezone or course.config.get("Exchange", {}).get("timezone"), source)
    notebooks, record = Notebooks(course), Record(course)
    with opened(archive) as (entries, unimportant):
        report = Report(unimportant=unimportant)
        report.skipped += [(entry.path, entry.problem) for entry in entries if entry.problem]
        readable = [entry for entry in entries if not entry.problem]
        like_notebooks = [e.path for e in readable if e.is_notebook or e.is_zip]
        like_notebooks = [path for path in like_notebooks if ".ipynb_checkpoints" not in path]
        if not readable:
            report.note(f"{archive} holds no file that could be read.")
            return report
        own = [e.path for e in readable if not e.path.lower().endswith(_LMS_ADDS)]
        names = like_notebooks or own or [readable[0].path]
        try:
            report.lms = lms or detected(archive, names)
        except CourseError:
            if like_notebooks:
                raise
            report.skipped += [(e.path, e.reason() or "is no notebook (.ipynb)") for e in readable]
            return report
        if lms is None:
            report.note(f"Taken for files of {LMS[report.lms].title}.")
        files, others = handed_in(report.lms, archive, entries, clock)
        if lms and not files:
            _note_other_lms(report, archive, names)
        _report_others(report, others)
        if times_are_local(report.lms, files):
            report.note(f"Times without a time zone are read as {clock.name}.")
        if unknown := without_time(report.lms, files):
            report.note(
                f"The time in the names of {len(unknown)} of {len(files)} files cannot be read, so "
                "they do not count as late. If you know a time, write it into timestamp.txt beside "
                f"the notebook. The first one: {one_line(unknown[0])}"
            )
        roster = read_roster(report, files, roster, groups)
        files = with_ids(report, files, roster, record)
        people = {person.id: person for person in roster.people} if roster else {}
        for file in files:  # Moodle's worksheet has more exact times than its zip file
            person = people.get(file.students[0].id)
            if report.lms == "moodle" and person and person.handed_in:
                file.when = clock.utc(person.handed_in)
        main = recognise(notebooks, files, only, report.lms)
        _save(Submitted(course, record, report, main, only, clock), files, people)
    return report


def _note_other_lms(report, archive, paths):
    """Note the LMS that names files so, if it is not the one that was given."""
    with suppress(CourseError):
        fits = detected(archive, paths)
        report.note(
            f"No file is named as {LMS[report.lms].title} names files. They are named as those of "
            f"{LMS[fits].title}: leave --from out, or give --from {fits}."
        )


def _report_others(report, others):
    """Report files whose name is not that of a student's file: the LMS's own, or unknown ones."""
    lms = LMS[report.lms]
    for entry in others:
        if entry.problem:
            continue  # already reported
        if entry.is_notebook:
            reason = f"is not named as {lms.title} names files ({lms.example})"
            report.skipped.append((entry.path, reason))
        else:
            report.unimportant += 1


# --- writing


def _save(shelf, files, people):
    """Put the files into submitted/, and what is known about them into record and gradebook."""
    handed_in, left = _by_notebook(files, shelf.only)
    best = list(filter(None, map(shelf.best, handed_in)))
    with _told_if_not_written(shelf):
        elsewhere = defaultdict(list)  # taken for another assignment: {student: [(file, said)]}
        for student, file in sorted(best, key=lambda pair: pair[0].id):
            if reason := shelf.take(student, file):
                left[student].append((file, reason))
            elif file.assignment != shelf.main:
                elsewhere[student].append((file, f"is the notebook of {file.assignment}"))
        _note_late(shelf.report)
        if shelf.main and shelf.only in (None, shelf.main):
            for student in {**left, **elsewhere}:
                shelf.unreadable(student, left.get(student, []) + elsewhere.get(student, []))
        elif left and not shelf.only:
            shelf.report.note(
                "It is not known which assignment the files without a notebook belong to. Name it "
                "with --assignment; then report and export will list them."
            )
        _list_left(shelf.report, left)
        for id_, person in people.items():
            if person.number and shelf.main:
                shelf.record.of(shelf.main, id_).numbers[shelf.report.lms] = person.number
            if person.canvas:
                shelf.record.canvas[id_] = person.canvas
        students = [student for student, _ in best] + (list(left) if shelf.main else [])
        _enter(shelf.course, shelf.report.lms, students, people)
        shelf.record.save()


def _by_notebook(files, only):
    """([[(student, file)] of one student's notebook], {student: [(file, why it is not taken)]})."""
    handed_in, left = defaultdict(list), defaultdict(list)
    for file in files:
        reason = file.reason
        if not reason and only and file.assignment != only:
            reason = f"belongs to {file.assignment}"
        for student in file.students:
            if reason:
                left[student].append((file, reason))
            else:
                handed_in[student.id, file.assignment, file.notebook].append((student, file))
    return handed_in.values(), left


@contextmanager
def _told_if_not_written(shelf):
    """Raise a CourseError in place of an error of the disk or of the gradebook."""
    try:
        yield
    except OSError as error:
        where = error.filename or shelf.course.root
        raise CourseError(
            f"Not all of it could be written ({error.strerror}: {where}). "
            f"{len(shelf.report.taken)} were taken, and nothing was kept of any other. Make room "
            "on the disk, or give yourself the right to write there, and collect the same archive "
            "again."
        ) from None
    except SQLAlchemyError as error:
        raise CourseError(
            of_the_gradebook(str(error))
            or f"The gradebook could not be written ({getattr(error, 'orig', error)}). Mend that, "
            "and collect the same archive again."
        ) from None


def _note_late(report):
    if late := sum(when == "late" for when in report.times.values()):
        report.note(
            f"{late} marked as late, without a time: each counts as handed in one second after "
            "the due date. If you know a time, write it into timestamp.txt beside the notebook."
        )


def _list_left(report, left):
    """Report the files that were not taken. Students of whom nothing was taken come last."""
    taken, said = {id_ for id_, *_ in report.taken}, {}
    for student in sorted(left, key=lambda student: (student.id not in taken, student.id)):
        for file, reason in left[student]:
            said.pop(id(file), None)
            said[id(file)] = (file.entry.path, reason)
    report.skipped += said.values()


def _enter(course, lms, students, people):
    """Write the class into the gradebook. Only a roster's names replace older ones."""
    common = Counter(name for _, name in {(s.id, s.full_name) for s in students})
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        known = {student.id: student for student in gradebook.students}

        def entry(id_, number):
            if id_ not in known:
                known[id_] = Entry(id=id_)
                gradebook.db.add(known[id_])
            lasts = lms not in PER_ASSIGNMENT or not known[id_].lms_user_id
            if number and lasts and known[id_].lms_user_id != number:
                known[id_].lms_user_id = number
            return known[id_]

        for id_, person in people.items():
            found = entry(id_, person.number)
            if person.last_name or person.first_name:
                found.first_name, found.last_name = person.first_name, person.last_name
        for student in students:
            found = entry(student.id, student.number)
            hidden = common[student.full_name] > 1 and " " not in student.full_name.strip()
            if student.full_name and not (found.first_name or found.last_name or hidden):
                found.first_name, found.last_name = split_name(student.full_name)
        gradebook.db.commit()
