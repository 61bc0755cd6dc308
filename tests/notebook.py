"""A notebook run from top to bottom by a kernel of its own, however long the machine takes."""

from nbclient import NotebookClient


def executed(nb, folder=None, *, go_on=False, **options):
    """The notebook with its outputs. No time limit ends a cell: a busy machine is no failure.

    An error ends it, unless it should `go_on` behind cells with the tag raises-exception.
    """
    options["force_raise_errors"] = not go_on
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    waits = {"timeout": None, "startup_timeout": 3600, "iopub_timeout": 600}
    client = NotebookClient(nb, kernel_name="python3", resources=resources, **waits, **options)
    return client.execute(cleanup_kc=True)  # also for a kernel manager that was handed over
