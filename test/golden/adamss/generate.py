"""Writes allocation.json: AdaMSS's subspace allocation by PEFT, on parameters and gradients made by a formula.

Run: python generate.py   (needs torch, scikit-learn and peft)
"""
import json
import os

import torch
from peft import AdamssConfig, get_peft_model


def made(seed, shape):
    """Entry i is ((37 i + 11 seed) mod 101) / 50 - 1."""
    n = shape.numel()
    return (((37 * torch.arange(n) + 11 * seed) % 101).float() / 50 - 1).reshape(shape)


SCHEDULE = dict(asa_target_subspaces=3, init_warmup=1, final_warmup=9, mask_interval=2, asa_importance_beta=0.6, asa_uncertainty_beta=0.7, asa_schedule_exponent=2.0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a = torch.nn.Linear(6, 8)
        self.b = torch.nn.Linear(8, 9)


model = get_peft_model(Model(), AdamssConfig(target_modules=["a", "b"], r=4, num_subspaces=4, subspace_rank=1, use_asa=True, **SCHEDULE))
params = {n: p for n, p in model.named_parameters() if "adamss_A" in n or "adamss_B" in n}
plain = lambda n: n.replace(".default", "")
with torch.no_grad():
    for i, (n, p) in enumerate(sorted(params.items())):
        p.copy_(made(i, p.shape))

steps = []
for step in range(12):
    for i, (n, p) in enumerate(sorted(params.items())):
        p.grad = made(100 + 7 * step + i, p.shape) if p.requires_grad else None
    model.base_model.update_and_allocate(step)
    steps.append(sorted(plain(n) for n, p in params.items() if not p.requires_grad))
    with torch.no_grad():  # what an optimiser would do
        for i, (n, p) in enumerate(sorted(params.items())):
            if p.requires_grad:
                p.add_(made(300 + 5 * step + i, p.shape), alpha=0.05)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "allocation.json"), "w") as f:
    json.dump({"schedule": SCHEDULE, "shapes": {plain(n): list(p.shape) for n, p in sorted(params.items())}, "frozen": steps}, f)
    f.write("\n")
