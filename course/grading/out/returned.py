"""Feedback in the zip file that an LMS takes back for a whole class.

Each file in it has the name that the LMS expects. Moodle ("Upload multiple feedback files in a
zip") and Brightspace ("Add feedback files") get the pages. Canvas ("Upload submissions") shows a
file under the name with which it was handed in. So it gets the graded notebook, with the points and
reasons below each exercise.
"""

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests

from course.grading import CourseError
from course.grading.folder import write_atomically, zipped
from course.grading.inbox.intake import Record
from course.grading.inbox.lms import LMS, matches
from course.grading.notebook.defang import harmless
from course.grading.out.feedback import Grades, exercise, language_of
from course.grading.out.formats import fenced, points_of
from course.grading.results import judged_notebook
from course.grading.verdict import number
from course.language import _, speaking
from course.plain import escaped


def returned(course, assignment, lms, students):
    """Write the zip file with the feedback of the students who handed in at this LMS.

    Returns (its path, [(student, why there is nothing for them in it)]).

    Raises CourseError if nobody's feedback can be returned that way.
    """
    record = Record(course)
    files, left = {}, []
    for student in students or sorted(course.api.get_autograded_students(assignment)):
        about = record.of(assignment, student)
        found, why = {}, f"nothing of theirs was collected from {LMS[lms].title}"
        for notebook, entry in about.notebooks.items():
            page = course.path("feedback", assignment, student) / f"{notebook}.html"
            if entry["lms"] != lms:
                continue
            name = _name(lms, entry["file"], notebook)
            if name is None:
                why = (
                    "the notebook lay in a zip file, and Canvas takes back only what has the name "
                    "of a file that was handed in"
                )
            elif not page.exists():
                why = "there is no page of it"
            elif lms == "canvas":
                found[name] = _annotated(course, assignment, student, notebook)
            else:
                found[name] = page.read_bytes()
        if found and files.keys() >= found.keys():
            found, why = {}, "their group handed in one file, and the zip file returns it once"
        files |= found
        if not found:
            left.append((student, why))
    if not files:
        raise CourseError(
            f"No feedback of {assignment} can go back to {LMS[lms].title}. For example, "
            f"{left[0][0]} gets none, as {left[0][1]}."
            if left
            else f"No submission of {assignment} has been graded. Run: course grade {assignment}"
        )
    path = Path(f"feedback-{assignment}-{lms}.zip").absolute()
    write_atomically(path, zipped(files))
    return path, left


def _name(lms, collected, notebook):
    """The path in the zip file that goes back, from the one in the LMS's archive.

    None for a notebook in a student's own zip file at Canvas.
    """
    found = matches(lms, [collected])
    if not found:
        return None
    (match,) = found.values()
    if lms == "canvas":
        return match.string
    if lms == "moodle":
        return f"{match['name']}_{match['id']}_assignsubmission_file/feedback-{notebook}.html"
    folder = re.sub(r"(/| - )$", "", match.string[: match.start("file")])
    return f"{folder}/feedback-{notebook}.html"


def _annotated(course, assignment, student, notebook):
    """The graded notebook as JSON, with the points and reasons below each exercise."""
    path = course.path("autograded", assignment, student) / f"{notebook}.ipynb"
    names = {"notebook": notebook, "assignment": assignment, "student": student}
    resources = {"nbgrader": names | {"db_url": course.database}}
    nb = judged_notebook(path, assignment)
    nb, resources = Grades(parent=course.api).preprocess(nb, resources)
    with speaking(language_of(nb)):
        return _with_reasons(nb, assignment, resources["nbgrader"])


def _with_reasons(nb, assignment, about):
    said = nb.metadata.get("course", {})
    title = _("{assignment}: {points} of {maximum} points").format(
        assignment=escaped(assignment), points=number(about["score"]),
        maximum=number(about["max_score"]),
    )  # fmt: skip
    top = [f"**{title}**"]
    if late := about["late_penalty"]:
        less = _("{points} points less, because it was handed in late.")
        top.append(less.format(points=number(late)))
    if said.get("failed"):
        top.append(_("Not graded: {reason}").format(reason=escaped(said["failed"])))
    top += map(escaped, filter(None, [said.get("absent")]))
    repaired = _("Repaired: {repair}")
    top += [repaired.format(repair=escaped(text)) for text in said.get("repairs", ())]
    cells = [new_markdown_cell("\n\n".join(top))]
    for cell in nb.cells:
        comment = cell.metadata.get("nbgrader", {}).get("comment")
        graded = utils.is_grade(cell)
        judged = exercise(cell, said.get("failed")) if graded else None
        if graded and not utils.is_solution(cell):
            # The tests' own words stay with the instructor.
            cell, _resources = ClearHiddenTests().preprocess_cell(cell, {}, 0)
            cell.outputs = []
        cells.append(cell)
        if judged:
            lines = [f"**{escaped(judged.name)}: {points_of(judged)}** {judged.mark}"]
            for finding in judged.findings:
                lines += ["", *fenced(finding["message"])]
            cells.append(new_markdown_cell("\n".join(lines)))
        if comment:
            cells.append(new_markdown_cell(harmless(comment)))  # the formgrader's are Markdown
    nb.cells = cells
    return nbformat.writes(nb, version=nbformat.NO_CONVERT).encode("utf-8", "replace")
