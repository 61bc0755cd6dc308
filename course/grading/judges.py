"""Trusted processes in which submissions are judged, a fork of a warm one for each.

Student code runs elsewhere, in the box. A judge ends with its submission, so nothing that it has
read of one reaches the next.
"""

import atexit
import contextlib
import ctypes
import gc
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import numpy
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.preprocessors import ClearOutput, LimitOutput
from traitlets.config import Config

from course.check.file import receipt
from course.grading import CourseError
from course.grading.notebook.defang import Defang
from course.grading.sandbox import box, fast, outside
from course.grading.verdict import Verdict, not_graded, not_handed_in, unreadable
from course.grading.verdict.judge import Judge
from course.grading.verdict.judging import Basis, read_before
from course.grading.verdict.runner import NoVerdict
from course.language import _, speaking
from course.notebook.renamed import read_submission
from course.notebook.repair import repair

_MEMORY = 4_000_000_000  # bytes of address space that a trusted process may have
LONGEST = 120  # seconds of processor time that a trusted process may take


class Judges:
    """A process that has imported the judge; each submission is judged in a fork of it.

    The process starts with the object, and again if it has died. `close` ends it and its forks.
    """

    def __init__(self):
        self._lock, self._process = threading.Lock(), None
        self.closed, self._prepared = False, None
        self._start()

    def prepare(self, job):
        """Let the process read a job's notebooks once, so that no fork has to.

        It need not be waited for, and any job can be judged without it.
        """
        with self._lock:
            self._prepared = job
            if not self.closed:
                self._tell()

    def connect(self):
        """A connection to a new fork. Send it (job, contents, box address, seconds).

        It answers with a Verdict or a BoxError. Raises CourseError after `close`.
        """
        with self._lock:
            if self.closed:
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
            if not self.closed:
                self.closed = True
                self._end()

    def _start(self):
        self._folder = tempfile.mkdtemp(prefix="course-judge-", dir=outside.short_folder())
        program = "import sys; from course.grading import judges; judges.serve(sys.argv[1])"
        self._process = outside.listening(
            Path(self._folder, "control"),
            lambda number: [sys.executable, "-P", "-c", program, number],
            stdout=subprocess.DEVNULL,
        )
        with self._process.stdin as line:
            self._line = Connection(os.dup(line.fileno()), readable=False)
        if self._prepared is not None:
            self._tell()

    def _tell(self):
        """Send the process the job whose notebooks it should read."""
        with contextlib.suppress(BrokenPipeError):  # it has died; the next one is told, too
            self._line.send(self._prepared)

    def _end(self):
        self._line.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


_own, _one_at_a_time = None, threading.Lock()


def own_judges():
    """This process's judges, started when first needed, or again if they were closed.

    They have the environment variables that this process has now.
    """
    global _own
    with _one_at_a_time:
        if _own is None or _own.closed:
            _own = Judges()
            atexit.register(_own.close)
        return _own


def serve(control):
    """Run the process that forks judges, until its standard input ends."""
    fast.write()
    box.import_what_is_given()
    nbformat.writes(new_notebook())  # reads the schema, for 0.05 s
    gc.freeze()
    os.chdir("/")  # the folder in which grading began may be gone before the next one
    told = Connection(sys.stdin.fileno(), writable=False)
    box.serve(socket.socket(fileno=int(control)), sys.maxsize, _answer, lambda: _prepared(told))


def _prepared(told):
    """Read the notebooks of a job that comes on standard input. Returns False at its end.

    What was read is in caches, which later forks have.
    """
    try:
        job = told.recv()
    except EOFError:
        return False
    with contextlib.suppress(Exception):  # a fork meets the same error, and reports it
        for name, official in job.official.items():
            cells = [known.restored(known.released) for known in official.values()]
            cells += map(new_code_cell, official.plain.values())
            repair(new_notebook(cells=cells), official)
            read_before(official, job.solution.get(name, ()))
    gc.freeze()
    return True


def _answer(link):
    """In a fork of the judge: receive one submission, judge it, send the Verdict or a BoxError."""
    die_with_parent = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(die_with_parent, signal.SIGKILL)
    connection = Connection(link.detach())
    job, contents, address, longest = connection.recv()
    signal.alarm(longest)
    signal.signal(signal.SIGXCPU, _out_of_time)
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST + 10))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    os.environ["KERAS_BACKEND"] = job.runs_in[1]  # for a test cell of somebody's own
    numpy.random.seed()  # unlike Python's generator, NumPy's is not seeded again at a fork
    try:
        with _beside(job.files), speaking(job.language):
            submission = list(read_submission(contents, job.official))
            if all(read.absent for read in submission):  # then a person should look
                submission = [read._replace(absent=False) for read in submission]
            notebooks = {read.name: _judged(job, read, address) for read in submission}
        verdict = Verdict(notebooks, assignment=job.assignment, job=job.name)
    except outside.BoxError as error:
        verdict = error
    except (CourseError, NoVerdict) as error:
        verdict = not_graded(job, str(error))
    except Exception as error:
        where = "".join(traceback.format_exception(error)[-3:])
        verdict = not_graded(job, f"{type(error).__name__}: {error}\n{where}")
    with contextlib.suppress(BrokenPipeError):  # the grader was killed: nobody waits
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
    raise NoVerdict(said.format(count=LONGEST))


def _judged(job, read, address):
    """The judged notebook as JSON text. If it could not be read, it says why."""
    name, nb, problem, absent = read
    official = job.official[name]
    if nb is None:
        return (not_handed_in if absent else unreadable)(job, name, problem)
    mark = receipt(nb.cells)
    with speaking(official.language):
        nb, _repairs = repair(nb, official)
    nb.metadata["course"]["receipt"] = mark
    nb.metadata["kernelspec"] = job.kernelspec
    resources = {
        "nbgrader": {"assignment": job.assignment, "notebook": name},
        "course": Basis(
            official,
            address,
            job.files,
            job.solution.get(name),
            job.code,
            sorted({*(job.codes or {}).values()} - {job.code}),
        ),
    }
    config = Config(job.config)
    for step in (ClearOutput, Judge, LimitOutput, Defang):
        nb, resources = step(config=config).preprocess(nb, resources)
    return nbformat.writes(nb)
