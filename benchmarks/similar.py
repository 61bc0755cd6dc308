"""How well `course similar` finds copies: in a made-up class whose copies are known.

    python benchmarks/similar.py [--assignment 04-vgg] [--students 1000] [--copies 10] [--seed 1]

Each student draws answers from the solution and the bank of tests/, and writes them with habits and
chance of their own. `--copies` students in each disguise have copied about three of four answers.
Prints precision, recall of each disguise, and seconds; the time includes reading the notebooks.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # for the banks of tests/

BANKS = {
    "01-convolution": "convolution", "02-lenet": "lenet", "03-alexnet": "alexnet", "04-vgg": "vgg",
    "05-inception": "inception", "06-resnet": "resnet",
}  # fmt: skip


def processor():
    """Processor seconds of this process and of those that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assignment", choices=BANKS, default="04-vgg")
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=10, help="of each disguise (10)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    from course.grading.folder import CourseFolder
    from course.grading.out.similar import similar
    from tests.classroom import Classroom
    from tests.lookalikes import school_class

    with tempfile.TemporaryDirectory() as folder:
        room = Classroom(Path(folder), given.assignment, BANKS[given.assignment])
        made = school_class(room.bank, room.right, given.students, given.copies, given.seed)
        copies = {tuple(sorted(pair)): kind for pair, kind in made[1].items()}
        for student, answers in made[0].items():
            room.submit(student, json.dumps(room.written(**answers)))
        course, begun, spent = CourseFolder(folder), time.monotonic(), processor()
        found, _ = similar(course, given.assignment, most=10 * len(copies) + 20)
        seconds, spent = time.monotonic() - begun, processor() - spent
    listed = {tuple(sorted((pair.one.name, pair.other.name))) for pair in found.pairs}
    print(
        f"{found.count} submissions of {given.assignment}: {seconds:.1f} s, processor {spent:.1f} s"
    )
    print(f"listed {len(listed)}, of which copies: {len(listed & copies.keys())}")
    kinds = Counter(copies.values())
    for kind, number in kinds.items():
        right = sum(copies[pair] == kind for pair in listed & copies.keys())
        print(f"{kind:>12}: {right} of {number}")


if __name__ == "__main__":
    main()
