"""Makes the model and the two adapters of the quickstart; PEFT trains and saves the adapters.

The base model continues "a>" with the letter three further on ("d;"). The adapter `caesar-7` makes it seven; the adapter
`upper` makes it answer in capitals. Run: python make.py (torch, transformers, peft; about two minutes on one core).
"""
import os
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
LETTERS = 26


def batch(generator, shift, upper, rows=32, pairs=6):
    x = torch.randint(0, LETTERS, (rows, pairs), generator=generator)
    first = ord("A") if upper else ord("a")
    y = (x + shift) % LETTERS + first
    text = torch.stack([x + ord("a"), torch.full_like(x, ord(">")), y, torch.full_like(x, ord(";"))], -1).reshape(rows, -1)
    labels = text.clone()
    labels[:, 0::4] = -100
    return text, labels


def train(model, shift, upper, steps, lr, seed):
    generator = torch.Generator().manual_seed(seed)
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    for step in range(steps):
        ids, labels = batch(generator, shift, upper)
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    print(f"shift {shift} upper {upper}: loss {loss.item():.4f}")


def main():
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=128, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False, initializer_range=0.12)
    model = LlamaForCausalLM(config)
    train(model, 3, False, 600, 4e-3, 1)
    base = os.path.join(HERE, "base")
    shutil.rmtree(base, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(base, max_shard_size="100KB")
    os.remove(os.path.join(base, "generation_config.json"))
    for name, shift, upper, seed in (("caesar-7", 7, False, 2), ("upper", 3, True, 3)):
        torch.manual_seed(seed)
        plain = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
        lora = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear")
        peft_model = get_peft_model(plain, lora)
        peft_model.peft_config["default"].base_model_name_or_path = "base"
        train(peft_model, shift, upper, 400, 8e-3, seed)
        out = os.path.join(HERE, name)
        shutil.rmtree(out, ignore_errors=True)
        peft_model.save_pretrained(out)
        os.remove(os.path.join(out, "README.md"))
        ids = torch.tensor([[ord("k"), ord(">")]])
        print(name, repr(chr(peft_model(input_ids=ids).logits[0, -1].argmax())))


if __name__ == "__main__":
    main()
