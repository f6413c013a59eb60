"""What PEFT makes of one small model: starts of LoRA that look at weights, inputs or gradients, VeLoRA's gradients, conversions.

Run:  python generate.py > starts.json
Needs: torch, transformers, peft, attrs.
"""
import copy, json, sys, tempfile, warnings

import torch
from peft import LoHaConfig, LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import initialize_lora_eva_weights
from peft.tuners.lora.config import CordaConfig, EvaConfig, LoraGAConfig, VeloraConfig
from peft.tuners.lora.conversion import convert_to_lora
from peft.tuners.lora.corda import preprocess_corda
from peft.tuners.lora.loraga import preprocess_loraga
from transformers.pytorch_utils import Conv1D

warnings.filterwarnings("ignore")
TARGETS = ["a", "b", "c", "d", "e"]


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.a = torch.nn.Linear(8, 12, bias=False)
        self.b = Conv1D(10, 12)
        self.c = torch.nn.Linear(10, 7, bias=False)
        self.d = Conv1D(7, 7)
        self.e = torch.nn.Linear(8, 7, bias=False)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=g) * 0.5)
            self.b.bias.zero_()
            self.d.bias.zero_()

    def forward(self, x):
        return self.d(torch.relu(self.c(torch.relu(self.b(torch.relu(self.a(x))))))) + self.e(x)


def stored(t):
    t = t.detach().float().contiguous()
    return dict(shape=list(t.shape), data=[float(f"{v:.9g}") for v in t.flatten().tolist()])


def state(model):
    """Factors and base weights of every target."""
    out = {}
    for name in TARGETS:
        m = model.base_model.model.get_submodule(name)
        if not hasattr(m, "lora_A"):
            continue
        out[name] = dict(A=stored(m.lora_A["default"].weight), B=stored(m.lora_B["default"].weight),
                         W=stored(m.get_base_layer().weight), r=m.r["default"], s=m.scaling["default"])
    return out


def started(init, seed=7, prepare=None, **more):
    base = Model().eval()
    cfg = LoraConfig(r=2, lora_alpha=3, target_modules=TARGETS, init_lora_weights=init, **more)
    if prepare:
        prepare(base, cfg)
    torch.manual_seed(seed)
    return get_peft_model(base, cfg)


g = torch.Generator().manual_seed(2)
# inputs that vary in few directions, so that components settle
batches = [torch.randn(40, 8, generator=g) * torch.tensor([3.0, 2.0, 1.5, 1.0, 0.5, 0.3, 0.2, 0.1]) + 0.2 for _ in range(3)]


def inputs_of(model, names=TARGETS):
    seen = {n: [] for n in names}
    hooks = [model.get_submodule(n).register_forward_hook(lambda m, i, o, n=n: seen[n].append(i[0].detach())) for n in names]
    with torch.no_grad():
        for x in batches:
            model(x)
    for h in hooks:
        h.remove()
    return {n: [stored(x) for x in xs] for n, xs in seen.items()}


out = dict(weights={n: stored(Model().get_submodule(n).weight) for n in TARGETS}, inputs=inputs_of(Model()))
out["pissa"] = state(started("pissa"))
out["pissa_niter_2"] = state(started("pissa_niter_2"))
out["olora"] = state(started("olora"))
out["mica"] = state(started("mica"))


def corda(method):
    def prepare(base, cfg):
        preprocess_corda(base, cfg, run_model=lambda: [base(x) for x in batches])
    return state(started("corda", prepare=prepare, corda_config=CordaConfig(corda_method=method)))


out["corda_ipm"], out["corda_kpm"] = corda("ipm"), corda("kpm")

grads = {}


def ga(direction, scale):
    def prepare(base, cfg):
        def step():
            for x in batches[:2]:
                base(x).square().mean().backward()
        preprocess_loraga(base, cfg, step)
        for n in TARGETS:
            grads[n] = stored(base.get_submodule(n)._peft_loraga_grad)
    return state(started("lora_ga", prepare=prepare, lora_ga_config=LoraGAConfig(direction=direction, scale=scale)))


