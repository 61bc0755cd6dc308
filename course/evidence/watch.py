"""Watch a notebook, so that its checks say which answers no cell defined, and which a helper made.

The grader, which runs the cells itself, uses `course.evidence.cells` and `own_work` in its own way.
"""

from course.evidence import own_work
from course.evidence.cells import Stop, Undefined, asked, class_of_error
from course.exercise import named_in


class Missing:
    """Takes the place of an undefined name while its check runs, so that the check says why."""

    def __init__(self, name, why):
        self.__name__, self._why = name, why

    def __evidence__(self, request):
        """The reply that `course.check` gets instead of evidence."""
        if self._why is None:
            return {"failed": "NOT_ANSWERED", "text": f"{self.__name__} is not defined"}
        return {"failed": "STOPPED", "text": self._why}


class _Watch:
    """Puts a `Missing` in the place of each name that a check is about and no cell has defined."""

    def __init__(self, names):
        self.names, self.undefined = names, Undefined()
        self.put = {}  # {a name that stands for a Missing now: {it: its value}, {} without one}
        self.asked = []  # the names that the check is about while it runs
        self.helped = None  # (an answer, the helper that made it) while its check runs
        self.written = own_work.Written()
        self.unread = []  # (text, Stop or None) of cells that have run since the last check

    def begins(self, info):
        source = info.raw_cell or ""
        if (tested := named_in(source)) is None:
            return
        for text, stop in self.unread:
            self.undefined.ran(text, stop)
            official = own_work.is_of_a_source(text)
            self.written.ran(own_work.solution_for_all(text) if official else text)
        self.unread = []
        names = self.asked = list(dict.fromkeys(asked(source)))
        said = own_work.allowed(source), own_work.refused(source)
        helped = self.written.helped(tested, names, *said)
        for name in names:
            why = self.undefined.why_missing(name)
            if name not in self.put and (why or name not in self.names):
                was = {name: self.names[name]} if name in self.names else {}
                self.put[name] = was
                self.names[name] = Missing(name, why)
        self.helped = (self.names[helped[0]], helped[1]) if helped else None

    def ran(self, result):
        for name, was in self.put.items():
            if isinstance(self.names.get(name), Missing):
                del self.names[name]
                self.names.update(was)
        self.put, self.helped, self.asked = {}, None, []
        source = result.info.raw_cell or ""
        if named_in(source) is None:
            self.unread.append((source, _stop(result)))  # reading is slow: at the next check


def _stop(result):
    """The Stop of a cell that IPython has run; None if it ran to its end."""
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return None
    line, frames = None, error.__traceback__
    while result.error_before_exec is None and frames is not None and line is None:
        if frames.tb_frame.f_code.co_name.startswith(("<module>", "<cell line")):
            line = frames.tb_lineno
        frames = frames.tb_next
    try:
        text = str(error)
    except Exception:  # of the student's own class
        text = ""
    return Stop(class_of_error(type(error).__name__), text, line)


_watching = None


def helper_of(subject):
    """The helper that made an answer of this notebook, such as "course.anatomy", or None."""
    helped = _watching.helped if _watching else None
    return helped[1] if helped and helped[0] is subject else None


def name_of(subject):
    """The name by which the check that runs in this notebook asks for a value, or None."""
    if _watching is None or subject is None or isinstance(subject, int | str):
        return None  # other names may hold the same small number
    names = [name for name in _watching.asked if _watching.names.get(name) is subject]
    return names[0] if len(names) == 1 else None


def watch():
    """From now on this notebook's checks say which answers are undefined, and why."""
    global _watching
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None and _watching is None:
        _watching = _Watch(shell.user_ns)
        shell.events.register("pre_run_cell", _watching.begins)
        shell.events.register("post_run_cell", _watching.ran)
