"""The command that writes the files, or counts what differs from them; see `tests.golden`."""

import argparse
import difflib
import os
import sys
import time
from collections import defaultdict
from importlib import import_module

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports keras

from tests.golden import FOLDER, kept

CORPORA = ("test_diagnosis", "test_families", "test_other_hands", "test_later", "test_mutations")


def corpus(name):
    """The networks of a file of tests."""
    return import_module(f"tests.diagnosis.{name}").NETWORKS


def networks():
    """The lines of networks.txt: the corpora, one after the other."""
    for name in CORPORA:
        yield from corpus(name).lines()


def printed(name):
    """The maker of another file."""
    return lambda: getattr(import_module("tests.golden.printed"), name)()


FILES = {"networks": networks}
FILES |= {name: printed(name) for name in ("banks", "anatomy", "commands")}


def made(file):
    """The lines of a file as they are now; says how far it is."""
    begun, lines = time.process_time(), []
    for each in FILES[file]():
        lines.append(each)
        if len(lines) % 250 == 0:
            spent = time.process_time() - begun
            print(f"\r{file}: {len(lines):,} lines, {spent:.0f} s", end="", file=sys.stderr)
    spent = time.process_time() - begun
    print(f"\r{file}: {len(lines):,} lines, {spent:.0f} s of CPU", file=sys.stderr)
    return lines


def by_subject(lines):
    """{what was looked at: [the rest of each of its lines]}."""
    found = defaultdict(list)
    for each in lines:
        *about, rest = each.split(" | ", 2)
        found[" | ".join(about)].append(rest)
    return found


def kind(before, now):
    """What has changed first: of two lists of `number row | cause | sentence`, or `right`."""
    if not before or not now:
        return "new" if now else "gone"
    verdicts = [each[0].split()[0] for each in (before, now)]  # a number, if there are findings
    if verdicts[0] != verdicts[1]:
        return "verdict"
    if verdicts[0] == "RAISES":
        return "sentence only"
    (row, cause, _), (row_now, cause_now, _) = (each[0].split(" | ", 2) for each in (before, now))
    if row != row_now:
        return "row"
    if cause != cause_now:
        return "cause"
    later = [[each.split(" | ")[:2] for each in lines] for lines in (before, now)]
    return "sentence only" if later[0] == later[1] else "later findings"


def differences(file):
    """{kind: [lines of the difference]} between what is kept and what is made."""
    before, now, said = kept(file), made(file), defaultdict(list)
    if file in ("anatomy", "commands"):
        diff = [*difflib.unified_diff(before, now, lineterm="", n=1)][2:]
        return {"printed": diff} if diff else {}
    before, now = by_subject(before), by_subject(now)
    for about in before | now:
        if before[about] != now[about]:
            lines = [f"- {each}" for each in before[about]] + [f"+ {each}" for each in now[about]]
            said[kind(before[about], now[about])].append("\n".join([about, *lines]))
    return said


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden", description="Write what the course says into tests/golden/."
    )
    parser.add_argument(
        "file",
        nargs="*",
        choices=[*FILES, []],
        metavar="FILE",
        help=", ".join(FILES) + " (default: all)",
    )
    parser.add_argument(
        "--check", "--diff", action="store_true",
        help="write nothing: show what differs from the files, by kind; status 1 if something does",
    )  # fmt: skip
    options = parser.parse_args()
    differs = False
    for file in options.file or FILES:
        if not options.check:
            text = "".join(f"{each}\n" for each in made(file))
            (FOLDER / f"{file}.txt").write_text(text, encoding="utf-8")
            continue
        found = differences(file)
        differs = differs or bool(found)
        for what, lines in found.items():
            print(f"\n=== {file}: {what}\n", *lines, sep="\n")
        counts = ", ".join(f"{what} {len(lines)}" for what, lines in found.items())
        print(f"{file}.txt: {counts or 'no difference'}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
