"""`course.trace` is another name of `course.evidence.trace`."""

import sys

from course.evidence import trace
from course.evidence.trace import *  # noqa: F403 -- for type checkers

sys.modules[__name__] = trace
