"""Merging one layer with PEFT: the task says which layer, which adapter, and the folders that Weft reads both from."""

import os

import torch
from hashed import numbers
from peft import PeftModel, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file

# How far trained numbers are from their start, where some adapters change nothing.
SPREAD = 0.02

LAYERS = {
    "Linear": lambda n: torch.nn.Linear(n, n),
    "Embedding": lambda n: torch.nn.Embedding(n, n),
    "LayerNorm": torch.nn.LayerNorm,
}


class OneLayer(torch.nn.Module):
    """The base model."""

    def __init__(self, kind, size):
        super().__init__()
        self.layer = LAYERS[kind](size)
        with torch.no_grad():
            for i, p in enumerate(self.layer.parameters()):
                p.copy_(torch.from_numpy(numbers(i + 1, tuple(p.shape), 0.05)))

    def forward(self, x):
        return self.layer(x)


def move(model):
    """Moves every trainable number by one that hangs on its place."""
    with torch.no_grad():
        for i, p in enumerate(p for p in model.parameters() if p.requires_grad):
            p.add_(torch.from_numpy(numbers(i + 10, tuple(p.shape), SPREAD)))


def adapter_layer(adapted):
    """The layer that has the adapter."""
    return next(m for m in adapted.modules() if isinstance(m, BaseTunerLayer))


def change(layer, before):
    """W' - W of a merged layer."""
    return [(p.detach() - w).numpy() for p, w in zip(layer.get_base_layer().parameters(), before)]


def write(task):
    """A base and an adapter, new, in the folders of the task; gives the base's parameters and the model."""
    torch.manual_seed(0)
    model = OneLayer(task["layer"], task["size"])
    before = [p.detach().clone() for p in model.layer.parameters()]
    base = os.path.join(task["base"], "model.safetensors")
    os.makedirs(task["base"], exist_ok=True)
    if not os.path.exists(base):
        save_file({f"layer.{name}": p.detach() for name, p in model.layer.named_parameters()}, base)
    config = PEFT_TYPE_TO_CONFIG_MAPPING[task["type"]](target_modules=["layer"], **task["fields"])
    adapted = get_peft_model(model, config).eval()
    move(adapted)
    adapted.save_pretrained(task["adapter"])
    return before, adapted


class Merge:
    """A run merges the adapter."""

    def __init__(self, task):
        self.before, adapted = write(task)
        self.layer = adapter_layer(adapted)
        self.base = self.layer.get_base_layer()
        self.start = [p.detach().clone() for p in self.base.parameters()]

    def run(self, variant):
        torch.set_num_threads(variant["threads"])
        self.layer.merge()

    def values(self, _):
        return change(self.layer, self.before)

    def reset(self):
        if self.layer.get_base_layer() is not self.base:
            self.layer.unmerge()  # LN tuning puts another layer into its place
        with torch.no_grad():
            for p, value in zip(self.base.parameters(), self.start):
                p.copy_(value)
        self.layer.merged_adapters.clear()


class LoadAndMerge:
    """A run loads the adapter and merges it."""

    def __init__(self, task):
        self.before, _ = write(task)
        self.task = task
        self.reset()

    def run(self, variant):
        torch.set_num_threads(variant["threads"])
        layer = adapter_layer(PeftModel.from_pretrained(self.model, self.task["adapter"]))
        layer.merge()
        return layer

    def values(self, layer):
        return change(layer, self.before)

    def reset(self):
        self.model = OneLayer(self.task["layer"], self.task["size"])


def prepare(task):
    return LoadAndMerge(task) if task["loading"] else Merge(task)
