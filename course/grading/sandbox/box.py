"""What runs inside the box: a process that has imported Keras, and copies of it for submissions.

Importing TensorFlow takes seconds, copying a process that has it takes hundredths of one. So one
process imports what every notebook imports and never runs anything of a student's. For each
connection to its control socket it forks a *keeper*, which puts namespaces of its own around
itself (user, mounts, processes, network, ipc), forks the kernel into them, and kills everything in
them when the connection ends. Nothing of one submission can reach the next: its files lie in a
tmpfs that vanishes, its processes in a process namespace that is killed as a whole.

The grader starts this with bubblewrap (`outside`). Here is only what has to happen inside;
nothing here is trusted with a verdict. Linux only: `linux` makes the calls.
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

import course.architectures
from course.grading.sandbox import fast, linux
from course.grading.sandbox.usage import PRIVATE, Use


def main():
    """Serve: `box.py CONTROL_FD {"contained": true, "idle": 600}`."""
    server, options = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    _warm()
    serve(server, options["idle"], lambda connection: _keep(connection, options["contained"]))
    os._exit(0)  # an orderly end of TensorFlow takes a second


def serve(server, idle, answer):
    """Fork a copy of this process for each connection, in which `answer(connection)` is called.

    Ends when standard input does (whoever started this is gone), or after `idle` seconds in which
    there was nothing to do.
    """
    print("ready", flush=True)
    server.setblocking(False)
    last = time.monotonic()
    while time.monotonic() - last < idle:
        ready, _, _ = select.select([server, sys.stdin], [], [], 1.0)
        if sys.stdin in ready:
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
    """Import what notebooks import. Nothing may start a thread here: forks would lose it."""
    with fast.imported():
        import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401

    from course.architectures.lenet import LENET5
    from course.grading.sandbox import shell
    from course.kit import figures

    import_what_is_given()
    fast.first_error(shell.make())
    figures.architecture(LENET5)  # fonts are looked up once
    fast.build()


def import_what_is_given():
    """Import what cells and tests of an assignment use; else each copy would, 0.2 s each time."""
    names = ["check", "evidence.cells", "kit.data", "kit.timing"]
    for table in pkgutil.iter_modules(course.architectures.__path__):
        names.append(f"architectures.{table.name}")
    for name in ("numpy.random", *(f"course.{name}" for name in names)):
        importlib.import_module(name)


# --- the keeper: one for each submission


def line_limit(output):
    """Bytes that a line about a cell may have in which `output` characters are shown."""
    return 2 * output + 1_000_000


def _keep(connection, contained):
    """Run one kernel; report on the connection how it ended. Returns an exit status."""
    try:
        os.setsid()  # kill(0) reaches a whole process group, through all namespaces
        _, (channel,), *_ = socket.recv_fds(connection, 1, 1)  # the kernel's line to the grader
        request = json.loads(connection.makefile().readline())
        if contained:
            linux.own_namespaces()
            linux.own_mounts(request["limits"]["disk"])
        complaint, say = os.pipe()
        outside = os.stat("/proc").st_dev  # until the kernel has mounted one of its own
        kernel = os.fork()
        if kernel == 0:
            connection.close()
            try:
                _kernel(request, contained, channel, say)
            except BaseException as error:
                os.write(say, f"{type(error).__name__}: {error}".encode())
            finally:
                os._exit(70)
        os.close(say)
        os.close(channel)
        return _watch(connection, kernel, request, contained, complaint, outside)
    except Exception as error:
        _say(connection, {"why": f"{type(error).__name__}: {error}"})
        return 1


def _watch(connection, kernel, request, contained, complaint, outside):
    """Wait until the kernel ends or the grader is done with it, and look at what it uses.

    The grader sends one letter: "u" asks what was used, "i" interrupts. The answer is a line.
    """
    ended, why, use = os.pidfd_open(kernel), None, Use(contained, outside)
    while True:
        ready, _, _ = select.select([connection, ended], [], [], 0.2)
        if ended in ready:
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
                _say(connection, use.said())  # it is interrupted: nothing that comes later is
            else:  # the grader has what it wants, or is gone
                _kill(kernel, contained)
                os.waitpid(kernel, 0)
                return 0
        if contained and (crowd := use.crowd()):
            linux.put_behind(crowd)
        if contained and why is None and (why := use.too_much(request["limits"])):
            _kill(kernel, contained)


def _kill(kernel, contained):
    """Kill a kernel and all it started: its process namespace, or else its session."""
    os.kill(kernel, signal.SIGKILL)
    if contained:
        return
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if int(name) != os.getpid() and os.getsid(int(name)) == os.getsid(0):
                os.kill(int(name), signal.SIGKILL)


def _say(connection, message):
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(message).encode() + b"\n")


# --- the kernel's process


def _kernel(request, contained, channel, say):
    """Become a kernel with nothing left to give away."""
    if contained:
        os.setsid()  # not the keeper's group either
    limits = request["limits"]
    private = PRIVATE if contained else request["private"]
    if contained:
        linux.own_proc()
    linux.limit(limits, contained)
    linux.go_behind()
    home = f"{private}/home"
    os.environ.update(HOME=home, IPYTHONDIR=f"{home}/.ipython", TMPDIR=f"{private}/tmp")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    os.mkdir(f"{home}/work")
    os.chdir(f"{home}/work")
    sys.path.append(f"{home}/work")  # last, so that no file of this name hides a library
    for name, content in request["files"].items():
        with open(name, "xb") as file:
            file.write(content.encode("latin-1"))  # bytes, as JSON carries them
    linux.give_up_privileges(contained)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for low, high in itertools.pairwise([2, *sorted((channel, say)), 256]):
        os.closerange(low + 1, high)
    import random
    import tempfile

    import numpy

    from course.grading.sandbox import shell

    tempfile.tempdir = None  # it remembers the box's
    random.seed()  # a fork starts with its parent's generators
    numpy.random.seed()
    sys.argv, sys.stdin = ["kernel"], os.fdopen(0)
    gc.freeze()  # a collection would look at all of Keras, 0.3 s each time
    gc.set_threshold(50_000, 20, 50)  # and a network has many objects
    os.close(say)
    shell.serve(socket.socket(fileno=channel), limits["output"], line_limit(limits["output"]))
    os._exit(0)


if __name__ == "__main__":
    main()
