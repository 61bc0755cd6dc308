"""The first line of a test cell: `# Exercise lenet-shapes (8 points)`.

It names the exercise in the text, which survives editors that drop metadata.
"""

import re

#: Its groups are the name and the points; None for points that are no number any more.
EXERCISE = re.compile(r"^# Exercise ([\w.-]+) \((?:(\d+) points?\))?", re.MULTILINE)


def named_in(text):
    """The name of the exercise with which the text of a cell begins; None if there is none."""
    match = EXERCISE.match(text.lstrip())
    return match and match[1]


def exercise_in(text):
    """(name, points) of the exercise with which the text of a cell begins; None without both."""
    match = EXERCISE.match(text.lstrip())
    return (match[1], int(match[2])) if match and match[2] else None
