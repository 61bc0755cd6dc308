"""Train small VGGs of assignment 04 on a part of CIFAR-10 and store their curves.

The first question is the lecture's: does depth help? The second is what fc7 features are worth for
another task: five classes are learned with 5,000 images, and then the other five with 250. As for
02-lenet, every seed that was run is kept, not the best one.
"""

import argparse
import math
import os
import time
from pathlib import Path

from train_lenet import store, stored

REPO = Path(__file__).resolve().parent.parent
EXAMPLE = """example (the stored file was made by exactly this, on a machine without a GPU):

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_vgg.py
"""

WIDTHS = (32, 64, 128)  # maps of the three stages
UNITS = 256  # of fc6 and fc7

#     key         what                                                            parameters
NETS = {
    "three":    ("3 convolutions: one in each stage",                             686_154),
    "six":      ("6 convolutions: two in each stage",                             879_914),
    "base":     ("5,000 images, the first task: classes 0 to 4",                  878_629),
    "features": ("250 images, fc7 features of another task: only fc8 is trained",   1_285),
    "random":   ("250 images, fc7 features of no task: only fc8 is trained",        1_285),
    "scratch":  ("250 images, no other task: all layers are trained",             878_629),
}  # fmt: skip


def small_vgg(convolutions, classes, name):
    """Three stages for photographs of 32 × 32. (32, 32, 3) -> class probabilities."""
    import keras
    from keras import layers

    inputs = keras.Input((32, 32, 3), name="image")
    x = inputs
    for stage, filters in enumerate(WIDTHS, 1):  # 16 × 16 × 32, 8 × 8 × 64, 4 × 4 × 128
        for number in range(1, convolutions + 1):
            name_ = f"conv{stage}_{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name_)(x)
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)

    x = layers.Flatten(name="flatten")(x)
    for row in ("fc6", "fc7"):
        x = layers.Dense(UNITS, activation="relu", name=row)(x)
        x = layers.Dropout(0.5, name=f"{row}_dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="fc8")(x)
    return keras.Model(inputs, outputs, name=name)


def photographs(seed, arguments):
    """The two pipelines; the training images are mirrored at random."""
    from keras import layers

    from course.kit import data

    train_set, test_set = data.load(
        "cifar10", batch=arguments.batch, limit=arguments.limit, seed=seed
    )
    flip = layers.RandomFlip("horizontal", seed=seed)
    mirrored = train_set.map(lambda x, y: (flip(x, training=True), y)).prefetch(2)
    return mirrored, test_set.cache()


def five(images, first):
    """The classes from first to first + 4, numbered from 0: arrays of images and labels."""
    import numpy as np

    parts = zip(*images.as_numpy_iterator(), strict=True)
    x, y = (np.concatenate(part) for part in parts)
    chosen = (y >= first) & (y < first + 5)
    return x[chosen], y[chosen] - first


def fit(model, images, test, epochs, rate, steps, **rest):
    """One run -> its curves, one number an epoch, and its minutes."""
    import keras

    rate = keras.optimizers.schedules.CosineDecay(rate, epochs * steps)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    start = time.perf_counter()
    curves = model.fit(*images, validation_data=test, epochs=epochs, verbose=0, **rest).history
    minutes = (time.perf_counter() - start) / 60
    return {k: [round(float(v), 5) for v in curve] for k, curve in curves.items()} | {
        "minutes": round(minutes, 2)
    }


def depth(key, seed, arguments):
    """All ten classes, with one or two convolutions a stage -> the curves."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    images, test = photographs(seed, arguments)
    model = counted(small_vgg({"three": 1, "six": 2}[key], 10, key), key)
    return fit(model, [images], test, arguments.epochs, arguments.rate, len(images))


def transfer(seed, arguments):
    """Classes 0 to 4 first, then three ways to learn 5 to 9 from few images -> their curves."""
    import keras
    from keras import layers

    from course.kit import data

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train_set, test_set = data.load("cifar10", batch=1000, limit=arguments.limit, seed=seed)
    images, labels = five(train_set, 0)
    base = small_vgg(2, 5, "base")
    runs = {
        "base": fit(
            base, (images, labels), five(test_set, 0), arguments.epochs, arguments.rate,
            -(-len(labels) // arguments.batch), batch_size=arguments.batch,
        )
    }  # fmt: skip
    images, labels = (part[: arguments.few] for part in five(train_set, 5))
    for key in ("features", "random", "scratch"):
        model = base if key == "features" else small_vgg(2, 5, key)
        if key != "scratch":
            model.trainable = False
            fc8 = layers.Dense(5, activation="softmax", name="fc8_new")
            model = keras.Model(model.inputs, fc8(model.get_layer("fc7").output), name=key)
        runs[key] = fit(
            counted(model, key), (images, labels), five(test_set, 5), arguments.few_epochs,
            arguments.rate if key == "scratch" else 10 * arguments.rate,
            -(-len(labels) // 25), batch_size=25,
        )  # fmt: skip
    return runs


def counted(model, key):
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == NETS[key][1], f"{key} should have {NETS[key][1]}, it has {count}"
    return model


def described(runs, arguments):
    """What goes into the file: as for 02-lenet, with this data and this recipe."""
    return stored(runs, arguments) | {
        "data": (
            f"a part of cifar10, from JPEG copies: {arguments.limit:,} training images and "
            "2,000 test images"
        ),
        "recipe": (
            f"{arguments.limit:,} training images, mirrored at random, Adam, batches of "
            f"{arguments.batch}, learning rate from {arguments.rate} down to 0 along a cosine "
            f"over {arguments.epochs} epochs, dropout 0.5"
        ),
        "second": (
            f"{arguments.few} images of classes 5 to 9 after classes 0 to 4: batches of 25, "
            f"{arguments.few_epochs} epochs; rate {10 * arguments.rate} where fc8 alone is trained"
        ),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rate", type=float, default=0.001, help="of Adam, at the start")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--limit", type=int, default=10_000, help="training images")
    parser.add_argument("--few", type=int, default=250, help="images of the second task")
    parser.add_argument("--few-epochs", type=int, default=30, help="with few images")
    parser.add_argument("--out", type=Path, default=REPO / "course/histories/04-vgg.json")
    arguments = parser.parse_args()

    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()

    runs = {
        key: {"what": what, "parameters": parameters, "range": [], "seeds": {}}
        for key, (what, parameters) in NETS.items()
    }
    for seed in arguments.seeds:
        made = {key: depth(key, seed, arguments) for key in ("three", "six")}
        made |= transfer(seed, arguments)
        for key, run in made.items():
            runs[key]["seeds"][str(seed)] = run
            last = [each["val_accuracy"][-1] for each in runs[key]["seeds"].values()]
            runs[key]["range"] = [min(last), max(last)]
            for measure in ("accuracy", "val_accuracy"):
                curve = " ".join(f"{100 * a:.1f}" for a in run[measure])
                print(f"{key}, seed {seed}, {measure}: {curve} %", flush=True)
            print(f"  in {run['minutes']} min", flush=True)
        store(arguments.out, described(runs, arguments))  # at once: a run may be interrupted
    print(f"stored in {arguments.out}")


if __name__ == "__main__":
    main()
