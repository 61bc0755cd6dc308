"""The box's Linux system calls: namespaces, mounts, limits, giving up rights.

See capabilities(7), user_namespaces(7), mount(2), setrlimit(2), sched(7) and seccomp(2).
"""

import contextlib
import ctypes
import fcntl
import os
import platform
import resource
import socket
import struct

from course.grading.sandbox.usage import PLACES, PRIVATE

_NEW = {"ns": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000}
_NEW |= {"pid": 0x20000000, "net": 0x40000000}
_NOSUID, _NODEV, _NOEXEC, _BIND, _ALL = 2, 4, 8, 4096, 16384

_libc = ctypes.CDLL(None, use_errno=True)


# --- namespaces and mounts


def own_namespaces():
    """Put this process into new namespaces: user, mounts, processes, network, ipc."""
    uid, gid = os.getuid(), os.getgid()
    _call(_libc.unshare(sum(_NEW.values())), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                       ("gid_map", f"{gid} {gid} 1")):  # fmt: skip
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:  # switch the loopback on
        fcntl.ioctl(link, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def own_mounts(size):
    """Mount a private tmpfs of `size` bytes on every writable place."""
    options = f"size={size},nr_inodes=20000"
    for place in PLACES:
        _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, options)
    for name in ("home", "tmp"):
        os.mkdir(f"{PRIVATE}/{name}")
    with open("/proc/self/mounts") as file:
        places = [line.split()[1].encode().decode("unicode_escape") for line in file]
    bound = []
    for place in places:
        inside = any(place.startswith(f"{outer}/") for outer in bound)  # it came along
        if place.startswith("/tmp/") and not inside:  # the Python environment may be there
            os.makedirs(f"{PRIVATE}{place}")
            _mount(place, f"{PRIVATE}{place}", None, _BIND | _ALL)
            bound.append(place)
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


def own_proc():
    """Mount a /proc that shows only this process namespace."""
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    # These limits are shared by all of the user's processes, so each submission gets a small part.
    for name, most in (("user_namespaces", 0), ("inotify_instances", 8)):
        with open(f"/proc/sys/user/max_{name}", "w") as file:
            file.write(str(most))


# --- limits and precedence


def limit(limits, contained):
    """Let this process and its children use no more than a submission may (`kernel.Limits`)."""
    for name, value in (("CPU", limits["cpu"]), ("AS", limits["address_space"]),
                        ("FSIZE", limits["disk"]), ("NPROC", limits["processes"]),
                        ("NOFILE", 1024), ("CORE", 0)):  # fmt: skip
        if contained or name != "NPROC":  # without a namespace, all of the user's processes count
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def go_behind():
    """Lower this process's priority below the grader's and that of other programs."""
    os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write("5")  # if Linux shares the processor between sessions (autogroups)


def put_behind(crowd):
    """Give many processes of one submission the lowest priority, so that others get processors."""
    if any(process.nice < 19 for process in crowd):
        with contextlib.suppress(OSError):  # the last of them has ended
            helper = os.fork()  # into their namespace, where PRIO_USER means just them
            if helper == 0:
                try:
                    os.setpriority(os.PRIO_USER, os.getuid(), 19)
                finally:
                    os._exit(0)
            os.waitpid(helper, 0)
    for process in crowd:  # each may have its own session, and so its own autogroup
        with contextlib.suppress(OSError), open(f"/proc/{process.number}/autogroup", "r+") as file:
            if not file.read().endswith(" nice 19\n"):
                file.write("19")


# --- rights


def give_up_privileges(contained):
    """Give up every capability, and system calls that only attacks need."""
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
    """Allow sockets of the usual families only, and refuse calls that only attacks need.

    A network namespace alone does not stop AF_VSOCK.
    """
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
