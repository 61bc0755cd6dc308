"""A notebook run from top to bottom by a kernel of its own, however long the machine takes."""

import threading
import warnings
from copy import deepcopy
from unittest import mock

import psutil
from jupyter_client.provisioning import local_provisioner
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbclient.output_widget import OutputWidget

from tests import warm

STILL = 120  # seconds in which a kernel at work uses more than one second of processor time


def executed(nb, folder=None, *, go_on=False, still=STILL, **options):
    """The notebook with its outputs. No time limit ends a cell: a busy machine is no failure.

    An error ends it, unless it should `go_on` behind cells with the tag raises-exception. If the
    kernel stands still for `still` seconds, a message between it and the client was lost, and the
    notebook runs once more.
    """
    options["force_raise_errors"] = not go_on
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    waits = {"timeout": None, "startup_timeout": 3600, "iopub_timeout": 600}
    for last in (False, True):
        client = NotebookClient(
            deepcopy(nb), kernel_name="python3", resources=resources, **waits, **options
        )
        client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": _Output}}
        ended, stood_still = threading.Event(), threading.Event()
        watch = threading.Thread(target=_watched, args=(client, still, ended, stood_still))
        watch.start()
        try:
            with mock.patch.object(local_provisioner, "launch_kernel", warm.launch):
                return client.execute(cleanup_kc=True)  # also for a manager that was handed over
        except DeadKernelError:
            if last or not stood_still.is_set():
                raise
            warnings.warn(
                f"A kernel stood still in its code cell {client.code_cells_executed + 1}; "
                "the notebook runs once more.",
                stacklevel=2,
            )
        finally:
            ended.set()
            watch.join()


class _Output(OutputWidget):
    """nbclient's stand-in for an output area, but it tells the kernel nothing.

    nbclient sends such a message past pyzmq's event loop, on the socket whose reply it waits for.
    If the reply arrives meanwhile, nothing wakes nbclient up, and it waits for ever.
    """

    def _publish_msg(self, *_, **__):
        pass


def _watched(client, still, ended, stood_still):
    """Kill a kernel that stands still, which ends what waits for it."""
    before, begun = 0.0, False
    while not ended.wait(still):
        spent = _processor_seconds(client)
        if begun and spent is not None and spent - before < 1:
            stood_still.set()
            psutil.Process(client.km.provisioner.pid).kill()
            return
        before, begun = spent or 0.0, spent is not None


def _processor_seconds(client):
    """What the kernel and the processes below it have used; None while there is no kernel."""
    try:
        if client.km.provisioner.pid is None:  # psutil takes that for this process itself
            return None
        kernel = psutil.Process(client.km.provisioner.pid)
        times = [each.cpu_times() for each in (kernel, *kernel.children(recursive=True))]
    except (AttributeError, TypeError, psutil.Error):
        return None
    return sum(time.user + time.system for time in times)
