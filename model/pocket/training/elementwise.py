"""What lies between the matrices: norms, turns, softmax, gate. Sums are float32, results as asked.

Compiled by torch.compile a step takes a tenth less, and the first one minutes more; not worth a compiler.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

EPS = 1e-6
"""Of root mean square norms."""


def _scaled(x: Tensor) -> Tensor:
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS)


def norm(x: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Root mean square norm over the last axis, computed in float32."""
    return (_scaled(x) * weight).to(dtype)


def add_norm(x: Tensor, out: Tensor, weight: Tensor) -> Tensor:
    """The residual stream ``x``, float32, with a normed output of a block added."""
    return x + _scaled(out) * weight


def turned(x: Tensor, weight: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Heads (…, tokens, size), normed and turned: the two halves of a head against each other (NEOX order)."""
    first, second = (_scaled(x) * weight).chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1).to(x.dtype)


def plain_norm(x: Tensor) -> Tensor:
    """Root mean square norm without weights, of values."""
    return _scaled(x).to(x.dtype)


def weighed(scores: Tensor, unseen: Tensor) -> Tensor:
    """Softmax of scores where ``unseen`` (0, or -infinity) is added, computed in float32."""
    return torch.softmax(scores.float() + unseen, -1).to(scores.dtype)


def gated(gate: Tensor, up: Tensor) -> Tensor:
    """The gated activation: llama.cpp's GELU is the one with the hyperbolic tangent."""
    return F.gelu(gate, approximate="tanh") * up
