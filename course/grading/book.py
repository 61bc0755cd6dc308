"""The gradebook and autograded/: one process writes them, one submission at a time.

The scores go into the gradebook first, by nbgrader's own steps. Then the judged notebook goes into
autograded/ in one atomic write, with a digest of what was graded. This file marks the submission as
done. So the next run after an interrupted one goes on where that one stopped.
"""

import json
import shutil
from contextlib import contextmanager

import nbformat
from nbgrader.api import Gradebook, MissingEntry

from course.grading import hand, late
from course.grading.folder import write_atomically
from course.grading.results import read_judged
from course.notebook import renamed
from course.notebook.official import grade_id

# nbgrader's exchange gives feedback to the student who knows the secret of the hand-in.
_TRAVELS = "timestamp.txt", "submission_secret.txt"


class Book:
    """The gradebook and autograded/, written by one process only."""

    def __init__(self, course, job, cells):
        self.course, self.job, self.cells = course, job, set(cells or ())
        self.gradebook = Gradebook(course.database, course.directory.course_id)
        self.penalties = late.Penalties(course)
        self._read = {}  # {student: (digest, {notebook: SHA-256})} of what `contents` gave last

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gradebook.close()

    def contents(self, student):
        """{notebook: bytes}: the files that a student handed in.

        `save` writes their digests, even if the files are others by then.
        """
        folder = self.course.path("submitted", self.job.assignment, student)
        found, names = renamed.contents(folder, self.job.official), self.job.official
        files = {name: renamed.file_digest(found, name, names) for name in names}
        self._read[student] = self.job.of(student).digest(found), files
        return found

    def unreadable(self, student):
        """Why a student's files cannot be read; "" if they can."""
        try:
            self.contents(student)
        except OSError as error:
            return f"{error.filename} cannot be read ({error.strerror}); it was left as it is"
        return ""

    def _digests(self, student):
        if student not in self._read:
            self.contents(student)
        return self._read[student]

    def is_done(self, student):
        """Whether the student's present files were graded with the present assignment."""
        try:
            found = self.gradebook.find_submission(self.job.assignment, student)
        except MissingEntry:
            return False
        self.contents(student)
        digest, _ = self._digests(student)
        for said in self._said(student):
            if said.get("digest") != digest:
                return False
            if said.get("failed") and found.needs_manual_grade:  # nobody graded it by hand either
                return False
        return True

    def is_stale(self, student):
        """Whether the student's present files were graded with an older assignment."""
        job, _, file = self._digests(student)[0].partition("-")
        found = [said.get("digest", "").partition("-") for said in self._said(student)]
        return any(old != job and graded == file for old, _, graded in found)

    def _said(self, student):
        """The course's metadata of each judged notebook; {} for one that is missing."""
        for path in self._paths(student).values():
            try:
                yield dict(json.loads(path.read_bytes())["metadata"]["course"])
            except (OSError, ValueError, KeyError, TypeError):
                yield {}

    def save(self, student, verdict):
        """Write one submission's Verdict: the gradebook first, the notebooks last."""
        job, course = self.job, self.course
        submitted = course.path("submitted", job.assignment, student)
        with _one_transaction(self.gradebook):
            self.gradebook.update_or_create_student(student)
            self.gradebook.update_or_create_submission(job.assignment, student)
        digest, files = self._digests(student)
        for name, path in self._paths(student).items():
            nb = nbformat.v4.reads(verdict.notebooks[name])  # valid: the judge wrote it
            nb.metadata.setdefault("course", {})["digest"] = digest
            nb.metadata["course"]["seconds"] = round(verdict.seconds, 2)
            nb.metadata["course"]["file"] = files[name]
            hand.link_answers(nb)
            old, graded = read_judged(path), nb
            unchanged = hand.unchanged(old, nb)
            if self.cells and old and not verdict.failed:
                nb, graded = self._only_chosen(old, nb)
            failed = verdict.failed or nb.metadata["course"].get("failed")
            self._to_gradebook(student, name, graded, failed, unchanged)
            path.parent.mkdir(parents=True, exist_ok=True)
            for beside in _TRAVELS:
                if (submitted / beside).exists():
                    shutil.copy(submitted / beside, path.parent)
            write_atomically(path, nbformat.writes(nb).encode())
        # Otherwise each commit goes through all that was read of the students before.
        self.gradebook.db.expunge_all()

    def penalise(self, students):
        """Update the hand-in times and late penalties of these students."""
        with _one_transaction(self.gradebook):
            for student in students:
                self.penalties.update(self.gradebook.find_submission(self.job.assignment, student))

    def share(self, members):
        """Give a person's points for one member of a group to the others, as `hand.share` does."""
        got, differ = set(), {}
        with _one_transaction(self.gradebook):
            for name in self.job.official:
                some, others = hand.share(self.gradebook, name, self.job.assignment, members)
                got, differ = got | some, differ | others
        return got, differ

    def _to_gradebook(self, student, notebook, nb, failed, unchanged):
        names = {"notebook": notebook, "assignment": self.job.assignment, "student": student}
        with _one_transaction(self.gradebook):
            save = hand.SaveGrades(self.gradebook, unchanged, config=self.course.config)
            save.preprocess(nb, {"nbgrader": names})
            if failed:  # the formgrader then shows it among the answers that wait for a person
                for grade in self.gradebook.find_submission_notebook(*names.values()).grades:
                    grade.needs_manual_grade = grade.cell.name not in save.kept
        self.penalise([student])

    def _only_chosen(self, old, new):
        """(the old notebook with the chosen cells of the new one, those cells alone)."""
        chosen = {grade_id(cell): cell for cell in new.cells if grade_id(cell) in self.cells}
        old.cells = [chosen.get(grade_id(cell), cell) for cell in old.cells]
        old.metadata["course"] = new.metadata["course"]
        return old, nbformat.v4.new_notebook(metadata=new.metadata, cells=list(chosen.values()))

    def _paths(self, student):
        folder = self.course.path("autograded", self.job.assignment, student)
        return {name: folder / f"{name}.ipynb" for name in self.job.official}


@contextmanager
def _one_transaction(gradebook):
    """Commit once at the end. nbgrader commits after each cell, and each commit takes 2 ms."""
    session = gradebook.db
    session.commit = session.flush
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit
    session.commit()
