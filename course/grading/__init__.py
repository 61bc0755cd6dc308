"""The instructor's half: release, collect, grade, feedback and export, on top of nbgrader.

Nothing in the student's half knows this package. nbgrader stays the engine: what is here hangs on
its extension points (preprocessors, an export plugin), which `nbgrader_config.py` switches on, so
that `nbgrader autograde` and the formgrader use it too.
"""

import sys

# jsonschema imports this for addresses in schemas, of which notebooks have none; it then makes a
# grammar, which takes longer than all other imports together.
sys.modules.setdefault("rfc3987_syntax", None)


class CourseError(Exception):
    """Something the instructor can mend; the text says what and how."""
