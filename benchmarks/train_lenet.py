"""Train the three LeNets of assignment 02 on the real MNIST and store their curves.

The notebook shows these curves to a reader who does not train, and states their range. So the file
keeps every seed that was run, not the best one.
"""

import argparse
import datetime
import json
import math
import os
import re
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
EXAMPLE = """example (the stored file was made by exactly this, on a machine without a GPU):

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_lenet.py
"""

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


def nets():
    """What is trained: its key in the file, what it is, how to build it, its parameters."""
    from keras import layers

    return {
        "lenet": (
            "LeNet-5 of today: tanh, average pooling, softmax",
            lambda: lenet("tanh", layers.AveragePooling2D, "lenet"),
            61_706,
        ),
        "lenet_relu": (
            "the same with ReLU and max pooling",
            lambda: lenet("relu", layers.MaxPooling2D, "lenet_relu"),
            61_706,
        ),
        "lenet_1998": (
            "the net of 1998: C3 table, trainable subsampling, 1.7159 tanh(2a/3), fixed output",
            lenet_1998,
            60_000,
        ),
    }


def train(build, parameters, seed, arguments):
    """One run -> its curves, one number an epoch, and its minutes."""
    import keras

    from course.kit import data

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    train_set, test_set = data.load("mnist", size=(32, 32), batch=arguments.batch, seed=seed)
    model = build()
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == parameters, f"{model.name} should have {parameters}, it has {count}"

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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=["lenet", "lenet_relu", "lenet_1998"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0.004, help="of Adam, at the start")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path, default=REPO / "course/histories/02-lenet.json")
    arguments = parser.parse_args()

    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()

    runs = {}
    for key in arguments.nets:
        what, build, parameters = nets()[key]
        runs[key] = {"what": what, "parameters": parameters, "range": [], "seeds": {}}
        for seed in arguments.seeds:
            run = train(build, parameters, seed, arguments)
            runs[key]["seeds"][str(seed)] = run
            last = [run["val_accuracy"][-1] for run in runs[key]["seeds"].values()]
            runs[key]["range"] = [min(last), max(last)]
            store(arguments.out, stored(runs, arguments))  # at once: a run may be interrupted
            accuracies = " ".join(f"{100 * a:.2f}" for a in run["val_accuracy"])
            print(f"{key}, seed {seed}: {accuracies} % in {run['minutes']} min", flush=True)
    print(f"stored in {arguments.out}")


def store(path, history):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(history, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", in_a_line, text)
    path.write_text(text + "\n", encoding="utf-8")


def in_a_line(numbers):
    return f"[{' '.join(numbers[1].split())}]"


def stored(runs, arguments):
    """What goes into the file: the runs, and all that is needed to make them again."""
    import keras
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "data": "mnist: 60,000 training and 10,000 test images, padded from 28 × 28 to 32 × 32",
        "recipe": (
            f"Adam, batches of {arguments.batch}, learning rate from {arguments.rate} down to 0 "
            f"along a cosine over {arguments.epochs} epochs, no augmentation"
        ),
        "epochs": arguments.epochs,
        "seeds": arguments.seeds,
        "machine": f"{cores} CPU cores, {f'{len(gpus)} GPU' if gpus else 'no GPU'}",
        "versions": f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
        "date": datetime.date.today().isoformat(),
        "nets": runs,
    }


if __name__ == "__main__":
    main()
