"""Measure how much gradient reaches each part of GoogLeNet with and without its training heads.

The network is the model answer of assignment 05, as it is made: nothing is trained. Each seed
draws other weights and takes the same photographs.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/measure_heads.py
"""

from functools import cache

from stored_runs import experiment, fresh, images
from training import builder

IMAGES, SIDE, SHARE = 16, 112, 0.3
PARTS = ["conv1", "conv2", "3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]

STARTS = {
    "drawn": ("as drawn", "weights as Keras draws them (Glorot and Bengio 2010)", 1.0),
    "half": ("half", "the same weights, half as large", 0.5),
}

ABOUT = {
    "data": f"cifar10: {IMAGES} training images, 32 × 32 scaled to {SIDE} × {SIDE}",
    "recipe": (
        "GoogLeNet for 10 classes, freshly made; the gradient of the classifier's loss (main), and "
        f"of this loss plus those of both heads, times {SHARE} (both)"
    ),
    "parts": PARTS,
    "range": "how many times larger the heads make the gradient of conv1, over the seeds",
}


@cache
def photographs():
    return images(IMAGES, SIDE)[0]


def train(key, seed):
    """The size of the gradient of all kernels of each part, for one batch. No step is taken."""
    import keras
    import tensorflow as tf

    fresh(seed)
    model = builder("05-inception/inception", "googlenet_training")((SIDE, SIDE, 3), 10)
    kernels = {}
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(STARTS[key][-1] * layer.kernel)
            kernels[layer.name] = layer.kernel.value
    x, y = photographs()
    loss = keras.losses.SparseCategoricalCrossentropy()
    with tf.GradientTape(persistent=True) as tape:
        *heads, main = (loss(y, answers) for answers in model([x], training=True))
        both = main + SHARE * sum(heads)

    def sizes(value):
        found = dict(zip(kernels, tape.gradient(value, list(kernels.values())), strict=True))
        norms = [
            tf.linalg.global_norm([g for name, g in found.items() if name.startswith(part)])
            for part in PARTS
        ]
        return [float(f"{norm:.5g}") for norm in norms]

    return {"main": sizes(main), "both": sizes(both)}


if __name__ == "__main__":
    experiment(
        __doc__,
        "05-heads",
        ABOUT,
        {key: {"short": short, "what": what} for key, (short, what, _) in STARTS.items()},
        train,
        lambda run: round(run["both"][0] / run["main"][0], 3),
    )
