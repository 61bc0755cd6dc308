"""What runs inside the box: a process that has imported Keras, and copies of it for submissions.

Importing TensorFlow takes seconds, copying a process that has it takes hundredths of one. So one
process imports what every notebook imports and never runs anything of a student's. For each
connection to its control socket it forks a *keeper*, which puts namespaces of its own around
itself (user, mounts, processes, network, ipc), forks the kernel into them, and kills everything in
them when the connection ends. Nothing of one submission can reach the next: its files lie in a
tmpfs that vanishes, its processes in a process namespace that is killed as a whole.

The grader starts this with bubblewrap (`kernels`). Here is only what has to happen
inside; nothing here is trusted with a verdict.

Linux only. Capabilities, mounts and filters by the kernel's own interface, as in capabilities(7),
user_namespaces(7), mount(2) and seccomp(2).
"""

import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import inspect
import itertools
import json
import os
import pkgutil
import platform
import resource
import select
import signal
import socket
import struct
import sys
import time
import types

import course.architectures
from course.grading.sandbox.usage import PLACES, PRIVATE, Use

_NEW = {"ns": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000}
_NEW |= {"pid": 0x20000000, "net": 0x40000000}
_NOSUID, _NODEV, _NOEXEC, _BIND, _ALL = 2, 4, 8, 4096, 16384

_libc = ctypes.CDLL(None, use_errno=True)


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
    # Keras and TensorFlow also look for these two, for wrappers of their own: a third of the time.
    unseen = [name for name in ("sklearn", "jax") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unseen))
    import keras

    for name in unseen:
        del sys.modules[name]
    import matplotlib.pyplot  # noqa: F401

    from course.architectures.lenet import LENET5
    from course.grading.sandbox import shell
    from course.kit import figures

    import_what_is_given()
    shown = shell.make()
    try:  # what IPython needs to show an error takes 0.3 s when it first does
        keras.layers.Dense()
    except TypeError as error:
        shown.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
    figures.architecture(LENET5)  # fonts are looked up once
    _remember_kinds()
    _run_operations_as_such()


def import_what_is_given():
    """Import what cells and tests of an assignment use; else each copy would, 0.2 s each time."""
    names = ["check", "evidence.cells", "kit.data", "kit.timing"]
    for table in pkgutil.iter_modules(course.architectures.__path__):
        names.append(f"architectures.{table.name}")
    for name in ("numpy.random", *(f"course.{name}" for name in names)):
        importlib.import_module(name)


def _remember_kinds():
    """Let Python look at each function and each class once.

    Keras asks for signatures whenever a layer is made and looks for weights in whatever a layer
    keeps, and TensorFlow asks of every argument whether it is a tensor: a third of the time in
    which a network is built.
    """
    look, found = inspect._signature_from_callable, {}

    def signature(function, **options):
        bound = type(function) is types.MethodType  # of all objects of a class the same
        key = (bound, function.__func__ if bound else function, *options.values())
        if type(key[1]) is not types.FunctionType:
            return look(function, **options)
        if key not in found:
            found[key] = look(function, **options)
        return found[key]

    import keras
    import tensorflow as tf

    ask, answers = tf.is_tensor, {}

    def is_tensor(value):
        kind = type(value)
        if kind not in answers:
            answers[kind] = ask(value)
        return answers[kind]

    holders = keras.Variable, keras.Layer, keras.metrics.Metric, keras.random.SeedGenerator
    holders += tuple, list, dict, set
    tracker = sys.modules["keras.src.utils.tracking"].Tracker
    track, set_attribute = tracker.track, keras.Layer.__setattr__

    @functools.cache
    def holds_weights(kind):
        return issubclass(kind, holders) or kind.__module__.startswith("tensorflow.")

    def track_if_needed(self, value):
        return track(self, value) if holds_weights(type(value)) else value

    def set_and_track_if_needed(self, name, value):
        if holds_weights(type(value)) or "_tracker" not in self.__dict__:
            set_attribute(self, name, value)
        else:
            object.__setattr__(self, name, value)

    inspect._signature_from_callable, tf.is_tensor = signature, is_tensor
    tracker.track, keras.Layer.__setattr__ = track_if_needed, set_and_track_if_needed
    inspect.getfullargspec = functools.cache(inspect.getfullargspec)


def _run_operations_as_such():
    """Let TensorFlow run an operation when it is called, as before version 2.8.

    By default it makes a function of each kind of operation and optimises its graph: 0.1 s until
    the first block with weights has answered. Python has no switch for that, TensorFlow's C
    interface has (tensorflow/c/eager/c_api_experimental.h). It belongs to a context, and a context
    has threads, so each copy sets it when it makes its own.
    """
    import tensorflow as tf
    from tensorflow.python import pywrap_tfe

    try:
        library = ctypes.CDLL(f"{os.path.dirname(tf.__file__)}/libtensorflow_cc.so.2")
        switch = library.TFE_ContextSetRunEagerOpAsFunction
    except (OSError, AttributeError):  # another TensorFlow: slower, no different
        return
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))
    library.TF_NewStatus.restype = ctypes.c_void_p
    new_context = pywrap_tfe.TFE_NewContext

    def with_switch(options):
        context = new_context(options)
        status = ctypes.c_void_p(library.TF_NewStatus())
        address = ctypes.c_void_p(pointer(context, None))
        switch(address, ctypes.c_ubyte(0), status)
        library.TF_DeleteStatus(status)
        return context

    pywrap_tfe.TFE_NewContext = with_switch


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
            _own_namespaces()
            _own_mounts(request["limits"]["disk"])
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
            _put_behind(crowd)
        if contained and why is None and (why := use.too_much(request["limits"])):
            _kill(kernel, contained)


