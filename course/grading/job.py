"""The job of the graders: everything that the submissions of one assignment share."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from traitlets.config import Config

import course
from course.grading import HIDDEN, CourseError
from course.grading.verdict.judge import Judge
from course.language import N_
from course.plain import one_line

#: What a student reads whose code the grader lacks; the instructor reads why.
NOT_KNOWN = N_("The grader does not know you yet, so nothing was graded. Tell your instructor.")


class Unknown(CourseError):
    """It is not known which student's variant a submission should be."""


@dataclass(frozen=True)
class Job:
    """Everything that the submissions of one assignment share; workers get a copy."""

    assignment: str
    official: dict  # {notebook: {grade id: Official}}
    kernelspec: dict
    files: dict = field(default_factory=dict)  # {name: bytes} that were released beside it
    config: dict = field(default_factory=dict)  # nbgrader's configuration
    box: str | None = None  # the address of a warm box that all workers of one machine share
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
        own = replace(self, code=self.codes[student])
        own.__dict__["name"] = self.name  # the cached property: 10 ms, and the same for all codes
        return own

    def student_among(self, names):
        """The student that some ids and e-mail addresses name: the first one that has a code.

        The first one of all if none has, None if there are none. Capitals and small letters are
        only told apart where both are there.
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
    def hidden(self):
        """The exercises with hidden tests, which no student has read."""
        cells = (cell for release in self.official.values() for cell in release.values())
        return [cell.name for cell in cells if cell.has_hidden]

    def with_judge(self, **settings):
        """The same Job with these settings of the `Judge`."""
        judge = {**self.config.get("Judge", {}), **settings}
        return replace(self, config={**self.config, "Judge": judge})

    @property
    def runs_in(self):
        """Where student code runs: one of `outside.SANDBOXES`, and one of its `BACKENDS`."""
        judge = Judge(config=Config(self.config))
        return judge.sandbox, judge.backend

    @cached_property
    def name(self):
        """A digest of everything that a verdict depends on, except the submission and its code.

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
    """The SHA-256 of {name: bytes}, whatever their order, as hexadecimal digits."""
    made = hashlib.sha256()
    for name in sorted(contents):
        # With their lengths, so that no byte can move from one to the next unseen.
        made.update(b"%d %d " % (len(name.encode()), len(contents[name])))
        made.update(name.encode() + contents[name])
    return made.hexdigest()


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
