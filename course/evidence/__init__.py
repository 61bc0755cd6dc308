"""The half of a check next to the student's code: it collects evidence and judges nothing."""


def __getattr__(name):
    if name == "weightless":
        from course.evidence.observe import weightless

        return weightless
    raise AttributeError(f"module 'course.evidence' has no attribute {name!r}")
