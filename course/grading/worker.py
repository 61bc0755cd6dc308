"""Grade one submission, from bytes to bytes. This runs in every worker on every machine.

A `Job` holds everything that an assignment's submissions share. `grade_submission` runs in a worker
(a thread of `course.grading.grade`, or a process of Dask). Student code runs in a warm box. Each
submission is judged in a trusted process of its own, which ends afterwards. No gradebook and no
shared folder is needed.
"""

import atexit
import contextlib
import ctypes
import gc
import hashlib
import json
import logging
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import numpy
from nbgrader.preprocessors import ClearOutput, LimitOutput
from traitlets.config import Config

import course
from course.anatomy import anatomy
from course.architectures import Table
from course.check.file import receipt
from course.grading import HIDDEN, CourseError
from course.grading.notebook.defang import Defang
from course.grading.sandbox import box, fast, outside
from course.grading.verdict import Verdict, not_graded, unreadable
from course.grading.verdict.judge import Judge
from course.grading.verdict.runner import LONGEST, NoVerdict
from course.language import N_, _, speaking
from course.notebook.renamed import read_submission
from course.notebook.repair import repair
from course.plain import one_line

_log = logging.getLogger(__name__)
_MEMORY = 4_000_000_000  # bytes of address space that a trusted process may have
#: What a student reads whose code the grader lacks; the instructor reads why.
NOT_KNOWN = N_("The grader does not know you yet, so nothing was graded. Tell your instructor.")
_TO_JUDGE = 120  # seconds of processor time that a trusted process may take


class Unknown(CourseError):
    """It is not known whose variant a submission should be."""


@dataclass(frozen=True)
class Job:
    """Everything that the submissions of one assignment share."""

    assignment: str
    official: dict  # {notebook: {grade id: Official}}
    kernelspec: dict
    files: dict = field(default_factory=dict)  # {name: bytes} that were released beside it
    config: dict = field(default_factory=dict)  # nbgrader's configuration
    box: dict | None = None  # the address of a warm box that all workers of one machine share
    #: {notebook: [(grade id or None, text), ...]}: the source's code cells, empty if unknown
    solution: dict = field(default_factory=dict)
    #: {student: the code of their variant}; None if the assignment has no variants
    codes: dict | None = None
    code: str = ""  # of the student whose submission is judged

    def of(self, student):
        """The Job for the submission of one student.

        Raises Unknown if the assignment has variants, and this student's code is not known.
        """
        if self.codes is None:
            return self
        if student not in self.codes:
            who = f"the student {one_line(student)!r} is not known" if student else "none is named"
            raise Unknown(
                f"{self.assignment} has a variant for each student, and {who}, so nothing was "
                "judged. Name one of the class with --student. A pack knows the class as it was "
                "when the pack was made: after a change, make it again."
            )
        return replace(self, code=self.codes[student])

    def known(self, names):
        """The first of these ids and e-mail addresses that has a code, else the first one, or None.

        Capitals and small letters are only told apart where both are there.
        """
        codes = self.codes or {}
        for name in names:
            alike = [name] if name in codes else []
            alike = alike or [each for each in codes if each.casefold() == name.casefold()]
            if len({codes[each] for each in alike}) == 1:
                return alike[0]
        return next(iter(names), None)

    @property
    def language(self):
        """The language in which its students are spoken to."""
        return next(iter(self.official.values())).language

    @property
    def runs_in(self):
        """Where student code runs: one of `outside.SANDBOXES`, and one of its `BACKENDS`."""
        judge = Judge(config=Config(self.config))
        return judge.sandbox, judge.backend

    @cached_property
    def name(self):
        """A digest of everything that a verdict depends on, except the submission.

        That is the released cells, the files beside them, the solution, the judge's settings, and
        the course's own code and tables.
        """
        cells = {
            notebook: [[c.name, c.type, c.source, c.points, c.locked] for c in official.values()]
            for notebook, official in self.official.items()
        }
        text = json.dumps([cells, self.solution, self.config.get("Judge", {})], default=str)
        beside = {f"beside/{name}": content for name, content in self.files.items()}
        return _digest({"job": text.encode(), **beside, **_own_code()})

    def digest(self, contents):
        """A digest of a submission under this job. If it is unchanged, no grading is needed."""
        code = {"/code": self.code.encode()} if self.code else {}  # no notebook has this name
        return f"{self.name}-{_digest({**contents, **code})}"


