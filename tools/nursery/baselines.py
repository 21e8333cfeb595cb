"""What counting gets: interpolated n-gram models on the same held-out tokens as the networks.

Causal: a trigram with interpolated Kneser-Ney smoothing (Chen and Goodman 1999, with one discount for each order).
Masked: a model that sees both neighbours of the hidden token, p(w | left, right), backing off to the two one-sided
bigrams and the unigram. Counts and discounts come from the training text; nothing is fitted on the held-out text.
"""
import numpy as np


class Counts:
    """Counts of contexts (an integer key) with a next token: a sorted array of keys context * V + token."""

    def __init__(self, contexts, tokens, vocabulary):
        self.v = vocabulary
        self.pairs, self.n = np.unique(contexts.astype(np.int64) * vocabulary + tokens, return_counts=True)
        self.contexts, first = np.unique(self.pairs // vocabulary, return_index=True)
        self.total = np.add.reduceat(self.n, first)
        self.types = np.diff(np.append(first, len(self.pairs)))
        once, twice = (self.n == 1).sum(), (self.n == 2).sum()
        self.discount = once / (once + 2 * twice)  # the absolute discount of Kneser and Ney

    def find(self, contexts, tokens):
        """Count of each pair, total and number of types of each context (zeros where unseen)."""
        key = contexts.astype(np.int64) * self.v + tokens
        at = np.minimum(np.searchsorted(self.pairs, key), len(self.pairs) - 1)
        n = np.where(self.pairs[at] == key, self.n[at], 0)
        at = np.minimum(np.searchsorted(self.contexts, contexts), len(self.contexts) - 1)
        seen = self.contexts[at] == contexts
        return n, np.where(seen, self.total[at], 0), np.where(seen, self.types[at], 0)


def discounted(counts, contexts, tokens, lower):
    """max(n - d, 0) / total + (d types / total) lower, or `lower` where the context is unseen."""
    n, total, types = counts.find(contexts, tokens)
    d = counts.discount
    safe = np.maximum(total, 1)
    return np.where(total > 0, (np.maximum(n - d, 0) + d * types * lower) / safe, lower)


def frequencies(ids, v):
    """Of each token; half a count is added so that none is zero."""
    return (np.bincount(ids, minlength=v) + 0.5) / (len(ids) + 0.5 * v)


class Trigram:
    """Interpolated Kneser-Ney of order 3; the lower orders count in how many contexts a token was seen."""

    def __init__(self, ids, v):
        self.v = v
        a, b, c = ids[:-2], ids[1:-1], ids[2:]
        self.three = Counts(a * v + b, c, v)
        pairs = np.unique((a * v + b) * np.int64(v) + c)  # types of trigrams
        self.two = Counts(pairs // v % v, pairs % v, v)
        pairs = np.unique(b * np.int64(v) + c)
        self.one = frequencies(pairs % v, v)
        self.unigram = frequencies(ids, v)

    def nats(self, ids):
        """Negative log-likelihood of ids[2:] given the two tokens before each."""
        a, b, c = ids[:-2], ids[1:-1], ids[2:]
        return -np.log(discounted(self.three, a * self.v + b, c, discounted(self.two, b, c, self.one[c])))


class Neighbours:
    """p(w | left, right): interpolated absolute discounting over a mixture of the two bigrams' product.

    Where both neighbours are seen, the lower model is p(w | left) p(right | w) / sum over w (exact Bayes rule under
    a bigram chain), which is the best a bigram model knows of both sides; a neighbour that is itself hidden is not
    used."""

    def __init__(self, ids, v):
        self.v = v
        left, word, right = ids[:-2], ids[1:-1], ids[2:]
        self.both = Counts(left * v + right, word, v)
        self.unigram = frequencies(ids, v)
        each = np.arange(v)
        bigrams = Counts(ids[:-1], ids[1:], v)
        self.next = np.stack([discounted(bigrams, np.full(v, left), each, self.unigram) for left in each])

    def nats(self, left, right, word, left_seen, right_seen, block=4096):
        """Negative log-likelihood of each word; left/right are ids, *_seen whether they may be used."""
        out = np.empty(len(word))
        for i in range(0, len(word), block):
            s = slice(i, i + block)
            out[s] = self.block(left[s], right[s], word[s], left_seen[s], right_seen[s])
        return out

    def block(self, left, right, word, left_seen, right_seen):
        p = np.where(left_seen[:, None], self.next[left], self.unigram)
        p = p * np.where(right_seen[:, None], self.next[:, right].T, 1.0)
        p = (p / p.sum(1, keepdims=True))[np.arange(len(word)), word]
        full = discounted(self.both, left * self.v + right, word, p)
        return -np.log(np.where(left_seen & right_seen, full, p))
