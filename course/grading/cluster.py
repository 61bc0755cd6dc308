"""Grade a class on a Dask cluster. Only `course grade --scheduler` imports this module and Dask."""

import logging
import warnings
from contextlib import ExitStack
from itertools import islice

from distributed import Client, KilledWorker, as_completed

from course.grading import CourseError, worker
from course.grading.verdict import not_graded
from course.kit.meanwhile import meanwhile

_AHEAD = 4  # submissions handed out for each worker; each takes memory of the scheduler
_GLANCE = 3  # seconds between two looks at the cluster's workers


def spread(job, students, contents, at_work, scheduler):
    """Yield (student, Verdict) from a cluster's workers, in the order in which they finish.

    Raises CourseError if no scheduler answers at this address.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "Sending large graph")  # a notebook with many pictures
        client = stack.enter_context(_client(scheduler))
        stack.enter_context(_saying_if_idle(client, scheduler, at_work.say))
        # The job is the result of a task, so Dask makes it again if the worker that has it dies.
        shared = client.submit(_same, job, pure=False)
        waiting, running = iter(students), at_work.begun
        finished = as_completed()

        def hand_out():
            at_work.at_once = max(1, sum(client.nthreads().values()))  # workers may have joined
            for student in islice(waiting, max(0, _AHEAD * at_work.at_once - len(running))):
                given = (worker.grade_submission, shared, contents(student), None, student)
                future = client.submit(*given, pure=False)
                running[future] = student
                finished.add(future)

        hand_out()
        for future in finished:
            student = running.pop(future)
            try:
                verdict = future.result()
            except KilledWorker:
                reason = "it ended the worker that graded it, several times"
                verdict = not_graded(job, reason)
            yield student, verdict
            hand_out()


def _client(scheduler):
    try:
        return Client(scheduler, timeout=10)
    except OSError as error:
        raise CourseError(
            f"No Dask scheduler answers at {scheduler} ({error}). Start one with "
            "`dask scheduler`, and workers with `dask worker`; docs/scaling.md shows how."
        ) from None
    except TypeError as error:  # Dask has found no certificate
        raise CourseError(
            f"The address {scheduler} asks for TLS, but Dask's settings name no certificates "
            f"({error}). docs/scaling.md shows how to name them."
        ) from None


def _saying_if_idle(client, scheduler, say):
    """Tell the user when the scheduler has no workers, as Dask waits for some in silence."""
    idle = False

    def look():
        nonlocal idle
        was, idle = idle, not client.nthreads()
        if idle and not was:
            say(
                f"The scheduler at {scheduler} has no workers; waiting for some. Start one "
                f"with `dask worker {scheduler}`, or stop with Ctrl + C."
            )

    return meanwhile(look, _GLANCE)


def _same(job):
    return job
