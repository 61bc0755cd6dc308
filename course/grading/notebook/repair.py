"""The step of `nbgrader autograde` that puts a submission into gradable shape."""

from nbgrader.preprocessors import NbGraderPreprocessor

from course.grading.notebook.source import official_cells, source_of
from course.language import speaking
from course.notebook.repair import repair


class Repair(NbGraderPreprocessor):
    """The first sanitizing step of `nbgrader autograde`."""

    def preprocess(self, nb, resources):
        """Restore the place, the text and the metadata of every official cell."""
        names = resources["nbgrader"]
        home = names["db_url"], names["assignment"], names["notebook"]
        official = official_cells(*home, source_of(self, names))
        with speaking(official.language):
            nb, said = repair(nb, official)
        for line in said:
            self.log.warning("%s: %s", names["student"], line)
        return nb, resources
