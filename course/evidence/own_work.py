"""Whether an answer lets a helper do the exercise: the course's own, or keras.applications.

The helpers check and show; counting and building are the exercises. What is read is what the
student wrote, never what runs: what flows into the answer's value, name by name. To show a helper's
numbers beside the answer, or to compare with them, is what they are there for. A published table
may be read, and what the student has made of it is the student's own.
"""

import re

from course.evidence.dataflow import Dataflow

#: What is here for everybody: nothing in it counts or builds.
_OPEN = "architectures|data|figures|ilsvrc|kit|setup|timing|training"
_HELPER = re.compile(
    rf"(?<!\w)course\.(?!(?:{_OPEN})\b)\w+"
    r"|(?<!\w)(?:keras|tensorflow)\.(?:\w+\.)*applications\b"
    r"(?!\.(?:\w+\.)*(?:preprocess_input|decode_predictions)\b)"  # these build nothing
)
_CHECKS = {"block", "function", "model", "parameters", "progress", "shapes", "value"}
_ALLOWED = re.compile(r"^# The answer may use ([\w, ]+)\.$", re.MULTILINE)


def allowed(test):
    """The helpers that a test cell allows, {"anatomy"}: it says so in a line of its own."""
    found = _ALLOWED.search(test)
    return set(re.findall(r"\w+", found[1])) if found else set()


class Written:
    """The cells that have run, read for what the answers are made of.

    With `in_order` each cell runs once, from top to bottom, as in the grader: what is made behind
    the test of an exercise is then none of its answers.
    """

    def __init__(self, in_order=False):
        self._flow = Dataflow(lambda whole: whole.removeprefix("course.check.") in _CHECKS)
        self._in_order = in_order
        self._exercise = {}  # name: the first exercise whose test is about it

    def ran(self, source):
        """A cell has run."""
        self._flow.ran(source)

    def asks(self, exercise, names):
        """The test of an exercise is about these names."""
        for name in names:
            self._exercise.setdefault(name, exercise)

    def helped(self, exercise, names, allowed=()):
        """(name, helper) of the first answer that a helper made, or None.

        `names` are those that the exercise's test is about. One that an earlier exercise is about
        is judged there, and so is what an answer uses of other exercises: they may be helped.
        """
        self.asks(exercise, names)
        own = [name for name in names if self._exercise[name] == exercise] or list(names)
        found = ((name, self.helper(name, allowed, set(self._exercise) - set(own))) for name in own)
        found = next(((name, helper) for name, helper in found if helper), None)
        if self._in_order:
            self._flow.closed.update(own)
        return found

    def helper(self, name, allowed=(), others=()):
        """The helper that made a name's value, as "course.anatomy", or None.

        `others` are the names that other exercises are about.
        """
        for origin in sorted(self._flow.origins(name, others)):
            for match in _HELPER.finditer(origin):
                helper = match[0] if match[0].startswith("course.") else "keras.applications"
                if helper.split(".")[-1] not in allowed:
                    return helper
        return None
