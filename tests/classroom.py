"""A course folder of its own for a test, graded through the doors that an instructor uses."""

import shutil
from pathlib import Path

import nbformat

from course.cli import main
from course.grading.demo import answered, model_answers
from course.grading.folder import CourseFolder
from course.grading.own.bank import read_bank
from course.grading.results import read_result

ROOT = Path(__file__).parents[1]

# Our house style is asked of these, not of an instructor's own assignments that lie beside them.
OURS = (
    "01-convolution", "02-lenet", "03-alexnet", "04-vgg", "05-inception", "06-resnet",
    "07-comparison", "08-project", "09-mobilenet",
)  # fmt: skip
SOURCES = [path for name in OURS for path in sorted((ROOT / "solutions" / name).glob("*.ipynb"))]
# The last one shows how an instructor's own is made. Its table and its bank lie where those do, it
# has no lecture, and what is alike for all and takes long is tested with the others.
LESSONS = OURS[:-1]
LECTURES = [ROOT / "notebooks" / f"{name}.ipynb" for name in LESSONS]
BANKS = sorted([*(ROOT / "tests" / "bank").glob("[!_]*.py"), *(ROOT / "banks").glob("*.py")])


def bank_name(path):
    """vgg of tests/bank/vgg.py, mobilenet of banks/09-mobilenet.py."""
    return path.stem.partition("-")[2] or path.stem


def load_bank(name):
    """The bank of this name."""
    return read_bank(next(path for path in BANKS if bank_name(path) == name))


class Classroom:
    """An assignment released into a folder; submissions are written, graded and read back."""

    def __init__(self, folder, assignment="02-lenet", bank="lenet"):
        self.folder, self.assignment = folder, assignment
        shutil.copytree(ROOT / "solutions" / assignment, folder / "solutions" / assignment)
        shutil.copytree(ROOT / "tables", folder / "tables")
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        assert self.course("release", "--no-trial", assignment) == 0
        self.bank = load_bank(bank)
        self.name = Path(self.bank.NOTEBOOK).stem
        self.release = nbformat.read(folder / "assignments" / self.bank.NOTEBOOK, 4)
        self.solution = nbformat.read(folder / "solutions" / self.bank.NOTEBOOK, 4)
        self.right = model_answers(self.solution)

    def course(self, command, *arguments):
        return main([command, "--course", str(self.folder), *arguments])

    def written(self, **answers):
        """The release with right answers in all cells but those given (dashes as underscores)."""
        changed = {name.replace("_", "-"): source for name, source in answers.items()}
        return answered(self.release, {**self.right, **changed})

    def submit(self, student, notebook):
        """Hand a notebook (a NotebookNode, or the text or bytes of a file) in as a student."""
        folder = self.folder / "submitted" / student / self.assignment
        folder.mkdir(parents=True, exist_ok=True)
        if not isinstance(notebook, str | bytes):
            notebook = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
        content = notebook if isinstance(notebook, bytes) else notebook.encode()
        (folder / f"{self.name}.ipynb").write_bytes(content)

    def grade(self, student, notebook):
        """Hand in, grade with the command line, and read the result back."""
        self.submit(student, notebook)
        status = self.course("grade", self.assignment, "--student", student)
        return status, self.result(student)

    def result(self, student):
        return read_result(CourseFolder(self.folder), self.assignment, student)

    def points(self):
        """{grade id: points} of the test cells; answers that are graded by hand are left out."""
        return {
            cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
            for cell in self.solution.cells
            if cell.metadata.get("nbgrader", {}).get("grade")
            and not cell.metadata.nbgrader.solution
        }

    def automatic(self):
        """The points that can be had without a person."""
        return sum(self.points().values())
