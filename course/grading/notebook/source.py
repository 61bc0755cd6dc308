"""The instructor's notebooks: sources in solutions/, and what the gradebook says of their cells."""

import json
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from course.grading import CourseError
from course.grading.notebook import tables
from course.notebook.official import Official, Release, code_of
from course.notebook.read import decoded
from course.plain import one_line


def read_source(path):
    """A notebook of the instructor, as `nbformat.read` gives it.

    Raises CourseError, which names the file and says what to do, if nbgrader could not read it.
    """
    content = path.read_bytes()
    try:
        return _source_notebook(content)
    except ValueError as error:
        raise CourseError(f"{'/'.join(path.parts[-3:])} {error}") from None


def _source_notebook(content):
    if not content.strip(b"\0 \t\r\n"):
        raise ValueError("is empty. Take it back from version control or from a copy.")
    encoding = json.detect_encoding(content).upper().replace("-SIG", " with a byte-order mark")
    text, is_text = decoded(content)
    if not is_text or encoding != "UTF-8":
        said = f"is written in {encoding}" if is_text else "is not written in UTF-8"
        raise ValueError(
            f"{said}, and Jupyter and nbgrader read UTF-8 without a byte-order mark only. Open it "
            "in a text editor, and save it as UTF-8 (not: UTF-8 with BOM)."
        )
    try:
        json.loads(text)
    except ValueError as error:
        marks = (n for n, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<<"))
        if at := next(marks, None):
            raise ValueError(
                f"holds two versions from a merge conflict (line {at}). Keep one of them, and "
                "take out the lines that begin with <<<<<<<, ======= and >>>>>>>."
            ) from None
        raise ValueError(
            f"is not JSON; a notebook has to be JSON ({error}). Take it back from version control "
            "or from a copy."
        ) from None
    except RecursionError:
        raise ValueError("is nested deeper than any notebook is.") from None
    try:
        nb = nbformat.reads(text, 4)
        nbformat.validate(nb)
    except Exception as error:  # nbformat may raise any error for unexpected JSON
        reason = one_line(str(error).partition("\n")[0], 200) or type(error).__name__
        raise ValueError(
            f"is JSON, but not a notebook ({reason}). Open it in Jupyter and save it, or take it "
            "back from version control or from a copy."
        ) from None
    if not nb.cells:
        raise ValueError("has no cells. Take it back from version control or from a copy.")
    return nb


def official_cells(db_url, assignment, notebook, source_path=None):
    """The Release of a notebook, in the order of its source if that is there."""
    with Gradebook(db_url) as gradebook:
        entry = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: cell.max_score for cell in [*entry.grade_cells, *entry.task_cells]}
        solutions = {cell.name for cell in entry.solution_cells}
        tasks = {cell.name for cell in entry.task_cells}
        cells = {
            cell.name: Official(
                cell.name,
                cell.cell_type,
                cell.source or "",
                points.get(cell.name),
                solution=cell.name in solutions,
                locked=bool(cell.locked),
                task=cell.name in tasks,
                checksum=cell.checksum,
            )
            for cell in entry.source_cells
        }
    source = read_source(source_path) if source_path else nbformat.v4.new_notebook()
    return Release.of(cells, tables.placed(source))


def solution_cells(path, official):
    """`code_of` a source notebook, with the tables as they were released."""
    return code_of(tables.placed(read_source(path), tables.texts_in(official)))


def source_of(step, names):
    """The path of the source notebook of what nbgrader runs this step on, or None.

    `names` is nbgrader's resources["nbgrader"].
    """
    directory = step.parent.parent.coursedir
    folder = directory.format_path(directory.source_directory, ".", names["assignment"])
    path = Path(folder, f"{names['notebook']}.ipynb")
    return path if path.exists() else None
