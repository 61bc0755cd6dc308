"""The verdict does not depend on what Keras computes on in the box."""

import re
from dataclasses import replace
from importlib.util import find_spec

import pytest

from course.grading.commands import start_the_box
from course.grading.sandbox import outside
from course.grading.sandbox.kernel import Kernel
from tests.made_up import answer, graded, handed_in, job_of, judged, locked

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="needs JAX: pip install jax")

RIGHT = {
    "an array of its own": "ops.sum(x).numpy().tolist()",
    "an array to write into": "(lambda a: (a.fill(2), a.sum())[1])(ops.ones(2).numpy())",
    "a layer's answer": "float(layers.Flatten()(x[None]).numpy().sum())",
    "a gradient": "gradient(lambda a: ops.sum(a * a), x).sum() / 2",
}
WRONG = {
    "ops.matmul(x, ops.ones((3, 2)))": (
        "a product of matrices goes along the rows of the first, of length 2, and the columns of "
        "the second, of length 3"
    ),
    "x + ops.ones((3, 2))": "tensors of the shapes 2 × 2 and 3 × 2 do not fit together",
    "ops.ones((2, 3, 4)) + ops.ones(3)": "tensors of the shapes 2 × 3 × 4 and 3 do not fit",
    "ops.concatenate([x, ops.ones((3, 3))], axis=0)": "2 × 2 and 3 × 3 cannot be concatenated",
    "ops.reshape(x, (2, 3))": "reshape got 4 numbers, and the new shape has 6",
    "ops.reshape(x, (-1, 3))": "reshape got 4 numbers, which is no multiple of 3",
    "np.maximum(keras.Input((2,)), 0)": "NumPy and math take numbers only",
    "exec('raise ModuleNotFoundError(\"No module named \\'tensorflow.nn\\'\")')": (
        "There is no TensorFlow here: Keras computes on another library. Use Keras's layers"
    ),
}
EXPRESSIONS = [*RIGHT.values(), *WRONG]
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


def written(number, expression):
    return f"def f{number}(x):\n    x = ops.convert_to_tensor(x)\n    return {expression}"


@pytest.fixture(scope="module")
def verdicts():
    """{backend: (the judged notebook, {grade id: (passed, messages)})} of one submission."""
    imports = (
        "import keras\nimport numpy as np\nfrom keras import layers, ops\n"
        "from course import check\nfrom course.kit.gradients import gradient\n"
        "keras.backend.backend()"
    )
    cells = [locked("imports", imports)]
    for number in range(len(EXPRESSIONS)):
        test = f"check.function(f{number}, [[[1., 1.], [1., 1.]]], gives=[4])"
        cells += [answer(f"a{number}", STUB), graded(f"f{number}", test)]
    job = job_of(*cells)
    content = handed_in(job, **{f"a{n}": written(n, e) for n, e in enumerate(EXPRESSIONS)})
    return {
        backend: judged(replace(job, config={"Judge": {"backend": backend}}), content)
        for backend in outside.BACKENDS
    }


@pytest.mark.parametrize("backend", outside.BACKENDS)
def test_the_setting_chooses_what_keras_computes_on(verdicts, backend):
    nb, _ = verdicts[backend]
    assert nb.cells[0].outputs[-1].data["text/plain"] == f"'{backend}'"


@pytest.mark.parametrize("backend", outside.BACKENDS)
@pytest.mark.parametrize("name", RIGHT)
def test_what_tensorflow_s_tensors_can_is_right_on_both(verdicts, backend, name):
    _, found = verdicts[backend]
    assert found[f"f{EXPRESSIONS.index(RIGHT[name])}"] == (True, [])


@pytest.mark.parametrize("expression", WRONG)
def test_an_error_of_either_library_is_the_same_sentence(verdicts, expression):
    name = f"f{EXPRESSIONS.index(expression)}"
    (passed, said), (_, on_jax) = (verdicts[backend][1][name] for backend in outside.BACKENDS)
    assert not passed and WRONG[expression] in said[0]
    assert said == on_jax and not re.search("function_node|jax", said[0])


def test_a_cell_that_imports_tensorflow_where_it_is_missing_says_what_to_do():
    job = job_of(answer("a", STUB), graded("f", "assert x == 1"))
    source = "raise ModuleNotFoundError(\"No module named 'tensorflow'\")\nx = 1"
    _, found = judged(job, handed_in(job, a=source))
    (said,) = found["f"][1]
    assert "There is no TensorFlow here" in said and "`gradient` from course.kit.gradients." in said


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs TensorFlow")
def test_tensorflow_s_own_slopes_on_jax_say_what_to_use():
    source = """
import keras
import tensorflow as tf

def f(x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = keras.ops.sum(keras.ops.convert_to_tensor(x.numpy()))
    return tape.gradient(y, x)
"""
    test = "from course import check\ncheck.function(f, [[1.0, 2.0]], gives=[[1, 1]])"
    job = job_of(answer("a", STUB), graded("f", test), config={"Judge": {"backend": "jax"}})
    _, found = judged(job, handed_in(job, a=source))
    assert "TensorFlow's GradientTape finds no slopes here" in found["f"][1][0]


def test_a_kernel_that_grows_forgets_what_jax_has_compiled():
    address = outside.box(outside.BUBBLEWRAP, outside.JAX).address
    with Kernel(address) as kernel:
        programs = []
        for more in (
            "f = jax.jit(lambda x: x + 1); f(1.0)",
            "",
            "kept = numpy.ones(2 * 10**7)",
            "",
        ):
            kernel.send(run=f"import jax, numpy\n{more}\nf._cache_size()")
            programs.append(kernel.answer(60)["outputs"][-1]["data"]["text/plain"])
    assert programs == ["1", "1", "1", "0"]


@pytest.mark.parametrize("settings, started", [("", 1), ('c.Judge.backend = "jax"\n', 0)])
def test_no_box_is_started_early_that_the_settings_do_not_ask_for(
    tmp_path, monkeypatch, settings, started
):
    begun = []
    monkeypatch.setattr(outside.Box, "start", lambda box: begun.append(box))
    monkeypatch.setattr(outside, "box", outside.Box)
    (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\n{settings}")
    inside = tmp_path / "submitted"
    inside.mkdir()
    start_the_box(inside, {"sandbox": None})
    assert len(begun) == started