out["lora_ga"] = [dict(direction=d, scale=s, start=ga(d, s)) for d, s in
                  [("ArB2r", "stable"), ("ArBr", "gd_scale"), ("A2rBr", "weight_svd"), ("random", "unit")]]
out["gradients"] = grads


class Batches(list):
    pass


def eva(**more):
    base = Model().eval()
    cfg = LoraConfig(r=3, lora_alpha=6, target_modules=TARGETS, init_lora_weights="eva", eva_config=EvaConfig(**more))
    model = get_peft_model(base, cfg)
    initialize_lora_eva_weights(model, Batches(dict(x=x) for x in batches), prepare_model_inputs_fn=None, prepare_layer_inputs_fn=None,
                                show_progress_bar=False)
    c = model.peft_config["default"]
    return dict(start=state(model), rank_pattern=c.rank_pattern, alpha_pattern=c.alpha_pattern, target_modules=sorted(c.target_modules))


out["eva"] = eva()
out["eva_whitened"] = eva(whiten=True, adjust_scaling_factors=False, rho=1.5)


def velora(init_type):
    torch.manual_seed(3)
    model = get_peft_model(Model(), LoraConfig(r=2, lora_alpha=3, target_modules=["a", "b"],
                           velora_config=VeloraConfig(num_groups=3, scale=0.7, init_type=init_type)))
    g = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "lora_" in n:
                p.copy_(torch.randn(p.shape, generator=g) * 0.3)
    tensors = {n: stored(p) for n, p in model.state_dict().items() if "lora_" in n}
    model.train()
    x = batches[0][:5].clone().requires_grad_(True)
    model(x).square().sum().backward()
    after = {n: stored(p) for n, p in model.state_dict().items() if "velora_embed" in n}
    return dict(tensors=tensors, input=stored(x), input_gradient=stored(x.grad), directions=after,
                gradients={n: stored(p.grad) for n, p in model.named_parameters() if p.grad is not None})


out["velora"] = {k: velora(k) for k in ("random", "batch_average", "batch_average_once")}

torch.manual_seed(5)
loha = get_peft_model(Model(), LoHaConfig(r=2, alpha=3, target_modules=["a", "c"], init_weights=False))
out["loha"] = {n: stored(p) for n, p in loha.state_dict().items() if "hada_" in n}


def converted(rank):
    cfg, tensors = convert_to_lora(loha, rank)
    product = {n: stored(tensors[f"base_model.model.{n}.lora_B.weight"] @ tensors[f"base_model.model.{n}.lora_A.weight"]) for n in ("a", "c")}
    return dict(r=cfg.r, lora_alpha=cfg.lora_alpha, rank_pattern=cfg.rank_pattern, alpha_pattern=cfg.alpha_pattern,
                target_modules=sorted(cfg.target_modules), product=product)


out["converted"] = [dict(asked=k, result=converted(k)) for k in (2, 3, 0.9, 1.0)]


def plain(**more):
    model = started("pissa", **more)
    model.peft_config["default"].init_lora_weights = True
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as last:
        model.save_pretrained(first)
        model.peft_config["default"].init_lora_weights = "pissa"
        g = torch.Generator().manual_seed(6)
        with torch.no_grad():
            for n, p in model.named_parameters():
                if "lora_" in n:
                    p.add_(torch.randn(p.shape, generator=g) * 0.1)
        trained = state(model)
        model.save_pretrained(last, path_initial_model_for_weight_conversion=first)
        cfg = json.load(open(last + "/adapter_config.json"))
    return dict(trained=trained, **{k: cfg[k] for k in ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "init_lora_weights")})


out["plain"] = plain(rank_pattern={"c": 3}, alpha_pattern={"c": 5})
json.dump(out, sys.stdout, sort_keys=True)
