"""Writes allocation.json: AdaLoRA's rank allocation by PEFT, on parameters and gradients made by a formula.

Run: python generate.py   (needs torch and peft)
"""
import json
import os

import torch
from peft import AdaLoraConfig, get_peft_model


def made(seed, shape):
    """Entry i is ((37 i + 11 seed) mod 101) / 50 - 1."""
    n = shape.numel()
    return (((37 * torch.arange(n) + 11 * seed) % 101).float() / 50 - 1).reshape(shape)


SCHEDULE = dict(init_r=4, target_r=2, tinit=2, tfinal=2, total_step=10, deltaT=2, beta1=0.6, beta2=0.7)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(5, 3)
        self.b = torch.nn.Linear(3, 6)


model = get_peft_model(Model(), AdaLoraConfig(target_modules=["a", "b"], **SCHEDULE))
params = {n: p for n, p in model.named_parameters() if "lora_" in n}
plain = lambda n: n.replace(".default", "")
with torch.no_grad():
    for i, (n, p) in enumerate(sorted(params.items())):
        p.copy_(made(i, p.shape))

steps = []
for step in range(12):
    for i, (n, p) in enumerate(sorted(params.items())):
        p.grad = made(100 + 7 * step + i, p.shape)
    model.base_model.update_and_allocate(step)
    pattern = model.peft_config["default"].rank_pattern
    steps.append(
        {
            "E": {plain(n): p.flatten().tolist() for n, p in params.items() if "lora_E" in n},
            "pattern": None if pattern is None else {plain(n): m for n, m in pattern.items()},
        }
    )
    with torch.no_grad():  # what an optimiser would do
        for i, (n, p) in enumerate(sorted(params.items())):
            p.add_(made(300 + 5 * step + i, p.shape), alpha=0.05)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "allocation.json"), "w") as f:
    json.dump({"schedule": SCHEDULE, "shapes": {plain(n): list(p.shape) for n, p in sorted(params.items())}, "steps": steps}, f)
    f.write("\n")
