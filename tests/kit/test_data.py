"""data.load: what comes out, from where, and what is said when it cannot be had."""

import errno
import json
import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from course.kit import data, fetch
from course.kit.digits import digits

STORED = Path(os.environ.get("TFDS_DATA_DIR") or Path(__file__).parents[3] / "shared" / "data")
needs_mnist = pytest.mark.skipif(
    not (STORED / "mnist").is_dir(),
    reason="needs MNIST on disk: set TFDS_DATA_DIR to a folder of tensorflow-datasets that has it",
)


@pytest.fixture
def no_network(monkeypatch):
    """Whoever opens a connection or asks for an address gets an error."""
    asked = []

    def cut(*arguments, **_):
        asked.append(arguments)
        raise OSError(errno.ENETUNREACH, "the network is cut")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, cut)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, cut)
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return asked


@pytest.fixture
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def stored(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(STORED))


def arrays(dataset):
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


# ---------------------------------------------------------------------------------- digits


def test_digits_are_the_images_of_scikit_learn(empty_folder, no_network, capfd):
    from sklearn.datasets import load_digits

    train, test = data.load("digits", batch=100)
    (x, y), (x_test, y_test) = arrays(train), arrays(test)
    assert no_network == []  # not even tried
    assert capfd.readouterr() == ("", "")
    assert x.shape == (1437, 8, 8, 1) and x_test.shape == (360, 8, 8, 1)
    assert x.dtype == np.float32 and y.dtype == np.int64

    truth = load_digits()
    both = np.round(np.concatenate([x, x_test])[..., 0] * 16).astype(int)
    key = sorted(zip(map(bytes, both.astype("uint8")), np.concatenate([y, y_test]), strict=True))
    assert key == sorted(zip(map(bytes, truth.images.astype("uint8")), truth.target, strict=True))

    for digit in range(10):  # a fifth of each digit, to one image
        share = (y_test == digit).sum() - (truth.target == digit).sum() / 5
        assert abs(share) <= 1


def test_digits_are_prepared_once_and_read_by_tfds(empty_folder, no_network):
    import tensorflow_datasets as tfds

    data.load("digits")
    record = next((empty_folder / "digits").rglob("*train.tfrecord*"))
    written = record.stat().st_mtime_ns
    data.load("digits")
    assert record.stat().st_mtime_ns == written
    assert tfds.builder_from_directory(record.parent).info.splits["test"].num_examples == 360


def test_digits_without_a_writable_folder(empty_folder, no_network, monkeypatch):
    # Not by chmod: the tests may run as root, whom a read-only folder does not stop.
    prepare = fetch._prepare

    def read_only(builder):
        if str(builder.data_dir).startswith(str(empty_folder)):
            raise PermissionError(errno.EACCES, "Permission denied")
        prepare(builder)

    monkeypatch.setattr(fetch, "_prepare", read_only)
    _, test = data.load("digits")
    assert len(arrays(test)[0]) == 360
    assert list(empty_folder.iterdir()) == []


def test_only_training_images_are_shuffled_by_the_seed(empty_folder):
    def labels(seed):
        train, test = data.load("digits", seed=seed, limit=200)
        return [list(arrays(part)[1]) for part in (train, train, test)]

    first, second_epoch, test = labels(1)
    assert labels(1) == [first, second_epoch, test]
    assert first != second_epoch and sorted(first) == sorted(second_epoch)
    assert labels(2)[0] != first and labels(2)[2] == test
    assert len(first) == len(test) == 200


# ------------------------------------------------------------------------ damaged folders


def record(folder, part="train"):
    return next(folder.glob(f"*{part}*"))


def truncated(folder):
    path = record(folder)
    path.write_bytes(path.read_bytes()[:-100])


def garbage(folder):
    content = bytearray(record(folder).read_bytes())
    content[5000:5010] = b"0123456789"
    record(folder).write_bytes(content)


def fewer_written(folder):
    info = json.loads((folder / "dataset_info.json").read_text())
    info["splits"][0]["shardLengths"] = ["7"]
    (folder / "dataset_info.json").write_text(json.dumps(info))


def a_file_for_the_folder(folder):
    shutil.rmtree(folder)
    folder.write_text("x")


def a_folder_for_the_record(folder):
    path = record(folder)
    path.unlink()
    path.mkdir()


DAMAGES = {
    "a record cut off": truncated,
    "other bytes": garbage,
    "an empty record": lambda folder: record(folder).write_bytes(b""),
    "no training part": lambda folder: record(folder).unlink(),
    "no test part": lambda folder: record(folder, "test").unlink(),
    "a folder for the record": a_folder_for_the_record,
    "other counts": fewer_written,
    "no info": lambda folder: (folder / "dataset_info.json").unlink(),
    "empty info": lambda folder: (folder / "dataset_info.json").write_text(""),
    "info of nothing": lambda folder: (folder / "dataset_info.json").write_text("{}"),
    "info that is no text": lambda folder: (folder / "dataset_info.json").write_bytes(b"\xff\x00"),
    "nothing in it": lambda folder: [path.unlink() for path in folder.iterdir()],
    "a file for the folder": a_file_for_the_folder,
}


