"""Grade a class: choose the submissions, and spread them over the machine's cores.

Workers turn bytes into judged notebooks (`course.grading.worker`). Only this process writes the
results (`course.grading.book`).
"""

import json
import os
from concurrent import futures
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import islice

from nbgrader.api import Gradebook, MissingEntry

from course.grading import CourseError, late, meant, variants, worker
from course.grading.book import Book
from course.grading.inbox.intake import groups
from course.grading.job import Job, files_beside
from course.grading.judges import own_judges
from course.grading.notebook.source import official_cells, read_source, solution_cells
from course.grading.notebook.tables import changed_since
from course.grading.results import Result, read_result
from course.grading.sandbox import outside
from course.kit.meanwhile import meanwhile
from course.notebook.official import not_released
from course.plain import one_line

_SAY = partial(print, flush=True)
#: Submissions handed out for each worker. With more, verdicts would fill the memory while they wait
#: for the only writer.
_AHEAD = 4
_SETTINGS = ("Judge", "LimitOutput", "ClearOutput")


def grade(
    course,
    assignment,
    students=None,
    *,
    again=False,
    cells=None,
    sandbox=None,
    workers=None,
    scheduler=None,
    progress=lambda *_: None,
    say=_SAY,
):
    """Grade the submissions of an assignment. Returns a Result for each, failed ones included.

    Submissions that were graded and have not changed since are skipped, unless `again`. A student
    whose files cannot be read keeps the grades that are there. `cells` are the grade ids of
    exercises; only these are graded again. `sandbox` is one of `outside.SANDBOXES`. `workers` is
    the number of processes on this machine (default: one a core), `scheduler` the address of a Dask
    cluster to use instead. `progress(number, total, result)` is called after each submission, and
    `say(sentence)` if the assignment has changed, the cluster has no workers, or a submission takes
    long.

    Raises CourseError if the assignment was never released, nobody handed anything in, a
    timestamp.txt holds no time, or student code cannot be contained here.
    """
    job = job_of(course, assignment, sandbox)
    chosen = _chosen(course, assignment, students)
    known = {name for official in job.official.values() for name in official}
    for name in cells or ():
        if name not in known:
            raise CourseError(f"{assignment} has no exercise {name!r}.{meant(name, known)}")
    if not scheduler:  # on a cluster none of these files is there
        outside.keep_from_students(job.runs_in[0], course.private())
    if misplaced := course.misplaced(assignment):
        say(
            f"Not graded, because it is in no student's folder {assignment}: "
            f"{one_line(', '.join(misplaced))} (in {course.directory.submitted_directory}/). Move "
            "it there if it was handed in."
        )
    with Book(course, job, cells) as book:
        done = {s: Result(s, failed=why) for s in chosen if (why := book.unreadable(s))}
        readable = [student for student in chosen if student not in done]
        for student in readable:  # a time that is none is told before the work, not after it
            late.time_in(course.path("submitted", assignment, student))
        pending = [s for s in readable if again or cells or not book.is_done(s)]
        for sentence in _notices(course, job, list(filter(book.is_stale, pending))):
            say(sentence)
        left = [student for student in readable if student not in pending]
        book.penalise(left)  # due dates may have changed since
        done |= {s: read_result(course, assignment, s, book.gradebook) for s in left}
        given = job, pending, book.contents, workers, scheduler, say
        with closing(verdicts(*given)) as found:
            for student, verdict in found:
                book.save(student, verdict)
                done[student] = read_result(course, assignment, student, book.gradebook)
                progress(len(done), len(chosen), done[student])
        for members in groups(course, assignment):
            members = [student for student in members if student in done]
            got, differ = book.share(members) if len(members) > 1 else ((), {})
            if got:
                say(
                    f"{', '.join(map(one_line, sorted(got)))}: what a person graded for another "
                    "member of the group, who handed in the same file, holds here too."
                )
            for exercise, points in differ.items():
                said = ", ".join(f"{one_line(name)} {points[name]:g}" for name in sorted(points))
                say(
                    f"{exercise}: members of a group, who handed in the same file, have different "
                    f"points by hand ({said}). If that is not meant, change them for each in the "
                    "formgrader."
                )
            done |= {s: read_result(course, assignment, s, book.gradebook) for s in got}
    return [done[student] for student in chosen]


def _chosen(course, assignment, students):
    """The named students, or all who handed in. Raises CourseError if one of them has not."""
    handed_in = course.students(assignment)
    chosen = course.students_named(students) or handed_in
    if missing := [student for student in chosen if student not in handed_in]:
        raise CourseError(f"{', '.join(missing)} handed in nothing for {assignment}.")
    if not chosen:
        place = f"{course.directory.submitted_directory}/STUDENT/{assignment}"
        raise CourseError(
            f"Nobody has handed in {assignment}. Run: course collect submissions.zip. By hand, put "
            f"each student's notebook into {place}/."
        )
    return chosen


