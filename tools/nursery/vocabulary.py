"""Trains the nursery's three tokenizers on its text, and encodes the text with them.

Byte-level BPE (GPT-2's pipeline), WordPiece (BERT's, lower case) and Unigram (ALBERT's, lower case).
The pipelines are those that transformers builds for the three classes, so that tokenizer.json alone, the class and
dwell agree on every id.

    python3 vocabulary.py WORK [DATA/models]

Reads WORK/text, writes WORK/tokenizers/KIND/ and WORK/ids/KIND.{train,held}.npz. Where DATA/models has the model of a
kind, its tokenizer is taken: the trainer of Unigram gives another vocabulary each time.
"""
import collections
import json
import os
import pathlib
import shutil
import sys

os.environ['RAYON_NUM_THREADS'] = '1'  # one processor, as for everything here

import numpy as np
from tokenizers import (Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

from shapes import SHAPES, Shape

VOCABULARY, CONTEXT = Shape.vocabulary, Shape.context
RAREST = 200  # characters seen less often are not worth a piece of the lower-case vocabularies


def bpe(texts):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=['<|endoftext|>'], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok, {'tokenizer_class': 'GPT2Tokenizer', 'model_max_length': CONTEXT, 'unk_token': '<|endoftext|>',
                 'bos_token': '<|endoftext|>', 'eos_token': '<|endoftext|>', 'add_prefix_space': False}


def classify(tok):
    """[CLS] text [SEP], as the encoders are trained."""
    tok.post_processor = processors.TemplateProcessing(
        single='[CLS]:0 $A:0 [SEP]:0', pair='[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1',
        special_tokens=[(t, tok.token_to_id(t)) for t in ('[CLS]', '[SEP]')])


def wordpiece(texts):
    tok = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece(prefix='##')
    special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
    tok.train_from_iterator(without_rare(texts, tok.normalizer), trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False))
    classify(tok)
    return tok, {'tokenizer_class': 'BertTokenizer', 'model_max_length': CONTEXT, 'do_lower_case': True,
                 'pad_token': '[PAD]', 'unk_token': '[UNK]', 'cls_token': '[CLS]', 'sep_token': '[SEP]',
                 'mask_token': '[MASK]'}


def unigram(texts):
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([
        normalizers.Replace('``', '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
        normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement='▁', prepend_scheme='always')])
    tok.decoder = decoders.Metaspace(replacement='▁', prepend_scheme='always')
    special = ['<pad>', '<unk>', '[CLS]', '[SEP]', '[MASK]']
    tok.train_from_iterator(without_rare(texts, tok.normalizer), trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token='<unk>', show_progress=False))
    classify(tok)
    return tok, {'tokenizer_class': 'AlbertTokenizer', 'model_max_length': CONTEXT, 'do_lower_case': True,
                 'keep_accents': False, 'pad_token': '<pad>', 'unk_token': '<unk>', 'cls_token': '[CLS]',
                 'sep_token': '[SEP]', 'mask_token': '[MASK]', 'bos_token': '[CLS]', 'eos_token': '[SEP]'}


def without_rare(texts, normalizer):
    """The texts without characters seen fewer than RAREST times, which would take a piece each."""
    normal = [normalizer.normalize_str(t) for t in texts]
    counts = collections.Counter()
    for t in normal:
        counts.update(t)
    return [''.join(c for c in t if counts[c] >= RAREST) for t in normal]


KINDS = {'bpe': bpe, 'wordpiece': wordpiece, 'unigram': unigram}


def prepare(kind, training, folder, models):
    """Puts the tokenizer of this kind into `folder`: the shipped one if there is one, else a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = [models / s.name for s in SHAPES.values() if s.tokenizer == kind] if models else []
    for model in shipped:
        if (model / 'tokenizer.json').exists():
            for name in ('tokenizer.json', 'tokenizer_config.json'):
                shutil.copyfile(model / name, folder / name)
            return
    tok, config = KINDS[kind](training)
    tok.save(str(folder / 'tokenizer.json'))
    (folder / 'tokenizer_config.json').write_text(json.dumps(config, indent=1) + '\n')


def chunks(text, size=20000):
    """The text cut at ends of lines, into pieces of about `size` characters."""
    at = 0
    while at < len(text):
        end = text.find('\n', at + size)
        end = len(text) if end < 0 else end + 1
        yield text[at:end]
        at = end


def encode(tok, text):
    ids = [e.ids for e in tok.encode_batch(list(chunks(text)), add_special_tokens=False)]
    return np.concatenate([np.array(i, np.uint16) for i in ids])


def main(work, models=None):
    names = [row['name'] for row in json.loads((work / 'text/text.json').read_text())]
    text = {(n, part): (work / f'text/{n}.{part}.txt').read_text() for n in names for part in ('train', 'held')}
    training = [c for n in names for c in chunks(text[n, 'train'], 2000)]
    for kind in KINDS:
        prepare(kind, training, work / 'tokenizers' / kind, models)
        tok = Tokenizer.from_file(str(work / f'tokenizers/{kind}/tokenizer.json'))
        (work / 'ids').mkdir(exist_ok=True)
        for part in ('train', 'held'):
            np.savez(work / f'ids/{kind}.{part}.npz', **{n: encode(tok, text[n, part]) for n in names})
        ids = np.load(work / f'ids/{kind}.train.npz')
        total, size = sum(len(ids[n]) for n in names), sum(len(text[n, 'train'].encode()) for n in names)
        print(f'{kind:9s} {tok.get_vocab_size()} pieces, {total} training tokens, {size / total:.2f} bytes per token')


if __name__ == '__main__':
    main(*map(pathlib.Path, sys.argv[1:]))
