"""`course.figures` is another name of `course.kit.figures`."""

import sys

from course.kit import figures
from course.kit.figures import *  # noqa: F403 -- for type checkers

sys.modules[__name__] = figures
