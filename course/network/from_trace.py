"""Read the trace of a Keras model as plain nodes, one for each step; the rules fold them later.

`course.network.meanings` says what each step means. An unknown layer keeps a row of its own, with
Keras's own numbers.
"""

import re
from collections import Counter

from course.network import meanings, recognise, steps
from course.network.faults import Fault
from course.network.graph import Graph
from course.network.unknown import kind

# Bounds on work: a trace of a few kB can ask for more than any machine has.
_MOST_PROBES = 8  # of one step
_PROBE = 200  # ranges of maps that a probe counts for
_LONGEST_NAME = 100


def from_trace(evidence, numbers=recognise.FIXED):
    """The graph of a traced model; `numbers` are the ones that its probes were filled with.

    Raises ValueError for a step without a fixed shape, TooLarge for a trace beyond the bounds of
    `course.network.graph`, KeyError or TypeError for data that is not a trace.
    """
    graph = Graph()
    traced = {step["id"]: step for step in evidence["steps"]}
    functions, inside = _functions(evidence, traced, numbers, graph.count)
    values, merges = {}, Counter()  # (step number, output) -> Value
    for source in evidence["inputs"]:
        # A name that Keras made up (keras_tensor_7) tells the reader nothing.
        name = re.sub(r"^(keras_tensor|input_layer)(_\d+)?$", "input", str(source["name"]))
        values[source["id"], 0] = graph.add(steps.image(name, source["shape"]))
        graph.inputs.append(values[source["id"], 0])
    for number, step in traced.items():
        if number in inside:
            continue
        step = {**step, "name": step["name"][:_LONGEST_NAME]}
        if number in functions:
            begin, *which = functions[number]
            nodes = [meanings.function(step, values[begin], *which)]
        else:
            read = [values[reference] for reference in recognise.read_by(step)]
            nodes = meanings.of(step, read)
            if kind(step) == "Unmerged":
                graph.faults.append((_fault(step, merges), read))
            merges[step["config"]["mode"] if kind(step) == "Unmerged" else kind(step).lower()] += 1
        for output, node in enumerate(nodes):
            values[number, output] = graph.add(node)
    graph.returns([values[tuple(reference)] for reference in evidence["outputs"]])
    return graph


def _fault(step, merges):
    """A function that makes the Fault of an impossible merge, given the values to be merged."""
    config, earlier = step["config"], merges[step["config"]["mode"]]

    def fault(values):
        merge, axis, line = config["mode"], config["axis"], config["line"]
        return Fault(step["name"], merge, axis, values, line, earlier)

    return fault


def _functions(evidence, traced, numbers, count):
    """Find groups of steps that compute one known function, from their probes.

    Returns ({number of a group's last step: (the tensor it reads, kind, which function)}, the
    numbers of the other steps in the groups).
    """
    readers = {}  # (step number, output) -> the numbers of the steps that read it
    for number, step in traced.items():
        for reference in recognise.read_by(step):
            readers.setdefault(reference, []).append(number)
    for reference in evidence["outputs"]:
        readers.setdefault(tuple(reference), []).append(None)
    found, inside = {}, set()
    for number in reversed(traced):
        step = traced[number]
        if number in inside:
            continue
        for probe in step.get("probe", ())[:_MOST_PROBES]:
            begin = tuple(probe["of"])
            count(_PROBE)
            region = set(recognise.between(traced, begin, number, count) or ())
            which = region and recognise.recognised(probe["gives"], step["shapes"][0], numbers)
            if which and _stands_alone(traced, region, number, readers, which[0]):
                found[number] = (begin, *which)
                inside |= region - {number}
                break
    return found, inside


def _stands_alone(traced, region, number, readers, kind):
    """Whether a group of steps is one function: nothing else reads its inner tensors.

    A probe looks at one pixel only. So an element-wise function must also have no weights, and the
    same height and width throughout: cropping and padding the edges would not show at that pixel.
    """
    inside = region - {number}
    read = {(part, k) for part in inside for k in range(len(traced[part]["shapes"]))}
    elsewhere = {reader for one in read for reader in readers.get(one, ())} - region
    weights = any(traced[part].get("parameters") for part in region)
    shapes = [shape for part in region for shape in traced[part]["shapes"] if len(shape) == 3]
    sizes = {tuple(shape[:2]) for shape in shapes}
    return not elsewhere and not (kind == "fn" and (weights or len(sizes) > 1))
