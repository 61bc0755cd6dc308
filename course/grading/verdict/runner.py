"""Run a submission's cells and ask for its answers, each within a time limit.

The limits count the submission's own time: the processor time of all its processes, plus the time
in which all of them slept or waited for something. A busy machine does not change it. A cell or an
answer that takes too long is interrupted. If that does not end it, a new kernel takes over and runs
the other cells again, so only that cell or answer is lost.
"""

import time

from course.grading.sandbox.kernel import KernelEnded
from course.grading.sandbox.outside import BoxError
from course.language import _

_AGAIN = 5  # seconds that an interrupted cell may take in a new kernel
LONGEST = 3600  # seconds on the clock that a submission may take, however busy the machine is


class NoVerdict(BaseException):
    """No verdict is possible; the text says why. Test cells cannot catch it as an Exception."""


class _Endless(Exception):
    """A request did not end after an interrupt."""


class Runner:
    """Runs cells and sends requests: at most `seconds` of own time for each, `total` for all.

    After an interrupt, each may take as long again to stop. None may take more than a quarter of
    the time that is left, so that the last cells have time, too. `start()` returns a
    `kernel.Kernel`.
    """

    def __init__(self, start, seconds, total):
        self._start, self._seconds, self._total = start, seconds, total
        self._end = time.monotonic() + LONGEST
        self._kernel, self._looked = start(), time.monotonic()
        self._ran, self._before = [], 0.0  # cells that came to an end; seconds in other kernels
        self.stopped = None  # the reason why the submission gets no more answers

    @property
    def used(self):
        """Seconds of own time until the last measurement."""
        return self._before + self._kernel.cpu + self._kernel.waited

    def run(self, source, where):
        """Run a cell: (the kernel's answer, the seconds after which it was interrupted or None).

        Raises KernelEnded with the reason if the kernel ends, NoVerdict if the machine fails.
        """
        answer, late = self._request(where, run=source)
        self._ran.append((source, min(_AGAIN, self._seconds) if late else self._seconds))
        return answer, late

    def ask(self, request, where):
        """The same for a request for evidence (see `course.evidence.observe`)."""
        return self._request(where, ask=request)

    def stop(self, error, where):
        """End the kernel for good. Returns the reason as a sentence."""
        self._kernel.end()
        self.stopped = _in_words(error, where)
        return self.stopped

    def _request(self, where, **request):
        if self.stopped is not None:
            raise KernelEnded(self.stopped)
        try:
            return self._answered(self._seconds, **request)
        except _Endless:
            endless = _in_words(KernelEnded(_("it never came to an end")), where)
            try:
                self._replace_kernel()
            except (KernelEnded, _Endless) as error:
                self.stop(error, _("when the other cells were run again"))
            except BoxError as error:
                raise NoVerdict(str(error)) from None
            raise KernelEnded(endless) from None
        except KernelEnded as error:
            raise KernelEnded(self.stop(error, where)) from None

    def _answered(self, seconds, **request):
        if time.monotonic() - self._looked > 1:
            self._kernel.look()
            self._looked = time.monotonic()
        left = self._total - self.used
        if left <= 0:
            said = _("the whole submission took longer than {count} seconds")
            raise KernelEnded(said.format(count=self._total))
        self._kernel.send(**request)
        late = None
        most = max(1, min(seconds, left / 4))
        for _turn in range(2):  # once to finish, once to stop after the interrupt
            answer = self._kernel.answer_in_own_time(most, self._end)
            if answer is not None:
                return answer, late
            if time.monotonic() > self._end:
                said = _(
                    "It was not finished after {count:.0f} minutes, because this machine is too "
                    "busy. No points were taken off; grade it again."
                )
                raise NoVerdict(said.format(count=LONGEST / 60))
            if late is None:
                self._kernel.interrupt()
            late = late or round(most)
        raise _Endless

    def _replace_kernel(self):
        """Start another kernel, and run the cells again that came to an end."""
        self._kernel.end()
        self._before = self.used
        self._kernel = self._start()
        for source, seconds in self._ran:
            self._answered(seconds, run=source)


def _in_words(error, where):
    why = str(error) if isinstance(error, KernelEnded) else _("it sent what cannot be read")
    if isinstance(error, KernelEnded) and error.why is None:
        return _("the kernel died {where}").format(where=where)
    return _("the kernel was stopped {where}: {why}").format(where=where, why=why)
