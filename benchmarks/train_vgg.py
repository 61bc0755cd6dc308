"""Train small VGGs of assignment 04 on a part of CIFAR-10 and store their curves.

Is twice the depth worth anything on 10,000 photographs?

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_vgg.py
"""

from stored_runs import counted, curves, experiment, fresh

IMAGES, BATCH, EPOCHS, RATE = 10_000, 64, 15, 0.001
WIDTHS = (32, 64, 128)  # maps of the three stages
UNITS = 256  # of fc6 and fc7

#     key       what                                    convolutions a stage, parameters
NETS = {
    "three": ("3 convolutions: one in each stage", 1, 686_154),
    "six":   ("6 convolutions: two in each stage", 2, 879_914),
}  # fmt: skip

ABOUT = {
    "data": (
        f"a part of cifar10, from JPEG copies: {IMAGES:,} training images and 2,000 test images"
    ),
    "recipe": (
        f"{IMAGES:,} training images, mirrored at random, Adam, batches of {BATCH}, learning rate "
        f"from {RATE} down to 0 along a cosine over {EPOCHS} epochs, dropout 0.5"
    ),
    "epochs": EPOCHS,
}


def small_vgg(convolutions, classes, name, side=32, widths=WIDTHS, units=UNITS):
    """Three stages for photographs. (side, side, 3) -> class probabilities."""
    import keras
    from keras import layers

    inputs = keras.Input((side, side, 3), name="image")
    x = inputs
    for stage, filters in enumerate(widths, 1):  # each halves the side
        for number in range(1, convolutions + 1):
            name_ = f"conv{stage}_{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name_)(x)
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)

    x = layers.Flatten(name="flatten")(x)
    for row in ("fc6", "fc7"):
        x = layers.Dense(units, activation="relu", name=row)(x)
        x = layers.Dropout(0.5, name=f"{row}_dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="fc8")(x)
    return keras.Model(inputs, outputs, name=name)


def train(key, seed):
    import keras
    from keras import layers

    from course.kit import data

    fresh(seed)
    _, convolutions, parameters = NETS[key]
    train_set, test_set = data.load("cifar10", batch=BATCH, limit=IMAGES, seed=seed)
    flip = layers.RandomFlip("horizontal", seed=seed)
    mirrored = train_set.map(lambda x, y: (flip(x, training=True), y)).prefetch(2)
    model = counted(small_vgg(convolutions, 10, key), parameters)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(mirrored))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return curves(model.fit(mirrored, validation_data=test_set.cache(), epochs=EPOCHS, verbose=0))


if __name__ == "__main__":
    said = {key: {"what": what, "parameters": count} for key, (what, _, count) in NETS.items()}
    experiment(__doc__, "04-vgg", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
