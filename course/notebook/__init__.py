"""A student's file: read, and repaired with the released cells.

The grader uses this package, and so does a student who asks what the grader will find.
"""

import sys

# nbformat imports jsonschema. Keep that from importing the package below, which checks URIs. The
# notebook schema has none, and building the package's grammar takes longer than all the rest.
_URIS = "rfc3987_syntax"
if _URIS not in sys.modules:
    sys.modules[_URIS] = None
    import nbformat  # noqa: F401

    del sys.modules[_URIS]
