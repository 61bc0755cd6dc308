"""A submission's cells run and its answers asked for, each within the time that it may take.

Time is a submission's own: the seconds in which its processes computed, all together, or in which
all of them slept or waited for something. A busy machine changes nothing about that. What does not
end is interrupted. What does not end even then costs itself only: a new kernel takes over, in
which the other cells are run again.
"""

import time

from course.grading.sandbox.kernel import KernelEnded
from course.grading.sandbox.outside import BoxError

_AGAIN = 5  # seconds that a cell which was interrupted may take in a new kernel
LONGEST = 3600  # seconds on the clock that a submission may take, however busy the machine is


class NoVerdict(BaseException):
    """There can be none, and no check may take this for an answer; the text says why."""


class _Endless(Exception):
    """No interrupt ended it."""


class Runner:
    """Runs cells and asks questions: at most `seconds` of its own time for each, `total` for all.

    What is interrupted may take as long again to stop. None takes more than a quarter of what is
    left, so that there is time for the last cells, too. `start()` gives a `kernel.Kernel`.
    """

    def __init__(self, start, seconds, total):
        self._start, self._seconds, self._total = start, seconds, total
        self._end = time.monotonic() + LONGEST
        self._kernel, self._looked = start(), time.monotonic()
        self._ran, self._before = [], 0.0  # cells that came to an end; seconds in other kernels
        self.endless = None  # what was not to be stopped, and cost a kernel
        self.stopped = None  # why nothing is answered any more

    @property
    def used(self):
        """Seconds of its own time until now, as far as they are known."""
        return self._before + self._kernel.cpu + self._kernel.waited

    def run(self, source, where):
        """Run a cell: (the kernel's answer, the seconds after which it was interrupted or None).

        Raises KernelEnded with the reason if the kernel ends, NoVerdict if the machine fails.
        """
        answer, late = self._request(where, run=source)
        self._ran.append((source, min(_AGAIN, self._seconds) if late else self._seconds))
        return answer, late

    def ask(self, request, where):
        """The same for a question (see `course.evidence.observe`)."""
        return self._request(where, ask=request)

    def stop(self, error, where):
        """Nothing is answered any more; the text says why."""
        self._kernel.end()
        self.stopped = _told(error, where)
        return self.stopped

    def _request(self, where, **request):
        if self.stopped is not None:
            raise KernelEnded(self.stopped)
        try:
            return self._answered(self._seconds, **request)
        except _Endless:
            self.endless = _told(KernelEnded("it never came to an end"), where)
            try:
                self._replace_kernel()
            except (KernelEnded, _Endless) as error:
                self.stop(error, "when the other cells were run again")
            except BoxError as error:
                raise NoVerdict(str(error)) from None
            raise KernelEnded(self.endless) from None
        except KernelEnded as error:
            raise KernelEnded(self.stop(error, where)) from None

    def _answered(self, seconds, **request):
        if time.monotonic() - self._looked > 1:
            self._kernel.look()
            self._looked = time.monotonic()
        left = self._total - self.used
        if left <= 0:
            raise KernelEnded(f"the whole submission took longer than {self._total} seconds")
        self._kernel.send(**request)
        late = None
        most = max(1, min(seconds, left / 4))
        for _ in range(2):  # to be done, and then to stop
            answer = self._kernel.answer_in_own_time(most, self._end)
            if answer is not None:
                return answer, late
            if time.monotonic() > self._end:
                raise NoVerdict(
                    f"It was not done after {LONGEST / 60:.0f} minutes, because this machine does "
                    "too much else. Nothing was taken off; grade it again."
                )
            if late is None:
                self._kernel.interrupt()
            late = late or round(most)
        raise _Endless

    def _replace_kernel(self):
        """Start another one, and run again in it what came to an end."""
        self._kernel.end()
        self._before = self.used
        self._kernel = self._start()
        for source, seconds in self._ran:
            self._answered(seconds, run=source)


def _told(error, where):
    why = str(error) if isinstance(error, KernelEnded) else "it sent what cannot be read"
    if isinstance(error, KernelEnded) and error.why is None:
        return f"the kernel died {where}"
    return f"the kernel was stopped {where}: {why}"
