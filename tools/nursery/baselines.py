"""What counting gets: interpolated n-gram models on the same held-out tokens as the networks.

Causal: a trigram with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999).
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
        self.kept = self.n - self.discounts()[np.minimum(self.n, 3)]
        self.freed = self.total - np.add.reduceat(self.kept, first)  # what the discounts leave to the lower order

    def discounts(self):
        """What is taken from counts of 0 (nothing), 1, 2, and 3 or more: equation 17 of Chen and Goodman."""
        n = [np.count_nonzero(self.n == k) for k in range(5)]
        y = n[1] / (n[1] + 2 * n[2])
        return np.array([0.0] + [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)])

    def find(self, contexts, tokens):
        """Discounted count of each pair, total and freed count of each context (zeros where unseen)."""
        key = contexts.astype(np.int64) * self.v + tokens
        at = np.minimum(np.searchsorted(self.pairs, key), len(self.pairs) - 1)
        kept = np.where(self.pairs[at] == key, self.kept[at], 0.0)
        at = np.minimum(np.searchsorted(self.contexts, contexts), len(self.contexts) - 1)
        seen = self.contexts[at] == contexts
        return kept, np.where(seen, self.total[at], 0), np.where(seen, self.freed[at], 0.0)


def discounted(counts, contexts, tokens, lower):
    """(n - d(n)) / total + (freed / total) lower, or `lower` where the context is unseen."""
    kept, total, freed = counts.find(contexts, tokens)
    return np.where(total > 0, (kept + freed * lower) / np.maximum(total, 1), lower)


def frequencies(ids, v):
    """Of each token; half a count is added so that none is zero."""
    return (np.bincount(ids, minlength=v) + 0.5) / (len(ids) + 0.5 * v)


def continuations(before, tokens, v):
    """In how many different contexts each token was seen, as frequencies: the lowest order of Kneser and Ney."""
    return frequencies(np.unique(before * np.int64(v) + tokens) % v, v)


class Trigram:
    """Interpolated Kneser-Ney of order 3; the lower orders count in how many contexts a token was seen."""

    def __init__(self, ids, v):
        self.v = v
        a, b, c = ids[:-2], ids[1:-1], ids[2:]
        self.three = Counts(a * v + b, c, v)
        pairs = np.unique((a * v + b) * np.int64(v) + c)  # types of trigrams
        self.two = Counts(pairs // v % v, pairs % v, v)
        self.one = continuations(b, c, v)
        self.unigram = frequencies(ids, v)

    def nats(self, ids):
        """Negative log-likelihood of ids[2:] given the two tokens before each."""
        a, b, c = ids[:-2], ids[1:-1], ids[2:]
        return -np.log(discounted(self.three, a * self.v + b, c, discounted(self.two, b, c, self.one[c])))


class Neighbours:
    """p(w | left, right): interpolated modified Kneser-Ney over the product of the two bigrams.

    Where both neighbours are seen, the lower model is p(w | left) p(right | w) / sum over w (exact Bayes rule under
    a bigram chain), which is the best a bigram model knows of both sides; a neighbour that is itself hidden is not
    used."""

    def __init__(self, ids, v):
        self.v = v
        left, word, right = ids[:-2], ids[1:-1], ids[2:]
        self.both = Counts(left * v + right, word, v)
        self.unigram = frequencies(ids, v)
        each = np.arange(v)
        bigrams, lower = Counts(ids[:-1], ids[1:], v), continuations(ids[:-1], ids[1:], v)
        self.next = np.stack([discounted(bigrams, np.full(v, left), each, lower) for left in each])

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
