"""Train a small AlexNet of assignment 03 on a part of CIFAR-10 and store its curves.

It asks what augmentation and dropout do for a network that could learn its images by heart.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_alexnet.py
"""

from stored_runs import counted, curves, experiment, fresh

IMAGES, BATCH, EPOCHS, RATE = 10_000, 64, 18, 0.001
PARAMETERS = 381_642

#       key         what                                                     dropout augmented
NETS = {
    "plain":       ("plain: no dropout, no augmentation",                        0.0,  False),
    "regularised": ("regularised: random windows and flips, dropout 0.25",       0.25, True),
}  # fmt: skip

ABOUT = {
    "data": (
        f"cifar10: the first {IMAGES:,} training images and 2,000 test images, cut from 32 × 32 to "
        "28 × 28"
    ),
    "recipe": (
        f"{IMAGES:,} training images, Adam, batches of {BATCH}, learning rate from {RATE} down to "
        f"0 along a cosine over {EPOCHS} epochs"
    ),
    "epochs": EPOCHS,
}


def small_alexnet(dropout, name):
    """AlexNet's eight layers for photographs of 28 × 28. (28, 28, 3) -> 10 probabilities."""
    import keras
    from keras import layers

    rest = {"activation": "relu", "kernel_initializer": "he_normal"}

    def conv(x, filters, kernel, name):
        return layers.Conv2D(filters, kernel, padding="same", name=name, **rest)(x)

    inputs = keras.Input((28, 28, 3), name="image")
    x = layers.MaxPooling2D(3, 2, name="pool1")(conv(inputs, 32, 5, "conv1"))  # 13 × 13 × 32
    x = layers.MaxPooling2D(3, 2, name="pool2")(conv(x, 64, 5, "conv2"))  # 6 × 6 × 64
    x = conv(x, 96, 3, "conv3")
    x = conv(x, 96, 3, "conv4")
    x = layers.MaxPooling2D(3, 2, name="pool5")(conv(x, 64, 3, "conv5"))  # 2 × 2 × 64

    x = layers.Flatten(name="flatten")(x)
    for row in ("fc6", "fc7"):
        x = layers.Dense(256, name=row, **rest)(x)
        x = layers.Dropout(dropout, name=f"{row}_dropout")(x)
    outputs = layers.Dense(10, activation="softmax", name="fc8")(x)
    return keras.Model(inputs, outputs, name=name)


def photographs(augmented, seed):
    """The two pipelines, cut from 32 × 32 to 28 × 28: the middle, or anywhere and mirrored."""
    from keras import layers

    from course.kit import data

    train_set, test_set = data.load("cifar10", batch=BATCH, limit=IMAGES, seed=seed)
    middle = layers.CenterCrop(28, 28)
    crop = layers.RandomCrop(28, 28, seed=seed)  # one place for a batch
    flip = layers.RandomFlip("horizontal", seed=seed)

    def moved(x):
        return flip(crop(x, training=True), training=True)

    prepare = moved if augmented else middle
    return (
        train_set.map(lambda x, y: (prepare(x), y)).prefetch(2),
        test_set.map(lambda x, y: (middle(x), y)).cache().prefetch(2),
    )


def train(key, seed):
    import keras

    fresh(seed)
    _, dropout, augmented = NETS[key]
    train_set, test_set = photographs(augmented, seed)
    model = counted(small_alexnet(dropout, key), PARAMETERS)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(train_set))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return curves(model.fit(train_set, validation_data=test_set, epochs=EPOCHS, verbose=0))


if __name__ == "__main__":
    said = {key: {"what": net[0], "parameters": PARAMETERS} for key, net in NETS.items()}
    experiment(__doc__, "03-alexnet", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