def _notices(course, job, stale):
    """Sentences about an assignment that has changed."""
    for path in course.notebooks(job.assignment):
        source, official = read_source(path), job.official[path.stem]
        names = not_released(source, official) + changed_since(source, path.parent, official)
        if names:
            yield (
                f"{path.name} in {course.directory.source_directory}/ was changed after its "
                f"release ({', '.join(names)}). Submissions are judged by what was released; to "
                f"judge by the new text, run first: course release {job.assignment}"
            )
    if stale:
        one = len(stale) == 1
        yield (
            f"{len(stale)} submission{'' if one else 's'} of {job.assignment} "
            f"{'was' if one else 'were'} graded before its tests, its solution, a file beside it, "
            f"a setting or the course itself changed. {'It is' if one else 'They are'} graded "
            "again; what a person graded stays."
        )


def job_of(course, assignment, sandbox=None):
    """The Job: all that the workers need to know about an assignment.

    Raises CourseError if it was never released, or if the configuration turns the sandbox off, and
    TraitError if a setting of the `Judge` is of another kind.
    """
    official, sources = released(course, assignment), course.notebooks(assignment)
    with Gradebook(course.database) as gradebook:
        (spec, *_) = (nb.kernelspec for nb in gradebook.find_assignment(assignment).notebooks)
    files = files_beside(course.path("release", assignment))
    solution = {path.stem: solution_cells(path, official[path.stem]) for path in sources}
    config = {name: dict(course.config[name]) for name in _SETTINGS if name in course.config}
    if not sandbox and config.get("Judge", {}).get("sandbox") == outside.UNSAFE:
        raise CourseError(
            "nbgrader_config.py turns the sandbox off (c.Judge.sandbox). Delete that line. To run "
            "student code with your own rights, ask for it each time: "
            "`course grade --unsafe-no-sandbox`."
        )
    kernelspec = json.loads(spec or "{}")
    job = Job(assignment, official, kernelspec, files, config, solution=solution)
    job = job.with_judge(sandbox=sandbox) if sandbox else job
    _ = job.runs_in  # raises here, and not in a worker
    return replace(job, codes=variants.codes(course, job))


def released(course, assignment):
    """{notebook: Release}. Raises CourseError if it, or a notebook of it, was never released."""
    if not course.is_released(assignment):
        raise CourseError(
            f"The gradebook does not know {assignment} yet. Run: course release {assignment}"
        )
    found = {}
    for path in course.notebooks(assignment):
        try:
            found[path.stem] = official_cells(course.database, assignment, path.stem, path)
        except MissingEntry:
            raise CourseError(
                f"{path} is not in the release of {assignment}. Move it away if it does not belong "
                f"there, or give it out: course release {assignment}"
            ) from None
    return found


# --- spread over workers


def verdicts(job, students, contents, workers=None, scheduler=None, say=_SAY):
    """Yield (student, Verdict) in the order in which they finish.

    `contents(student)` is a submission, {notebook: bytes of the file}; the others are as in
    `grade`.
    """
    if not students:
        return
    if scheduler and not find_spec("distributed"):
        raise CourseError(
            "--scheduler needs Dask, which is not installed. Install it: "
            'pip install "convnet-course[grading]"'
        )
    at_work = _AtWork(say)
    with meanwhile(at_work.look, at_work.every):
        if scheduler:
            from course.grading import cluster  # takes a second

            yield from cluster.spread(job, students, contents, at_work, scheduler)
        else:
            workers = min(workers or cores(), len(students))
            yield from _on_this_machine(job, students, contents, at_work, workers)


class _AtWork:
    """The submissions at work; `look` names them if none has finished since the last one."""

    every = 30  # seconds between two looks

    def __init__(self, say):
        self.say, self.at_once = say, 1
        self.begun = {}  # {key: student}, the one that began first comes first
        self._before, self._seconds = None, 0

    def look(self):
        now = list(self.begun.items())[: self.at_once]
        self._seconds = self._seconds + self.every if now == self._before else 0
        if now and self._seconds:
            names = ", ".join(one_line(student) for _, student in now)
            self.say(f"  still at work after {self._seconds} s: {names}")
        self._before = now


def _on_this_machine(job, students, contents, at_work, workers):
    """Yield (student, Verdict) from the cores of this machine.

    Threads are enough: each waits for the processes in which its submission runs and is judged.
    """
    pool = futures.ThreadPoolExecutor(workers)
    judges = own_judges()  # they and the box import their libraries at the same time
    job = replace(job, box=outside.box(*job.runs_in).address)
    _ = job.name  # worked out here; the copies that the judges get know it
    judges.prepare(job)

    def grade_one(student):
        at_work.begun[student] = student
        try:
            return worker.grade_submission(job, contents(student), judges, student)
        finally:
            del at_work.begun[student]

    at_work.at_once = workers
    waiting, running = iter(students), {}

    def hand_out(number):
        for student in islice(waiting, number):
            running[pool.submit(grade_one, student)] = student

    try:
        hand_out(_AHEAD * workers)
        while running:
            ready, _ = futures.wait(running, return_when=futures.FIRST_COMPLETED)
            for future in ready:
                yield running.pop(future), future.result()
                hand_out(1)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        if running:  # grading was stopped: this ends the submissions at work
            judges.close()


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
