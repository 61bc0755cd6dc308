"""The card of a check: the verdict first, then the reason, then where in the network it is."""

from __future__ import annotations

from html import escape

from course import show
from course.anatomy import anatomy
from course.check.words import no_name
from course.diagnosis import MOST_FINDINGS, Cause
from course.language import _, ngettext
from course.network.words import shape_of
from course.plain import escaped

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from course.anatomy import Anatomy
    from course.architectures import Table
    from course.diagnosis import Finding


_MARKS = {"right": "✓", "open": "○", "wrong": "✗"}
# Each has a contrast of at least 3:1 on the light and the dark pages of JupyterLab and Colab. Text
# has the page's own colour.
_COLOURS = {"right": "#26994f", "open": "#848d97", "wrong": "#cf6a00"}
_ABOVE = 3  # right rows shown above the wrong one; those before them are folded


def framed(state: str, headline: str, rest: str = "") -> str:
    """HTML of a headline, mark first, in a state's colour; `rest` is more HTML below it."""
    colour = _COLOURS[state]
    mark, _blank, text = headline.partition(" ")
    look = f"color:{colour};font-size:1.5em;font-weight:bold;line-height:1"
    return (
        f'<div role="status" style="border-left:6px solid {colour};padding:.3em 1em;margin:.3em 0">'
        f"{show.mark(mark, look)} <strong>{escape(text)}</strong>{rest}</div>"
    )


class Card:
    """A check's result: a headline, the findings, and the table's rows down to the wrong one.

    `str(card)` is text, `card.html()` HTML and `card.markdown()` Markdown. In each, what a student
    wrote is shown as it is written.
    """

    def __init__(
        self,
        name: str,
        findings: list[Finding],
        table: Table | None = None,
        built: Anatomy | None = None,
        note: str = "",
    ) -> None:
        self.name, self.findings = name, findings
        self.note = note  # a remark, on a right answer or on what it is compared with
        self.table, self.built = table, built
        open_ = findings and findings[0].cause is Cause.NOT_ANSWERED
        self.state = "open" if open_ else "wrong" if findings else "right"

    @property
    def headline(self) -> str:
        """One line: the mark, the name, the verdict."""
        mark = _MARKS[self.state]
        if self.state == "open" and self.name == no_name():
            said = _("This exercise is not answered yet.")
        elif self.state == "open":
            said = _("{name} is not answered yet.").format(name=self.name)
        elif self.state == "wrong":
            said = self._wrong()
        elif self.built is None:
            said = _("{name} is right.").format(name=self.name)
        else:
            said = _(
                "{name} is {table}: {parameters} trained parameters, {macs} MACs."
            ).format(
                name=self.name, table=self.table.name,
                parameters=f"{self.built.trained:,}", macs=f"{self.built.macs:,}",
            )  # fmt: skip
        return f"{mark} {said}"

    def _wrong(self):
        row, more = self.findings[0].row, len(self.findings) - 1
        least = self.built is not None and more >= MOST_FINDINGS - 1  # diagnosis stops there
        if row and row != self.name:
            said = (
                _("{name}: {row} is not right, and at least {more} more to look at.") if least
                else ngettext(
                    "{name}: {row} is not right, and {more} more to look at.",
                    "{name}: {row} is not right, and {more} more to look at.",
                    more,
                ) if more
                else _("{name}: {row} is not right.")
            )  # fmt: skip
        else:
            said = (
                _("{name} is not right, and at least {more} more to look at.") if least
                else ngettext(
                    "{name} is not right, and {more} more to look at.",
                    "{name} is not right, and {more} more to look at.",
                    more,
                ) if more
                else _("{name} is not right.")
            )  # fmt: skip
        return said.format(name=self.name, row=row, more=more)

    def _rows(self):
        """(rows above, rows shown): each (mark, row, step, output), down to the first wrong one."""
        if self.state != "wrong" or self.built is None:
            return [], []
        first, rows = self.findings[0].row, []
        for step in anatomy(self.table):
            wrong = step.name == first
            shape = shape_of(step.shape)
            rows.append((_MARKS["wrong" if wrong else "right"], step.name, step.does(), shape))
            if wrong:
                # One row alone is not worth folding.
                at = len(rows) - 1 - _ABOVE
                return (rows[:at], rows[at:]) if at > 1 else ([], rows)
        return [], []  # the finding is about a step that no row names

    def __str__(self) -> str:
        above, shown = self._rows()
        lines = [self.headline, *(f"  {item.message}" for item in self.findings)]
        lines += [f"  {self.note}"] if self.note else []
        lines += [f"  {_above(above)}"] if above else []
        lines += [f"  {' '.join(row)}" for row in shown]
        return "\n".join(lines)

    __repr__ = __str__

    def markdown(self) -> str:
        """The card in Markdown with tables, as GitHub has them."""
        parts = [f"**{escaped(self.headline)}**"]
        parts += [escaped(item.message) for item in self.findings]
        parts += [escaped(self.note)] if self.note else []
        above, shown = self._rows()
        parts += [_above(above)] if above else []
        if shown:
            table = [_head(), ["---"] * len(_head()), *(map(escaped, row) for row in shown)]
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in table))
        return "\n\n".join(parts)

    _repr_markdown_ = markdown

    def html(self) -> str:
        """The card in HTML, to stand somewhere in a page."""
        first, *others = [escape(item.message) for item in self.findings] or [escape(self.note)]
        rest = f'<p style="margin:.4em 0">{first}</p>' if first else ""
        if self.note and self.findings:
            rest += f'<p style="margin:.4em 0">{escape(self.note)}</p>'
        if others:
            rest += "<ul>" + "".join(f"<li>{text}</li>" for text in others) + "</ul>"
        above, shown = self._rows()
        if above:
            summary = _above(above).replace("✓", show.mark("✓"))
            rest += f"<details><summary>{summary}</summary>{_table(above)}</details>"
        if shown:
            rest += _table(shown)
        return framed(self.state, self.headline, rest)

    _repr_html_ = html


def _above(rows):
    said = ngettext("{count} row above", "{count} rows above", len(rows))
    return f"✓ {said.format(count=len(rows))}"


def _head():
    return _("right?"), _("row"), _("in the table"), _("output there")


def _table(rows):
    return show.html(_head(), rows, names=1)
