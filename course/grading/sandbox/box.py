"""The program inside the box: a process that has imported Keras, and its forks for submissions.

Importing TensorFlow takes seconds; forking a process that has imported it takes hundredths of one.
So one process imports the notebooks' libraries and never runs student code. For each connection to
its control socket it forks a *keeper*. The keeper puts up walls (`walls`: namespaces, or a user of
the submission's own), forks the kernel into them, and ends everything in them when the connection
ends. So nothing of one submission reaches the next, neither a file nor a process.

The grader starts this program, under bubblewrap if it can (`outside`). No verdict depends on
anything here. Linux only: `linux` makes the system calls.
"""

import contextlib
import gc
import importlib
import itertools
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time

import course
from course.grading.sandbox import fast, linux, walls
from course.grading.sandbox.usage import Use, anonymous
from course.language import use as use_language

_COMPILED = 100_000_000  # bytes that a kernel may grow by before JAX forgets its compiled programs


def main():
    """Serve: `box.py CONTROL_FD OPTIONS`; `outside` writes the options."""
    server, options = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    _warm()
    options["places"] = walls.places(options["walls"])
    serve(server, options["idle"], lambda connection: _keep(connection, options))
    os._exit(0)  # an orderly end of TensorFlow takes a second


def serve(server, idle, answer, heard=lambda: False):
    """Fork a copy of this process for each connection, in which `answer(connection)` is called.

    Ends after `idle` seconds without a connection or a running fork, or when `heard()` returns
    False. `heard` is called, in this process, when something comes on standard input. By default
    nothing comes but its end, when the process that started this one has ended.
    """
    print("ready", flush=True)
    server.setblocking(False)
    last = time.monotonic()
    while time.monotonic() - last < idle:
        ready, _, _ = select.select([server, sys.stdin], [], [], 1.0)
        if sys.stdin in ready and not heard():
            return
        if server in ready:
            with contextlib.suppress(BlockingIOError):
                connection, _ = server.accept()
                if os.fork() == 0:
                    server.close()
                    os._exit(answer(connection) or 0)
                connection.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                last = time.monotonic()
            last = time.monotonic()  # something is running


def _warm():
    """Import the notebooks' libraries. Nothing may start a thread here: forks would lose it."""
    with fast.imported():
        import keras
    import matplotlib.pyplot  # noqa: F401

    from course.architectures.lenet import LENET5
    from course.grading.sandbox import shell
    from course.kit import figures

    import_what_is_given()
    fast.first_error(shell.make())
    figures.architecture(LENET5)  # fonts are looked up once
    fast.build()
    if keras.backend.backend() == "jax":
        _answer_numpy()


def _answer_numpy():
    """Give JAX's arrays the method `numpy`, which students know from TensorFlow's tensors."""
    import jax
    import numpy

    jax.Array.numpy = lambda self: numpy.array(self)


def _forgetting():
    """A function that lets JAX forget what it has compiled, in a kernel that has grown.

    JAX keeps a program for each operation and each shape: 700 MB with the solution of 03-alexnet,
    and 200 MB with this.
    """
    jax = sys.modules.get("jax")
    if jax is None:
        return lambda: None
    most = anonymous() + _COMPILED

    def forget():
        nonlocal most
        if anonymous() > most:
            jax.clear_caches()
            most = anonymous() + _COMPILED // 4  # memory that is free now stays with the process

    return forget


def import_what_is_given():
    """Import the course's modules that notebooks use, and read its tables, so that no fork has to.

    Each would need 0.2 s for the modules.
    """
    import numpy.random  # noqa: F401

    from course.anatomy import anatomy
    from course.architectures import Table

    for room in ("architectures", "check", "evidence", "kit"):
        for found in pkgutil.walk_packages([f"{course.__path__[0]}/{room}"], f"course.{room}."):
            module = importlib.import_module(found.name)
            if room == "architectures":
                for table in vars(module).values():
                    if isinstance(table, Table):
                        anatomy(table)  # it is kept


# --- the keeper: one for each submission


