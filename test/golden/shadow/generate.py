"""Golden cases of ShadowPEFT, computed by PEFT: adapters, outputs, gradients, losses and generated tokens.

Run:  python generate.py        (writes ../cases/lm/*-shadow*)
Made with torch 2.13.0, transformers 5.18.0 and peft 0.21.0.

Beside the names of all cases, expected.safetensors holds `detached` (the logits of the shadow alone), `loss.shadow` and `loss.total`
(its loss, and PEFT's of a step of training) and `total.NAME` (gradients of loss.total). case.json holds the prompts and tokens of
greedy generation with a cache, of the whole model (`generated`) and of the shadow alone (`detached`).
"""
import json
import os
import shutil
import tempfile
from pathlib import Path

import peft as P
import torch
import torch.nn.functional as F
import transformers as T
from safetensors.torch import load_file, save_file

here = Path(__file__).resolve().parent
cases = here.parent / "cases"

IDS = torch.tensor([[31, 52, 45, 53, 85, 76, 12], [7, 90, 3, 3, 44, 61, 28]])
MASK = torch.tensor([[1] * 7, [1, 1, 1, 1, 1, 0, 0]])
# two prompts of different lengths, the shorter one padded on the left
PROMPTS = [[31, 52, 45, 53, 85], [7, 90, 3]]
NEW = 6

SMALL = dict(r=2, shadow_intermediate_size=8)
CASES = {
    "llama-shadow": ("llama", {}),
    "llama-shadow-sizes": ("llama", dict(
        r=3, update_hidden_size=5, shadow_alpha=0.7, shadow_num_hidden_layers=2, shadow_hidden_size=16, shadow_intermediate_size=12,
        shadow_num_attention_heads=2, shadow_dropout=0.0, auxiliary_loss_weight=0.3)),
    "llama-shadow-embeddings": ("llama", dict(**SMALL, share_embeddings=False, modules_to_save=["lm_head"])),
    "llama-shadow-one-block": ("llama", dict(**SMALL, target_modules=r".*layers\.1", init_weights=False, auxiliary_loss_weight=0.0)),
    "mistral-shadow": ("mistral", dict(**SMALL, exclude_modules=["layers.0"])),
    "qwen2-shadow": ("qwen2", dict(**SMALL, shadow_hidden_size=16)),
    "qwen3-shadow": ("qwen3", dict(**SMALL, shadow_num_hidden_layers=3)),
    "gpt2-shadow": ("gpt2", dict(**SMALL, shadow_num_attention_heads=2)),
    "opt-shadow": ("opt", SMALL),
    "gpt_oss-shadow": ("gpt_oss", SMALL),
}

TINY = dict(vocab_size=96, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)


def pretrained(folder, projected=None, **fields):
    """A shadow model of its own beside the adapter, with a projection to the width `projected` or a plain one."""
    torch.manual_seed(7)
    config = T.AutoConfig.for_model(**fields, **TINY)
    if projected is None:
        T.AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
        (folder / "model" / "generation_config.json").unlink()
        return
    model = T.AutoModel.from_config(config)
    (folder / "model").mkdir()
    inner = json.loads(config.to_json_string(use_diff=False))
    (folder / "model" / "config.json").write_text(json.dumps(
        dict(model_type="causal_lm_with_hidden_projection", shadow_model_config=inner), indent=1) + "\n")
    weights = {f"shadow_model.{n}": p.detach() for n, p in model.named_parameters()}
    weights["shadow_hidden_projection.weight"] = torch.randn(projected, config.hidden_size)
    save_file(weights, folder / "model" / "model.safetensors")


# shadows that exist: PEFT finds them by a path from the working directory
PRETRAINED = {
    "llama-shadow-qwen3": ("llama", dict(model_type="qwen3", hidden_size=16, intermediate_size=8, head_dim=8, num_key_value_heads=1)),
    "gpt2-shadow-projected": ("gpt2", dict(projected=32, model_type="llama", hidden_size=16, intermediate_size=8, num_key_value_heads=1)),
    "llama-shadow-opt": ("llama", dict(model_type="opt", hidden_size=32, ffn_dim=8, word_embed_proj_dim=32, dropout=0.0)),
}
CASES |= {name: (base, dict(r=2, shadow_model="model")) for name, (base, _) in PRETRAINED.items()}


def causal_loss(logits, ids):
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


def gradients(model):
    found = {n.replace(".modules_to_save.default", ""): p.grad.clone() for n, p in model.named_parameters()
             if p.requires_grad and p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def generated(model, pad, prompts=PROMPTS):
    width = max(len(p) for p in prompts)
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    found = [model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, eos_token_id=None, pad_token_id=pad,
                            use_cache=cached)[:, width:].tolist() for cached in (True, False)]
    assert found[0] == found[1], found
    return found[0]


def load(base):
    model = T.AutoModelForCausalLM.from_pretrained(cases / "bases" / base)
    model.name_or_path = None  # the folder of a machine, which PEFT would save
    return model


for name, (base, fields) in CASES.items():
    folder = cases / "lm" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if name in PRETRAINED:
        pretrained(folder, **PRETRAINED[name][1])
    os.chdir(folder)
    torch.manual_seed(len(name))
    model = P.get_peft_model(load(base), P.ShadowConfig(task_type="CAUSAL_LM", **fields))
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.requires_grad:
                p.add_((0.4 if "shadow_up" in n or "backbone" in n else 0.2) * torch.randn(p.shape))
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        for file in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copy(Path(saved) / file, folder / file)
    model = P.PeftModel.from_pretrained(load(base), folder, is_trainable=True).eval()
    model.generation_config.eos_token_id = None
    tuner = model.base_model
    given = dict(input_ids=IDS, attention_mask=MASK)
    expected = {"input.input_ids": IDS, "input.attention_mask": MASK}
    expected["output.base"] = load(base).eval()(**given).logits.detach()
    logits = model(**given).logits
    expected["output.adapted"] = logits.detach()
    expected["lm_loss"] = causal_loss(logits, IDS).detach().reshape(1)
    expected["cotangent"] = torch.randn(logits.shape)
    (logits * expected["cotangent"]).sum().backward()
    expected |= {f"grad.{n}": g for n, g in gradients(model).items()}
    out = model(**given, labels=IDS)
    out.loss.backward()
    expected |= {"loss.shadow": tuner.last_shadow_loss.reshape(1), "loss.total": out.loss.detach().reshape(1)}
    total = gradients(model)
    expected |= {f"total.{n}": g for n, g in total.items() if n.endswith(("shadow_down.default.weight", "k_proj.weight", "c_attn.weight",
                                                                          "shadow_projection.default.weight"))}
    pad = model.config.pad_token_id or 0
    header = dict(id=f"lm/{name}", base=base, family="lm", peft_type="SHADOW", prompts=PROMPTS, generated=generated(model, pad))
    try:
        alone = tuner.unload_shadow().eval()
        expected["detached"] = alone(**given).logits.detach()
        # one by one: transformers passes no positions to a detached shadow, so GPT-2 counts padding as tokens there
        header["detached"] = [generated(alone, pad, [p])[0] for p in PROMPTS]
    except ValueError as error:  # of mixtures of experts: "DetachedShadowModel does not support setting experts implementation"
        assert base == "gpt_oss", error
    try:
        model.merge_and_unload(base)
    except NotImplementedError as error:
        header["merge_error"] = str(error)
    (folder / "case.json").write_text(json.dumps(header, indent=1) + "\n")
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    assert len(load_file(folder / "adapter_model.safetensors")) > 0
    print(name, sum(f.stat().st_size for f in folder.rglob('*')), header["generated"], header.get("detached"))
