"""Train small inception nets of assignment 05 on a part of CIFAR-10 and store their curves.

It asks what the lecture's two modules ask, in small: does the bottleneck, which saves most of the
work, cost accuracy? And what does a training head add? As for 02-lenet, every seed that was run is
kept, not the best one.
"""

import argparse
import math
import os
import time
from pathlib import Path

from train_lenet import store, stored

REPO = Path(__file__).resolve().parent.parent
EXAMPLE = """example (the stored file was made by exactly this, on a machine without a GPU):

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_inception.py
"""

#           1×1  3×3 reduce  3×3  5×5 reduce  5×5  pool projection
WIDTHS = (16, 12, 24, 6, 12, 12)

#   key           what                                               bottleneck head parameters
NETS = {
    "naive":      ("naive: modules of Fig. 2(a)",                         False, False, 315_818),
    "bottleneck": ("bottleneck: modules of Fig. 2(b)",                    True,  False, 41_026),
    "head":       ("bottleneck and head: a training head after 3b",       True,  True,  60_908),
}  # fmt: skip


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


def small_inception(bottleneck, head, name):
    """A stem and four modules. (32, 32, 3) -> 10 probabilities, twice if there is a head."""
    import keras
    from keras import layers

    module = inception if bottleneck else naive
    outputs = []
    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.MaxPooling2D(3, 2, padding="same")(conv(inputs, 32, 3))  # 16 × 16 × 32
    x = conv(conv(x, 16, 1), 64, 3)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # 8 × 8 × 64
    x = module(module(x, WIDTHS, "3a"), WIDTHS, "3b")
    if head:
        y = conv(layers.AveragePooling2D(5, 3)(x), 32, 1)  # 2 × 2 × 32
        y = layers.Dropout(0.7)(layers.Dense(128, activation="relu")(layers.Flatten()(y)))
        outputs.append(layers.Dense(10, activation="softmax", name="aux")(y))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)  # 4 × 4
    x = module(module(x, WIDTHS, "4a"), WIDTHS, "4b")
    x = layers.GlobalAveragePooling2D()(x)
    outputs.append(layers.Dense(10, activation="softmax", name="main")(x))
    return keras.Model(inputs, outputs if head else outputs[0], name=name)


def photographs(heads, seed, arguments):
    """The two pipelines, the training images mirrored at random, one label for each head."""
    from keras import layers

    from course.kit import data

    train_set, test_set = data.load(
        "cifar10", batch=arguments.batch, limit=arguments.limit, seed=seed
    )
    flip = layers.RandomFlip("horizontal", seed=seed)

    def labels(y):
        return (y,) * heads if heads > 1 else y

    return (
        train_set.map(lambda x, y: (flip(x, training=True), labels(y))).prefetch(2),
        test_set.map(lambda x, y: (x, labels(y))).cache().prefetch(2),
    )


def train(key, seed, arguments):
    """One run -> its curves, one number an epoch, and its minutes."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    _, bottleneck, head, parameters = NETS[key]
    heads = 1 + head
    train_set, test_set = photographs(heads, seed, arguments)
    model = small_inception(bottleneck, head, key)
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == parameters, f"{model.name} should have {parameters}, it has {count}"

    steps = arguments.epochs * len(train_set)
    rate = keras.optimizers.schedules.CosineDecay(arguments.rate, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        ["sparse_categorical_crossentropy"] * heads,
        loss_weights=[0.3, 1.0][-heads:],
        metrics=[["accuracy"]] * heads,
    )
    start = time.perf_counter()
    curves = model.fit(
        train_set, validation_data=test_set, epochs=arguments.epochs, verbose=0
    ).history
    minutes = (time.perf_counter() - start) / 60
    if head:  # the curves of the main output under the names that they have without a head
        curves = {k.replace("main_", ""): v for k, v in curves.items() if "main_" in k}
    return {k: [round(float(v), 5) for v in curve] for k, curve in curves.items()} | {
        "minutes": round(minutes, 2)
    }


def described(runs, arguments):
    """What goes into the file: as for 02-lenet, with this data and this recipe."""
    return stored(runs, arguments) | {
        "data": f"cifar10: the first {arguments.limit:,} training images and 2,000 test images",
        "recipe": (
            f"{arguments.limit:,} training images, mirrored at random, Adam, batches of "
            f"{arguments.batch}, learning rate from {arguments.rate} down to 0 along a cosine over "
            f"{arguments.epochs} epochs, loss of the head times 0.3"
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=0.002, help="of Adam, at the start")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--limit", type=int, default=10_000, help="training images")
    parser.add_argument("--out", type=Path, default=REPO / "course/histories/05-inception.json")
    arguments = parser.parse_args()

    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()

    runs = {}
    for key in arguments.nets:
        runs[key] = {"what": NETS[key][0], "parameters": NETS[key][-1], "range": [], "seeds": {}}
        for seed in arguments.seeds:
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
