"""The codes of a class's variants, for the instructor to give out."""

from pathlib import Path

from nbgrader.api import Gradebook

from course.grading import CourseError, variants
from course.grading.grade import released
from course.grading.inbox.intake import Record
from course.grading.inbox.roster import Roster
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import embedded, has_variants, texts_in
from course.grading.out.filled import on_moodle, recognised
from course.grading.out.matched import looked_for, people_in
from course.kit import variant
from course.language import _, speaking
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


def enter(course, roster):
    """Write the students of a roster into the gradebook. Returns sentences about the roster.

    Their ids are those that `course collect` gives them with the same roster. Raises CourseError
    if nobody can be read from it.
    """
    read = Roster(roster)
    if not read.people:
        raise CourseError("\n".join([
            f"Nobody of the class could be read from {roster}. It should have a line for each "
            "student: an id, a number of your LMS, or a name that is there once.",
            *read.notes,
        ]))  # fmt: skip
    with Gradebook(course.database, course.directory.course_id) as gradebook:
        for person in read.people:
            about = [person.first_name, person.last_name, person.email]
            given = {name: text for name, text in zip(COLUMNS[1:], about, strict=False) if text}
            gradebook.update_or_create_student(person.id, **given)
    return read.notes


def fill(course, assignment, rows, into, to):
    """Write a copy of Moodle's grading worksheet, with each student's code as the comment.

    Returns (the number of students whose code is in it, sentences for the instructor). Raises
    CourseError if the file has no such column, or none of these students.
    """
    lms, sheet = recognised(into)
    place = on_moodle(sheet) if lms == "moodle" else None
    if place is None or place.comments is None:
        raise CourseError(
            f"{into} has no column for a comment to each student. Moodle's grading worksheet has "
            "one if feedback comments are switched on. For any other LMS write the list with --to, "
            "and send each student one line of it."
        )
    if Path(to).resolve() == Path(into).resolve():
        raise CourseError(f"{into} is not written over: name another file with --to.")
    record = Record(course)
    with Gradebook(course.database) as gradebook:
        wanted = []
        for each in gradebook.students:
            number = record.number(lms, assignment, each.id, each.lms_user_id)
            wanted.append(looked_for(each.id, each.first_name, each.last_name, number))
    people, notes = people_in(sheet.path, lms, wanted)
    if not people:
        raise CourseError(
            f"None of the {len(rows)} students of the gradebook is in {into}, so no code was "
            "written. Name the file with --roster, too, so that they are known as it has them."
        )
    code = {row["student_id"]: row["code"] for row in rows}
    with speaking(_language(course, assignment)):
        for student, person in people.items():
            said = _("The code of your variant: {code}").format(code=code[student])
            sheet.fill(1 + person.line, place.comments, said)
    sheet.write(to)
    return len(people), [*sheet.notes, *notes]


def _language(course, assignment):
    """The language of the assignment's release, or that which its release will have."""
    if course.is_released(assignment):
        return next(iter(released(course, assignment).values())).language
    source = read_source(course.notebooks(assignment)[0])
    return course.config.Stamp.get("language") or official_of(source).language
