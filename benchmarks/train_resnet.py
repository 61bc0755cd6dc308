"""Train plain and residual nets of assignment 06 on a part of CIFAR-10 and store their curves.

It asks what Fig. 6 of the paper asks: does a net get worse on its own training images when it gets
deeper, and do shortcuts change that? The setting is a small one, so that a laptop's CPU can answer:
part of the images, half their side and half the paper's maps. As for 02-lenet, every seed that was
run is kept, not the best one.
"""

import argparse
import math
import os
import time
from pathlib import Path

from train_lenet import store, stored

REPO = Path(__file__).resolve().parent.parent
EXAMPLE = """example (the stored file was made by exactly this, on a machine without a GPU):

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_resnet.py
"""

#   key         depth shortcuts parameters
NETS = {
    "plain20":  (20, False, 68_050),
    "plain56":  (56, False, 214_546),
    "resnet20": (20, True,  68_050),
    "resnet56": (56, True,  214_546),
}  # fmt: skip


def small_resnet(depth, shortcuts, widths=(8, 16, 32), side=16):
    """6n + 2 layers, with or without shortcuts (option A). (side, side, 3) -> 10 probabilities."""
    import keras
    from keras import layers

    def conv(x, filters, stride=1):
        x = layers.Conv2D(
            filters, 3, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
        )(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = keras.Input((side, side, 3), name="image")
    x = layers.ReLU()(conv(inputs, widths[0]))
    for stage, filters in enumerate(widths):
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


def photographs(seed, arguments):
    """The two pipelines, at the small size and with the mean of all values taken off."""
    from course.kit import data

    train_set, test_set = data.load(
        "cifar10", batch=arguments.batch, limit=arguments.limit, seed=seed,
        size=(arguments.side, arguments.side),
    )  # fmt: skip
    return (
        train_set.map(lambda x, y: (4 * (x - 0.47), y)).prefetch(2),
        test_set.map(lambda x, y: (4 * (x - 0.47), y)).cache().prefetch(2),
    )


def train(key, seed, arguments):
    """One run -> its curves, one number an epoch, and its minutes."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    depth, shortcuts, parameters = NETS[key]
    train_set, test_set = photographs(seed, arguments)
    model = small_resnet(depth, shortcuts, side=arguments.side)
    count = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert count == parameters, f"{model.name} should have {parameters}, it has {count}"

    steps = arguments.epochs * len(train_set)
    rate = keras.optimizers.schedules.CosineDecay(arguments.rate, steps)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
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
    side = arguments.side
    return stored(runs, arguments) | {
        "data": (
            f"cifar10: the first {arguments.limit:,} training images and 2,000 test images, made "
            f"smaller from 32 × 32 to {side} × {side}"
        ),
        "recipe": (
            f"{arguments.limit:,} training images of {side} × {side}, 8, 16 and 32 maps, SGD with "
            f"momentum 0.9, batches of {arguments.batch}, learning rate from {arguments.rate} down "
            f"to 0 along a cosine over {arguments.epochs} epochs, no augmentation"
        ),
        "range": "training error of the last epoch, over the seeds",
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.1, help="of SGD, at the start")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, default=10_000, help="training images")
    parser.add_argument("--side", type=int, default=16, help="of the images, in pixels")
    parser.add_argument("--out", type=Path, default=REPO / "course/histories/06-resnet.json")
    arguments = parser.parse_args()

    import course

    here = REPO.parent / "shared" / "data"
    if "TFDS_DATA_DIR" not in os.environ and here.is_dir():
        os.environ["TFDS_DATA_DIR"] = str(here)
    course.setup()

    runs = {}
    for seed in arguments.seeds:  # a whole seed first: an interrupted experiment still compares
        for key in arguments.nets:
            depth, shortcuts, parameters = NETS[key]
            what = f"{'ResNet' if shortcuts else 'plain'}-{depth}"
            net = runs.setdefault(key, {"what": what, "parameters": parameters, "range": []})
            run = train(key, seed, arguments)
            net.setdefault("seeds", {})[str(seed)] = run
            last = [round(1 - run["accuracy"][-1], 5) for run in net["seeds"].values()]
            net["range"] = [min(last), max(last)]
            store(arguments.out, described(runs, arguments))  # at once: a run may be interrupted
            for measure in ("accuracy", "val_accuracy"):
                curve = " ".join(f"{100 * (1 - a):.1f}" for a in run[measure])
                print(f"{key}, seed {seed}, 100 % - {measure}: {curve}", flush=True)
            print(f"  in {run['minutes']} min", flush=True)
    print(f"stored in {arguments.out}")


if __name__ == "__main__":
    main()
