"""Kernels forked from a process that has imported Keras, because each import takes seconds.

`python -m tests.warm` is that process. It starts no thread, so its forks are like new kernels.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile

from jupyter_client.launcher import launch_kernel


def launch(command, env=None, cwd=None, **options):
    """What jupyter_client's `launch_kernel` does; on Linux a kernel of this Python is forked."""
    ours = command[:3] == [sys.executable, "-m", "ipykernel_launcher"]
    if not (ours and sys.platform == "linux"):
        return launch_kernel(command, env=env, cwd=cwd, **options)
    server = _server(*((name, env[name]) for name in _READ if name in env))
    server.stdin.write(json.dumps([command[2:], dict(env), cwd or os.getcwd()]) + "\n")
    server.stdin.flush()
    return _Kernel(int(server.stdout.readline()))


class _Kernel:
    """A forked kernel with what jupyter_client uses of a Popen."""

    stdin = stdout = stderr = None

    def __init__(self, pid):
        self.pid, self._ended = pid, os.pidfd_open(pid)

    def poll(self):
        return 0 if select.select([self._ended], [], [], 0)[0] else None

    def wait(self):
        select.select([self._ended], [], [])
        return 0

    def send_signal(self, number):
        signal.pidfd_send_signal(self._ended, number)


@functools.cache
def _server(*read):
    """The process that forks the kernels with these variables; it ends with its standard input."""
    others = {name: value for name, value in os.environ.items() if name not in _READ}
    left = tempfile.mkdtemp(prefix="course-kernels-")  # what TensorFlow leaves when a kernel ends
    atexit.register(shutil.rmtree, left, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=os.path.dirname(_HERE),
        env=others | dict(read) | {"MPLBACKEND": _INLINE, "TMPDIR": left},
    )  # fmt: skip
    atexit.register(server.communicate)
    return server


_HERE = os.path.dirname(os.path.abspath(__file__))
_READ = (  # by libraries that are imported
    "KERAS_BACKEND", "JAX_DISABLE_MOST_OPTIMIZATIONS", "JAX_COMPILATION_CACHE_DIR",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
)  # fmt: skip
_INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel sets before it imports it


def _serve():
    """Fork a kernel for each line of standard input: its arguments, variables and folder."""
    tempfile.gettempdir()  # remembered: the kernels have other variables
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # for what the libraries print
    del sys.path[0]  # the folder that `-m` puts there
    import ipykernel.kernelapp
    import ipywidgets  # noqa: F401
    import keras
    import matplotlib.pyplot  # noqa: F401

    with contextlib.suppress(ImportError):
        import tensorflow  # Keras imports it on any backend, at the first seed

    if keras.config.backend() == "tensorflow":
        # Graphs are not optimised: most run a few times, and optimising one takes longer than that.
        tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        keras.Model.fit = traced_once(keras.Model.fit)
    keras.Model.fit = of_few_epochs(keras.Model.fit)
    gc.freeze()
    for line in sys.stdin:
        if os.fork() == 0:
            os.setsid()
            print(os.getpid(), file=answers, flush=True)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            sys.argv, variables, folder = json.loads(line)
            os.environ.clear()
            os.environ.update(variables)
            os.environ["JPY_PARENT_PID"] = str(os.getppid())  # the kernel ends when that ends
            os.chdir(folder)
            random.seed()
            import numpy

            numpy.random.seed()
            ipykernel.kernelapp.launch_new_instance()
            os._exit(0)
        _reap()
    _reap()


def traced_once(fit):
    """`Model.fit` in about half the time for a few images, with the same result.

    TensorFlow traces a training step once more if it has made a variable. So the variables of the
    optimizer, the loss and the metrics are made before.
    """
    import keras
    import tensorflow as tf

    @functools.wraps(fit)
    def fitted(model, x=None, y=None, *args, **options):
        if model.built and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
            if isinstance(x, tf.data.Dataset):
                nothing = lambda spec: tf.zeros([1, *spec.shape[1:]], spec.dtype)  # noqa: E731
                some, wanted, *_ = tf.nest.map_structure(nothing, x.element_spec)
            else:
                some, wanted = keras.tree.map_structure(lambda array: array[:1], (x, y))
            given = [tf.zeros([1, *output.shape[1:]]) for output in model.outputs]
            given = given if len(given) > 1 else given[0]
            model.compute_loss(some, wanted, given)
            model.compute_metrics(some, wanted, given)
            model.reset_metrics()
        return fit(model, x, y, *args, **options)

    return fitted


def of_few_epochs(fit):
    """`Model.fit` that stops after as many epochs as MOST_EPOCHS in the environment says."""

    @functools.wraps(fit)
    def fitted(*args, **options):
        if most := os.environ.get("MOST_EPOCHS"):
            options["epochs"] = min(options.get("epochs", 1), int(most))
        return fit(*args, **options)

    return fitted


def _reap():
    """Wait for the kernels that have ended, so that their time counts as this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    _serve()
