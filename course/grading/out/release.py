"""Write assignments/ from solutions/: check the source, then run nbgrader's generate_assignment.

Each released notebook is stamped with the address of the repository that Colab gets the course
from. The address goes into the setup cell. Below the title goes a badge that opens the notebook in
Colab. The instructor's own tables that it imports go into a cell of it.
"""

import re
import tempfile
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from course.grading import CourseError
from course.grading.folder import CourseFolder
from course.grading.notebook.problems import different_codes, language_problems, source_problems
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import embedded
from course.grading.settings import look_at_steps
from course.grading.troubles import of_the_gradebook
from course.language import known
from course.notebook.enclosed import enclosed, release_in
from course.notebook.official import grade_id
from course.notebook.read import read_notebook
from course.setup_cell import with_language

_LINE = re.compile(r'^REPOSITORY = "[^"]*"', re.MULTILINE)
_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)\n*")
_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_IN_GRADEBOOK = utils.is_grade, utils.is_solution, utils.is_task, utils.is_locked
_BESIDE = ".release-"  # how the name of the folder begins in which a release is made
_IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"


class Stamp(NbGraderPreprocessor):
    """Makes a notebook stand alone; the first step of nbgrader's generate_assignment.

    It gets the course's repository and language, and the tables that it imports.
    """

    repository = Unicode(
        "", help="https address of the git repository that Colab installs the course from."
    ).tag(config=True)
    language = Unicode(
        "", help='What set-up cells ask for: "de", "es", "zh" or "en"; "" leaves them as they are.'
    ).tag(config=True)

    def __init__(self, **about):
        super().__init__(**about)
        converter = self.parent and self.parent.parent
        if isinstance(converter, GenerateAssignment):
            _look_before(converter)

    def preprocess(self, nb, resources):
        """Stamp one notebook on its way into the release."""
        names = resources["nbgrader"]
        path = f"assignments/{names['assignment']}/{names['notebook']}.ipynb"
        nb = embedded(nb, resources["metadata"]["path"])
        return stamped(nb, self.repository, path, self.language), resources


def _look_before(converter):
    """Refuse what `course release` refuses, before nbgrader deletes the earlier release."""
    if Path(converter.coursedir.release_directory).name.startswith(_BESIDE):
        return  # `course release` has looked at it
    try:
        course = CourseFolder(converter.coursedir.root)
        look_at(course, sorted(Path(folder).name for folder in converter.assignments))
    except CourseError as error:
        converter.log.error("%s", error)
        raise NbGraderException(str(error)) from None


class Enclose(NbGraderPreprocessor):
    """Puts the released cells into the notebook's metadata; the last step of generate_assignment.

    With them, `course check` and the notebook's last cell see what the grader will repair.
    """

    def preprocess(self, nb, resources):
        """Enclose the cells as they are now, without solutions and hidden tests."""
        nb.metadata["course"] = {"release": enclosed(nb, resources["nbgrader"]["notebook"])}
        return nb, resources


def stamped(nb, repository, path, language=""):
    """The notebook with the address in its setup cell, and with a badge if it is on GitHub.

    `path` is the notebook's path in the repository. An empty address removes both. If there is a
    language, the first cell that calls `course.setup(…)` asks for it there.
    """
    source = f"git+{repository}" if repository else ""
    badge = ""
    if on_github := _GITHUB.fullmatch(repository):
        page = f"https://colab.research.google.com/github/{on_github[1]}/blob/main/{path}"
        badge = f"[![Open in Colab]({_IMAGE})]({page})\n\n"
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source = _LINE.sub(lambda _: f'REPOSITORY = "{source}"', cell.source, count=1)
            if language and (speaking := with_language(cell.source, language)) is not None:
                cell.source, language = speaking, ""
    title = nb.cells[0]
    if title.cell_type == "markdown":
        heading, _, rest = _BADGE.sub("", title.source).partition("\n\n")
        title.source = f"{heading}\n\n{badge}{rest}".rstrip("\n")
    return nb


def language_of(course):
    """The language in nbgrader_config.py (`c.Stamp.language`), or "".

    Raises CourseError if there is none of that name.
    """
    asked = course.config.Stamp.get("language") or ""
    try:
        return asked and known(asked)
    except ValueError as error:
        raise CourseError(
            f"nbgrader_config.py, c.Stamp.language: {error} docs/translating.md says how to add a "
            "language."
        ) from None


def stamp_lectures(course, repository):
    """Stamp notebooks/*.ipynb in place. Returns the paths that changed."""
    changed, language = [], language_of(course)
    for path in sorted((course.root / "notebooks").glob("*.ipynb")):
        nb = read_source(path)
        before = nbformat.writes(nb)
        after = nbformat.writes(stamped(nb, repository, f"notebooks/{path.name}", language))
        if before != after:
            path.write_text(after + "\n", encoding="utf-8")
            changed.append(path)
    return changed


