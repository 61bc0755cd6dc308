"""Local response normalisation, for the notebooks after the one in which students write it."""

from __future__ import annotations

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


def lrn(x: Any, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> Any:
    """Local response normalisation across n neighbouring maps.

    (batch, H, W, N) -> (batch, H, W, N).  Krizhevsky et al. 2012, section 3.3.
    """
    from keras import ops

    maps = np.arange(x.shape[-1])
    neighbours = abs(maps - maps[:, None]) <= n // 2  # (N, N): which maps are near which
    squares = ops.matmul(ops.square(x), ops.convert_to_tensor(neighbours, x.dtype))
    return x / ops.power(k + alpha * squares, beta)
