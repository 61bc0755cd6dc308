"""A model written down as JSON: every way of writing one, without weights and without memory."""

import json
import resource
import sys

import keras
import pytest
from keras import layers, ops

from course.anatomy import anatomy
from course.evidence.ends import TraceError
from course.evidence.observe import weightless
from course.evidence.trace import trace


def steps(model, *shape):
    """What the trace has for each step: (operation, output shape)."""
    found = traced(model, *shape)["steps"]
    found = [step for step in found if step["op"] != "ops.ConvertToTensor"]  # Keras's own
    return [(step["op"], tuple(step["shapes"][0])) for step in found]


def traced(model, *shape):
    found = trace(model, *shape)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


CONV, RELU, DENSE = ("layers.Conv2D", (6, 6, 2)), ("ops.Relu", (6, 6, 2)), ("layers.Dense", (3,))
FLAT = ("layers.Flatten", (72,))


def image():
    return keras.Input((8, 8, 1), name="image")


class Convolve(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Conv2D(2, 3)

    def call(self, x):
        return ops.relu(self.inner(x))


class Scale(layers.Layer):
    """Holds a weight of its own, so that nobody can see inside."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), name="factor")

    def call(self, x):
        return x * self.factor


class Whole(keras.Model):
    def __init__(self):
        super().__init__()
        self.features, self.flatten = Convolve(), layers.Flatten()
        self.head = layers.Dense(3)

    def call(self, x, training=None):
        return self.head(self.flatten(self.features(x)))


def functional():
    x = inputs = image()
    x = ops.relu(layers.Conv2D(2, 3)(x))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def sequential():
    return keras.Sequential([image(), Convolve(), layers.Flatten(), layers.Dense(3)])


def nested():
    inner = keras.Sequential([image(), keras.Sequential([layers.Conv2D(2, 3)])])
    inputs = image()
    x = layers.Lambda(lambda t: ops.relu(t))(inner(inputs))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def own_activation():
    def squash(x):
        return ops.relu(x)

    return keras.Sequential([
        image(), layers.Conv2D(2, 3, activation=squash), layers.Flatten(), layers.Dense(3),
    ])  # fmt: skip


def subclassed_and_called():
    model = Whole()
    model(image())
    return model


@pytest.mark.parametrize("build", [functional, sequential, nested, own_activation])
def test_ways_of_writing_leave_the_same_steps(weightless, build):
    assert steps(build()) == [CONV, RELU, FLAT, DENSE]


@pytest.mark.parametrize("build", [Whole, subclassed_and_called])
def test_a_subclassed_model(weightless, build):
    assert steps(build(), (8, 8, 1)) == [CONV, RELU, FLAT, DENSE]


class Reshaped(keras.Model):
    """Flattens by hand; `images(x)` is the number of images that it puts into the new shape."""

    def __init__(self, images):
        super().__init__()
        self.images, self.conv = images, layers.Conv2D(2, 3, activation="relu")
        self.dense = layers.Dense(3)

    def call(self, x):
        x = self.conv(x)
        return self.dense(ops.reshape(x, (self.images(x), -1)))


@pytest.mark.parametrize("images", [lambda x: ops.shape(x)[0], lambda x: x.shape[0]])
def test_a_subclass_may_ask_for_the_number_of_images(weightless, images):
    found = steps(Reshaped(images), (8, 8, 1))
    assert [step for step, shape in found] == ["layers.Conv2D", "ops.Reshape", "layers.Dense"]
    assert found[1:] == [("ops.Reshape", (72,)), DENSE]
    assert anatomy(Reshaped(images), (8, 8, 1)).parameters == anatomy(sequential()).parameters


@pytest.mark.parametrize("number", [1, 4])
def test_a_subclass_that_mixes_the_images_cannot_be_traced(weightless, number):
    with pytest.raises(TraceError, match=f"2 images go in, {number} × 3 values come out: the im"):
        trace(Reshaped(lambda x: number), (8, 8, 1))


class Own(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.norm(x)


def test_a_model_of_own_layers_may_ask_for_the_number_of_images(weightless):
    """It is called a second time, when the models in it are built."""
    model = Reshaped(lambda x: ops.shape(x)[0])
    model.conv = keras.Sequential([layers.Conv2D(2, 3), Own(), Own()])
    found = [step for step, shape in steps(model, (8, 8, 1))]
    norms = ["layers.BatchNormalization"] * 2
    assert found == ["layers.Conv2D", *norms, "ops.Reshape", "layers.Dense"]


def test_a_call_that_returns_nothing(weightless):
    class Silent(keras.Model):
        def call(self, x):
            layers.Flatten()(x)

    with pytest.raises(TraceError, match=r"Silent should return .* None \(is the return missing"):
        trace(Silent(), (8, 8, 1))


def test_no_graph_is_drawn_of_what_takes_symbolic_tensors(monkeypatch):
    """It would take 0.1 s for each block of a student's own; what mixes tensors still gets one."""

    class Mixes(layers.Layer):
        def call(self, x):
            return x * ops.cast(ops.shape(x)[0], x.dtype)

    backend, drawn = sys.modules["keras.src.backend"], []
    through_graph = backend.compute_output_spec

    def counted(function, *args, **kwargs):
        drawn.append(function)
        return through_graph(function, *args, **kwargs)

    monkeypatch.setattr(backend, "compute_output_spec", counted)
    with weightless():
        assert steps(sequential()) == [CONV, RELU, FLAT, DENSE]
        assert drawn == []
        assert Mixes()(image()).shape == (None, 8, 8, 1)
        assert len(drawn) == 1
    assert backend.compute_output_spec is counted


def test_layers_can_be_copied_by_their_config(weightless):
    """Keras works the config of some layers out from the arguments that they were made with."""

    class Times(layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    x = inputs = image()
    for layer in (layers.ELU(0.5), layers.Identity(name="same"), layers.Conv2D(2, 3), Times(3)):
        config = layer.get_config()
        again = type(layer).from_config(config)
        assert again.get_config() == config
        x = again(x)
    assert keras.models.clone_model(keras.Model(inputs, x)).output_shape == (None, 6, 6, 2)


def test_layers_that_a_layer_gets_later_are_counted(weightless):
    """Keras is not asked about every attribute here; a list of layers can still grow."""

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.filters, self.strides, self.convs, self.named = 2, [1], [], {}
            self.convs.append(layers.Conv2D(self.filters, 3, self.strides[0]))
            self.convs += [layers.Conv2D(self.filters, 1)]
            self.named["last"] = layers.BatchNormalization()

        def call(self, x):
            for layer in (*self.convs, self.named["last"]):
                x = layer(x)
            return x

    inputs = image()
    model = keras.Model(inputs, Block()(inputs))
    assert model.count_params() == 20 + 6 + 8
    assert [step["parameters"] for step in traced(model)["steps"]] == [20, 6, 8]


def test_initializers_by_name_are_those_of_keras(weightless):
    @keras.saving.register_keras_serializable()
    class Twos(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return 2 * ops.ones(shape, dtype)

    conv = layers.Conv2D(2, 3, kernel_initializer="he_normal", bias_initializer="Custom>Twos")
    again = layers.Conv2D(2, 3, kernel_initializer="he_normal")
    first, second = conv.kernel_initializer, again.kernel_initializer
    assert type(first) is keras.initializers.HeNormal and first is not second
    assert first.seed != second.seed and type(conv.bias_initializer) is Twos
    with pytest.raises(ValueError, match="he_norma"):
        layers.Conv2D(2, 3, kernel_initializer="he_norma")


def test_what_a_step_says(weightless):
    inputs = image()
    x = layers.Conv2D(2, 3, padding="same", activation="tanh", name="C1", trainable=False)(inputs)
    found = traced(keras.Model(inputs, x[..., 0:1]))
    assert found["inputs"] == [{"id": 0, "name": "image", "shape": [8, 8, 1]}]
    conv, part = found["steps"]
    assert conv["name"] == "C1" and conv["parameters"] == 20 and conv["trainable"] is False
    assert conv["config"]["activation"] == "tanh" and conv["config"]["padding"] == "same"
    assert conv["args"] == [{"tensor": [0, 0]}]
    assert part["op"] == "ops.GetItem" and part["args"][0] == {"tensor": [1, 0]}
    assert part["args"][1][-1] == {"slice": [0, 1, None]}
    assert found["outputs"] == [[2, 0]]


def test_names_that_keras_counts_out_are_the_same_in_each_session(weightless):
    def build():
        x = inputs = image()
        twice = layers.Conv2D(1, 3, padding="same")
        x = layers.Conv2D(1, 3, padding="same", name="mine")(twice(twice(x)))
        x = layers.ReLU()(layers.Conv2D(2, 3)(x)) + 1
        return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))

    once = traced(build())
    names = ["conv2d", "conv2d", "mine", "conv2d_1", "re_lu", "add", "flatten", "dense"]
    assert [step["name"] for step in once["steps"]] == names
    assert traced(build()) == once


def test_a_layer_called_twice_keeps_one_number(weightless):
    x = inputs = keras.Input((4,))
    twice, once = layers.Dense(4), layers.Dense(4)
    found = traced(keras.Model(inputs, once(twice(twice(x)))))
    first, second, third = [step["layer"] for step in found["steps"]]
    assert first == second != third


def test_one_object_with_weights_inside_nested_models_keeps_one_number(weightless):
    shared = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    inputs = keras.Input((4,))
    found = traced(keras.Model(inputs, shared(shared(inputs))))
    dense = [step["layer"] for step in found["steps"] if step["op"] == "layers.Dense"]
    assert len(dense) == 2 and len(set(dense)) == 1


def test_a_layer_with_weights_of_its_own_stays_closed(weightless):
    found = traced(keras.Sequential([image(), layers.Conv2D(2, 3), Scale()]))
    scale = found["steps"][1]
    assert scale["op"] == "own.Scale"
    assert scale["parameters"] == 2 and scale["shapes"] == [[6, 6, 2]]


def pooled(x):
    return layers.MaxPooling2D(2, padding="SAME")(x)


class Plain:
    """No layer, but something that holds two."""

    def __init__(self):
        self.window = layers.Conv2D(2, 3)
        self.pool = layers.MaxPooling2D(2, padding="SAME")

    def __call__(self, x):
        return self.pool(self.window(x))


class Pooling(layers.Layer):
    """Pools in its own call; the pool may be held in ways that Keras does not look into."""

    def __init__(self, pool):
        super().__init__()
        self.window, self.held = layers.Conv2D(2, 3), lambda: pool

    def call(self, x):
        return self.held()(self.window(x))


class PoolingModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.plain = Plain()

    def call(self, x):
        return self.plain(x)


GLOBAL_POOL = layers.MaxPooling2D(2, padding="SAME")


@pytest.mark.parametrize("block", [
    lambda: Pooling(pooled), lambda: Pooling(GLOBAL_POOL), PoolingModel,
    lambda: layers.Lambda(Plain()), lambda: Pooling(layers.MaxPooling2D(2, padding="SAME")),
    lambda: Pooling(lambda x: ops.max_pool(x, 2, padding="SAME")),
])  # fmt: skip
def test_a_pool_in_a_call_takes_capitals_whoever_holds_it(weightless, block):
    inputs = image()
    found = traced(keras.Model(inputs, block()(inputs)))["steps"]
    assert [step["shapes"][0] for step in found] == [[6, 6, 2], [3, 3, 2]]
    assert found[0]["op"] == "layers.Conv2D"


def test_a_pool_keeps_its_padding_as_it_was_written(weightless):
    inputs, pool = image(), layers.MaxPooling2D(2, padding="SAME")
    trace(keras.Model(inputs, Pooling(pool)(inputs)))
    assert pool.padding == "SAME"


def test_what_cannot_be_opened_stays_closed(weightless):
    import tensorflow as tf

    def call(x):
        return tf.vectorized_map(tf.math.sin, x)

    model = keras.Sequential([image(), layers.Lambda(call, name="raw")])
    assert steps(model) == [("own.Lambda", (8, 8, 1))]
    model = keras.Sequential([image(), layers.Conv2D(2, 3, activation=call)])
    (conv,) = traced(model)["steps"]
    assert conv["config"]["activation"] == "call (own function)"


def test_what_tensorflow_takes_by_other_names(weightless):
    import tensorflow as tf

    def call(x):
        x = tf.subtract(y=tf.nn.relu(features=x), x=tf.math.tanh(x=x))
        return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")

    found = traced(keras.Sequential([image(), layers.Lambda(call)]))["steps"]
    assert [step["op"] for step in found][-2:] == ["ops.Subtract", "ops.MaxPool"]
    read = [arg["tensor"][0] for arg in found[2]["args"]]
    assert [found[number - 1]["op"] for number in read] == ["ops.Tanh", "ops.Relu"]


def test_an_argument_may_have_any_name():
    class Own(layers.Layer):
        def call(self, tensor):
            return ops.convert_to_tensor(ops.convert_to_numpy(tensor))

        def compute_output_spec(self, tensor):
            return keras.KerasTensor(tensor.shape, tensor.dtype)

    inputs = image()
    (step,) = traced(keras.Model(inputs, Own()(tensor=inputs)))["steps"]
    assert step["probe"][0]["of"] == [0, 0]


def test_tensorflows_functions_are_opened_up(weightless):
    import tensorflow as tf

    def call(x):
        x = tf.nn.relu(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]))
        x = tf.concat([x, tf.zeros_like(x)], axis=-1)
        a, b = tf.split(x, [1, 1], axis=3)
        x = tf.reduce_mean(tf.nn.lrn(x * tf.add(a, b)), axis=[1, 2], name="mean")
        return tf.nn.softmax(tf.reshape(x, (-1, 2)))

    found = [step for step, _ in steps(keras.Sequential([image(), layers.Lambda(call)]))]
    assert found[:4] == ["ops.Pad", "ops.Relu", "ops.ZerosLike", "ops.Concatenate"]
    assert found[-3:] == ["ops.Mean", "ops.Reshape", "ops.Softmax"]
    with pytest.raises(ValueError, match="KerasTensor"):  # everywhere else it is as before
        tf.nn.relu(image())


