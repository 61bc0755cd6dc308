"""nbgrader's settings for this course; `nbgrader`, the formgrader and `course` all read them."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821

# A plugin of your own may lie beside this file.
if (_here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(_here)

c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# A notebook's notes for its student (course/check/record.py) are neither released nor collected.
c.CourseDirectory.ignore.append(".progress.json*")

# Blackboard, Brightspace and Moodle write local times into their archives, without a time zone:
# c.Exchange.timezone = "Europe/Berlin"

# A release is stamped with the repository that Colab gets the course from (by default the git
# remote of this folder): c.Stamp.repository = "https://github.com/university/convnet-course"
# Checks and feedback speak English, or German ("de"), Spanish ("es") or Chinese ("zh"):
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

# What students hand in is put into gradable shape first (course/notebook/repair.py) ...
c.Autograde.sanitize_preprocessors = [
    "course.grading.notebook.repair.Repair",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# ... and then judged outside the kernel that runs it (course/grading/verdict/judge.py).
c.Autograde.autograde_preprocessors = [
    "course.grading.verdict.judge.Judge",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
    "course.grading.notebook.defang.Defang",  # nothing of a student's may run in the formgrader
]
# Feedback shows findings, not the tests that found them.
c.GenerateFeedback.preprocessors = [
    "course.grading.notebook.defang.Defang",
    "course.grading.out.feedback.Grades",
]
c.GenerateFeedback.exporter_class = "course.grading.out.feedback.FeedbackPage"

# `nbgrader validate`, and *Validate* in JupyterLab, run a student's notebook afresh. Its first cell
# imports Keras; on a busy machine nbgrader's own 30 and 4 seconds end it.
c.Execute.timeout = 600  # seconds for one cell
c.Execute.iopub_timeout = 600
c.Execute.startup_timeout = 600

c.ExportApp.plugin_class = "course.grading.out.export.ScoresExport"
