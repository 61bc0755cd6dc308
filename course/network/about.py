"""Mark a rule with the nodes that it is about, so that it is asked about no others."""


def about(*steps, moves=()):
    """Mark a rule with the kinds of nodes, or the ways to move values, that it is about.

    Without any, it is about all nodes.
    """

    def mark(rule):
        rule.steps, rule.moves = frozenset(steps), frozenset(moves)
        return rule

    return mark
