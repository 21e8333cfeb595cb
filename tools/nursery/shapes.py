"""The nursery's models: shape, tokenizer, schedule. One line each; everything else is derived from it."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    architecture: str  # gpt2 | bert | albert
    layers: int  # blocks; for albert: how often the one block is applied
    width: int
    heads: int
    steps: int  # optimiser steps; each sees `batch` tokens
    rate: float  # learning rate of the constant stretch
    kept: tuple = ()  # steps whose weights are shipped as NAME@step-N; the last step is NAME itself
    embedding: int = 0  # albert: width of the token embeddings
    context: int = 512
    vocabulary: int = 2048
    batch: int = 1024  # tokens per step
    window: int = 128  # tokens of a training window in the main stretch
    growing: int = 0  # steps for each of the shorter windows before it, of 4, 8, 16, ... tokens; 0: none
    long_from: float = 0.8  # from this share of the steps on, windows are as long as the context
    warm_up: int = 200
    decay_from: float = 0.7  # linear decay to zero from this share of the steps on
    deviation: float = 0.02  # standard deviation of the random weights
    masked: float = 0.3  # encoders: share of the tokens to be predicted
    seed: int = 1

    @property
    def tokenizer(self):
        return {'gpt2': 'bpe', 'bert': 'wordpiece', 'albert': 'unigram'}[self.architecture]

    @property
    def causal(self):
        return self.architecture == 'gpt2'


KEPT = (0, 30, 100, 300, 1000, 3000)
# A masked network learns next to nothing from a hidden token's surroundings as long as attention spreads over all of a
# long window: its loss stands still near that of a bag of words. In windows of 4 tokens the surroundings are the
# neighbours, and the loss keeps falling; then the windows grow.
# One block applied twelve times: at a deviation of 0.05 all tokens collapse onto one direction within 150 steps.
SHARED = {'embedding': 64, 'window': 64, 'deviation': 0.02}

SHAPES = {s.name: s for s in (
    Shape('gpt2-nursery', 'gpt2', 12, 64, 4, 16000, 3e-3, KEPT, deviation=0.05),
    Shape('gpt2-nursery-6', 'gpt2', 6, 64, 4, 16000, 3e-3, deviation=0.05),
    Shape('gpt2-nursery-24', 'gpt2', 24, 64, 4, 16000, 2e-3, deviation=0.05),
    Shape('gpt2-nursery-48', 'gpt2', 48, 64, 4, 16000, 2e-3, deviation=0.05),
    Shape('bert-nursery', 'bert', 8, 80, 5, 20000, 1.5e-3, (0, 100, 300, 1000, 3000, 10000), deviation=0.05,
          window=64, growing=2500),
    Shape('albert-nursery', 'albert', 12, 128, 4, 20000, 1e-3, (*KEPT, 10000), growing=2500, **SHARED),
    Shape('albert-nursery-narrow', 'albert', 12, 96, 4, 24000, 1e-3, growing=3000, **SHARED),
)}


def changed(shape, settings):
    """The shape with some fields replaced; settings: FIELD=VALUE texts."""
    return dataclasses.replace(shape, **{k: type(getattr(shape, k))(v) for k, v in (s.split('=') for s in settings)})


if __name__ == '__main__':
    print('\n'.join(SHAPES))
