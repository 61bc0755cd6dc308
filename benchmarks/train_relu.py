"""Count the epochs that a small network needs with ReLU and with tanh, and store the runs.

The question of Fig. 1 of the AlexNet paper, in small: four layers, no regularisation, and for each
activation the rate with which it is fastest. That rate is looked for first, with a seed of its own;
then every seed is trained with it until one training photograph of four is wrong.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_relu.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images

IMAGES, SIDE, BATCH, EPOCHS, TARGET = 1_000, 16, 32, 50, 0.75
RATES, TUNED_WITH = (0.01, 0.03, 0.003, 0.1), 100
PARAMETERS = 31_210

NETS = {"relu": "ReLU", "tanh": "tanh"}

ABOUT = {
    "data": f"cifar10: {IMAGES:,} training images, 32 × 32 scaled to {SIDE} × {SIDE}",
    "recipe": (
        f"SGD with momentum 0.9, batches of {BATCH}, the fastest of the "
        f"rates {', '.join(map(str, sorted(RATES)))} for each activation, no augmentation"
    ),
    "range": "epochs until the training error is at most 25 %, over the seeds",
}


def four_layers(activation):
    """Three convolutions with pools, and a dense layer. (16, 16, 3) -> 10 probabilities."""
    import keras
    from keras import layers

    start = "he_normal" if activation == "relu" else "glorot_uniform"
    x = inputs = keras.Input((SIDE, SIDE, 3), name="image")
    for filters in (32, 32, 64):
        x = layers.Conv2D(
            filters, 3, padding="same", activation=activation, kernel_initializer=start
        )(x)
        x = layers.MaxPooling2D(2)(x)  # 8 × 8, 4 × 4, 2 × 2
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    return keras.Model(inputs, outputs, name=activation)


@cache
def photographs():
    """Training images with values between -2 and 2, and their labels."""
    (x, y), _ = images(IMAGES, SIDE)
    return 4 * (x - 0.47), y


def train_at(rate, key, seed, epochs=EPOCHS):
    """The curves until the target is reached, or of all epochs if it is not."""
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = logs["accuracy"] >= TARGET or not logs["loss"] < 10

    fresh(seed)
    model = counted(four_layers(key), PARAMETERS)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    images, labels = photographs()
    return curves(
        model.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Stop()])
    )


def reached(run):
    return run["accuracy"][-1] >= TARGET


@cache
def fastest_rate(key):
    """Of the rates, with a seed that is used for nothing else; none is tried for longer than the
    fastest so far."""
    best, epochs = None, EPOCHS
    for rate in RATES:
        run = train_at(rate, key, TUNED_WITH, epochs)
        print(f"{key}, rate {rate}: {run['accuracy'][-1]} after {len(run['accuracy'])} epochs")
        if reached(run) and (best is None or len(run["accuracy"]) < epochs):
            best, epochs = rate, len(run["accuracy"])
    assert best, f"No rate should fail: with {key}, none of {RATES} reaches the target."
    return best


def train(key, seed):
    rate = fastest_rate(key)
    run = train_at(rate, key, seed)
    assert reached(run), f"{key} with {rate} should reach the target in {EPOCHS} epochs."
    return run | {"rate": rate}


if __name__ == "__main__":
    said = {key: {"what": what, "parameters": PARAMETERS} for key, what in NETS.items()}
    experiment(__doc__, "03-relu", ABOUT, said, train, lambda run: len(run["accuracy"]))
