"""Read the trace of a model as plain nodes, one for each step; the rules fold them later.

`course.network.meanings` says what each step means. An unknown layer keeps a row of its own, with
the library's own numbers.
"""

import re
from collections import Counter
from contextlib import suppress

from course.network import meanings, own_layers, recognise, regions, steps, turned
from course.network.faults import Fault
from course.network.graph import Graph
from course.network.unknown import kind

# Bounds on work: a trace of a few kB can ask for more than any machine has.
_MOST_PROBES = 8  # of one step
_PROBE = 200  # ranges of maps that a probe counts for ...
_GROUP = 1000  # ... and a group of steps that reads one tensor: it may be many things
_MOST_UNKNOWN = 5  # groups of steps that turn out to be nothing known
_MOST_OWN = 60  # layers of the student's own with weights
_MOST_UNREAD = 20  # layers that nothing reads
_LONGEST_NAME = 100


def from_trace(evidence, numbers=recognise.FIXED):
    """The graph of a traced model; `numbers` are the ones that its probes were filled with.

    Raises ValueError for a step without a fixed shape, TooLarge for a trace beyond the bounds of
    `course.network.graph`, KeyError or TypeError for data that is not a trace.
    """
    graph = Graph()
    graph.library = str(evidence.get("library", ""))
    graph.written = {str(step["name"]): kind(step)[:_LONGEST_NAME] for step in evidence["steps"]}
    for step in evidence.get("unread", ())[:_MOST_UNREAD]:
        with suppress(Exception):  # they only make a sentence more helpful
            graph.unread.append((meanings.alone(step), str(step["line"])))
    traced = {step["id"]: step for step in evidence["steps"]}
    reads = {number: recognise.read_by(step) for number, step in traced.items()}
    found = _functions(evidence, traced, reads, numbers, graph.count)
    found |= _groups(evidence, traced, found, numbers, graph.count)
    needed = _needed(evidence, reads, found)
    values, merges, tried = {}, Counter(), 0  # (step number, output) -> Value
    for source in evidence["inputs"]:
        # A name that Keras made up (keras_tensor_7) tells the reader nothing.
        name = re.sub(r"^(keras_tensor|input_layer)(_\d+)?$", "input", str(source["name"]))
        values[source["id"], 0] = graph.add(steps.image(name, source["shape"]))
        graph.inputs.append(values[source["id"], 0])
    for number, step in traced.items():
        if number not in needed:
            continue
        step = {**step, "name": step["name"][:_LONGEST_NAME]}
        if number in found:
            begins, which = found[number]
            nodes = [regions.node(step, [values[begin] for begin in begins], *which)]
        else:
            read = [values[reference] for reference in reads[number]]
            own = read and step.get("own") and tried < _MOST_OWN
            tried += bool(own)
            kinds = own_layers.recognised(step, read[0], numbers) if own else ()
            if kinds:
                nodes = [own_layers.node(step, read[0], kinds)]
            else:
                first = turned.channels_first(graph, step, read, meanings.of)
                nodes = first or meanings.of(step, read)
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


def _functions(evidence, traced, reads, numbers, count):
    """Find groups of steps that compute one known function, from their probes.

    Returns {number of a group's last step: ([the tensor it reads], (kind, which function))}.
    """
    readers = {}  # (step number, output) -> the numbers of the steps that read it
    for number, read in reads.items():
        for reference in read:
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
            region = set(recognise.between(traced, [begin], number, count) or ())
            which = region and recognise.recognised(probe["gives"], step["shapes"][0], numbers)
            if which and _stands_alone(traced, region, number, readers, which[0]):
                found[number] = [begin], which
                inside |= region - {number}
            elif number in found:
                break
    return found


def _groups(evidence, traced, found, numbers, count):
    """Find groups of steps that are one pool, sum or the like; returns what `_functions` does."""
    shapes, groups, unknown = recognise.shapes_of(evidence["inputs"], evidence["steps"]), {}, 0
    for number, step in traced.items():
        told = step.get("region")
        if told is None or number in found or unknown == _MOST_UNKNOWN:
            continue
        begins = [tuple(begin) for begin in told["of"]]
        inputs = [shapes.get(begin) for begin in begins]
        region = recognise.between(traced, begins, number, count)
        weighs = region is None or any(traced[part].get("parameters") for part in region)
        which = None
        if inputs and None not in inputs and not weighs:
            count(_GROUP if len(begins) == 1 else _PROBE)
            which = regions.recognised(told["gives"], inputs, step["shapes"][0], numbers)
        unknown += which is None
        if which:
            groups[number] = begins, which
    return groups


def _needed(evidence, reads, found):
    """The numbers of the steps that are rows, or read by rows."""
    waiting, needed = [number for number, _ in evidence["outputs"]], set()
    while waiting:
        number = waiting.pop()
        if number in needed or number not in reads:
            continue
        needed.add(number)
        read = found[number][0] if number in found else reads[number]
        waiting += [source for source, _ in read]
    return needed


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
