"""The judge: a step of nbgrader that gives verdicts outside the student's kernel.

nbgrader executes a submission's locked test cells in the student's kernel, and takes the grade from
that kernel's outputs. `Judge` replaces its `Execute` step. The student's own cells run in the
kernel, but a test cell never does. The instructor's copy of it is executed here, in the grader,
where the student's names are remote: `check.model(lenet5, like=LENET5)` asks the kernel for
evidence and judges it here. A submission may change checks, assertions, Keras or its own outputs;
it can only answer requests.
"""

from dataclasses import replace

from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Integer, default

from course.grading import variants
from course.grading.notebook.source import official_cells, solution_cells, source_of
from course.grading.notebook.tables import has_variants, texts_in
from course.grading.sandbox import outside
from course.grading.verdict.judging import Basis, Judging
from course.kit import tables, variant
from course.language import speaking


class Judge(NbGraderPreprocessor):
    """The settings of the judge, and where it finds what it needs; `Judging` does the work."""

    sandbox = Enum(
        outside.SANDBOXES,
        outside.BUBBLEWRAP,
        help="Where student code runs; see course.grading.sandbox.outside.",
    ).tag(config=True)
    backend = Enum(
        outside.BACKENDS,
        help="What Keras computes on where student code runs. Without this setting it is "
        "TensorFlow, or JAX where TensorFlow is not installed.",
    ).tag(config=True)
    # Seconds of its own time, see runner.py: the same on an idle and a busy machine.
    timeout = Integer(60, min=1, help="Seconds that one cell, or one answer, may take.").tag(
        config=True
    )
    wall = Integer(300, min=1, help="Seconds that a whole submission may take.").tag(config=True)
    follow_through = Bool(
        True, help="Judge with the official answer what fails only because of an earlier one."
    ).tag(config=True)

    @default("backend")
    def _usual_backend(self):
        return outside.usual_backend()

    def preprocess(self, nb, resources):
        """Execute and judge a notebook; the verdicts become the outputs of its test cells.

        `resources["course"]` is the `Basis` of the verdict. If nbgrader runs this step, it is not
        there, and all comes from the gradebook, the source notebook and this process's own box.

        Raises CourseError if there can be no verdict, also because a test cell is broken.
        """
        basis = resources.get("course") or self._looked_up(resources["nbgrader"])
        official, language = basis.official, basis.official.language
        with tables.given(texts_in(official)), variant.official(basis.code), speaking(language):
            Judging(self, nb, basis).run()
        nb.metadata.setdefault("course", {}).update(sandbox=self.sandbox, language=language)
        return nb, resources

    def _looked_up(self, names):
        """The Basis of what nbgrader grades; `names` are its resources."""
        path, box = source_of(self, names), outside.box(self.sandbox, self.backend)
        official = official_cells(names["db_url"], names["assignment"], names["notebook"])
        basis = Basis(official, box.address, solution=path and solution_cells(path, official))
        if has_variants(official):
            root = self.parent.parent.coursedir.root
            code = variants.code(root, names["assignment"], names["student"])
            basis = replace(basis, code=code)
        return basis
