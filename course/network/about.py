"""Mark a rule with the nodes that it is about, so that it is asked about no others."""


def about(*steps, moves=()):
    """Mark a rule about nodes of these kinds, or that move values in these ways; else about all."""

    def mark(rule):
        rule.steps, rule.moves = frozenset(steps), frozenset(moves)
        return rule

    return mark
