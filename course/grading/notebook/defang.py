"""Make a submission safe to show in a browser: text and bitmaps stay, nothing can run.

nbgrader's formgrader and its feedback page trust a notebook's Markdown, HTML outputs and metadata.
The formgrader has the origin of the instructor's Jupyter server, so a script there can do all that
the instructor can. `Defang` is the last step of grading and the first of feedback.

Outputs and metadata are rebuilt from harmless parts only. Markdown looks the same afterwards. An
invisible WORD JOINER goes wherever a renderer could begin a tag, an image, an entity, a link other
than a plain one, or a TeX command that makes links; renderers then take it for text. So `a < b` and
code stay as they were, and a second pass changes nothing. Tags without attributes that fold an
answer away stay, too: `<details>` and `<summary>`.
"""

import base64
import binascii
import re

from nbformat import from_dict
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor

from course.plain import one_line

JOINER = "\u2060"
_ENTITIES = "amp|lt|gt|quot|nbsp|times|middot|ndash|mdash|hellip|rarr|larr|le|ge|deg|pm"
_TEX = "href|url|require|unicode|class|cssId|style|html[A-Za-z]*|data|mmlToken|bbox|tex"
_DANGEROUS = re.compile(
    rf"""
      <(?!/?(?:details|summary)>)(?=[A-Za-z/!?]) # a tag, a comment, an address in angle brackets
    | &(?=\#|(?!(?:{_ENTITIES});)[A-Za-z]\w*;)   # an entity, which could hide any of these
    | !(?=\[)                                    # a picture: it may call any address
    | \](?=[(:])(?![(:][ ]?(?:https?://|mailto:|\#|[\w./-]+[)\#?\n]))  # a link to elsewhere
    | \\(?=(?:{_TEX})(?![A-Za-z]))              # what makes links and attributes in formulas
    """,
    re.VERBOSE,
)
_BADGE = re.compile(  # "Open in Colab", a picture from another server
    r"\[!\[Open in Colab\]\([^)\s]*\)\]\([^)\s]*\)\n*"
    r"|<a href=\"https://colab\.research\.google\.com/[^\"<>]*\"[^<>]*><img [^<>]*></a>\n*"
)
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # colours in a terminal
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_NAME = re.compile(r"[\w.:-]{0,200}", re.ASCII)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_MAX_TEXT = 100_000  # characters of one text
_MAX_MARKDOWN = 20_000  # of one Markdown cell: renderers take time in the square of it
_MAX_PICTURE = 5_000_000  # bytes of one bitmap
_MAX_OUTPUTS = 200  # of one cell

_NBGRADER = {
    "grade_id": str, "grade": bool, "locked": bool, "solution": bool, "task": bool,
    "points": int | float, "schema_version": int, "cell_type": str, "checksum": str,
}  # fmt: skip
_KERNELSPEC = dict.fromkeys(("name", "display_name", "language"), str)
_COURSE = {
    "digest": str, "sandbox": str, "seconds": int | float, "failed": str, "repairs": list,
    "receipt": str, "language": str, "absent": str,
}  # fmt: skip


class Defang(NbGraderPreprocessor):
    """Removes everything from a graded notebook that could run in a browser."""

    def preprocess(self, nb, resources):
        """Defang all cells and the notebook's own metadata; repeatable."""
        metadata, nb.metadata = nb.metadata, from_dict({"language_info": {"name": "python"}})
        if isinstance(metadata.get("kernelspec"), dict):
            kernel = _chosen(metadata["kernelspec"], _KERNELSPEC, plain=clean)
            if {"name", "display_name"} <= kernel.keys():
                nb.metadata["kernelspec"] = kernel
        if isinstance(metadata.get("course"), dict):
            course = _chosen(metadata["course"], _COURSE, plain=clean)
            course["repairs"] = [one_line(said) for said in course.get("repairs", ())]
            nb.metadata["course"] = course  # a copy is made of it
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, index):
        """Defang one cell."""
        cell.pop("attachments", None)
        cell.metadata = _metadata(cell)
        given = cell.get("id")
        if not (isinstance(given, str) and _ID.fullmatch(given)):
            cell["id"] = f"cell-{index}"
        if cell.cell_type == "code":
            cell.source = writable(cell.source)
            cell.execution_count = _count(cell)
            cell.outputs = _outputs(cell.get("outputs", []))
        else:
            cell.source = harmless(_BADGE.sub("", cell.source))
        return cell, resources