def line_limit(output):
    """Bytes that the line of JSON about a cell may have if the cell shows `output` characters."""
    return 2 * output + 1_000_000


def _keep(connection, options):
    """Run one kernel; report on the connection how it ended. Returns an exit status."""
    try:
        os.setsid()  # kill(0) reaches a whole process group, even across namespaces
        _, (channel,), *_ = socket.recv_fds(connection, 1, 1)  # the kernel's line to the grader
        request = json.loads(connection.makefile().readline())
        use_language(request["language"])
        around = walls.KINDS[options["walls"]](request["limits"], options)
        use = Use(around)
        complaint, say = os.pipe()
        kernel = os.fork()
        if kernel == 0:
            connection.close()
            try:
                _kernel(request, around, channel, say)
            except BaseException as error:
                os.write(say, f"{type(error).__name__}: {error}".encode())
            finally:
                os._exit(70)
        os.close(say)
        os.close(channel)
        try:
            return _watch(connection, kernel, request["limits"], around, use, complaint)
        except BaseException:  # such as a grader that ended before it read the last line
            around.end(kernel)
            raise
        finally:
            around.clean()
    except Exception as error:
        _say(connection, {"why": f"{type(error).__name__}: {error}"})
        return 1


def _watch(connection, kernel, limits, around, use, complaint):
    """Watch the kernel's use of the machine until it ends or the grader hangs up.

    The grader sends one letter: "u" asks what was used, "i" interrupts. The answer is a line.
    """
    ended, why = os.pidfd_open(kernel), None
    while True:
        ready, _, _ = select.select([connection, ended], [], [], 0.2)
        if ended in ready:
            around.end(kernel)
            os.waitpid(kernel, 0)
            why = why or os.read(complaint, 1000).decode(errors="replace")
            _say(connection, {"why": why, **use.said()})
            return 0
        use.look()
        if connection in ready:
            letter = connection.recv(1)
            if letter == b"u":
                _say(connection, use.said())
            elif letter == b"i":
                os.kill(kernel, signal.SIGINT)
                _say(connection, use.said())  # the signal is sent; later requests are safe
            else:  # the grader has hung up
                around.end(kernel)
                os.waitpid(kernel, 0)
                return 0
        if crowd := use.crowd():
            linux.put_behind(crowd, around.lower)
        if why is None and (why := use.too_much(limits)):
            around.end(kernel)


def _say(connection, message):
    """Send the grader a line of JSON, unless it has hung up."""
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(message).encode() + b"\n")


# --- the kernel's process


def _kernel(request, around, channel, say):
    """Set limits, give up all rights, and serve as the kernel. Does not return."""
    limits = request["limits"]
    around.enter()
    linux.go_behind()
    home = f"{around.private}/home"
    os.environ.update(HOME=home, IPYTHONDIR=f"{home}/.ipython", TMPDIR=f"{around.private}/tmp")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    os.mkdir(f"{home}/work")
    os.chdir(f"{home}/work")
    sys.path.append(f"{home}/work")  # last, so that no file of this name hides a library
    for name, content in request["files"].items():
        with open(name, "xb") as file:
            file.write(content.encode("latin-1"))  # bytes, as JSON carries them
    around.shut()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for low, high in itertools.pairwise([2, *sorted((channel, say)), 256]):
        os.closerange(low + 1, high)
    import random
    import tempfile

    import numpy

    from course.grading.sandbox import shell

    tempfile.tempdir = None  # forget the box's cached folder
    random.seed()  # a fork starts with the state of its parent's generators
    numpy.random.seed()
    sys.argv, sys.stdin = ["kernel"], os.fdopen(0)
    gc.freeze()  # without this a collection looks at all of Keras, 0.3 s each time
    gc.set_threshold(50_000, 20, 50)  # fewer collections, as a network has many objects
    os.close(say)
    most = limits["output"]
    shell.serve(socket.socket(fileno=channel), most, line_limit(most), _forgetting())
    os._exit(0)


if __name__ == "__main__":
    main()
