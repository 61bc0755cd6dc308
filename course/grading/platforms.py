"""The commands for other places than this folder: what platforms need there, a pack, a verdict."""

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from course.grading.commands import ASSIGNMENT, command, short, to, without_box
from course.language import _, speaking
from course.plain import one_line

# --- platforms that judge in a container

_FORMER = "-o", "--output"
_ZIP_FILE = to(
    "FILE",
    "Write this zip file (default: named after the assignment and the platform).",
    former=_FORMER,
)


def _minutes(least, usual, most):
    return click.option(
        "--minutes", type=click.IntRange(least, most), default=usual, show_default=True,
        help="The time limit that you set there. A grading gives up shortly before, and says so.",
    )  # fmt: skip


@command("gradescope", "course gradescope 04-vgg")
@ASSIGNMENT
@_ZIP_FILE
@_minutes(1, 10, 40)
def _gradescope(course, **options):
    """Write the autograder of ASSIGNMENT for Gradescope.

    It is a zip file to be uploaded as it is. The README.md in it says what to click.
    """
    _write_zip(course, "GRADESCOPE", **options)


@command("prairielearn", "course prairielearn 04-vgg --image you/convnets")
@ASSIGNMENT
@_ZIP_FILE
@click.option(
    "--image", "tag", metavar="NAME", required=True,
    help="The name that the grader's image will have where PrairieLearn fetches it.",
)  # fmt: skip
@_minutes(1, 10, 10)
def _prairielearn(course, **options):
    """Write ASSIGNMENT as a question for PrairieLearn, and the image of its grader.

    The README.md in the zip file says where they belong.
    """
    _write_zip(course, "PRAIRIELEARN", **options)


@command("coursera", "course coursera 04-vgg")
@ASSIGNMENT
@_ZIP_FILE
@_minutes(5, 20, 30)
def _coursera(course, **options):
    """Write the custom grader of ASSIGNMENT for Coursera.

    It is a zip file with a Dockerfile. The README.md in it says where it belongs.
    """
    _write_zip(course, "COURSERA", **options)


def _write_zip(course, where, assignment, to, minutes, tag=None):
    from course.grading import variants
    from course.grading.folder import write_atomically, zipped
    from course.grading.grade import job_of
    from course.grading.notebook.source import read_source
    from course.grading.out import image

    platform = getattr(image, where)
    course.chosen([assignment])
    job = job_of(course, assignment)
    solved = {path.stem: read_source(path) for path in course.notebooks(assignment)}
    content = zipped(image.image(job, platform, minutes, solved, tag))
    said = variants.about_the_class(course, job)
    path = Path(to or f"{assignment}-{platform.form}.zip")
    write_atomically(path.absolute(), content)
    size = len(content) / 1e6
    click.echo(f"written  {short(path)} ({size:.1f} MB): the README.md in it says what to do.")
    click.echo("It holds the solution and the tests: keep it where no student can read it.")
    for sentence in said:
        click.echo(sentence)


# --- repositories on GitHub


@command(
    "classroom50", "course classroom50 04-vgg --to ../classroom50/CLASSROOM/autograders/04-vgg"
)
@ASSIGNMENT
@to("FOLDER", "Write the bundle here (default: classroom50/ASSIGNMENT).", former=_FORMER)
def _classroom50(course, assignment, to):
    """Write the bundle with which Classroom 50 judges ASSIGNMENT.

    It belongs in the classroom's repository, as CLASSROOM/autograders/ASSIGNMENT. Everything in it
    is public, so hidden tests and answers are left out.
    """
    _write_files(course, assignment, "classroom50", to or f"classroom50/{assignment}")


@command("workflow", "course workflow 04-vgg --to ../vgg-template")
@ASSIGNMENT
@to(
    "FOLDER",
    "Write into this repository, which students get (default: workflow/ASSIGNMENT).",
    former=_FORMER,
)
def _workflow(course, assignment, to):
    """Write a GitHub workflow that judges ASSIGNMENT at each push, and all that it needs.

    Its files belong in the repository that students get a copy of. Students can read everything in
    it, so hidden tests and answers are left out.
    """
    _write_files(course, assignment, "workflow", to or f"workflow/{assignment}")


def _write_files(course, assignment, what, to):
    from course.grading.folder import write_atomically
    from course.grading.grade import job_of
    from course.grading.out import github

    course.chosen([assignment])
    job = job_of(course, assignment)
    written = getattr(github, what)(job)
    for name, content in written.items():
        path = Path(to, name).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        click.echo(f"written  {short(path)}")
    if hidden := job.hidden:
        click.echo(
            f"Students can read these files, so the hidden tests of {len(hidden)} exercises are "
            f"left out: {', '.join(hidden)}. A student who stores the answers to the visible "
            "tests passes there; `course grade` uses all tests."
        )


# --- a pack, and a verdict with nothing but it


