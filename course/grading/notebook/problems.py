"""Mistakes in a source notebook that would harm students or grading, each in a sentence."""

import ast
import re
import warnings
from contextlib import suppress

from IPython.core.inputtransformer2 import TransformerManager

from course.exercise import EXERCISE
from course.grading import CourseError
from course.grading.notebook.source import read_source
from course.grading.notebook.tables import code_in, problems_of
from course.setup_cell import with_language

_CONFLICT = ("<<<<<<<", ">>>>>>>")  # seven = also underline a heading in Markdown
_HEADING = re.compile(r"^#+ +(.*\((\d+) points?\)).*$", re.MULTILINE)
_KEYS = "schema_version", "grade_id", "grade", "solution", "locked"  # each cell of nbgrader's has
_TOTAL = re.compile(r"\b(\d+) points\b")


def source_problems(path):
    """Sentences about the mistakes in a source notebook that would harm students or grading."""
    try:
        nb = read_source(path)
    except CourseError as error:
        return [str(error)]
    places = {
        f"{path.name}, cell {number} ({cell.get('id', 'no id')})": cell
        for number, cell in enumerate(nb.cells, 1)
    }
    lacking = {where: said for where, cell in places.items() if (said := _lacking(cell))}
    if lacking:
        return [f"{where}: {said}" for where, said in lacking.items()]
    of_all = _points_problems(nb) + problems_of(nb, path.parent)
    problems, seen = [f"{path.name}: {said}" for said in of_all], set()
    for where, cell in places.items():
        problems += [f"{where}: {said}" for said in _text_problems(cell)]
        problems += [f"{where}: {said}" for said in _cell_problems(cell, seen)]
    return problems


def _lacking(cell):
    """A sentence if a cell lacks some of nbgrader's metadata, or None."""
    meta = cell.metadata.get("nbgrader")
    points = ["points"] if meta and (meta.get("grade") or meta.get("task")) else []
    if missing := [key for key in [*_KEYS, *points] if meta and key not in meta]:
        return (
            f"its nbgrader metadata lack {', '.join(missing)}. If an old nbgrader wrote them, run "
            "`nbgrader update .` in the course's folder. Otherwise set the kind of the cell anew "
            "in Jupyter's assignment toolbar."
        )
    return None


def _cell_problems(cell, seen):
    """Yield sentences about a cell. `seen` are the grade ids of those above it."""
    if any(line != line.rstrip() for line in cell.source.splitlines()):
        # Colab strips them; nbgrader then takes the cell for changed.
        yield "blanks at the end of a line; remove them."
    if cell.cell_type == "code" and (cell.outputs or cell.execution_count):
        yield "has outputs; clear them before you save."
    meta = cell.metadata.get("nbgrader")
    if not meta:
        return
    name = meta["grade_id"]
    if name in seen:
        yield f"the grade id {name} is used twice."
    seen.add(name)
    if meta["grade"] and not meta["solution"] and cell.cell_type == "code":
        said = EXERCISE.search(cell.source)
        if not said or said[1] != name:
            yield (
                f"its first line should be '# Exercise {name} ({meta['points']} points)', so that "
                "the cell is found again without its metadata."
            )
        elif f"({meta['points']} point" not in cell.source:
            yield "the text and the metadata disagree about the points."


def language_problems(path, language):
    """A sentence if a readable source cannot be released in a language ("" asks for none)."""
    if not language:
        return []
    code = [cell.source for cell in read_source(path).cells if cell.cell_type == "code"]
    named = (with_language(source, language) for source in code)
    texts = [text for text in named if text is not None]
    if texts and not _not_python(texts[0], {}):
        return []
    return [
        f"{path.name}: the release should speak {language!r} (c.Stamp.language in "
        "nbgrader_config.py), and it writes that into the call course.setup(…). No code cell has "
        "this call, or its arguments are not written as name=value. Write `import course` and "
        "`course.setup()` into the first code cell."
    ]


def different_codes(paths):
    """Yield a sentence if several notebooks name the codes of different students' variants.

    Then they cannot be tried as one student's submission.
    """
    named = {path.name: code for path in paths if (code := code_in(read_source(path)))}
    if len({*named.values()}) > 1:
        said = ", ".join(f"{code} in {name}" for name, code in named.items())
        yield f"its notebooks name different codes ({said}). A student has one: name it in each."


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
        # Magics and shell commands may stand there; locked cells are run by the grader itself.
        with suppress(SyntaxError):
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


def _points_problems(nb):
    """Sentences about a title, heading or check.progress whose points differ from the cells'."""
    points, tests, said = {}, {}, None  # by grade id: of all cells, of tests, in check.progress
    headings = []  # [the points that it says, those of the cells below it so far, its text]
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not meta.get("solution"):
            headings += [[int(found), 0, where] for where, found in _HEADING.findall(cell.source)]
        elif cell.cell_type == "code" and cell.source.lstrip().startswith("check.progress("):
            said = progress_in(cell.source)
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
        if name in points and name not in tests:
            problems.append(
                f"check.progress has points for {name}, which a person grades: it lists the points "
                "of checks only. Leave this name out there."
            )
        elif said.get(name) != tests.get(name):
            problems.append(
                f"check.progress has {said.get(name, 'no')} points for {name}, its cell has "
                f"{tests.get(name, 'none')}."
            )
    return problems


def progress_in(source):
    """{name: points} of a cell `check.progress({...})`; None if they are not written out."""
    try:
        return dict(ast.literal_eval(ast.parse(source).body[0].value.args[0]))
    except (SyntaxError, ValueError, TypeError, AttributeError, IndexError):
        return None
