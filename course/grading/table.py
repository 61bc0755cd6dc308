"""The command for tables of an instructor's own: `course table`."""

import ast
import contextlib
import inspect
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import click
from nbformat.v4 import new_code_cell, new_notebook

from course.grading import CourseError
from course.grading.commands import command, short, to
from course.kit.quiet import quietly
from course.plain import one_line


@command("table", "course table model.py:build --to tables/mobilenet.py", needs_course=False)
@click.argument("model", required=False, metavar="[MODEL]")
@to(
    "FILE",
    "Write the draft into this new file, such as tables/mobilenet.py (default: print it).",
    former=["--into"],
)
@click.option("--check", metavar="FILE", help="Prove the tables in this file.")
def _table(model, to, check):
    """Draft a table of your own from a Keras model, or prove one.

    MODEL is a file and the name of a function in it that makes the model, without arguments:
    model.py:build. The draft has a row for each row of `anatomy`, under the names of the layers.
    Write its source yourself. If no row can express a layer, the command names the layer and writes
    nothing.

    With --check, each table in FILE is proved: its rows, the counts of a Keras model that is built
    from them, and whether single mistakes are found. If MODEL is given, it has to pass the
    check. The exit status is 1 if something does not hold.
    """
    if check:
        return _check(Path(check), model)
    if not model:
        raise click.UsageError(
            "Name a MODEL, such as model.py:build, or a file with tables: --check tables/net.py."
        )
    return _draft(model, to and Path(to))


def _check(path, spec):
    with quietly():
        import keras  # noqa: F401 -- quietly
    from course.grading.tables.prove import proofs

    found = _tables_in(path)
    build = spec and _function(spec)
    if build and len(found) > 1:
        raise CourseError(
            f"{path} holds {', '.join(found)}: a MODEL can be compared with one only."
        )
    right = True
    for name, table in found.items():
        click.echo(name)
        with _said_of(spec or path):
            for holds, sentence in proofs(table, build):
                click.echo(f"  {'✓' if holds else '✗'} {sentence}")
                right &= holds
    return 0 if right else 1


def _tables_in(path):
    """{name: Table} of a file of a folder tables/, in the file's order, without imported ones.

    Raises CourseError if it holds none, or if students could not import it.
    """
    from course.architectures import Table
    from course.grading.notebook.tables import problems_of
    from course.kit import tables

    folder = _folder_of(path)
    if not path.is_file():
        raise CourseError(f"There is no file {path} here.")
    text = f"import {tables.PACKAGE}.{path.stem}"
    if problems := problems_of(new_notebook(cells=[new_code_cell(text)]), folder.parent):
        raise CourseError("\n  ".join([f"Students could not use {path}:", *problems]))
    tables.look_in(folder.parent)
    module = import_module(f"{tables.PACKAGE}.{path.stem}")
    tree = ast.parse(tables.text_of(path))
    named = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    imported = {alias.asname or alias.name for node in named for alias in node.names}
    every = vars(module).items()
    found = {n: each for n, each in every if isinstance(each, Table) and n not in imported}
    if not found:
        raise CourseError(f"{path} holds no Table.")
    return found


def _folder_of(path):
    """The folder tables/ of a file that can be imported as tables.name. Raises CourseError."""
    from course.kit import tables

    folder = path.resolve().parent
    importable = path.suffix == ".py" and path.stem.isidentifier()
    if folder.name != tables.PACKAGE or not importable:
        raise CourseError(
            f"FILE should be a Python file in a folder {tables.PACKAGE}/, such as "
            "tables/mobilenet.py, with letters, digits and underscores in its name. Received: "
            f"{one_line(str(path))}"
        )
    return folder


def _draft(spec, to):
    from course.grading.folder import write_atomically
    from course.grading.tables import draft, written

    if to:
        _folder_of(to)
        if to.exists():
            raise CourseError(f"{to} is there already. Name another file, or move that one away.")
    build = _function(spec)
    with _said_of(spec):
        table = draft.drafted(build, to.stem if to else Path(spec.rpartition(":")[0]).stem)
    constant, title = written.constant_of(table.name), "Authors, title, year: write here."
    text = written.text_of(table, constant, title)
    if not to:
        click.echo(text, nl=False)
        return 0
    to.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(to, text.encode())
    click.echo(f"wrote    {short(to)}: {constant}, {len(table.rows)} rows")
    click.echo(f"Write its source into it. Then: course table {spec} --check {short(to)}")
    return 0


def _function(spec):
    """The function `build` of `model.py:build`, which makes a model; a model made already will do.

    Raises CourseError if there is none.
    """
    name, colon, called = spec.rpartition(":")
    path = Path(name)
    if not colon or not called.isidentifier() or path.suffix != ".py":
        raise CourseError(
            f"MODEL should be a Python file and a function in it, as in model.py:build. "
            f"Received: {one_line(spec)}"
        )
    if not path.is_file():
        raise CourseError(f"There is no file {path} here.")
    from course.kit import tables

    tables.look_in(path.parent)
    sys.path.insert(0, str(path.parent.resolve()))
    found = spec_from_file_location(path.stem, path)
    module = module_from_spec(found)
    with quietly(), _said_of(path), _apart():
        found.loader.exec_module(module)
    try:
        build = getattr(module, called)
    except AttributeError:
        there = [n for n, each in vars(module).items() if inspect.isfunction(each)]
        known = f" It has: {', '.join(there)}." if there else ""
        raise CourseError(f"{path} has no function {called}.{known}") from None
    return lambda: _made(build, spec)


def _made(build, spec):
    """The Keras model that a function makes, or that it is; else CourseError."""
    with _apart():
        made = build() if callable(build) and not hasattr(build, "layers") else build
    if not hasattr(made, "layers"):
        why = " Its last line should be: return model." if made is None else ""
        raise CourseError(
            f"{spec} should be a function that returns a Keras model. "
            f"Received: {type(made).__name__}.{why}"
        )
    return made


def _apart():
    """What an instructor's own code prints goes to stderr: stdout holds the draft alone."""
    return contextlib.redirect_stdout(sys.stderr)


@contextlib.contextmanager
def _said_of(what):
    """Make a CourseError of whatever an instructor's own code raises."""
    from course.evidence.ends import TraceError
    from course.grading.tables.draft import NoTable

    try:
        yield
    except CourseError:
        raise
    except NoTable as error:
        reasons = "\n  ".join(error.reasons)
        raise CourseError(f"{what} cannot be written as a table:\n  {reasons}") from None
    except TraceError as error:
        raise CourseError(f"{what}: {error}") from None
    except (Exception, SystemExit) as error:
        said = one_line(f"{type(error).__name__}: {error}")
        raise CourseError(f"{what} stops with {said}") from error
