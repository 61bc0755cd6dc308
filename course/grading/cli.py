"""The instructor's commands, from an archive to a report. Each calls a module of this package."""

import os
from pathlib import Path

import click

from course.grading.commands import (
    ASSIGNMENT,
    ASSIGNMENTS,
    STUDENTS,
    Trouble,
    command,
    fill,
    progress,
    short,
    start_the_box,
    to,
    without_box,
)
from course.plain import one_line


@command("collect", "course collect submissions.zip")
@click.argument("archive")
@click.option("--assignment", metavar="NAME", help="Only submissions of this one.")
@click.option(
    "--from", "lms",
    type=click.Choice(
        ["gradescope", "moodle", "brightspace", "blackboard", "canvas", "classroom", "folders"]
    ),
    help="The LMS that wrote the archive (default: recognised by the names in it).",
)  # fmt: skip
@click.option(
    "--roster", metavar="CSV",
    help="A CSV file with a line for each student of the class: the LMS's own list, or your own "
    "with the columns student_id and lms_user_id (the LMS's number) or name.",
)  # fmt: skip
@click.option(
    "--groups", metavar="COLUMN",
    help="The roster's column with the students' groups: what one member hands in is every "
    "member's.",
)  # fmt: skip
@click.option(
    "--timezone", metavar="ZONE",
    help="The time zone that the times of Blackboard, Brightspace and Moodle are in, such as "
    "Europe/Berlin (default: c.Exchange.timezone in nbgrader_config.py, else this machine's).",
)  # fmt: skip
def _collect(course, archive, assignment, lms, roster, timezone, groups):
    """Take in the archive of submissions that your LMS lets you download.

    ARCHIVE is the zip file as it was downloaded, or a folder.
    """
    from course.check.file import receipt
    from course.grading.inbox.collect import collect
    from course.notebook.read import read_notebook
    from course.notebook.renamed import start

    report = collect(course, archive, assignment, lms, roster, timezone, groups)
    for file, text in report.notes:
        click.echo(f"note     {one_line(file)}: {one_line(text)}" if file else f"note     {text}")
    for student, name, file in report.taken:
        arrived = sorted(course.path("submitted", name, student).glob("*.ipynb"))
        read = (read_notebook(start(path))[0] for path in arrived)
        marks = [receipt(nb.cells) for nb in read if nb is not None]
        about = [report.times[student, name], *(f"receipt {mark}" for mark in marks)]
        about = ", ".join(filter(None, about))
        about = f"  ({about})" if about else ""
        click.echo(f"taken    {name}  {student}  {one_line(file)}{about}")
    for file, reason in report.skipped:
        click.echo(f"skipped  {one_line(file)}: {one_line(reason)}")
    if report.unimportant:
        click.echo(f"({report.unimportant} files that no student handed in are left out)")
    click.echo(f"{len(report.taken)} taken, {len(report.skipped)} skipped.")
    return 0 if report.taken else 1


@command("grade", "course grade 02-lenet", early=start_the_box)
@ASSIGNMENTS
@STUDENTS
@click.option(
    "--again", is_flag=True, help="Also submissions that are graded and have not changed."
)
@click.option(
    "--cell", "cells", multiple=True, metavar="GRADE_ID",
    help="Grade only this exercise anew, and keep the others' points; may be repeated.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N",
    help="Processes on this machine (default: one a core).",
)  # fmt: skip
@click.option(
    "--scheduler", metavar="ADDRESS",
    help="A Dask cluster to grade on, such as tcp://host:8786, instead of this machine.",
)  # fmt: skip
@without_box
def _grade(course, assignments, students, **options):
    """Grade what was handed in, and print who lost which points and why.

    ASSIGNMENT is a name such as 02-lenet (default: all that were handed in).
    """
    from course.grading.grade import grade  # takes a second, while the box imports Keras
    from course.grading.results import table

    failed = False
    named = course.students_named(students)
    nothing = "Nobody has handed in anything yet. Run: course collect submissions.zip"
    for assignment, chosen in _handed_in(course, assignments, named, course.students, nothing):
        if not assignments and not course.is_released(assignment):
            click.echo(
                f"{assignment} is left out: it was handed in, and is not released yet. Run: course "
                f"release {assignment}",
                err=True,
            )
            failed = True
            continue
        with progress(f"grading {assignment}", _outcome) as done:
            results = grade(course, assignment, chosen, progress=done, **options)
        click.echo(table(results))
        failed = failed or any(result.failed for result in results)
    return 1 if failed else 0


