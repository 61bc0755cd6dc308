"""Take in an LMS's archive: find out who handed in which notebook of which assignment.

The student follows from the name that the LMS gave the file (`lms`), and the assignment from the
exercises in it (`assignment`). The intake record (`intake`) keeps the files, their times, and the
files that could not be read.
"""

from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace

from nbgrader.api import Gradebook
from nbgrader.api import Student as Entry
from sqlalchemy.exc import SQLAlchemyError

from course.grading import CourseError
from course.grading.inbox.archives import opened
from course.grading.inbox.assignment import Notebooks, recognise
from course.grading.inbox.columns import safe_id, split_name
from course.grading.inbox.intake import Record
from course.grading.inbox.lms import (
    LMS,
    PER_ASSIGNMENT,
    Clock,
    Student,
    detected,
    handed_in,
    times_are_local,
)
from course.grading.inbox.roster import Roster
from course.grading.inbox.submitted import Submitted
from course.grading.troubles import of_the_gradebook

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
        files, people = _with_ids(report, files, roster, record, groups)
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


# --- ids


def _with_ids(report, files, roster, record, groups):
    """(the files whose students are known, {id: Person} of the roster).

    The students of these files have the ids that they will have in this course.
    """
    roster = _read_roster(report, files, roster, groups)
    before = record.students(report.lms)  # a student who was collected before keeps the id
    same_id = defaultdict(set)
    for file in files:
        if not file.students:
            report.skipped.append((file.entry.path, file.reason))
        file.students, reasons = _identified(report.lms, file.students, roster, before)
        report.skipped += [(file.entry.path, reason) for reason in reasons]
        for safe, student in file.students:
            same_id[safe.casefold()].add(str(student))
    # Nobody's work may end up under somebody else's id.
    to_do = "say who is who with --roster"
    if roster:
        to_do = f"write an id of their own into each one's line of {roster.path}"
    for file in files:
        students, file.students = file.students, []
        for safe, student in students:
            same = sorted(same_id[safe.casefold()])
            if len(same) == 1:
                file.students.append(replace(student, id=safe))
            else:
                reason = f"{' and '.join(same)} would both be {safe}; {to_do}"
                report.skipped.append((file.entry.path, reason))
        if roster:
            file.students += _others_of_the_group(roster, file.students)
    people = {person.id: person for person in roster.people} if roster else {}
    return [file for file in files if file.students], people


def _read_roster(report, files, path, groups):
    """The Roster of the students of these files, or None. Reports what should be known of it."""
    anonymous = [file for file in files if file.students and file.students[0].id[:5] == "anon_"]
    if report.lms == "canvas" and len(anonymous) == len(files) and files:
        report.note(
            "This archive is anonymous: Canvas does not say who is who, and does not accept grades "
            "under these names. Show the names in Canvas, and download it again."
        )
        return None
    if path:
        students = [student for file in files for student in file.students]
        roster = Roster(path, report.lms, students, groups)
        for sentence in roster.notes:
            report.note(sentence)
        return roster
    if report.lms in PER_ASSIGNMENT:
        report.note(
            "Moodle's numbers differ from one assignment to the next, and so do the ids made of "
            "them. To say who is who, give Moodle's grading worksheet with --roster."
        )
    return None


def _others_of_the_group(roster, students):
    """Yield the Students who are in a group with some of these, and are none of them."""
    own = {student.id for student in students}
    for person in roster.members(own):
        if person.id not in own:
            yield _student(person)


def _student(person):
    """The Student that an archive would name for this Person."""
    name = f"{person.first_name} {person.last_name}".strip()
    return Student(person.id, name or person.id, number=person.number, full_name=name)


def _identified(lms, students, roster, before):
    """([(id, student)] of those who are known, the reasons why others are not)."""
    if lms == "canvas" and len(students) > 1:
        certain = [student for student in students if roster and roster.find_by_key(student)]
        if len(certain) != 1:
            ids = " or ".join(student.id for student in students)
            return [], [f"could be from {ids}; say who is who with --roster"]
        students = certain
    known, reasons = [], []
    for student in students:
        ids = roster.find(student) if roster else {before.get(student.number, student.id)}
        if not ids and roster and (members := roster.group_called(student)):
            known += [(person.id, _student(person)) for person in members]
        elif not ids and roster and roster.lacks_number(student):
            reasons.append(
                f"{student} is in the roster {roster.path} by name only, and students can change "
                "their names. If it is the same person, write this number into that line"
            )
        elif len(ids) != 1:
            how = "not" if not ids else "more than once"
            reasons.append(f"{student} is {how} in the roster {roster.path}")
        elif safe := safe_id(*ids):
            known.append((safe, student))
        else:
            reasons.append(f"{student} has no name that can be an id")
    return known, reasons


# --- writing


def _save(shelf, files, people):
    """Put the files into submitted/, and what is known about them into record and gradebook."""
    report, main, only, found = shelf.report, shelf.main, shelf.only, defaultdict(list)
    # Files that are not taken, and files that are taken for another assignment than `main`.
    left, astray = defaultdict(list), defaultdict(list)  # {student: [(file, reason)]}
    for file in files:
        for student in file.students:
            if file.reason:
                left[student].append((file, file.reason))
            elif only and file.assignment != only:
                left[student].append((file, f"belongs to {file.assignment}"))
            else:
                found[student.id, file.assignment, file.notebook].append((student, file))
    best = [pair for handed in found.values() if (pair := shelf.best(handed))]
    try:
        for student, file in sorted(best, key=lambda pair: pair[0].id):
            reason = shelf.take(student, file)
            if reason:
                left[student].append((file, reason))
            elif file.assignment != main:
                astray[student].append((file, f"is the notebook of {file.assignment}"))
        if late := sum(when == "late" for when in report.times.values()):
            report.note(
                f"{late} marked as late, without a time: each counts as handed in one second after "
                "the due date. If you know a time, write it into timestamp.txt beside the notebook."
            )
        if main and only in (None, main):
            for student in {**left, **astray}:
                shelf.unreadable(student, left.get(student, []) + astray.get(student, []))
        elif left and not only:
            report.note(
                "It is not known which assignment the files without a notebook belong to. Name it "
                "with --assignment; then report and export will list them."
            )
        _list_left(report, left, {id_ for id_, *_ in report.taken})
        for id_, person in people.items():
            if person.number and main:
                shelf.record.of(main, id_).numbers[report.lms] = person.number
        canvas = {id_: person.canvas for id_, person in people.items() if person.canvas}
        shelf.record.canvas |= canvas
        students = [student for student, _ in best] + (list(left) if main else [])
        _enter(shelf.course, report.lms, students, people)
        shelf.record.save()
    except OSError as error:
        where = error.filename or shelf.course.root
        raise CourseError(
            f"Not all of it could be written ({error.strerror}: {where}). "
            f"{len(report.taken)} were taken, and nothing was kept of any other. Make room on the "
            "disk, or give yourself the right to write there, and collect the same archive again."
        ) from None
    except SQLAlchemyError as error:
        raise CourseError(
            of_the_gradebook(str(error))
            or f"The gradebook could not be written ({getattr(error, 'orig', error)}). Mend that, "
            "and collect the same archive again."
        ) from None


def _list_left(report, left, taken):
    """Report the files that were not taken. Students of whom nothing was taken come last."""
    said = {}
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
