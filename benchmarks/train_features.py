"""Learn five classes from few photographs, with features of five others, and store the runs.

A small VGG of assignment 04 learns classes 0 to 4 of CIFAR-10. Classes 5 to 9 are then learned on
its frozen fc7, on an fc7 that was never trained, and by a new network.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_features.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images
from train_vgg import small_vgg

IMAGES, BATCH, EPOCHS, RATE = 10_000, 64, 15, 0.001
FEW, FEW_BATCH, FEW_EPOCHS = 250, 25, 30

#     key         what                                                            parameters
NETS = {
    "base":     ("5,000 images, the first task: classes 0 to 4",                  878_629),
    "features": ("250 images, fc7 features of another task: only fc8 is trained",   1_285),
    "random":   ("250 images, fc7 features of no task: only fc8 is trained",        1_285),
    "scratch":  ("250 images, no other task: all layers are trained",             878_629),
}  # fmt: skip

ABOUT = {
    "data": (
        f"a part of cifar10, from JPEG copies: {IMAGES:,} training images and 2,000 test images"
    ),
    "recipe": (
        f"5,000 images of classes 0 to 4: Adam, batches of {BATCH}, learning rate from {RATE} down "
        f"to 0 along a cosine over {EPOCHS} epochs, dropout 0.5"
    ),
    "second": (
        f"{FEW} images of classes 5 to 9 after classes 0 to 4: batches of {FEW_BATCH}, "
        f"{FEW_EPOCHS} epochs; rate {10 * RATE} where fc8 alone is trained"
    ),
    "epochs": EPOCHS,
}


@cache
def five(first, seed):
    """The classes from first to first + 4, numbered from 0: training and test images."""
    parts = []
    for x, y in images(IMAGES, seed=seed):
        chosen = (y >= first) & (y < first + 5)
        parts.append((x[chosen], y[chosen] - first))
    return parts


def fit(model, known, test, epochs, batch, rate):
    import keras

    rate = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(known[1]) // batch))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return curves(
        model.fit(*known, batch_size=batch, epochs=epochs, validation_data=test, verbose=0)
    )


@cache
def first_task(seed):
    """The network that has learned classes 0 to 4, and its curves."""
    fresh(seed)
    model = counted(small_vgg(2, 5, "base"), NETS["base"][1])
    return model, fit(model, *five(0, seed), EPOCHS, BATCH, RATE)


def train(key, seed):
    import keras
    from keras import layers

    if key == "base":
        return first_task(seed)[1]
    model = first_task(seed)[0] if key == "features" else small_vgg(2, 5, key)
    if key != "scratch":
        model.trainable = False
        fc8 = layers.Dense(5, activation="softmax", name="fc8_new")
        model = keras.Model(model.inputs, fc8(model.get_layer("fc7").output), name=key)
    (x, y), test = five(5, seed)
    rate = RATE if key == "scratch" else 10 * RATE
    return fit(counted(model, NETS[key][1]), (x[:FEW], y[:FEW]), test, FEW_EPOCHS, FEW_BATCH, rate)


if __name__ == "__main__":
    said = {key: {"what": what, "parameters": count} for key, (what, count) in NETS.items()}
    experiment(__doc__, "04-features", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