def _handed_in(course, assignments, students, those_of, nothing):
    """[(assignment, its chosen students, or an empty list for all)].

    If no assignment is named, those in which no chosen student has work are left out. Raises
    Trouble with the sentence `nothing` if there is no such work.
    """
    if assignments:
        return [(assignment, students) for assignment in course.chosen(assignments)]
    found = []
    for assignment in course.chosen(assignments):
        there = those_of(assignment)
        if chosen := [name for name in students or there if name in there]:
            found.append((assignment, chosen))
    if not found:
        raise Trouble(nothing)
    return found


@command("feedback", "course feedback 02-lenet --for moodle")
@ASSIGNMENTS
@STUDENTS
@click.option(
    "--for", "lms", type=click.Choice(["moodle", "canvas", "brightspace"]),
    help="Also write a zip file that this LMS takes back for the whole class, such as "
    "feedback-02-lenet-moodle.zip.",
)  # fmt: skip
def _feedback(course, assignments, students, lms):
    """Write a feedback page for each graded submission.

    ASSIGNMENT is a name such as 02-lenet (default: all).
    """
    from course.grading.out.feedback import feedback
    from course.grading.out.returned import returned

    def graded(assignment):
        return sorted(course.api.get_autograded_students(assignment))

    failed = False
    named = course.students_named(students)
    nothing = "Nothing has been graded yet. Run: course grade"
    for assignment, chosen in _handed_in(course, assignments, named, graded, nothing):
        with progress(f"feedback {assignment}") as done:
            failures = feedback(course, assignment, chosen, done)
        for student, reason in failures:
            click.echo(f"no feedback for {student}: {reason}")
        failed = failed or bool(failures)
        if lms:
            path, left = returned(course, assignment, lms, chosen)
            click.echo(f"For {lms}: {short(path)}")
            for student, reason in left:
                click.echo(f"not in it: {student}, as {reason}")
    click.echo(f"Feedback pages: {short(course.root / course.directory.feedback_directory)}/")
    return 1 if failed else 0


@command("export", "course export 04-vgg --fill Grades.csv")
@ASSIGNMENTS
@STUDENTS
@click.option(
    "--format", "form", type=click.Choice(["scores", "canvas", "moodle"]),
    help="scores: every exercise of everybody (default); canvas, moodle: a file that their "
    "gradebooks import, if there is none to fill in.",
)  # fmt: skip
@fill(
    "The file that the LMS gave, of which a copy is filled in: Canvas's gradebook, Moodle's "
    "grading worksheet of one assignment, Blackboard's, Brightspace's or Gradescope's grades."
)
@to("FILE", "Write this file (default: named after the format, such as canvas.csv).")
def _export(course, assignments, students, form, to, fill):
    """Write the scores for a spreadsheet, or into the LMS's own file.

    ASSIGNMENT is a name such as 02-lenet (default: all).
    """
    from course.grading.out.export import export
    from course.grading.out.scores import GRADED, MISSING

    course.students_named(students)
    done = export(course, form, course.chosen(assignments), students, to, fill)
    if len(done.paths) == 1:
        click.echo(f"written: {short(done.paths[0])}")
    else:
        first, last = short(done.paths[0]), short(done.paths[-1])
        click.echo(f"{len(done.paths)} files written: {first} to {last}")
    for line in done.summary:
        click.echo(line)
    for row in done.rows:
        if row["state"] not in (GRADED, MISSING):
            why = f" ({one_line(row['note'])})" if row["note"] else ""
            click.echo(f"not final: {row['assignment']}  {row['student']}  {row['state']}{why}")
    if (fill or form in ("canvas", "moodle")) and any(row["state"] != GRADED for row in done.rows):
        click.echo("Only final scores are exported.")
    for note in done.notes:
        click.echo(f"note: {note}")


