"""LeNet-5. Y. LeCun, L. Bottou, Y. Bengio and P. Haffner: Gradient-based learning applied to
document recognition. Proceedings of the IEEE 86(11), 1998, section II-B and Table I.

Two networks go by the name. The one in today's textbooks connects every map of C3 to every map of
S2, pools without weights, and ends in a softmax: 61,706 parameters. The one of 1998 has the
connection table below, subsampling with a trained coefficient and bias for each map, and a fixed
output layer: exactly 60,000 trained parameters.
"""

from course.architectures import Table, average_pool, conv, dense, max_pool

#: For each of the 16 maps of C3, the maps of S2 that it sees (Table I): six threes and six fours of
#: neighbours, three fours of two separate pairs, and one map that sees all six.
C3_CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip


def _modern(name, activation, pool) -> Table:
    return Table(
        name=name,
        source="LeCun et al. 1998, Fig. 2, as today's textbooks build it",
        input_shape=(32, 32, 1),
        rows=(
            conv("C1", 6, 5, activation=activation),
            pool("S2", 2),
            conv("C3", 16, 5, activation=activation),
            pool("S4", 2),
            dense("C5", 120, activation=activation),
            dense("F6", 84, activation=activation),
            dense("output", 10, activation="softmax"),
        ),
    )


#: 61,706 parameters, 416,520 MACs.
LENET5 = _modern("LeNet-5", "tanh", average_pool)

#: The same shapes and counts with what came later: ReLU and max pooling.
LENET5_RELU = _modern("LeNet-5 with ReLU and max pooling", "relu", max_pool)

#: 60,000 trained parameters. The 840 weights of the output layer are fixed: ten codes of 84 values.
#: It compares codes by distance; a frozen dense layer ranks the classes the same way for codes of
#: ±1, because ‖x − w‖² = ‖x‖² − 2 w·x + 84 and only w·x depends on the class.
LENET5_1998 = Table(
    name="LeNet-5 of 1998",
    source="LeCun et al. 1998, section II-B and Table I",
    input_shape=(32, 32, 1),
    rows=(
        conv("C1", 6, 5, activation="scaled_tanh"),
        average_pool("S2_mean", 2),
        conv("S2", 6, 1, groups=6, activation="scaled_tanh"),  # a coefficient and a bias for a map
        conv("C3", 16, 5, connections=C3_CONNECTIONS, activation="scaled_tanh"),
        average_pool("S4_mean", 2),
        conv("S4", 16, 1, groups=16, activation="scaled_tanh"),
        dense("C5", 120, activation="scaled_tanh"),
        dense("F6", 84, activation="scaled_tanh"),
        dense("output", 10, activation=("softmax", None), bias=False, trainable=False),
    ),
)
