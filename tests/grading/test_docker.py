"""The imitated container is like Docker's: what root may do there, and what nobody may."""

import sys

import pytest

from course.grading.sandbox import bubblewrap
from tests.grading import docker


def said(code, *arguments, **options):
    """What a Python program prints in a container."""
    done = docker.run([sys.executable, "-c", code, *arguments], **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_root_has_what_docker_leaves_it(tmp_path):
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print([libc.unshare(flag) for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000)])
print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0), libc.chroot(b'/'))
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
print(hex(int(status['CapEff'], 16)), os.getuid(), flush=True)
if os.fork() == 0:
    os.setgroups([]); os.setgid(1000); os.setuid(1000)
    print(os.path.exists('/secret/x'), flush=True)
    os._exit(0)
os.wait()
"""
    (tmp_path / "x").write_text("x")
    tmp_path.chmod(0o700)
    lines = said(code, read_only={"/secret": tmp_path}).splitlines()
    assert lines == [
        "[-1, -1, -1, -1, -1]",
        "-1 0",
        "0xa80425fb 0",  # Docker's default
        "False",
    ]


def test_bubblewrap_does_not_run_there():
    binary = bubblewrap.program()
    done = docker.run([binary, "--ro-bind", "/", "/", "--unshare-all", "true"])
    assert done.returncode != 0 and "ermi" in done.stderr


@pytest.mark.parametrize("user", [0, 1000])
def test_every_user_may_read_python_and_write_to_what_is_laid_out(tmp_path, user):
    tmp_path.chmod(0o777)
    code = """
import course, os
for path in ('/tmp/x', '/dev/shm/x', '/autograder/results/x'): open(path, 'w').write('x')
print(os.getuid())
"""
    assert said(code, writable={"/autograder/results": tmp_path}, user=user) == str(user)
    assert (tmp_path / "x").read_text() == "x"


def test_there_is_no_network_and_no_other_file():
    code = """
import os, socket
try: socket.create_connection(('1.1.1.1', 80), 2)
except OSError as error: print(error.strerror)
print(sorted(os.listdir('/')), len([n for n in os.listdir('/proc') if n.isdigit()]))
print(os.path.exists('/etc/shadow'))
"""
    lines = said(code).splitlines()
    assert lines[0] == "Network is unreachable"
    assert "home" not in lines[1] and lines[1].endswith(" 2")  # itself and an init
    assert lines[2] == "False"
