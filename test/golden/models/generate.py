"""Expected values of test/models, computed by torch and transformers.

Run:  python generate.py          (writes rope.json, variants.json and multihead.json beside this file)
Made with torch 2.13.0 and transformers 5.18.0.
"""
import json

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from golden import bases, rounded, wave, write


# ---------------------------------------------------------------- rotary embeddings: config.json, frequencies, cosines and sines
SIZES = dict(hidden_size=64, num_attention_heads=4, num_hidden_layers=1, intermediate_size=8, vocab_size=8)
SHORT, LONG = [1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6], [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 8.0]
FACTORS = dict(short_factor=SHORT, long_factor=LONG)


def rope(kind, context, theta=10000.0, **more):
    return dict(max_position_embeddings=context, rope_parameters=dict(rope_type=kind, rope_theta=theta, **more))


def older(kind, context, theta=10000.0, **more):
    return dict(max_position_embeddings=context, rope_theta=theta, rope_scaling=dict(type=kind, **more))


ROPES = [
    ("default", rope("default", 64), [0, 1, 7, 1000]),
    ("theta 500000, older fields", dict(max_position_embeddings=64, rope_theta=500000.0), [0, 3, 63]),
    ("linear, older fields", older("linear", 64, factor=2.0), [0, 1, 7, 90]),
    ("dynamic within the context", rope("dynamic", 64, factor=2.0), [0, 1, 7, 63]),
    ("dynamic beyond the context", rope("dynamic", 64, factor=2.0), [0, 1, 7, 199]),
    ("yarn", rope("yarn", 128, factor=4.0, original_max_position_embeddings=32), [0, 1, 7, 100]),
    ("yarn, every field", rope("yarn", 32768, 1e6, factor=8.0, original_max_position_embeddings=4096, beta_fast=16, beta_slow=2,
                               mscale=0.8, mscale_all_dim=0.5, truncate=False), [0, 1, 7, 9000]),
    ("yarn, attention factor", older("yarn", 256, 1e6, factor=4.0, original_max_position_embeddings=64, attention_factor=0.9), [0, 1, 200]),
    ("llama3", rope("llama3", 2048, 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                    original_max_position_embeddings=256), [0, 1, 7, 1500]),
    ("longrope, short", rope("longrope", 256, original_max_position_embeddings=64, **FACTORS), [0, 1, 63]),
    ("longrope, long", rope("longrope", 256, original_max_position_embeddings=64, **FACTORS), [0, 1, 64]),
    ("longrope, factor", dict(original_max_position_embeddings=128, **rope("longrope", 256, factor=16.0, **FACTORS)), [0, 1, 127]),
]

cases = []
for name, config, positions in ROPES:
    embedding = LlamaRotaryEmbedding(config=LlamaConfig(**SIZES, **json.loads(json.dumps(config))))
    cos, sin = embedding(torch.zeros(1), torch.tensor([positions]))
    half = cos.shape[-1] // 2
    cases.append(dict(name=name, config={**SIZES, **config}, positions=positions, frequencies=rounded(embedding.inv_freq.tolist(), 9),
                      attentionFactor=float(embedding.attention_scaling), cos=rounded(cos[0, :, :half].tolist(), 9),
                      sin=rounded(sin[0, :, :half].tolist(), 9)))
write("rope.json", cases)

