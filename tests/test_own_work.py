"""An answer that lets the course's helpers, or keras.applications, do the exercise."""

import sys

import pytest

from course import check
from course.own_work import Written, allowed
from tests.classroom import Classroom
from tests.made_up import answer, graded, handed_in, job_of, judged, locked
from tests.test_cells import run  # noqa: F401 - a fixture

IMPORTS = """
import keras
from course import arithmetic, data
from course import check
from course.anatomy import anatomy
from course.architectures.lenet import C3_CONNECTIONS, LENET5
"""

HELPED = {
    "a call": "x = {row.name: row.shape for row in anatomy(LENET5)}",
    "in a function": "def x(n):\n    return arithmetic.output_size(n, 5)",
    "another name": "count = anatomy\nx = count(LENET5).trained",
    "a name of another cell's": "net = anatomy(LENET5)\nx = {}\nx['C1'] = net['C1'].trained",
    "added to a dict": "x = {}\nx.update({'C1': anatomy(LENET5)['C1'].trained})",
    "in a loop": "x = {}\nfor row in anatomy(LENET5):\n    x[row.name] = row.shape",
    "by a function's global": "def fill():\n    global x\n    x = anatomy(LENET5)\nfill()",
    "changed by a function": "x = {}\ndef fill():\n    x['C1'] = anatomy(LENET5)['C1']\nfill()",
    "imported in the function": "def x():\n    from course.anatomy import anatomy as a",
    "imported under another name": "import course.arithmetic as np\ndef x(n):\n    return np.f(n)",
    "with a star": "from course.arithmetic import *\ndef x(n):\n    return output_size(n, 5)",
    "through a function": "def near(n):\n    return anatomy(n)\ndef x(n):\n    return near(n)",
    "an assigned function": "x = arithmetic.output_size",
    "a guess that is checked": "for n in range(99):\n    try:\n        check.value(n, 8)\n"
    "        x = n\n    except AssertionError:\n        pass",
    "by importlib": "from importlib import *\nx = import_module('course.anatomy').anatomy",
    "by getattr": "import course\nx = getattr(course, 'anatomy').anatomy(LENET5)",
    "by sys.modules": "import sys\nx = sys.modules['course.anatomy'].anatomy(LENET5)",
    "by globals": "x = globals()['anatomy'](LENET5).trained",
    "by a relative import": "import importlib as i\nx = i.import_module('.anatomy', 'course').f()",
    "keras.applications": "def x(s, c):\n    return keras.applications.VGG16(weights=None)",
    "applications by name": "from keras.applications import VGG16\ndef x():\n    return VGG16()",
    "a star that is not imported here": "from own.keras.applications import *\nx = VGG16(int(3))",
    "by tensorflow": "import tensorflow as tf\nx = tf.keras.applications.ResNet50",
    "applications by getattr": "x = getattr(keras, 'applications').VGG16",
}  # fmt: skip


@pytest.mark.parametrize("how", HELPED)
def test_a_helper_is_found(how):
    written = Written()
    written.ran(IMPORTS)
    written.ran(HELPED[how])
    helper = written.helper("x")
    assert helper is not None
    assert written.helper("x", {helper.split(".")[-1]}) is None


@pytest.mark.parametrize(
    "source",
    [
        "x = {'C1': (5 * 5 * 1 + 1) * 6}",
        "def x(n):\n    anatomy = n + 1\n    return anatomy",
        "def x(anatomy, check):\n    return anatomy",
        "def x(maps):\n    '''As course.anatomy.'''\n    return [maps[i] for i in C3_CONNECTIONS]",
        "def x(table=LENET5):\n    return [row.filters for row in table.rows]",  # own compiler
        "def x():\n    return keras.Model()\nanatomy(x())\ncheck.model(x, like=LENET5)",
        "seen = anatomy(LENET5)\nx = 8\nprint(seen['C1'])",
        "x = anatomy(LENET5)\nx = 61_706",  # the last value counts
        "x = data.history('02-lenet')",
        "x = {'C1': 156}\ndef seen():\n    x = {}\n    x['C1'] = anatomy(LENET5)\nseen()",
        "x = {'C1': 156}\ndef seen():\n    for r in anatomy(LENET5):\n        print(x[r])\nseen()",
        "import course\nx = net.fit(train, verbose=0, callbacks=[course.training.line()])",
        "def x(n):\n    print('As course.anatomy says, not keras.applications')\n    return n",
        "class Row:\n    trace = 3\nx = getattr(Row, 'trace') + getattr(Row(), 'check', 1)",
        "from math import *\nx = floor(2.5)",
        "from a_module_of_ones_own import *\nx = area(2)",
        "from course.architectures import *\nx = __name__",
    ],
)
def test_ones_own_work_is_left_alone(source):
    written = Written()
    written.ran(IMPORTS)
    written.ran(source)
    assert written.helper("x") is None


def test_a_test_says_what_its_answer_may_use():
    assert allowed("# Exercise a (5 points)\n# The answer may use anatomy, arithmetic.\n") == {
        "anatomy",
        "arithmetic",
    }
    assert allowed("# Exercise a (5 points)\ncheck.value(x, 8)") == set()


def test_a_notebook_says_so(run):  # noqa: F811
    test = "# Exercise x (1 points)\n{}check.value(x, 28)"
    run("from course import arithmetic\nx = arithmetic.output_size(32, 5)")
    error = run(test.format(""))
    assert isinstance(error, check.CheckFailed)
    assert "It comes from course.arithmetic, which checks and shows" in str(error)
    assert run(test.format("# The answer may use arithmetic.\n")) is None
    run("x = 32 - 5 + 1\narithmetic.output_size(32, 5)")
    assert run(test.format("")) is None


def test_graded_a_star_of_a_package_that_the_grader_has_not_imported():
    job = job_of(
        locked("imports", "from course import check"),
        answer("f-answer", "def f(n):\n    raise NotImplementedError()"),
        graded("f", "check.function(f, [1], gives=[2])"),
    )
    assert "this" not in sys.modules
    own = "from this import *\ndef f(n):\n    return n + 1"
    assert judged(job, handed_in(job, f_answer=own))[1] == {"f": (True, [])}


def test_graded_it_scores_nothing(tmp_path):
    room = Classroom(tmp_path)
    _, result = room.grade(
        "helped",
        room.written(
            shapes_answer="shapes = {row.name: row.shape for row in anatomy(LENET5)}",
            parameters_answer="net = anatomy(LENET5)\n"
            "parameters = {row.name: row.trained for row in net} | {'total': net.trained}",
            count_answer="def count_parameters(size, classes):\n"
            "    table = LENET5.with_(input_shape=(size, size, 1), classes=classes)\n"
            "    return anatomy(table).trained\n"
            "import course.own_work\ncourse.own_work.Written.helper = lambda *a: None",
        ),
    )
    lost = {name: messages[0] for name, _, messages in result.lost}
    assert lost.keys() == {"lenet-shapes", "lenet-parameters", "lenet-count"}
    assert all("comes from course.anatomy" in message for message in lost.values())
