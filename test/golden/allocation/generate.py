"""Writes adalora.json and adamss.json: how PEFT allocates ranks and subspaces, on parameters and gradients made by a formula.

Run: python generate.py   (needs torch, scikit-learn and peft)
"""
import json
from pathlib import Path

import torch
from peft import AdaLoraConfig, AdamssConfig, get_peft_model


def made(seed, shape):
    """Entry i is ((37 i + 11 seed) mod 101) / 50 - 1."""
    n = shape.numel()
    return (((37 * torch.arange(n) + 11 * seed) % 101).float() / 50 - 1).reshape(shape)


class Model(torch.nn.Module):
    def __init__(self, a, b):
        super().__init__()
        torch.manual_seed(0)
        self.a = torch.nn.Linear(*a)
        self.b = torch.nn.Linear(*b)


def plain(name):
    return name.replace(".default", "")


def allocate(name, schedule, model, owns, tell, key):
    """Twelve steps of training, and what `tell` says of the parameters after each."""
    params = {n: p for n, p in model.named_parameters() if owns(n)}
    with torch.no_grad():
        for i, (n, p) in enumerate(sorted(params.items())):
            p.copy_(made(i, p.shape))
    told = []
    for step in range(12):
        for i, (n, p) in enumerate(sorted(params.items())):
            p.grad = made(100 + 7 * step + i, p.shape) if p.requires_grad else None
        model.base_model.update_and_allocate(step)
        told.append(tell(model, params))
        with torch.no_grad():  # what an optimiser would do
            for i, (n, p) in enumerate(sorted(params.items())):
                if p.requires_grad:
                    p.add_(made(300 + 5 * step + i, p.shape), alpha=0.05)
    shapes = {plain(n): list(p.shape) for n, p in sorted(params.items())}
    (Path(__file__).parent / f"{name}.json").write_text(json.dumps({"schedule": schedule, "shapes": shapes, key: told}) + "\n")


def ranks(model, params):
    pattern = model.peft_config["default"].rank_pattern
    return {
        "E": {plain(n): p.flatten().tolist() for n, p in params.items() if "lora_E" in n},
        "pattern": None if pattern is None else {plain(n): m for n, m in pattern.items()},
    }


def frozen(_, params):
    return sorted(plain(n) for n, p in params.items() if not p.requires_grad)


SCHEDULE = dict(init_r=4, target_r=2, tinit=2, tfinal=2, total_step=10, deltaT=2, beta1=0.6, beta2=0.7)
config = AdaLoraConfig(target_modules=["a", "b"], **SCHEDULE)
allocate("adalora", SCHEDULE, get_peft_model(Model((5, 3), (3, 6)), config), lambda n: "lora_" in n, ranks, "steps")

SCHEDULE = dict(asa_target_subspaces=3, init_warmup=1, final_warmup=9, mask_interval=2, asa_importance_beta=0.6, asa_uncertainty_beta=0.7,
                asa_schedule_exponent=2.0)
config = AdamssConfig(target_modules=["a", "b"], r=4, num_subspaces=4, subspace_rank=1, use_asa=True, **SCHEDULE)
allocate("adamss", SCHEDULE, get_peft_model(Model((6, 8), (8, 9)), config), lambda n: "adamss_A" in n or "adamss_B" in n, frozen, "frozen")
