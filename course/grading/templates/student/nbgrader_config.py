"""Settings of *Validate* and *Assignment List* in JupyterLab, and of `nbgrader`."""

c = get_config()  # noqa: F821

# Your progress stays beside the notebook: *Submit* leaves it out.
c.CourseDirectory.ignore.append(".progress.json*")

# A notebook's first cell imports Keras; on a busy machine nbgrader's own 30 and 4 seconds end it.
c.Execute.timeout = 600  # seconds for one cell
c.Execute.iopub_timeout = 600
c.Execute.startup_timeout = 600
