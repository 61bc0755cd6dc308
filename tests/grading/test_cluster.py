"""A cluster with certificates, as the page about scaling says, and one without workers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course.cli import main
from tests.classroom import ROOT, Classroom

PROGRAMS = Path(sys.executable).parent
PAGE = (ROOT / "docs/scaling.md").read_text().split("### Who may reach the scheduler")[1]
OPENSSL, YAML, COMMANDS = re.findall(r"```(?:yaml)?\n(.*?)```", PAGE, re.DOTALL)[:3]


@pytest.fixture
def start(tmp_path):
    """Start a program whose output can be read line by line; all are ended with the test."""
    (tmp_path / "dask").mkdir()
    subprocess.run(OPENSSL.split(), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "dask/grading.yaml").write_text(YAML.replace("/home/teacher", str(tmp_path)))
    environment = {**os.environ, "DASK_CONFIG": str(tmp_path / "dask"), "PYTHONUNBUFFERED": "1"}
    started = []

    def start(command, *more):
        program, *arguments = command.split()
        process = subprocess.Popen(
            [PROGRAMS / program, *arguments, *more], cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.terminate()
    for process in started:
        process.communicate()


def heard(process, pattern):
    """Read until a line fits, and return the match."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"it ended without {pattern!r}:\n{''.join(lines)}")


def test_by_tls_as_the_page_says_and_without_workers_it_says_so(start, tmp_path, capsys):
    room = Classroom(tmp_path / "c")
    room.submit("amina", room.written())
    scheduler, worker, grade = COMMANDS.strip().splitlines()
    scheduler = start(scheduler, "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = heard(scheduler, r"Scheduler at: +(tls://\S+)")[1]
    grade = grade.replace("tls://head:8786", address).replace("04-vgg", room.assignment)
    grading = start(grade, "--course", str(room.folder))
    heard(grading, f"The scheduler at {address} has no workers; waiting for some")
    worker = worker.replace("tls://head:8786", address).replace("--nworkers 8", "--nworkers 1")
    start(worker, "--no-dashboard", "--memory-limit", "0")
    heard(grading, r"^amina +100 / 100")
    assert grading.wait() == 0

    # Without the certificates nobody gets in.
    arguments = ["grade", "--course", str(room.folder), "--again", "--scheduler"]
    for url, says in (
        (address, "Dask's settings name no certificates"),
        (address.replace("tls", "tcp"), "No Dask scheduler answers at tcp://"),
    ):
        assert main([*arguments, url]) == 1
        assert says in capsys.readouterr().err
