"""What all of the instructor's commands have in common."""

import contextlib
import functools
import time
from pathlib import Path

import click

COMMANDS = {}  # name -> command, in the order in which a course needs them


def command(name, example, needs_course=True, early=None):
    """A decorator that makes a command of a function whose first argument is a CourseFolder.

    No other command may run in the folder meanwhile. With `needs_course=False` the function gets no
    folder, and `--course` is accepted but not used. `early(folder, options)` is called first.
    """

    def register(function):
        @functools.wraps(function)
        def run(folder, **options):
            from course.grading.folder import CourseFolder
            from course.grading.troubles import as_a_sentence

            try:
                if early:
                    early(folder, options)
                if not needs_course:
                    return function(**options)
                found = CourseFolder(folder)
                click.get_current_context().with_resource(found.alone(name))
                return function(found, **options)
            except Exception as error:
                if said := as_a_sentence(error):
                    raise Trouble(said) from error
                raise

        folder = click.option(
            "--course", "folder", metavar="FOLDER", hidden=not needs_course,
            help="The course's folder, with nbgrader_config.py (default: this one or one above).",
        )  # fmt: skip
        made = click.command(
            name, short_help=function.__doc__.split("\n")[0], epilog=f"Example: {example}"
        )
        COMMANDS[name] = made(folder(run))
        return COMMANDS[name]

    return register


class Trouble(click.ClickException):
    """A problem that the instructor can solve; the message says how."""

    def show(self, file=None):
        click.echo(f"course: {self.message}", file=file, err=True)


ASSIGNMENT = click.argument("assignment")
ASSIGNMENTS = click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...")
STUDENTS = click.option(
    "--student", "students", multiple=True, metavar="ID", help="Only this student; may be repeated."
)


class _Option(click.Option):
    """An option that is shown with one name only, and taken under its former ones, too."""

    def __init__(self, names, former=(), **about):
        self._former = former
        super().__init__([*names, *former], **about)

    def get_help_record(self, context):
        """The option's line in the help of its command."""
        known = self.opts
        self.opts = [name for name in known if name not in self._former]
        try:
            return super().get_help_record(context)
        finally:
            self.opts = known


def to(metavar, about, *, former=(), **more):
    """The option --to: the file or folder that a command writes."""
    return click.option("--to", cls=_Option, former=former, metavar=metavar, help=about, **more)


def fill(about):
    """The option --fill: the LMS's own file, of which a command fills in a copy."""
    return click.option("--fill", cls=_Option, former=("--into",), metavar="CSV", help=about)


def start_the_box(folder, options):
    """Start the box at once, in which student code will run: Keras takes seconds there.

    Not if the settings name its backend: they are read later.
    """
    from course.grading import CONFIG, CourseError, course_folder
    from course.grading.sandbox import outside

    with contextlib.suppress(CourseError):  # reported when the course, or the box, is needed
        settings = course_folder(folder or ".") / CONFIG
        if not options.get("scheduler") and b"Judge.backend" not in settings.read_bytes():
            walls = options["sandbox"] or outside.BUBBLEWRAP
            outside.box(walls, outside.usual_backend()).start()


def without_box(function):
    """The options that do without the box."""
    container = click.option(
        "--throw-away-container",
        "sandbox",
        flag_value="throw-away container",
        default=None,
        help="Do without bubblewrap, in a container such as Docker's that is thrown away "
        "afterwards: as root, so that each submission gets a user of its own.",
    )
    unsafe = click.option(
        "--unsafe-no-sandbox",
        "sandbox",
        flag_value="none",
        help="Do without bubblewrap, whatever student code can then read and change. Grades are "
        "marked.",
    )
    return container(unsafe(function))


@contextlib.contextmanager
def progress(what, line=str):
    """Yields a function(number, total, result) that prints `line(result)` above a progress bar.

    With None for `line`, there is the bar alone.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    begun = time.monotonic()
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    click.echo(f"{what} ...")
    off = not console.is_terminal  # a file gets the lines alone
    with Progress(*columns, console=console, transient=True, disable=off) as bar:
        task = bar.add_task(what, total=None)

        def done(number, total, result):
            bar.update(task, completed=number, total=total)
            if line is not None:
                console.print(f"  {number:>{len(str(total))}}/{total}  {line(result)}")

        yield done
    click.echo(f"{what}: done in {time.monotonic() - begun:.0f} s")


def short(path):
    """A path as the instructor would type it here."""
    path = Path(path).resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
