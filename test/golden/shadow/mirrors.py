"""The shadows that PEFT builds of base models: their sizes, kinds of layers, and the shapes of what is saved.

Run:  python mirrors.py          (writes mirrors.json beside this file)
Made with torch 2.13.0, transformers 5.18.0 and peft 0.21.0.
"""
import json
from pathlib import Path

import peft as P
import transformers as T

TINY = dict(hidden_size=16, intermediate_size=12, num_hidden_layers=4, num_attention_heads=4, vocab_size=9)
SLIDING = dict(**TINY, num_key_value_heads=2, use_sliding_window=True, sliding_window=3)
OPT = dict(hidden_size=16, ffn_dim=12, num_hidden_layers=2, num_attention_heads=4, vocab_size=9, max_position_embeddings=8, pad_token_id=0)
GPT2 = dict(n_embd=16, n_layer=2, n_head=4, n_positions=8, vocab_size=9)
GPT_OSS = dict(**TINY, head_dim=2, num_key_value_heads=2, num_local_experts=2)
CASES = [
    ("llama", TINY, {}),
    ("llama", TINY, dict(shadow_num_attention_heads=8, shadow_hidden_size=6)),
    ("llama", TINY, dict(shadow_num_hidden_layers=0, share_embeddings=False)),
    ("mistral", TINY | dict(num_attention_heads=8), dict(shadow_hidden_size=8)),
    ("mistral", dict(**TINY, num_key_value_heads=1), dict(shadow_num_attention_heads=2)),
    ("qwen2", dict(**SLIDING, max_window_layers=2), dict(shadow_num_hidden_layers=3)),
    ("qwen2", dict(**SLIDING, max_window_layers=5), dict(shadow_num_hidden_layers=6)),
    ("qwen2", dict(**SLIDING, max_window_layers=3), dict(shadow_num_hidden_layers=6)),
    ("qwen2", dict(**SLIDING, max_window_layers=0), dict(shadow_hidden_size=8)),
    ("qwen2", SLIDING | dict(use_sliding_window=False, max_window_layers=0), dict(shadow_num_hidden_layers=2)),
    ("qwen3", dict(**SLIDING, head_dim=4, layer_types=["full_attention", "sliding_attention"] * 2), dict(shadow_num_hidden_layers=6)),
    ("qwen3", dict(**SLIDING, head_dim=4, layer_types=["full_attention", "sliding_attention"] * 2), dict(shadow_num_attention_heads=2)),
    ("gpt_oss", GPT_OSS, dict(shadow_num_hidden_layers=3)),
    ("gpt_oss", GPT_OSS, dict(shadow_num_hidden_layers=6, shadow_hidden_size=8, shadow_intermediate_size=4)),
    ("gpt2", GPT2, dict(shadow_num_hidden_layers=2, shadow_intermediate_size=5, shadow_num_attention_heads=2)),
    ("gpt2", GPT2 | dict(n_inner=7), dict(shadow_hidden_size=8)),
    ("opt", OPT, dict(shadow_num_hidden_layers=2, shadow_intermediate_size=5, shadow_num_attention_heads=2)),
    ("opt", OPT, dict(share_embeddings=False)),
]
KEPT = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "layer_types")

found = []
for model_type, fields, shadow in CASES:
    base = T.AutoModelForCausalLM.from_config(T.AutoConfig.for_model(model_type, **fields))
    model = P.get_peft_model(base, P.ShadowConfig(task_type="CAUSAL_LM", **shadow))
    own = model.base_model.shadow_backbone["default"].config
    config = {k: getattr(own, k) for k in KEPT if getattr(own, k, None) is not None}
    shapes = {n: list(t.shape) for n, t in P.get_peft_model_state_dict(model).items() if "shadow_backbone" in n or "projection" in n}
    found.append(dict(model_type=model_type, architecture=type(base).__name__, base=fields, shadow=shadow, config=config, shapes=shapes))
(Path(__file__).parent / "mirrors.json").write_text("[\n" + ",\n".join(json.dumps(f) for f in found) + "\n]\n")
