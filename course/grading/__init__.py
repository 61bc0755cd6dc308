"""The instructor's half: release, collect, grade, feedback and export, on top of nbgrader.

The student's half imports nothing from this package. nbgrader stays the engine. This package uses
its extension points (preprocessors, an export plugin), which `nbgrader_config.py` switches on, so
that `nbgrader autograde` and the formgrader use it too.
"""

import sys

# jsonschema imports this to check URIs, which the notebook schema has none of. It then builds a
# grammar, which takes longer than all other imports together.
sys.modules.setdefault("rfc3987_syntax", None)


class CourseError(Exception):
    """A problem that the instructor can solve; the text says what it is and how."""
