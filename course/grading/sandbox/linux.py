"""The box's Linux system calls: namespaces, mounts, limits, giving up rights.

See capabilities(7), user_namespaces(7), mount(2), setrlimit(2), sched(7) and seccomp(2).
"""

import contextlib
import ctypes
import errno
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

libc = ctypes.CDLL(None, use_errno=True)


# --- namespaces and mounts


def own_namespaces():
    """Put this process into new namespaces: user, mounts, processes, network, ipc."""
    uid, gid = os.getuid(), os.getgid()
    done(libc.unshare(sum(_NEW.values())), "unshare")
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
    *what, data = (text and text.encode() for text in (source, target, kind, options))
    done(libc.mount(*what, ctypes.c_ulong(flags), data), f"mount {target}")


def done(result, what):
    """The result of a system call. Raises OSError if it has failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def own_proc():
    """Mount a /proc that shows only this process namespace."""
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    # These limits are shared by all of the user's processes, so each submission gets a small part.
    for name, most in (("user_namespaces", 0), ("inotify_instances", 8)):
        with open(f"/proc/sys/user/max_{name}", "w") as file:
            file.write(str(most))


# --- limits and precedence


def limit(limits, processes=True):
    """Let this process and its children use no more than a submission may (`kernel.Limits`).

    Linux counts all of the user's processes for their limit. So `processes` is for a submission
    that has a user or a namespace of its own.
    """
    for name, value in (("CPU", limits["cpu"]), ("AS", limits["address_space"]),
                        ("FSIZE", limits["disk"]), ("NPROC", limits["processes"]),
                        ("NOFILE", 1024), ("CORE", 0)):  # fmt: skip
        if processes or name != "NPROC":
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def go_behind():
    """Lower this process's priority below the grader's and that of other programs."""
    os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write("5")  # if Linux shares the processor between sessions (autogroups)


def put_behind(crowd, lower):
    """Give many processes of one submission the lowest priority, so that others get processors.

    `lower(crowd)` changes the priorities themselves.
    """
    if any(process.nice < 19 for process in crowd):
        with contextlib.suppress(OSError):  # the last of them has ended
            lower(crowd)
    for process in crowd:  # each may have its own session, and so its own autogroup
        with contextlib.suppress(OSError), open(f"/proc/{process.number}/autogroup", "r+") as file:
            if not file.read().endswith(" nice 19\n"):
                file.write("19")


def lower_user():
    """Give all processes that this one's user has in its namespace the lowest priority."""
    os.setpriority(os.PRIO_USER, os.geteuid(), 19)


def adopt():
    """Become the parent of all descendants whose parent ends."""
    done(libc.prctl(36, 1, 0, 0, 0), "subreaper")


def in_a_helper(function):
    """Call a function in a child process, and wait for its end. Returns whether it succeeded."""
    helper = os.fork()
    if helper == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(helper, 0)[1] == 0


# --- rights


def never_gain_rights():
    """Let no program give this process a right that it does not have, whoever owns it."""
    done(libc.prctl(38, 1, 0, 0, 0), "no_new_privs")


def give_up_capabilities():
    """Give up every capability for good."""
    never_gain_rights()
    bound_capabilities()
    header = struct.pack("Ii", 0x20080522, 0)
    done(libc.capset(header, bytes(24)), "capset")


def bound_capabilities():
    """Let no program, whoever owns it, give this process a capability; needs CAP_SETPCAP."""
    for capability in range(64):
        if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP; EINVAL after the last
            break


def filter_system_calls(alone):
    """Allow sockets of the usual families only, and refuse calls that only attacks need.

    A network namespace alone does not stop AF_VSOCK. If a submission is not `alone` in namespaces
    of its own, these are refused, too: all sockets but pairs, System V memory, new namespaces, and
    calls that change the limits and priorities of other processes.
    """
    machine = platform.machine()
    if machine not in _CALLS:
        raise OSError(f"no system call filter for the processor {machine}")
    architecture, make_socket, make_pair, clone, prlimit, always, shared = _CALLS[machine]
    families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
    equal, at_least, has = 0x15, 0x35, 0x45  # jeq, jge, jset
    refused = (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)
    answers = 0x7FFF0000, 0x80000000, *(0x50000 | number for number in refused)
    allow, kill, eperm, enosys, eafnosupport = ((0x06, 0, 0, each) for each in answers)  # ret
    number, processor, first, second = ((0x20, 0, 0, place) for place in (0, 4, 16, 24))  # ld
    lowest_four_bits = (0x54, 0, 0, 15)  # and

    def when(test, value, *steps):
        """These steps if what was loaded last passes a test; otherwise they are jumped over."""
        return [(test, 0, len(steps), value), *steps]

    program = [processor, (equal, 1, 0, architecture), kill, number]
    program += when(at_least, 0x40000000, kill)  # x32 on x86-64
    for call in always if alone else always + shared:
        program += when(equal, call, eperm)
    if not alone:
        # clone3 hides its flags in memory; where it is missing, C's library uses clone.
        program += when(equal, _CLONE3, enosys)
        program += when(equal, clone, first, *when(has, 0x7E020000, eperm), allow)
        # A pair of another type could send datagrams to any socket that has a name.
        kinds = socket.SOCK_STREAM, socket.SOCK_SEQPACKET
        fits = [step for kind in kinds for step in when(equal, kind, allow)]
        program += when(equal, make_pair, second, lowest_four_bits, *fits, eperm)
        # The limits of other processes, which may be the grader's.
        program += when(equal, prlimit, first, *when(equal, 0, allow), eperm)
    fits = [step for kind in families if alone for step in when(equal, kind, allow)]
    program += [*when(equal, make_socket, first, *fits, eafnosupport), allow]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    held = ctypes.create_string_buffer(code)
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(held))
    done(libc.prctl(22, 2, filter_, 0, 0), "seccomp")


_CLONE3 = 435

#: AUDIT_ARCH, socket(2), socketpair(2), clone(2), prlimit64, and what is refused.
#: Always: ptrace, add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd, io_uring_setup;
#: then memfd_create, memfd_secret, mq_open, whose memory could be sent away over a socket, where
#: nobody can count it.
#: Without namespaces: connect, bind, listen; shmget, shmat, shmctl, semget, semop, semtimedop,
#: semctl, msgget, msgsnd, msgrcv, msgctl; process_vm_readv, process_vm_writev, pidfd_getfd;
#: unshare, setns, mount; setpriority, ioprio_set, sched_setaffinity, sched_setscheduler,
#: sched_setattr.
_CALLS = {
    "x86_64": (
        0xC000003E, 41, 53, 56, 302,
        (101, 248, 249, 250, 298, 321, 323, 425, 319, 447, 240),
        (42, 49, 50, 29, 30, 31, 64, 65, 220, 66, 68, 69, 70, 71, 310, 311, 438, 272, 308, 165,
         141, 251, 203, 144, 314),
    ),
    "aarch64": (
        0xC00000B7, 198, 199, 220, 261,
        (117, 217, 218, 219, 241, 280, 282, 425, 279, 447, 180),
        (203, 200, 201, 194, 196, 195, 190, 193, 192, 191, 186, 189, 188, 187, 270, 271, 438, 97,
         268, 40, 140, 30, 122, 119, 274),
    ),
}  # fmt: skip
