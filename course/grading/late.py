"""Late penalties, as the plugin in nbgrader_config.py computes them.

nbgrader asks the plugin once, while it grades. This module asks it again before scores are read: a
due date, an extension, the plugin or a person's points may have changed since.
"""

from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc

from course.grading import CourseError
from course.grading.inbox.intake import Record
from course.notebook.read import decoded


def penalise(course, assignments=()):
    """Update the late penalties of all submissions of the assignments, or of all assignments.

    Raises CourseError if the plugin cannot be loaded, or fails.
    """
    with Gradebook(course.database) as gradebook:
        penalties = Penalties(course)
        for assignment in gradebook.assignments:
            if not assignments or assignment.name in assignments:
                for submission in assignment.submissions:
                    penalties.update(submission)
        gradebook.db.commit()


def time_in(folder):
    """When a submission was handed in, by timestamp.txt. None if the file is missing or empty.

    Raises CourseError if the file cannot be read, or holds something else than a time.
    """
    path = folder / "timestamp.txt"
    try:
        text = decoded(path.read_bytes())[0].strip()  # an editor may have written it
        return parse_utc(text) if text else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, OverflowError):
        raise CourseError(
            f"{path} should hold a time, such as 2026-11-20 23:04:00 UTC. Correct it, or delete "
            "the file; the submission then has no time and is not late."
        ) from None


def seconds_late(submission, record):
    """How late a submission of the gradebook is. One second if the LMS has only marked it as late.

    The time of such a submission stays unknown in the gradebook, because nbgrader would take a time
    that is not in timestamp.txt for a new hand-in.
    """
    about = record.of(submission.assignment.name, submission.student.id)
    if submission.timestamp is None and about.late and submission.assignment.duedate:
        return 0.0 if submission.extension else 1.0
    return submission.total_seconds_late


class Penalties:
    """The penalties that `c.AssignLatePenalties.plugin_class` gives. It is loaded when needed."""

    def __init__(self, course):
        self._course, self._record, self._plugin = course, Record(course), None

    def update(self, submission):
        """Set the time and the penalty of a submission of the gradebook.

        Raises CourseError if the plugin cannot be loaded, or fails.
        """
        student = submission.student.id
        folder = self._course.path("submitted", submission.assignment.name, student)
        if folder.exists():
            submission.timestamp = time_in(folder)
        late = seconds_late(submission, self._record)
        for notebook in submission.notebooks:
            penalty = self._penalty(student, notebook.score, late) if late > 0 else None
            notebook.late_submission_penalty = penalty

    def _penalty(self, student, score, late):
        """The points to take off, at most the score; None if the plugin gives no penalty."""
        self._plugin = self._plugin or _load(self._course.config)
        try:
            penalty = self._plugin.late_submission_penalty(student, score, late)
            return None if penalty is None else float(min(max(penalty, 0), score))
        except Exception as error:
            raise CourseError(
                f"The plugin for late submissions failed for {student}, who was {late:.0f} s late: "
                f"{type(error).__name__}: {error}"
            ) from error


def _load(config):
    try:
        step = AssignLatePenalties(config=config)
        step.init_plugin()
        return step.plugin_inst
    except Exception as error:
        name = config.AssignLatePenalties.get("plugin_class")
        raise CourseError(
            f"The plugin for late submissions, {name!r}, cannot be loaded: {error}. It is named by "
            "c.AssignLatePenalties.plugin_class in nbgrader_config.py: 'late_days.PerDay' is the "
            "class PerDay in a file late_days.py beside it."
        ) from None
