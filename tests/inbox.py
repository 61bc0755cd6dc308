"""A course into which archives are collected, and archives made up for it."""

import shutil
import zipfile

import nbformat
from nbgrader.api import Gradebook

from course.cli import main
from course.grading.folder import CourseFolder
from tests.school import ROOT, source

WHEN = (2026, 11, 20, 12, 0, 0)


class Room:
    """A course with the assignments hw (p1.ipynb) and hw2 (q.ipynb)."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        for assignment, name, mark in (("hw", "p1", ""), ("hw2", "q", "2")):
            nb = source()
            for cell in nb.cells:
                cell.source = cell.source.replace("# Exercise ", f"# Exercise {mark}")
                if "nbgrader" in cell.metadata:
                    cell.metadata.nbgrader["grade_id"] = mark + cell.metadata.nbgrader["grade_id"]
            (folder / "solutions" / assignment).mkdir(parents=True)
            nbformat.write(nb, folder / "solutions" / assignment / f"{name}.ipynb")
        self.course = CourseFolder(folder)

    def notebook(self, text="", assignment="hw"):
        """A submission that can be told from others by a text."""
        (path,) = self.course.notebooks(assignment)
        nb = nbformat.read(path, 4)
        nb.cells[0].source = text
        return nbformat.writes(nb)

    def collect(self, *arguments):
        return main(["collect", "--course", str(self.folder), *map(str, arguments)])

    def submitted(self):
        """{student: text of the first cell} of hw."""
        return {
            path.parents[1].name: nbformat.read(path, 4).cells[0].source
            for path in self.folder.glob("submitted/*/hw/p1.ipynb")
        }

    def stamp(self, student, assignment="hw"):
        path = self.folder / "submitted" / student / assignment / "timestamp.txt"
        return path.read_text().strip() if path.exists() else None

    def number(self, student):
        return self.student(student).lms_user_id

    def student(self, student):
        with Gradebook(self.course.database) as gradebook:
            found = gradebook.find_student(student)
            gradebook.db.expunge(found)
            return found


def packed(path, files, compression=zipfile.ZIP_DEFLATED):
    """A zip archive of {name: text or bytes}, or of (name, content, date)."""
    files = [(*item, WHEN) for item in files.items()] if isinstance(files, dict) else files
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content, when in files:
            entry = zipfile.ZipInfo(name, when)
            entry.compress_type = compression
            archive.writestr(entry, content)
    return path