@pytest.fixture(scope="module")
def whole_digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(folder))
        data.load("digits")
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_named_with_what_to_do(damage, whole_digits, empty_folder, capfd):
    shutil.copytree(whole_digits, empty_folder, dirs_exist_ok=True)
    DAMAGES[damage](empty_folder / "digits" / "1.0.0")
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("digits")
    said = str(caught.value)
    assert f"'digits' lies in {empty_folder}/digits" in said and "cannot be read" in said
    assert f"Delete the folder {empty_folder}/digits" in said and "{{" not in said
    if damage not in ("a record cut off", "nothing in it", "a file for the folder"):
        return
    folder = Path(re.search(r"Delete the folder (\S+) and", said)[1])
    shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    _, test = data.load("digits")  # as it said
    assert len(arrays(test)[0]) == 360


@needs_mnist
def test_a_downloaded_set_that_is_damaged(empty_folder, no_network):
    def copied():
        shutil.rmtree(empty_folder / "mnist", ignore_errors=True)
        shutil.copytree(STORED / "mnist", empty_folder / "mnist", copy_function=shutil.copyfile)
        (folder,) = (empty_folder / "mnist").iterdir()
        for path in (empty_folder / "mnist", folder):
            path.chmod(0o755)
        return folder

    for damage in (truncated, DAMAGES["empty info"], DAMAGES["info that is no text"]):
        damage(copied())
        with pytest.raises(data.DataUnavailable, match="it is downloaded again"):
            data.load("mnist")
    copied().rename(empty_folder / "mnist" / "9.9.9")
    with pytest.raises(data.DataUnavailable, match=r"is not its version [\d.]+, or not all"):
        data.load("mnist", size=(32, 32))
    assert len(arrays(data.load("digits", limit=5)[0])[0]) == 5


def test_a_folder_that_may_not_be_read(whole_digits, monkeypatch):
    # Not by chmod: the tests may run as root, whom it does not stop.
    def refused(self, **_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setenv("TFDS_DATA_DIR", str(whole_digits))
    monkeypatch.setattr(digits(fetch.tensorflow_datasets()), "as_dataset", refused)
    with pytest.raises(data.DataUnavailable, match="Ask for the right to read") as caught:
        data.load("digits")
    assert "Delete" not in str(caught.value)


@pytest.mark.parametrize("name, size", [("mnist", (32, 32)), ("cifar10", None)])
def test_what_is_offered_without_a_network_fits_the_cell(name, size, empty_folder, no_network):
    with pytest.raises(data.DataUnavailable) as caught:
        data.load(name, size=size, batch=64)
    names = {"data": data, "keras": keras}
    exec(str(caught.value).splitlines()[-1].strip(), names)
    images, _ = next(iter(names["train"]))
    assert images.shape == (64, 32, 32, 1 if name == "mnist" else 3)


def test_a_download_says_how_much_has_come(tmp_path, capsys):
    with fetch._told(tmp_path):
        (tmp_path / "part").write_bytes(bytes(3 * 2**20))
        for _ in range(1000):
            if "MiB" in (said := capsys.readouterr().out):
                break
            time.sleep(0.1)
    assert said == "\r3 MiB are here ..."
    assert capsys.readouterr().out.rstrip(" \n").endswith("\r3 MiB are here.")


def test_a_private_name_that_is_gone_is_not_missed(empty_folder, no_network, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setitem(sys.modules, "tensorflow_datasets.core.utils.gcs_utils", None)
    assert fetch.tensorflow_datasets.__wrapped__() is tfds
    monkeypatch.delattr(tfds.core.DatasetBuilder, "url_infos")
    with pytest.raises(data.DataUnavailable, match="downloading it from its owners failed"):
        data.load("mnist")


# ----------------------------------------------------------------------------------- sizes


def test_far_larger_is_scaled(empty_folder):
    _, test = data.load("digits", size=(32, 32), limit=20)
    x, _ = arrays(test)
    assert x.shape == (20, 32, 32, 1)
    assert x.min() >= 0 and 0.9 < x.max() <= 1


def test_another_shape_keeps_the_proportions(empty_folder):
    """Twice as high as wide: the image is scaled by two, and its middle columns stay."""
    (whole, _), (part, _) = (
        arrays(data.load("digits", size=size, limit=5)[1]) for size in [(16, 16), (16, 8)]
    )
    np.testing.assert_allclose(part, whole[:, :, 4:12], atol=1e-6)


@needs_mnist
def test_mnist_is_whole(stored, no_network, capfd):
    train, test = data.load("mnist", batch=1000)
    (x, y), (x_test, _) = arrays(train), arrays(test)
    assert x.shape == (60_000, 28, 28, 1) and x_test.shape == (10_000, 28, 28, 1)
    assert (x.min(), x.max(), x.dtype) == (0, 1, np.float32)
    assert list(np.unique(y)) == list(range(10))
    assert len(train) == 60
    assert no_network == [] and capfd.readouterr() == ("", "")


@needs_mnist
def test_mnist_is_padded_by_two_zeros(stored):
    (own, _), (padded, _) = (
        arrays(data.load("mnist", size=size, limit=500)[1]) for size in (None, (32, 32))
    )
    assert padded.shape == (500, 32, 32, 1)
    np.testing.assert_array_equal(padded[:, 2:-2, 2:-2], own)
    np.testing.assert_array_equal(padded, np.pad(own, [(0, 0), (2, 2), (2, 2), (0, 0)]))


@needs_mnist
@pytest.mark.filterwarnings("ignore:.*shuffle=True.*")  # course.setup() does this in a notebook
def test_a_model_trains_on_it(stored):
    import keras

    train, test = data.load("mnist", size=(32, 32), limit=256)
    model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train, validation_data=test, epochs=1, verbose=0).history
    assert 0 <= history["val_accuracy"][0] <= 1


# -------------------------------------------------------------------------- what goes wrong


def test_no_network(empty_folder, no_network, capfd):
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("mnist")
    text = str(caught.value)
    assert no_network
    for word in ("'mnist'", "storage.googleapis.com", str(empty_folder), "no connection"):
        assert word in text
    for advice in ("run this cell again", "TFDS_DATA_DIR"):
        assert advice in text
    assert text.endswith('train, test = data.load("digits", size=(28, 28), batch=128)')
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "is full"),
        (OSError("Not enough disk space. Needed: 1 GiB"), "is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be written"),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "pip install cv2"),
        (AssertionError("Manual directory does not exist"), "by hand"),
        (RuntimeError("strange"), "RuntimeError: while preparing"),
    ],
)
def test_a_failed_download_names_its_cause(empty_folder, monkeypatch, error, cause, capsys):
    def fail(builder):
        raise RuntimeError("while preparing") from error

    monkeypatch.setattr(fetch, "_reach", lambda builder: None)
    monkeypatch.setattr(fetch, "_prepare", fail)
    with pytest.raises(data.DataUnavailable) as caught:
        data.load("mnist")
    assert cause in str(caught.value)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "11 MiB" in out and str(empty_folder) in out


