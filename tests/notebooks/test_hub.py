"""A class on a JupyterHub with nbgrader's exchange: two students, an instructor, a browser.

`make test-hub` installs jupyterhub and its proxy and runs this. It needs to be root: the Hub starts
each server as another Linux user. These users, and what is in /srv, exist in a mount namespace
only, and are gone with the test.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from course.grading.demo import model_answers
from tests.notebooks.test_browser import CHROMIUM, WAIT, shot

ROOT = Path(__file__).parents[2]
PROXY = shutil.which("configurable-http-proxy")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux"),
    pytest.mark.skipif(find_spec("jupyterhub") is None, reason="no jupyterhub: make test-hub"),
    pytest.mark.skipif(PROXY is None, reason="no configurable-http-proxy: make test-hub"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="Playwright is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]
CONFIG = ROOT / "docs/jupyterhub/jupyterhub_config.py"
USERS = {"teacher": 61001, "ada": 61002, "bo": 61003}
# In namespaces of its own: users, homes, /srv, and Python where these users may enter.
SCRIPT = """
set -euo pipefail
mount --make-rprivate /
mount --bind {room}/passwd /etc/passwd
mount --bind {room}/group /etc/group
mount --bind {room}/srv /srv
mkdir -p {room}/python
if [[ {python} == {closed}/* ]]; then
  mount --bind {python} {room}/python
  mount -t tmpfs -o mode=755 tmpfs {closed}
  mkdir -p {python}
  mount --move {room}/python {python}
fi
cd {room}
exec {bin}/python -m jupyterhub --config {config}
"""


@pytest.fixture(scope="module")
def hub():
    """(the Hub's address, a folder with everybody's home)."""
    room = Path(tempfile.mkdtemp(prefix="course-hub-"))  # pytest closes its own to other users
    room.chmod(0o755)
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", room)
    (room / "srv").mkdir()
    for user, number in USERS.items():
        home = room / "home" / user
        home.mkdir(parents=True)
        with (room / "passwd").open("a") as file:
            file.write(f"{user}:x:{number}:{number}::{home}:/bin/bash\n")
        with (room / "group").open("a") as file:
            file.write(f"{user}:x:{number}:\n")
    course = room / "home" / "teacher" / "convnets"
    for name in ("solutions/02-lenet", "nbgrader_config.py"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, course / name)
    for user, number in USERS.items():
        for path in [room / "home" / user, *(room / "home" / user).rglob("*")]:
            os.chown(path, number, number)
            path.chmod(0o700 if path.is_dir() else 0o600)
    bin_ = Path(sys.executable).parent
    script = SCRIPT.format(
        room=room, python=sys.base_prefix, bin=bin_, config=CONFIG,
        closed=Path("~root").expanduser(),
    )  # fmt: skip
    environment = {
        "PATH": f"{bin_}:{Path(PROXY).parent}:/usr/local/bin:/usr/bin:/bin",
        "COURSE_ENVIRONMENT": str(bin_.parent),
        "LANG": "C.UTF-8",
    }
    with (room / "log").open("w") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = "http://127.0.0.1:8000"
    try:
        while process.poll() is None:
            time.sleep(0.25)
            try:
                urllib.request.urlopen(f"{address}/hub/health", timeout=5).close()
                break
            except OSError:
                continue
        assert process.poll() is None, (room / "log").read_text()[-4000:]
        yield address, room
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        print((room / "log").read_text()[-6000:])
        shutil.rmtree(room)


@pytest.fixture(scope="module")
def at(hub):
    """A function: user -> a page in which they are logged in, with their own JupyterLab."""
    from playwright import sync_api  # takes a second

    pages = {}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def opened(user):
            if user not in pages:
                page = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
                page.set_default_timeout(WAIT)
                page.goto(f"{hub[0]}/hub/login")
                page.get_by_label("Username").fill(user)
                page.get_by_role("button", name="Sign in").click()
                page.get_by_role("menuitem", name="Nbgrader").wait_for()
                pages[user] = page
            return pages[user]

        yield opened
        for user, page in pages.items():
            shot(page, f"hub-{user}")
        browser.close()


def entries(page):
    """What the menu Nbgrader offers."""
    page.get_by_role("menuitem", name="Nbgrader").click()
    items = page.locator(".lm-Menu-itemLabel").all_inner_texts()
    page.keyboard.press("Escape")
    return {item for item in items if item}


def in_terminal(hub, user, command):
    """A command as the instructor types it in a terminal of JupyterLab; returns what it prints."""
    _, room = hub
    home = room / "home" / user
    (pid, *_) = subprocess.run(
        ["pgrep", "-u", str(USERS[user]), "-f", "jupyterhub-singleuser"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    environment = dict(
        line.split("=", 1)
        for line in Path(f"/proc/{pid}/environ").read_text().split("\0")
        if "=" in line
    )
    done = subprocess.run(
        ["nsenter", "--mount", "--target", pid, "--setuid", str(USERS[user]), "--setgid",
         str(USERS[user]), "bash", "-c", f"cd {home}/convnets && {command}"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed(page, section, button):
    """The assignment's button in one section of Assignment List."""
    return page.locator(f"#{section}").get_by_role("button", name=button).first


def test_a_class_on_a_hub(hub, at):
    _, room = hub
    teacher, ada, bo = at("teacher"), at("ada"), at("bo")
    assert entries(ada) == entries(bo) == {"Assignment List"}
    assert entries(teacher) >= {"Assignment List", "Formgrader"}

    in_terminal(hub, "teacher", "course release --no-trial 02-lenet")
    in_terminal(hub, "teacher", "nbgrader release_assignment 02-lenet")
    solution = nbformat.read(ROOT / "solutions/02-lenet/lenet.ipynb", 4)
    for user, page in (("ada", ada), ("bo", bo)):
        page.get_by_role("menuitem", name="Nbgrader").click()
        page.get_by_role("menuitem", name="Assignment List", exact=True).click()
        listed(page, "released_assignments_list", "Fetch").click()
        listed(page, "fetched_assignments_list", "Submit").wait_for()
        path = room / "home" / user / "02-lenet" / "lenet.ipynb"
        if user == "ada":  # answers some of it
            nb = nbformat.read(path, 4)
            answers = model_answers(solution)
            for cell in nb.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                if name in answers:
                    cell.source = answers[name]
            nbformat.write(nb, path)
        listed(page, "fetched_assignments_list", "Submit").click()
        page.locator("#submitted_assignments_list").get_by_text("02-lenet").first.wait_for()

    in_terminal(hub, "teacher", "nbgrader collect 02-lenet")
    said = in_terminal(hub, "teacher", "course grade 02-lenet")
    assert "ada" in said and "bo" in said
    in_terminal(hub, "teacher", "course feedback 02-lenet")
    in_terminal(hub, "teacher", "nbgrader release_feedback 02-lenet")

    page = ada
    page.locator("#submitted_assignments_list").get_by_role("button", name="Fetch Feedback").click()
    page.locator("#submitted_assignments_list").get_by_text("view feedback").first.wait_for()
    (feedback,) = (room / "home" / "ada").glob("02-lenet/feedback/*/lenet.html")
    name = feedback.relative_to(room / "home" / "ada").as_posix()
    page.goto(f"{hub[0]}/user/ada/files/{name}")
    page.get_by_text("100 of 100 points").first.wait_for()
    teacher.goto(f"{hub[0]}/user/teacher/formgrader")
    teacher.get_by_text("02-lenet").first.wait_for()
