"""`course table`: a table drafted from a Keras model, and a table of one's own proved."""

import inspect
import re
import subprocess
import sys
from math import prod
from pathlib import Path

import keras
import pytest
from keras import layers

from course import architectures as rows
from course.anatomy import anatomy
from course.architectures import *  # noqa: F403 -- every row that there is
from course.architectures import Table, alexnet, googlenet, lenet, resnet
from course.cli import main
from course.diagnosis import diagnose
from course.evidence.observe import weightless
from course.grading.tables import draft, written
from course.grading.tables.keras_model import LAYERS, model_of
from course.network.from_table import ROWS
from tests.classroom import ROOT

#: Rows of every kind, each at least once.
EVERY = Table(
    name="every row",
    source="made up",
    input_shape=(32, 32, 8),
    rows=(
        rows.depthwise_conv("depthwise", 8, 3, padding="same"),
        rows.lrn("lrn"),
        rows.global_average_pool("squeeze"),
        rows.dense("reduce", 2, activation="relu"),
        rows.dense("expand", 8, activation="sigmoid"),
        rows.multiply("scale", ("lrn", "expand")),
        rows.batch_norm("batch_norm", "relu", scale=False),
        rows.layer_norm("layer_norm"),
        rows.grn("grn"),
        rows.crop("cropped", (2, 1)),
        rows.conv("wide", 6, (1, 7), padding=(0, 3), bias=False, norm=True, activation="relu"),
        rows.subsample("every_other", 2),
        rows.upsample("up", (2, 3), "bilinear"),
        rows.average_pool("mean", (1, 3)),
        rows.pad_channels("padded", 9),
        rows.conv("beside", 3, 3, padding=1, groups=3, trainable=False),
        rows.concatenate("both", ("padded", "beside")),
        rows.conv_transpose("transposed", 6, 4, 2, padding=1),
        rows.activation("gelu", "gelu"),
        rows.max_pool("pool", 3, 2, padding="ceil"),
        rows.conv("patches", 24, 8, stride=8),
        rows.tokens("sequence"),
        rows.class_token("class"),
        rows.position_embedding("positions"),
        rows.attention("attention", 4, 6),
        rows.add("sum", ("positions", "attention")),
        rows.conv("mlp", 96, 1, activation="gelu"),
        rows.first_token("first"),
        rows.dense("head", 10, activation="softmax"),
    ),
)
SMALL = {
    "LeNet-5 of 1998": lenet.LENET5_1998,
    "AlexNet on two GPUs": alexnet.ALEXNET_TWO_GPUS,
    "inception": googlenet.INCEPTION_BOTTLENECK,
    "GoogLeNet with heads": googlenet.GOOGLENET_TRAINING,
    "ResNet-20": resnet.CIFAR_RESNET20,
    "every row": EVERY,
}
FUNCTIONS = {name for name in rows.__all__ if inspect.isfunction(getattr(rows, name))}


def numbers(network):
    """Everything that is counted of a network."""
    found = anatomy(network)
    totals = found.parameters, found.trained, found.macs, found.memory, found.peak
    return totals, found.output_shapes, [(s.does(), s.shape, s.receptive_field) for s in found]


def formatted(text):
    """A text as ruff writes it, imports sorted."""
    run = [sys.executable, "-m", "ruff"]
    for command in (["check", "--fix", "--quiet", "--select", "I"], ["format", "--quiet"]):
        done = subprocess.run(
            [*run, *command, "--config", ROOT / "pyproject.toml", "--stdin-filename", "t.py", "-"],
            input=text, capture_output=True, text=True, check=True,
        )  # fmt: skip
        text = done.stdout
    return text


@pytest.mark.parametrize("name", SMALL)
def test_a_draft_is_the_network_again(name):
    table = SMALL[name]
    drafted = draft.drafted(anatomy(table))
    assert diagnose(anatomy(table), drafted) == []
    assert numbers(drafted) == numbers(table)
    text = written.text_of(drafted, "DRAFT", "A title.")
    assert formatted(text) == text
    names = {}
    exec(text, names)
    assert names["DRAFT"] == drafted


