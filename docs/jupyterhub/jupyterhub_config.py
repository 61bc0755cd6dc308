"""A JupyterHub for a class, with nbgrader's exchange; `make test-hub` tries this file as it is.

Students see Assignment List, and neither Formgrader nor Create Assignment. Instructors see all
three. What differs between your Hub and another is in the first lines.
"""

import json
import os
from pathlib import Path

c = get_config()  # noqa: F821

COURSE = "convnets"  # c.CourseDirectory.course_id in nbgrader_config.py
INSTRUCTORS = {"teacher"}
EXCHANGE = Path("/srv/nbgrader/exchange")
SETTINGS = Path("/srv/nbgrader/settings")  # what this file writes for everybody's JupyterLab

# Your own authenticator; the first login with the dummy one needs no password.
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = INSTRUCTORS
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.Spawner.default_url = "/lab"

# Everybody may write into the exchange. nbgrader keeps one student's hand-ins from the others.
EXCHANGE.mkdir(parents=True, exist_ok=True)
EXCHANGE.chmod(0o777)


def _settings(role, shown, more=""):
    """A folder with the settings of JupyterLab and nbgrader for a role; returns its path."""
    folder = SETTINGS / role
    parts = "formgrader", "create-assignment", "assignment-list", "course-list"
    for path, content in {
        "labconfig/page_config.json": {
            "disabledExtensions": {f"@jupyter/nbgrader:{part}": part not in shown for part in parts}
        },
        "jupyter_server_config.json": {
            "ServerApp": {
                "jpserver_extensions": {
                    "nbgrader.server_extensions.formgrader": "formgrader" in shown,
                    "nbgrader.server_extensions.course_list": False,
                }
            }
        },
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(content, indent=1))
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        f"c.Exchange.root = {str(EXCHANGE)!r}\n"
        f"c.CourseDirectory.course_id = {COURSE!r}\n"
        # *Submit* copies the folder of an assignment. A student's own notes are no part of it.
        f"c.CourseDirectory.ignore.append('.progress.json*')\n{more}"
    )
    return str(folder)


_STUDENT = _settings("student", shown={"assignment-list"})
# The formgrader works in the course's folder, which lies in the instructor's home.
_FOLDER = f"from pathlib import Path\nc.CourseDirectory.root = str(Path.home() / {COURSE!r})\n"
_SHOWN = {"assignment-list", "formgrader", "create-assignment"}
_INSTRUCTOR = _settings("instructor", _SHOWN, _FOLDER)


def choose(spawner):
    """Give a user the settings of their role, before their server starts."""
    role = _INSTRUCTOR if spawner.user.name in INSTRUCTORS else _STUDENT
    spawner.environment["JUPYTER_CONFIG_PATH"] = role


c.Spawner.pre_spawn_hook = choose
# Where JupyterLab is installed. Without this variable, everybody uses the Hub's own environment.
if environment := os.environ.get("COURSE_ENVIRONMENT"):
    c.Spawner.cmd = [f"{environment}/bin/jupyterhub-singleuser"]
    c.Spawner.environment = {"PATH": f"{environment}/bin:/usr/bin:/bin"}
