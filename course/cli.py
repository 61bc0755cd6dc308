"""The command `course`. In a student's copy of the course it can do `check` and `doctor`."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from course import __version__
from course.language import _, of_environment, speaking, spoken, use


class _Commands(click.Group):
    """The students' commands and, if the instructor's half of the course is there, its own."""

    def list_commands(self, context):
        return [*_instructors(), *_STUDENTS]

    def get_command(self, context, name):
        return _STUDENTS.get(name) or _instructors().get(name)

    def resolve_command(self, context, arguments):
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError:
            if not find_spec("course.grading"):
                use(of_environment())
                _refuse(
                    _(
                        "this is the students' copy of the course. It can do `course check` and "
                        "`course doctor`; releasing and grading are done in the instructor's "
                        "folder."
                    )
                )
            from course.grading import meant

            name = arguments[0]
            if close := meant(name, self.list_commands(context)):
                raise click.UsageError(f"There is no command {name!r}.{close}", context) from None
            raise


def _instructors():
    if not find_spec("course.grading"):
        return {}
    # They register their commands.
    from course.grading import authoring, cli, platforms, table  # noqa: F401
    from course.grading.commands import COMMANDS

    return COMMANDS


def _refuse(reason):
    click.echo(f"course: {reason}", err=True)
    raise click.exceptions.Exit(1)


def _refuse_file(file, error):
    _refuse(_("{file} cannot be read: {error}.").format(file=file, error=error.strerror))


@click.group(
    cls=_Commands,
    epilog="Each command explains itself: course grade --help",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
@click.pass_context
def course(context):
    """Release, collect, grade and export the course's assignments."""
    if context.invoked_subcommand in _STUDENTS:
        return use(of_environment())
    if context.invoked_subcommand in _instructors() and not find_spec("nbgrader"):
        _refuse(
            "nbgrader is missing. The instructor's half needs the extra `grading`:\n"
            '  pip install "convnet-course[grading]"'
        )


@click.command(
    "doctor", short_help="Look at the environment line by line.", epilog="Example: course doctor"
)
@click.option("--course", "folder", default=".", metavar="FOLDER", help="The course's folder.")
def _doctor(folder):
    """Look at the environment line by line: what is there, what is wrong, how to mend it."""
    from course.doctor import doctor

    return doctor(folder)


@click.command(
    "check", short_help="Look at a notebook before it is handed in.",
    epilog="Example: course check lenet.ipynb",
)  # fmt: skip
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--release", metavar="FILE",
    help="A fresh copy of the notebook, to compare with, if the one that is handed in has lost its "
    "own copy of the released cells.",
)  # fmt: skip
def _check(files, release):
    """Look at a notebook before it is handed in, as the grader will look at it.

    It says which exercises are answered and which are open, what is damaged, and how the grader
    will mend that. It does not say whether answers are right, because it runs nothing in the
    notebook. It ends with a receipt, which your instructor can compute again from what arrived.

    The exit status is 0 if every FILE is complete, and 1 if not.
    """
    from course.check.file import found_in, language_of
    from course.notebook.enclosed import release_in
    from course.notebook.renamed import start

    released = None
    if release is not None:
        try:
            released = release_in(start(Path(release)))
        except OSError as error:
            _refuse_file(release, error)
        if released is None:
            said = _("{file} holds no released cells. Name a copy as your course gives it out.")
            _refuse(said.format(file=release))
    complete = True
    for path in map(Path, files):
        try:
            content = start(path)
        except OSError as error:
            _refuse_file(path, error)
        with speaking(language_of(content) or spoken()):
            found = found_in(content, path.name, released=released)
            _say(found, path)
        complete &= found.complete
    return 0 if complete else 1


def _say(found, path):
    """Print what was Found in a file."""
    first, *rest = found.lines()
    click.echo(f"{'✓' if found.complete else '✗' if found.ailing else '○'} {first}")
    if not (found.problem or found.compared):
        said = _("Compare it with a fresh copy: course check --release FRESH.ipynb {file}")
        rest.append(said.format(file=path))
    for line in [*rest, *([] if found.problem else [found.receipt()])]:
        click.echo(f"  {line}")


_STUDENTS = {"check": _check, "doctor": _doctor}


def main(arguments=None):
    """Run the command line; the exit status is 0, 1 for a problem, 2 for a wrong call."""
    try:
        return course.main(arguments, "course", standalone_mode=False, obj=main) or 0
    except click.ClickException as error:  # a wrong call, or what an instructor can mend
        error.show()
        context = getattr(error, "ctx", None)
        if context and context.command.epilog:  # an example
            click.echo(context.command.epilog, err=True)
        return error.exit_code
    except click.Abort:
        click.echo("\ncourse: stopped. What was graded so far is in the gradebook.", err=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
