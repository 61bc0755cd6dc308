"""The instructor's half: release, collect, grade, feedback and export, on top of nbgrader.

In the student's half only `course.cli` and `course.doctor` import this package, and both work
without it. nbgrader stays the engine. This package uses its extension points (preprocessors, an
export plugin), which `nbgrader_config.py` switches on. So `nbgrader autograde` and the formgrader
use it too.
"""

import difflib
import sys
from pathlib import Path

# Keep jsonschema from importing this package. It is for checking URIs, of which the notebook schema
# has none, and building its grammar takes longer than all other imports together.
sys.modules.setdefault("rfc3987_syntax", None)


#: Rooms that would help to answer exercises: student code cannot read them, and the package goes to
#: other graders without them, because no verdict depends on them.
HIDDEN = ("demo", "tables")


CONFIG = "nbgrader_config.py"  # nbgrader's settings


def course_folder(start):
    """The folder with the settings around a folder, found as git finds its repository.

    Raises CourseError if there is none.
    """
    for folder in (Path(start).resolve(), *Path(start).resolve().parents):
        if (folder / CONFIG).exists():
            return folder
    raise CourseError(
        f"{start} is not in a course folder: there is no {CONFIG} in it or above it. "
        "Go to the course's folder, or name it with --course."
    )


def meant(name, known, alike=0.6):
    """A question about the known names that are spelled almost like this one, or "".

    It begins with a blank, to be put behind a sentence. `alike` is the least share of letters that
    are equal.
    """
    close = difflib.get_close_matches(name, sorted(known), 3, alike)
    return f" Did you mean {' or '.join(close)}?" if close else ""


class CourseError(Exception):
    """A problem that the instructor can solve; the text says what it is and how."""
