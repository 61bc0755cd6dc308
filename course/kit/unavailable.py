"""Messages about a data set that is not available: the likely cause, and what to do."""

import errno
import os
import re
import urllib.parse

from course.evidence import keras_private

#         name                   what is in it                                  download
COURSE = {
    "digits":              ("1,797 handwritten digits, 8 × 8 × 1",              "none, built in"),
    "mnist":               ("70,000 handwritten digits, 28 × 28 × 1",           "11 MiB"),
    "fashion_mnist":       ("70,000 pieces of clothing, 28 × 28 × 1",           "29 MiB"),
    "cifar10":             ("60,000 small photographs, 32 × 32 × 3",            "162 MiB"),
    "imagenette/160px-v2": ("13,394 photographs, shorter side 160, 10 classes", "94 MiB"),
    "imagenette":          ("the same photographs in full size",                "1.5 GiB"),
}  # fmt: skip


class DataUnavailable(RuntimeError):
    """A data set is not available; the text says why and what to do."""


def unknown(name, where, error):
    """The message about an unknown name; it lists the data sets that the course uses."""
    sets = "\n".join(f'  "{key}": {what} ({size})' for key, (what, size) in COURSE.items())
    return (
        f"There is no data set {name!r} in tensorflow-datasets or in {where} "
        f"({first_line(error)}). Likely cause: a typing mistake. The course uses\n{sets}"
    )


def damaged(name, place, error):
    """The message about files that cannot be read."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = first_line(re.sub(r"\{\{.*?\}\} ?", "", str(error)))  # without TensorFlow's node names
    said = f"{name!r} lies in {place}, but cannot be read ({type(error).__name__}: {text}).\n"
    if kinds & {"PermissionError", "PermissionDeniedError"}:
        return (
            f"{said}Likely cause: its files belong to somebody else. Ask for the right to read "
            "them, or set TFDS_DATA_DIR to a folder of yours and run this cell again."
        )
    anew = "it is made again" if name == "digits" else "it is downloaded again"
    return (
        f"{said}Likely cause: a download or a copy that was interrupted, or files of another "
        f"version.\nDelete the folder {place} and run this cell again; {anew}."
    )


def advice(name, builder, where, size, batch, error):
    """The message about a data set that could not be downloaded or made in the folder `where`."""
    cause = _cause(error, where)
    if name == "digits":
        return f'"digits" could not be made ready in {where}.\nLikely cause: {cause}'
    download = f" ({COURSE[name][1]})" if name in COURSE else ""
    there = os.path.join(where, name.split("/")[0])
    found = ""
    if os.path.exists(there):
        found = f"What lies in {there} is not its version {builder.version}, or not all of it.\n"
    return (
        f"{name!r} is not in {where}, and downloading it from {_hosts(builder)} failed.\n{found}"
        f"Likely cause: {cause}\n"
        "What to do, one of:\n"
        f"  - connect to the network and run this cell again{download}; after that it is on disk;\n"
        "  - set TFDS_DATA_DIR to a folder that already has it, as on a campus server: "
        'os.environ["TFDS_DATA_DIR"] = "...";\n'
        f"  - go on without a network with the built-in digits:\n"
        f"    {_instead(builder, size, batch)}"
    )


def _instead(builder, size, batch):
    """The call that gives the built-in digits in the shape of another set."""
    shape = builder.info.features["image"].shape
    call = f'data.load("digits", size={size or tuple(shape[:2])}, batch={batch})'
    if shape[-1] == 1:
        return f"train, test = {call}"
    colours = f"keras.ops.repeat(x, {shape[-1]}, axis=-1)"
    return f"train, test = (part.map(lambda x, y: ({colours}, y)) for part in {call})"


def _cause(error, where):
    """What probably went wrong, in a sentence, from the whole chain of errors."""
    chain = [error]
    while (chain[-1].__cause__ or chain[-1].__context__) and len(chain) < 20:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)
    kinds = {kind.__name__ for e in chain for kind in type(e).__mro__}
    numbers = {getattr(e, "errno", None) for e in chain}
    text = f"({type(error).__name__}: {first_line(error)})"

    if errno.ENOSPC in numbers or any("Not enough disk space" in str(e) for e in chain):
        return f"the disk of {where} is full. Free some space, or choose another folder. {text}"
    if "NonMatchingChecksumError" in kinds:
        return (
            "the download is not the expected file; often it is the sign-in page of a campus or "
            f"hotel network. Sign in with a browser first. {text}"
        )
    if "ModuleNotFoundError" in kinds:
        missing = next(e.name for e in chain if isinstance(e, ModuleNotFoundError))
        package = {"sklearn": "scikit-learn"}.get(missing, missing)
        return f"a package is missing. Install it: pip install {package}. {text}"
    if any("manual" in str(e).lower() for e in chain if isinstance(e, AssertionError)):
        return f"this set has to be downloaded by hand, after its owners agreed. {text}"
    # Before the folder: a firewall may refuse a connection with "permission denied" as well.
    if kinds & {"ConnectionError", "Timeout", "gaierror", "URLError", "HTTPError"}:
        return f"no connection to that server: no network, a firewall or a proxy. {text}"
    if numbers & {errno.ENOTDIR, errno.EEXIST}:
        return f"there is a file where a folder of {where} should be. Move it away. {text}"
    if numbers & {errno.EACCES, errno.EROFS, errno.EPERM}:
        return f"the folder {where} cannot be written. {text}"
    if "DownloadError" in kinds:
        return f"the server answered, but with an error; try again later. {text}"
    return f"unknown; tensorflow-datasets says: {text}"


def first_line(error):
    """The first line of an error's text, cut to a length that can be read."""
    lines = str(error).strip().splitlines()
    return lines[0][:140].rstrip(".") if lines else "no text"


def _hosts(builder):
    hosts = {urllib.parse.urlsplit(url).netloc for url in keras_private.downloads(builder)}
    return ", ".join(sorted(hosts)) or "its owners"
