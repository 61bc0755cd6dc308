"""Grade one submission, from bytes to bytes. This runs in every worker on every machine.

A worker is a thread of `course.grading.grade`, or a process of Dask. Student code runs in a warm
box (`sandbox`), and a trusted process judges it (`judges`). No gradebook and no shared folder is
needed.
"""

import contextlib
import logging
import time

from course.grading.judges import LONGEST as TO_JUDGE
from course.grading.judges import own_judges
from course.grading.sandbox import outside
from course.grading.verdict import not_graded
from course.grading.verdict.runner import LONGEST
from course.language import _, speaking
from course.notebook.renamed import read_submission

_log = logging.getLogger(__name__)


def grade_submission(job, contents, judges=None, student=None):
    """Grade one submission, {notebook: bytes of the file}. Returns a Verdict, failed or not.

    Without `judges`, this process's own are used. `student` (an id) is needed if the assignment has
    variants. Raises BoxError if student code cannot be contained on this machine, and CourseError
    if the judges are closed meanwhile, or the student is not known.
    """
    job = job.of(student)
    begun = time.monotonic()
    address = job.box or _box_for(job, contents)
    judges = judges or own_judges()
    longest = (2 * LONGEST + 60) * len(job.official) + TO_JUDGE
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


def _box_for(job, contents):
    """The address of this process's own box; None if it is not warm and there is nothing to run."""
    box = outside.box(*job.runs_in)
    if box.is_started or any(r.nb is not None for r in read_submission(contents, job.official)):
        return box.address
    return None


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
