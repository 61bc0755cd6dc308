"""Settings of *Validate* in JupyterLab, and of `nbgrader validate`."""

c = get_config()  # noqa: F821

# A notebook's first cell imports Keras; on a busy machine nbgrader's own 30 and 4 seconds end it.
c.Execute.timeout = 600  # seconds for one cell
c.Execute.iopub_timeout = 600
c.Execute.startup_timeout = 600
