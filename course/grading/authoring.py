"""The commands of an assignment's author: begun, tried, released, published."""

import click

from course.grading.commands import (
    ASSIGNMENT,
    ASSIGNMENTS,
    command,
    fill,
    progress,
    short,
    start_the_box,
    to,
    without_box,
)
from course.plain import one_line


def _begin(folder, options):
    from course.grading.own.new import begin

    if path := begin(folder, options["name"]):
        click.echo(f"written  {short(path)}: this folder is now a course folder")


@command("new", "course new 09-mobilenet", early=_begin)
@click.argument("name")
@click.option("--variants", is_flag=True, help="Give each student another network.")
def _new(course, name, variants):
    """Begin an assignment of your own: a source notebook, its table, and a bank of answers.

    NAME is the assignment's name, such as 09-mobilenet. The new files work as they are, and no file
    is overwritten. In a folder without nbgrader_config.py, the command also begins a course.
    """
    from course.grading.own.new import new

    for path in new(course, name, variants):
        click.echo(f"written  {short(path)}")
    click.echo(f"Try it: course try {name}")


@command("try", "course try 09-mobilenet", early=start_the_box)
@ASSIGNMENT
@click.option(
    "--bank", metavar="FILE",
    help="The bank of right answers and mistakes (default: banks/ASSIGNMENT.py).",
)  # fmt: skip
@without_box
def _try(course, assignment, bank, sandbox):
    """Try an assignment before it is released: its source, its style, and its bank of answers.

    The solution should get all points and the untouched notebook none; each right answer of the
    bank should get all, and each mistake should cost its points and get its sentence. Nothing in
    the course's folder changes. The exit status is 1 if something is amiss.
    """
    from course.grading.own.trying import about, try_out

    course.chosen([assignment])
    answers, problems = about(course, assignment, bank)
    for problem in problems:
        click.echo(f"✗ {problem}")
    if not problems:
        click.echo(f"✓ the source of {assignment} and its bank")
    with progress(f"trying {assignment}", _tried) as done:
        for number, total, outcome in try_out(course, assignment, answers, sandbox):
            done(number, total, outcome)
            problems += outcome.problems
    if problems:
        found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        click.echo(f"{assignment} has {found}. Mend what is wrong, and try it once more.")
        return 1
    click.echo(f"{assignment} is as its bank says. Give it out: course release {assignment}")


def _tried(outcome):
    said = one_line(f"{outcome.name}: {outcome.got}", 200)
    lines = [f"{'✗' if outcome.problems else '✓'} {said}"]
    for problem in outcome.problems:
        lines += [f"      {one_line(line)}" for line in problem.splitlines()]
    return "\n".join(lines)


_NO_TRIAL = click.option(
    "--no-trial", is_flag=True,
    help="Do not grade the assignment's own solution first; release it whatever it would get.",
)  # fmt: skip


@command("release", "course release 02-lenet")
@ASSIGNMENTS
@click.option(
    "--repository", metavar="URL",
    help="Https address of the git repository that Colab gets the course from; it is written "
    "into the lectures, too (default: the folder's git remote, into assignments only).",
)  # fmt: skip
@_NO_TRIAL
def _release(course, assignments, repository, no_trial):
    """Write assignments/ from solutions/, without answers and hidden tests.

    ASSIGNMENT is a name such as 02-lenet (default: all).
    """
    from course.grading.out.release import look_at, release, stamp_lectures
    from course.grading.out.repository import repository_of

    chosen = course.chosen(assignments)
    look_at(course, chosen)  # before the trials, which take minutes
    address, said = repository_of(course, repository)
    for assignment in chosen:
        if not no_trial:
            _try_out(course, assignment)
        for path in release(course, assignment, address):
            click.echo(f"released {short(path)}")
    for sentence in said:
        click.echo(sentence, err=True)
    if repository:
        for path in stamp_lectures(course, address):
            click.echo(f"stamped  {short(path)}")


def _try_out(course, assignment):
    """Grade the solution. Raises CourseError if it does not get all points."""
    from course.grading import CourseError
    from course.grading.out.trial import trial

    problems, seconds, left_out = trial(course, assignment)
    if left_out:
        reason = left_out.splitlines()[0]
        click.echo(f"{assignment} was not tried on its solution: {reason}", err=True)
    elif problems:
        raise CourseError(
            f"{assignment} is not released, because its own solution fails:\n  "
            + "\n  ".join(problems)
            + "\nMend it in the source notebook, or release it untried with --no-trial."
        )
    else:
        click.echo(f"tried    {assignment}: its solution passes every check ({seconds:.0f} s)")


@command("variants", "course variants 10-small --roster class.csv --to codes.csv")
@ASSIGNMENT
@click.option(
    "--roster", metavar="CSV",
    help="Your LMS's list of the class, as `course collect` takes it. Its students are written "
    "into the gradebook first.",
)  # fmt: skip
@fill(
    "Moodle's grading worksheet of the assignment, of which a copy is filled in: each code as the "
    "comment."
)
@to("FILE", "Write this file (default: print the list; with --fill, moodle.csv).")
def _variants(course, assignment, roster, to, fill):
    """List the code of each student's variant of ASSIGNMENT, for you to give out.

    The codes follow from a key of this folder, variant.key, which the first use makes. Keep a copy
    of that file where no student can read it. Nobody can compute a code without it, and another key
    gives other codes.
    """
    from course.grading.out import codes
    from course.grading.out.scores import write

    course.chosen([assignment])
    notes = codes.enter(course, roster) if roster else []
    rows, band = codes.codes(course, assignment)
    if not rows:
        click.echo(f"{band}.")
        click.echo("The gradebook has no students yet: name a list of the class with --roster.")
        return 1
    count = len(rows)
    if fill:
        to = to or "moodle.csv"
        count, said = codes.fill(course, assignment, rows, fill, to)
        notes += said
    elif to:
        write(to, codes.COLUMNS, rows)
    else:
        for row in rows:
            click.echo(f"{row['code']}  {one_line(row['student_id'])}")
    for note in dict.fromkeys(notes):
        click.echo(f"note: {note}")
    if to:
        click.echo(f"written: {short(to)} ({count} student{'s' * (count != 1)})")
    click.echo(f"{band}.")


@command("publish", "course publish ../students --repository https://github.com/you/convnets")
@click.argument("copy", metavar="FOLDER")
@ASSIGNMENTS
@click.option(
    "--repository", metavar="URL",
    help="Https address of the git repository that this copy will be, for Colab (default: the git "
    "remote of FOLDER).",
)  # fmt: skip
@_NO_TRIAL
def _publish(course, copy, assignments, repository, no_trial):
    """Write a copy of the course for students, without solutions, hidden tests and grading.

    FOLDER is an empty or new one, or an earlier copy. ASSIGNMENT is a name such as 02-lenet
    (default: all).
    """
    from course.grading.out.publish import destination, publish
    from course.grading.out.release import look_at

    chosen = course.chosen(assignments)
    look_at(course, chosen)  # before the trials, which take minutes
    folder, address, before = destination(course, copy, repository)
    if not no_trial:
        for assignment in chosen:
            _try_out(course, assignment)
    files = publish(course, folder, chosen, address, before)
    click.echo(f"{len(files)} files in {short(folder)}: {', '.join(chosen)}")
    if address:
        click.echo(
            f"Colab will get the course from {address}. Commit the folder, and push it there."
        )
    else:
        click.echo(
            "The copy has no address that Colab could get the course from. If your students use "
            "Colab, make a repository for it, and run this again with --repository https://…"
        )
