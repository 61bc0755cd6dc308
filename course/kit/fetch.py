"""Prepare data sets for tensorflow-datasets: find them on disk, download or generate them."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import os
import sys
import tempfile

from course.evidence import keras_private
from course.kit.digits import digits
from course.kit.meanwhile import meanwhile
from course.kit.quiet import quietly
from course.kit.unavailable import COURSE, DataUnavailable, advice, damaged, unknown
from course.language import _


def folder() -> str:
    """The folder that data sets are read from and downloaded to, as a string.

    TFDS_DATA_DIR if it is set, else the default of tensorflow-datasets, ~/tensorflow_datasets.
    """
    chosen = os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets")
    return os.path.expanduser(chosen)


def prepared(name, size, batch):
    """The tfds builder of a data set whose files are all there.

    Raises DataUnavailable if they cannot be downloaded or read, ValueError for an unsuitable set.
    """
    builder = _builder(name, folder())
    _check_features(name, builder.info, size)  # before anything is downloaded
    if not builder.is_prepared():
        try:
            if name == "digits":
                builder = _prepared_digits(builder)
            else:
                _reach(builder)
                said = _("Downloading {name} ({size}) to {folder} ...")
                how_big, there = _how_big(name, builder), builder.data_dir
                print(said.format(name=name, size=how_big, folder=there))
                with _told(folder()):
                    _prepare(builder)
        except DataUnavailable:
            raise
        except Exception as error:
            raise DataUnavailable(advice(name, builder, folder(), size, batch, error)) from None
    _check_files(name, builder)
    return builder


def _check_files(name, builder):
    """Read every record of a data set once, as bytes, so that errors come now and not in `fit`.

    Raises DataUnavailable if a file is missing, incomplete or not readable.
    """
    tf, splits = tensorflow(), builder.info.splits
    try:
        if not splits:
            raise ValueError(_("dataset_info.json names no splits"))
        for name_of_split, split in splits.items():
            next(iter(builder.as_dataset(split=f"{name_of_split}[:1]")), None)
            if builder.info.file_format.value != "tfrecord":
                continue
            records = tf.data.TFRecordDataset([str(path) for path in split.filepaths])
            batches = records.batch(100)  # one call of the function for each record takes seconds
            count = int(batches.reduce(0, lambda number, batch: number + tf.size(batch)))
            if count != split.num_examples:
                said = _("its part {name} has {count} images, {written} were written")
                written = split.num_examples
                raise ValueError(
                    said.format(name=repr(name_of_split), count=count, written=written)
                )
    except Exception as error:  # TensorFlow's, the operating system's, and tfds's own
        raise DataUnavailable(damaged(name, builder.data_dir, error)) from None


def _prepared_digits(builder):
    """Digits in the data folder or, where that cannot be written, in a temporary one."""
    try:
        _prepare(builder)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        builder = _builder("digits", _temporary().name)
        if not builder.is_prepared():
            _prepare(builder)
    return builder


def _prepare(builder):
    tfds = tensorflow_datasets()
    tensorflow()
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        # Drop the messages of tfds; ours has been printed.
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=config)
    except Exception:
        if not builder.is_prepared():  # otherwise another notebook has just prepared it
            raise
        builder.info.read_from_directory(builder.data_dir)


@contextlib.contextmanager
def _told(place):
    """Print every two seconds how much has been downloaded, overwriting one line."""
    out, before = sys.stdout, _bytes_in(place)

    def tell():
        have = (_bytes_in(place) - before) / 2**20
        out.write("\r" + _("{count} MiB are here ...").format(count=f"{have:,.0f}"))
        out.flush()

    try:
        with meanwhile(tell, 2):
            yield
    finally:
        if have := _bytes_in(place) - before:
            said = _("{count} MiB are here.").format(count=f"{have / 2**20:,.0f}")
            out.write(f"\r{said}    \n")


def _bytes_in(place):
    total = 0
    for folder_, _folders, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):  # renamed meanwhile
                total += os.path.getsize(os.path.join(folder_, name))
    return total


def _reach(builder):
    """Ask the server once: tensorflow-datasets itself gives up only after minutes of retries."""
    import requests

    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:  # its files are put in place by hand
        return
    for url in list(keras_private.downloads(builder))[:1]:
        with requests.head(url, timeout=20):
            pass  # any answer shows that the server can be reached


def _builder(name, data_dir):
    tfds = tensorflow_datasets()
    place = os.path.join(data_dir, name.split("/")[0].split(":")[0])
    try:
        if name == "digits":
            return digits(tfds)(data_dir=data_dir)
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except Exception as error:
        missing = isinstance(error, tfds.core.DatasetNotFoundError)
        config = type(error) is ValueError  # unknown configuration; damaged JSON gives a subclass
        if (os.path.isdir(place) and not config) or not (missing or config):
            raise DataUnavailable(damaged(name, place, error)) from None
        raise DataUnavailable(unknown(name, data_dir, error)) from None


def _check_features(name, info, size):
    if info.supervised_keys != ("image", "label"):
        said = _(
            "{name} should be a set of (image, label) pairs. It has: {features}. Choose an image "
            "classification set: {sets}."
        )
        raise ValueError(
            said.format(name=repr(name), features=", ".join(info.features), sets=", ".join(COURSE))
        )
    if size is None and None in info.features["image"].shape:
        said = _(
            "The images of {name} differ in size, so they do not fit into one batch. Give the size "
            "you want: load({name}, size=(224, 224))."
        )
        raise ValueError(said.format(name=repr(name)))


def _how_big(name, builder):
    if name in COURSE:
        return COURSE[name][1]
    total = sum(keras_private.downloads(builder).values())
    said = _("up to {size} MiB") if total else _("of unknown size")
    return said.format(size=f"{total / 2**20:,.0f}")


# ------------------------------------------------------------------- imported where it is used


@functools.cache
def tensorflow_datasets():
    """The package, imported without its messages, progress bars and waits for a network."""
    with quietly():
        import tensorflow_datasets as tfds

    keras_private.without_googles_storage()
    tfds.disable_progress_bar()  # it would write to stderr
    return tfds


@functools.cache
def tensorflow():
    """The package, imported without its messages. Raises DataUnavailable if it is missing."""
    try:
        with quietly():
            import keras
            import tensorflow as tf

            if keras.backend.backend() != "tensorflow":
                with contextlib.suppress(RuntimeError):  # TensorFlow is in use already
                    tf.config.set_visible_devices([], "GPU")  # leave its memory to JAX or PyTorch
    except ImportError as error:
        raise DataUnavailable(
            _(
                "The data pipelines use tf.data and need TensorFlow, on every backend of Keras. It "
                "cannot be imported: {error}. Install it: pip install tensorflow."
            ).format(error=error)
        ) from None
    return tf


@functools.cache
def _temporary():
    return tempfile.TemporaryDirectory(prefix="course-digits-")  # removed when Python ends
