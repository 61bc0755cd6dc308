"""Whether an answer agrees with the right one, and where it does not."""

from math import isclose

from course.check.words import apart, brief
from course.language import _
from course.network.words import shape_of


def close(got, expected, tolerance):
    """Whether two nests of lists, dicts and numbers agree; types count, so True is not 1."""
    if isinstance(expected, list):
        same = isinstance(got, list) and len(got) == len(expected)
        return same and all(close(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    if isinstance(expected, dict):
        same = isinstance(got, dict) and got.keys() == expected.keys()
        return same and all(close(got[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(got, int) and isinstance(expected, int):
        return abs(got - expected) <= tolerance  # as floats, 2**53 and 2**53 + 1 would be equal
    return isclose(got, expected, rel_tol=0, abs_tol=tolerance)


def where(got, expected, tolerance):
    """A sentence: where two long lists differ. "" if they are short enough to compare by eye."""
    sizes = [_sizes(value) for value in (got, expected)]
    if all(sizes) and sizes[0] != sizes[1]:
        received, expected = map(shape_of, sizes)
        said = _("Its size is {received}, it should be {expected}.")
        return said.format(received=received, expected=expected)
    if len(brief(expected)) < 80 and brief(got) != brief(expected):
        return ""
    place = ""
    while isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        pairs = enumerate(zip(got, expected, strict=True))
        number, (got, expected) = next(p for p in pairs if not close(*p[1], tolerance))
        place += f"[{number}]"
    if not place:
        return ""
    sizes = [_sizes(value) for value in (got, expected)]
    if all(sizes) and sizes[0] != sizes[1]:
        received, expected = map(shape_of, sizes)
        said = _("The size of {place} is {received}, it should be {expected}.")
    else:
        received, expected = apart(got, expected)
        said = _("The first difference is at {place}: {received} instead of {expected}.")
    return said.format(place=place, received=received, expected=expected)


def _sizes(value):
    """How many items a nest of lists has, level by level: [2, 3]; [] for an irregular one."""
    sizes, level = [], [value]
    while any(isinstance(item, list) for item in level):
        lengths = {len(item) if isinstance(item, list) else -1 for item in level}
        if len(lengths) > 1:
            return []
        sizes.append(lengths.pop())
        level = [part for item in level for part in item]
    return sizes


def largest(value):
    """The largest absolute value in a nest of lists; 0 if it holds no number."""
    if isinstance(value, list):
        return max(map(largest, value), default=0.0)
    return abs(value) if isinstance(value, int | float) else 0.0
