"""What the course says, kept in files: the net to fall into when its insides are laid anew.

    python -m tests.golden                  write all files
    python -m tests.golden networks         write one of them
    python -m tests.golden --check          count what differs from the files, and show it

`networks.txt` and `banks.txt` have a line for each finding: what was looked at, the number of the
finding and its row, its cause, its sentence; or `right`. `anatomy.txt` and `commands.txt` have what
is printed. The tests compare with the files; a difference that is meant is written by the command,
and looked at in the commit.
"""

import difflib
import re
from functools import cache, cached_property, partial
from pathlib import Path

FOLDER = Path(__file__).parent
FEW = 40  # lines of a difference that a test prints


class Corpus:
    """Networks by name, and what is found in each: worked out once, for all tests of a file.

    `networks()` makes {name: (builder, table or tables)}.
    """

    def __init__(self, name, networks):
        self.name, self._networks = name, networks
        self.findings = cache(self._findings)

    @cached_property
    def networks(self):
        return self._networks()

    def _findings(self, name):
        from course.diagnosis import diagnose

        build, tables = self.networks[name]
        return diagnose(build(), tables)

    def lines(self):
        """The lines of the file, network by network."""
        for name, (_, tables) in self.networks.items():
            tables = tables if isinstance(tables, list) else [tables]
            about = f"{self.name}/{name} | {' or '.join(table.name for table in tables)}"
            try:
                for each in of_findings(about, self.findings(name)):
                    yield re.sub(r"made in line \d+:", "made in line N:", each)  # of a test
            except Exception as error:
                yield line(about, f"RAISES {type(error).__name__}: {error}")

    def compare(self):
        """Fail if something else is found than what is kept."""
        compare("networks", list(self.lines()), f"{self.name}/")


def built(build, tables):
    """An entry of a corpus: the network is built without weights, and written down."""
    return partial(written_down, build, tables), tables


def written_down(build, tables):
    """The trace of a network of the input shape of its table, or of the first of its tables."""
    from course.evidence.observe import weightless
    from course.evidence.trace import trace

    with weightless():
        return trace(build(), (tables[0] if isinstance(tables, list) else tables).input_shape)


def of_findings(about, findings):
    """A line for each finding, or the one of what is right."""
    for number, found in enumerate(findings):
        yield line(about, f"{number} {found.row}", found.cause.name, found.message)
    if not findings:
        yield line(about, "right")


def line(*parts):
    return " | ".join(part.replace("\\", "\\\\").replace("\n", "\\n") for part in parts)


def kept(file, begin=""):
    """The lines of a file that begin so."""
    path = FOLDER / f"{file}.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [each for each in text.split("\n")[:-1] if each.startswith(begin)]


def compare(file, lines, begin=""):
    """Fail if these are not the lines that are kept; says what differs, and what to do."""
    before = kept(file, begin)
    if lines == before:
        return
    diff = list(difflib.unified_diff(before, lines, "kept", "now", lineterm="", n=0))[2:]
    more = [f"... and {len(diff) - FEW} lines more"] if len(diff) > FEW else []
    said = [
        f"The course says something else than tests/golden/{file}.txt has:",
        *diff[:FEW],
        *more,
        f"All of it, by kind:     python -m tests.golden --check {file}",
        f"If all of it is meant:  python -m tests.golden {file}",
    ]
    raise AssertionError("\n".join(said))
