"""A check leaves nothing behind in Keras, in random generators, and in what a student made."""

import contextlib
import functools
import gc
import io
import random
import resource
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from course import check
from course.anatomy import anatomy
from course.architectures.lenet import LENET5
from course.architectures.vgg import VGG16
from course.evidence.observe import observe, weightless


def network(inputs, classes=10):
    x = layers.Conv2D(6, 5, activation="tanh")(inputs)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Dense(120, activation="tanh")(layers.Flatten()(x))
    x = layers.Dense(84, activation="tanh")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def lenet5(input_shape=(32, 32, 1), classes=10):
    return network(keras.Input(input_shape), classes)


def unbuilt():
    return keras.Sequential([
        layers.Conv2D(6, 5, activation="tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(),
        layers.Dense(120, activation="tanh"), layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def passes(checking, *args, **kwargs):
    """The check passes and warns of nothing; nbgrader gives no points to a cell that did."""
    with check.silently(), warnings.catch_warnings():
        warnings.simplefilter("error")
        checking(*args, **kwargs)


def fails(checking, *args, **kwargs):
    with check.silently(), pytest.raises(check.CheckFailed) as caught:
        checking(*args, **kwargs)
    return str(caught.value)


IMAGES, LABELS = np.ones((4, 32, 32, 1), "float32"), np.eye(10, dtype="float32")[:4]


def trains(model):
    """Whether training changes every weight, as it does when each is there only once."""
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    model(IMAGES)  # builds it, if that is still to do
    before = model.get_weights()
    model.fit(IMAGES, LABELS, verbose=0)
    after = model.get_weights()
    return all((a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("kind", [
    layers.Conv2D, layers.Dense, layers.Layer, keras.Model, keras.Sequential,
])  # fmt: skip
def test_a_class_that_a_builder_freezes_is_frozen_for_its_own_check_alone(kind):
    def freezes():
        kind.trainable = False
        return keras.Sequential([keras.Input((32, 32, 1)), *unbuilt().layers])

    before = vars(kind).get("trainable")
    if kind not in (keras.Model, keras.Sequential):
        text = fails(check.model, freezes, like=LENET5)
        assert "Its weights are frozen" in text
        assert f"layers.{kind.__name__}.trainable was set, which freezes every" in text
    else:
        observe(freezes, {"ask": "model"})
    assert vars(kind).get("trainable") is before
    passes(check.model, lenet5, like=LENET5)


# --- what a builder may do


def with_compile(model):
    model.compile("adam", "categorical_crossentropy", ["accuracy"])


def with_objects(model):
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate, momentum=0.9)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=[keras.metrics.CategoricalAccuracy(), keras.metrics.AUC(), "accuracy"],
    )
    keras.optimizers.Adam().build(model.trainable_variables)


def with_variables(model):
    keras.Variable(1.0)
    keras.Variable(np.ones((3, 3)))
    keras.Variable("glorot_uniform", shape=(3, 3)).assign(np.zeros((3, 3)))
    keras.metrics.Mean().update_state(3.0)
    keras.random.normal((2,), seed=keras.random.SeedGenerator(3))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.Variable(3.0).assign_add(1.0)


def with_a_look(model):
    with contextlib.redirect_stdout(io.StringIO()):
        model.summary(expand_nested=True)
        keras.utils.plot_model(model, "never.png", show_shapes=True)
    assert model.count_params() == sum(np.prod(w.shape) for w in model.weights)
    model.build((None, *model.input_shape[1:]))
    model(np.zeros((1, *model.input_shape[1:])))
    model.predict(np.zeros((1, *model.input_shape[1:])), verbose=0)


def with_weights(model):
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.get_layer(index=1).trainable = False
    model.layers[1].trainable = True


def with_settings(model):
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    keras.config.disable_interactive_logging()


MAY = [with_compile, with_objects, with_variables, with_a_look, with_weights, with_settings]


@pytest.mark.parametrize("also", MAY)
def test_what_a_builder_may_do(also):
    def build(input_shape=(32, 32, 1), classes=10):
        model = lenet5(input_shape, classes)
        also(model)
        return model

    passes(check.model, build, like=LENET5)
    passes(check.model, build, like=LENET5, classes=3, input_shape=(36, 40, 3))


@pytest.mark.parametrize("training", ["fit", "train_on_batch"])
def test_training_in_a_builder_is_refused_with_a_sentence(training):
    def build():
        model = lenet5()
        model.compile("adam", "categorical_crossentropy")
        getattr(model, training)(IMAGES, LABELS)
        return model

    text = fails(check.model, build, like=LENET5)
    assert f"a check only builds the network, and {training}() trains it." in text
    assert "in a cell of its own below the check (line " in text


def test_a_missing_file_is_named():
    def build():
        model = lenet5()
        model.load_weights("mine.weights.h5")
        return model

    text = fails(check.model, build, like=LENET5)
    assert "there is no file mine.weights.h5 here. Only the notebook is handed in" in text
    assert 'model.load_weights("mine.weights.h5")' in text and "errno" not in text


# --- what a student made


def test_the_model_of_a_builder_with_a_cache_can_be_trained():
    build = functools.lru_cache(lenet5)
    passes(check.model, build, like=LENET5)
    assert trains(build())
    passes(check.model, build, like=LENET5)


def test_the_first_use_of_a_kept_model_may_be_compiled():
    build = functools.cache(lenet5)
    passes(check.model, build, like=LENET5)
    if keras.backend.backend() == "jax":
        import jax

        made = jax.jit(build())(IMAGES)
    else:
        import tensorflow as tf

        made = tf.function(build())(IMAGES)
    assert np.allclose(made, build()(IMAGES), atol=1e-5)


def test_what_a_builder_put_into_a_model_is_there_afterwards():
    @functools.cache
    def build():
        model = lenet5()
        model.set_weights([np.full(weight.shape, 3.0) for weight in model.weights])
        return model

    passes(check.model, build, like=LENET5)
    assert all((weight == 3).all() for weight in build().get_weights())


def test_an_unbuilt_model_stays_unbuilt_and_can_be_trained():
    model = unbuilt()
    passes(check.model, model, like=LENET5)
    assert not model.built and not model.layers[0].built and not model.weights
    assert trains(model)
    assert model.count_params() == 61_706


def test_layers_from_outside_of_a_builder_can_be_trained():
    convolution = layers.Conv2D(6, 5, activation="tanh")

    def build():
        x = inputs = keras.Input((32, 32, 1))
        return keras.Model(inputs, layers.Flatten()(convolution(x)))

    fails(check.model, build, like=LENET5)
    model = keras.Sequential([keras.Input((32, 32, 1)), convolution, layers.Flatten()])
    assert model(IMAGES).shape == (4, 28 * 28 * 6)


def test_a_model_can_be_extended_after_a_check():
    for model in (lenet5(), functools.cache(lenet5)()):
        passes(check.model, model, like=LENET5)
        longer = keras.Model(model.input, layers.Dense(3)(layers.Dense(4)(model.output)))
        assert longer(IMAGES).shape == (4, 3)


def test_a_model_that_outlives_its_check_keeps_its_names():
    build = functools.cache(lenet5)
    passes(check.model, build, like=LENET5)
    model = build()
    longer = keras.Model(model.input, layers.Dense(3)(layers.Dense(4)(model.output)))
    assert longer(IMAGES).shape == (4, 3)


def test_opening_a_nested_model_calls_it_no_second_time():
    inner = keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(6, 5, activation="tanh")])
    inputs = keras.Input((32, 32, 1))
    model = keras.Model(inputs, inner(inputs))
    assert inner.layers[0].output is not None  # Keras refuses it for a layer called twice
    fails(check.model, model, like=LENET5)
    assert inner.layers[0].output.shape == (None, 28, 28, 6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports with TensorFlow")
def test_a_model_that_outlives_its_check_can_be_exported(tmp_path):
    import tensorflow as tf

    build = functools.cache(lenet5)
    passes(check.model, build, like=LENET5)
    build().export(tmp_path, verbose=False)
    again = tf.saved_model.load(tmp_path)
    assert np.allclose(again.serve(IMAGES), build()(IMAGES), atol=1e-5)
    assert len(again.variables) == 10


# --- what Keras and the generators keep


def kept():
    """All that Keras keeps for this thread, its settings, and the state of the generators."""
    state = sys.modules["keras.src.backend.common.global_state"]
    found = {}
    for name in ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER"):
        for key, value in vars(getattr(state, name)).items():
            copied = value.copy() if isinstance(value, list | dict) else value
            found[key] = getattr(copied, "name", copied)
            if key == "global_seed_generator" and value is not None:
                found["drawn"] = value.state.numpy().tolist()
    config = keras.config
    found |= {
        "floatx": config.floatx(), "epsilon": config.epsilon(),
        "policy": config.dtype_policy().name, "format": config.image_data_format(),
        "python": random.getstate(),
        "interactive": config.is_interactive_logging_enabled(),
        "filtering": config.is_traceback_filtering_enabled(),
        "collecting": gc.isenabled(), "Layer": vars(keras.Layer).copy(),
        "Model": vars(keras.Model).copy(), "Operation": vars(keras.Operation).copy(),
        "Variable": vars(keras.Variable).copy(), "plot_model": keras.utils.plot_model.__code__,
    }  # fmt: skip
    found["numpy"] = [str(part) for part in np.random.get_state()]
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.eager import context

        found["tensorflow"] = context.context()._seed, context.context()._rng
    return found


def unsettled():
    """Changes all settings, draws numbers, and makes layers."""
    keras.utils.set_random_seed(7)
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(1e-3)
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.disable_interactive_logging()
    keras.config.enable_traceback_filtering()
    random.random()
    np.random.rand()
    keras.random.normal((2,))
    return layers.Dense(3)


def unsettled_network():
    unsettled()
    keras.config.set_dtype_policy("float32")
    return lenet5()


def stops():
    unsettled()
    keras.name_scope("never_left").__enter__()
    raise ValueError("stop")


CHECKS = [
    (check.model, lenet5, {"like": LENET5}, passes),
    (check.model, unsettled_network, {"like": LENET5}, passes),
    (check.model, stops, {"like": LENET5}, fails),
    (check.model, lambda: unsettled(), {"like": LENET5}, fails),
    (check.block, lambda x: layers.Conv2D(6, 5, activation="tanh")(x),
     {"like": LENET5.part("C1", input_shape=(32, 32, 1))}, passes),
    (check.block, lambda x: unsettled()(x),
     {"like": LENET5.part("C1", input_shape=(32, 32, 1))}, fails),
    (check.function, lambda *a: [3, unsettled()][0], {"gives": [3]}, passes),
    (check.function, lambda *a: stops(), {"gives": [3]}, fails),
    (check.value, 3, {}, passes),
]  # fmt: skip


@pytest.fixture
def set_up():
    """Settings of a student's own, which are not Keras's; undone after the test."""
    config = keras.config
    before = config.dtype_policy()
    config.set_dtype_policy("mixed_float16")
    config.set_epsilon(1e-5)
    config.disable_traceback_filtering()
    config.enable_unsafe_deserialization()
    keras.utils.set_random_seed(3)
    keras.random.normal((2,))
    layers.Dense(2)
    yield
    config.set_dtype_policy(before)
    config.set_epsilon(1e-7)
    config.enable_traceback_filtering()
    sys.modules["keras.src.backend.common.global_state"].set_global_attribute(
        "safe_mode_saving", None
    )


@pytest.mark.parametrize("checking, subject, like, ends", CHECKS)
def test_all_is_as_before(set_up, checking, subject, like, ends):
    number = int(layers.Dense(1).name.split("_")[1])
    before = kept()
    cases = [[1]] if checking is check.function else [3] if checking is check.value else []
    ends(checking, subject, *cases, **like)
    assert kept() == before
    assert layers.Dense(1).name == f"dense_{number + 1}"


def test_anatomy_of_a_function_leaves_nothing_either(set_up):
    before = kept()
    assert anatomy(lenet5).parameters == 61_706
    assert kept() == before


def test_no_weights_are_drawn_in_a_check_of_a_large_network():
    def vgg16():
        model = keras.applications.VGG16(weights=None)
        model.compile("adam", "mse")
        model.count_params()
        return model

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    passes(check.model, functools.cache(vgg16), like=VGG16)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, f"{grown / 1024:.0f} MiB; its weights are 528"


def test_no_layers_of_a_check_are_left():
    """Two hundred checks need no more memory than one."""
    request = {"ask": "model", "input_shape": [32, 32, 1]}
    gc.collect()
    gc.disable()  # what is left is left by the check itself
    try:
        for build in (lenet5, stops):
            observe(build, request)
            before = len(gc.get_objects())
            for _ in range(20):
                observe(build, request)
            assert len(gc.get_objects()) - before < 200
    finally:
        gc.enable()


def test_a_check_within_a_builder(set_up):
    def build():
        passes(check.value, 3, 3)
        passes(check.model, lenet5, like=LENET5)
        return lenet5()

    before = kept()
    passes(check.model, build, like=LENET5)
    assert kept() == before


def test_weights_are_drawn_once_and_not_in_a_scope_for_shapes():
    with weightless():
        model = lenet5()
        kernel = model.layers[1].kernel
        assert kernel.shape == (5, 5, 1, 6)
        with keras.StatelessScope():
            assert kernel.value.shape == (5, 5, 1, 6)
        assert vars(kernel)["_value"] is None
        once = ops.convert_to_numpy(kernel)
    assert (ops.convert_to_numpy(kernel) == once).all() and type(kernel) is keras.Variable
