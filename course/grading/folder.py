"""A course's folder as nbgrader sees it: its paths, and nbgrader's API on it."""

import contextlib
import functools
import io
import logging
import os
import tempfile
import time
import traceback
import warnings
import zipfile
from itertools import chain
from pathlib import Path

import nbgrader.api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGrader, NbGraderAPI
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy.exc import SAWarning

from course.grading import CONFIG, CourseError, course_folder, meant, settings
from course.plain import one_line

try:
    import fcntl
except ImportError:  # Windows, where nothing is graded
    fcntl = None

# nbgrader builds some records outside of a session. The warning is harmless: do not show it.
warnings.filterwarnings("ignore", "Object of type", SAWarning)
# It logs what the database refuses, with its own code around it. `troubles` says it in a sentence.
logging.getLogger("tornado.application").addFilter(
    lambda record: not record.getMessage().startswith("Rolling back session")
)


@functools.cache
def _newest_schema():
    """The version of nbgrader's newest gradebook.

    For each new gradebook nbgrader starts a program, alembic, to learn it: two seconds.
    """
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", ALEMBIC_DIR)
    return ScriptDirectory.from_config(config).get_current_head()


# For nbgrader's API, which otherwise shares the log of the program around it, such as JupyterLab.
_SILENT = logging.Logger("course", logging.WARNING)
_SILENT.addHandler(logging.NullHandler())

nbgrader.api.get_alembic_version = _newest_schema

KEY = "variant.key"  # the secret from which the codes of variants follow
BANKS = "banks"  # the folder of answers that an assignment is tried on; nothing of it is given out


class CourseFolder:
    """The folder with `nbgrader_config.py`: solutions/, assignments/, submitted/ and so on.

    With `copy`, the settings are those of the folder, and everything else is in that other folder.
    """

    def __init__(self, root=None, copy=None):
        self.root = course_folder(root or Path.cwd())
        self.config = config = _config_in(self.root)
        settings.look_at(config)
        if copy:
            self.root = Path(copy)
            for step in ("source", "release", "submitted", "autograded", "feedback"):
                config.CourseDirectory[f"{step}_directory"] = step
            config.CourseDirectory.db_url = f"sqlite:///{self.root / 'gradebook.db'}"
        config.CourseDirectory.root = str(self.root)
        config.NbGrader.logfile = ""
        self.api = NbGraderAPI(config=config, log=_SILENT)

    @property
    def directory(self):
        """nbgrader's CourseDirectory."""
        return self.api.coursedir

    @property
    def database(self):
        """The URL of the gradebook."""
        return self.directory.db_url

    def path(self, step, assignment, student="."):
        """The folder of an assignment in one of nbgrader's steps: "source", "submitted", ..."""
        name = getattr(self.directory, f"{step}_directory")
        return Path(self.directory.format_path(name, student, assignment))

    def private(self):
        """Paths of what no student may read: solutions, submissions, gradebook, the key, ..."""
        steps = "source", "submitted", "autograded", "feedback"
        folders = [self.root / getattr(self.directory, f"{step}_directory") for step in steps]
        folders += [self.root / BANKS, self.root / "similar"]
        found = (sorted(self.root.glob(name)) for name in ("gradebook.db*", KEY))
        return [*folders, *chain(*found)]

    def assignments(self):
        """Names of all assignments in the source folder, in order; none without that folder."""
        source = self.root / self.directory.source_directory
        return sorted({path.parent.name for path in source.glob("*/*.ipynb")})

    def chosen(self, names):
        """The named assignments, each once, or all.

        Raises CourseError for an unknown name, and if there is no assignment at all.
        """
        known = self.assignments()
        if not known:
            raise CourseError(
                f"{self.root / self.directory.source_directory} should hold a folder for each "
                "assignment, with its notebook. There is none. Begin one: course new NAME. If they "
                "lie elsewhere, name that folder in nbgrader_config.py "
                "(c.CourseDirectory.source_directory)."
            )
        for name in names or ():
            if name not in known:
                raise CourseError(
                    f"There is no assignment {name!r} in {self.directory.source_directory}/. "
                    f"There are: {', '.join(known)}."
                )
        return list(dict.fromkeys(names or known))

    def notebooks(self, assignment):
        """Paths of an assignment's source notebooks."""
        return sorted(self.path("source", assignment).glob("*.ipynb"))

    def students(self, assignment):
        """Ids of the students who handed in the assignment.

        Raises CourseError for a folder in submitted/ whose name cannot be an id.
        """
        found = sorted(self.api.get_submitted_students(assignment))
        names = [os.fsencode(name).decode("utf-8", "replace") for name in found]
        if odd := [name for name, id_ in zip(names, found, strict=True) if name != id_]:
            raise CourseError(
                f"{self.directory.submitted_directory}/ has a folder whose name is not in UTF-8: "
                f"{one_line(odd[0])}. Some programs write such names when they unpack a zip file. "
                "Rename the folder to the student's id."
            )
        return found

    def misplaced(self, assignment):
        """What lies beside an assignment's folder in submitted/, and seems to belong into it.

        That is, as STUDENT/NAME, a notebook, or a folder whose name is almost the assignment's.
        """
        found, known = [], {assignment, *self.assignments()}
        for student in sorted((self.root / self.directory.submitted_directory).glob("*/")):
            place = self.path("submitted", assignment, student.name)
            beside = place.parent.glob("*") if place.parent == student else ()
            for path in sorted(path for path in beside if path.name not in known):
                near = path.is_dir() and meant(path.name, [assignment], 0.8)
                if near or path.suffix == ".ipynb":
                    found.append(f"{student.name}/{path.name}")
        return found

    def is_released(self, assignment):
        """Whether the gradebook knows the assignment's cells."""
        with Gradebook(self.database) as gradebook:
            try:
                return bool(gradebook.find_assignment(assignment).notebooks)
            except MissingEntry:
                return False

    def students_named(self, names):
        """The names as a list, each once, if each is the id of a student.

        Students are those in the gradebook and those who handed something in. Raises CourseError
        for any other name.
        """
        if not names:
            return []
        with Gradebook(self.database) as gradebook:
            parts = {s.id: (s.first_name or "", s.last_name or "") for s in gradebook.students}
        called = {id_: " ".join(part).strip() for id_, part in parts.items()}
        known = {*called, *(s for name in self.assignments() for s in self.students(name))}
        for name in names:
            if name not in known:
                own = [i for i, full in called.items() if name and name.lower() in full.lower()]
                who = " or ".join(f"{one_line(called[id_])}, {id_}" for id_ in sorted(own)[:3])
                raise CourseError(
                    f"There is no student {one_line(name)!r}: {len(known)} are in the gradebook or "
                    "have handed something in, and none has this id."
                    + (f" Did you mean {who}?" if who else meant(name, known))
                )
        return list(dict.fromkeys(names))

    @contextlib.contextmanager
    def alone(self, command):
        """Hold the folder while a command works: two at once would mix up the gradebook.

        Raises CourseError if another command is at work in it.
        """
        with (self.root / ".course.lock").open("a+", encoding="utf-8") as file:
            if fcntl:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    file.seek(0)
                    raise CourseError(
                        f"Another command is at work in {self.root}: {one_line(file.read())}. Wait "
                        "until it has ended, then run this one again."
                    ) from None
            file.truncate(0)
            file.write(f"course {command}, since {time.strftime('%H:%M')}, process {os.getpid()}")
            file.flush()
            yield


