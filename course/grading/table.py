"""The command for tables of an instructor's own: `course table`."""

import contextlib
import inspect
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import click

from course.grading import CourseError
from course.grading.commands import command, short
from course.plain import one_line


@command("table", "course table model.py:build --into tables/mobilenet.py", needs_course=False)
@click.argument("model", required=False, metavar="[MODEL]")
@click.option(
    "--into", metavar="FILE",
    help="Write the draft into this new file, such as tables/mobilenet.py (default: print it).",
)  # fmt: skip
def _table(model, into):
    """Draft a table of your own from a Keras model.

    MODEL is a file and the name of a function in it that makes the model, without arguments:
    model.py:build. The draft has a row for each row of `anatomy`, under the names of the layers.
    Write its source yourself. If no row can express a layer, the command names the layer and writes
    nothing.
    """
    if not model:
        raise click.UsageError("Name a MODEL, such as model.py:build.")
    _draft(model, into and Path(into))


def _draft(spec, into):
    from course.grading.folder import write_atomically
    from course.grading.tables import draft

    if into and into.exists():
        raise CourseError(f"{into} is there already. Name another file, or move that one away.")
    build = _function(spec)
    with _said_of(spec):
        table = draft.drafted(build, into.stem if into else Path(spec.rpartition(":")[0]).stem)
    constant, title = draft.constant_of(table.name), "Authors, title, year: write here."
    text = draft.text_of(table, constant, title)
    if not into:
        click.echo(text, nl=False)
        return
    into.parent.mkdir(exist_ok=True)
    write_atomically(into, text.encode())
    click.echo(f"wrote    {short(into)}: {constant}, {len(table.rows)} rows")
    click.echo("Write down where it was published (`source`), and read the rows.")


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
    from course.kit.quiet import quietly

    tables.look_in(path.parent)
    sys.path.insert(0, str(path.parent.resolve()))
    found = spec_from_file_location(path.stem, path)
    module = module_from_spec(found)
    with quietly(), _said_of(path):
        found.loader.exec_module(module)
    try:
        build = getattr(module, called)
    except AttributeError:
        there = [n for n, each in vars(module).items() if inspect.isfunction(each)]
        known = f" It has: {', '.join(there)}." if there else ""
        raise CourseError(f"{path} has no function {called}.{known}") from None
    return (lambda: build) if hasattr(build, "layers") else (lambda: build())


@contextlib.contextmanager
def _said_of(what):
    """Make a CourseError of whatever an instructor's own code raises."""
    from course.evidence.trace import TraceError
    from course.grading.tables.draft import NoTable

    try:
        yield
    except NoTable as error:
        reasons = "\n  ".join(error.reasons)
        raise CourseError(f"{what} cannot be written as a table:\n  {reasons}") from None
    except TraceError as error:
        raise CourseError(f"{what}: {error}") from None
    except (Exception, SystemExit) as error:
        said = one_line(f"{type(error).__name__}: {error}")
        raise CourseError(f"{what} stops with {said}") from error
