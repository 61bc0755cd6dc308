"""Keep the points and comments of a person when a submission is graded again.

nbgrader marks every answer that a person graded as "needs manual grade" again. This module does so
only if the student's text for it has changed, or the points that it has.
"""

from contextlib import suppress

from nbgrader import utils
from nbgrader.api import BaseCell, Comment, Grade, MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades

from course.notebook.official import grade_id


class SaveGrades(SaveAutoGrades):
    """nbgrader's SaveAutoGrades on a gradebook that is open already.

    `unchanged` are the grade ids of answers that have not changed. The attribute `kept` collects
    those of them that a person has graded.
    """

    def __init__(self, gradebook, unchanged, **kwargs):
        super().__init__(**kwargs)
        self.gradebook, self.unchanged, self.kept = gradebook, set(unchanged), set()

    def preprocess(self, nb, resources):
        """Write the points of all cells."""
        names = resources["nbgrader"]
        self.notebook_id, self.assignment_id = names["notebook"], names["assignment"]
        self.student_id = names["student"]
        book = self.gradebook
        self.gradebook = _Entries(book, self.notebook_id, self.assignment_id, self.student_id)
        try:
            return NbGraderPreprocessor.preprocess(self, nb, resources)
        finally:
            self.gradebook = book

    def _add_score(self, cell, resources):
        name = grade_id(cell)
        names = self.notebook_id, self.assignment_id, self.student_id
        grade = self.gradebook.find_grade(name, *names)
        final = grade.manual_score is not None and not grade.needs_manual_grade
        super()._add_score(cell, resources)
        if final and name in self.unchanged:
            grade.needs_manual_grade = False
            self.kept.add(name)


class _Entries:
    """The grades and comments of one submitted notebook, as a gradebook gives them.

    nbgrader asks for each by itself, over seven tables, and writes each. Here all are read at once,
    and written when the transaction is committed.
    """

    def __init__(self, gradebook, *names):
        notebook = gradebook.find_submission_notebook(*names)

        def read(kind):
            rows = gradebook.db.query(BaseCell.name, kind)
            return dict(rows.join(kind.cell).filter(kind.notebook_id == notebook.id).all())

        self._grades, self._comments, self._gradebook = read(Grade), read(Comment), gradebook
        self.db = self

    def find_grade(self, name, *names):
        return self._grades.get(name) or self._gradebook.find_grade(name, *names)

    def find_comment(self, name, *names):
        return self._comments.get(name) or self._gradebook.find_comment(name, *names)

    def commit(self):
        """What nbgrader asks for after each cell."""


def share(gradebook, notebook, assignment, members):
    """Give a person's points and comments on one member's file to those who wait for them.

    `members` handed in the same file. Where a person gave them different points, everybody keeps
    what is there: it may be meant. Returns (the members who got points, {grade id: {member:
    points}} where they differ).
    """
    entries = {}
    for student in members:
        with suppress(MissingEntry):
            entries[student] = gradebook.find_submission_notebook(notebook, assignment, student)
    given, points, got = {}, {}, set()  # by grade ids: {points: comment}, and {member: points}
    for student, entry in entries.items():
        comments = {comment.name: comment.manual_comment for comment in entry.comments}
        for grade in entry.grades:
            if not grade.needs_manual_grade:
                points.setdefault(grade.name, {})[student] = grade.score
                if grade.manual_score is not None:
                    given.setdefault(grade.name, {})[grade.manual_score] = comments.get(grade.name)
    for student, entry in entries.items():
        for grade in entry.grades:
            if not grade.needs_manual_grade or len(given.get(grade.name, ())) != 1:
                continue
            ((one, comment),) = given[grade.name].items()
            grade.manual_score, grade.needs_manual_grade = one, False
            for own in entry.comments:
                if own.name == grade.name:
                    own.manual_comment = own.manual_comment or comment
            got.add(student)
    return got, {name: points[name] for name in given if len({*points[name].values()}) > 1}


def unchanged(old, new):
    """The grade ids whose student text and points are the same in two judged notebooks.

    `old` may be None.
    """
    if old is None:
        return set()
    had, has = _points(old), _points(new)
    answers = {name: text for name, text in _answers(new).items() if had.get(name) == has[name]}
    before, now = (nb.metadata.get("course", {}) for nb in (old, new))
    if "file" in before and before["file"] == now["file"]:
        return set(answers)
    if before.get("failed") or now.get("failed"):
        return set()  # a notebook that was not graded does not hold the student's text
    old_answers = _answers(old)
    return {name for name, text in answers.items() if old_answers.get(name) == text}


def _points(nb):
    """{grade id: the most points}."""
    graded = (cell.metadata.nbgrader for cell in nb.cells if utils.is_grade(cell))
    return {about["grade_id"]: about.get("points") for about in graded}


def _answers(nb):
    """{grade id: the student's text for it}; for a test, all the student's code above it."""
    code, found = [], {}
    for cell in nb.cells:
        answer, graded = utils.is_solution(cell), utils.is_grade(cell)
        if cell.cell_type == "code" and (answer or not cell.metadata.get("nbgrader")):
            code.append(cell.source)
        if graded:
            name = grade_id(cell)
            found[name] = cell.source if answer else tuple(code)
    return found


def link_answers(nb):
    """Add links below the title to the answers that a person grades, for the formgrader."""
    names = [grade_id(c) for c in nb.cells if utils.is_grade(c) and utils.is_solution(c)]
    if names and nb.cells[0].cell_type == "markdown":
        links = ", ".join(f"[{name}](#{name})" for name in names)
        nb.cells[0].source += f"\n\n**To be graded by a person:** {links}"


def comments(nb, notebook):
    """{grade id: [comment, ...]}: a person's comments on each exercise of a judged notebook.

    `notebook` is the gradebook's SubmittedNotebook. The formgrader has a comment field below each
    answer. A test gets the comments on the answers above it.
    """
    written = {
        comment.name: " ".join((comment.manual_comment or "").split())
        for comment in notebook.comments
    }
    found, above = {}, []
    for cell in nb.cells:
        name = grade_id(cell)
        if written.get(name):
            above.append(written[name])
        if utils.is_grade(cell):
            found[name], above = above, []
    return found
