"""The command `course`. In a student's copy of the course its only command is `doctor`."""

import sys
from importlib.util import find_spec

import click

from course import __version__


class _Commands(click.Group):
    """`doctor` and, if the instructor's half of the course is there, its commands."""

    def list_commands(self, context):
        return [*_instructors(), "doctor"]

    def get_command(self, context, name):
        return _doctor if name == "doctor" else _instructors().get(name)

    def resolve_command(self, context, arguments):
        try:
            return super().resolve_command(context, arguments)
        except click.UsageError:
            if not find_spec("course.grading"):
                _refuse(
                    "this is the students' copy of the course. It can do `course doctor`; "
                    "releasing and grading are done in the instructor's folder."
                )
            raise


def _instructors():
    if not find_spec("course.grading"):
        return {}
    # They register their commands.
    from course.grading import cli, containers, github, platforms  # noqa: F401
    from course.grading.commands import COMMANDS

    return COMMANDS


def _refuse(reason):
    click.echo(f"course: {reason}", err=True)
    raise click.exceptions.Exit(1)


@click.group(
    cls=_Commands,
    epilog="Each command explains itself: course grade --help",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
@click.pass_context
def course(context):
    """Release, collect, grade and export the course's assignments."""
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


def main(arguments=None):
    """Run the command line; the exit status is 0, 1 for a problem, 2 for a wrong call."""
    try:
        return course.main(arguments, "course", standalone_mode=False, obj=main) or 0
    except click.ClickException as error:  # a wrong call, or what an instructor can mend
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("\ncourse: stopped. What was graded so far is in the gradebook.", err=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
