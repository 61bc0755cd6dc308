"""The instructor's half: release, collect, grade, feedback and export, on top of nbgrader.

Nothing in the student's half knows this package. nbgrader stays the engine: what is here hangs on
its extension points (preprocessors, an export plugin), which `nbgrader_config.py` switches on, so
that `nbgrader autograde` and the formgrader use it too.
"""