@command("pack", "course pack 04-vgg --to vgg.course")
@ASSIGNMENT
@to(
    "FILE",
    "Write this pack (default: named after the assignment, such as 04-vgg.course).",
    former=_FORMER,
)
@click.option(
    "--with-answers", is_flag=True,
    help="Put the solution into it, too, for places where no student can read the pack: one "
    "mistake then never costs the exercises that build on it.",
)  # fmt: skip
def _pack(course, assignment, to, with_answers):
    """Write all that a verdict on ASSIGNMENT needs into one file.

    It holds the released cells, the tests, their points and the released files, but no answer of
    the model solution. `course judge` needs nothing else.
    """
    from course.grading import pack, variants
    from course.grading.grade import job_of

    course.chosen([assignment])
    path = Path(to or f"{assignment}.course")
    job = job_of(course, assignment)
    said = variants.about_the_class(course, job)
    pack.write(job, path, with_answers)
    size = path.stat().st_size / 1000
    click.echo(f"packed   {assignment}: {short(path)} ({size:.0f} kB)")
    if with_answers or job.hidden:
        hidden = f"the hidden tests of {len(job.hidden)} exercises"
        what = "the solution" if with_answers else hidden
        click.echo(f"It holds {what}: keep it where no student can read it.")
    for sentence in said:
        click.echo(sentence)


_FORMATS = "json", "html", "md", "gradescope", "classroom50", "prairielearn", "coursera"


@command("judge", "course judge --pack vgg.course vgg.ipynb --format md", needs_course=False)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--pack", "pack_", required=True, metavar="FILE", help="What `course pack` wrote.")
@click.option(
    "--format", "forms", type=click.Choice(_FORMATS), multiple=True, default=["json"],
    show_default=True,
    help="json: everything, for programs; html: the feedback page; md: a page for a terminal or a "
    "job's summary; the others: the file that the platform reads. May be repeated, each with a "
    "--to of its own, in the same order.",
)  # fmt: skip
@to(
    "FILE",
    "Write the verdict here (default: print it). Until there is one, the file says that nothing "
    "is graded yet. The verdict replaces it in one move.",
    multiple=True,
)
@click.option(
    "--student", "students", multiple=True, metavar="ID",
    help="Whose submission it is, by id or e-mail address, if the assignment has variants. If it "
    "is repeated, the one whom the pack knows counts.",
)  # fmt: skip
@click.option(
    "--within", type=click.IntRange(min=1), metavar="SECONDS",
    help="Give up after this time on the clock, and say so in the verdict (default: never).",
)  # fmt: skip
@without_box
def _judge(files, pack_, forms, to, students, within, sandbox):
    """Judge one submission with a pack, without a course folder or a gradebook.

    FILE is a notebook, or a folder in which it lies. The exit status is 0 for every verdict, and 1
    if there is none because of this machine, the pack or --within.
    """
    from course.grading import CourseError, pack
    from course.grading.folder import write_atomically
    from course.grading.job import NOT_KNOWN, Unknown
    from course.grading.out.formats import FORMATS
    from course.grading.sandbox import outside

    _check_targets(forms, to, [Path(pack_), *pack.files_in(files).values()])

    def write(verdict, shown=True):
        for form, target in zip(forms, to or [None], strict=True):
            # A student's text may hold half a surrogate pair, which UTF-8 cannot.
            content = FORMATS[form](verdict).encode("utf-8", "replace")
            if target:
                write_atomically(Path(target).absolute(), content)
            elif shown:
                click.echo(content, nl=False)

    try:
        with _told_to_end() as told:
            write(pack.failed(pack_, pack.NOT_YET), shown=False)  # raises now what it would later
            job = pack.read(pack_, sandbox)
            folders = {Path(target).absolute().parent for target in to}
            outside.keep_from_students(job.runs_in[0], [Path(pack_).absolute(), *sorted(folders)])
            student = job.student_among(students)
            job.of(student)  # raises before anything is started
            verdict = _judged(job, pack.files_in(files), student, within, told)
    except CourseError as error:
        click.echo(f"course: {one_line(error)}", err=True)
        said = NOT_KNOWN if isinstance(error, Unknown) else str(error)
        with contextlib.suppress(CourseError):  # said just now: it cannot be written
            write(pack.failed(pack_, said))
        return 1
    write(verdict)
    return 0


def _check_targets(forms, targets, read):
    """Raise UsageError unless each format has a file of its own, which is none of those read."""
    if len(forms) != len(targets) and (targets or len(forms) > 1):
        raise click.UsageError(
            f"Each --format needs a --to: there are {len(forms)} formats and {len(targets)} files."
        )
    for number, target in enumerate(targets):
        if Path(target).exists() and any(path.exists() and path.samefile(target) for path in read):
            raise click.UsageError(
                f"--to {target} would overwrite a file that is read. Name another file."
            )
        if Path(target).absolute() in {Path(other).absolute() for other in targets[:number]}:
            raise click.UsageError(f"--to {target} is there twice. Name a file for each format.")


def _judged(job, files, student, within, told):
    """The Verdict. Raises CourseError if `told` gets an item, or after `within` seconds."""
    from course.grading import CourseError, pack
    from course.grading.judges import own_judges

    begun, judges = time.monotonic(), own_judges()
    with ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(pack.judge, job, files, judges, student)
        while not verdict.done():
            time.sleep(0.05)
            late = within and time.monotonic() - begun > within
            if told or late:
                judges.close()  # which ends the submission
                with speaking(job.language):
                    said = (
                        _("The grader was stopped before it had finished. Grade it again.")
                        if told
                        else _(
                            "It was not finished after {count} seconds, and grading was given up. "
                            "Most often the cause is a cell that does not end."
                        )
                    )
                raise CourseError(said.format(count=within))
        return verdict.result()


@contextlib.contextmanager
def _told_to_end():
    """Yields a list that gets an item when this process is asked to end.

    A handler that raises an error would do so anywhere, also where it is swallowed.
    """
    told = []
    numbers = signal.SIGTERM, signal.SIGINT
    before = [signal.signal(number, lambda *_: told.append(True)) for number in numbers]
    try:
        yield told
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
