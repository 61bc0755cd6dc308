"""`course.data` is another name of `course.kit.data`."""

import sys

from course.kit import data

sys.modules[__name__] = data
