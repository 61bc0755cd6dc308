"""One table, as lines of text and as HTML."""

import unicodedata
from html import escape

from course.language import N_, _

_SPOKEN = {"✓": N_("right"), "✗": N_("wrong"), "○": N_("open")}


def lines(rows, right=()):
    """The lines of a table of strings; `right` are the columns whose cells stand on the right."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            blank + cell if at in right else cell + blank
            for at, cell in enumerate(row)
            for blank in [" " * (widths[at] - width(cell))]
        ).rstrip()
        for row in rows
    ]


def width(text):
    """How many columns a text takes in a terminal, where a Chinese character takes two."""
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def mark(sign, look=""):
    """A mark as HTML, which is read out as a word; `look` is CSS."""
    style = f' style="{look}"' if look else ""
    return f'<span role="img" aria-label="{escape(_(_SPOKEN[sign]))}"{style}>{sign}</span>'


def html(head, rows, *, foot=(), caption="", right=(), names=0):
    """The table as HTML, with a head and, if given, the rows of a foot and a caption.

    `right` are the columns whose cells stand on the right, `names` is the one that names the rows.
    """

    def line(cells, look="", scope="row"):
        inside = ""
        for at, cell in enumerate(cells):
            side = "right" if at in right else "left"
            named = scope == "col" or at == names
            tag, says = ("th", f' scope="{scope}"') if named else ("td", "")
            text = mark(cell) if cell in _SPOKEN else escape(cell)
            inside += f'<{tag}{says} style="text-align:{side}{look * named}">{text}</{tag}>'
        return f"<tr>{inside}</tr>"

    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    above += f"<thead>{line(head, scope='col')}</thead>"
    body = "".join(line(cells, look=";font-weight:normal") for cells in rows)
    below = "".join(map(line, foot))
    below = f'<tfoot style="font-weight:bold">{below}</tfoot>' if foot else ""
    return f"<table>{above}<tbody>{body}</tbody>{below}</table>"
