"""Images and labels: tensorflow-datasets behind one call.

    train, test = data.load("mnist", size=(32, 32))
    model.fit(train, validation_data=test, epochs=4)

A data set is downloaded once, into `folder()`, and read from there afterwards. `"digits"` needs no
network at all: it is a small real data set that is part of scikit-learn.
"""

from __future__ import annotations

import json
import math
import os
from importlib import resources

from course.kit.fetch import folder, prepared, tensorflow, tensorflow_datasets
from course.kit.quiet import unlogged
from course.kit.unavailable import COURSE, DataUnavailable
from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any

    import numpy as np


__all__ = ["COURSE", "DataUnavailable", "folder", "held_out", "history", "load"]

PAD_UP_TO = 1.25  # up to this ratio of target to image, zeros are added instead of scaling
CACHE_BYTES = 2**29  # decoded sets up to this size stay in memory after the first epoch


def load(
    name: str = "mnist", *, batch: int = 128, size: tuple[int, int] | None = None,
    limit: int | None = None, seed: int = 0,
) -> tuple[Any, Any]:  # fmt: skip
    """Two tf.data pipelines, (train, test), of batches (image, label).

    image: (batch, height, width, channels), float32 in [0, 1]; label: (batch,), int64. The last
    batch of each may be smaller.

    name   any image classification set of tensorflow-datasets, such as those in `data.COURSE`;
           a configuration follows a slash: "imagenette/160px-v2". "digits" works offline; if
           the data folder cannot be written, it goes into a temporary folder.
    size   (height, width) of the images. If that is 1 to 1.25 times the image's own size on both
           sides, zeros are put around it, as for LeNet-5 (28 -> 32: 2 on each side). Otherwise
           the image is scaled until it covers the target, and the middle is cropped. None keeps
           the images as they are.
    limit  the largest number of training images, and of test images; None for all.
    seed   of the shuffling. Only the training images are shuffled, in a new order each epoch.

    The test images are the set's "test" split, or "validation" if it has no other (imagenette).

    With COURSE_QUICK in the environment, `limit` is at most that number. A whole notebook then runs
    in a minute, which shows that it runs; its accuracies mean nothing.

    Raises DataUnavailable if the set is unknown or cannot be downloaded, and ValueError for
    arguments that make no sense.
    """
    size = _checked(batch, size, limit)
    if quick := os.environ.get("COURSE_QUICK"):
        limit = min(limit or int(quick), int(quick))
    with unlogged():
        builder = prepared(name, size, batch)
    tf = tensorflow()
    splits = builder.info.splits
    return tuple(
        _pipeline(tf, builder, splits[split], batch, size, limit, seed if shuffled else None)
        for split, shuffled in [("train", True), (_test_split(name, splits), False)]
    )


def history(name: str) -> dict[str, Any]:
    """The stored curves of a training run as a dict, for readers without a GPU.

    A name begins with the number of its notebook, as in `data.history("02-lenet")`. The dict also
    says on which machine, with which seeds and by which recipe the run was made.

    Raises FileNotFoundError if there is none of that name.
    """
    files = resources.files("course").joinpath("histories")
    known = sorted(f.name.removesuffix(".json") for f in files.iterdir()) if files.is_dir() else []
    if name not in known:
        raise FileNotFoundError(
            _("There is no stored history {name}. Stored are: {names}.").format(
                name=repr(name), names=", ".join(known) or _("none")
            )
        )
    return json.loads(files.joinpath(f"{name}.json").read_text(encoding="utf-8"))


def held_out() -> np.ndarray[Any, Any]:
    """The images on which `08-project` is scored: (500, 28, 28, 1), float32 in [0, 1], no labels.

    Digits of MNIST's test images, each turned by up to 15 degrees and moved by up to 4 pixels.
    """
    import numpy as np

    file = resources.files("course").joinpath("histories", "08-held-out.npz")
    with file.open("rb") as stored, np.load(stored, allow_pickle=False) as arrays:
        return arrays["images"].astype("float32") / 255


# ------------------------------------------------------------------------------ the pipeline


def _pipeline(tf, builder, split, batch, size, limit, seed):
    count = min(limit or split.num_examples, split.num_examples)
    images = builder.as_dataset(
        split=f"{split.name}[:{count}]",
        as_supervised=True,
        read_config=tensorflow_datasets().ReadConfig(try_autocache=False),  # cached here, once
    )
    shape = builder.info.features["image"].shape
    alike = None not in shape
    cached = alike and count * math.prod(shape) <= CACHE_BYTES
    if cached:
        images = images.cache()  # as bytes: a quarter of the float32 images
    if seed is not None:
        images = images.shuffle(count if cached else min(count, 1000), seed=seed)

    def prepare(image, label):
        image = tf.cast(image, tf.float32) / 255
        return (image if size is None else _fit(tf, image, size)), label

    if alike:  # a whole batch at a time is faster
        images = images.batch(batch).map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        images = images.map(prepare, num_parallel_calls=tf.data.AUTOTUNE).batch(batch)
    return images.prefetch(tf.data.AUTOTUNE)


def _fit(tf, images, size):
    """Bring images to `size` as `load` says: (..., h, w, c) -> (..., *size, c)."""
    own = images.shape[-3:-1]
    if None not in own and all(a <= b <= PAD_UP_TO * a for a, b in zip(own, size, strict=True)):
        return tf.image.resize_with_crop_or_pad(images, *size)
    own = tf.cast(tf.shape(images)[-3:-1], tf.float32)
    scale = tf.reduce_max(tf.constant(size, tf.float32) / own)
    covering = tf.maximum(tf.cast(tf.round(scale * own), tf.int32), size)
    images = tf.image.resize(images, covering, antialias=True)
    return tf.clip_by_value(tf.image.resize_with_crop_or_pad(images, *size), 0.0, 1.0)


def _test_split(name, splits):
    for split in ("test", "validation"):
        if "train" in splits and split in splits:
            return split
    raise ValueError(
        _(
            '{name} should have a split "train" and a split "test" or "validation". It has: '
            "{splits}. Choose another set, or use tensorflow_datasets itself."
        ).format(name=repr(name), splits=", ".join(splits) or _("none"))
    )


def _checked(batch, size, limit):
    for word, value in [("batch", batch), ("limit", limit)]:
        if not (word == "limit" and value is None) and not (_whole(value) and value > 0):
            said = _("{word} should be a whole number of images, 1 or more. Received: {value}.")
            raise ValueError(said.format(word=word, value=repr(value)))
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else ()
    if len(sides) != 2 or not all(_whole(side) and side > 0 for side in sides):
        said = _("size should be (height, width) in pixels, such as (32, 32). Received: {size}.")
        raise ValueError(said.format(size=repr(size)))
    return sides


def _whole(value):
    return hasattr(value, "__index__") and not isinstance(value, bool)