def _put_behind(crowd):
    """Let many processes together have no more of the processors than a few of a neighbour's."""
    if any(process.nice < 19 for process in crowd):
        with contextlib.suppress(OSError):  # the last of them has ended
            helper = os.fork()  # into their namespace, where "all of this user's" means them
            if helper == 0:
                try:
                    os.setpriority(os.PRIO_USER, os.getuid(), 19)
                finally:
                    os._exit(0)
            os.waitpid(helper, 0)
    for process in crowd:  # each can have made itself a session, which is what Linux may look at
        with contextlib.suppress(OSError), open(f"/proc/{process.number}/autogroup", "r+") as file:
            if not file.read().endswith(" nice 19\n"):
                file.write("19")


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


# --- namespaces and mounts


def _own_namespaces():
    uid, gid = os.getuid(), os.getgid()
    _call(_libc.unshare(sum(_NEW.values())), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:  # a machine has itself
        fcntl.ioctl(link, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def _own_mounts(size):
    """A private tmpfs wherever anything can be written."""
    options = f"size={size},nr_inodes=20000"
    for place in PLACES:
        _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, options)
    for name in ("home", "tmp"):
        os.mkdir(f"{PRIVATE}/{name}")
    with open("/proc/self/mounts") as file:
        places = [line.split()[1].encode().decode("unicode_escape") for line in file]
    for place in places:
        if place.startswith("/tmp/"):  # Python's own environment lies there
            os.makedirs(f"{PRIVATE}{place}")
            _mount(place, f"{PRIVATE}{place}", None, _BIND | _ALL)
    _mount(f"{PRIVATE}/tmp", "/tmp", None, _BIND | _ALL)
    _mount("devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,max=8")


def _mount(source, target, kind, flags, options=None):
    encoded = [text and text.encode() for text in (source, target, kind, options)]
    source_, target_, kind_, options_ = encoded
    done = _libc.mount(source_, target_, kind_, ctypes.c_ulong(flags), options_)
    _call(done, f"mount {target}")


def _call(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


# --- the kernel's process


def _kernel(request, contained, channel, say):
    """Become a kernel with nothing left to give away."""
    if contained:
        os.setsid()  # not the keeper's group either
    limits = request["limits"]
    private = PRIVATE if contained else request["private"]
    if contained:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
        # What belongs to the user on the whole machine is given in small parts.
        for name, most in (("user_namespaces", 0), ("inotify_instances", 8)):
            with open(f"/proc/sys/user/max_{name}", "w") as file:
                file.write(str(most))
    for name, value in (("CPU", limits["cpu"]), ("AS", limits["address_space"]),
                        ("FSIZE", limits["disk"]), ("NPROC", limits["processes"]),
                        ("NOFILE", 1024), ("CORE", 0)):  # fmt: skip
        if contained or name != "NPROC":  # outside a namespace all of the user's count
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    _go_behind()
    home = f"{private}/home"
    os.environ.update(HOME=home, IPYTHONDIR=f"{home}/.ipython", TMPDIR=f"{private}/tmp")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    os.mkdir(f"{home}/work")
    os.chdir(f"{home}/work")
    sys.path.append(f"{home}/work")  # last, so that no file of this name hides a library
    for name, content in request["files"].items():
        with open(name, "xb") as file:
            file.write(content.encode("latin-1"))  # bytes, as JSON carries them
    _give_up_privileges(contained)
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


def _go_behind():
    """Compute only when the grader and its neighbours need the processor less."""
    os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write("5")  # where Linux shares the processor between sessions, not processes


def _give_up_privileges(contained):
    _call(_libc.prctl(38, 1, 0, 0, 0), "no_new_privs")
    if not contained:
        return
    for capability in range(64):
        if _libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP; EINVAL after the last
            break
    header = struct.pack("Ii", 0x20080522, 0)
    _call(_libc.capset(header, bytes(24)), "capset")
    _filter_system_calls()


def _filter_system_calls():
    """Sockets of the usual families only (a network namespace does not stop AF_VSOCK), and none
    of the calls that only attacks need."""
    machine = platform.machine()
    if machine not in _CALLS:
        raise OSError(f"no system call filter for the processor {machine}")
    architecture, make_socket, refused = _CALLS[machine]
    families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # ld abs, jeq, jge, ret
    kill, allow, refuse = 0x80000000, 0x7FFF0000, 0x00050000
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, kill), (load, 0, 0, 0)]
    program += [(at_least, 0, 1, 0x40000000), (give, 0, 0, kill)]  # x32 on x86-64
    for number in refused:
        program += [(equal, 0, 1, number), (give, 0, 0, refuse | 1)]  # EPERM
    program += [(equal, 1, 0, make_socket), (give, 0, 0, allow), (load, 0, 0, 16)]
    for family in families:
        program += [(equal, 0, 1, family), (give, 0, 0, allow)]
    program += [(give, 0, 0, refuse | 97)]  # EAFNOSUPPORT
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    held = ctypes.create_string_buffer(code)
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(held))
    _call(_libc.prctl(22, 2, filter_, 0, 0), "seccomp")


#: AUDIT_ARCH, socket(2), and ptrace, add_key, request_key, keyctl, perf_event_open, bpf,
#: userfaultfd, io_uring_setup; then memfd_create, memfd_secret, mq_open, whose memory could be
#: sent away over a socket, where nobody can count it
_CALLS = {
    "x86_64": (0xC000003E, 41, (101, 248, 249, 250, 298, 321, 323, 425, 319, 447, 240)),
    "aarch64": (0xC00000B7, 198, (117, 217, 218, 219, 241, 280, 282, 425, 279, 447, 180)),
}

if __name__ == "__main__":
    main()
