"""One table, as lines of text and as HTML."""

import unicodedata
from html import escape


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


def html(head, rows, *, foot=(), caption="", right=()):
    """The table as HTML, with a head and, if given, the rows of a foot and a caption."""

    def line(tag, cells, scope=""):
        sides = ["right" if at in right else "left" for at in range(len(cells))]
        inside = "".join(
            f'<{tag}{scope} style="text-align:{side}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{inside}</tr>"

    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    above += "<thead>" + line("th", head, ' scope="col"') + "</thead>"
    body = "".join(line("td", cells) for cells in rows)
    below = "<tfoot>" + "".join(line("th", cells) for cells in foot) + "</tfoot>" if foot else ""
    return f"<table>{above}<tbody>{body}</tbody>{below}</table>"