# ---------------------------------------------------------------- base models of the cases with other options: the first 8 logits
IDS = [[31, 52, 45, 53, 85, 76, 12], [7, 90, 3, 3, 44, 61, 28]]
LEFT = [[1] * 7, [0, 0, 1, 1, 1, 1, 1]]
POSITIONS = [[0, 1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 2, 3, 4]]
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
DYNAMIC = dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0)
PLAIN = dict(rope_type="default", rope_theta=10000.0)
SLIDING = dict(use_sliding_window=True)
# tensors [shape, scale] in place of those of the base, or beside them: scale sin(i + 1.7 j) for entry j of tensor i
DECODER, LAYER = "model.decoder.", "model.layers.0."
PROJECTED = {DECODER + "embed_tokens.weight": [[96, 24], 1], DECODER + "project_in.weight": [[32, 24], 0.3], DECODER + "project_out.weight": [[24, 32], 0.3]}
LOUD = {LAYER + "mlp.experts.gate_up_proj_bias": [[4, 48], 12]}
SINKS = {LAYER + "self_attn.sinks": [[4], 3]}
VARIANTS = [
    ("mistral with a sliding window", "mistral", dict(sliding_window=3), {}),
    ("qwen2 with a sliding window from layer 1 on", "qwen2", dict(**SLIDING, sliding_window=2, max_window_layers=1, layer_types=None), {}),
    ("qwen3 with a sliding window in layer 0", "qwen3", dict(**SLIDING, sliding_window=4, layer_types=["sliding_attention", "full_attention"]), {}),
    ("gpt2 with unscaled scores and relu", "gpt2", dict(scale_attn_weights=False, activation_function="relu", layer_norm_epsilon=1e-3), {}),
    ("gpt2 scaled by the layer's index", "gpt2", dict(scale_attn_by_inverse_layer_idx=True, activation_function="gelu"), {}),
    ("llama with gelu and another epsilon", "llama", dict(hidden_act="gelu_pytorch_tanh", rms_norm_eps=1e-2), {}),
    ("llama with llama3 rope", "llama", dict(rope_parameters=LLAMA3), {}),
    ("llama with dynamic rope beyond its context", "llama", dict(max_position_embeddings=4, rope_parameters=DYNAMIC), {}),
    ("llama with yarn", "llama", dict(rope_parameters=YARN), {}),
    ("llama with left padding and positions", "llama", {}, dict(attentionMask=LEFT, positionIds=POSITIONS)),
    ("llama with left padding alone", "llama", {}, dict(attentionMask=LEFT)),
    ("gpt2 with left padding and positions", "gpt2", {}, dict(attentionMask=LEFT, positionIds=POSITIONS)),
    ("qwen3 with shifted positions", "qwen3", {}, dict(positionIds=[[5, 6, 7, 8, 9, 10, 11]])),
    ("opt with left padding alone", "opt", {}, dict(attentionMask=LEFT)),
    ("opt with padding between", "opt", {}, dict(attentionMask=[[1, 1, 0, 0, 1, 0, 1], [1] * 7])),
    ("opt with left padding and positions", "opt", {}, dict(attentionMask=LEFT, positionIds=POSITIONS)),
    ("opt with shifted positions", "opt", {}, dict(positionIds=[[5, 6, 7, 8, 9, 10, 11]])),
    ("opt that normalizes behind its layers, with gelu", "opt", dict(do_layer_norm_before=False, activation_function="gelu"), {}),
    ("opt with plain normalizations and none at the end", "opt", dict(layer_norm_elementwise_affine=False, _remove_final_layer_norm=True), {}),
    ("opt with projected embeddings", "opt", dict(word_embed_proj_dim=24), dict(waves=PROJECTED)),
    ("gpt_oss with a sliding window in layer 0", "gpt_oss", dict(sliding_window=3), {}),
    ("gpt_oss with a sliding window in every other layer", "gpt_oss", dict(sliding_window=2, layer_types=None), {}),
    ("gpt_oss with left padding alone", "gpt_oss", {}, dict(attentionMask=LEFT)),
    ("gpt_oss with one expert a token", "gpt_oss", dict(num_experts_per_tok=1), {}),
    ("gpt_oss with all experts", "gpt_oss", dict(num_experts_per_tok=4, rms_norm_eps=1e-2), {}),
    ("gpt_oss beyond the bounds of its units", "gpt_oss", {}, dict(waves=LOUD)),
    ("gpt_oss with large sinks", "gpt_oss", {}, dict(waves=SINKS)),
    ("gpt_oss with plain rope", "gpt_oss", dict(rope_parameters=PLAIN), {}),
    ("gpt_oss with the rope of its type, far from the start", "gpt_oss", dict(rope_parameters=None),
     dict(positionIds=[[0, 9, 90, 900, 9000, 9001, 90000]])),
]


PYTHON_NAMES = dict(attentionMask="attention_mask", positionIds="position_ids")

cases = []
for name, base, options, inputs in VARIANTS:
    config = json.loads((bases / base / "config.json").read_text()) | json.loads(json.dumps(options))
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(config.pop("model_type"), **config), attn_implementation="eager").eval()
    waves = {k: scale * wave(shape, i) for i, (k, (shape, scale)) in enumerate(inputs.get("waves", {}).items())}
    weights = load_file(bases / base / "model.safetensors") | waves
    missing = model.state_dict().keys() - weights.keys()
    assert missing <= {"lm_head.weight"}, missing
    model.load_state_dict({k: v for k, v in weights.items() if k in model.state_dict()}, strict=False)
    model.tie_weights()
    with torch.no_grad():
        logits = model(input_ids=torch.tensor(IDS), **{PYTHON_NAMES[k]: torch.tensor(v) for k, v in inputs.items() if k in PYTHON_NAMES}).logits
    cases.append(dict(name=name, base=base, config=options, inputIds=IDS, **inputs, logits=rounded(logits[:, :, :8].tolist(), 7)))
write("variants.json", cases)


# ---------------------------------------------------------------- torch.nn.MultiheadAttention, width 6
cases = []
for name, heads, query, key in [("sequence first with a batch", 2, [4, 3, 6], [5, 3, 6]), ("no batch", 3, [4, 6], [4, 6]), ("one head", 1, [2, 2, 6], [2, 2, 6])]:
    layer = torch.nn.MultiheadAttention(6, heads).eval()
    with torch.no_grad():
        for parameter, seed in [(layer.in_proj_weight, 1), (layer.in_proj_bias, 2), (layer.out_proj.weight, 3), (layer.out_proj.bias, 4)]:
            parameter.copy_(wave(parameter.shape, seed, 1))
        output = layer(wave(query, 5, 1), wave(key, 6, 1), wave(key, 7, 1))[0]
    cases.append(dict(name=name, heads=heads, query=query, key=key, output=rounded(output.flatten().tolist(), 8)))
write("multihead.json", cases)
