"""nbgrader's settings for a course folder without plugins of its own."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "demo"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.ignore.append(".progress.json*")

# The same steps as in the course's own nbgrader_config.py.
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
c.ExportApp.plugin_class = "course.grading.out.export.ScoresExport"
