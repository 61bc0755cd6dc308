"""nbgrader's settings for this course; `nbgrader`, the formgrader and `course` all read them."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821

# A plugin of your own may lie beside this file.
if (_here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(_here)

c.CourseDirectory.course_id = "demo"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.ignore.append(".progress.json*")

# The zone of Blackboard's, Brightspace's and Moodle's times:
# c.Exchange.timezone = "Europe/Berlin"
# The repository that Colab gets the course from, by default the git remote of this folder:
# c.Stamp.repository = "https://github.com/university/convnet-course"
# Checks and feedback in German ("de"), Spanish ("es") or Chinese ("zh"):
# c.Stamp.language = "de"

c.GenerateAssignment.preprocessors = [
    "course.grading.out.release.Stamp",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
    "course.grading.out.release.Enclose",
]
c.Autograde.sanitize_preprocessors = [
    "course.grading.notebook.repair.Repair",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "course.grading.verdict.judge.Judge",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
    "course.grading.notebook.defang.Defang",
]
c.GenerateFeedback.preprocessors = [
    "course.grading.notebook.defang.Defang",
    "course.grading.out.feedback.Grades",
]
c.GenerateFeedback.exporter_class = "course.grading.out.feedback.FeedbackPage"

# For `nbgrader validate`: its first cell imports Keras, which takes long on a busy machine.
c.Execute.timeout = 600  # seconds for one cell
c.Execute.iopub_timeout = 600
c.Execute.startup_timeout = 600

c.ExportApp.plugin_class = "course.grading.out.export.ScoresExport"
