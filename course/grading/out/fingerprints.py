"""The fingerprints of an answer: its normal form as tokens, hashed in runs, a few of them chosen.

They are chosen by winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for
Document Fingerprinting", SIGMOD 2003): in each window of WINDOW runs of RUN tokens the smallest
hash. Two answers that share WINDOW + RUN − 1 tokens in a row have a fingerprint in common. This is
written here because copydetect cuts source files into tokens in a way of its own that cannot be
replaced, and compare50 needs an older version of attrs than Jupyter's notebooks do.
"""

import hashlib
from functools import lru_cache

import numpy as np

from course.grading.out.normal_form import tokens, words

RUN, WINDOW = 5, 3
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of a token is lost


def fingerprints(text, code, own=frozenset(), shared=frozenset()):
    """{fingerprint: the lines that it was made of} of one answer; lines are counted from 1.

    `own` are the student's names from other cells. `shared` are the names that the task asks for.
    """
    found = tokens(text, own, shared) if code else words(text)
    if not found:
        return {}
    hashes = _hashes([token for token, _ in found])
    prints = {}
    for at in _winnowed(hashes):
        lines = {line for _, line in found[at : at + RUN]}
        prints.setdefault(int(hashes[at]), set()).update(lines)
    return prints


def _hashes(names):
    """A hash of each run of RUN tokens; of a shorter text, one hash of all of it."""
    run = min(RUN, len(names))
    numbers = np.array([_number(name) for name in names], np.uint64)
    hashes = np.zeros(len(names) - run + 1, np.uint64)
    for at in range(run):
        hashes = hashes * _FACTOR + numbers[at : at + len(hashes)]
    return hashes ^ (hashes >> np.uint64(29))


@lru_cache(100_000)
def _number(token):
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest())


def _winnowed(hashes):
    """The places of the smallest hash of each window, of equal ones the last."""
    window = min(WINDOW, len(hashes))
    count = len(hashes) - window + 1
    views = [hashes[at : at + count] for at in reversed(range(window))]
    last = window - 1 - np.argmin(views, axis=0)
    return sorted(set((np.arange(count) + last).tolist()))
