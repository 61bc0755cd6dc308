"""A class graded: submissions spread over workers, verdicts written into nbgrader's gradebook.

Workers turn bytes into judged notebooks (`course.grading.worker`). Only this process writes: each
verdict goes into the gradebook first, by nbgrader's own steps, and then, in one move, the judged
notebook into autograded/, with the digest of what was graded. That file says "done": whatever
kills a run, the next one goes on where it was.
"""

import itertools
import json
import logging
import os
import shutil
import threading
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from traitlets.config import Config

from course.findings import Cause
from course.grading import CourseError, hand, late, worker
from course.grading.folder import write_atomically
from course.grading.notebook import renamed
from course.grading.notebook.read import read_source
from course.grading.notebook.repair import official_cells
from course.grading.notebook.solution import code_of, not_released
from course.grading.sandbox import kernels
from course.grading.verdict import judge
from course.plain import one_line

_SAY = partial(print, flush=True)
_SETTINGS = ("Judge", "LimitOutput", "ClearOutput", "Defang")
_GLANCE = 3  # seconds between two looks at the cluster's workers
_MAX_REASON = 20  # lines of a reason why something was not graded


@dataclass
class Result:
    """One student's submission: points, what was lost and why, or why it could not be graded."""

    student: str
    score: float = 0.0
    maximum: float = 0.0
    lost: list = field(default_factory=list)  # (grade id, points, [message, ...])
    remarks: list = field(default_factory=list)  # (grade id, with which official answer it passed)
    repairs: list = field(default_factory=list)
    failed: str | None = None
    manual: bool = False  # an answer waits for a person
    by_hand: str | None = None  # why it could not be graded; a person has graded all of it
    late: float = 0.0  # points taken off by nbgrader's plugin for late submissions
    contained: bool = True  # student code ran in a box
    files: dict = field(default_factory=dict)  # {notebook: SHA-256 of the file that was graded}


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

    Submissions that are graded and have not changed since are left alone, unless `again`. `cells`
    (grade ids) grades only these anew. `sandbox` is one of `kernels.SANDBOXES`. `workers` is the
    number of processes on this machine (default: one a core), `scheduler` the address of a Dask
    cluster that is used instead. `progress(number, total, result)` is called after each, and
    `say(sentence)` if the assignment has changed, the cluster has no workers, or a submission
    takes long.

    Raises CourseError if the assignment was never released, nobody handed anything in, or student
    code cannot be contained here.
    """
    if not course.released(assignment):
        raise CourseError(
            f"The gradebook does not know {assignment} yet. Run: course release {assignment}"
        )
    handed_in = course.students(assignment)
    chosen = course.students_named(students) or handed_in
    if missing := [student for student in chosen if student not in handed_in]:
        raise CourseError(f"{', '.join(missing)} has not handed in {assignment}.")
    if not chosen:
        raise CourseError(
            f"Nobody has handed in {assignment}: {course.directory.submitted_directory}/ holds no "
            f"submission of it. Run: course collect submissions.zip"
        )
    job = _job(course, assignment, sandbox)
    unknown = set(cells or ()) - {name for cells in job.official.values() for name in cells}
    if unknown:
        raise CourseError(f"{assignment} has no exercise {', '.join(sorted(unknown))}.")
    with _Book(course, job, cells) as book:
        pending = [s for s in chosen if again or cells or not book.is_done(s)]
        for sentence in _notices(course, job, list(filter(book.is_stale, pending))):
            say(sentence)
        book.penalise(set(chosen) - set(pending))  # what is late may have changed since
        done = {
            student: read_result(course, assignment, student, book.gradebook)
            for student in chosen
            if student not in set(pending)
        }
        with _Watched(say) as at_work:
            spread = _spread(job, pending, book.contents, workers, scheduler, at_work)
            for student, outcome in spread:
                book.save(student, outcome)
                done[student] = read_result(course, assignment, student, book.gradebook)
                progress(len(done), len(chosen), done[student])
    return [done[student] for student in chosen]


def _notices(course, job, stale):
    """Sentences about an assignment that has changed."""
    for path in course.notebooks(job.assignment):
        names = not_released(read_source(path), job.official[path.stem])
        if names:
            yield (
                f"{path.name} in {course.directory.source_directory}/ was changed after its "
                f"release ({', '.join(names)}). Submissions are judged by what was released; to "
                f"judge by the new text, run first: course release {job.assignment}"
            )
    if stale:
        count = f"{len(stale)} submission{'s' * (len(stale) != 1)}"
        yield (
            f"{count} of {job.assignment} {'were' if len(stale) != 1 else 'was'} graded before "
            "its tests, its solution, a file beside it, a setting or the course itself changed. "
            "They are graded again; what a person graded stays."
        )


def _job(course, assignment, sandbox):
    """What the workers need to know about an assignment."""
    official = {
        path.stem: official_cells(course.database, assignment, path.stem, path)
        for path in course.notebooks(assignment)
    }
    with Gradebook(course.database) as gradebook:
        (spec, *_) = (nb.kernelspec for nb in gradebook.find_assignment(assignment).notebooks)
    files = worker.files_beside(course.path("release", assignment))
    solution = {path.stem: code_of(read_source(path)) for path in course.notebooks(assignment)}
    config = {name: dict(course.config[name]) for name in _SETTINGS if name in course.config}
    if sandbox:
        config["Judge"] = {**config.get("Judge", {}), "sandbox": sandbox}
    elif config.get("Judge", {}).get("sandbox") == kernels.UNSAFE:
        raise CourseError(
            "nbgrader_config.py turns the sandbox off (c.Judge.sandbox). Take that out: to run "
            "student code with your own rights is asked for each time, by "
            "`course grade --unsafe-no-sandbox`."
        )
    kernelspec = json.loads(spec or "{}")
    return worker.Job(assignment, official, kernelspec, files, config, solution=solution)


# --- spread over workers


class _Watched:
    """Who is being graded: a thread says who it is if nobody was done for long."""

    every = 30  # seconds

    def __init__(self, say):
        self.say, self.begun, self.at_once = say, {}, 1  # {key: student}, the longest first
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        before, seconds = None, 0
        while not self._over.wait(self.every):
            now = list(self.begun.items())[: self.at_once]
            seconds = seconds + self.every if now == before else 0
            if now and seconds:
                names = ", ".join(one_line(student) for _, student in now)
                self.say(f"  still at work after {seconds} s: {names}")
            before = now


def _spread(job, students, contents, workers, scheduler, at_work):
    """(student, Outcome) in the order in which they are ready."""
    if not students:
        return
    workers = min(workers or _cores(), len(students))
    if not scheduler:
        worker.own_judges()  # it imports what it needs while the box does
        # Here all workers share one warm box; machines of a cluster have each its own.
        sandbox = judge.Judge(config=Config(job.config)).sandbox
        job = replace(job, box=kernels.box(sandbox).address)
    if not scheduler and workers == 1:
        for student in students:
            at_work.begun = {student: student}
            yield student, worker.grade_submission(job, contents(student))
        return
    from distributed import Client, KilledWorker, LocalCluster, as_completed

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "Sending large graph")  # a notebook with many pictures
        if not scheduler:
            scheduler = stack.enter_context(
                # Threads are enough: each waits for a judge's process.
                LocalCluster(
                    n_workers=1, threads_per_worker=workers, processes=False,
                    dashboard_address=None, memory_limit=None, silence_logs=logging.CRITICAL,
                )
            )  # fmt: skip
        try:
            client = stack.enter_context(Client(scheduler, timeout=10))
        except OSError as error:
            raise CourseError(
                f"No Dask scheduler answers at {scheduler} ({error}). Start one with "
                "`dask scheduler`, and workers with `dask worker`; docs/scaling.md shows how."
            ) from None
        except TypeError as error:  # Dask has found no certificate
            raise CourseError(
                f"The scheduler at {scheduler} is asked for by TLS, and Dask's settings name no "
                f"certificates for it ({error}). docs/scaling.md shows how they are named."
            ) from None
        stack.enter_context(_saying_if_idle(client, scheduler, at_work.say))
        shared = client.submit(_same, job, pure=False)  # made anew when its worker dies
        waiting = iter(students)
        running = at_work.begun

        def submit(student):
            future = client.submit(worker.grade_submission, shared, contents(student), pure=False)
            running[future] = student
            return future

        # Not all at once: what is handed out lies in the scheduler's memory.
        at_work.at_once = max(1, sum(client.nthreads().values()), workers)
        first = itertools.islice(waiting, 4 * at_work.at_once)
        finished = as_completed(submit(student) for student in first)
        for future in finished:
            student = running.pop(future)
            try:
                outcome = future.result()
            except KilledWorker:
                reason = "it ended the worker that graded it, several times"
                outcome = worker.failure(job, reason)
            yield student, outcome
            for student in itertools.islice(waiting, 1):
                finished.add(submit(student))


@contextmanager
def _saying_if_idle(client, scheduler, say):
    """Say so when a scheduler is found without workers: it would wait for them in silence."""
    ended = threading.Event()

    def watch():
        idle = False
        while not ended.wait(_GLANCE):
            was, idle = idle, not client.nthreads()
            if idle and not was:
                say(
                    f"The scheduler at {scheduler} has no workers; waiting for some. Start one "
                    f"with `dask worker {scheduler}`, or stop with Ctrl + C."
                )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _same(job):
    return job


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


# --- one writer


class _Book:
    """The gradebook and autograded/, written by one process only."""

    def __init__(self, course, job, cells):
        self.course, self.job, self.cells = course, job, set(cells or ())
        self.gradebook = Gradebook(course.database, course.directory.course_id)
        self.penalties = late.Penalties(course)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gradebook.close()

    def contents(self, student):
        """{notebook: bytes} of what a student handed in."""
        folder = self.course.path("submitted", self.job.assignment, student)
        return renamed.contents(folder, self.job.official)

    def is_done(self, student):
        """Whether exactly this has been graded already, to its end."""
        try:
            found = self.gradebook.find_submission(self.job.assignment, student)
        except MissingEntry:
            return False
        digest = self.job.digest(self.contents(student))
        for said in self._said(student):
            if said.get("digest") != digest:
                return False
            if said.get("failed") and found.needs_manual_grade:  # not finished by hand either
                return False
        return True

    def is_stale(self, student):
        """Whether exactly this was graded, when the assignment was another."""
        job, _, file = self.job.digest(self.contents(student)).partition("-")
        found = [said.get("digest", "").partition("-") for said in self._said(student)]
        return any(old != job and graded == file for old, _, graded in found)

    def _said(self, student):
        """What the judged notebooks say of how they were made; {} for one that is not there."""
        for path in self._paths(student).values():
            try:
                yield dict(json.loads(path.read_bytes())["metadata"]["course"])
            except (OSError, ValueError, KeyError, TypeError):
                yield {}

    def save(self, student, outcome):
        """Write one verdict: the gradebook first, the notebooks last."""
        job, course = self.job, self.course
        submitted = course.path("submitted", job.assignment, student)
        with _one_transaction(self.gradebook):
            self.gradebook.update_or_create_student(student)
            self.gradebook.update_or_create_submission(job.assignment, student)
        contents = self.contents(student)
        digest = job.digest(contents)
        for name, path in self._paths(student).items():
            nb = nbformat.v4.reads(outcome.notebooks[name])  # valid: the judge wrote it
            nb.metadata.setdefault("course", {})["digest"] = digest
            nb.metadata["course"]["seconds"] = round(outcome.seconds, 2)
            nb.metadata["course"]["file"] = renamed.file_digest(contents, name, job.official)
            hand.link_answers(nb)
            old, graded = _read(path), nb
            unchanged = hand.unchanged(old, nb)
            if self.cells and old and not outcome.failed:
                nb, graded = self._only_chosen(old, nb)
            failed = outcome.failed or nb.metadata["course"].get("failed")
            self._to_gradebook(student, name, graded, failed, unchanged)
            path.parent.mkdir(parents=True, exist_ok=True)
            if (submitted / "timestamp.txt").exists():
                shutil.copy(submitted / "timestamp.txt", path.parent)
            write_atomically(path, nbformat.writes(nb).encode())

    def penalise(self, students):
        """Bring times and points off for lateness up to date."""
        with _one_transaction(self.gradebook):
            for student in students:
                self.penalties.update(self.gradebook.find_submission(self.job.assignment, student))

    def _to_gradebook(self, student, notebook, nb, failed, unchanged):
        names = {"assignment": self.job.assignment, "notebook": notebook, "student": student}
        resources = {"nbgrader": {**names, "db_url": self.course.database}}
        gradebook, config = self.gradebook, self.course.config
        with _one_transaction(gradebook):
            save = hand.SaveGrades(gradebook, unchanged, config=config)
            save.preprocess(nb, resources)
            entry = gradebook.find_submission_notebook(notebook, self.job.assignment, student)
            if failed:  # the formgrader shows it among those that wait for a person
                for grade_ in entry.grades:
                    grade_.needs_manual_grade = grade_.cell.name not in save.kept
        self.penalise([student])

    def _only_chosen(self, old, new):
        """(the old notebook with the chosen cells of the new one, those cells alone)."""
        chosen = {
            cell.metadata.nbgrader.grade_id: cell
            for cell in new.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") in self.cells
        }
        for index, cell in enumerate(old.cells):
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            old.cells[index] = chosen.get(name, cell)
        old.metadata["course"] = new.metadata["course"]
        return old, nbformat.v4.new_notebook(metadata=new.metadata, cells=list(chosen.values()))

    def _paths(self, student):
        folder = self.course.path("autograded", self.job.assignment, student)
        return {name: folder / f"{name}.ipynb" for name in self.job.official}


def _read(path):
    """A judged notebook, or None if there is none that can be read."""
    try:
        return nbformat.v4.reads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def _one_transaction(gradebook):
    """One commit for all that is written inside: nbgrader makes one for each cell, 2 ms each."""
    session = gradebook.db
    session.commit = session.flush
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit
    session.commit()


# --- what is shown


def read_result(course, assignment, student, gradebook=None):
    """A graded submission's Result, from the gradebook and the judged notebook."""
    result = Result(student)
    with nullcontext(gradebook) if gradebook else Gradebook(course.database) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return Result(student, failed="was never graded")
        result.late = submission.late_submission_penalty or 0.0
        result.score = max(0.0, submission.score - result.late)
        result.maximum = submission.max_score
        result.manual = submission.needs_manual_grade
        folder = course.path("autograded", assignment, student)
        for notebook in submission.notebooks:
            nb = _read(folder / f"{notebook.name}.ipynb")
            if nb is not None:
                _read_notebook(result, nb, notebook)
    if result.failed:
        lines = result.failed.splitlines()[:_MAX_REASON]
        result.failed = "\n".join(map(one_line, lines))
    if result.failed and not result.manual:
        result.failed, result.by_hand = None, result.failed
    return result


