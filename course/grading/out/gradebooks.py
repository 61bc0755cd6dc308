"""Write the files that the gradebooks of Canvas and Moodle import, or fill in their own exports.

Canvas deletes a grade whose cell is empty, so its file holds final scores only. Moodle numbers
participants anew for each assignment, and writes its worksheet in the user's language.
"""

import csv
import re
from html import escape
from pathlib import Path

from course.grading import CourseError
from course.grading.inbox.lms import Student
from course.grading.inbox.roster import CANVAS, Roster, read_csv
from course.grading.out.scores import write

_GRADE = (
    "grade", "bewertung", "note", "calificación", "valutazione", "nota", "avaliação", "cijfer",
)  # fmt: skip
_COMMENTS = re.compile(r"feedback|kommentar|comm?ent|retroaliment|opmerking", re.I)


def canvas(everything, to, into):
    """Canvas's gradebook import: a column for each assignment, its points in the second line.

    `into` is Canvas's own export: titles, names, numbers and sections are taken from it. Returns
    (paths, sentences for the instructor). Raises CourseError if no score is final, or if `into` has
    no column for an assignment.
    """
    final = [one for one in everything if one.final is not None]
    if not final:
        raise CourseError("No score is final yet, so there is nothing to import into Canvas.")
    most = {one.row["assignment"]: one.row["max_score"] for one in final}
    titles, notes = dict(zip(most, most, strict=True)), []
    who = {one.row["student"]: _on_canvas(one) for one in final}
    if into:
        table, _, said = read_csv(into, "file")
        notes += [said] if said else []
        titles = {name: _title(into, table[0], name) for name in most}
        people = _found(into, "canvas", final, notes)
        who = {id_: person.canvas for id_, person in people.items()}
        final = [one for one in final if one.row["student"] in who]
    lines = {}
    for one in final:
        line = lines.setdefault(one.row["student"], dict(who[one.row["student"]]))
        line[titles[one.row["assignment"]]] = one.final
    unknown = sorted(id_ for id_, line in lines.items() if not any(line[t] for t in CANVAS[1:4]))
    if unknown:
        notes.append(
            f"Canvas cannot tell who {_some(unknown)} are: their numbers are not known. They come "
            "with Canvas's archives, with --roster when collecting, or from Canvas's own gradebook "
            "export, filled in with --into."
        )
    first = {"Student": "    Points Possible"} | {titles[name]: most[name] for name in most}
    whole = all(len(line) == len(CANVAS) + len(most) for line in lines.values())
    paths = []
    for names in [list(most)] if whole else [[name] for name in most]:
        columns = [*CANVAS, *(titles[name] for name in names)]
        chosen = [line for line in lines.values() if any(titles[name] in line for name in names)]
        chosen = [{key: line[key] for key in columns} for line in chosen]
        path = Path(to) if len(names) == len(most) else _named(to, names[0])
        first_ = {key: first.get(key, "") for key in columns}
        paths.append(write(path, columns, [first_, *chosen], bom=False))
    if not whole:
        notes.append(
            "A file for each assignment, because not everybody has a final score in all of them, "
            "and Canvas takes an empty cell for a grade that is to be deleted."
        )
    return paths, notes


def _on_canvas(one):
    """Canvas's columns about a student, from Canvas's own list if there was one."""
    told = {key: value for key, value in one.canvas.items() if value}
    known = {"Student": one.name, "ID": one.number["canvas"] or ""}
    return dict.fromkeys(CANVAS, "") | known | told


