"""The address of the git repository that Colab gets the course from."""

import re
import subprocess

from course.grading import CONFIG, CourseError
from course.grading.folder import BANKS
from course.plain import one_line

_URL = re.compile(
    r"(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[\w.-]+)(?P<port>:\d+)?(?P<path>/[^\s?#]+)"
)
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[^\s:?#]+)(?P<port>)")  # as ssh and git


def git_remote(folder):
    """The address of a folder's git remote `origin`, or "" if there is none."""
    return _git(folder, "remote", "get-url", "origin").strip()


def https(address):
    """The https form of a git address, without names and tokens; "" if it has none.

    `git@github.com:you/convnets.git` and `ssh://git@github.com/you/convnets.git` become
    https://github.com/you/convnets.git. A folder, or a host name from ~/.ssh/config, has none.
    """
    found = _URL.fullmatch(address) or _SCP.fullmatch(address)
    if not found or "." not in found["host"]:
        return ""
    host = re.sub(r"^(?:alt)?ssh\.", "", found["host"])  # GitHub's and GitLab's ssh on port 443
    port = found["port"] if address.startswith("http") else None
    return f"https://{host}{port or ''}/{found['path'].lstrip('/')}"


def repository_of(course, given):
    """(the https address that Colab gets the course from, sentences about it).

    `given` is the address from the command line. If it is None, nbgrader_config.py counts, then the
    git remote. Raises CourseError for an address from either without an https form.
    """
    own, set_there = git_remote(course.root), course.config.Stamp.get("repository")
    asked = given if given is not None else set_there or own
    address = https(asked)
    if asked and not address:
        if given:
            raise CourseError(f"The repository should be an https:// address. Received: {given}")
        if set_there:
            raise CourseError(
                f"c.Stamp.repository in {CONFIG} should be an https:// address, such as "
                f"'https://github.com/you/convnets'. It is {one_line(repr(set_there))}."
            )
        return "", [
            f"The folder's git remote, {asked}, has no https address that Colab could use. "
            "Notebooks are released without an address; name one with --repository."
        ]
    if not address:
        return "", []
    said = [f"Colab will get the course from {address}"]
    secret = course.directory.source_directory, BANKS, "tests/bank"
    published = _git(course.root, "ls-files", "--", *secret)
    if published and address == https(own):
        said.append(
            "WARNING: that is the repository of this folder, and git keeps "
            f"{len(published.splitlines())} files of solutions and tests in it. Whoever can read "
            "the repository can read every solution. Give students a copy without them:\n"
            "  course publish ../students --repository https://…"
        )
    return address, said


def _git(folder, *arguments):
    try:
        command = ["git", "-C", str(folder), *arguments]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if said.returncode else said.stdout
