"""Makes transformers' models compute in float64 throughout.

`.double()` leaves float32 inside: RMSNorm and softmax cast down, and rotary frequencies are computed in float32. Import
this before a model runs; patch(model) then repairs the model's own classes. Where float32 was used, transformers' own
numbers are a check: the frequencies must agree to float32.
"""

import math

import torch

_softmax = torch.nn.functional.softmax


def _softmax_keeping_double(x, dim=None, _stacklevel=3, dtype=None):
    return _softmax(x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype)


torch.nn.functional.softmax = _softmax_keeping_double


def frequencies(config):
    """Rotary frequencies in float64 (RoFormer; the scalings `linear` and `llama3` as transformers documents them)."""
    rope = dict(config.rope_parameters)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    size = int(head * rope.get("partial_rotary_factor", 1.0))
    plain = rope["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    kind = rope.get("rope_type", "default")
    if kind == "default":
        return plain
    if kind == "linear":
        return plain / rope["factor"]
    assert kind == "llama3", kind
    low, high, trained = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    out = []
    for f in plain.tolist():
        turns = trained * f / (2 * math.pi)  # within the original context
        share = min(1.0, max(0.0, (turns - low) / (high - low)))
        out.append(f * (share + (1 - share) / rope["factor"]))
    return torch.tensor(out, dtype=torch.float64)


def _norm(self, x):
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def _rotary(self, x, position_ids, *_args, **_kwargs):
    exact = frequencies(self.config)
    worst = (self.inv_freq.double() / exact - 1).abs().max().item()
    assert worst < 1e-5, f"the frequencies are not transformers' own: off by {worst}"
    angle = position_ids[..., None].double() * exact
    both = torch.cat((angle, angle), -1)
    return both.cos(), both.sin()


def patch(model):
    """Replaces what casts down in the classes of `model`'s parts; returns the model in float64."""
    for part in model.modules():
        name = type(part).__name__
        if name.endswith("RMSNorm"):
            type(part).forward = _norm
        elif name.endswith("RotaryEmbedding"):
            type(part).forward = _rotary
    return model.double()