def _title(path, header, name):
    """Canvas's column title for an assignment: `02-lenet (4711)`, or one that contains `lenet`."""
    plain = {title: re.sub(r" *\(\d+\)$", "", title).strip().casefold() for title in header}
    plain = {title: text for title, text in plain.items() if title not in CANVAS}
    _, _, word = name.rpartition("-")
    for fits in (
        [title for title in plain if plain[title] == name.casefold()],
        [title for title in plain if name.casefold() in plain[title]],
        [title for title in plain if word.casefold() in plain[title]],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            break
    many = f"several columns that could be {name} ({', '.join(fits)})" if fits else None
    raise CourseError(
        f"{path} has {many or f'no column that is called like {name}'}. Call the assignment "
        f"{name!r} in Canvas and download the file again, or export without --into; Canvas then "
        "asks which assignment it is."
    )


def moodle(everything, to, into):
    """Moodle's offline grading worksheet, one for each assignment; `into` is Moodle's own.

    Returns (paths, sentences for the instructor). Raises CourseError for a worksheet that does not
    fit.
    """
    names = list(dict.fromkeys(one.row["assignment"] for one in everything if one.result))
    if into and len(names) != 1:
        raise CourseError("A worksheet of Moodle's is for one assignment: name it.")
    paths, notes = [], []
    for name in names:
        chosen = [one for one in everything if one.row["assignment"] == name]
        path = Path(to) if len(names) == 1 else _named(to, name)
        paths.append(_filled_in(into, chosen, path, notes) if into else _worksheet(chosen, path))
        unknown = [one.row["student"] for one in chosen if one.result and not one.number["moodle"]]
        if unknown and not into:
            notes.append(
                f"Moodle cannot tell who {_some(unknown)} are in {name}: their participant numbers "
                "are not known. They come with this assignment's archive, or with its own "
                "worksheet, filled in with --into."
            )
    return paths, notes


def _worksheet(chosen, path):
    lines = [
        {
            "Identifier": f"Participant {one.number['moodle']}" if one.number["moodle"] else "",
            "Full name": one.name,
            "Grade": "" if one.final is None else one.final,
            "Maximum Grade": one.row["max_score"],
            "Last modified (grade)": "-",
            "Feedback comments": _comments(one),
        }
        for one in chosen
    ]
    return write(path, list(lines[0]), lines, bom=False)


def _filled_in(into, chosen, path, notes):
    """Write a copy of Moodle's worksheet with grades and comments filled in."""
    table, mark, said = read_csv(into, "file")
    notes += [said] if said else []
    grade, comments, highest = _columns(into, table)
    most = chosen[0].row["max_score"]
    if highest is not None and highest != most:
        notes.append(
            f"Moodle's highest grade is {highest:g}, the assignment has {most:g} points: change "
            "it in Moodle."
        )
    people = _found(into, "moodle", [one for one in chosen if one.final is not None], notes)
    for one in chosen:
        if one.final is not None and one.row["student"] in people:
            row = table[1 + people[one.row["student"]].line]
            row[grade] = f"{one.final:g}"
            if comments is not None:
                row[comments] = _comments(one)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=mark).writerows(table)
    return Path(path)


def _columns(path, table):
    """(index of the grade, index of the comments or None, the highest grade or None)."""
    titles = [title.strip().casefold() for title in table[0]]
    width = len(titles)
    rows = [row for row in table[1:] if len(row) == width]
    alike = [i for i in range(1, width) if len({row[i] for row in rows}) == 1]
    # The column after the grade is the highest grade, which is the same number in all rows.
    highest = [i for i in alike if rows and re.fullmatch(r"\d+([.,]\d+)?", rows[0][i].strip())]
    known = [titles.index(title) for title in _GRADE if title in titles]
    if not (known or highest) or len(rows) != len(table) - 1:
        raise CourseError(
            f"{path} has no column for the grade. Download the grading worksheet from Moodle "
            "(Submissions > Actions) with quick grading and feedback comments switched on."
        )
    comments = [i for i, title in enumerate(titles) if _COMMENTS.search(title)]
    most = float(rows[0][highest[-1]].replace(",", ".")) if highest else None
    grade = known[0] if known else highest[-1] - 1
    return grade, comments[-1] if comments else None, most


def _found(into, lms, wanted, notes):
    """{student: Person} of the students who are in the LMS's own file."""
    known = {one.row["student"]: one.number[lms] for one in wanted}
    archive = [
        Student(i, one.name, (known[i],)) for one in wanted if known[i := one.row["student"]]
    ]
    people, found = Roster(into, lms, archive).people, {}
    for student, number in known.items():
        fits = [person for person in people if number and number in person.keys]
        fits = fits or [person for person in people if person.id == student]
        if len(fits) == 1:
            found[student] = fits[0]
    missing = sorted(set(known) - set(found))
    if missing:
        notes.append(f"Not in {into}, so not exported: {', '.join(missing)}.")
    return found


def _comments(one):
    """The lost points with reasons, in HTML, as Moodle reads comments."""
    if one.result is None:
        return ""
    if one.result.failed:
        return escape(f"Not graded: {one.result.failed}", quote=False)
    lines = []
    for name, points, most in one.grades:
        if points < most:
            said = one.said.get(name) or ["no reason is known"]
            lines.append(f"−{most - points:g} {name}: {said[0]}")
    lines += [f"{name}: {said}" for name, said in one.result.remarks]
    late = sum(points for _, points, _ in one.grades) - one.result.score
    if late > 0.005:
        lines.append(f"−{late:g} handed in late")
    return "<br>".join(escape(line, quote=False).replace("\n", "<br>") for line in lines)


def _named(to, assignment):
    path = Path(to)
    return path.with_stem(f"{path.stem}-{assignment}")


def _some(names):
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} others" if len(names) > 5 else shown
