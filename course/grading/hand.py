"""What a person graded in the formgrader stays, when a submission is graded again.

nbgrader opens every answer anew that a person gave points for. Here one is opened only if what the
student wrote for it has changed.
"""

from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades


class SaveGrades(SaveAutoGrades):
    """nbgrader's SaveAutoGrades on a gradebook that is open already.

    `unchanged` are the grade ids whose answers are as they were; `kept` is filled with those of
    them that a person has graded.
    """

    def __init__(self, gradebook, unchanged=(), **kwargs):
        super().__init__(**kwargs)
        self.gradebook, self.unchanged, self.kept = gradebook, set(unchanged), set()

    def preprocess(self, nb, resources):
        """Write the points of all cells."""
        names = resources["nbgrader"]
        self.notebook_id, self.assignment_id = names["notebook"], names["assignment"]
        self.student_id = names["student"]
        return NbGraderPreprocessor.preprocess(self, nb, resources)

    def _add_score(self, cell, resources):
        name = cell.metadata.nbgrader["grade_id"]
        names = self.notebook_id, self.assignment_id, self.student_id
        grade = self.gradebook.find_grade(name, *names)
        final = grade.manual_score is not None and not grade.needs_manual_grade
        super()._add_score(cell, resources)
        if final and name in self.unchanged:
            grade.needs_manual_grade = False
            self.kept.add(name)


def unchanged(old, new):
    """Grade ids of what the student wrote alike in two judged notebooks; `old` may be None."""
    answers = _answers(new)
    if old is None:
        return set()
    before, now = (nb.metadata.get("course", {}) for nb in (old, new))
    if "file" in before and before["file"] == now["file"]:
        return set(answers)
    if before.get("failed") or now.get("failed"):
        return set()  # neither shows what the student wrote
    old_answers = _answers(old)
    return {name for name, text in answers.items() if old_answers.get(name) == text}


def _answers(nb):
    """{grade id: the student's text for it}; for a test, all the student's code above it."""
    code, found = [], {}
    for cell in nb.cells:
        answer, graded = utils.is_solution(cell), utils.is_grade(cell)
        if cell.cell_type == "code" and (answer or not cell.metadata.get("nbgrader")):
            code.append(cell.source)
        if graded:
            name = cell.metadata.nbgrader["grade_id"]
            found[name] = cell.source if answer else tuple(code)
    return found


def link_answers(nb):
    """Link what a person grades below the title: in the formgrader it is a long way down to it."""
    names = [
        cell.metadata.nbgrader["grade_id"]
        for cell in nb.cells
        if utils.is_grade(cell) and utils.is_solution(cell)
    ]
    if names and nb.cells[0].cell_type == "markdown":
        links = ", ".join(f"[{name}](#{name})" for name in names)
        nb.cells[0].source += f"\n\n**To be graded by a person:** {links}"


def comments(nb, notebook):
    """{grade id: [comment, ...]}: what a person wrote about each exercise of a judged notebook.

    `notebook` is the gradebook's SubmittedNotebook. The formgrader has a field for each answer, and
    a test comes after the answers that it tests.
    """
    written = {
        comment.name: " ".join((comment.manual_comment or "").split())
        for comment in notebook.comments
    }
    found, above = {}, []
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if written.get(name):
            above.append(written[name])
        if utils.is_grade(cell):
            found[name], above = above, []
    return found
