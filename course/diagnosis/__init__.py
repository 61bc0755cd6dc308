"""A network against a published table: the first row that differs, the likely cause, a sentence.

`diagnose(network, table)` lays the two side by side from the input on. A row of the table is right
if a step of the network reads the same rows and does the same thing; names, the order of branches
and ways of writing do not count, because an anatomy has none.

`causes` is the closed vocabulary, `align` the search, `explain` makes sentences of its edits.
"""

from __future__ import annotations

from course.anatomy import anatomy
from course.diagnosis import align, explain, merges
from course.diagnosis.causes import Cause, Finding, finding, worded

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from course.architectures import Table

    Like = Table | list[Table] | tuple[Table, ...]


__all__ = ["MOST_FINDINGS", "Cause", "Finding", "diagnose", "finding", "nearest", "worded"]

MOST_FINDINGS = 5  # the search reports no more


def diagnose(network: object, table: Like) -> list[Finding]:
    """Everything that differs between a network and a published table; empty if nothing does.

    Of several tables, as a list, one has to fit. If none does, the findings are those of the table
    that costs least to explain.

    `network` is a Keras model, its JSON config, its trace or its anatomy, or a module of PyTorch.
    The first finding is the first row of the table that differs. Later findings are told only where
    they are mistakes of their own.
    """
    return nearest(network, table)[1]


def nearest(network: object, table: Like) -> tuple[Table, list[Finding]]:
    """(table, findings) of the table that the network fits best; `table` may be a list."""
    tables = list(table) if isinstance(table, list | tuple) else [table]
    found = anatomy(network, getattr(tables[0], "input_shape", None))
    alignments = []
    for each in tables:
        alignments.append(align.align(anatomy(each), found))
        if alignments[-1].right:
            return each, _findings(alignments[-1], found)
    best = min(alignments, key=lambda alignment: alignment.cost)
    return tables[alignments.index(best)], _findings(best, found)


def _findings(alignment, found):
    findings = explain.findings_of(alignment, MOST_FINDINGS)
    if found.faults:
        wanted = alignment.nets.table.network
        findings = merges.told(found.faults[0], findings, wanted, found.library)
    return findings
