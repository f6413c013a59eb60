"""Expected values of test/models/generate, cache and sampling tests, computed by transformers.

Run:  python generation.py          (writes generation.json, past.json and sampling.json beside this file)
Made with torch 2.13.0 and transformers 5.18.0.
"""
import json

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache
from transformers.generation import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from golden import bases, rounded, wave, write

WINDOW = dict(sliding_window=4)
MIXED = dict(use_sliding_window=True, sliding_window=3, layer_types=["sliding_attention", "full_attention"])
MODELS = [("llama", {}), ("mistral", {}), ("mistral", WINDOW), ("qwen2", {}), ("qwen2", MIXED), ("qwen3", {}), ("gpt2", {}),
          ("opt", {}), ("gpt_oss", {}), ("gpt_oss", WINDOW)]


def load(base, options):
    config = json.loads((bases / base / "config.json").read_text()) | json.loads(json.dumps(options))
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config.pop("model_type"), **config), attn_implementation="eager").eval()
    loaded = model.load_state_dict(load_file(bases / base / "model.safetensors"), strict=False)
    assert not loaded.unexpected_keys and set(loaded.missing_keys) <= {"lm_head.weight"}, loaded
    model.tie_weights()
    return model


def padded(prompts):
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    return ids, mask


# ---------------------------------------------------------------- greedy tokens of a batch of different lengths
PROMPTS = [[31, 52, 45, 53, 85, 76, 12], [7, 90, 3], [44]]
NEW = 24


def margin(scores):
    top = torch.stack(scores).topk(2, dim=-1).values
    return (top[..., 0] - top[..., 1]).min().item()


cases = []
for base, options in MODELS:
    model = load(base, options)
    ids, mask = padded(PROMPTS)
    with torch.no_grad():
        out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, eos_token_id=None, pad_token_id=0,
                             output_scores=True, return_dict_in_generate=True)
    tokens = out.sequences[:, ids.shape[1]:].tolist()
    assert margin(out.scores) > 1e-4, (base, margin(out.scores))
    # An end token that ends the first sequence early; the others may go on.
    end = tokens[0][5]
    with torch.no_grad():
        stopped = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, eos_token_id=end, pad_token_id=0)
    cut = [row[: row.index(end) + 1] if end in row else row for row in stopped[:, ids.shape[1]:].tolist()]
    cases.append(dict(base=base, config=options, prompts=PROMPTS, tokens=tokens, end=end, ended=cut))
write("generation.json", cases)


# ---------------------------------------------------------------- a past of given keys and values before padded text: the first 8 logits
cases = []
P = 3
for base, options in MODELS:
    model = load(base, options)
    heads = getattr(model.config, "num_key_value_heads", model.config.num_attention_heads)
    ids, mask = padded(PROMPTS[:2])
    B = len(ids)
    cache = DynamicCache([(wave([1, heads, P, 8], 2 * l).expand(B, -1, -1, -1), wave([1, heads, P, 8], 2 * l + 1).expand(B, -1, -1, -1)) for l in range(2)])
    full = torch.cat([torch.ones(B, P, dtype=mask.dtype), mask], 1)
    positions = (full.cumsum(-1) - 1).masked_fill(full == 0, 0)[:, P:]
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=full, position_ids=positions, past_key_values=cache).logits
    cases.append(dict(base=base, config=options, past=P, prompts=PROMPTS[:2], logits=rounded(logits[:, -1, :8].tolist(), 7)))
write("past.json", cases)

# ---------------------------------------------------------------- distributions after the filters that do_sample applies, in its order
LOGITS = torch.tensor([[1.5, -0.25, 3.0, 3.0, 0.5, -2.0, 2.25, 0.5, -7.0, 1.0]])
FILTERS = [{}, dict(temperature=0.5), dict(temperature=3.0), dict(topK=1), dict(topK=2), dict(topK=3), dict(topK=7), dict(topK=99), dict(topP=0.5),
           dict(topP=0.75), dict(topP=0.9), dict(topP=0.999), dict(topK=4, topP=0.8), dict(temperature=2.0, topK=6, topP=0.7),
           dict(temperature=0.25, topP=0.95)]
MAKE = dict(temperature=TemperatureLogitsWarper, topK=TopKLogitsWarper, topP=TopPLogitsWarper)

cases = []
for options in FILTERS:
    warpers = LogitsProcessorList([MAKE[name](value) for name, value in options.items()])
    p = warpers(None, LOGITS.clone()).softmax(-1)
    cases.append(dict(filters=options, logits=LOGITS[0].tolist(), probabilities=rounded(p[0].tolist(), 7)))
write("sampling.json", cases)
