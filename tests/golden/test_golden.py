"""What the course prints is what is kept in this folder.

What is found in the networks of `networks.txt` is compared where they are diagnosed anyway, corpus
by corpus: `test_what_is_said_is_as_kept` in the files that `tests.golden.__main__` lists. Here it
is only asked that the file holds nothing else. `banks.txt` takes four minutes: the command compares
it, and `tests/notebooks/test_banks.py` asks for the first sentence of each mistake as it is graded.
With JAX instead of TensorFlow, three banks are compared here, and the command compares the others:
`KERAS_BACKEND=jax python -m tests.golden --check banks networks`. There `alexnet/step by step` is
wrong, as it takes TensorFlow's own gradients, and some numbers differ in their last digit or were
drawn at random.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.golden import FOLDER, compare, kept
from tests.golden.__main__ import CORPORA, corpus, kind, made


@pytest.mark.parametrize("file", ["anatomy", "commands"])
def test_what_is_printed_is_as_kept(file):
    compare(file, made(file))


@pytest.mark.skipif(find_spec("jax") is None, reason="needs JAX: pip install jax")
def test_what_is_said_of_an_answer_is_the_same_on_jax():
    banks = ["lenet", "vgg", "project"]
    program = "import sys; from tests.golden import printed as p; "
    program += "print(*p.banks(sys.argv[1:]), sep='\\n')"
    options = {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    made = subprocess.run(
        [sys.executable, "-c", program, *banks],
        env={**os.environ, **options}, cwd=FOLDER.parents[1], capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2000:]
    lines = made.stdout.splitlines()
    for name in banks:
        compare("banks", [each for each in lines if each.startswith(f"{name}/")], f"{name}/")


def test_all_networks_are_of_a_corpus_whose_test_compares():
    known = {corpus(name).name for name in CORPORA}
    assert {each.split("/")[0] for each in kept("networks")} == known


def test_a_line_too_few_is_seen_and_shown():
    with pytest.raises(
        AssertionError, match=r"(?s)^The .* has:\n.*\n-LeNet-5.*golden --check anatomy"
    ):
        compare("anatomy", [each for each in kept("anatomy") if each != "LeNet-5"])


@pytest.mark.parametrize(
    "before, now, what",
    [
        (["0 C1 | PADDING | a"], ["right"], "verdict"),
        (["0 C1 | PADDING | a"], ["RAISES ValueError: a"], "verdict"),
        (["0 C1 | PADDING | a"], ["0 C3 | PADDING | a"], "row"),
        (["0 C1 | PADDING | a"], ["0 C1 | KERNEL | a"], "cause"),
        (["0 C1 | PADDING | a"], ["0 C1 | PADDING | b | c"], "sentence only"),
        (["0 C1 | PADDING | a"], ["0 C1 | PADDING | a", "1 C3 | PADDING | a"], "later findings"),
        (["right"], [], "gone"),
        ([], ["right"], "new"),
    ],
)
def test_differences_are_counted_by_what_changed_first(before, now, what):
    assert kind(before, now) == what
