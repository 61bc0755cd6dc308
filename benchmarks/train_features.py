"""Learn five classes from few photographs, with features of five others, and store the runs.

A small VGG of assignment 04 learns classes 0 to 4 of CIFAR-10. Classes 5 to 9 are then learned on
its frozen fc7, on an fc7 that was never trained, and by a new network. What comes out depends on
which few photographs there are, so each seed takes several handfuls, the same for all three.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_features.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images
from train_vgg import small_vgg

IMAGES, SIDE, BATCH, EPOCHS, RATE = 10_000, 16, 64, 12, 0.001
WIDTHS, UNITS = (16, 32, 64), 128
FEW, HANDFULS, FEW_BATCH, FC8_EPOCHS, ALL_EPOCHS = 50, 3, 10, 30, 90

#     key         what                                                           parameters
NETS = {
    "base":     ("many images, the first task: classes 0 to 4",                   122_133),
    "features": ("few images, fc7 features of another task: only fc8 is trained",   645),
    "random":   ("few images, fc7 features of no task: only fc8 is trained",        645),
    "scratch":  ("few images, no other task: all layers are trained",             122_133),
}  # fmt: skip

ABOUT = {
    "data": (
        f"cifar10: the first {IMAGES:,} training images and 2,000 test images, 32 × 32 scaled to "
        f"{SIDE} × {SIDE}"
    ),
    "recipe": (
        f"5,000 images of classes 0 to 4: Adam, batches of {BATCH}, learning rate from {RATE} down "
        f"to 0 along a cosine over {EPOCHS} epochs, dropout 0.5"
    ),
    "second": (
        f"{FEW} images of classes 5 to 9, {FEW // 5} of each, in batches of {FEW_BATCH}: "
        f"{FC8_EPOCHS} epochs from rate {10 * RATE} where fc8 alone is trained, {ALL_EPOCHS} from "
        f"{RATE} where all layers are; mean of {HANDFULS} draws of images"
    ),
    "epochs": EPOCHS,
    "range": "accuracy on test images, over the seeds",
}


@cache
def five(first):
    """The classes from first to first + 4, numbered from 0: training and test images."""
    parts = []
    for x, y in images(IMAGES, SIDE):
        chosen = (y >= first) & (y < first + 5)
        parts.append((x[chosen], y[chosen] - first))
    return parts


def handful(seed, number):
    """A few training images of classes 5 to 9, as many of each."""
    import numpy as np

    x, y = five(5)[0]
    draw = np.random.default_rng((seed, number))
    chosen = [draw.choice(np.flatnonzero(y == c), FEW // 5, replace=False) for c in range(5)]
    return x[np.concatenate(chosen)], y[np.concatenate(chosen)]


def compiled(model, images, epochs, batch, rate):
    import keras

    rate = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-images // batch))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def drawn_anew(model, seed):
    """The compiled model with other weights; compiling takes longer than a few images."""
    import keras

    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    if model.optimizer.built:
        for variable in model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
    return model


@cache
def network(key, seed):
    """The network of the first task, trained or not, up to fc7; and its curves if it was."""
    import keras

    fresh(seed)
    model = counted(small_vgg(2, 5, key, SIDE, WIDTHS, UNITS), NETS["base"][1])
    run, (known, test) = None, five(0)
    if key == "features":
        compiled(model, len(known[1]), EPOCHS, BATCH, RATE)
        run = model.fit(*known, batch_size=BATCH, epochs=EPOCHS, validation_data=test, verbose=0)
    return keras.Model(model.inputs, model.get_layer("fc7").output), run and curves(run)


def train(key, seed):
    import keras
    import numpy as np
    from keras import layers

    if key == "base":
        return network("features", seed)[1]
    if key == "scratch":
        model, rate, epochs = small_vgg(2, 5, key, SIDE, WIDTHS, UNITS), RATE, ALL_EPOCHS
    else:
        fc7 = network(key, seed)[0]
        fc8 = [keras.Input((UNITS,)), layers.Dense(5, activation="softmax", name="fc8_new")]
        model, rate, epochs = keras.Sequential(fc8), 10 * RATE, FC8_EPOCHS
    counted(compiled(model, FEW, epochs, FEW_BATCH, rate), NETS[key][1])
    runs = []
    for number in range(HANDFULS):
        known, test = handful(seed, number), five(5)[1]
        if key != "scratch":  # features never change, so they are worked out once
            known, test = ((fc7.predict(x, verbose=0), y) for x, y in (known, test))
        drawn_anew(model, (seed + 1) * 1000 + number)
        run = model.fit(*known, batch_size=FEW_BATCH, epochs=epochs, verbose=0).history
        _, right = model.evaluate(*test, verbose=0)
        runs.append(run | {"val_accuracy": [right]})  # once, at the end
    return {k: np.mean([run[k] for run in runs], axis=0).round(5).tolist() for k in runs[0]}


if __name__ == "__main__":
    said = {key: {"what": what, "parameters": count} for key, (what, count) in NETS.items()}
    experiment(__doc__, "04-features", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
