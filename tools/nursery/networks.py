"""The three architectures as functions of a dictionary of weights whose names are those of transformers.

Training needs nothing else of transformers; tools/oracle/make_nursery.py loads the saved files into its classes.
"""
import math

import torch
import torch.nn.functional as F


def sinusoids(positions, width, deviation):
    """Start of the position embeddings: sines and cosines (Vaswani et al. 2017), scaled to the given deviation.

    Neighbours can be found by a linear map from the start; with random ones attention first has to learn an order.
    They are trained like every other weight."""
    at = torch.arange(positions)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    table = torch.stack((at.sin(), at.cos()), -1).reshape(positions, width)
    return table * (deviation * math.sqrt(2))


class Weights(dict):
    """Weights by name, drawn from a normal distribution of the shape's deviation."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.generator = torch.Generator().manual_seed(shape.seed)

    def matrix(self, name, rows, columns, scale=1.0):
        draw = torch.randn(rows, columns, generator=self.generator)
        self[name] = draw * (self.shape.deviation * scale)

    def affine(self, name, inputs, outputs, conv=False, scale=1.0):
        self.matrix(name + '.weight', *((inputs, outputs) if conv else (outputs, inputs)), scale)
        self[name + '.bias'] = torch.zeros(outputs)

    def norm(self, name, width):
        self[name + '.weight'] = torch.ones(width)
        self[name + '.bias'] = torch.zeros(width)

    def positions(self, name, width):
        self[name] = sinusoids(self.shape.context, width, self.shape.deviation)

    def require_gradients(self):
        for name in self:
            self[name] = self[name].clone().requires_grad_()
        return self


def gpt2_weights(s):
    w = Weights(s)
    w.matrix('transformer.wte.weight', s.vocabulary, s.width)
    w.positions('transformer.wpe.weight', s.width)
    into_stream = 1 / math.sqrt(2 * s.layers)  # GPT-2's scaling of what is added to the residual stream
    for i in range(s.layers):
        h = f'transformer.h.{i}.'
        w.norm(h + 'ln_1', s.width)
        w.affine(h + 'attn.c_attn', s.width, 3 * s.width, conv=True)
        w.affine(h + 'attn.c_proj', s.width, s.width, conv=True, scale=into_stream)
        w.norm(h + 'ln_2', s.width)
        w.affine(h + 'mlp.c_fc', s.width, 4 * s.width, conv=True)
        w.affine(h + 'mlp.c_proj', 4 * s.width, s.width, conv=True, scale=into_stream)
    w.norm('transformer.ln_f', s.width)
    return w


def embeddings_weights(w, prefix, width):
    s = w.shape
    w.matrix(prefix + 'word_embeddings.weight', s.vocabulary, width)
    w.positions(prefix + 'position_embeddings.weight', width)
    w.matrix(prefix + 'token_type_embeddings.weight', 2, width)
    w.norm(prefix + 'LayerNorm', width)


def bert_weights(s):
    w = Weights(s)
    embeddings_weights(w, 'bert.embeddings.', s.width)
    for i in range(s.layers):
        b = f'bert.encoder.layer.{i}.'
        for part in ('query', 'key', 'value'):
            w.affine(b + 'attention.self.' + part, s.width, s.width)
        w.affine(b + 'attention.output.dense', s.width, s.width)
        w.norm(b + 'attention.output.LayerNorm', s.width)
        w.affine(b + 'intermediate.dense', s.width, 4 * s.width)
        w.affine(b + 'output.dense', 4 * s.width, s.width)
        w.norm(b + 'output.LayerNorm', s.width)
    w.affine('cls.predictions.transform.dense', s.width, s.width)
    w.norm('cls.predictions.transform.LayerNorm', s.width)
    w['cls.predictions.bias'] = torch.zeros(s.vocabulary)
    return w


ALBERT_BLOCK = 'albert.encoder.albert_layer_groups.0.albert_layers.0.'


def albert_weights(s):
    w = Weights(s)
    embeddings_weights(w, 'albert.embeddings.', s.embedding)
    w.affine('albert.encoder.embedding_hidden_mapping_in', s.embedding, s.width)
    for part in ('query', 'key', 'value', 'dense'):
        w.affine(ALBERT_BLOCK + 'attention.' + part, s.width, s.width)
    w.norm(ALBERT_BLOCK + 'attention.LayerNorm', s.width)
    w.affine(ALBERT_BLOCK + 'ffn', s.width, 4 * s.width)
    w.affine(ALBERT_BLOCK + 'ffn_output', 4 * s.width, s.width)
    w.norm(ALBERT_BLOCK + 'full_layer_layer_norm', s.width)
    w.affine('predictions.dense', s.width, s.embedding)
    w.norm('predictions.LayerNorm', s.embedding)
    w['predictions.bias'] = torch.zeros(s.vocabulary)
    return w


def attend(q, k, v, heads, causal):
    """Queries, keys, values (windows, tokens, width) to the heads' outputs, side by side."""
    windows, tokens, width = q.shape
    q, k, v = (x.view(windows, tokens, heads, width // heads).transpose(1, 2) for x in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return out.transpose(1, 2).reshape(windows, tokens, width)


def norm(w, name, x, epsilon):
    return F.layer_norm(x, x.shape[-1:], w[name + '.weight'], w[name + '.bias'], epsilon)


def conv(w, name, x):
    return torch.addmm(w[name + '.bias'], x.reshape(-1, x.shape[-1]), w[name + '.weight']).view(*x.shape[:-1], -1)


def linear(w, name, x):
    return F.linear(x, w[name + '.weight'], w[name + '.bias'])


def gpt2_states(w, s, ids, positions):
    """Residual stream after the embeddings and after each block, before ln_f."""
    x = F.embedding(ids, w['transformer.wte.weight']) + F.embedding(positions, w['transformer.wpe.weight'])
    states = [x]
    for i in range(s.layers):
        h = f'transformer.h.{i}.'
        q, k, v = conv(w, h + 'attn.c_attn', norm(w, h + 'ln_1', x, 1e-5)).split(s.width, -1)
        x = x + conv(w, h + 'attn.c_proj', attend(q, k, v, s.heads, True))
        y = F.gelu(conv(w, h + 'mlp.c_fc', norm(w, h + 'ln_2', x, 1e-5)), approximate='tanh')
        x = x + conv(w, h + 'mlp.c_proj', y)
        states.append(x)
    return states


def gpt2_logits(w, s, x):
    return F.linear(norm(w, 'transformer.ln_f', x, 1e-5), w['transformer.wte.weight'])


def embed(w, prefix, ids, positions):
    x = F.embedding(ids, w[prefix + 'word_embeddings.weight'])
    x = x + F.embedding(positions, w[prefix + 'position_embeddings.weight'])
    return norm(w, prefix + 'LayerNorm', x + w[prefix + 'token_type_embeddings.weight'][0], 1e-12)


def post_norm_block(w, x, heads, names):
    """BERT's block: names of query, key, value, output, its norm, the two of the MLP, its norm."""
    q, k, v, o, o_norm, up, down, down_norm = names
    a = attend(linear(w, q, x), linear(w, k, x), linear(w, v, x), heads, False)
    x = norm(w, o_norm, x + linear(w, o, a), 1e-12)
    return norm(w, down_norm, x + linear(w, down, F.gelu(linear(w, up, x))), 1e-12)


def bert_states(w, s, ids, positions):
    states = [embed(w, 'bert.embeddings.', ids, positions)]
    for i in range(s.layers):
        names = [f'bert.encoder.layer.{i}.' + n for n in (
            'attention.self.query', 'attention.self.key', 'attention.self.value', 'attention.output.dense',
            'attention.output.LayerNorm', 'intermediate.dense', 'output.dense', 'output.LayerNorm')]
        states.append(post_norm_block(w, states[-1], s.heads, names))
    return states


def bert_logits(w, s, x):
    t = 'cls.predictions.transform.'
    x = norm(w, t + 'LayerNorm', F.gelu(linear(w, t + 'dense', x)), 1e-12)
    return F.linear(x, w['bert.embeddings.word_embeddings.weight'], w['cls.predictions.bias'])


def albert_states(w, s, ids, positions):
    x = embed(w, 'albert.embeddings.', ids, positions)
    states = [linear(w, 'albert.encoder.embedding_hidden_mapping_in', x)]
    names = [ALBERT_BLOCK + n for n in ('attention.query', 'attention.key', 'attention.value', 'attention.dense',
                                        'attention.LayerNorm', 'ffn', 'ffn_output', 'full_layer_layer_norm')]
    for _ in range(s.layers):
        states.append(post_norm_block(w, states[-1], s.heads, names))
    return states


def albert_logits(w, s, x):
    x = norm(w, 'predictions.LayerNorm', F.gelu(linear(w, 'predictions.dense', x)), 1e-12)
    return F.linear(x, w['albert.embeddings.word_embeddings.weight'], w['predictions.bias'])


WEIGHTS = {'gpt2': gpt2_weights, 'bert': bert_weights, 'albert': albert_weights}
STATES = {'gpt2': gpt2_states, 'bert': bert_states, 'albert': albert_states}
LOGITS = {'gpt2': gpt2_logits, 'bert': bert_logits, 'albert': albert_logits}
