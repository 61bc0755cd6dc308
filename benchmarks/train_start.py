"""Train shallow and deep VGG-like nets from smaller and larger weights, and store their curves.

VGG's authors could not train their deep configurations from random weights alone. Does the start
decide whether a deep stack without normalisation learns? Small digits, so that a laptop can answer.

  python benchmarks/train_start.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images

BATCH, EPOCHS, RATE = 32, 10, 0.02
WIDTHS = (8, 16, 32)  # maps of the three stages

#                                                       convolutions a stage, start, parameters
NETS = {
    "shallow_small": ("3 convolutions, weights half as large as He's",   1, 0.5, 6_218),
    "deep_small":    ("15 convolutions, weights half as large as He's",  5, 0.5, 54_826),
    "shallow_he":    ("3 convolutions, weights as He's",                 1, 1.0, 6_218),
    "deep_he":       ("15 convolutions, weights as He's",                5, 1.0, 54_826),
}  # fmt: skip

ABOUT = {
    "data": "digits: 1,437 training and 360 test images of 8 × 8, which come with the course",
    "recipe": (
        f"{', '.join(map(str, WIDTHS))} maps, SGD with momentum 0.9, batches of {BATCH}, learning "
        f"rate from {RATE} down to 0 along a cosine over {EPOCHS} epochs, no augmentation"
    ),
    "epochs": EPOCHS,
    "range": "training error of the last epoch, over the seeds",
}


def plain_vgg(convolutions, start):
    """Three stages without normalisation, and one dense layer. An image -> 10 probabilities."""
    import keras
    from keras import layers

    he = {"scale": 2.0 * start**2, "mode": "fan_in", "distribution": "untruncated_normal"}
    drawn = keras.initializers.VarianceScaling
    x = inputs = keras.Input((8, 8, 1), name="image")
    for filters in WIDTHS:
        for _ in range(convolutions):
            x = layers.Conv2D(
                filters, 3, padding="same", activation="relu", kernel_initializer=drawn(**he)
            )(x)
        x = layers.MaxPooling2D(2)(x)  # 4 × 4, 2 × 2, 1 × 1
    outputs = layers.Dense(10, activation="softmax", kernel_initializer=drawn(**he))(
        layers.Flatten()(x)
    )
    return keras.Model(inputs, outputs)


@cache
def digits():
    """Training and test images with values around zero, and their labels."""
    return [(4 * (x - 0.3), y) for x, y in images(name="digits")]


def train(key, seed):
    import keras

    fresh(seed)
    _, convolutions, start, parameters = NETS[key]
    train_set, test_set = digits()
    model = counted(plain_vgg(convolutions, start), parameters)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * -(-len(train_set[1]) // BATCH))
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return curves(
        model.fit(*train_set, batch_size=BATCH, epochs=EPOCHS, validation_data=test_set, verbose=0)
    )


if __name__ == "__main__":
    said = {key: {"what": net[0], "parameters": net[-1]} for key, net in NETS.items()}
    experiment(
        __doc__, "04-start", ABOUT, said, train, lambda run: round(1 - run["accuracy"][-1], 5)
    )
