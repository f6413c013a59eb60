"""A training step with torch and PEFT: loss and gradients of an adapter's parameters."""

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


class Step:
    """A model and an adapter, read from the folders that every contender reads."""

    def __init__(self, task):
        model = AutoModelForCausalLM.from_pretrained(task["base"], dtype=torch.float32)
        self.model = PeftModel.from_pretrained(model, task["adapter"], is_trainable=True).train()
        sequences, tokens = task["ids"]
        ids = torch.arange(sequences * tokens) * 7919 % task["vocabulary"]
        self.ids = ids.reshape(sequences, tokens)
        trainable = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self.params = [trainable[name] for name in sorted(trainable)]

    def run(self, variant):
        torch.set_num_threads(variant["threads"])
        loss = self.model(input_ids=self.ids, labels=self.ids, use_cache=False).loss
        loss.backward()
        return loss

    def values(self, loss):
        return [loss.detach().numpy(), *(p.grad.numpy() for p in self.params)]

    def reset(self):
        self.model.zero_grad(set_to_none=True)


prepare = Step
