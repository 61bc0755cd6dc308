"""The command `course`: from the release to the report, thin over nbgrader."""

import argparse
import contextlib
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from course.plain import one_line


def main(arguments=None):
    """Run the command line; the exit status is 0, 1 for a problem, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    if options.run is _doctor:  # needs nothing of the instructor's half
        return _doctor(options)
    if not find_spec("course.grading"):
        print(
            "course: this is the students' copy of the course. It can do `course doctor`; "
            "releasing and grading are done in the instructor's folder.",
            file=sys.stderr,
        )
        return 1
    missing = [name for name in ("nbgrader", "distributed") if not find_spec(name)]
    if missing:
        print(
            f"course: {missing[0]} is missing. The instructor's half needs the extra `grading`:\n"
            '  pip install "convnet-course[grading]"',
            file=sys.stderr,
        )
        return 1
    from course.grading import CourseError
    from course.grading.troubles import as_a_sentence

    try:
        with contextlib.ExitStack() as options.ends:
            return options.run(options) or 0
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncourse: stopped. What was graded so far is in the gradebook.", file=sys.stderr)
        return 130
    except Exception as error:
        if not (sentence := as_a_sentence(error)):
            raise
        print(f"course: {sentence}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="course",
        description="Release, collect, grade and export the course's assignments.",
        epilog="Each command explains itself: course grade --help",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(run, name, text, example):
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"Example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument(
            "--course",
            metavar="FOLDER",
            help="the course's folder, with nbgrader_config.py (default: this one or one above)",
        )
        sub.set_defaults(run=run)
        return sub

    many = {"nargs": "*", "metavar": "ASSIGNMENT", "help": "such as 02-lenet (default: all)"}
    untried = {
        "action": "store_true",
        "help": "do not grade the assignment's own solution first, and release it whatever it gets",
    }
    student = {"action": "append", "metavar": "ID", "help": "only this student; may be repeated"}

    sub = command(
        _release,
        "release",
        "Write assignments/ from solutions/, without answers and hidden tests.",
        "course release 02-lenet",
    )
    sub.add_argument("assignment", **many)
    sub.add_argument(
        "--repository",
        metavar="URL",
        help="https address of the git repository that Colab gets the course from; it is written "
        "into the lectures, too (default: the folder's git remote, into assignments only)",
    )
    sub.add_argument("--no-trial", **untried)

    sub = command(
        _publish,
        "publish",
        "Write a copy of the course for students, without solutions, hidden tests and grading.",
        "course publish ../students --repository https://github.com/you/convnets",
    )
    sub.add_argument("folder", metavar="FOLDER", help="an empty or new one, or an earlier copy")
    sub.add_argument("assignment", **many)
    sub.add_argument(
        "--repository",
        metavar="URL",
        help="https address of the git repository that this copy will be, for Colab (default: the "
        "git remote of the folder)",
    )
    sub.add_argument("--no-trial", **untried)

    sub = command(
        _collect,
        "collect",
        "Take in the archive of submissions that your LMS lets you download.",
        "course collect submissions.zip",
    )
    sub.add_argument(
        "archive", metavar="ARCHIVE", help="the zip file as it was downloaded, or a folder"
    )
    sub.add_argument("--assignment", metavar="NAME", help="only submissions of this one")
    sub.add_argument(
        "--from",
        dest="lms",
        choices=(
            "gradescope", "moodle", "brightspace", "blackboard", "canvas", "classroom", "folders",
        ),
        help="the LMS that wrote the archive (default: told by the names in it)",
    )  # fmt: skip
    sub.add_argument(
        "--roster",
        metavar="CSV",
        help="a CSV file with a line for each student of the class: the LMS's own list, or one of "
        "yours with student_id and the LMS's number (lms_user_id) or the name",
    )
    sub.add_argument(
        "--timezone",
        metavar="ZONE",
        help="the time zone that the times of Blackboard, Brightspace and Moodle are in, such as "
        "Europe/Berlin (default: c.Exchange.timezone in nbgrader_config.py, else this machine's)",
    )

    sub = command(
        _grade,
        "grade",
        "Grade what was handed in, and print who lost which points and why.",
        "course grade 02-lenet",
    )
    sub.add_argument("assignment", **many)
    sub.add_argument("--student", **student)
    sub.add_argument(
        "--again", action="store_true", help="also submissions that are graded and have not changed"
    )
    sub.add_argument(
        "--cell",
        action="append",
        metavar="GRADE_ID",
        help="grade only this exercise anew, and keep the others' points; may be repeated",
    )
    where = sub.add_argument_group("where student code runs")
    where.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="processes on this machine (default: one a core)",
    )
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a Dask cluster to grade on, as tcp://host:8786, instead of this machine",
    )
    box = where.add_mutually_exclusive_group()
    box.add_argument(
        "--throw-away-container",
        dest="sandbox",
        action="store_const",
        const="throw-away container",
        help="do without the sandbox: this container holds nothing but the submissions, and is "
        "thrown away afterwards",
    )
    box.add_argument(
        "--unsafe-no-sandbox",
        dest="sandbox",
        action="store_const",
        const="none",
        help="do without the sandbox: student code has all your own rights. Grades are marked",
    )

    sub = command(
        _feedback,
        "feedback",
        "Write a feedback page for each graded submission.",
        "course feedback 02-lenet",
    )
    sub.add_argument("assignment", **many)
    sub.add_argument("--student", **student)

    sub = command(
        _export,
        "export",
        "Write the scores for a spreadsheet, Canvas, Moodle or Gradescope.",
        "course export 04-vgg --format canvas",
    )
    sub.add_argument("assignment", **many)
    sub.add_argument("--student", **student)
    sub.add_argument(
        "--format",
        choices=("scores", "canvas", "moodle", "gradescope"),
        default="scores",
        help="scores: every exercise of everybody (default); canvas, moodle: the file that their "
        "gradebooks import; gradescope: a results.json for each submission",
    )
    sub.add_argument(
        "--to",
        metavar="PATH",
        help="the file, for gradescope the folder (default: the format's name, as canvas.csv)",
    )
    sub.add_argument(
        "--into",
        metavar="CSV",
        help="the LMS's own file, of which a copy is filled in: Canvas's gradebook export, "
        "Moodle's grading worksheet of one assignment",
    )

    sub = command(
        _report,
        "report",
        "Write one page about the class: scores, exercises, and mistakes counted by cause.",
        "course report 04-vgg",
    )
    sub.add_argument("assignment", **many)
    sub.add_argument(
        "--to", metavar="PATH", default="report.html", help="the page (default: report.html)"
    )

    sub = command(
        _doctor,
        "doctor",
        "Look at the environment line by line: what is there, what is wrong, how to mend it.",
        "course doctor",
    )

    sub = command(
        _demo,
        "demo",
        "Show the whole way on a class of twelve: release, collect, grade, feedback, export.",
        "course demo",
    )
    sub.add_argument(
        "--folder", default="build/demo", help="where it is shown (default: build/demo)"
    )
    return parser


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("should be at least 1")
    return number


def _folder(options):
    from course.grading.course_folder import CourseFolder

    course = CourseFolder(options.course)
    if options.run is not _demo:  # which works in a folder of its own
        command = options.run.__name__.removeprefix("_")
        options.ends.enter_context(course.alone(command))
    return course


def _release(options):
    from course.grading.release import release, repository_of, stamp_lectures

    course = _folder(options)
    chosen = course.chosen(options.assignment)
    repository, said = repository_of(course, options.repository)
    for assignment in chosen:
        if not options.no_trial:
            _try_out(course, assignment)
        for path in release(course, assignment, repository):
            print(f"released {_short(path)}")
    for sentence in said:
        print(sentence, file=sys.stderr)
    if options.repository:
        for path in stamp_lectures(course, repository):
            print(f"stamped  {_short(path)}")


def _try_out(course, assignment):
    """Grade the solution. Raises CourseError if it does not get all points."""
    from course.grading import CourseError
    from course.grading.trial import trial

    problems, seconds, left_out = trial(course, assignment)
    if left_out:
        reason = left_out.splitlines()[0]
        print(f"{assignment} was not tried on its solution: {reason}", file=sys.stderr)
    elif problems:
        raise CourseError(
            f"{assignment} is not released, because its own solution fails:\n  "
            + "\n  ".join(problems)
            + "\nMend it in the source notebook, or release it untried with --no-trial."
        )
    else:
        print(f"tried    {assignment}: its solution passes every check ({seconds:.0f} s)")


def _publish(options):
    from course.grading.publish import publish

    course = _folder(options)
    chosen = course.chosen(options.assignment)
    if not options.no_trial:
        for assignment in chosen:
            _try_out(course, assignment)
    files, address = publish(course, options.folder, chosen, options.repository)
    print(f"{len(files)} files in {_short(options.folder)}: {', '.join(chosen)}")
    if address:
        print(f"Colab will get the course from {address}. Commit the folder, and push it there.")
    else:
        print(
            "The copy has no address that Colab could get the course from. If your students use "
            "Colab, make a repository for it, and run this again with --repository https://…"
        )


def _collect(options):
    from course.grading.collect import collect
    from course.handin import cells_of, receipt

    course = _folder(options)
    report = collect(
        course,
        options.archive,
        options.assignment,
        options.lms,
        options.roster,
        options.timezone,
    )
    for file, text in report.notes:
        print(f"note     {one_line(file)}: {one_line(text)}" if file else f"note     {text}")
    for student, assignment, file in report.taken:
        when = report.times[student, assignment]
        arrived = sorted(course.path("submitted", assignment, student).glob("*.ipynb"))
        marks = [receipt(cells) for path in arrived if (cells := cells_of(path))]
        about = ", ".join(filter(None, [when, *(f"receipt {mark}" for mark in marks)]))
        about = f"  ({about})" if about else ""
        print(f"taken    {assignment}  {student}  {one_line(file)}{about}")
    for file, reason in report.skipped:
        print(f"skipped  {one_line(file)}: {one_line(reason)}")
    if report.unimportant:
        print(f"({report.unimportant} files that no student handed in are left out)")
    print(f"{len(report.taken)} taken, {len(report.skipped)} skipped.")
    return 0 if report.taken else 1


def _grade(options):
    from course.grading import CourseError, kernels

    if not options.scheduler:
        with contextlib.suppress(CourseError):  # it is told when the box is needed
            kernels.box(options.sandbox or kernels.BUBBLEWRAP).start()
    from course.grading.grade import grade, table  # takes a second, while the box imports Keras

    course, failed = _folder(options), False
    students = course.students_named(options.student)
    for assignment in course.chosen(options.assignment):
        chosen = students
        if not options.assignment:  # all that there are: those who handed it in
            handed_in = course.students(assignment)
            chosen = [name for name in students or handed_in if name in handed_in]
            if not chosen:
                continue
        progress = _Progress(f"grading {assignment}")
        results = grade(
            course,
            assignment,
            chosen,
            again=options.again,
            cells=options.cell,
            sandbox=options.sandbox,
            workers=options.workers,
            scheduler=options.scheduler,
            progress=progress.graded,
        )
        progress.end()
        print(table(results))
        failed = failed or any(result.failed for result in results)
    return 1 if failed else 0


def _feedback(options):
    from course.grading.feedback import feedback
    from course.grading.late import penalise

    course, failed = _folder(options), False
    students = course.students_named(options.student)
    penalise(course, course.chosen(options.assignment))
    for assignment in course.chosen(options.assignment):
        graded = course.api.get_autograded_students(assignment)
        chosen = students or sorted(graded)
        if not options.assignment:
            chosen = [name for name in chosen if name in graded]
            if not chosen:
                continue
        progress = _Progress(f"feedback {assignment}")
        failures = feedback(course, assignment, chosen, progress.done)
        progress.end()
        for student, reason in failures:
            print(f"no feedback for {student}: {reason}")
        failed = failed or bool(failures)
    print(f"Feedback pages: {_short(course.root / course.directory.feedback_directory)}/")
    return 1 if failed else 0


def _export(options):
    from course.grading.export import export
    from course.grading.late import penalise
    from course.grading.scores import GRADED, MISSING

    course = _folder(options)
    course.students_named(options.student)
    penalise(course, course.chosen(options.assignment))
    done = export(
        course,
        options.format,
        course.chosen(options.assignment),
        options.student or (),
        options.to,
        options.into,
    )
    if len(done.paths) == 1:
        print(f"written: {_short(done.paths[0])}")
    else:
        first, last = _short(done.paths[0]), _short(done.paths[-1])
        print(f"{len(done.paths)} files written: {first} to {last}")
    for line in done.summary:
        print(line)
    for row in done.rows:
        if row["state"] not in (GRADED, MISSING):
            why = f" ({one_line(row['note'])})" if row["note"] else ""
            print(f"not final: {row['assignment']}  {row['student']}  {row['state']}{why}")
    if options.format != "scores" and any(row["state"] != GRADED for row in done.rows):
        print("Only final scores are exported.")
    for note in done.notes:
        print(f"note: {note}")


def _report(options):
    from course.grading.late import penalise
    from course.grading.report import report

    course = _folder(options)
    penalise(course, course.chosen(options.assignment))
    path = report(course, course.chosen(options.assignment), options.to)
    print(f"The class on one page: {_short(path)}")


def _doctor(options):
    from course.doctor import doctor

    return doctor(options.course or ".")


def _demo(options):
    from course.grading.demo import demo

    return demo(_folder(options), Path(options.folder), run=main)


class _Progress:
    """A line for each submission: number, rate, time left, and how it went."""

    def __init__(self, what):
        self.what, self.begun = what, time.monotonic()
        print(f"{what} ...", flush=True)

    def graded(self, number, total, result):
        outcome = "not graded" if result.failed else f"{result.score:g} / {result.maximum:g}"
        self.done(number, total, f"{one_line(result.student)}  {outcome}")

    def done(self, number, total, text):
        spent = time.monotonic() - self.begun
        left = spent / number * (total - number)
        left = f"{left:.0f} s" if left < 600 else f"{left / 60:.0f} min"
        rate = f"{60 * number / spent:.0f} a minute, {left} left"
        print(f"  {number:>{len(str(total))}}/{total}  {text}  ({rate})", flush=True)

    def end(self):
        print(f"{self.what}: done in {time.monotonic() - self.begun:.0f} s", flush=True)


def _short(path):
    path = Path(path).resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
