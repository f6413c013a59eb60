"""Draws streams.json with torch 2.13 (CPU, x86-64) and numpy 2.4: the ends of each stream and a hash of all its bits.

Run: python generate.py > streams.json
"""

import hashlib
import json
import math

import numpy as np
import torch

SEEDS = [0, 1, 42, 2**31, 2**32 + 5, 2**53 + 1, 2**63 - 1, 2**64 - 1, -1, -(2**63)]
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def bits(value):
    """Floats as float32, other integers than int64 draws as int32."""
    array = value.float().numpy() if torch.is_tensor(value) and value.is_floating_point() else np.asarray(value)
    return array.ravel()


def record(of, seed, args, values):
    ends = [values[0], values[-1]]
    wide = values.dtype == np.int64
    return {
        "of": of,
        "seed": str(seed),
        "args": args,
        "ends": [str(x) if wide else x.item() for x in ends],
        "hash": hashlib.sha256(values.tobytes()).hexdigest()[:16],
    }


def int32(value):
    return bits(value).astype(np.int32)


def uniform(g, n, low, high, dtype="F32"):
    return bits(torch.empty(n, dtype=DTYPES[dtype]).uniform_(low, high, generator=g))


def normal(g, n, mean, std, dtype="F32"):
    return bits(torch.empty(n, dtype=DTYPES[dtype]).normal_(mean, std, generator=g))


def randn(g, n):
    return bits(torch.randn(n, generator=g))


def perm(g, n, k):
    return int32(torch.randperm(n, generator=g)[:k])


def kaiming(g, shape, a, mode, dtype):
    return bits(torch.nn.init.kaiming_uniform_(torch.empty(shape, dtype=DTYPES[dtype]), a=a, mode=mode, generator=g))


def test_matrix(seed, m, n, q):
    """The only draw of svd_lowrank, caught on its way."""
    drawn = []
    true_randn = torch.randn

    def spy(*args, **kwargs):
        drawn.append(true_randn(*args, **kwargs))
        return drawn[-1]

    matrix = torch.arange(m * n, dtype=torch.float32).reshape(m, n).sin()
    torch.manual_seed(seed)
    torch.randn = spy
    try:
        torch.svd_lowrank(matrix, q=q, niter=2)
    finally:
        torch.randn = true_randn
    assert len(drawn) == 1
    return bits(drawn[0])


def mixed(seed):
    """All kinds of draws in turn from one generator; odd counts of short normals leave one in its cache."""
    g = generator(seed)
    parts = []
    for n in [3, 20, 1, 15, 16, 17, 2, 100, 5]:
        parts += [randn(g, n), uniform(g, n, -1, 2), perm(g, n, n), normal(g, n, 0.5, 2, "BF16")]
        parts += [int32(torch.randint(-7, 11, (n,), generator=g)), int32(torch.randint(0, 2**30, (n,), generator=g))]
        parts += [perm(g, 1000 + n, 5), bits(torch.bernoulli(torch.full((n,), 0.4), generator=g))]
    return np.concatenate([p.astype(np.float32) for p in parts])


def cases():
    for seed in SEEDS:
        small = range(1, 65)
        yield record("rand 1 to 64", seed, [], np.concatenate([uniform(generator(seed), n, 0, 1) for n in small]))
        yield record("randn 1 to 64", seed, [], np.concatenate([randn(generator(seed), n) for n in small]))
        yield record("randperm 1 to 64", seed, [], np.concatenate([perm(generator(seed), n, n) for n in small]))
        yield record("mixed", seed, [], mixed(seed))
        for n in [1, 15, 16, 17, 1000, 4097]:
            yield record("randn", seed, [n], randn(generator(seed), n))
    for seed in [0, 7]:
        for low, high in [(-0.37, 0.71), (0.1, 0.3), (100.1, 101.3), (10000, 10001), (-3.3, -3.1), (2, 2)]:
            for dtype in DTYPES:
                yield record("uniform", seed, [20001, low, high, dtype], uniform(generator(seed), 20001, low, high, dtype))
        for mean, std in [(0.3, 1.7), (-2, 0.02), (1, 0)]:
            for dtype in DTYPES:
                for n in [7, 1003]:
                    yield record("normal", seed, [n, mean, std, dtype], normal(generator(seed), n, mean, std, dtype))
        for low, high in [(0, 1), (-5, 9), (0, 2**28 - 1), (0, 2**28), (3, 2**31), (-(2**31), 2**31)]:
            drawn = torch.randint(low, high, (501,), generator=generator(seed))
            yield record("randint", seed, [501, low, high], int32(drawn))
        for low, high in [(0, 2**28 - 1), (0, 2**28), (-1, 2**32 - 1), (5, 2**40), (-(2**63), 2**63 - 1)]:
            drawn = torch.randint(low, high, (501,), generator=generator(seed))
            yield record("randint64", seed, [501, str(low), str(high)], bits(drawn))
        for p in [0, 0.25, 0.9, 1]:
            drawn = torch.bernoulli(torch.full((1001,), float(p)), generator=generator(seed))
            yield record("bernoulli", seed, [1001, p], bits(drawn))
        for shape in [[4, 8], [8, 3], [7, 1, 33], [5, 6, 3, 3]]:
            for a in [0, math.sqrt(5)]:
                for mode in ["fan_in", "fan_out"]:
                    args = [shape, a, mode, "F32"]
                    yield record("kaiming", seed, args, kaiming(generator(seed), *args))
            args = [shape, math.sqrt(5), "fan_in", "BF16"]
            yield record("kaiming", seed, args, kaiming(generator(seed), *args))
        for n, k in [(0, 0), (1, 1), (1000, 1000), (1000, 125), (1000, 126), (100003, 100003), (1000003, 100)]:
            if n > 0:
                yield record("randperm", seed, [n, k], perm(generator(seed), n, k))
        for m, n, q in [(12, 8, 4), (8, 12, 4), (5, 6, 2), (64, 33, 6)]:
            yield record("svd_lowrank", seed, [m, n, q], test_matrix(seed, m, n, q))
    for seed in [0, 1, 42, 2**32, 2**64 - 1, 2**127 + 9, 2**200 + 3]:
        for n, k in [(1, 1), (10, 3), (10, 10), (10000, 9000), (10001, 200), (10001, 201), (10001, 10001), (70000, 3), (1600000000, 200)]:
            rng = np.random.default_rng(seed)
            yield record("choice", seed, [n, k], int32(rng.choice(n, size=k, replace=False)))
        for n in [1, 2, 3, 100, 65537]:
            values = np.arange(n)
            np.random.default_rng(seed).shuffle(values)
            yield record("shuffle", seed, [n], int32(values))
        rng = np.random.default_rng(seed)
        extras = rng.choice(100, size=33, replace=False)
        values = np.concatenate([np.repeat(np.arange(100), 2), extras])
        rng.shuffle(values)
        yield record("choice, then shuffle", seed, [], int32(values))
    for seed in [0, 123456789, 2**32 - 1]:
        for n, k in [(1, 1), (12, 3), (12, 12), (5000, 4000)]:
            p = np.full(n, np.float32(1) / np.float32(n), dtype=np.float32)
            drawn = np.random.RandomState(seed).choice(n, k, replace=False, p=p)
            yield record("weighted choice", seed, [n, k], int32(drawn))


torch.set_num_threads(1)
print("[\n" + ",\n".join("  " + json.dumps(case) for case in cases()) + "\n]")
