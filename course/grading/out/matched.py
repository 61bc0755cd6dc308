"""Which line of an LMS's own file is about which student of the gradebook."""

from collections import defaultdict

from course.grading.inbox.lms import Student
from course.grading.inbox.roster import Roster


def looked_for(id_, first_name, last_name, number):
    """The Student of an entry of the gradebook; the number in the LMS may be None."""
    name = f"{first_name or ''} {last_name or ''}".strip()
    return Student(id_, name, (number,) if number else ())


def people_in(path, lms, wanted):
    """({student's id: Person} of the Students in an LMS's own file, sentences about the others).

    No line is two students': one with the same number or id comes before one with the same name.
    """
    students = {student.id: student for student in wanted}
    roster, several = Roster(path, lms, students.values()), []
    notes, claims = roster.notes, defaultdict(list)  # {line: [(rank, student's id, Person)]}
    for id_, student in students.items():
        named = roster.find(student)
        ways = (
            [person for person in roster.people if person.keys & set(student.keys)],
            [person for person in roster.people if person.id == id_],
            [person for person in roster.people if person.id in named],
        )
        rank = next((rank for rank, fits in enumerate(ways) if fits), None)
        if rank is not None and len(ways[rank]) == 1:
            claims[ways[rank][0].line].append((rank, id_, ways[rank][0]))
        elif rank is not None:
            several.append(id_)
    found, unclear = {}, []
    for claim in claims.values():
        surest = [(id_, person) for rank, id_, person in claim if rank == min(claim)[0]]
        if len(surest) == 1:
            found.update(surest)
        else:
            unclear += dict(surest)
    if missing := sorted(students.keys() - {*found, *several, *unclear}):
        notes.append(f"Not in {path}, so not filled in: {', '.join(missing)}.")
    if several:
        notes.append(
            f"Several lines of {path} fit, so not filled in: {', '.join(several)}. Two people may "
            "have one name: give this file to `course collect` as the --roster, which then says "
            "how to set them apart."
        )
    if unclear:
        notes.append(
            f"One line of {path} fits several students, so it was not filled in: "
            f"{', '.join(sorted(unclear))}."
        )
    return found, notes
