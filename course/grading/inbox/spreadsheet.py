"""CSV files as LMSs and spreadsheets write them: their encodings, delimiters and changed values."""

import csv
import io
import re
import unicodedata
from pathlib import Path

from course.grading import CourseError

_TOLD = re.compile(r"\ufeff?(?:sep=(.)\r?\n)?")  # a byte-order mark, and a line for Excel


def read_csv(path, what="roster"):
    """(rows of cells, the delimiter, a sentence about the encoding or None).

    Raises CourseError for a file that cannot be read as CSV.
    """
    try:
        content = Path(path).read_bytes()
        if content.startswith(b"PK\x03\x04"):
            raise ValueError("it is an Excel workbook; save it as CSV UTF-8")
        text, _, said = decoded(content)
        told = _TOLD.match(text)
        text = text[begin(text) :]
        tables = {
            mark: [
                row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if any(row)
            ]
            for mark in (told[1] or ",;\t|")
        }
    except (OSError, ValueError, csv.Error) as error:
        raise CourseError(
            f"The {what} {path} cannot be read ({error}). It should be a CSV file in UTF-8."
        ) from None
    mark = max(tables, key=lambda mark: len(tables[mark][0]) if tables[mark] else 0)
    return tables[mark], mark, said and f"The {what} {path} {said}"


def begin(text):
    """Where the titles of a CSV text begin."""
    return _TOLD.match(text).end()


def decoded(content):
    """(the text with its byte-order mark, its encoding, a note about that or None)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        codec = "utf-16-le" if content[:1] == b"\xff" or content[1:2] == b"\0" else "utf-16-be"
        return content.decode(codec), codec, None
    try:
        return content.decode("utf-8"), "utf-8", None
    except UnicodeDecodeError:
        said = "is not in UTF-8; it was read as Windows-1252, as Excel writes CSV in the West."
        return content.decode("cp1252"), "cp1252", said


def cell(text):
    """A value as it was before a spreadsheet changed it: 007 for ="007", 126 for 126.0."""
    text = unicodedata.normalize("NFC", text).strip()
    if formula := re.fullmatch(r'="(.*)"', text):
        text = formula[1]
    return re.sub(r"(?a)^(\d+)[.,]0+$", r"\1", text)
