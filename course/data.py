"""`course.data` is another name of `course.kit.data`."""

import sys

from course.kit import data
from course.kit.data import *  # noqa: F403 -- for type checkers

sys.modules[__name__] = data