def release(course, assignment, repository):
    """Write an assignment's student version. Returns the paths of the released notebooks.

    `repository` is the https address that Colab gets the course from, "" for none. Raises
    CourseError as `look_at` does.
    """
    look_at(course, [assignment])
    course.api.config.Stamp.update(repository=repository, language=language_of(course))
    look_at_steps(course.config, "GenerateAssignment")
    place = course.path("release", assignment)
    place.parent.mkdir(parents=True, exist_ok=True)
    # If nbgrader fails, it deletes what was there before. So it works in another folder: in the
    # same one as the release, as nothing can fill a disk when a folder there gets another name.
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=_BESIDE) as beside:
        with utils.temp_attrs(course.directory, release_directory=beside):
            result = course.api.generate_assignment(assignment)
            made = course.path("release", assignment)
        if not result["success"]:
            why = last_error(result)
            said = of_the_gradebook(why) or f"nbgrader could not release {assignment}:\n{why}"
            raise CourseError(said)
        _put(made, place, Path(beside, ".before"))
    return sorted(place.glob("*.ipynb"))


def _put(made, place, aside):
    """Give a folder the name of another one, which is there again if that fails."""
    there = place.exists()
    if there:
        place.rename(aside)
    try:
        made.rename(place)
    except OSError:
        if there:
            aside.rename(place)
        raise


def look_at(course, assignments):
    """Raise CourseError with every reason why an assignment cannot be released as it is.

    Also if somebody has answered a released notebook, which would be overwritten, or if exercises
    came or went of which the gradebook has points.
    """
    for assignment in assignments:
        look_at_source(course, assignment)
        _look_at_release(course, assignment)
        _look_at_gradebook(course, assignment)


def look_at_source(course, assignment):
    """Raise CourseError with every reason if an assignment's source cannot be released."""
    problems, language, paths = [], language_of(course), course.notebooks(assignment)
    for path in paths:
        problems += source_problems(path) or language_problems(path, language)
    problems = problems or list(different_codes(paths))
    if problems:
        raise CourseError(f"{assignment} cannot be released:\n  " + "\n  ".join(problems))


def _look_at_release(course, assignment):
    for path in sorted(course.path("release", assignment).glob("*.ipynb")):
        if names := _answered(path.read_bytes()):
            raise CourseError(
                f"{path} holds answers ({', '.join(names)}), and a release would overwrite it. To "
                "keep them, copy the file to another folder. Then delete it here, and release "
                "again."
            )


def _look_at_gradebook(course, assignment):
    if not course.is_released(assignment):
        return
    with Gradebook(course.database) as gradebook:
        entry = gradebook.find_assignment(assignment)
        if not entry.submissions:
            return
        before = {f"{notebook.name}.ipynb": _kinds_in(notebook) for notebook in entry.notebooks}
    now = {
        path.name: _kinds(embedded(read_source(path), path.parent))
        for path in course.notebooks(assignment)
    }
    said = "the names of its notebooks", _changes(before, now)
    if now.keys() == before.keys():
        changed = (file for file in now if now[file] != before[file])
        if (file := next(changed, None)) is None:
            return
        said = f"the names of the cells in {file}", _changes(before[file], now[file])
    raise CourseError(
        f"{assignment} cannot be released: submissions of it have been graded, and the gradebook "
        f"keeps their points by {said[0]} ({said[1]}). Keep these names. An exercise that should "
        "not count can have 0 points; a new one belongs into a new assignment. To begin anew and "
        "lose every grade of this assignment, those of people too: nbgrader db assignment remove "
        f"{assignment} --force, then release and grade."
    )


def _changes(before, now):
    """The names that came and went, in words."""
    changes = {
        "gone": before.keys() - now.keys(),
        "new": now.keys() - before.keys(),
        "of another kind": {n for n in before.keys() & now.keys() if before[n] != now[n]},
    }
    return "; ".join(
        f"{what}: {', '.join(sorted(names))}" for what, names in changes.items() if names
    )


def _kinds(nb):
    """{grade id: the kind of the cell} of all cells that the gradebook keeps."""
    return {
        grade_id(cell): (utils.is_grade(cell), utils.is_solution(cell), utils.is_task(cell))
        for cell in nb.cells
        if any(is_one(cell) for is_one in _IN_GRADEBOOK)
    }


def _kinds_in(entry):
    """The same of a notebook in the gradebook."""
    cells = (entry.grade_cells, entry.solution_cells, entry.task_cells)
    names = [{cell.name for cell in kind} for kind in cells]
    return {c.name: tuple(c.name in kind for kind in names) for c in entry.source_cells}


def _answered(content):
    """The grade ids of the cells that somebody has answered in a released notebook."""
    released, (nb, _) = release_in(content), read_notebook(content)
    if released is None or nb is None:
        return []
    texts = {grade_id(cell): cell.source for cell in nb.cells}
    _, official = released
    return [
        name
        for name, cell in official.items()
        if cell.solution and cell.is_answered(texts.get(name, ""))
    ]


def last_error(result):
    """The last line with an error of an nbgrader API result, else the first one of its log."""
    text = result.get("log") or result.get("error") or ""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line and not line.startswith("[")]
    errors = errors or [line for line in lines if line.startswith("[ERROR]")][:1]
    return (errors or lines or ["no reason was given"])[-1].strip()