def test_every_function_for_rows_is_written():
    assert {written._call(row).name for row in EVERY.rows} == FUNCTIONS
    assert ROWS.keys() == LAYERS.keys() == {row.step for row in EVERY.rows}


@pytest.mark.parametrize("name", SMALL)
def test_keras_counts_the_same(name):
    with weightless():
        model = model_of(SMALL[name])
        found = anatomy(SMALL[name])
        assert model.count_params() == found.parameters
        assert sum(prod(weight.shape) for weight in model.trainable_weights) == found.trained
        assert [tuple(each.shape[1:]) for each in model.outputs] == found.output_shapes
        assert diagnose(model, SMALL[name]) == []


def image(shape=(8, 8, 4)):
    return keras.Input(shape)


def concatenated():
    x = image()
    y = layers.Concatenate(name="one")([x, layers.Conv2D(4, 3, padding="same", name="c")(x)])
    z = layers.Concatenate(name="two")([y, layers.Conv2D(4, 3, padding="same", name="d")(y)])
    return keras.Model(x, layers.LeakyReLU(name="leaky")(z), name="dense net")


def normalised():
    """A normalisation that is frozen, one without a convolution, two networks in one."""
    x = image()
    y = layers.BatchNormalization(name="first_bn")(x)
    y = layers.Conv2D(4, 3, use_bias=False, name="conv")(y)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="frozen", trainable=False)(y))
    inner = keras.Sequential([layers.Input((6, 6, 4)), layers.Conv2D(5, 3, name="conv")])
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(inner(y))))


@pytest.mark.parametrize(
    "build, lines",
    [
        (concatenated, ['concatenate("one", ("input", "c"))', 'concatenate("two", ("one", "d"))',
                        'activation("leaky", "leaky_relu")']),
        (normalised, ['batch_norm("first_bn")', 'conv("conv", 4, 3, bias=False)',
                      'batch_norm("frozen", "relu", trainable=False)', 'conv("conv_2", 5, 3)']),
    ],
)  # fmt: skip
def test_a_draft_is_to_be_read(build, lines):
    with weightless():
        table = draft.drafted(build())
    text = written.text_of(table, "T", "")
    for line in lines:
        assert line in text, text


def shared():
    x, conv = image(), layers.Conv2D(4, 3, padding="same", name="twice")
    return keras.Model(x, conv(conv(x)))


def several():
    x = image()
    y = layers.Conv2D(8, 3, dilation_rate=2, name="holes")(x)
    y = layers.ZeroPadding2D(((0, 3), (1, 0)))(y)
    y = layers.Conv2D(8, 3, strides=3, name="crooked")(y)
    y = layers.Reshape((-1, 8))(y)
    return keras.Model(x, layers.LSTM(4, name="memory")(y))


def sliced():
    x = image()
    return keras.Model(x, layers.Conv2D(4, 3, name="half")(x[..., :2]))


def two_images():
    x, y = image(), image()
    return keras.Model([x, y], layers.Add()([x, y]))


@pytest.mark.parametrize(
    "build, reasons",
    [
        (shared, ["twice is used more than once, and each row of a table has weights of its own."]),
        (several, ["holes (convolution 3 × 3): no row can express dilation = (2, 2).",
                   "crooked (convolution 3 × 3, stride 3, padding (0, 3) and (1, 0)): no row can "
                   "express padding = ((0, 3), (1, 0)).",
                   "memory: a table has no row for LSTM."]),
        (sliced, ["half reads only the maps 0 to 1 of input, and a row reads whole rows."]),
        (two_images, ["A table begins with one image. This network begins with (8, 8, 4) and "
                      "(8, 8, 4)."]),
    ],
)  # fmt: skip
def test_what_no_row_can_express_is_said_with_the_layers_name(build, reasons):
    with weightless(), pytest.raises(draft.NoTable) as caught:
        draft.drafted(build())
    assert caught.value.reasons == reasons


# --- the command

