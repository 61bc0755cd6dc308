"""Find groups of steps without weights that only numbers can explain, and run them on some.

Such a group has a step that `course.network.meanings` does not understand: a mean along one axis,
a stack, every second pixel from the second on. `add_regions` runs the group next to the student's
code, on numbers that the judging side drew. `course.network.regions` describes the result and tells
from it what the group computes.
"""

from math import prod

from course.evidence.probes import add_probes, tree
from course.evidence.tried import outputs_of
from course.network import meanings, recognise, regions
from course.network.recognise import between, read_by, shapes_of

_MOST_RUNS = 100
_MOST_VALUES = 200_000_000  # that all runs together compute, roughly
_LARGEST_RUN = 50_000_000  # values of one run, which are kept until it ends
_MOST_TRIED = 3  # beginnings of one group, of each kind
_MOST_STEPS = 200  # in a group


def try_out(trace, call, numbers):
    """Run what has no name that says what it computes, and add what it gives to its steps.

    `call(steps, {tensor: array})` returns what the last of these steps makes of the arrays.
    """
    inputs, steps = trace["inputs"], trace["steps"]
    closed = {step["id"] for step in steps if step["op"].startswith("own.")}
    odd = not_understood(inputs, steps)
    add_probes(inputs, steps, trace["outputs"], closed, odd, call, numbers)
    add_regions(inputs, steps, odd, call, numbers)


def not_understood(inputs, steps):
    """The numbers of the steps whose names and settings do not say what they do."""
    shapes = shapes_of(inputs, steps)
    read = {step["id"]: [shapes[reference] for reference in read_by(step)] for step in steps}
    return {
        step["id"]
        for step in steps
        if not (step.get("parameters") or meanings.understood(step, read[step["id"]]))
    }


def add_regions(inputs, steps, odd, call, numbers):
    """Add "region" to the last step of each group of steps that is recognised.

    `odd` are the steps that are `not_understood`. `call` is that of `try_out`.
    """
    if not odd:
        return
    known = {step["id"]: step for step in steps if not step.get("parameters")}
    # Activations and pools are rows of their own, which no group goes across.
    parts = {n for n, step in known.items() if n in odd or not meanings.is_named(step)}
    shapes, above = shapes_of(inputs, steps), tree(steps)
    inside = _functions(steps, known, numbers)
    run = _runner(shapes, known, call, numbers)
    for step in reversed(steps):
        end = step["id"]
        if end in inside or end not in parts or len(step["shapes"]) != 1:
            continue
        for tried in (_narrow(end, known, above), _operands(end, known, shapes, parts)):
            found = None
            for begins, region in tried:  # the nearest first; the farthest explains most
                gives = run(region, begins) if odd & set(region) else None
                if gives is None and found:
                    break
                found = (begins, region, gives) if gives else found
            if found:
                begins, region, gives = found
                step["region"] = {"of": list(map(list, begins)), "gives": gives}
                inside.update(region)
                break


def _functions(steps, known, numbers):
    """The numbers of the steps whose probes show a function already."""
    found = set()
    for step in steps:
        for probe in step.get("probe", ()):
            if recognise.recognised(probe["gives"], step["shapes"][0], numbers):
                found.update(between(known, [tuple(probe["of"])], step["id"]) or ())
                break
    return found


def _narrow(end, known, above):
    """[([tensor], steps)]: the nearest tensors from which alone a step follows."""
    begin, found = above[end, 0][0], []
    while begin is not None and len(found) < _MOST_TRIED:
        region = between(known, [begin], end)
        if region is None or len(region) > _MOST_STEPS:
            break
        found.append(([begin], region))
        begin = above.get(begin, (None,))[0]
    return found


def _operands(end, known, shapes, parts):
    """[(tensors, steps)]: the nearest tensors of a step's shape from which together it follows."""
    shape, begins, region, found = shapes[end, 0], set(read_by(known[end])), {end}, []
    while len(found) < _MOST_TRIED and len(region) <= _MOST_STEPS:
        others = [begin for begin in begins if shapes[begin] != shape]
        if not others and len(begins) > 1:
            found.append((sorted(begins), sorted(region)))
        inner, _ = max(others or begins, default=(None, 0))
        if inner not in parts:
            break
        region.add(inner)
        begins = {begin for begin in begins if begin[0] != inner} | set(read_by(known[inner]))
    return found


def _runner(shapes, known, call, numbers):
    """A function that runs steps; it returns what they give at `regions.points`, or None."""
    left = {"runs": _MOST_RUNS, "values": _MOST_VALUES}

    def run(region, begins):
        end = region[-1]
        made, shape = [tuple(shapes[begin]) for begin in begins], tuple(known[end]["shapes"][0])
        if any(not sides or None in sides for sides in (*made, shape)):
            return None
        every = [*made, *(sides for number in region for sides in known[number]["shapes"])]
        values = regions.SAMPLES * sum(prod(filter(None, sides)) for sides in every)
        left["runs"] -= 1
        left["values"] -= values
        if min(left.values()) < 0 or values > _LARGEST_RUN:
            return None
        inputs, told = dict(zip(begins, made, strict=True)), regions.points(shape)
        gives = outputs_of(call, region, inputs, shape, told, regions.SCALES, numbers)
        return gives if gives and regions.recognised(gives, made, shape, numbers) else None

    return run