def test_a_wrong_file_from_the_server(empty_folder, monkeypatch):
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    def fail(builder):
        raise NonMatchingChecksumError("Artifact https://..., has wrong checksum")

    monkeypatch.setattr(fetch, "_reach", lambda builder: None)
    monkeypatch.setattr(fetch, "_prepare", fail)
    with pytest.raises(data.DataUnavailable, match="sign-in page"):
        data.load("mnist")


@pytest.mark.parametrize("name", ["mnits", "imagenette/17px"])
def test_an_unknown_name_lists_the_sets(empty_folder, no_network, name):
    with pytest.raises(data.DataUnavailable, match=name) as caught:
        data.load(name, size=(32, 32))
    for known in ("mnist", "digits", "cifar10", "imagenette"):
        assert f'"{known}"' in str(caught.value)
    assert no_network == []


def test_images_of_differing_size_need_one(empty_folder, no_network):
    with pytest.raises(ValueError, match=r"size=\(224, 224\)"):
        data.load("imagenette")


def test_a_set_without_images(empty_folder, no_network):
    with pytest.raises(ValueError, match="text, label"):
        data.load("imdb_reviews")


@pytest.mark.parametrize(
    "wrong", [{"size": 32}, {"size": (32, 0)}, {"batch": 0}, {"limit": 0}, {"limit": 1.5}]
)
def test_arguments_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} should be"):
        data.load("digits", **wrong)


# --------------------------------------------------------------------------- folder, history


def test_folder(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "~/sets")
    assert data.folder() == str(Path.home() / "sets")
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert data.folder() == str(Path.home() / "tensorflow_datasets")


def test_history():
    stored = data.history("02-lenet")
    assert {"recipe", "machine", "seeds", "date", "nets"} <= stored.keys()
    for net in stored["nets"].values():
        for run in net["seeds"].values():
            curves = [run[k] for k in ("loss", "accuracy", "val_loss", "val_accuracy")]
            assert {len(curve) for curve in curves} == {stored["epochs"]}
            assert run["minutes"] > 0
    assert json.dumps(stored)


def test_an_unknown_history_lists_the_stored_ones():
    with pytest.raises(FileNotFoundError, match="02-lenet"):
        data.history("99-none")