def harmless(markdown):
    """Markdown that looks the same and renders as text, formulas and plain links only."""
    text = writable(markdown, _MAX_MARKDOWN).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text)
    return _DANGEROUS.sub(lambda match: match[0] + JOINER, text)


def clean(text):
    """Text without colours and other control characters, and of limited length."""
    text = text if isinstance(text, str) else str(text)
    return _CONTROL.sub("", _ESCAPES.sub("", writable(text)))


def writable(text, limit=_MAX_TEXT):
    """Text of at most `limit` characters that can be written as UTF-8."""
    more = f"\n[{len(text) - limit:,} more characters are left out]" if len(text) > limit else ""
    return text[:limit].encode("utf-8", "replace").decode("utf-8") + more


def _outputs(outputs):
    kept = [_output(output) for output in outputs[:_MAX_OUTPUTS]]
    if len(outputs) > _MAX_OUTPUTS:
        kept.append(_text(f"[{len(outputs) - _MAX_OUTPUTS:,} more outputs are left out]"))
    return kept


def _output(output):
    """An output of the same kind, made of nothing but text and checked bitmaps."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new_output("stream", name=name, text=clean(output.get("text", "")))
    if kind == "error":
        traceback = output.get("traceback")
        return new_output(
            "error",
            ename=clean(output.get("ename", "")),
            evalue=clean(output.get("evalue", "")),
            traceback=[clean(line) for line in traceback] if isinstance(traceback, list) else [],
        )
    given = output.get("data")
    data = {}
    for mime, value in given.items() if isinstance(given, dict) else ():
        if mime == "text/plain" and isinstance(value, str):
            data[mime] = clean(value)
        elif mime in _PICTURES and isinstance(value, str):
            picture = _picture(value, _PICTURES[mime])
            if picture:
                data[mime] = picture
    if not data:
        return _text("[an output that is neither text nor a bitmap is left out]")
    if kind != "execute_result":
        return new_output("display_data", data)
    return new_output(kind, data, execution_count=_count(output))


def _count(given):
    count = given.get("execution_count")
    return count if type(count) is int and count >= 0 else None


def _text(text):
    return new_output("display_data", {"text/plain": text})


def _picture(value, begins):
    """Base64 of a bitmap, encoded again; None if it is not a bitmap or too large."""
    if len(value) > _MAX_PICTURE * 1.4:
        return None
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(data).decode() if data.startswith(begins) else None


def _metadata(cell):
    """nbgrader's and the course's own entries, if their values have the right types."""
    given = cell.metadata
    metadata = _chosen(given, {"deletable": bool, "editable": bool})
    if isinstance(given.get("nbgrader"), dict):
        chosen = _chosen(given["nbgrader"], _NBGRADER)
        if chosen.get("grade_id"):
            metadata["nbgrader"] = chosen
    verdict = given.get("course")
    if isinstance(verdict, dict) and isinstance(verdict.get("findings"), list):
        texts = ("row", "cause", "message")
        metadata["course"] = {
            "passed": verdict.get("passed") is True,
            "findings": [
                {name: one_line(item.get(name, "")) for name in texts}
                | ({"received": one_line(item["received"])} if "received" in item else {})
                for item in verdict["findings"]
                if isinstance(item, dict)
            ],
        }
    return from_dict(metadata)


def _chosen(given, kinds, plain=None):
    """The known entries with values of the right type. Strings must be names, or become `plain`."""
    chosen = {}
    for name, kind in kinds.items():
        value = given.get(name)
        if not isinstance(value, kind):
            continue
        if isinstance(value, str) and plain is None:
            if not _NAME.fullmatch(value):
                continue
        elif isinstance(value, str):
            value = plain(value)
        chosen[name] = value
    return chosen
