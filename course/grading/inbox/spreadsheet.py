"""CSV files as LMSs and spreadsheets write them: their encodings, delimiters and changed values."""

import csv
import io
import re
import unicodedata
from pathlib import Path

from course.grading import CourseError

#: What may stand before the titles: a byte-order mark, and a line that tells Excel the delimiter.
_HEAD = re.compile(r"\ufeff?(?:\"?sep=(.)\"?\1*[\r\n]+)?")


def read_csv(path, what="roster"):
    """(rows of cells, the delimiter, sentences for the instructor).

    The titles are the first row, and empty rows are left out. `what` is what the sentences call the
    file. Raises CourseError for a file that cannot be read as CSV.
    """
    try:
        content = Path(path).read_bytes()
        if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            raise ValueError("it is an Excel workbook or a zip file; save the table as CSV UTF-8")
        text, _, note = decoded(content)
        head = _HEAD.match(text)
        text = text[head.end() :]
        tables = {
            mark: [
                row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if any(row)
            ]
            for mark in (head[1] or ",;\t|")
        }
    except FileNotFoundError:
        raise CourseError(f"There is no {what} {path}. It should be a CSV file.") from None
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise CourseError(
            f"The {what} {path} cannot be read ({why}). It should be a CSV file in UTF-8."
        ) from None
    mark = max(tables, key=lambda mark: _agree(tables[mark]))
    return tables[mark], mark, [f"The {what} {path} {note}"] if note else []


def _agree(rows):
    """(how many rows have as many cells as there are titles, how many titles): best if most.

    A delimiter that only the titles have, such as in "name (last, first)", makes no columns.
    """
    width = len(rows[0]) if rows else 0
    return width > 1 and sum(len(row) == width for row in rows), width


def begin(text):
    """The place in a CSV text, of `decoded`, at which its titles begin."""
    return _HEAD.match(text).end()


def decoded(content):
    """(the text, with a byte-order mark if it has one; its encoding; a note or None).

    The note is the rest of a sentence that begins with the file's name: "is not in UTF-8; …".
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        codec = "utf-16-le" if content[:1] == b"\xff" or content[1:2] == b"\0" else "utf-16-be"
        return content.decode(codec), codec, None
    try:
        return content.decode("utf-8"), "utf-8", None
    except UnicodeDecodeError:
        note = "is not in UTF-8; it was read as Windows-1252, as Excel writes CSV in the West."
        return content.decode("cp1252"), "cp1252", note


def number(text):
    """A number with a decimal point or comma; None for any other text."""
    text = text.strip()
    return float(text.replace(",", ".")) if re.fullmatch(r"\d+([.,]\d+)?", text) else None


def cell(text):
    """A value as it was before a spreadsheet changed it: 007 for ="007", 126 for 126.0.

    A comma between groups of three digits, as in 10,101, is a spreadsheet's, too.
    """
    text = unicodedata.normalize("NFC", text).strip()
    if formula := re.fullmatch(r'="(.*)"', text):
        text = formula[1]
    if re.fullmatch(r"(?a)[1-9]\d{0,2}(,\d{3})+(\.0+)?", text):
        text = text.replace(",", "")
    return re.sub(r"(?a)^(\d+)[.,]0+$", r"\1", text)