def _read_notebook(result, nb, notebook):
    """Add what a judged notebook and its entry in the gradebook say to a Result."""
    said = nb.metadata.get("course", {})
    result.files[notebook.name] = said.get("file")
    result.repairs += map(one_line, said.get("repairs", []))
    result.failed = result.failed or said.get("failed")
    result.contained = result.contained and said.get("sandbox") != kernels.UNSAFE
    judged, comments = judge.reasons(nb), hand.comments(nb, notebook)
    grades = {grade.cell.name: grade for grade in notebook.grades}
    for name in comments:  # in the notebook's order
        grade = grades.get(name)
        if grade is None or grade.score >= grade.max_score:
            continue
        messages = judged.get(name, (True, []))[1]
        if grade.manual_score is not None and not grade.needs_manual_grade:
            messages = comments[name] + messages or ["graded by hand, without a comment"]
        if messages:
            lost = grade.max_score - grade.score
            result.lost.append((name, lost, list(map(one_line, messages))))
    for name, (passed, messages) in judged.items():
        result.remarks += [(name, one_line(said)) for said in messages if passed]


def table(results):
    """The grade table as text: every student with points and the reason for each lost point."""
    names = [one_line(result.student) for result in results]
    width = max(map(len, names))
    lines = []
    for name, result in zip(names, results, strict=True):
        if result.failed:
            first, *more = result.failed.splitlines()
            lines.append(f"{name:<{width}}  not graded: {first}")
            lines += [f"{'':<{width}}    | {line}" for line in more]
            continue
        waits = "  (an answer waits to be graded by hand)" if result.manual else ""
        if result.by_hand:
            waits = f"  (graded by hand: {one_line(result.by_hand)})"
        lines.append(f"{name:<{width}}  {result.score:5g} / {result.maximum:g}{waits}")
        open_ = [name for name, _, messages in result.lost if _open(messages)]
        open_points = sum(points for _, points, messages in result.lost if _open(messages))
        for exercise, points, messages in result.lost:
            if not _open(messages):
                lines.append(f"{'':<{width}}    −{points:g} {exercise}: {messages[0]}")
        if open_:
            names = ", ".join(open_) if len(open_) < 6 else f"{len(open_)} exercises"
            lines.append(f"{'':<{width}}    −{open_points:g} not answered: {names}")
        for exercise, said in result.remarks:
            lines.append(f"{'':<{width}}    {exercise}: {said}")
        if result.late:
            lines.append(f"{'':<{width}}    −{result.late:g} handed in late")
        for said in result.repairs:
            lines.append(f"{'':<{width}}    repaired: {said}")
    if not all(result.contained for result in results):
        lines.append("Graded WITHOUT a sandbox: these submissions could read and change anything.")
    return "\n".join(lines)


def _open(messages):
    return bool(messages) and Cause.NOT_ANSWERED.value in messages[0]
