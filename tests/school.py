"""A small graded class without kernels: verdicts are written as the judge would write them."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook

from course.cli import main
from course.diagnosis.causes import Cause
from course.grading.book import Book
from course.grading.folder import CourseFolder
from course.grading.grade import job_of
from course.grading.notebook.defang import Defang
from course.grading.verdict import Verdict, not_graded

ROOT = Path(__file__).parents[1]
STUB = "def f():\n    ### BEGIN SOLUTION\n    return 9\n    ### END SOLUTION"
TEST = """# Exercise {0} ({1} points)
secret_check = check.model(f)
### BEGIN HIDDEN TESTS
assert secret_check(f) == 9
### END HIDDEN TESTS"""


def cell(make, source, name, points=None, *, grade=False, solution=False, locked=False):
    meta = {"grade": grade, "grade_id": name, "locked": locked, "schema_version": 3}
    meta |= {"solution": solution, "task": False}
    if points is not None:
        meta["points"] = points
    return make(source, id=name, metadata={"nbgrader": meta})


def source():
    """An assignment with two judged exercises (6 and 8 points) and an essay (6)."""
    test = {"grade": True, "locked": True}
    cells = [
        new_markdown_cell("## 1 · Shapes", id="heading-shapes"),
        cell(new_code_cell, STUB, "shapes-answer", solution=True),
        cell(new_code_cell, TEST.format("shapes", 6), "shapes", 6, **test),
        new_markdown_cell("## 2 · Build and say why (14 points)", id="heading-build"),
        cell(new_code_cell, STUB, "build-answer", solution=True),
        cell(new_code_cell, TEST.format("build", 8), "build", 8, **test),
        cell(new_markdown_cell, "Why?", "essay", 6, grade=True, solution=True),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


LATE = """
from nbgrader.plugins import BasePlugin
class PointADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late // 86_400
"""


class School:
    """A released assignment; `hand_in` writes a graded submission into its gradebook."""

    def __init__(self, folder, assignment="hw"):
        self.folder, self.assignment = folder, assignment
        (folder / "solutions" / self.assignment).mkdir(parents=True)
        config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
        config += "\nc.AssignLatePenalties.plugin_class = 'late_days.PointADay'\n"
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        (folder / "late_days.py").write_text(LATE, encoding="utf-8")
        nbformat.write(source(), folder / "solutions" / self.assignment / "p1.ipynb")
        assert self.course("release", "--no-trial", assignment) == 0
        course = CourseFolder(folder)
        with Gradebook(course.database) as gradebook:
            gradebook.update_or_create_assignment(assignment, duedate="2026-01-01 00:00:00 UTC")
        self.job = job_of(course, assignment)

    def course(self, command, *arguments):
        return main([command, "--course", str(self.folder), *arguments])

    def judged(self, student):
        """The path of a judged notebook."""
        return self.folder / "autograded" / student / self.assignment / "p1.ipynb"

    def hand_in(
        self, student, *, shapes=(), build=(), manual=6, days_late=0, failed=None,
        repairs=(), sandbox="bubblewrap", first_name=None, last_name=None, lms_user_id=None,
    ):  # fmt: skip
        """A submission with these findings (row, cause, message); `manual=None` still waits.

        A finding about a choice also has the letter.
        """
        course = CourseFolder(self.folder)
        release = self.folder / "assignments" / self.assignment / "p1.ipynb"
        submitted = self.folder / "submitted" / student / self.assignment
        submitted.mkdir(parents=True, exist_ok=True)
        nb = nbformat.read(release, 4)
        if not (submitted / "p1.ipynb").exists():  # nothing was collected
            nbformat.write(nb, submitted / "p1.ipynb")
        if days_late:
            (submitted / "timestamp.txt").write_text(f"2026-01-{1 + days_late:02} 00:00:00 UTC\n")
        for cell, findings in zip((nb.cells[2], nb.cells[5]), (shapes, build), strict=True):
            cell.source = TEST
            cell.metadata["course"] = {
                "passed": not findings,
                "findings": [
                    {"row": row, "cause": Cause[cause].name, "message": message}
                    | ({"received": letter[0]} if letter else {})
                    for row, cause, message, *letter in findings
                ],
            }
            text = "\n".join(finding[2] for finding in findings)
            error = new_output("error", ename="CheckFailed", evalue=text, traceback=[text])
            cell.outputs = [error] if findings else []
        nb.cells[6].source = "Because."
        nb.metadata["course"] = {"sandbox": sandbox, "repairs": list(repairs)}
        nb, _ = Defang().preprocess(nb, {})
        verdict = Verdict({"p1": nbformat.writes(nb)}, seconds=1.25)
        if failed:
            verdict = not_graded(self.job, failed)
        with Book(course, self.job, None) as book:
            book.save(student, verdict)
        names = {"first_name": first_name, "last_name": last_name, "lms_user_id": lms_user_id}
        with Gradebook(course.database) as gradebook:
            gradebook.update_or_create_student(student, **{k: v for k, v in names.items() if v})
            if not failed and manual is not None:
                essay = gradebook.find_grade("essay", "p1", self.assignment, student)
                essay.manual_score, essay.needs_manual_grade = manual, False
            gradebook.db.commit()
