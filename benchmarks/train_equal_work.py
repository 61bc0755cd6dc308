"""Train naive modules and bottlenecks that take the same work, and store their curves.

The naive modules of train_inception.py take nearly three times the work of its bottlenecks. Here
they have fewer maps, so that a multiplication is worth as much in both nets.

  TFDS_DATA_DIR=/path/to/tensorflow_datasets python benchmarks/train_equal_work.py
"""

from functools import cache

from stored_runs import counted, curves, experiment, fresh, images
from train_inception import small_inception

IMAGES, SIDE, BATCH, EPOCHS, RATE = 5_000, 16, 64, 10, 0.002

NAIVE, SLIM = (10, None, 5, None, 2, None), (16, 12, 24, 6, 12, 12)  # as WIDTHS there

#   key            what                                     bottleneck widths parameters, MACs
NETS = {
    "naive":      ("naive: modules of Fig. 2(a), few maps", False,     NAIVE, 49_692, 1_178_156),
    "bottleneck": ("bottleneck: modules of Fig. 2(b)",      True,      SLIM,  41_026, 1_137_856),
}  # fmt: skip

ABOUT = {
    "data": (
        f"cifar10: {IMAGES:,} training images and 2,000 test images, 32 × 32 scaled to "
        f"{SIDE} × {SIDE}"
    ),
    "recipe": (
        f"Adam, batches of {BATCH}, learning rate from {RATE} down to 0 along a cosine over "
        f"{EPOCHS} epochs, no augmentation"
    ),
    "epochs": EPOCHS,
    "range": "accuracy on test images after the last epoch, over the seeds",
}


@cache
def photographs():
    return images(IMAGES, SIDE)


def train(key, seed):
    import keras

    from course.anatomy import anatomy

    fresh(seed)
    _, bottleneck, widths, parameters, macs = NETS[key]
    train_set, test_set = photographs()
    model = counted(small_inception(bottleneck, False, key, widths, SIDE), parameters)
    assert anatomy(model).macs == macs
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * -(-IMAGES // BATCH))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return curves(
        model.fit(*train_set, batch_size=BATCH, epochs=EPOCHS, validation_data=test_set, verbose=0)
    )


if __name__ == "__main__":
    said = {key: {"what": n[0], "parameters": n[3], "macs": n[4]} for key, n in NETS.items()}
    experiment(__doc__, "05-equal-work", ABOUT, said, train, lambda run: run["val_accuracy"][-1])
