"""course.setup() in a fresh Python, as in the first cell of a notebook."""

import contextlib
import importlib.util
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import keras
import nbformat
import pytest

from course.kit import session
from course.kit.quiet import quietly

ROOT = Path(__file__).parents[2]


def fresh(code, **environment):
    """Run `code` in a new Python -> (exit status, stdout, stderr)."""
    env = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"} | environment
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def first_cell(tmp_path_factory):
    """One fresh process for all that needs one: importing TensorFlow takes seconds."""
    folder = tmp_path_factory.mktemp("data")
    code = """
import course
course.setup(seed=7)
from tables.mine import NUMBER
import contextlib, io, keras
before = float(keras.random.normal((1,))[0])
with contextlib.redirect_stdout(io.StringIO()):
    course.setup(seed=7, mixed_precision=False)
assert float(keras.random.normal((1,))[0]) == before, "not seeded"
assert keras.config.dtype_policy().name == "float32"
train, test = course.kit.data.load("digits", limit=64)
model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(train, validation_data=test, verbose=0)
next(iter(train))
"""
    (folder / "tables").mkdir()
    (folder / "tables" / "mine.py").write_text("NUMBER = 1")
    (folder / "below").mkdir()
    with contextlib.chdir(folder / "below"):
        return folder, *fresh(code, TFDS_DATA_DIR=str(folder))


def test_one_line_on_stdout_and_nothing_on_stderr(first_cell):
    _, status, out, err = first_cell
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert out.startswith("course ")


def test_the_line_names_versions_device_and_folder(first_cell):
    folder, _, out, _ = first_cell
    for word in (f"Keras {keras.__version__}", "tensorflow", "Python 3.", str(folder)):
        assert word in out
    assert "GPU" in out or "core" in out


def test_importing_is_cheap():
    code = (
        "import course, course.kit.data, course.kit.session, sys\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_datasets', 'numpy', 'sklearn', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert fresh(code) == (0, "[]\n", "")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_missing_backend_is_explained(backend):
    if find_spec(backend):
        pytest.skip(f"{backend} is installed here")
    status, out, err = fresh("import course; course.setup()", KERAS_BACKEND=backend)
    assert status == 1 and out == ""
    assert f"pip install {backend}" in err and "KERAS_BACKEND" in err


def test_a_keras_before_3_is_named(monkeypatch):
    monkeypatch.setattr(keras, "__version__", "2.15.0")
    with pytest.raises(ImportError, match=r"needs Keras 3\..* has Keras 2\.15\.0\..*-U keras"):
        session.setup()


def test_in_colab_without_a_gpu_the_line_says_which_menu_turns_one_on(monkeypatch, capsys):
    monkeypatch.setattr(session, "machine", lambda: ("tensorflow", "2.0", []))
    session.setup()
    assert "Runtime" not in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    session.setup()
    assert "(for a GPU: Runtime > Change runtime type)" in capsys.readouterr().out


def test_on_a_gpu_mixed_precision_is_switched_on_and_off(monkeypatch, capsys):
    monkeypatch.setattr(session, "machine", lambda: ("tensorflow", "2.0", ["T4"]))
    session.setup(mixed_precision=True)
    assert keras.config.dtype_policy().name == "mixed_float16"
    assert "GPU T4, mixed precision" in capsys.readouterr().out
    session.setup(mixed_precision=False)
    assert keras.config.dtype_policy().name == "float32"


@pytest.fixture
def lone(tmp_path, monkeypatch):
    """The setup cell of a notebook where no course is installed; returns what pip was asked for."""
    cells = nbformat.read(ROOT / "notebooks" / "02-lenet.ipynb", 4).cells
    cell = next(cell.source for cell in cells if cell.id == "setup")
    monkeypatch.chdir(tmp_path)
    installed, asked = [], []
    find = importlib.util.find_spec
    spec = lambda name: find(name) if installed or name != "course" else None  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", spec)

    def run(repository="", works=True):
        def magic(name, line):
            asked.append((name, line))
            installed.extend([works] * works)

        shell = SimpleNamespace(run_line_magic=magic)
        source = cell.replace('REPOSITORY = ""', f'REPOSITORY = "{repository}"')
        exec(source, {"get_ipython": lambda: shell})
        return asked

    return run


def test_a_lone_notebook_says_what_to_upload_and_where(lone):
    with pytest.raises(ImportError, match="/content, where it stays until this session") as caught:
        lone()
    assert caught.value.__context__ is None  # one error, not two
    assert "choose the kernel of the course" in str(caught.value)


@pytest.mark.parametrize("name", ["", "(1)", " (1)", " (12)"])
def test_a_wheel_is_installed_however_the_browser_called_it(lone, tmp_path, name, capsys):
    (tmp_path / f"convnet_course-0.1.0-py3-none-any{name}.whl").write_bytes(b"wheel")
    ((magic, line),) = lone()
    assert magic == "pip" and line.startswith("install --no-deps")
    path = Path(line.split('"')[1])
    assert path.name == "convnet_course-0.1.0-py3-none-any.whl" and path.read_bytes() == b"wheel"
    assert "course " in capsys.readouterr().out


def test_an_address_that_is_wrong_is_named(lone):
    with pytest.raises(ImportError, match=r"installed from git\+https://x/y; pip says"):
        lone("git+https://x/y", works=False)


def test_mixed_precision_is_one_of_three():
    with pytest.raises(ValueError, match="True, False or None"):
        session.setup(mixed_precision="float16")


def test_quietly_hides_what_succeeds(capfd):
    with quietly():
        os.write(2, b"hello from C++\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_quietly_shows_what_fails(capfd):
    with pytest.raises(OSError, match="broken"), quietly():
        os.write(2, b"the reason\n")
        raise OSError("broken")
    assert "the reason" in capfd.readouterr().err
