"""The numbers that all contenders of a bench compute with: a hash of their place, as bench/numbers.ts makes them."""

import numpy as np


def numbers(seed, shape, scale=1.0):
    """float32 numbers between -scale and scale: the murmur finaliser of seed * 2^24 + i."""
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) + np.uint32((seed << 24) & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    unit = h.astype(np.float64) / 2**31 - 1
    return (unit * scale).astype(np.float32).reshape(shape)
