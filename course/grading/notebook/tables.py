"""An instructor's own tables in a notebook: the files that it imports, and the cell they become.

A source notebook imports them from files (`course.kit.tables`). Its release holds their texts in
one locked cell after the set-up cell, so that one file works everywhere.
"""

import ast
import contextlib
import re
import sys
import traceback

from nbformat.v4 import new_code_cell

from course.architectures import Table
from course.evidence.syntax import dotted, tree_of
from course.grading import CourseError
from course.kit import variant
from course.kit.tables import PACKAGE, file_of, given, text_of
from course.notebook.official import grade_id
from course.plain import one_line

CELL = PACKAGE  # the grade id of the cell with the tables
_CALL = "course.tables"
_HEAD = "# @title The tables of this notebook. Run this cell, too.\nimport course\n"
_META = {"grade": False, "grade_id": CELL, "locked": True, "schema_version": 3}
_META |= {"solution": False, "task": False}
_AT_STUDENTS = {"", PACKAGE, "course", "convnet_course", "numpy", *sys.stdlib_module_names}
_VARIANT = ast.parse("from tables.variant import variant").body[0]  # what course.variant() reads
_MARK = re.compile(r"### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)")


def embedded(nb, folder):
    """The notebook, with a cell of the tables that it imports from files at or above a folder.

    Raises CourseError with every reason why students could not import them.
    """
    if problems := problems_of(nb, folder):
        raise CourseError("\n  ".join(problems))
    texts, _ = _read(nb, folder)
    return placed(nb, texts)


def placed(nb, texts=()):
    """The notebook; if it imports tables, with a cell of these where its release has that cell.

    The code of a variant in it is left empty, for students to write theirs.
    """
    nb.cells = [cell for cell in nb.cells if not _is_ours(cell)]
    importing, place = _places(nb)
    if importing:
        for cell in _naming(nb):
            cell.source = variant.with_code(cell.source, "")
        about = {"nbgrader": dict(_META), "jupyter": {"source_hidden": True}, "cellView": "form"}
        nb.cells.insert(place, new_code_cell(written(dict(texts)), id=CELL, metadata=about))
    return nb


def texts_in(official):
    """{name: text} of the tables in a release's own cell; none if it has no such cell."""
    cell = official.get(CELL)
    if cell is None or f"{_CALL}(" not in cell.source:
        return {}
    call = ast.parse(cell.source).body[-1].value
    return {each.arg: ast.literal_eval(each.value) for each in call.keywords}


def has_variants(official):
    """Whether a locked cell of a release asks for the table of the student's variant."""
    return any(
        cell.type == "code" and _VARIANT in _imports(cell.source).values()
        for cell in official.values()
        if cell.locked
    )


def code_in(nb):
    """The code that a source notebook names, to be tried with; None if it has no variants."""
    return next((variant.code_in(variant.named_in(cell.source)) for cell in _naming(nb)), None)


def changed_since(nb, folder, official):
    """The files of tables whose texts are no longer those of the release."""
    now, then = _read(nb, folder)[0], texts_in(official)
    names = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
    return [f"{PACKAGE}/{name}.py" for name in names]


def written(texts):
    """The text of the cell with the tables {name: text}."""
    lines = "".join(f"    {name}={_quoted(texts[name])},\n" for name in sorted(texts))
    return f"{_HEAD}{_CALL}(\n{lines})"


def _quoted(text):
    """A text as a Python literal: in one piece if that is possible, otherwise line by line.

    Colab strips blanks at the ends of lines, and nothing else.
    """
    plain = f"r'''{text}'''"
    with contextlib.suppress(SyntaxError, ValueError):
        if ast.literal_eval(plain) == text and not re.search(r"[^\S\n]$", text, re.M):
            return plain
    lines = "".join(f"        {line!r}\n" for line in text.splitlines(keepends=True))
    return f"(\n{lines}    )" if lines else "''"


def _is_ours(cell):
    return grade_id(cell) == CELL and f"{_CALL}(" in cell.source


def _naming(nb):
    """The cells in which a code of a variant stands."""
    code = (cell for cell in nb.cells if cell.cell_type == "code" and not _is_ours(cell))
    code = (cell for cell in code if _VARIANT in _imports(cell.source).values())
    return [cell for cell in code if variant.named_in(cell.source) is not None]


def _places(nb):
    """(the numbers of the cells that import tables, the number that the cell with them gets).

    It stands after the set-up cell, or before the first cell that imports tables.
    """
    code = {n: cell.source for n, cell in enumerate(nb.cells) if cell.cell_type == "code"}
    importing = [n for n, source in code.items() if _imports(source)]
    set_up = [n + 1 for n, source in code.items() if "course.setup(" in source]
    return importing, (set_up or importing or [0])[0]


# --- what is imported


def _imports(source):
    """{name of a table's file: the statement that imports it} of a cell's text."""
    return _imports_in(tree_of(source))


def _imports_in(tree, inside=False):
    """The same of a syntax tree; `inside` a file of tables/, imports may be relative."""
    found = {}
    for statement, name in _modules_in(tree):
        package, _, module = name.partition(".")
        if (package == PACKAGE and module) or (package == "" and inside):
            found.setdefault(module, statement)
        elif name == "course.variant":
            found.setdefault("variant", _VARIANT)
    if any(dotted(node) == "course.variant" for node in ast.walk(tree)):
        found.setdefault("variant", _VARIANT)
    return found


