"""Kernels forked from a process that has imported Keras, because each import takes seconds.

`python -m tests.warm SOCKET` is that process. It starts no thread, so its forks are like new
kernels. All workers of a test run share one for each backend of Keras, and it ends with the run.
"""

import contextlib
import fcntl
import functools
import gc
import hashlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile

from jupyter_client.launcher import launch_kernel


def launch(command, env=None, cwd=None, **options):
    """What jupyter_client's `launch_kernel` does; on Linux a kernel of this Python is forked."""
    ours = command[:3] == [sys.executable, "-m", "ipykernel_launcher"]
    if not (ours and sys.platform == "linux"):
        return launch_kernel(command, env=env, cwd=cwd, **options)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(_server(*((name, env[name]) for name in _READ if name in env)))
        with link.makefile("rw") as line:
            line.write(json.dumps([command[2:], dict(env), cwd or os.getcwd()]) + "\n")
            line.flush()
            return _Kernel(int(line.readline()))


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
    """The address of the process that forks the kernels with these variables.

    Who comes first starts it. It listens before it has imported Keras; the others wait for that.
    """
    home = os.environ["COURSE_TESTS_HOME"]
    address = os.path.join(home, hashlib.sha256(repr(read).encode()).hexdigest()[:16])
    left = os.path.join(home, "left")  # what TensorFlow leaves when a kernel ends
    os.makedirs(left, exist_ok=True)
    others = {name: value for name, value in os.environ.items() if name not in _READ}
    with open(f"{address}.lock", "w") as lock, socket.socket(socket.AF_UNIX) as server:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(address):
            server.bind(address)
            server.listen(64)
            subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(server.fileno())],
                pass_fds=[server.fileno()], stdin=subprocess.DEVNULL, cwd=os.path.dirname(_HERE),
                env=others | dict(read) | {"MPLBACKEND": _INLINE, "TMPDIR": left},
            )  # fmt: skip
    return address


_HERE = os.path.dirname(os.path.abspath(__file__))
_READ = (  # by libraries that are imported
    "KERAS_BACKEND", "JAX_DISABLE_MOST_OPTIMIZATIONS", "JAX_COMPILATION_CACHE_DIR",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
)  # fmt: skip
_INLINE = "module://matplotlib_inline.backend_inline"  # what a kernel sets before it imports it


def _serve(number):
    """Fork a kernel for each connection, which asks by its arguments, variables and folder."""
    server = socket.socket(fileno=int(number))
    tests = os.pidfd_open(int(os.environ["COURSE_TESTS_PID"]))
    tempfile.gettempdir()  # remembered: the kernels have other variables
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
    gc.set_threshold(50_000, 20, 50)
    while tests not in (ready := select.select([server, tests], [], [], 1)[0]):
        _reap()
        if server not in ready:
            continue
        link, _ = server.accept()
        with link, link.makefile() as line:
            asked = line.readline()
            if asked and os.fork() == 0:
                os.setsid()
                link.sendall(f"{os.getpid()}\n".encode())
                link.close()
                server.close()
                _kernel(ipykernel.kernelapp, *json.loads(asked))
    _reap()


def _kernel(kernelapp, arguments, variables, folder):
    """Be a kernel in a fork. Does not return."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    sys.argv = arguments
    os.environ.clear()
    os.environ.update(variables)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # the kernel ends when that ends
    os.chdir(folder)
    random.seed()
    import numpy

    numpy.random.seed()
    kernelapp.launch_new_instance()
    os._exit(0)


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
    _serve(sys.argv[1])