@command(
    "send", "course send 04-vgg --canvas https://canvas.example.edu/courses/12/assignments/345"
)
@ASSIGNMENT
@STUDENTS
@click.option(
    "--canvas", "address", required=True, metavar="URL",
    help="The assignment in Canvas, as the browser shows its address. The token of your account "
    "is read from the environment: CANVAS_TOKEN.",
)  # fmt: skip
@click.option("--go", is_flag=True, help="Send it (default: only say what would be sent).")
def _send(course, assignment, students, address, go):
    """Send scores, comments and feedback pages to Canvas.

    Only final scores are sent, and nothing twice: the command first asks Canvas what it has.
    """
    from course.grading.out import canvas
    from course.grading.out.feedback import feedback
    from course.grading.out.scores import scored

    course.chosen([assignment])
    there = canvas.Assignment(address, os.environ.get(canvas.TOKEN))
    students = course.students_named(students)
    failures = feedback(course, assignment, students)
    everything = list(scored(course, [assignment], students))
    names = [path.stem for path in course.notebooks(assignment)]
    ready = list(canvas.sendings(course, everything, names))
    try:
        numbers = {one.row["student"]: one.number["canvas"] for one in everything}
        found = there.look(ready, numbers)
    except canvas.NotSent as error:
        raise Trouble(f"{error}. Nothing was sent.") from None
    new, sent, failed = [sending for sending in found if not sending.done], 0, 0
    for number, (sending, why) in enumerate(there.send_all(new) if go else (), 1):
        sent, failed = sent + (why is None), failed + (why is not None)
        said = f"NOT sent  {sending.student}: {why}" if why else f"sent  {sending.student}"
        click.echo(f"{number}/{len(new)}  {said}  {'' if why else sending}".rstrip())
    if not go:
        for sending in new:
            click.echo(f"would send  {sending.student}  {sending}")
    for sending in ready:
        if sending not in found:
            click.echo(f"not in Canvas: {sending.student}")
    for one in everything:
        if one.result and one.final is None:
            click.echo(f"not final: {one.row['student']}  {one.row['state']}")
    for student, reason in failures:
        click.echo(f"no page, so nothing is sent: {student}  {reason}")
    would = f"Sent: {sent}." if go else f"To be sent with --go: {len(new)}."
    click.echo(f"In Canvas already: {len(found) - len(new)}. {would}")
    if failed:
        click.echo(
            f"Not sent: {len(new) - sent}"
            + (", as the rest was not tried" if sent + failed < len(new) else "")
            + ". Run it again: what has arrived is not sent twice."
        )
    return 1 if failed or failures else 0


@command("report", "course report 04-vgg")
@ASSIGNMENTS
@to("FILE", "Write the page here.", default="report.html", show_default=True)
def _report(course, assignments, to):
    """Write one page about the class: scores, exercises, and mistakes counted by cause.

    If the notebooks keep the runs of their checks, course.setup(keep_progress=True), the page also
    shows how the class came to its answers. ASSIGNMENT is a name such as 02-lenet (default: all).
    """
    from course.grading.out.report import report

    page = report(course, course.chosen(assignments), to)
    click.echo(f"The class on one page: {short(page)}")


@command("similar", "course similar 04-vgg --also ../course-2025")
@ASSIGNMENT
@click.option(
    "--also", multiple=True, metavar="FOLDER",
    help="Another course folder, or one with a folder or file for each submission, such as last "
    "year's; may be repeated. Pairs within it are not listed.",
)  # fmt: skip
@click.option(
    "--most", type=click.IntRange(min=1), default=20, show_default=True, metavar="NUMBER",
    help="Show this many pairs, the most alike first.",
)  # fmt: skip
def _similar(course, assignment, also, most):
    """List pairs of submissions that are more alike than is usual in the class.

    Both texts stand side by side on a page for you alone, in similar/. This proves nothing: it says
    what is worth reading.
    """
    from course.grading.out.similar import sentences, similar

    course.chosen([assignment])
    with progress(f"reading {assignment}", line=None) as done:
        found, path = similar(course, assignment, also, most, progress=done)
    for sentence in sentences(found):
        click.echo(sentence)
    click.echo(f"Side by side: {short(path)}")


@command("demo", "course demo", needs_course=False)  # it makes a folder of its own
@to(
    "FOLDER",
    "Write the course here: into a new folder, or that of an earlier demo, which is replaced.",
    former=["--folder"],
    default="build/demo",
    show_default=True,
)
def _demo(to):
    """Show every step on a made-up class of twelve: release, collect, grade, feedback, export."""
    from course.grading.demo import demo

    return demo(Path(to), run=click.get_current_context().obj)


def _outcome(result):
    outcome = "not graded" if result.failed else f"{result.score:g} / {result.maximum:g}"
    return f"{one_line(result.student)}  {outcome}"
