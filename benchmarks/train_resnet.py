"""Train plain and residual nets of assignment 06 on the built-in digits and store their curves.

It asks what Fig. 6 of the paper asks: does a net get worse on its own training images when it gets
deeper, and do shortcuts change that? The setting is so small that a laptop answers in minutes. The
rate is warmed up, so that no net is thrown off course by its first steps.

  python benchmarks/train_resnet.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images

WIDTHS = (8, 16, 32)  # maps of the three stages, half of the paper's
BATCH, EPOCHS, WARM_UP, RATE = 64, 12, 2, 0.1

#   key         depth shortcuts parameters
NETS = {
    "plain20":  (20, False, 67_906),
    "plain44":  (44, False, 165_570),
    "resnet20": (20, True,  67_906),
    "resnet44": (44, True,  165_570),
}  # fmt: skip

ABOUT = {
    "data": "digits: 1,437 training and 360 test images of 8 × 8, which come with the course",
    "recipe": (
        f"{', '.join(map(str, WIDTHS))} maps, SGD with momentum 0.9, batches of {BATCH}, learning "
        f"rate up to {RATE} in {WARM_UP} epochs and down to 0 along a cosine until epoch {EPOCHS}, "
        "no augmentation"
    ),
    "epochs": EPOCHS,
    "steps": EPOCHS * -(-1437 // BATCH),
    "range": "training error of the last epoch, over the seeds",
}


def small_resnet(depth, shortcuts):
    """6n + 2 layers, with or without shortcuts (option A). An image -> 10 probabilities."""
    import keras
    from keras import layers

    def conv(x, filters, stride=1):
        x = layers.Conv2D(
            filters, 3, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
        )(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = keras.Input((8, 8, 1), name="image")
    x = layers.ReLU()(conv(inputs, WIDTHS[0]))
    for stage, filters in enumerate(WIDTHS):
        for number in range((depth - 2) // 6):
            stride = 2 if stage > 0 and number == 0 else 1
            y = layers.ReLU()(conv(x, filters, stride))
            y = conv(y, filters)
            if shortcuts:
                if stride == 2:
                    x = layers.MaxPooling2D(1, 2)(x)  # every second pixel
                    x = layers.Concatenate()([x, keras.ops.zeros_like(x)])  # twice the maps
                y = layers.Add()([x, y])
            x = layers.ReLU()(y)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax", kernel_initializer="he_normal")(x)
    kind = "resnet" if shortcuts else "plain"
    return keras.Model(inputs, outputs, name=f"{kind}{depth}")


@cache
def digits():
    """Training and test images with values around zero, and their labels."""
    return [(4 * (x - 0.3), y) for x, y in images(name="digits")]


def train(key, seed):
    import keras

    fresh(seed)
    depth, shortcuts, parameters = NETS[key]
    train_set, test_set = digits()
    model = counted(small_resnet(depth, shortcuts), parameters)
    steps = -(-len(train_set[1]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, (EPOCHS - WARM_UP) * steps, warmup_target=RATE, warmup_steps=WARM_UP * steps
    )
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return curves(
        model.fit(*train_set, batch_size=BATCH, epochs=EPOCHS, validation_data=test_set, verbose=0)
    )


def said(depth, shortcuts, parameters):
    return {"what": f"{'ResNet' if shortcuts else 'plain'}-{depth}", "parameters": parameters}


if __name__ == "__main__":
    experiment(
        __doc__,
        "06-resnet",
        ABOUT,
        {key: said(*net) for key, net in NETS.items()},
        train,
        lambda run: round(1 - run["accuracy"][-1], 5),
    )
