"""Train one small network on digits as they are and on moved ones, and store its curves.

`08-project` asks for an experiment of one's own; this is the one of its solution. The images on
which it is scored lie turned and moved. Does it help to move the images that a network learns from?

  python benchmarks/train_project.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images

BATCH, EPOCHS, RATE, COPIES, MOVE = 64, 4, 0.01, 4, 4
TRAINING, VALIDATION = 4_000, 1_000

NETS = {
    "still": {"what": "four times the same images", "parameters": 11_018},
    "moved": {
        "what": f"four copies, each image moved by up to {MOVE} pixels",
        "parameters": 11_018,
    },
}

ABOUT = {
    "data": (
        f"{TRAINING:,} of MNIST's training images in {COPIES} copies; {VALIDATION:,} others for "
        f"validation, each moved by up to {MOVE} pixels"
    ),
    "recipe": (
        f"three convolutions of 3 × 3 with stride 2 (8, 16, 32 maps) and a dense layer, Adam, "
        f"batches of {BATCH}, learning rate from {RATE} down to 0 along a cosine over {EPOCHS} "
        "epochs"
    ),
    "epochs": EPOCHS,
    "range": "accuracy on the moved validation images after the last epoch, over the seeds",
}


def small_network():
    """Three convolutions that halve the size, and one dense layer. An image -> 10 probabilities."""
    import keras
    from keras import layers

    x = inputs = keras.Input((28, 28, 1), name="image")
    for filters in (8, 16, 32):  # 14 × 14, 7 × 7, 4 × 4
        x = layers.Conv2D(
            filters, 3, 2, padding="same", activation="relu", kernel_initializer="he_normal"
        )(x)
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    return counted(keras.Model(inputs, outputs), 11_018)


@cache
def digits():
    """(images, labels) for training and for validation, and their mean and deviation."""
    x, y = images(TRAINING + VALIDATION, name="mnist")[0]
    parts = (x[:TRAINING], y[:TRAINING]), (x[TRAINING:], y[TRAINING:])
    return *parts, (x[:TRAINING].mean(), x[:TRAINING].std())


def moved(x, by, rng):
    """Each image moved at random by up to `by` pixels, with zeros behind it."""
    import numpy as np

    wide = np.pad(x, [(0, 0), (by, by), (by, by), (0, 0)])
    side = x.shape[1]
    places = rng.integers(0, 2 * by + 1, (len(x), 2))
    return np.stack([w[a : a + side, b : b + side] for w, (a, b) in zip(wide, places, strict=True)])


def train(key, seed):
    """One run: the curves of `fit`."""
    import keras
    import numpy as np

    fresh(seed)
    (x, y), (other, labels), (mean, deviation) = digits()
    drawn, by = np.random.default_rng(seed), MOVE if key == "moved" else 0
    copies = np.concatenate([moved(x, by, drawn) for _ in range(COPIES)])
    validation = moved(other, MOVE, np.random.default_rng(0))  # the same for all runs
    network = small_network()
    steps = EPOCHS * -(-len(copies) // BATCH)
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return curves(
        network.fit(
            (copies - mean) / deviation,
            np.tile(y, COPIES),
            batch_size=BATCH,
            epochs=EPOCHS,
            validation_data=((validation - mean) / deviation, labels),
            verbose=0,
        )
    )


if __name__ == "__main__":
    experiment(
        __doc__, "08-project", ABOUT, NETS, train, measure=lambda run: run["val_accuracy"][-1]
    )
