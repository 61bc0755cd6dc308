"""Messages about a data set that is not available: the likely cause, and what to do."""

import errno
import os
import re
import urllib.parse

from course.evidence import keras_private
from course.language import N_, _

#         name           what is in it, download
COURSE = {
    "digits": (N_("1,797 handwritten digits, 8 × 8 × 1"), N_("no download, built in")),
    "mnist": (N_("70,000 handwritten digits, 28 × 28 × 1"), "11 MiB"),
    "fashion_mnist": (N_("70,000 pieces of clothing, 28 × 28 × 1"), "29 MiB"),
    "cifar10": (N_("60,000 small photographs, 32 × 32 × 3"), "162 MiB"),
    "imagenette/160px-v2": (
        N_("13,394 photographs, shorter side 160, 10 classes"), "94 MiB",
    ),
    "imagenette": (N_("the same photographs in full size"), "1.5 GiB"),
}  # fmt: skip


class DataUnavailable(RuntimeError):
    """A data set is not available; the text says why and what to do."""


def unknown(name, where, error):
    """The message about an unknown name; it lists the data sets that the course uses."""
    sets = (f'  "{key}": {_(what)} ({_(size)})' for key, (what, size) in COURSE.items())
    return _(
        "There is no data set {name} in tensorflow-datasets or in {folder} ({error}). Likely "
        "cause: a typing mistake. The course uses\n{sets}"
    ).format(name=repr(name), folder=where, error=first_line(error), sets="\n".join(sets))


def damaged(name, place, error):
    """The message about files that cannot be read."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = first_line(re.sub(r"\{\{.*?\}\} ?", "", str(error)))  # without TensorFlow's node names
    said = _("{name} lies in {folder}, but cannot be read ({error}).")
    error = f"{type(error).__name__}: {text}"
    if kinds & {"PermissionError", "PermissionDeniedError"}:
        advice = _(
            "Likely cause: its files belong to somebody else. Ask for the right to read them, or "
            "set TFDS_DATA_DIR to a folder of yours and run this cell again."
        )
    elif name == "digits":
        advice = _(
            "Likely cause: a download or a copy that was interrupted, or files of another version."
            "\nDelete the folder {folder} and run this cell again; it is made again."
        )
    else:
        advice = _(
            "Likely cause: a download or a copy that was interrupted, or files of another version."
            "\nDelete the folder {folder} and run this cell again; it is downloaded again."
        )
    return f"{said}\n{advice}".format(name=repr(name), folder=place, error=error)


def advice(name, builder, where, size, batch, error):
    """The message about a data set that could not be downloaded or made in the folder `where`."""
    cause = _cause(error, where)
    cause = _("Likely cause: {cause}").format(cause=cause)
    if name == "digits":
        said = _('"digits" could not be made ready in {folder}.').format(folder=where)
        return f"{said}\n{cause}"
    there = os.path.join(where, name.split("/")[0])
    said = _("{name} is not in {folder}, and downloading it from {hosts} failed.")
    lines = [said.format(name=repr(name), folder=where, hosts=_hosts(builder))]
    if os.path.exists(there):
        said = _("What lies in {folder} is not its version {version}, or not all of it.")
        lines.append(said.format(folder=there, version=builder.version))
    again = (
        _("connect to the network and run this cell again ({size}); after that it is on disk;")
        if name in COURSE
        else _("connect to the network and run this cell again; after that it is on disk;")
    )
    folder = _("set TFDS_DATA_DIR to a folder that already has it, as on a campus server: {code};")
    folder = folder.format(code='os.environ["TFDS_DATA_DIR"] = "..."')
    digits = _("go on without a network with the built-in digits:")
    return "\n".join(
        [
            *lines,
            cause,
            _("What to do, one of:"),
            f"  - {again.format(size=COURSE[name][1] if name in COURSE else '')}",
            f"  - {folder}",
            f"  - {digits}",
            f"    {_instead(builder, size, batch)}",
        ]
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
        said = _("the disk of {folder} is full. Free some space, or choose another folder.")
    elif "NonMatchingChecksumError" in kinds:
        said = _(
            "the download is not the expected file; often it is the sign-in page of a campus or "
            "hotel network. Sign in with a browser first."
        )
    elif "ModuleNotFoundError" in kinds:
        missing = next(e.name for e in chain if isinstance(e, ModuleNotFoundError))
        package = {"sklearn": "scikit-learn"}.get(missing, missing)
        said = _("a package is missing. Install it: pip install {package}.")
        said = said.format(package=package)
    elif any("manual" in str(e).lower() for e in chain if isinstance(e, AssertionError)):
        said = _("this set has to be downloaded by hand, after its owners agreed.")
    # Before the folder: a firewall may refuse a connection with "permission denied" as well.
    elif kinds & {"ConnectionError", "Timeout", "gaierror", "URLError", "HTTPError"}:
        said = _("no connection to that server: no network, a firewall or a proxy.")
    elif numbers & {errno.ENOTDIR, errno.EEXIST}:
        said = _("there is a file where a folder of {folder} should be. Move it away.")
    elif numbers & {errno.EACCES, errno.EROFS, errno.EPERM}:
        said = _("the folder {folder} cannot be written.")
    elif "DownloadError" in kinds:
        said = _("the server answered, but with an error; try again later.")
    else:
        said = _("unknown; tensorflow-datasets says:")
    return f"{said.format(folder=where)} {text}"


def first_line(error):
    """The first line of an error's text, cut to a length that can be read."""
    lines = str(error).strip().splitlines()
    return lines[0][:140].rstrip(".") if lines else _("no text")


def _hosts(builder):
    hosts = {urllib.parse.urlsplit(url).netloc for url in keras_private.downloads(builder)}
    return ", ".join(sorted(hosts)) or _("its owners")
