"""A student's file: read, and repaired by what was released.

The grader uses this package, and so does a student who asks what the grader will find.
"""

import sys

# Keep jsonschema, which nbformat imports, from importing this package. It is for checking URIs, of
# which the notebook schema has none, and building its grammar takes longer than all the rest.
_URIS = "rfc3987_syntax"
if _URIS not in sys.modules:
    sys.modules[_URIS] = None
    import nbformat  # noqa: F401

    del sys.modules[_URIS]