def _digest(contents):
    text = hashlib.sha256()
    for name in sorted(contents):
        text.update(b"%d %d " % (len(name.encode()), len(contents[name])))
        text.update(name.encode() + contents[name])
    return text.hexdigest()


@cache
def _own_code():
    """{name: bytes} of the course's package: its code, tables and translations.

    No verdict depends on the hidden rooms, which are left out where the package is sent to.
    """
    folder, hidden = Path(course.__file__).parent, {(room,) for room in HIDDEN}
    found = sorted([*folder.rglob("*.py"), *folder.rglob("*.mo")])
    paths = {p.relative_to(folder): p for p in found}
    return {f"course/{p}": paths[p].read_bytes() for p in paths if p.parts[1:2] not in hidden}


def files_beside(folder):
    """{name: bytes} of the files in an assignment's folder that are not notebooks."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.glob("*"))
        if path.is_file() and path.suffix != ".ipynb"
    }


def grade_submission(job, contents, judges=None, student=None):
    """Grade one submission, {notebook: bytes of the file}. Returns a Verdict, failed or not.

    Without `judges`, this process's own are used. The `student` is needed if the assignment has
    variants. Raises BoxError if student code cannot be contained on this machine, and CourseError
    if the judges are closed meanwhile, or the student is not known.
    """
    job = job.of(student)
    begun = time.monotonic()
    address = job.box or outside.box(*job.runs_in).address
    judges = judges or own_judges()
    longest = (2 * LONGEST + 60) * len(job.official) + _TO_JUDGE
    verdict = _in_own_process(judges, job, contents, address, longest)
    if isinstance(verdict, outside.BoxError):
        # Start it here and not in the judge's process, whose limits the kernel would inherit.
        _log.warning("The warm box gave no kernel (%s); a cold one takes over.", verdict)
        with outside.Box(*job.runs_in) as cold:
            verdict = _in_own_process(judges, job, contents, cold.address, longest)
        if isinstance(verdict, outside.BoxError):
            verdict = not_graded(job, str(verdict))
    verdict.seconds = time.monotonic() - begun
    return verdict


# --- a trusted process for each submission


class Judges:
    """A process that has imported the judge; each submission is judged in a fork of it.

    The process starts with the object, and again if it has died. `close` ends it and its forks.
    """

    def __init__(self):
        self._lock, self._closed, self._process = threading.Lock(), False, None
        self._start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self):
        """A connection to a new fork, which waits for (job, contents, box address, seconds).

        Raises CourseError after `close`.
        """
        with self._lock:
            if self._closed:
                raise CourseError("Grading was stopped.")
            if self._process.poll() is not None:
                self._end()
                self._start()
            link = socket.socket(socket.AF_UNIX)
            link.connect(os.path.join(self._folder, "control"))
        return Connection(link.detach())

    def close(self):
        """End the process and all its forks."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._end()

    def _start(self):
        self._folder = tempfile.mkdtemp(prefix="course-judge-", dir=outside.short_folder())
        program = "import sys; from course.grading import worker; worker.serve_judges(sys.argv[1])"
        self._process = outside.listening(
            Path(self._folder, "control"),
            lambda number: [sys.executable, "-P", "-c", program, number],
            stdout=subprocess.DEVNULL,
        )

    def _end(self):
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


