"""The codes of a class's variants, for the instructor to give out."""

from pathlib import Path

from nbgrader.api import Gradebook

from course.grading import CourseError, variants
from course.grading.inbox.roster import Roster
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import embedded, has_variants, texts_in
from course.grading.out.filled import found, on_moodle, told
from course.grading.out.scores import scored, write
from course.kit import variant
from course.notebook.official import official_of

COLUMNS = ("student_id", "first_name", "last_name", "email", "code")
_TRIED = 300  # codes besides those of the class


def codes(course, assignment):
    """(a row of COLUMNS for each student of the gradebook, the `Band` of the networks).

    Makes the key if the folder has none. Raises CourseError if the assignment has no variants.
    """
    texts = None
    for path in course.notebooks(assignment):
        official = official_of(embedded(read_source(path), path.parent))
        if has_variants(official):
            texts = texts_in(official)
    if texts is None:
        raise CourseError(
            f"{assignment} has no variants: no locked cell of its source calls course.variant(). "
            "docs/variants.md says how to give it some."
        )
    variants.key(course.root, make=True)
    rows = []
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        for student in gradebook.students:
            code = variants.code(course.root, assignment, student.id)
            about = [getattr(student, name) or "" for name in COLUMNS[1:-1]]
            rows.append(dict(zip(COLUMNS, [student.id, *about, code], strict=True)))
    rows.sort(key=lambda row: row["student_id"])
    others = [variant.code_of(2**30 // _TRIED * number) for number in range(_TRIED)]
    return rows, variants.band(texts, [row["code"] for row in rows] + others)


def listed(rows, path):
    """Write the rows as a CSV file. Returns its path."""
    return write(path, COLUMNS, rows)


def enter(course, roster):
    """Write the students of a roster into the gradebook. Returns sentences about the roster."""
    read = Roster(roster, "folders", ())
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        for person in read.people:
            row = read.rows[person.line]
            email = row.get("email") or row.get("email address")  # as Gradescope names people
            about = [person.first_name, person.last_name, email]
            given = {name: text for name, text in zip(COLUMNS[1:], about, strict=False) if text}
            gradebook.update_or_create_student(person.id, **given)
    return read.notes


def fill(course, assignment, rows, into, to):
    """Write a copy of Moodle's grading worksheet, with each student's code as the comment.

    Returns sentences for the instructor. Raises CourseError if the file has no such column.
    """
    lms, sheet = told(into)
    place = on_moodle(sheet) if lms == "moodle" else None
    if place is None or place.comments is None:
        raise CourseError(
            f"{into} has no column for a comment to each student. Moodle's grading worksheet has "
            "one if feedback comments are switched on. For any other LMS write the list with --to, "
            "and send each student one line of it."
        )
    if Path(to).resolve() == Path(into).resolve():
        raise CourseError(f"{into} is not written over: name another file with --to.")
    code, notes = {row["student_id"]: row["code"] for row in rows}, []
    everything = list(scored(course, [assignment], ()))
    people = found(sheet.path, lms, everything, notes)
    for student, person in people.items():
        sheet.fill(1 + person.line, place.comments, f"The code of your variant: {code[student]}")
    sheet.write(to)
    return notes
