"""Write assignments/ from solutions/: check the source, then run nbgrader's generate_assignment.

Each released notebook is stamped with the address of the repository that Colab gets the course
from. The address goes into the setup cell. Below the title goes a badge that opens the notebook in
Colab. The instructor's own tables that it imports go into a cell of it.
"""

import ast
import re
import subprocess
import warnings
from contextlib import suppress

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from course.grading import CourseError
from course.grading.folder import BANKS
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import code_in, embedded, problems_of
from course.language import in_setup, known
from course.notebook.enclosed import enclosed
from course.notebook.pieces import EXERCISE

_CONFLICT = ("<<<<<<<", ">>>>>>>")  # seven = also underline a heading in Markdown
_LINE = re.compile(r'^REPOSITORY = "[^"]*"', re.MULTILINE)
_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)\n*")
_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_URL = re.compile(
    r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[\w.-]+)(?P<port>:\d+)?(?P<path>/[^\s?#]+)"
)
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[^\s:?#]+)(?P<port>)")  # as ssh and git
_HEADING = re.compile(r"^#+ +(.*\((\d+) points?\)).*$", re.MULTILINE)
_TOTAL = re.compile(r"\b(\d+) points\b")
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

    def preprocess(self, nb, resources):
        """Stamp one notebook on its way into the release."""
        names = resources["nbgrader"]
        path = f"assignments/{names['assignment']}/{names['notebook']}.ipynb"
        nb = embedded(nb, resources["metadata"]["path"])
        return stamped(nb, self.repository, path, self.language), resources


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
            if language and (speaking := in_setup(cell.source, language)) is not None:
                cell.source, language = speaking, ""
    title = nb.cells[0]
    if title.cell_type == "markdown":
        heading, _, rest = _BADGE.sub("", title.source).partition("\n\n")
        title.source = f"{heading}\n\n{badge}{rest}".rstrip("\n")
    return nb


def git_remote(folder):
    """The address of a folder's git remote `origin`, or "" if there is none."""
    return _git(folder, "remote", "get-url", "origin").strip()


def https(address):
    """The https form of a git address, without names and tokens; "" if it has none.

    `git@github.com:you/convnets.git` and `ssh://git@github.com/you/convnets.git` become
    https://github.com/you/convnets.git. A folder, or a host name from ~/.ssh/config, has none.
    """
    found = _URL.fullmatch(address) or _SCP.fullmatch(address)
    if not found or "." not in found["host"]:
        return ""
    host = re.sub(r"^(?:alt)?ssh\.", "", found["host"])  # GitHub's and GitLab's ssh on port 443
    port = found["port"] if address.startswith("http") else None
    return f"https://{host}{port or ''}/{found['path'].lstrip('/')}"


def repository_of(course, given):
    """(the https address that Colab gets the course from, sentences about it).

    `given` is the address from the command line. If it is None, nbgrader_config.py counts, then the
    git remote. Raises CourseError for a given address without an https form.
    """
    own = git_remote(course.root)
    asked = given if given is not None else course.config.Stamp.get("repository") or own
    address = https(asked)
    if asked and not address:
        if given:
            raise CourseError(f"The repository should be an https:// address. Received: {given}")
        return "", [
            f"The folder's git remote, {asked}, has no https address that Colab could use. "
            "Notebooks are released without an address; name one with --repository."
        ]
    if not address:
        return "", []
    said = [f"Colab will get the course from {address}"]
    secret = course.directory.source_directory, BANKS, "tests/bank"
    published = _git(course.root, "ls-files", "--", *secret)
    if published and address == https(own):
        said.append(
            "WARNING: that is the repository of this folder, and git keeps "
            f"{len(published.splitlines())} files of solutions and tests in it. Whoever can read "
            "the repository can read every solution. Give students a copy without them:\n"
            "  course publish ../students --repository https://…"
        )
    return address, said


def _git(folder, *arguments):
    try:
        command = ["git", "-C", str(folder), *arguments]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if said.returncode else said.stdout


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


def release(course, assignment, repository=None):
    """Write an assignment's student version. Returns the paths of the released notebooks.

    `repository` is the https address that Colab gets the course from; by default the git remote of
    the course's folder, "" for none.

    Raises CourseError with every reason if the source cannot be released as it is.
    """
    look_at_source(course, assignment)
    course.api.config.Stamp.repository, _ = repository_of(course, repository)
    course.api.config.Stamp.language = language_of(course)
    result = course.api.generate_assignment(assignment)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {assignment}:\n{last_error(result)}")
    return sorted(course.path("release", assignment).glob("*.ipynb"))


def look_at_source(course, assignment):
    """Raise CourseError with every reason if an assignment's source cannot be released."""
    problems, language, paths = [], language_of(course), course.notebooks(assignment)
    for path in paths:
        problems += source_problems(path) or _language_problems(path, language)
    problems = problems or list(_different_codes(paths))
    if problems:
        raise CourseError(f"{assignment} cannot be released:\n  " + "\n  ".join(problems))


def _language_problems(path, language):
    """A sentence if a readable source cannot be released in a language ("" asks for none)."""
    if not language:
        return []
    code = [cell.source for cell in read_source(path).cells if cell.cell_type == "code"]
    texts = [text for text in (in_setup(source, language) for source in code) if text is not None]
    if texts and not _not_python(texts[0], {}):
        return []
    return [
        f"{path.name}: the release should speak {language!r} (c.Stamp.language in "
        "nbgrader_config.py), and it writes that into the call course.setup(…). No code cell has "
        "this call, or its arguments are not written as name=value. Write `import course` and "
        "`course.setup()` into the first code cell."
    ]


def _different_codes(paths):
    """Why several notebooks cannot be tried as one student's: they name different variants."""
    named = {path.name: code for path in paths if (code := code_in(read_source(path)))}
    if len({*named.values()}) > 1:
        said = ", ".join(f"{code} in {name}" for name, code in named.items())
        yield f"its notebooks name different codes ({said}). A student has one: name it in each."


def source_problems(path):
    """Sentences about the mistakes in a source notebook that would harm students or grading."""
    try:
        nb = read_source(path)
    except CourseError as error:
        return [str(error)]
    problems, seen = _points_problems(nb, path.name), set()
    problems += [f"{path.name}: {problem}" for problem in problems_of(nb, path.parent)]
    for number, cell in enumerate(nb.cells, 1):
        where = f"{path.name}, cell {number} ({cell.get('id', 'no id')})"
        problems += [f"{where}: {problem}" for problem in _text_problems(cell)]
        if any(line != line.rstrip() for line in cell.source.splitlines()):
            # Colab strips them; nbgrader then takes the cell for changed.
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


def _text_problems(cell):
    """Sentences about mistakes in a cell's text. A merge conflict explains the others: it alone."""
    lines = cell.source.splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith(_CONFLICT):
            return [
                f"line {number} begins with {line[:7]}: the cell holds two versions from a merge "
                "conflict. Keep one of them, and take out the lines that begin with <<<<<<<, "
                "======= and >>>>>>>."
            ]
    meta = cell.metadata.get("nbgrader", {})
    problems = _region_problems(lines, "SOLUTION", "an answer", bool(meta.get("solution")))
    problems += _region_problems(lines, "HIDDEN TESTS", "a test", bool(meta.get("grade")))
    if cell.cell_type == "code" and (said := _not_python(cell.source, meta)):
        problems.append(said)
    return problems


def _region_problems(lines, what, kind, may_have):
    """Sentences about ### BEGIN and ### END lines that do not enclose anything, or in pairs."""
    begun, problems = None, []
    for number, line in enumerate(lines, 1):
        if f"BEGIN {what}" in line:
            if begun is not None:
                problems.append(f"line {begun} begins {what}, and line {number} does once more.")
            begun = number
        elif f"END {what}" in line:
            if begun is None:
                problems.append(f"line {number} ends {what}, and no line begins it.")
            elif not "".join(lines[begun : number - 1]).strip():
                problems.append(
                    f"there is nothing between lines {begun} and {number}, where {what} should be. "
                    "Write it there, or take both lines out."
                )
            begun = None
    if begun is not None:
        problems.append(f"line {begun} begins {what}, and no line ends it: add ### END {what}.")
    if not may_have and any(f"BEGIN {what}" in line for line in lines):
        problems.append(
            f"holds {what}, but its nbgrader metadata do not make it {kind}, so students would "
            "read it. Set the kind of the cell in Jupyter's assignment toolbar."
        )
    return problems


def _not_python(source, meta):
    """Why a code cell cannot run, or ""."""
    if not meta.get("locked") or meta.get("solution"):
        with suppress(
            SyntaxError
        ):  # magics and shell commands; the grader runs locked cells itself
            source = TransformerManager().transform_cell(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = (getattr(error, "text", "") or "").strip()
        at = f", line {error.lineno}: {line}" if line else ""
        return f"is not Python ({getattr(error, 'msg', error)}{at}). Mend that line."
    return ""


def _points_problems(nb, file):
    """Sentences about a title, heading or check.progress whose points differ from the cells'."""
    points, tests, headings, total, said = {}, {}, [], 0, None
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not meta.get("solution"):
            headings += [[int(found), 0, where] for where, found in _HEADING.findall(cell.source)]
        elif cell.cell_type == "code" and cell.source.lstrip().startswith("check.progress("):
            said = _progress(cell.source)
        if meta.get("grade") or meta.get("task"):
            name = meta["grade_id"]
            points[name] = meta["points"]
            if not meta["solution"]:
                tests[name] = meta["points"]
            if headings:
                headings[-1][1] += meta["points"]
    total, problems = sum(points.values()), []
    title = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    if (found := _TOTAL.search(title)) and int(found[1]) != total:
        problems.append(f"its title says {found[1]} points, its exercises have {total:g}.")
    for expected, got, where in headings:
        if expected != got:
            problems.append(f"{where!r} says {expected} points, the exercises below have {got:g}.")
    for name in dict.fromkeys([*tests, *(said or ())]) if said is not None else ():
        if said.get(name) != tests.get(name):
            problems.append(
                f"check.progress has {said.get(name, 'no')} points for {name}, its cell has "
                f"{tests.get(name, 'none')}."
            )
    return [f"{file}: {problem}" for problem in problems]


def _progress(source):
    """{name: points} of a cell `check.progress({...})`; None if they are not written out."""
    try:
        (call,) = ast.parse(source).body
        return dict(ast.literal_eval(call.value.args[0]))
    except (SyntaxError, ValueError, TypeError, AttributeError, IndexError):
        return None


def last_error(result):
    """The last line with an error of an nbgrader API result, or its last line."""
    text = result.get("log") or result.get("error") or ""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line and not line.startswith("[")]
    return (errors or lines or ["no reason was given"])[-1].strip()
