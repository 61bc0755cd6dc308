"""Private names of Keras, TensorFlow, IPython and tensorflow-datasets in the student's half."""

import ast
import json
import re
from contextlib import contextmanager
from importlib import import_module

import keras
import pytest
from keras import layers, ops

from course.evidence import building, keras_private, keras_state
from course.evidence.observe import observe
from tests.classroom import ROOT

FILES = {"keras_private.py", "keras_state.py"}
MODULES = re.compile(r"(keras\.src|tensorflow\.python|IPython\.core|tensorflow_datasets\.core)\b")
OF_PYTHON = {"_getframe", "_replace"}  # the second is a method of every named tuple


def test_private_names_of_others_stand_in_two_files():
    """No other module imports a private module, or reads an attribute with `_` that is not ours."""
    package = ROOT / "course"
    files = [p for p in package.rglob("*.py") if p.relative_to(package).parts[0] != "grading"]
    trees = {path: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for path in files}
    ours = {node.name for nodes in trees.values() for node in nodes if hasattr(node, "name")}
    for node in (node for nodes in trees.values() for node in nodes):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            ours.add(node.id if isinstance(node, ast.Name) else node.attr)
    found = {path.name: set(filter(None, map(private, nodes))) for path, nodes in trees.items()}
    found = {name: names - ours - OF_PYTHON for name, names in found.items()}
    assert {name for name, names in found.items() if names} == FILES, found
    assert "_keras_history" in found["keras_private.py"]


def private(node):
    """A private name that a piece of code uses, or ""."""
    if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
        return node.attr
    text = getattr(node, "module", "") or getattr(node, "value", "")
    if isinstance(text, str) and (MODULES.match(text) or re.fullmatch(r"_keras_\w+", text)):
        return text
    return ""


# --- without any of them


class Stage(layers.Layer):
    """Two convolutions and what is added to them."""

    def __init__(self, maps, **options):
        super().__init__(**options)
        self.convs = [layers.Conv2D(maps, 3, padding="same") for _ in range(2)]
        self.norms = [layers.BatchNormalization() for _ in range(2)]

    def call(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = x + ops.relu(norm(conv(x)))
        return x


class Weighted(layers.Layer):
    """A layer with weights of its own."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x):
        return x * self.scale


class Whole(keras.Model):
    def __init__(self):
        super().__init__()
        self.stage, self.out = Stage(3), layers.Dense(7, activation=lambda x: ops.tanh(2 * x))

    def call(self, x):
        return self.out(layers.Flatten()(self.stage(x)))


def ends(*steps):
    """A builder of a network of some steps after each other, for 12 × 12 × 3."""

    def build():
        x = inputs = keras.Input((12, 12, 3))
        for step in steps:
            x = step(x)
        return keras.Model(inputs, x)

    return build


def branches(x):
    parts = [layers.Conv2D(2, n, padding="SAME", activation="relu")(x) for n in (1, 3, 5)]
    return layers.Concatenate()([*parts, layers.MaxPooling2D(3, 1, padding="same")(x)])


def shared(x):
    conv = layers.Conv2D(3, 3, padding="same")
    return conv(conv(x))


def nested(x):
    return keras.Sequential([layers.Conv2D(4, 3), layers.ReLU(), layers.Dropout(0.5)])(x)


def frozen(x):
    layer = layers.Dense(5)
    layer.trainable = False
    return layer(layers.Flatten()(x))


def by_tensorflow(x):
    import tensorflow as tf

    return layers.Lambda(lambda x: tf.nn.relu(x))(x)


NETWORKS = {
    "convolution": ends(lambda x: layers.Conv2D(4, 3, activation="relu")(x)),
    "initialised": ends(lambda x: layers.Conv2D(4, 3, kernel_initializer="he_normal")(x)),
    "regularised": ends(lambda x: layers.Dense(4, kernel_regularizer="l2")(x)),
    "grouped": ends(lambda x: layers.Conv2D(6, 3, groups=3, strides=2, dilation_rate=1)(x)),
    "depthwise": ends(lambda x: layers.DepthwiseConv2D(3)(x)),
    "separable": ends(lambda x: layers.SeparableConv2D(4, 3)(x)),
    "padded": ends(lambda x: layers.ZeroPadding2D((1, 2))(x), lambda x: layers.MaxPool2D()(x)),
    "normalised": ends(lambda x: layers.BatchNormalization()(x), ops.relu),
    "layer norm": ends(lambda x: layers.LayerNormalization()(x)),
    "branches": ends(branches),
    "shared": ends(shared),
    "nested": ends(nested),
    "frozen": ends(frozen),
    "own stage": ends(lambda x: Stage(3)(x)),
    "own stages": ends(*[lambda x: Stage(3)(x)] * 3),
    "own weights": ends(lambda x: Weighted()(x)),
    "own function": ends(lambda x: layers.Dense(3, activation=lambda x: ops.relu(x) + 1)(x)),
    "lambda": ends(lambda x: layers.Lambda(lambda x: x * 2)(x)),
    "by TensorFlow": ends(by_tensorflow),
    "pooled": ends(lambda x: layers.GlobalAveragePooling2D()(x), lambda x: ops.softmax(x)),
    "slices": ends(lambda x: ops.concatenate([x[..., :1], x[..., 1:]], axis=-1)),
    "reshaped": ends(lambda x: layers.Reshape((-1, 3))(x), lambda x: layers.Permute((2, 1))(x)),
    "subclassed": Whole,
}


@contextmanager
def no_patches():
    yield lambda *_, **__: None


def traces():
    """What is observed of each network; Keras's numbers of inputs without a name count on."""
    request = {"ask": "model", "input_shape": [12, 12, 3]}
    found = {name: json.dumps(observe(build, request)) for name, build in NETWORKS.items()}
    return {
        name: json.loads(re.sub(r"keras_tensor_\d+", "keras_tensor", text))
        for name, text in found.items()
    }


@pytest.fixture
def nothing_private(monkeypatch):
    """A Keras that has nothing in the places where patches and what is put back look for it."""
    for module in (keras_private, keras_state, building):
        monkeypatch.setattr(module, "patches", no_patches)
    for name in ("global_state", "in_stateless_scope"):
        monkeypatch.setattr(keras_private, name, lambda: None)
    monkeypatch.setattr(keras_state, "global_state", lambda: None)
    monkeypatch.setattr(building, "backend_module", lambda: None)


def test_evidence_is_the_same_where_nothing_private_is_found(request):
    kept = traces()
    assert len(kept) > 20 and all("trace" in reply for reply in kept.values()), kept
    request.getfixturevalue("nothing_private")
    for name, reply in traces().items():
        assert reply == kept[name], name


class Elsewhere:
    @property
    def _keras_history(self):
        raise AttributeError("it is called something else now")


SAID = rf"cannot follow tensors in Keras {keras.__version__}"


def test_a_keras_whose_tensors_cannot_be_followed_is_said(monkeypatch):
    with pytest.raises(LookupError, match=SAID):
        keras_private.made_by(Elsewhere())
    module = import_module("course.evidence.trace")
    monkeypatch.setattr(module, "made_by", lambda _: keras_private.made_by(Elsewhere()))
    for ask, answer in (("model", NETWORKS["branches"]), ("block", branches)):
        reply = observe(answer, {"ask": ask, "input_shape": [12, 12, 3]})
        assert reply["failed"] == "UNREADABLE" and re.search(SAID, reply["text"]), reply


def test_what_is_symbolic_is_told_without_private_names():
    assert keras_private.is_symbolic(keras.KerasTensor((None, 3)))
    assert not keras_private.is_symbolic(ops.ones((1, 3)))