def test_tensorflows_activations_count_as_keras_own(weightless):
    import tensorflow as tf

    model = keras.Sequential([image(), layers.Conv2D(2, 3, activation=tf.nn.tanh)])
    (conv,) = traced(model)["steps"]
    assert conv["config"]["activation"] == "tanh"
    model = keras.Sequential([image(), layers.Conv2D(2, 3, activation=tf.math.sin)])
    assert [op for op, _ in steps(model)] == ["layers.Conv2D", "own.tf.sin"]


def test_several_inputs_and_outputs(weightless):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    total = layers.Add()([a, b])
    found = traced(keras.Model([a, b], [total, layers.Dense(2)(total)]))
    assert [source["name"] for source in found["inputs"]] == ["a", "b"]
    assert found["outputs"] == [[2, 0], [3, 0]]


def test_an_input_from_elsewhere():
    # Keras itself refuses the unconnected model; a subclass can hold one all the same.
    class Lost(keras.Model):
        def call(self, x):
            return layers.Flatten()(image())

    with weightless(), pytest.raises(TraceError, match=r"Create keras\.Input once"):
        trace(Lost(), (8, 8, 1))


def test_shapes_that_nobody_gave(weightless):
    unbuilt = keras.Sequential([layers.Conv2D(2, 3), layers.Flatten()])
    with pytest.raises(TraceError, match=r"A Sequential that was never called has no shapes yet"):
        trace(unbuilt)
    assert [op for op, _ in steps(unbuilt, (8, 8, 1))] == ["layers.Conv2D", "layers.Flatten"]
    with pytest.raises(TraceError, match=r"A Whole that was never called"):
        trace(Whole())


