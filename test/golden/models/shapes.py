"""Names and shapes of decoders' parameters, from transformers.

Run:  python shapes.py          (writes shapes.json beside this file)
Made with torch 2.13.0 and transformers 5.18.0.
"""
import torch
import transformers as T

from golden import write

ONE = dict(num_hidden_layers=1)
SMALL = dict(num_hidden_layers=2, hidden_size=12, num_attention_heads=3, vocab_size=7)
CASES = [
    ("llama", ONE),
    ("llama", dict(**SMALL, attention_bias=True, mlp_bias=True, intermediate_size=5, num_key_value_heads=1)),
    ("llama", dict(**SMALL, head_dim=2, num_key_value_heads=None)),
    ("mistral", ONE),
    ("mistral", dict(**SMALL, num_key_value_heads=1, intermediate_size=5)),
    ("qwen2", ONE),
    ("qwen2", dict(**SMALL, num_key_value_heads=1)),
    ("qwen3", ONE),
    ("qwen3", dict(**SMALL, attention_bias=True, num_key_value_heads=3, head_dim=6)),
    ("gpt_oss", ONE),
    ("gpt_oss", dict(**SMALL, attention_bias=False, num_local_experts=2, intermediate_size=5, num_key_value_heads=1, head_dim=4)),
    ("gpt2", dict(n_layer=1)),
    ("gpt2", dict(n_layer=2, n_embd=12, n_head=3, n_inner=5, n_positions=9, vocab_size=7)),
    ("opt", ONE),
    ("opt", dict(**SMALL, word_embed_proj_dim=4, do_layer_norm_before=False, ffn_dim=5, max_position_embeddings=9)),
    ("opt", dict(**SMALL, enable_bias=False, layer_norm_elementwise_affine=False)),
    ("opt", dict(**SMALL, _remove_final_layer_norm=True)),
]

found = []
for model_type, fields in CASES:
    with torch.device("meta"):
        model = T.AutoModel.from_config(T.AutoConfig.for_model(model_type, **fields))
    shapes = {n.removeprefix("decoder."): list(p.shape) for n, p in model.named_parameters()}
    found.append(dict(model_type=model_type, config=fields, shapes=shapes))
write("shapes.json", found)
