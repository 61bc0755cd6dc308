"""The memory of a forward pass in which each value goes when its last reader has run.

A step's output is a value of its own, or lies where its input lies (`Node.in_place`); then they go
together. While a step runs, its inputs and its output are both there. The inputs of the network
are there from the beginning, its outputs stay to the end. What a step needs for itself while it
computes, and the parameters, are not counted.
"""

from itertools import accumulate

from course.network.words import read_by, read_from


def alive(inputs, steps, outputs):
    """For each step in this order, how many values are in memory while it runs."""
    places = {}  # step -> the steps whose memory its output lies in
    comes, goes = {}, {}  # such a step -> the first and the last moment at which it is there
    for value in inputs:
        for source in read_from(value):
            places[source], comes[source], goes[source] = {source}, 0, 0
    for now, step in enumerate(steps):
        read = set().union(*(places[source] for source in read_by(step)))
        places[step] = read if step.in_place else {step}
        comes.setdefault(step, now)
        goes.update(dict.fromkeys(read | places[step], now))
    for value in outputs:
        for source in read_from(value):
            goes.update(dict.fromkeys(places[source], len(steps)))
    change = [0] * (len(steps) + 2)
    for place, last in goes.items():
        change[comes[place]] += place.size
        change[last + 1] -= place.size
    return list(accumulate(change))[: len(steps)]
