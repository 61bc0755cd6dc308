"""Where the count is the exercise, an answer that lets the course count gets nothing."""

import re

import nbformat
import pytest

from course.evidence.own_work import Written, allowed, refused
from tests.classroom import SOURCES


def function(signature, call):
    return f"from course import arithmetic\ndef {signature}:\n    return {call}"


SHAPES = "{} = {{row.name: row.shape for row in anatomy({})}}"
PARAMETERS = "{} = {{row.name: row.parameters for row in anatomy({})}}"
ROWS = """
from course.architectures import Row, Table
def {}(rows, input_shape):
    named = tuple(Row(str(n), *row) for n, row in enumerate(rows))
    return [row.{} for row in anatomy(Table("mine", "", tuple(input_shape), named))]
"""

# {exercise: an answer that the course's own counting gives}
DELEGATED = {
    "convolution-size": function(
        "output_size(size, kernel, stride=1, padding=0)",
        "arithmetic.output_size(size, kernel, stride, padding)",
    ),
    "convolution-parameters": "from course.arithmetic import conv_parameters, dense_parameters",
    "lenet-shapes": SHAPES.format("shapes", "LENET5"),
    "lenet-parameters": PARAMETERS.format("parameters", "LENET5"),
    "lenet-count": "def count_parameters(model):\n    return anatomy(model).trained",
    "lenet-subsample-count": PARAMETERS.format("subsampling", "LENET5_1998"),
    "lenet-c3-count": 'c3_parameters = {"C3": anatomy(LENET5_1998)["C3"].trained}',
    "alexnet-shapes": SHAPES.format("shapes", "ALEXNET"),
    "alexnet-chain": "def chain(side):\n"
    "    net = anatomy(ALEXNET.with_(input_shape=(side, side, 3)))\n"
    '    return [net[row].grid[0] for row in ("conv1", "pool1", "pool2", "pool5")]',
    "alexnet-parameters": PARAMETERS.format("parameters", "ALEXNET"),
    "vgg-field": "receptive_field = arithmetic.receptive_field",
    "vgg-weights": function(
        "stack_weights(sizes, channels)",
        "sum(arithmetic.conv_parameters(s, channels, channels, bias=False) for s in sizes)",
    ),
    "vgg-rows-shapes": ROWS.format("row_shapes", "shape"),
    "vgg-rows-memory": ROWS.format("row_memory", "memory"),
    "vgg-rows-parameters": ROWS.format("row_parameters", "parameters"),
    "inception-naive-shapes": SHAPES.format("naive_shapes", "INCEPTION_NAIVE"),
    "inception-naive-macs": "naive_macs = {r.name: r.macs for r in anatomy(INCEPTION_NAIVE)}",
    "inception-bottleneck-macs": function(
        "module_macs(side, channels, widths)",
        "[arithmetic.conv_macs(1, channels, w, (side, side)) for w in widths]",
    ),
    "inception-sides": "def chain(side):\n"
    "    net = anatomy(GOOGLENET.with_(input_shape=(side, side, 3)))\n"
    '    return [net[row].grid[0] for row in ("conv1", "pool1", "pool2", "pool3", "pool4")]',
    "mobilenet-macs": "macs = {'standard': arithmetic.conv_macs(3, 256, 256, (28, 28))}",
    "mobilenet-saving": function(
        "share_left(kernel, maps_in, maps_out)",
        "arithmetic.conv_parameters(kernel, 1, maps_in, bias=False)",
    ),
    "comparison-alive": "def most_at_once(rows):\n    return anatomy(rows).peak",
}
# The field is measured there, and compared with the one that the course counts.
MEASURED = {"alexnet-field"}
# Networks are compared there, and counting them is left to `anatomy`.
COMPARED = {"mobilenet-vgg"}


def exercises():
    """{exercise: (sources of the code cells before its answer, its test)}."""
    found = {}
    for path in SOURCES:
        before = []
        for cell in nbformat.read(path, 4).cells:
            meta = cell.metadata.get("nbgrader", {})
            if meta.get("grade") and cell.cell_type == "code":
                found[meta["grade_id"]] = before[:-1], cell.source
            if cell.cell_type == "code":
                before.append(cell.source)
    return found


EXERCISES = exercises()
COUNTS = re.compile(r"check\.(parameters|shapes)\(|\barithmetic\.|\banatomy\(")


def test_every_exercise_in_counting_is_tried():
    counted = {name for name, (_, test) in EXERCISES.items() if COUNTS.search(test)}
    assert counted > MEASURED
    assert counted - MEASURED - COMPARED <= DELEGATED.keys()


@pytest.mark.parametrize("exercise", DELEGATED)
def test_an_answer_that_the_course_counts_gets_nothing(exercise):
    before, test = EXERCISES[exercise]
    written = Written(in_order=True)
    for source in (*before, DELEGATED[exercise]):
        written.ran(source)
    names = re.findall(r"check\.\w+\(\s*(\w+)", test)
    name, helper = written.helped(
        exercise, list(dict.fromkeys(names)), allowed(test), refused(test)
    )
    assert name in names and helper.startswith("course.")
