"""Where student code runs, and what it may use there."""

from course.grading import CourseError


class BoxError(CourseError):
    """Student code cannot be contained here, or the box broke; the text says what to do."""
