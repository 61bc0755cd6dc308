"""Write the files that the gradebooks of Canvas and Moodle import.

Where the LMS gave a file, `filled` fills it in, which is the better way.

Canvas deletes a grade whose cell is empty, so its file holds final scores only. Moodle numbers
participants anew for each assignment, and writes its worksheet in the user's language.
"""

from pathlib import Path

from course.grading import CourseError
from course.grading.inbox.roster import CANVAS
from course.grading.out.filled import comment
from course.grading.out.scores import write


def canvas(everything, to):
    """Canvas's gradebook import: a column for each assignment, its points in the second line.

    Returns (paths, sentences for the instructor). Raises CourseError if no score is final.
    """
    final = [one for one in everything if one.final is not None]
    if not final:
        raise CourseError("No score is final yet, so there is nothing to import into Canvas.")
    most = {one.row["assignment"]: one.row["max_score"] for one in final}
    lines, notes = {}, []
    for one in final:
        line = lines.setdefault(one.row["student"], _on_canvas(one))
        line[one.row["assignment"]] = one.final
    unknown = sorted(id_ for id_, line in lines.items() if not any(line[t] for t in CANVAS[1:4]))
    if unknown:
        notes.append(
            f"Canvas cannot tell who {_some(unknown)} are: their numbers are not known. They come "
            "with Canvas's archives, with --roster when collecting, or from Canvas's own gradebook "
            "export, filled in with --fill."
        )
    whole = all(len(line) == len(CANVAS) + len(most) for line in lines.values())
    parts = [list(most)] if whole else [[name] for name in most]  # the assignments of each file
    paths = []
    for names in parts:
        columns = [*CANVAS, *names]
        possible = dict.fromkeys(CANVAS, "") | {"Student": "    Points Possible"}
        possible |= {name: most[name] for name in names}
        chosen = [line for line in lines.values() if any(name in line for name in names)]
        chosen = [{key: line[key] for key in columns} for line in chosen]
        path = Path(to) if len(parts) == 1 else _named(to, names[0])
        paths.append(write(path, columns, [possible, *chosen], bom=False))
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


def moodle(everything, to):
    """Moodle's offline grading worksheet, one for each assignment.

    Returns (paths, sentences for the instructor).
    """
    names = list(dict.fromkeys(one.row["assignment"] for one in everything if one.result))
    paths, notes = [], []
    for name in names:
        chosen = [one for one in everything if one.row["assignment"] == name]
        path = Path(to) if len(names) == 1 else _named(to, name)
        paths.append(_worksheet(chosen, path))
        unknown = [one.row["student"] for one in chosen if one.result and not one.number["moodle"]]
        if unknown:
            notes.append(
                f"Moodle cannot tell who {_some(unknown)} are in {name}: their participant numbers "
                "are not known. They come with this assignment's archive, or with its own "
                "worksheet, filled in with --fill."
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
            "Feedback comments": comment(one),
        }
        for one in chosen
    ]
    return write(path, list(lines[0]), lines, bom=False)


def _named(to, assignment):
    path = Path(to)
    return path.with_stem(f"{path.stem}-{assignment}")


def _some(names):
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} others" if len(names) > 5 else shown
