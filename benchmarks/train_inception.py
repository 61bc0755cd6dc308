"""Train small inception nets of assignment 05 on a part of CIFAR-10 and store their curves.

It asks what the lecture's two modules ask, in small: what does the bottleneck, which saves most of
the work, cost in accuracy? And does a training head help so small a net?

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_inception.py
"""

from stored_runs import counted, curves, experiment, fresh

IMAGES, BATCH, EPOCHS, RATE = 10_000, 64, 12, 0.002

#           1×1  3×3 reduce  3×3  5×5 reduce  5×5  pool projection
WIDTHS = (16, 12, 24, 6, 12, 12)

#   key          what                                           bottleneck head parameters
NETS = {
    "naive":      ("naive: modules of Fig. 2(a)",                    False, False, 315_818),
    "bottleneck": ("bottleneck: modules of Fig. 2(b)",               True,  False, 41_026),
    "head":       ("bottleneck and head: a training head after 3b",  True,  True,  60_908),
}  # fmt: skip

ABOUT = {
    "data": f"cifar10: the first {IMAGES:,} training images and 2,000 test images",
    "recipe": (
        f"{IMAGES:,} training images, mirrored at random, Adam, batches of {BATCH}, learning rate "
        f"from {RATE} down to 0 along a cosine over {EPOCHS} epochs, loss of the head times 0.3"
    ),
    "epochs": EPOCHS,
}


def naive(x, widths, name):
    """Three convolutions and a pool side by side. (H, W, C) -> (H, W, 1×1 + 3×3 + 5×5 + C)"""
    from keras import layers

    one, _, three, _, five, _ = widths
    parts = [conv(x, one, 1), conv(x, three, 3), conv(x, five, 5)]
    parts.append(layers.MaxPooling2D(3, 1, padding="same")(x))
    return layers.Concatenate(name=name)(parts)


def inception(x, widths, name):
    """The same with 1 × 1 bottlenecks. (H, W, C) -> (H, W, 1×1 + 3×3 + 5×5 + projection)"""
    from keras import layers

    one, reduce3, three, reduce5, five, project = widths
    parts = [
        conv(x, one, 1),
        conv(conv(x, reduce3, 1), three, 3),
        conv(conv(x, reduce5, 1), five, 5),
    ]
    parts.append(conv(layers.MaxPooling2D(3, 1, padding="same")(x), project, 1))
    return layers.Concatenate(name=name)(parts)


def conv(x, filters, kernel):
    from keras import layers

    return layers.Conv2D(filters, kernel, padding="same", activation="relu")(x)


def small_inception(bottleneck, head, name, widths=WIDTHS, side=32):
    """A stem and four modules. (side, side, 3) -> 10 probabilities, twice if there is a head."""
    import keras
    from keras import layers

    module = inception if bottleneck else naive
    outputs = []
    inputs = keras.Input((side, side, 3), name="image")
    x = layers.MaxPooling2D(3, 2, padding="same")(conv(inputs, 32, 3))  # 16 × 16 × 32 from 32 × 32
    x = conv(conv(x, 16, 1), 64, 3)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # 8 × 8 × 64
    x = module(module(x, widths, "3a"), widths, "3b")
    if head:
        y = conv(layers.AveragePooling2D(5, 3)(x), 32, 1)  # 2 × 2 × 32
        y = layers.Dropout(0.7)(layers.Dense(128, activation="relu")(layers.Flatten()(y)))
        outputs.append(layers.Dense(10, activation="softmax", name="aux")(y))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # 4 × 4
    x = module(module(x, widths, "4a"), widths, "4b")
    x = layers.GlobalAveragePooling2D()(x)
    outputs.append(layers.Dense(10, activation="softmax", name="main")(x))
    return keras.Model(inputs, outputs if head else outputs[0], name=name)


def photographs(heads, seed):
    """The two pipelines, the training images mirrored at random, one label for each head."""
    from keras import layers

    from course.kit import data

    train_set, test_set = data.load("cifar10", batch=BATCH, limit=IMAGES, seed=seed)
    flip = layers.RandomFlip("horizontal", seed=seed)

    def labels(y):
        return (y,) * heads if heads > 1 else y

    return (
        train_set.map(lambda x, y: (flip(x, training=True), labels(y))).prefetch(2),
        test_set.map(lambda x, y: (x, labels(y))).cache().prefetch(2),
    )


def train(key, seed):
    import keras

    fresh(seed)
    _, bottleneck, head, parameters = NETS[key]
    heads = 1 + head
    train_set, test_set = photographs(heads, seed)
    model = counted(small_inception(bottleneck, head, key), parameters)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(train_set))
    model.compile(
        keras.optimizers.Adam(rate),
        ["sparse_categorical_crossentropy"] * heads,
        loss_weights=[0.3, 1.0][-heads:],
        metrics=[["accuracy"]] * heads,
    )
    run = curves(model.fit(train_set, validation_data=test_set, epochs=EPOCHS, verbose=0))
    if head:  # the curves of the main output under the names that they have without a head
        run = {k.replace("main_", ""): v for k, v in run.items() if "main_" in k}
    return run


if __name__ == "__main__":
    said = {key: {"what": net[0], "parameters": net[-1]} for key, net in NETS.items()}
    experiment(__doc__, "05-inception", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
