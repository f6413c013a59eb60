"""Writes samples.json: MonteCLoRA's samples, penalty and gradients by PEFT, on draws that are made by a formula.

Run: python generate.py   (needs torch and peft)
"""
import json
import os

import torch
from peft.tuners.lora.monteclora import MontecloraSampler


def made(seed, *shape):
    """Entry i is ((37 i + 11 seed) mod 101) / 50 - 1."""
    n = torch.Size(shape).numel()
    return (((37 * torch.arange(n) + 11 * seed) % 101).float() / 50 - 1).reshape(shape)


def case(inputs, r, n, dirichlet_prior, use_entropy, scale):
    config = dict(num_samples=n, use_entropy=use_entropy, dirichlet_prior=dirichlet_prior, sample_scaler=0.3)
    sampler = MontecloraSampler(inputs, r, kl_loss_weight=0.01, buffer_size=1, device="cpu", **config)
    sampler.train()
    with torch.no_grad():
        sampler.std_prior.copy_(made(1, r) * scale)
        sampler.expert_weights_prior.copy_(made(2, n) * scale)
    z, chi, weights = made(3, n, inputs, r), 1 + made(4, r), made(5, n)
    wishart = torch.diag(chi) + 0.01 * (torch.ones(r, r) - torch.eye(r))
    sampler.sampler.buffer = [{"z_mvn": z, "z_wishart": wishart, "z_dirichlet": weights}]
    sampler.sampler.index = 0
    A = made(6, r, inputs)
    noise, w = sampler()
    sampled = torch.einsum("n,nij->ij", w, A.T + noise).T
    kl, entropy = sampler.get_variational_loss()
    alpha = torch.exp(sampler.expert_weights_prior.detach())
    exact = torch.distributions.kl_divergence(
        torch.distributions.Dirichlet(alpha), torch.distributions.Dirichlet(torch.full((n,), dirichlet_prior))
    )
    (sampled * made(7, r, inputs)).sum().add(kl).add(entropy).backward()
    return {
        "config": {**config, "kl_loss_weight": 0.01},
        "shape": [r, inputs],
        "scale": scale,
        "sampled": sampled.flatten().tolist(),
        "variance": sampler.gaussian_var_prior.diag().tolist(),
        "weights": w.tolist(),
        "penalty": float(kl + entropy),
        "dirichlet": {"peft": float(sampler.dirichlet_kl(alpha)), "exact": float(exact)},
        "grads": {"spread": sampler.std_prior.grad.tolist(), "weightsPrior": sampler.expert_weights_prior.grad.tolist()},
    }


cases = [case(5, 3, 4, 0.1, False, 1.0), case(3, 2, 8, 1.5, True, 2.0), case(4, 1, 1, 0.7, True, 0.5)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "samples.json"), "w") as f:
    json.dump(cases, f)
    f.write("\n")
