"""Train a small AlexNet of assignment 03 on a part of CIFAR-10 and store its curves.

It asks what augmentation and dropout do for a network that could learn its images by heart, and
what the paper's Fig. 1 asks: how much faster is ReLU than tanh? As for 02-lenet, every seed that
was run is kept, not the best one. Runs that the file has from the same recipe are not run again.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

from train_lenet import store, stored

REPO = Path(__file__).resolve().parent.parent
EXAMPLE = """example (the stored file was made by exactly this, on a machine without a GPU):

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_alexnet.py
"""


def small_alexnet(activation, dropout, name):
    """AlexNet's eight layers for photographs of 28 × 28. (28, 28, 3) -> 10 probabilities."""
    import keras
    from keras import layers

    rest = {
        "activation": activation,
        "kernel_initializer": "he_normal" if activation == "relu" else "glorot_uniform",
    }

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


PARAMETERS = 381_642

#       key         what                                            activation dropout augmented
NETS = {
    "plain":       ("plain: no dropout, no augmentation",               "relu", 0.0,  False),
    "regularised": ("regularised: random windows and flips, dropout 0.25", "relu", 0.25, True),
    "tanh":        ("tanh: as plain, with another activation",          "tanh", 0.0,  False),
}  # fmt: skip


def photographs(augmented, seed, arguments):
    """The two pipelines, cut from 32 × 32 to 28 × 28: the middle, or anywhere and mirrored."""
    from keras import layers

    from course.kit import data

    train_set, test_set = data.load(
        "cifar10", batch=arguments.batch, limit=arguments.limit, seed=seed
    )
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


def train(key, seed, arguments):
    """One run -> its curves, one number an epoch, and its minutes."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    _, activation, dropout, augmented = NETS[key]
    train_set, test_set = photographs(augmented, seed, arguments)
    model = small_alexnet(activation, dropout, key)
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == PARAMETERS, f"{model.name} should have {PARAMETERS}, it has {count}"

    steps = arguments.epochs * len(train_set)
    rate = keras.optimizers.schedules.CosineDecay(arguments.rate, steps)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    start = time.perf_counter()
    curves = model.fit(
        train_set, validation_data=test_set, epochs=arguments.epochs, verbose=0
    ).history
    minutes = (time.perf_counter() - start) / 60
    return {k: [round(float(v), 5) for v in curve] for k, curve in curves.items()} | {
        "minutes": round(minutes, 2)
    }


def described(runs, arguments):
    """What goes into the file: as for 02-lenet, with this data and this recipe."""
    return stored(runs, arguments) | {
        "data": (
            f"cifar10: the first {arguments.limit:,} training images and 2,000 test images, cut "
            "from 32 × 32 to 28 × 28"
        ),
        "recipe": (
            f"{arguments.limit:,} training images, Adam, batches of {arguments.batch}, learning "
            f"rate from {arguments.rate} down to 0 along a cosine over {arguments.epochs} epochs"
        ),
    }


def done(arguments):
    """The runs in the file that another run of this script would repeat: same data, same recipe."""
    if not arguments.out.exists():
        return {}
    old, new = json.loads(arguments.out.read_text(encoding="utf-8")), described({}, arguments)
    same = all(old[key] == new[key] for key in ("data", "recipe", "machine", "versions"))
    return old["nets"] if same else {}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--rate", type=float, default=0.001, help="of Adam, at the start")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--limit", type=int, default=10_000, help="training images")
    parser.add_argument("--out", type=Path, default=REPO / "course/histories/03-alexnet.json")
    arguments = parser.parse_args()

    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()

    runs = done(arguments)
    for key in arguments.nets:
        empty = {"what": NETS[key][0], "parameters": PARAMETERS, "range": [], "seeds": {}}
        runs.setdefault(key, empty)
        for seed in arguments.seeds:
            if str(seed) in runs[key]["seeds"]:
                continue
            run = train(key, seed, arguments)
            runs[key]["seeds"][str(seed)] = run
            last = [run["val_accuracy"][-1] for run in runs[key]["seeds"].values()]
            runs[key]["range"] = [min(last), max(last)]
            store(arguments.out, described(runs, arguments))  # at once: a run may be interrupted
            for measure in ("accuracy", "val_accuracy"):
                curve = " ".join(f"{100 * a:.1f}" for a in run[measure])
                print(f"{key}, seed {seed}, {measure}: {curve} %", flush=True)
            print(f"  in {run['minutes']} min", flush=True)
    print(f"stored in {arguments.out}")


if __name__ == "__main__":
    main()