def test_a_very_deep_model(weightless):
    def deep(x):  # deeper than Keras's own functional models can be
        for _ in range(2000):
            x = x + 1
        return x

    assert len(traced(keras.Sequential([keras.Input((4,)), layers.Lambda(deep)]))["steps"]) == 2000


def test_no_end_of_steps(weightless):
    inputs = keras.Input((4,))
    many = layers.Add()([ops.relu(inputs) for _ in range(5001)])
    with pytest.raises(TraceError, match="more than 5000 steps"):
        trace(keras.Model(inputs, many))


def test_vgg16_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with weightless():
        model = keras.applications.VGG16(weights=None)
        found = traced(model)
        assert anatomy(found).parameters == model.count_params() == 138_357_544
        assert not any(map(has_its_value, model.variables))
    assert len(json.dumps(found)) < 50_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, f"{grown / 1024:.0f} MiB; its weights are 528"


def test_nothing_is_allocated_later():
    with weightless():
        model = keras.applications.VGG16(weights=None)
        trace(model)
    with keras.StatelessScope():
        pass  # leaving it would make every variable that Keras still owes
    assert not any(map(has_its_value, model.variables))


def has_its_value(variable):
    return vars(variable)["_value"] is not None  # reading it would draw it


def test_the_precision_that_a_student_set_survives():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with weightless():
            assert keras.config.dtype_policy().name == "mixed_float16"
            mixed = steps(functional())
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(before)
    assert mixed == [CONV, RELU, FLAT, DENSE]


def test_a_model_with_weights_is_left_alone():
    model = functional()
    before = model.get_weights()
    trace(model)
    assert len(model.layers) == 4 and all(map(_equal, before, model.get_weights()))


def _equal(a, b):
    return (a == b).all()
