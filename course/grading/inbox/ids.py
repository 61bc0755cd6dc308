"""Who handed in a file: each student of an archive gets the id of one in this course."""

from collections import defaultdict
from dataclasses import replace

from course.grading.inbox.columns import safe_id
from course.grading.inbox.lms import PER_ASSIGNMENT, Student
from course.grading.inbox.roster import Roster

#: What to do about two people of one name.
_APART = ", by the name. Write the LMS's number of each into a column lms_user_id there"


def read_roster(report, files, path, groups):
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


def with_ids(report, files, roster, record):
    """The files whose students are known; their ids are now those of this course.

    `roster` is a Roster or None, and `record` the intake Record. The other files are reported.
    """
    before = record.students(report.lms)  # a student who was collected before keeps the id
    same_id, named = defaultdict(set), [str(s) for file in files for s in file.students]
    for file in files:
        if not file.students:
            report.skipped.append((file.entry.path, file.reason))
        file.students, reasons = _identified(report.lms, file.students, roster, before)
        report.skipped += [(file.entry.path, reason) for reason in reasons]
        for safe, student in file.students:
            same_id[safe.casefold()].add(str(student))
    if roster and roster.people and named and not same_id:
        listed = ", ".join(dict.fromkeys([roster.people[0].id, *sorted(roster.people[0].keys)]))
        report.note(
            f"Nobody in the archive is in the roster {roster.path}: the archive has students such "
            f"as {named[0]}, the roster such as {listed}. If it is the list of another course, "
            "give this one's. Else write what the archive has into a column lms_user_id there."
        )
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
        own = {student.id for student in file.students}
        members = roster.members(own) if roster else ()
        file.students += [_student(person) for person in members if person.id not in own]
    return [file for file in files if file.students]


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
            by_name = len(ids) > 1 and not roster.find_by_key(student)
            reasons.append(f"{student} is {how} in the roster {roster.path}" + _APART * by_name)
        elif safe := safe_id(*ids):
            known.append((safe, student))
        else:
            reasons.append(f"{student} has no name that can be an id")
    return known, reasons