def _config_in(folder):
    """nbgrader's configuration in a course's folder. Raises CourseError if it cannot be read."""
    app = NbGrader(raise_config_file_errors=True)  # else it goes on with other settings
    app.log.handlers = [logging.NullHandler()]
    try:
        with contextlib.chdir(folder):  # Jupyter reads the configuration of the current folder
            app.load_config_file()
    except (Exception, SystemExit) as error:  # the file is a program, and may raise anything
        steps = traceback.extract_tb(error.__traceback__)
        where = next((s for s in reversed(steps) if s.filename.endswith(CONFIG)), steps[-1])
        at = "" if isinstance(error, SyntaxError) else f", {where.filename}:{where.lineno}"
        said = one_line(f"{type(error).__name__}: {error}{at}")
        raise CourseError(
            f"The settings in nbgrader_config.py cannot be read ({said}). Mend that line."
        ) from None
    return app.config


def check_place(path):
    """Raise CourseError if a file's folder is not there, or if it is a folder itself."""
    if not path.parent.is_dir():
        raise CourseError(f"{path} cannot be written: there is no folder {path.parent}. Make it.")
    if path.is_dir():
        raise CourseError(f"{path} is a folder, and a file should be written. Name a file in it.")


def write_atomically(path, content):
    """Write bytes to a file so that it is either wholly new or as it was before.

    Raises CourseError if its folder is not there, or if it is a folder or a device.
    """
    check_place(path)
    if path.exists() and not path.is_file():  # the new file would take the place of a device
        raise CourseError(f"{path} is no ordinary file, and would be replaced. Name another file.")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):  # a signal came when all was done
                os.unlink(file.name)
            if isinstance(error, OSError):  # such as a full disk, which does not say where
                error.filename = error.filename or str(path)
            raise


def zipped(files):
    """The bytes of a zip file with {name: bytes}; the same files give the same bytes.

    What begins with #! is a program, and everybody may run it.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            about = zipfile.ZipInfo(name)  # without the time of writing
            about.external_attr = (0o100755 if content.startswith(b"#!") else 0o100644) << 16
            file.writestr(about, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
