"""Loads adapters in PEFT and writes what they compute: interop.py JOBS.json.

JOBS.json is a list of {"base", "adapter", "ids", "out"}; `out` gets logits.safetensors (base, adapted, merged), the adapter as
PEFT saves it again (resaved/), and messages.json with what PEFT warned of.
"""

import json
import os
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits.float().contiguous().clone()


def run(job):
    ids = torch.tensor(job["ids"])
    model = AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.float32).eval()
    results = {"base": logits(model, ids)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adapted = PeftModel.from_pretrained(model, job["adapter"]).eval()
    results["adapted"] = logits(adapted, ids)
    adapted.save_pretrained(os.path.join(job["out"], "resaved"))
    results["merged"] = logits(adapted.merge_and_unload(), ids)
    save_file(results, os.path.join(job["out"], "logits.safetensors"))
    with open(os.path.join(job["out"], "messages.json"), "w") as f:
        json.dump([str(w.message) for w in caught], f)


with open(sys.argv[1]) as f:
    jobs = json.load(f)
for number, job in enumerate(jobs):
    print(f"{number + 1}/{len(jobs)} {job['adapter']}", file=sys.stderr)
    run(job)
