"""The commands that write what other platforms need to judge an assignment in a container."""

from pathlib import Path

import click

from course.grading.commands import command, short

_ASSIGNMENT = click.argument("assignment")
_OUTPUT = click.option(
    "-o", "--output", metavar="FILE",
    help="The zip file (default: named after the assignment and the platform).",
)  # fmt: skip


def _minutes(least, usual, most):
    return click.option(
        "--minutes", type=click.IntRange(least, most), default=usual, show_default=True,
        help="The time limit that you set there. A grading gives up shortly before, and says so.",
    )  # fmt: skip


@command("gradescope", "course gradescope 04-vgg")
@_ASSIGNMENT
@_OUTPUT
@_minutes(1, 10, 40)
def _gradescope(course, **options):
    """Write the autograder of ASSIGNMENT for Gradescope.

    It is a zip file to be uploaded as it is. The README.md in it says what to click.
    """
    _write(course, "GRADESCOPE", **options)


@command("prairielearn", "course prairielearn 04-vgg --image you/convnets")
@_ASSIGNMENT
@_OUTPUT
@click.option(
    "--image", "tag", metavar="NAME", required=True,
    help="The name that the grader's image will have where PrairieLearn fetches it.",
)  # fmt: skip
@_minutes(1, 10, 10)
def _prairielearn(course, **options):
    """Write ASSIGNMENT as a question for PrairieLearn, and the image of its grader.

    The README.md in the zip file says where they belong.
    """
    _write(course, "PRAIRIELEARN", **options)


@command("coursera", "course coursera 04-vgg")
@_ASSIGNMENT
@_OUTPUT
@_minutes(5, 20, 30)
def _coursera(course, **options):
    """Write the custom grader of ASSIGNMENT for Coursera.

    It is a zip file with a Dockerfile. The README.md in it says where it belongs.
    """
    _write(course, "COURSERA", **options)


def _write(course, where, assignment, output, minutes, tag=None):
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
    path = Path(output or f"{assignment}-{platform.form}.zip")
    write_atomically(path.absolute(), content)
    size = len(content) / 1e6
    click.echo(f"written  {short(path)} ({size:.1f} MB): the README.md in it says what to do.")
    click.echo("It holds the solution and the tests: keep it where no student can read it.")
    for sentence in said:
        click.echo(sentence)