def _modules_in(tree):
    """(statement, dotted name) of each module that a text imports.

    A name that begins with a dot is relative. `from tables import mobilenet` imports the module
    tables.mobilenet.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level
            if node.module not in (None, PACKAGE, "course"):
                yield node, start + node.module
            else:
                package = f"{node.module}." if node.module else start
                yield from ((node, package + alias.name) for alias in node.names)


def _read(nb, folder):
    """({name: text} of the files that a notebook and these files import, sentences about them)."""
    code = [cell.source for cell in nb.cells if cell.cell_type == "code" and not _is_ours(cell)]
    waiting = {name: "" for source in code for name in _imports(source)}
    texts, problems = {}, []
    while waiting:
        name, by = waiting.popitem()
        path, file = file_of(name, folder), f"{PACKAGE}/{name}.py"
        if name in texts:
            continue
        if path is None:
            problems.append(
                f"{by or 'it'} imports {PACKAGE}.{name}, and there is no file {file} beside the "
                "notebook or in a folder above it."
            )
            continue
        try:
            texts[name] = text_of(path)
            tree = compile(texts[name], file, "exec", ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
            problems.append(f"{file}{line} is not Python ({getattr(error, 'msg', error)}).")
            continue
        problems += [f"{file} {said}" for said in _unfit(texts[name], tree)]
        waiting |= {other: file for other in _imports_in(tree, inside=True)}
    return texts, problems


def problems_of(nb, folder):
    """Sentences about the imports of tables that would not work for students or the grader."""
    importing, place = _places(nb)
    if not importing:
        return []
    texts, problems = _read(nb, folder)
    graded = any(cell.metadata.get("nbgrader", {}).get("grade") for cell in nb.cells)
    statements = set()
    for number in importing:
        cell, named = nb.cells[number], _imports(nb.cells[number].source).values()
        statements |= {ast.unparse(statement) for statement in named}
        if number < place:
            problems.append(
                f"the cell {cell.get('id')} imports tables, and stands above the cell with "
                "course.setup(). Import them in a cell below that one."
            )
        meta = cell.metadata.get("nbgrader", {})
        may_change = not (meta.get("locked") or meta.get("solution"))
        if graded and may_change and {*named} != {_VARIANT}:
            problems.append(
                f"the cell {cell.get('id')} imports tables and is not read-only, so the grader "
                "would ask the student for them. Make it read-only in Jupyter's assignment toolbar."
            )
    for cell in nb.cells:
        if grade_id(cell) == CELL and not _is_ours(cell):
            problems.append(f"the grade id {CELL} is that of the cell with the tables. Rename it.")
    for statement in sorted(statements):
        if statement.endswith("import *"):
            problems.append(f"`{statement}`: name what is imported, so that the grader finds it.")
    if ast.unparse(_VARIANT) in statements:
        problems += _unnamed(nb)
    return problems or _tried(texts, sorted(statements))


def _unnamed(nb):
    """Why a notebook with variants names no code that it can be tried with."""
    cells = [cell for cell in _naming(nb) if not cell.metadata.get("nbgrader", {}).get("locked")]
    example = variant.EXAMPLE
    if len(cells) != 1:
        yield (
            f"it uses course.variant(), and {len(cells) or 'no'} cells that students can change "
            f'have a line such as course.variant("{example}"). One should: students write their '
            "code there. The release leaves it empty."
        )
        return
    try:
        variant.code_in(variant.named_in(cells[0].source))
    except ValueError as error:
        cell = cells[0].get("id")
        yield f"the cell {cell} names no code. {error} Any will do, such as {example}."


def _unfit(text, tree):
    """Why students cannot have a file as it is: it imports or shows what they should not need."""
    for statement, name in _modules_in(tree):
        root, _, rest = name.partition(".")
        if root not in _AT_STUDENTS or ("course" in root and rest.split(".")[0] == "grading"):
            yield (
                f"imports {name} (line {statement.lineno}), which students may not have. A table "
                "can import course.architectures, numpy, other tables and Python's own modules."
            )
    if mark := _MARK.search(text):
        yield f"holds {mark[0]}, and students read the whole file. Take it out."


def _tried(texts, statements):
    """Sentences about imports that fail, in the order of the statements."""
    problems = []
    with given(texts):
        for statement in statements:
            try:
                exec(statement, {"__name__": "__main__"})
                if statement == ast.unparse(_VARIANT):
                    variant.drawn(variant.EXAMPLE)
            except (Exception, SystemExit) as error:
                problems.append(_why(statement, error))
    return list(dict.fromkeys(problems))


def _why(statement, error):
    """Why an import fails: its file stops, or does not have the name."""
    frames = traceback.extract_tb(error.__traceback__)
    files = [frame for frame in frames if frame.filename.startswith(f"{PACKAGE}/")]
    said = one_line(f"{type(error).__name__}: {error}")
    if files:
        return f"{files[-1].filename} stops in line {files[-1].lineno} with {said}"
    module = sys.modules.get(getattr(error, "name", None) or "")
    names = vars(module).items() if module else ()
    there = sorted(name for name, value in names if isinstance(value, Table))
    has = f" It has the tables {', '.join(there)}." if there else ""
    return f"`{statement}` fails with {said}.{has}"