@cache
def own_judges():
    """This process's judges, started when first needed and closed at its end."""
    judges = Judges()
    atexit.register(judges.close)
    return judges


def _in_own_process(judges, job, contents, address, longest):
    """The Verdict, or a BoxError, after at most `longest` seconds.

    If the process dies, the machine may be the cause, so the submission is judged once more. If it
    takes too long, the submission is the cause, and there is no second try.
    """
    end = time.monotonic() + longest
    for _turn in range(2):
        with contextlib.suppress(EOFError, OSError), judges.connect() as connection:
            connection.send((job, contents, address, longest))
            if not connection.poll(max(0, end - time.monotonic())):
                with speaking(job.language):
                    said = _("it was not judged after {count:.0f} minutes")
                return not_graded(job, said.format(count=longest / 60))
            return connection.recv()
    with speaking(job.language):
        said = _("the process that judged it died, twice")
    return not_graded(job, said)


def serve_judges(control):
    """Run the process that forks judges, until its standard input ends."""
    fast.write()
    box.import_what_is_given()
    for name in [name for name in sys.modules if name.startswith("course.architectures.")]:
        for table in vars(sys.modules[name]).values():
            if isinstance(table, Table):
                anatomy(table)  # cached here, so that no fork has to read the table again
    gc.freeze()
    box.serve(socket.socket(fileno=int(control)), sys.maxsize, _answer)


def _answer(link):
    """In a fork of the judge: receive one submission, judge it, send the Verdict."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the worker
    connection = Connection(link.detach())
    job, contents, address, longest = connection.recv()
    signal.alarm(longest)
    signal.signal(signal.SIGXCPU, _out_of_time)
    resource.setrlimit(resource.RLIMIT_CPU, (_TO_JUDGE, _TO_JUDGE + 10))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    os.environ["KERAS_BACKEND"] = job.runs_in[1]  # for a test cell of somebody's own
    numpy.random.seed()  # unlike Python's generator, NumPy's is not seeded again at a fork
    try:
        with _beside(job.files), speaking(job.language):
            submission = read_submission(contents, job.official)
            notebooks = {name: _judged(job, name, *read, address) for name, *read in submission}
        verdict = Verdict(notebooks, assignment=job.assignment, job=job.name)
    except outside.BoxError as error:
        verdict = error
    except (CourseError, NoVerdict) as error:
        verdict = not_graded(job, str(error))
    except Exception as error:
        where = "".join(traceback.format_exception(error)[-3:])
        verdict = not_graded(job, f"{type(error).__name__}: {error}\n{where}")
    connection.send(verdict)


@contextlib.contextmanager
def _beside(files):
    """Change to a folder with the instructor's files, so that test cells can import and read them.

    These are the released files, never those of a submission.
    """
    if not files:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="course-beside-") as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        sys.path.append(folder)  # last: installed packages come first
        with contextlib.chdir(folder):
            yield


def _out_of_time(signum, frame):
    said = _("Judging it takes more than {count} s of processor time.")
    raise NoVerdict(said.format(count=_TO_JUDGE))


def _judged(job, name, nb, problem, address):
    """The judged notebook as JSON text."""
    official = job.official[name]
    if nb is None:
        return unreadable(job, name, problem)
    mark = receipt(nb.cells)
    with speaking(official.language):
        nb, _repairs = repair(nb, official)
    nb.metadata["course"]["receipt"] = mark
    nb.metadata["kernelspec"] = job.kernelspec
    resources = {
        "nbgrader": {"assignment": job.assignment, "notebook": name},
        "course": {
            "official": official,
            "box": address,
            "files": job.files,
            "solution": job.solution.get(name),
            "code": job.code,
            "codes": sorted({*(job.codes or {}).values()} - {job.code}),
        },
    }
    config = Config(job.config)
    for step in (ClearOutput, Judge, LimitOutput, Defang):
        nb, resources = step(config=config).preprocess(nb, resources)
    return nbformat.writes(nb)
