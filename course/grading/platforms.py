"""The commands for other places than this folder: a pack, and a verdict with nothing but it."""

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from course.grading.commands import command, short, without_box
from course.language import _, speaking
from course.plain import one_line


@command("pack", "course pack 04-vgg -o vgg.course")
@click.argument("assignment")
@click.option(
    "-o", "--output", metavar="FILE",
    help="The pack (default: named after the assignment, such as 04-vgg.course).",
)  # fmt: skip
@click.option(
    "--with-answers", is_flag=True,
    help="Put the solution into it, too, for places where no student can read the pack: one "
    "mistake then never costs the exercises that build on it.",
)  # fmt: skip
def _pack(course, assignment, output, with_answers):
    """Write all that a verdict on ASSIGNMENT needs into one file.

    It holds the released cells, the tests, their points and the released files, but no answer of
    the model solution. `course judge` needs nothing else.
    """
    from course.grading import pack, variants
    from course.grading.grade import job_of

    course.chosen([assignment])
    path = Path(output or f"{assignment}.course")
    job = job_of(course, assignment)
    said = variants.about_the_class(course, job)
    pack.write(job, path, with_answers)
    size = path.stat().st_size / 1000
    click.echo(f"packed   {assignment}: {short(path)} ({size:.0f} kB)")
    hidden = [name for cells in job.official.values() for name in cells if cells[name].has_hidden]
    if with_answers or hidden:
        what = "the solution" if with_answers else f"the hidden tests of {len(hidden)} exercises"
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
@click.option(
    "--to", "targets", multiple=True, metavar="FILE",
    help="Write the verdict here (default: print it). Until there is one, the file says that "
    "nothing is graded yet. The verdict replaces it in one move.",
)  # fmt: skip
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
def _judge(files, pack_, forms, targets, students, within, sandbox):
    """Judge one submission with a pack, without a course folder or a gradebook.

    FILE is a notebook, or a folder in which it lies. The exit status is 0 for every verdict, and 1
    if there is none because of this machine, the pack or --within.
    """
    from course.grading import CourseError, pack
    from course.grading.folder import write_atomically
    from course.grading.job import NOT_KNOWN, Unknown
    from course.grading.out.formats import FORMATS
    from course.grading.sandbox import outside

    if len(forms) != len(targets) and (targets or len(forms) > 1):
        raise click.UsageError(
            f"Each --format needs a --to: there are {len(forms)} formats and {len(targets)} files."
        )

    def write(verdict, shown=True):
        for form, to in zip(forms, targets or [None], strict=True):
            # A student's text may hold half a surrogate pair, which UTF-8 cannot.
            content = FORMATS[form](verdict).encode("utf-8", "replace")
            if to:
                write_atomically(Path(to).absolute(), content)
            elif shown:
                click.echo(content, nl=False)

    read = [Path(pack_), *pack.handed_in(files).values()]
    for number, to in enumerate(targets):
        if Path(to).exists() and any(path.exists() and path.samefile(to) for path in read):
            raise click.UsageError(
                f"--to {to} would overwrite a file that is read. Name another file."
            )
        if Path(to).absolute() in {Path(other).absolute() for other in targets[:number]}:
            raise click.UsageError(f"--to {to} is there twice. Name a file for each format.")
    try:
        with _told_to_end() as told:
            write(pack.failed(pack_, pack.NOT_YET), shown=False)  # raises now what it would later
            job = pack.read(pack_, sandbox)
            folders = {Path(to).absolute().parent for to in targets}
            outside.keep_from_students(job.runs_in[0], [Path(pack_).absolute(), *sorted(folders)])
            student = job.student_among(students)
            job.of(student)  # raises before anything is started
            verdict = _judged(job, pack.handed_in(files), student, within, told)
    except CourseError as error:
        click.echo(f"course: {one_line(error)}", err=True)
        said = NOT_KNOWN if isinstance(error, Unknown) else str(error)
        with contextlib.suppress(CourseError):  # said just now: it cannot be written
            write(pack.failed(pack_, said))
        return 1
    write(verdict)
    return 0


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
