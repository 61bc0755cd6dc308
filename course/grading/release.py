"""assignments/ out of solutions/: nbgrader's generate_assignment, after a look at the source."""

import nbformat

from course.grading.course_folder import CourseError
from course.grading.repair import EXERCISE


def release(course, assignment):
    """Write an assignment's student version. Returns the paths of the released notebooks.

    Raises CourseError if the source cannot be released as it is, with every reason.
    """
    problems = [p for path in course.notebooks(assignment) for p in source_problems(path)]
    if problems:
        raise CourseError(f"{assignment} cannot be released:\n  " + "\n  ".join(problems))
    result = course.api.generate_assignment(assignment)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {assignment}:\n{last_error(result)}")
    return sorted(course.path("release", assignment).glob("*.ipynb"))


def source_problems(path):
    """What would hurt students or the grader later, in a source notebook: a list of sentences."""
    nb = nbformat.read(path, 4)
    problems, seen = [], set()
    for number, cell in enumerate(nb.cells, 1):
        where = f"{path.name}, cell {number} ({cell.get('id', 'no id')})"
        if any(line != line.rstrip() for line in cell.source.splitlines()):
            # Colab strips them, and then nbgrader calls the cell changed.
            problems.append(f"{where}: blanks at the end of a line; remove them.")
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count):
            problems.append(f"{where}: has outputs; clear them before you save.")
        meta = cell.metadata.get("nbgrader")
        if not meta:
            continue
        name = meta["grade_id"]
        if name in seen:
            problems.append(f"{where}: the grade id {name} is used twice.")
        seen.add(name)
        if meta["grade"] and not meta["solution"] and cell.cell_type == "code":
            said = EXERCISE.search(cell.source)
            if not said or said[1] != name:
                problems.append(
                    f"{where}: its first line should be '# Exercise {name} ({meta['points']} "
                    "points)', so that the cell is found again without its metadata."
                )
            elif f"({meta['points']} point" not in cell.source:
                problems.append(f"{where}: the text and the metadata disagree about the points.")
    return problems


def last_error(result):
    """The last telling line of an nbgrader API result."""
    text = result.get("log") or result.get("error") or ""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line and not line.startswith("[")]
    return (errors or lines or ["no reason was given"])[-1].strip()
