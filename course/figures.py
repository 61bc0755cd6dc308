"""`course.figures` is another name of `course.kit.figures`."""

import sys

from course.kit import figures

sys.modules[__name__] = figures
