"""An answer that lets the course's helpers, or keras.applications, do the exercise."""

import sys
import time

import pytest

from course import check
from course.evidence.own_work import Written, allowed, refused
from course.kit.tables import given
from tests.classroom import Classroom
from tests.evidence.test_cells import run  # noqa: F401 - a fixture
from tests.made_up import answer, graded, handed_in, job_of, judged, locked

IMPORTS = """
import keras
from course import arithmetic
from course.kit import data
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
    "imported in the function": "def x(n):\n    from course.anatomy import anatomy as a\n"
    "    return a(n)",
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
    "a default argument": "def x(n, size=arithmetic.output_size):\n    return size(n, 5)",
    "by a function that also takes one's own": "def near(own, seen):\n    print(own)\n"
    "    return seen\n"
    "x = near(8, anatomy(LENET5))",
    "a branch": "x = 8\nif arithmetic.output_size(32, 5) == 28:\n    x = 28",
    "a loop that ends": "for x in range(99):\n    if arithmetic.output_size(32, 5) == x:\n"
    "        break",
    "a loop that goes on": "x = 0\nwhile x != arithmetic.output_size(32, 5):\n    x += 1",
    "handed on from turn to turn": "x = y = 0\nfor n in range(3):\n    x = y\n"
    "    y = anatomy(LENET5)",
    "a guess by a function": "def right(n):\n    try:\n        check.value(n, 8)\n"
    "        return True\n"
    "    except AssertionError:\n        return False\nx = next(n for n in range(99) if right(n))",
    "a guess under suppress": "import contextlib\nfor n in range(99):\n"
    "    with contextlib.suppress(Exception):\n        assert n == anatomy(LENET5)\n        x = n",
    "a comprehension": "x = {n: row.shape for n, row in zip('ab', anatomy(LENET5))}",
    "a walrus that is printed": "print(x := anatomy(LENET5).trained)",
    "a generator": "def rows():\n    yield from anatomy(LENET5)\nx = list(rows())",
    "a method": "class Net:\n    def rows(self):\n        return anatomy(LENET5)\nx = Net().rows()",
    "an object's own": "class Net:\n    def __init__(self):\n"
    "        self.n = anatomy(LENET5)\nx = Net().n",
    "an object's own, without its name": "class Net:\n    def __init__(self):\n"
    "        self.n = anatomy(LENET5)\n        del self\nx = Net().n",
    "a lambda": "x = lambda n: arithmetic.output_size(n, 5)",
    "a closure": "def make(f):\n    def own(n):\n        return f(n, 5)\n    return own\n"
    "x = make(arithmetic.output_size)",
    "a function made later": "def x(n):\n    return near(n)\ndef near(n):\n    return anatomy(n)",
    "the old value of a name": "y = anatomy(LENET5)\nx = y\ny = 8",
    "a helper out of check": "x = check.anatomy(LENET5)",
    "a method's own list": "x = []\nfor row in anatomy(LENET5):\n    x.append(row.shape)",
    "what a cell has shown": ["anatomy(LENET5)", "x = _.trained"],
    "one output before": ["anatomy(LENET5)", "8", "x = __.trained"],
    "an output by its number": ["anatomy(LENET5)", "8", "x = Out[1].trained + 0 * _2"],
    "an output in a function": ["anatomy(LENET5)", "def x(n):\n    return _oh.get(1)[n]"],
    "an output that was not replaced": ["anatomy(LENET5)", "8;", "print(8)", "x = _.trained"],
    "an output that was changed": ["anatomy(LENET5)", "Out[9] = 8", "x = Out[1]"],
    "an output's name that was used": ["_2 = 8", "anatomy(LENET5)", "x = _2"],
    "by the notebook's names": "x = get_ipython().user_ns['anatomy'](LENET5)",
    "by locals": "x = locals()['anatomy'](LENET5)",
    "while it is timed": "%time y = anatomy(LENET5)\nx = %time y.trained",
    "the table of a variant": "import course\nx = course.variant().rows",
    "its module": "import course\nx = course.kit.variant.variant().rows",
    "its function": "from course.kit.variant import variant\nx = variant().rows",
    "its module by another name": "import course.kit.variant as v\nx = v.drawn('VARY-NET3')[0]",
    "its text": "from course.kit import tables\nx = tables._NOTEBOOK.texts['variant']",
    "a match": "match anatomy(LENET5):\n    case found:\n        x = found",
}  # fmt: skip


@pytest.mark.parametrize("how", HELPED)
def test_a_helper_is_found(how):
    written = Written()
    written.ran(IMPORTS)
    for cell in [HELPED[how]] if isinstance(HELPED[how], str) else HELPED[how]:
        written.ran(cell)
    helper = written.helper("x")
    assert helper is not None
    assert written.helper("x", {helper.split(".")[-1]}) is None


OWN = [
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
    "import course\nx = net.fit(train, verbose=0, callbacks=[course.kit.training.line()])",
    "def x(n):\n    print('As course.anatomy says, not keras.applications')\n    return n",
    "class Row:\n    trace = 3\nx = getattr(Row, 'trace') + getattr(Row(), 'check', 1)",
    "from math import *\nx = floor(2.5)",
    "from a_module_of_ones_own import *\nx = area(2)",
    "from course.architectures import *\nx = __name__",
    "x = %timeit -o anatomy(LENET5)\nx = 8",
    "anatomy(LENET5)\nfor _ in range(3):\n    x = _",
    "import course\nx = course.tables()",
]
SHOWN = [  # a helper stands beside the answer, and nothing of it goes in
    "def x(n):\n    model = n\n    print(anatomy(model))\n    return model",
    "def x(n):\n    model = n\n    table = anatomy(model)\n    print(table)\n    return model",
    "def x(n):\n    from course.anatomy import anatomy as a\n    display(a(n))\n    return n",
    "def x(n):\n    own = n - 4\n    assert own == arithmetic.output_size(n, 5), anatomy\n"
    "    return own",
    "def x(n):\n    own = n - 4\n    check.value(own, n - 4)\n    return own",
    "def x(n):\n    own = n - 4\n    if own != arithmetic.output_size(n, 5):\n"
    "        raise ValueError('differs')\n    return own",
    "def x(n):\n    own = n - 4\n    if own != arithmetic.output_size(n, 5):\n"
    "        print('differs')\n    return own",
    "def x(n):\n    own = n - 4\n    try:\n        assert own == arithmetic.output_size(n, 5)\n"
    "    except AssertionError:\n        print('differs')\n    return own",
    "def x(n, show=anatomy):\n    print(show(n))\n    return n",
    "def x(n, *, show=anatomy):\n    return n",
    "def x(n: anatomy) -> arithmetic.output_size:\n    seen: anatomy = n\n    return seen",
    "def x(n):\n    # anatomy(n) says 8\n    'anatomy(n), by course.anatomy.anatomy'\n    return n",
    "def x(n):\n    return n, print(anatomy(n))",
    "x = {}\nfor n in 'ab':\n    x[n] = 5\n    print(anatomy(LENET5)[n])",
    "x = {}\nfor n, row in zip('ab', anatomy(LENET5)):\n    x[n] = 5\n    print(n, row)",
    "x = []\nfor n, row in enumerate(anatomy(LENET5)):\n    x.append(2 * n)\n    print(row)",
    "x = {}\nfor n in 'ab':\n    x[n] = 5\n    if x[n] != anatomy(LENET5)[n]:\n        break",
    "x = {n: 5 for n, row in zip('ab', anatomy(LENET5))}",
    "x, seen = 8, anatomy(LENET5)",
    "x = [8]\nright = x == [anatomy(LENET5).trained]",
    "x = 8\ntry:\n    check.value(x, 8)\nexcept AssertionError as error:\n    print(error)",
    "x = 8\nif x == anatomy(LENET5).trained:\n    print('right')\nelse:\n    seen = x",
    "def show(n):\n    print(anatomy(n))\nx = 8\nshow(x)",
    "def show(n):\n    print(anatomy(n))\n    return n\nx = show(8)",
    "def show(own, right):\n    print(own == right)\n    return own\nx = show(8, anatomy(LENET5))",
    "def show(own, right=None):\n    print(right)\n    return own\n"
    "x = show(8, right=anatomy(LENET5))",
    "def show(f):\n    def own(n):\n        print(anatomy(n))\n        return f(n)\n"
    "    return own\n"
    "@show\ndef x(n):\n    return n",
    "class Net(keras.Model):\n    def call(self, n):\n        return n\n"
    "    def seen(self):\n        return print(anatomy(self))\nx = Net()\nx.seen()",
    "net = 8\nx = net + 1\nnet = anatomy(net)\nnet",
    "def near(n):\n    return n\nx = near(8)\ndef near(n):\n    return anatomy(n)",
    "if LENET5:\n    x = 1\nelse:\n    x = 2\nseen = [anatomy(LENET5), x]",
    "x = anatomy(LENET5)\nif LENET5:\n    x = 1\nelse:\n    x = 2",
    "f = lambda n: print(anatomy(n))\nx = 8\nf(x)",
    "anatomy = {'C1': 8}\nx = anatomy['C1']",
    "check, arithmetic = 8, [1]\nx = check + arithmetic[0]",
    "x = [anatomy for anatomy in (1, 2)]",
    "x = (lambda check: check + 1)(8)",
    "x = keras.applications.vgg16.preprocess_input",
    "%timeit anatomy(LENET5)\nx = 8",
    "def x(n):\n    own = n - 4\n    if own == arithmetic.output_size(n, 5):\n"
    "        print('right')\n        return own\n    return own",
    "x = []\nfor own, right in [(28, arithmetic.output_size(32, 5)), (14, 14)]:\n    x.append(own)",
    "log = []\ndef x(n):\n    log.append(anatomy(n))\n    return n",
    "def x(n):\n    match n:\n        case 1:\n            print(anatomy(n))\n        case k:\n"
    "            return k",
    "x = 8\nx\nanatomy(LENET5)",
    "with open('own') as file:\n    x = 8\n    print(anatomy(LENET5), file=file)",
]


@pytest.mark.parametrize("source", OWN + SHOWN)
def test_ones_own_work_is_left_alone(source):
    written = Written()
    written.ran(IMPORTS)
    written.ran(source)
    assert written.helper("x") is None


def test_ones_own_outputs_are_left_alone():
    written = Written()
    for cell in (IMPORTS, "anatomy(LENET5)", "28 * 28 * 6", "x = _", "_ = 8", "y = _", "z = __"):
        written.ran(cell)
    assert written.helper("x") is None and written.helper("y") is None
    assert written.helper("z") == "course.anatomy"


def test_what_nobody_writes_by_hand_is_read_in_bounded_time():
    for source in (
        "\n".join(f"def f{n}():\n    return f{n + 1}()" for n in range(4000)) + "\nx = f0()" * 4000,
        "x = 1\n" + "x = x + x\n" * 5000,
        "".join(" " * n + f"for a{n} in x:\n" for n in range(18)) + " " * 18 + "x = 8",
        "x = " + "lambda: " * 80 + "8\n" + "x = [x for x in x]\n" * 5000,
        "x = " + "+".join("8" * 5000),
        " " * 100_000 + "x = 8" + "0" * 90_000 + "\n_",
    ):
        written = Written()
        began = time.process_time()
        written.ran(source)
        assert written.helper("x") is None
        assert (
            time.process_time() - began < 30
        )  # of the processor's own time, and far less as a rule


def test_what_cells_have_shown_is_asked_for_after_more_than_can_be_read():
    written = Written()
    written.ran(IMPORTS + "anatomy(LENET5)")
    written.ran("def x():\n    return anatomy(LENET5), _")
    written.ran("def y():\n    return _")
    written.ran("".join(f"a{n} = 8\n" for n in range(1000)) + "if a0:\n    pass\n" * 4000)
    assert written.helper("x") == "course.anatomy"
    assert written.helper("y") is None  # who writes as much is not looked into any further


def test_a_test_says_what_its_answer_may_use():
    assert allowed("# Exercise a (5 points)\n# The answer may use anatomy, arithmetic.\n") == {
        "anatomy",
        "arithmetic",
    }
    assert allowed("# Exercise a (5 points)\ncheck.value(x, 8)") == set()
    both = "# The answer may use anatomy.\n# The answer may not use Dense, dense.\n"
    assert (allowed(both), refused(both)) == ({"anatomy"}, {"Dense", "dense"})


def test_a_test_says_what_else_its_answer_may_not_use():
    written = Written()
    written.ran("from keras import layers\nfrom keras.layers import Dense as own\nimport numpy")
    written.ran("def by_hand(x, w):\n    return numpy.dot(x, w)")
    written.ran("def layer(x):\n    return layers.Dense(3)(x)")
    written.ran("def renamed(x):\n    return own(3)(x)")
    for name, helper in (("by_hand", None), ("layer", "Dense"), ("renamed", "Dense")):
        assert written.helper(name) is None
        found = written.helper(name, refused={"Dense"})
        assert found == (helper and f"keras.layers.{helper}")


def test_a_notebook_says_so(run):  # noqa: F811
    test = "# Exercise x (1 points)\n{}check.value(x, 28)"
    run("from course import arithmetic\nx = arithmetic.output_size(32, 5)")
    error = run(test.format(""))
    assert isinstance(error, check.CheckFailed)
    assert "It comes from course.arithmetic. This exercise asks for your own work." in str(error)
    assert run(test.format("# The answer may use arithmetic.\n")) is None
    run("x = 32 - 5 + 1\narithmetic.output_size(32, 5)")
    assert run(test.format("")) is None


def test_an_answer_may_not_read_the_variant_and_the_solution_may(run):  # noqa: F811
    made = "def variant(draw):\n    return Table('net', '', (8, 8, 1), (conv('C1', draw(4), 3),))"
    texts = {"variant": f"from course.architectures import Table, conv\n\n{made}"}
    answer = "maps = course.variant().rows[0].filters"
    test = "# Exercise maps (1 points)\ncheck.value(maps, course.variant().rows[0].filters)"
    with given(texts):
        run('import course\ncourse.variant("VARY-NET3")')
        run(answer)
        assert "It comes from course.variant." in str(run(test))
        run("from tables.variant import variant\nmaps = variant(lambda *c: c[0]).rows[0].filters")
        assert "It comes from tables.variant." in str(run(test))
        run(f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION")
        assert run(test) is None


def test_a_notebook_blames_only_the_exercise_that_was_helped(run):  # noqa: F811
    run("from course import arithmetic")
    run("size = arithmetic.output_size")
    run("def twice(n):\n    return 2 * size(n, 5)")
    run("total = twice(32) + size(32, 5)")
    assert "It comes from course.arithmetic" in str(
        run("# Exercise size (1 points)\ncheck.function(size, [32, 5], gives=[28])")
    )
    assert run("# Exercise twice (1 points)\ncheck.function(twice, [32], gives=[56])") is None
    assert run("# Exercise total (1 points)\ncheck.value(total, 84)") is None


SIZES = {
    "size-answer": "def size(n):\n    return n - 4",
    "size": "check.function(size, [32], gives=[28])",
    "twice-answer": "def twice(n):\n    return 2 * size(n)",
    "twice": "# The answer may use arithmetic.\ncheck.function(twice, [32], gives=[56])",
    "total-answer": "total = twice(32) + size(32)",
    "total": "check.value(total, 84)",
    "again": "check.function(size, [10], gives=[6])",
}


@pytest.mark.parametrize(
    "answers, refused, wrong",
    [
        ({}, [], {}),
        ({"size": "def size(n):\n    return arithmetic.output_size(n, 5)"}, ["size", "again"], {}),
        ({"twice": "def twice(n):\n    return 2 * arithmetic.output_size(n, 5)"}, [], {}),
        ({"total": "total = 2 * arithmetic.output_size(32, 5) + size(32)"}, ["total"], {}),
        # Behind its own test, size is an answer to nothing.
        ({"total": "size = arithmetic.output_size\ntotal = 3 * size(32, 5)"}, ["total", "again"],
         {"again": "Your code stops"}),
        ({"total": "near = arithmetic.output_size(32, 5)\ntotal = 3 * near"}, ["total"], {}),
        ({"total": "total = twice(32) + size(32)\nseen = arithmetic.output_size(32, 5)"}, [], {}),
        # Helped, and wrong: what builds on it is judged with the official one.
        ({"size": "def size(n):\n    return arithmetic.output_size(n, 7)"}, ["size", "again"],
         {"size": "size: The value", "again": "size: The value"}),
    ],
)  # fmt: skip
def test_graded_only_the_exercise_that_was_helped_pays(answers, refused, wrong):
    test = {"size": 5, "twice": 5, "total": 5, "again": 5}
    official = [locked("imports", "from course import arithmetic, check")]
    for name, source in SIZES.items():
        made = graded(name, source, test[name]) if name in test else answer(name, "")
        official.append(made)
    solution = [(cell.name, SIZES.get(cell.name, cell.source)) for cell in official]
    job = job_of(*official, solution={"hw": solution})
    own = {name.replace("-", "_"): SIZES[name] for name in SIZES if name not in test}
    own |= {f"{name}_answer": text for name, text in answers.items()}
    _, found = judged(job, handed_in(job, **own))
    assert [name for name, (passed, _) in found.items() if not passed] == refused
    for name in refused:
        said = found[name][1][0]
        assert said.startswith(wrong[name]) if name in wrong else "course.arithmetic" in said
    if "7" in own["size_answer"]:
        assert "Judged with the official size" in found["twice"][1][0]


def test_a_wrong_answer_has_its_own_reason(run):  # noqa: F811
    """What flows into it may be a mistake: here a name that another cell left."""
    run("from course.anatomy import anatomy\nfrom course.architectures.lenet import LENET5")
    run("for name, size in {row.name: row.channels for row in anatomy(LENET5)}.items():\n    pass")
    run("def twice(number):\n    return 2 * size")
    test = "# Exercise twice (1 points)\ncheck.function(twice, [{}], gives=[{}])"
    assert "twice(3) gives 168, it should give 6." in str(run(test.format(3, 6)))
    assert "It comes from course.anatomy." in str(run(test.format(84, 168)))
    run("def twice(number):\n    return 2 * number")
    assert run(test.format(84, 168)) is None


def test_graded_a_wrong_answer_has_its_own_reason_and_is_not_judged_again():
    helped = "from course import arithmetic\ndef twice(n):\n    return 2 * arithmetic.output_size"
    job = job_of(locked("imports", "from course import check"), *(
        (answer if name.endswith("answer") else graded)(name, source)
        for name, source in {
            **SIZES, "twice": "check.function(twice, [32], gives=[56])"}.items()
    ))  # fmt: skip
    result = judged(job, handed_in(job, twice_answer=f"{helped}(n, 3)"))[1]
    assert "twice(32) gives 60, it should give 56." in result["twice"][1][0]
    result = judged(job, handed_in(job, twice_answer=f"{helped}(n, 5)"))[1]
    assert "It comes from course.arithmetic" in result["twice"][1][0]
    mixed = f"{helped}(n, 5) * (size(32) == 28)"
    both = handed_in(job, size_answer="def size(n):\n    return n - 3", twice_answer=mixed)
    result = judged(job, both)[1]
    assert not result["twice"][0] and "twice(32) gives 0" in result["twice"][1][0]


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
            "import course.evidence.own_work\ncourse.own_work.Written.helper = lambda *a: None",
        ),
    )
    lost = {name: messages[0] for name, _, messages in result.lost}
    assert lost.keys() == {"lenet-shapes", "lenet-parameters", "lenet-count"}
    assert all("comes from course.anatomy" in message for message in lost.values())
