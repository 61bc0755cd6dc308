"""Feedback pages: for each graded notebook one HTML file that needs no network and runs no script.

nbgrader generates them (`course feedback`, `nbgrader generate_feedback`, the formgrader's button)
with the exporter `FeedbackPage`. The page shows the points and findings of each exercise and the
student's own cells, but never the text of a test.
"""

import re
from functools import cache, lru_cache

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from nbconvert.exporters import Exporter
from nbconvert.filters import markdown2html
from nbgrader import utils
from nbgrader.preprocessors import GetGrades
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets import default

from course.grading import CourseError
from course.grading.late import penalise
from course.grading.notebook.defang import harmless
from course.grading.out.release import last_error
from course.grading.settings import look_at_steps
from course.grading.troubles import of_the_disk
from course.grading.verdict import Exercise, number
from course.language import ENGLISH, _, ngettext, speaking, spoken
from course.notebook.official import grade_id

_MAX_HIGHLIGHTED = 20_000  # characters; longer code is not coloured, which would be slow
_HEADING = re.compile(r"#{1,6} +(.+)")


def feedback(course, assignment, students=None, progress=lambda *_: None):
    """Write feedback/<student>/<assignment>/*.html. Returns [(student, reason)] of failures.

    Raises CourseError if nothing has been graded, and if the disk is full or cannot be written to.
    """
    chosen = list(students or sorted(course.api.get_autograded_students(assignment)))
    if not chosen:
        raise CourseError(
            f"No submission of {assignment} has been graded. Run: course grade {assignment}"
        )
    for setting in ("preprocessors", "exporter_class"):
        look_at_steps(course.config, "GenerateFeedback", setting)
    penalise(course, [assignment])
    failures = []
    for done, student in enumerate(chosen, 1):
        result = course.api.generate_feedback(assignment, student)
        if not result["success"]:
            if stopped := of_the_disk("\n".join(map(str, result.values()))):
                raise stopped
            failures.append((student, last_error(result)))
        progress(done, len(chosen), student)
    return failures


class Grades(GetGrades):
    """nbgrader's GetGrades, which also says whether a person still has to look at the answer."""

    def _get_score(self, cell, resources):
        names = self.notebook_id, self.assignment_id, self.student_id
        grade = self.gradebook.find_grade(grade_id(cell), *names)
        cell.metadata.nbgrader["score"] = grade.score
        cell.metadata.nbgrader["points"] = grade.max_score
        cell.metadata.nbgrader["waits"] = bool(grade.needs_manual_grade)


class FeedbackPage(Exporter):
    """nbconvert's exporter of a graded notebook to its feedback page."""

    output_mimetype = "text/html"

    @default("file_extension")
    def _file_extension_default(self):
        return ".html"

    def from_notebook_node(self, nb, resources=None, **kwargs):
        """The page as text; the preprocessors have brought the grades into the notebook."""
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        return page(nb, resources["nbgrader"]), resources


def page(nb, names):
    """The HTML of a graded notebook; `names` is nbgrader's resources["nbgrader"].

    It is in the language in which the notebook was judged.
    """
    said = nb.metadata.get("course", {})
    waits = not nb.cells or any(c.metadata.get("nbgrader", {}).get("waits") for c in nb.cells)
    failed = said.get("failed") if waits else None  # else a person has graded all of it
    with speaking(language_of(nb)):
        parts = list(_parts(nb, bool(failed)))
        exercises = [part["exercise"] for part in parts if part["kind"] == "verdict"]
        return rendered(
            "feedback.html",
            language=spoken(),
            names=names,
            said=said,
            failed=failed,
            waiting=sum(exercise.state == "waits" for exercise in exercises),
            exercises=exercises,
            parts=parts,
            colours=_colours(),
        )


def language_of(nb):
    """The language in which a notebook was judged."""
    return nb.metadata.get("course", {}).get("language", ENGLISH)


def rendered(template, **values):
    """The text of one of the course's pages."""
    return _templates().get_template(template).render(values)


@cache
def _templates():
    """The Jinja environment with the templates of the course's pages; it escapes all values."""
    environment = Environment(
        loader=PackageLoader("course.grading"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": lambda text: escape(_(text)),  # so that `format` escapes what comes in
        "ngettext": lambda *said: escape(ngettext(*said)),
    }
    environment.filters["strong"] = Markup("<strong>{}</strong>").format
    environment.filters["points"] = number
    environment.filters["cause"] = lambda name: name.replace("_", " ").lower()
    return environment


# --- the parts of the page, in the notebook's order


def _parts(nb, failed):
    """Dicts with a `kind`: headings, answers, cells that ended with an error, verdicts, comments.

    The student has everything else in the notebook. Headings without a part below are left out.
    """
    heading = None
    for cell in nb.cells:
        found = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        heading = found[1] if found and not utils.is_solution(cell) else heading
        for part in _cell_parts(cell, failed):
            if heading:
                yield {"kind": "heading", "text": heading}
                heading = None
            yield part


def _cell_parts(cell, failed):
    graded, answer = utils.is_grade(cell), utils.is_solution(cell)
    outputs = cell.get("outputs", [])
    if answer and cell.cell_type != "code":
        yield {"kind": "text", "text": cell.source}
    elif answer or (not graded and any(o.output_type == "error" for o in outputs)):
        yield {"kind": "code", "html": _highlighted(cell.source)}
        yield from map(_output, outputs)
    if graded:
        yield {"kind": "verdict", "exercise": exercise(cell, failed)}
    comment = cell.metadata.get("nbgrader", {}).get("comment")
    if comment:
        # The formgrader says that comments are Markdown.
        yield {"kind": "comment", "html": Markup(markdown2html(harmless(comment)))}


def exercise(cell, failed):
    """The Exercise, with the points that stand in the gradebook."""
    meta, verdict = cell.metadata.nbgrader, cell.metadata.get("course")
    points, maximum = meta.get("score") or 0, meta.get("points") or 0
    findings = verdict["findings"] if verdict else []
    by_hand = utils.is_solution(cell)
    if verdict is None and not by_hand and not (failed or points >= maximum):
        # A plain nbgrader test judged this. Show only the error's name: its text could reveal the
        # test.
        names = [output.ename for output in cell.get("outputs", []) if "ename" in output]
        said = _("The test ended with {error}.")
        findings = [{"message": said.format(error=name), "cause": ""} for name in names]
    points = None if meta.get("waits") else points
    name = meta["grade_id"]
    return Exercise(name, maximum, points, findings, by_hand=by_hand, failed=failed)


def _output(output):
    if output.output_type == "stream":
        return {"kind": "output", "text": output.text}
    if output.output_type == "error":
        return {"kind": "output", "text": "\n".join(output.traceback)}
    text = output.data.get("text/plain", "")
    for mime in ("image/png", "image/jpeg"):
        if mime in output.data:
            alt = text or _("A picture that your code drew.")
            return {"kind": "picture", "mime": mime, "data": output.data[mime], "alt": alt}
    return {"kind": "output", "text": text}


# --- code in colours


@lru_cache(maxsize=2000)
def _highlighted(source):
    if len(source) > _MAX_HIGHLIGHTED:
        return source
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


@cache
def _colours():
    light = HtmlFormatter(style="xcode").get_style_defs("pre code")
    dark = HtmlFormatter(style="github-dark").get_style_defs("pre code")
    text = f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"
    return Markup("\n".join(line for line in text.splitlines() if "background" not in line))
