"""Merges a LoRA adapter with PEFT and prints the seconds of each step as JSON: peft_merge.py BASE ADAPTER OUT."""

import json
import sys
import time

base, adapter, out = sys.argv[1:]
clock = time.perf_counter
times = [clock()]

import torch  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

times.append(clock())
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
model = PeftModel.from_pretrained(model, adapter)
times.append(clock())
model = model.merge_and_unload()
times.append(clock())
model.save_pretrained(out)
times.append(clock())

steps = ["import", "load", "merge", "save"]
print(json.dumps({step: b - a for step, a, b in zip(steps, times, times[1:])}))
