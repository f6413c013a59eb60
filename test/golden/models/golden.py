"""What the scripts of this folder share: where bases lie, numbers made by a formula, and how cases are written."""
import json
from pathlib import Path

import torch

here = Path(__file__).parent
bases = here.parent / "cases" / "bases"


def wave(shape, seed, step=1.7):
    """Entry j is sin(seed + step j)."""
    return torch.sin(seed + step * torch.arange(torch.Size(shape).numel(), dtype=torch.float64)).float().reshape(shape)


def rounded(x, digits):
    if isinstance(x, float):
        return float(f"{x:.{digits}g}")
    if isinstance(x, list):
        return [rounded(y, digits) for y in x]
    return x


def write(name, cases):
    (here / name).write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