MODEL = """
import keras
from keras import layers


def build():
    x = keras.Input((28, 28, 1))
    y = layers.MaxPooling2D(2, name="pool1")(layers.Conv2D(8, 3, name="conv1")(x))
    return keras.Model(x, layers.Dense(10, "softmax", name="out")(layers.Flatten()(y)))


def odd():
    x = keras.Input((28, 28, 1))
    return keras.Model(x, layers.Conv2D(8, 3, dilation_rate=2, name="holes")(x))


def broken():
    return layers.Conv2D(8, 3)(1)


def number():
    return 1


def nothing():
    build()


def loud():
    print("building")
    return build()


print("imported")

made = build()
"""


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """A folder with model.py; `here(*arguments)` is (status, stdout, stderr) of `course table`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "model.py").write_text(MODEL)

    def run(*arguments):
        capsys.readouterr()
        return main(["table", *arguments]), *capsys.readouterr()

    return run


def test_a_draft_is_printed_or_written(here, tmp_path):
    status, out, _ = here("model.py:build")
    assert status == 0 and 'conv("conv1", 8, 3),' in out and "MODEL = Table(" in out
    assert here("model.py:made")[:2] == here("model.py:loud")[:2] == (0, out)
    status, said, _ = here("model.py:build", "--to", "tables/week3.py")
    assert status == 0 and said.startswith("wrote    tables/week3.py: WEEK3, 3 rows")
    names = {}
    exec((tmp_path / "tables" / "week3.py").read_text(), names)
    assert diagnose(names["WEEK3"], names["WEEK3"]) == []
    before = (tmp_path / "tables" / "week3.py").read_bytes()
    status, _, err = here("model.py:build", "--to", "tables/week3.py")
    assert status == 1 and "is there already" in err
    assert (tmp_path / "tables" / "week3.py").read_bytes() == before


@pytest.mark.parametrize(
    "model, said",
    [
        ("model.py:odd", "holes (convolution 3 × 3): no row can express dilation = (2, 2)."),
        ("model.py:broken", "model.py:broken stops with ValueError"),
        ("model.py:number", "model.py:number should be a function that returns a Keras model."),
        ("model.py:number", "Received: int."),
        ("model.py:nothing", "Received: NoneType. Its last line should be: return model."),
        (
            "model.py:missing",
            "model.py has no function missing. It has: build, odd, broken, number, nothing, loud.",
        ),
        ("nowhere.py:build", "There is no file nowhere.py here."),
        ("model.py", "as in model.py:build. Received: model.py"),
        ("crooked.py:build", "crooked.py stops with SyntaxError"),
    ],
)
def test_why_there_is_no_draft(here, tmp_path, model, said):
    (tmp_path / "crooked.py").write_text("def build(:")
    status, out, err = here(model, "--to", "tables/new.py")
    assert status == 1 and not out and said in err, err
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("file", ["net.py", "tables/my net.py", "tables/net.txt", "tables/1.py"])
def test_a_draft_is_written_where_it_can_be_imported(here, tmp_path, file):
    status, _, err = here("model.py:build", "--to", file)
    assert status == 1 and "FILE should be a Python file in a folder tables/" in err
    assert f"Received: {file}" in err and sorted(each.name for each in tmp_path.iterdir()) == [
        "model.py"
    ]


def test_a_draft_makes_its_folders(here):
    assert here("model.py:build", "--to", "week3/deep/tables/net.py")[0] == 0


# --- proofs

NET = """
from course.architectures import Table, conv, dense, max_pool

NET = Table(
    name="net",
    source="made up for week 3",
    input_shape=(28, 28, 1),
    rows=(
        conv("conv1", 8, 3),
        max_pool("pool1", 2),
        dense("out", 10, activation="softmax"),
    ),
)
"""
PROOF = """NET
  ✓ 3 rows; 28 × 28 × 1 becomes 10; 13,610 parameters (13,610 trained), 62,192 MACs
  ✓ Keras counts the same
  ✓ a Keras model of these rows passes the check
  ✓ your model passes the check
  ✓ single mistakes tried: {}; all are found, {} with their row and cause
