"""Train the three LeNets of assignment 02 on the real MNIST and store their curves.

TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_lenet.py
"""

from stored_runs import counted, curves, experiment, fresh

BATCH, EPOCHS, RATE = 128, 6, 0.004

# The S2 maps that feed each C3 map                        LeCun et al. 1998, Table I
C3 = [(0, 1, 2),    (1, 2, 3),    (2, 3, 4),    (3, 4, 5),    (0, 4, 5),    (0, 1, 5),
      (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
      (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)]  # fmt: skip


def lenet(activation, pooling, name):
    """LeNet-5 as it is written today. (32, 32, 1) -> 10 probabilities; 61,706 parameters."""
    import keras
    from keras import layers

    inputs = keras.Input((32, 32, 1), name="image")
    x = layers.Conv2D(6, 5, activation=activation, name="c1")(inputs)  # 28 × 28 × 6
    x = pooling(2, name="s2")(x)  # 14 × 14 × 6
    x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)  # 10 × 10 × 16
    x = pooling(2, name="s4")(x)  #  5 ×  5 × 16
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation=activation, name="c5")(x)
    x = layers.Dense(84, activation=activation, name="f6")(x)
    outputs = layers.Dense(10, activation="softmax", name="output")(x)
    return keras.Model(inputs, outputs, name=name)


def squash(x):
    """f(a) = 1.7159 tanh(2a/3), so that f(1) = 1 and f(-1) = -1."""
    import keras

    return 1.7159 * keras.ops.tanh(2 / 3 * x)


def subsample(x, name):
    """The mean of 2 × 2, times a weight, plus a bias, one of each a map.

    (H, W, C) -> (H/2, W/2, C)
    """
    from keras import layers

    x = layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    return squash(layers.DepthwiseConv2D(1, name=name)(x))


def lenet_1998():
    """The net of the paper. (32, 32, 1) -> 10 probabilities; 60,000 trainable parameters.

    The ten fixed codes of the output are random here, and softmax stands for the distance to them.
    """
    import keras
    from keras import layers

    inputs = keras.Input((32, 32, 1), name="image")
    x = squash(layers.Conv2D(6, 5, name="c1")(inputs))  # 28 × 28 × 6
    x = subsample(x, name="s2")  # 14 × 14 × 6
    maps = [x[..., i : i + 1] for i in range(6)]
    x = layers.Concatenate(name="c3")(
        [
            layers.Conv2D(1, 5, name=f"c3_{i}")(layers.Concatenate()([maps[m] for m in sources]))
            for i, sources in enumerate(C3)
        ]
    )
    x = subsample(squash(x), name="s4")  #  5 ×  5 × 16, from 10 × 10 × 16
    x = squash(layers.Conv2D(120, 5, name="c5")(x))  #  1 ×  1 × 120
    x = layers.Flatten(name="flatten")(x)
    x = squash(layers.Dense(84, name="f6")(x))
    outputs = layers.Dense(
        10, use_bias=False, trainable=False, activation="softmax", name="output"
    )(x)
    return keras.Model(inputs, outputs, name="lenet_1998")


NETS = {
    "lenet": ("LeNet-5 of today: tanh, average pooling, softmax", 61_706),
    "lenet_relu": ("the same with ReLU and max pooling", 61_706),
    "lenet_1998": (
        "the net of 1998: C3 table, trainable subsampling, 1.7159 tanh(2a/3), fixed output",
        60_000,
    ),
}

ABOUT = {
    "data": "mnist: 60,000 training and 10,000 test images, padded from 28 × 28 to 32 × 32",
    "recipe": (
        f"Adam, batches of {BATCH}, learning rate from {RATE} down to 0 along a cosine over "
        f"{EPOCHS} epochs, no augmentation"
    ),
    "epochs": EPOCHS,
}


def build(key):
    from keras import layers

    if key == "lenet_1998":
        return lenet_1998()
    if key == "lenet_relu":
        return lenet("relu", layers.MaxPooling2D, key)
    return lenet("tanh", layers.AveragePooling2D, key)


def train(key, seed):
    import keras

    from course.kit import data

    fresh(seed)
    train_set, test_set = data.load("mnist", size=(32, 32), batch=BATCH, seed=seed)
    model = counted(build(key), NETS[key][1])
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(train_set))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return curves(model.fit(train_set, validation_data=test_set, epochs=EPOCHS, verbose=0))


if __name__ == "__main__":
    said = {key: {"what": what, "parameters": count} for key, (what, count) in NETS.items()}
    experiment(__doc__, "02-lenet", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
