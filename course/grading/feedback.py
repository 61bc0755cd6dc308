"""Feedback pages: nbgrader's, one HTML page for each graded notebook."""

from course.grading.course_folder import CourseError
from course.grading.release import last_error


def feedback(course, assignment, students=None, progress=lambda *_: None):
    """Write feedback/<student>/<assignment>/*.html. Returns [(student, reason)] of failures.

    Raises CourseError if nothing has been graded.
    """
    chosen = list(students or sorted(course.api.get_autograded_students(assignment)))
    if not chosen:
        raise CourseError(
            f"No submission of {assignment} has been graded. Run: course grade {assignment}"
        )
    failures = []
    for number, student in enumerate(chosen, 1):
        result = course.api.generate_feedback(assignment, student)
        if not result["success"]:
            failures.append((student, last_error(result)))
        progress(number, len(chosen), student)
    return failures