"""


def proved(here, text, *arguments, name="net"):
    folder = Path("tables")
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return here("--check", f"tables/{name}.py", *arguments)


def test_a_table_is_proved(here):
    status, out, err = proved(here, NET, "model.py:build")
    tried, named = re.findall(r"mistakes tried: (\d+); .* (\d+) with", out)[0]
    assert (status, out, err) == (0, PROOF.format(tried, named), "imported\n")
    assert int(tried) >= int(named) > 10


def test_a_draft_is_proved_when_its_source_is_written(here):
    assert here("model.py:build", "--to", "tables/net.py")[0] == 0
    text = Path("tables/net.py").read_text()
    status, out, _ = proved(here, text)
    assert status == 1 and "✗ It has no source. Write where it was published" in out
    assert out.count("✓") == 4
    assert proved(here, text.replace('source=""', 'source="made up"'))[0] == 0


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('"pool1", 2)', '"conv1", 2)', "conv1 is the name of several rows."),
        ('"pool1", 2)', '"pool1", 2, after="conv2")', "pool1 reads conv2, and there is no row of"),
        ('"pool1", 2)', '"pool1", 2, after="out")', "pool1 reads out, which stands below it."),
        ('"pool1", 2)', '"pool1", 2, after="input")', "No row reads conv1, and it is no output."),
        ('"pool1", 2)', '"pool1", 29)', "✗ pool1: "),
        ("(28, 28, 1)", "(28, 28)", "input_shape should be (height, width, channels). It is (28,"),
        ("    ),\\n)", "    ),\\n    outputs=('end',),\\n)", "There is no row end to return."),
        ("rows=(", "rows=max_pool('p', 2), outputs=(", "rows should be a tuple of rows"),
        ('"pool1", 2)', '"pool1", 2, activation="relux")', "pool1: Could not interpret"),
        ('conv("conv1", 8, 3)', '"conv1"', "rows should be a tuple of rows, made by the functions"),
        ('conv("conv1", 8, 3)', 'conv("conv1", 9, 3)', "your model does not pass the check"),
        ('conv("conv1", 8, 3)', 'conv("conv1", 9, 3)', "✗ conv1 gives 26 × 26 × 8, the table has"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said(here, old, new, said):
    text = NET.replace(old.replace("\\n", "\n"), new.replace("\\n", "\n"))
    assert text != NET
    status, out, _ = proved(here, text, "model.py:build")
    assert status == 1 and said in out, out


def test_other_counts_and_accepted_mistakes_are_no_proof(here, monkeypatch):
    from course.grading.tables import prove

    monkeypatch.setattr(prove, "model_of", lambda table: model_of(table.with_(classes=11)))
    monkeypatch.setattr(prove, "mutations", lambda table: [("conv1", "KERNEL", table)])
    status, out, _ = proved(here, NET)
    assert status == 1, out
    assert "✗ Keras counts 14,963 parameters (14,963 trained), and 11 instead" in out
    assert "✗ a Keras model of these rows does not pass the check" in out
    assert "✗ single mistakes tried: 1; accepted: 1 (kernel at conv1)" in out


@pytest.mark.parametrize(
    "text, said",
    [
        ("import pandas\n", "tables/net.py imports pandas (line 1), which students may not have."),
        ("NET = 1 / 0\n", "tables/net.py stops in line 1 with ZeroDivisionError"),
        ("from course.architectures.vgg import VGG16\n", "tables/net.py holds no Table."),
        (NET + NET.replace("NET =", "SECOND ="), "NET, SECOND: a MODEL can be compared with one"),
    ],
)
def test_a_file_that_holds_no_table_of_ones_own(here, text, said):
    status, out, err = proved(here, text, "model.py:build")
    assert status == 1 and not out and said in err, err


def test_a_table_lies_in_a_folder_of_that_name(here):
    status, _, err = here("--check", "model.py")
    assert status == 1 and "in a folder tables/, such as tables/mobilenet.py" in err
    assert "Received: model.py" in err
    assert here()[0] == 2


def test_the_page_shows_what_the_command_says(here):
    page = (ROOT / "docs" / "own-tables.md").read_text(encoding="utf-8")
    table = re.search(r"```python\n# tables/tiny.py\n(.*?)```", page, re.DOTALL)[1]
    shown = re.search(r"--check tables/tiny.py\n(.*?)```", page, re.DOTALL)[1]
    _, out, _ = proved(here, table, name="tiny")
    assert out == shown
