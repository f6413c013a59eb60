"""Writes reference.json: linear algebra by torch (float64) and PEFT's own rotations, on matrices made by a formula."""
import json
import os
import types

import torch
from peft.tuners.c3a.utils import get_circulant_fast
from peft.tuners.hra.layer import HRALinear
from peft.tuners.oft.layer import OFTRotationModule

torch.set_default_dtype(torch.float64)


def made(seed, *shape):
    """Entry i is ((37 i + 11 seed) mod 101) / 50 - 1."""
    n = 1
    for d in shape:
        n *= d
    return (((37 * torch.arange(n) + 11 * seed) % 101).double() / 50 - 1).reshape(shape)


def flat(x):
    return {"shape": list(x.shape), "data": [float(f"{v:.17g}") for v in x.reshape(-1).tolist()]}


out = {"qr": [], "svdvals": [], "eigh": [], "solve": [], "lowRank": [], "oft": [], "hra": [], "kron": []}

for name, a in [
    ("tall", made(1, 6, 4)),
    ("wide", made(2, 4, 6)),
    ("square", made(3, 5, 5)),
    ("one", -made(4, 1, 1)),
    ("row", made(5, 1, 3)),
    ("column", made(6, 3, 1)),
    ("triangular", torch.triu(made(7, 4, 4))),
]:
    q, r = torch.linalg.qr(a)
    out["qr"].append({"name": name, "a": flat(a), "q": flat(q), "r": flat(r)})

i = torch.arange(8)
hilbert = 1 / (1.0 + i[:, None] + i[None, :])
graded = made(8, 7, 5) * torch.tensor([1, 1e-3, 1e-6, 1e-9, 1e-12])
for name, a in [("tall", made(1, 6, 4)), ("wide", made(2, 4, 6)), ("hilbert", hilbert), ("graded", graded)]:
    out["svdvals"].append({"name": name, "a": flat(a), "s": flat(torch.linalg.svdvals(a))})
for name, a in [("hilbert", hilbert), ("symmetric", made(9, 6, 6) + made(9, 6, 6).T)]:
    out["eigh"].append({"name": name, "a": flat(a), "w": flat(torch.linalg.eigvalsh(a))})
a, b = made(10, 5, 5), made(11, 5, 2)
out["solve"].append({"a": flat(a), "b": flat(b), "x": flat(torch.linalg.solve(a, b)), "inverse": flat(torch.linalg.inv(a))})

randn = torch.randn
for name, m, n, q, niter in [("tall", 12, 9, 4, 2), ("wide", 9, 12, 4, 1), ("no iterations", 12, 9, 3, 0)]:
    a, r = made(12, m, n), made(13, min(m, n), q)
    torch.randn = lambda *shape, r=r, **kw: r
    u, s, v = torch.svd_lowrank(a, q, niter)
    torch.randn = randn
    out["lowRank"].append(
        {"name": name, "a": flat(a), "r": flat(r), "niter": niter, "s": flat(s), "product": flat(u @ torch.diag(s) @ v.T)}
    )

torch.set_default_dtype(torch.float32)
u = made(14, 2, 10).float() * 0.2
for terms in [None, 1, 2, 3, 4, 5, 6, 8]:
    module = OFTRotationModule(2, 10, 5, 10, use_cayley_neumann=terms is not None, num_cayley_neumann_terms=terms or 5)
    rotation = module._cayley_batch(u, 5, terms is not None, terms or 5)
    out["oft"].append({"terms": terms, "u": flat(u), "rotation": flat(rotation.detach())})

u = made(15, 6, 4).float()
for gs in [False, True]:
    layer = types.SimpleNamespace(hra_r={"a": 4}, hra_apply_GS={"a": gs}, hra_u={"a": u})
    for reverse in [False, True]:
        h = HRALinear.get_delta_weight(layer, "a", reverse)
        out["hra"].append({"gs": gs, "reverse": reverse, "u": flat(u), "h": flat(h)})

for p, q in [([2, 3], [3, 2]), ([2, 3, 1, 1], [3, 2, 2, 3]), ([2, 2], [3, 2, 3]), ([3], [2, 2]), ([2, 3, 2], [2, 1, 2])]:
    a, b = made(16, *p), made(17, *q)
    out["kron"].append({"a": flat(a), "b": flat(b), "c": flat(torch.kron(a, b))})

w = made(18, 2, 3, 4).float()
out["c3a"] = {"w": flat(w), "c": flat(get_circulant_fast(w))}

out["dft"] = []
for m, n in [(6, 5), (5, 8), (1, 4), (2, 1), (2, 2)]:
    count = min(5, m * n)
    index = torch.tensor([(7 * k + 3) % (m * n) for k in range(count)]).unique()
    c = made(19, len(index))
    s = torch.zeros(m * n, dtype=torch.float64)
    s[index] = c
    y = torch.fft.ifft2(s.reshape(m, n)).real
    out["dft"].append({"m": m, "n": n, "rows": (index // n).tolist(), "cols": (index % n).tolist(), "c": flat(c), "y": flat(y)})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
    json.dump(out, f)
