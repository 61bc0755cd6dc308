"""Probe steps whose names do not say what they compute: run them on random numbers.

`add_probes` runs them next to the student's code, on numbers that the judging side drew.
`course.network.recognise` describes the result and tells from it which function it is.
"""

from math import prod

from course.evidence.tried import outputs_of
from course.network.recognise import between, learns, points, read_by, scales, shapes_of

_SMALL = (4, 5)  # height and width are cut to this, except for a step that needs its own size
_MOST_VALUES = 4_000_000  # of one tensor
_MOST_ANSWERS = 200
_NEAREST = 8  # tensors that are tried as the input of a function


def add_probes(inputs, steps, outputs, closed, odd, call, numbers):
    """Add "probe" to the last step of each possible function; the other steps are unchanged.

    `closed` are the numbers of steps that could not be opened, `odd` those of others whose name and
    settings do not say what they do. `call(steps, {tensor: array})` returns what the last of these
    steps makes of the arrays, as a `caller` does. `numbers` are random.
    """
    shapes, above, odd = shapes_of(inputs, steps), tree(steps), odd | closed
    known = {step["id"]: step for step in steps}
    left = {"one step": _MOST_ANSWERS, "several": _MOST_ANSWERS}
    for step in _possible_ends(steps, outputs, closed, above):
        probes = []
        for begin, region in _beginnings(step, above, known, shapes):
            if len(region) == 1 and step["id"] not in odd:
                continue
            kind = "one step" if len(region) == 1 else "several"
            left[kind] -= 1
            if left[kind] >= 0 and (gives := _run(call, numbers, region, begin, shapes[begin])):
                probes.append({"of": list(begin), "gives": gives})
        if probes or step["id"] in closed:
            step["probe"] = probes


def _possible_ends(steps, outputs, closed, above):
    """The steps that may be the last one of a function, the most likely ones first."""
    readers = {}
    for step in steps:
        for number, _ in read_by(step):
            readers.setdefault(number, []).append(step)
    ends = {number for number, _ in map(tuple, outputs)}
    last, joins = [], []  # joins: steps with several inputs inside of what may be one function
    for step in steps:
        if learns(step) or len(step["shapes"]) != 1 or not step["shapes"][0]:
            continue
        on = all(_goes_on(step, reader, above) for reader in readers.get(step["id"], ()))
        if not on or step["id"] in ends or step["id"] in closed:
            last.append(step)
        elif len(set(read_by(step))) > 1:
            joins.append(step)
    # A normalisation that is written map by map has hundreds of small steps: the largest go first.
    last.sort(key=lambda step: -prod(filter(None, step["shapes"][0])))
    return last + joins


def _beginnings(step, above, known, shapes):
    """[(tensor, steps)]: the nearest tensors of the step's shape from which alone it follows."""
    begin, shape, found = above[step["id"], 0][0], step["shapes"][0], []
    while begin is not None and len(found) < _NEAREST:
        if shapes[begin] == shape and None not in shape:
            if (region := between(known, [begin], step["id"])) is None:
                break
            found.append((begin, region))
        begin = above[begin][0]
    return found


def _goes_on(step, reader, above):
    """Whether `reader` may be a later part of the same function as `step`."""
    begins_anew = above[reader["id"], 0][0] is None
    return not begins_anew and reader["shapes"][:1] == step["shapes"]


def tree(steps):
    """{tensor: (the nearest tensor from which alone it follows without weights, its depth)}.

    The nearest tensor is None for inputs, for steps with weights, and if there is no such one.
    """
    above = {}
    for step in steps:
        common, read = None, read_by(step)
        for reference in read:  # an input of the network is no step
            above.setdefault(reference, (None, 0))
        if read and not learns(step):
            common = read[0]
            for other in read[1:]:
                common = _nearest_common(common, other, above)
        depth = above[common][1] + 1 if common else 0
        for output in range(len(step["shapes"])):
            above[step["id"], output] = (common, depth)
    return above


def _nearest_common(one, other, above):
    """The nearest tensor from which two tensors follow, or None; `above` is made by `tree`."""
    while one != other and None not in (one, other):
        if above[one][1] >= above[other][1]:
            one = above[one][0]
        else:
            other = above[other][0]
    return one if one == other else None


def _run(call, numbers, region, begin, shape):
    """What steps give for a probe in place of the tensor `begin`; or None."""
    *sides, channels = shape
    small = [min(side, most) for side, most in zip(sides, _SMALL, strict=False)]
    for tried in dict.fromkeys([(*small, channels), tuple(shape)]):
        factors = scales(tried)
        if len(tried) != len(shape) or len(factors) * prod(tried) > _MOST_VALUES:
            continue
        gives = outputs_of(call, region, {begin: tried}, tried, points(shape), factors, numbers)
        if gives:
            return gives
    return None
