"""The commands that write what a repository on GitHub needs to judge an assignment."""

from pathlib import Path

import click

from course.grading.commands import command, short


@command("classroom50", "course classroom50 04-vgg -o ../classroom50/CLASSROOM/autograders/04-vgg")
@click.argument("assignment")
@click.option(
    "-o", "--output", metavar="FOLDER",
    help="The folder of the bundle (default: classroom50/ASSIGNMENT).",
)  # fmt: skip
def _classroom50(course, assignment, output):
    """Write the bundle with which Classroom 50 judges ASSIGNMENT.

    It belongs in the classroom's repository, as CLASSROOM/autograders/ASSIGNMENT. Everything in it
    is public, so hidden tests and answers are left out.
    """
    _write(course, assignment, "classroom50", output or f"classroom50/{assignment}")


@command("workflow", "course workflow 04-vgg -o ../vgg-template")
@click.argument("assignment")
@click.option(
    "-o", "--output", metavar="FOLDER",
    help="The repository that students get (default: workflow/ASSIGNMENT).",
)  # fmt: skip
def _workflow(course, assignment, output):
    """Write a GitHub workflow that judges ASSIGNMENT at each push, and all that it needs.

    Its files belong in the repository that students get a copy of. Students can read everything in
    it, so hidden tests and answers are left out.
    """
    _write(course, assignment, "workflow", output or f"workflow/{assignment}")


def _write(course, assignment, what, output):
    from course.grading.folder import write_atomically
    from course.grading.grade import job_of
    from course.grading.out import github

    course.chosen([assignment])
    job = job_of(course, assignment)
    written = getattr(github, what)(job)
    for name, content in written.items():
        path = Path(output, name).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        click.echo(f"written  {short(path)}")
    if left_out := github.hidden(job):
        click.echo(
            f"Students can read these files, so the hidden tests of {len(left_out)} exercises are "
            f"left out: {', '.join(left_out)}. A student who stores the answers to the visible "
            "tests passes there; `course grade` uses all tests."
        )
