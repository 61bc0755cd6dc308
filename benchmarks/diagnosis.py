"""What it costs to say what is wrong: one mistake in a row of a published network, each in turn.

    python benchmarks/diagnosis.py [--each 60]

Prints the median and the longest processor time of one diagnosis, the network once read, and how
many states the search has tried; of right networks as well. Every small mistake in all tables is
some 24,000: `--each` takes that many of each table, drawn the same way each time.
"""

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for the list of tables of tests/


def timed(table, found):
    """(milliseconds of one diagnosis, table and network once read; states that were tried)."""
    from course.diagnosis import align, explain

    begun = time.process_time()
    alignment = align.align(table, found)
    explain.findings_of(alignment, 5)
    return (time.process_time() - begun) * 1e3, alignment.states


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=60, help="mistakes of each table (60)")
    each = parser.parse_args().each
    from course.anatomy import anatomy
    from course.grading.tables.mistakes import explicit, mutations, nameless
    from tests.published import every_table

    right, wrong = [], []
    for name, table in every_table().items():
        rows = anatomy(table)
        right.append((*timed(rows, nameless(explicit(table))), f"{name}, right"))
        cases = list(mutations(explicit(table)))
        for row, cause, mutated in random.Random(name).sample(cases, min(each, len(cases))):
            try:
                found = nameless(mutated)
            except ValueError:  # a window that is larger than its map: Keras would not build it
                continue
            wrong.append((*timed(rows, found), f"{name}, {cause} at {row}"))
    for title, measured in (("right networks", right), ("one mistake", wrong)):
        median = statistics.median(spent for spent, _, _ in measured)
        longest, _, where = max(measured)
        states = max(states for _, states, _ in measured)
        print(
            f"{title}: {len(measured):,}, median {median:.1f} ms, longest {longest:.0f} ms "
            f"({where}); at most {states} states"
        )


if __name__ == "__main__":
    main()
