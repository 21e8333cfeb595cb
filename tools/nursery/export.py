"""Puts trained models into DATA/models in Hugging Face layout: config.json, model.safetensors, the tokenizer.

    python3 export.py WORK DATA/models [NAME...]

A model is NAME, its earlier checkpoints NAME@step-N; each folder is complete, so any program that reads such folders
can take any of them. The model card and the index are written by card.py, from measurements.
"""
import argparse
import json
import pathlib
import shutil

from shapes import SHAPES


def common(s):
    return {'initializer_range': s.deviation, 'vocab_size': s.vocabulary, 'dtype': 'float32'}


def gpt2_config(s):
    return {'architectures': ['GPT2LMHeadModel'], 'model_type': 'gpt2', 'activation_function': 'gelu_new',
            'n_ctx': s.context, 'n_positions': s.context, 'n_embd': s.width, 'n_head': s.heads, 'n_layer': s.layers,
            'n_inner': None, 'layer_norm_epsilon': 1e-5, 'attn_pdrop': 0.0, 'embd_pdrop': 0.0, 'resid_pdrop': 0.0,
            'bos_token_id': 0, 'eos_token_id': 0, **common(s)}


def encoder_config(s):
    return {'hidden_size': s.width, 'num_hidden_layers': s.layers, 'num_attention_heads': s.heads,
            'intermediate_size': 4 * s.width, 'hidden_act': 'gelu', 'layer_norm_eps': 1e-12, 'type_vocab_size': 2,
            'max_position_embeddings': s.context, 'hidden_dropout_prob': 0.0, 'attention_probs_dropout_prob': 0.0,
            'pad_token_id': 0, **common(s)}


def bert_config(s):
    return {'architectures': ['BertForMaskedLM'], 'model_type': 'bert', 'position_embedding_type': 'absolute',
            **encoder_config(s)}


def albert_config(s):
    return {'architectures': ['AlbertForMaskedLM'], 'model_type': 'albert', 'embedding_size': s.embedding,
            'num_hidden_groups': 1, 'inner_group_num': 1, 'classifier_dropout_prob': 0.0, 'bos_token_id': 2,
            'eos_token_id': 3, **encoder_config(s)}


CONFIG = {'gpt2': gpt2_config, 'bert': bert_config, 'albert': albert_config}


def write_json(value, file, indent=1):
    file.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + '\n')


def export_weights(shape, work, weights, folder):
    """A complete folder of the model whose weights are the given file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(dict(sorted(CONFIG[shape.architecture](shape).items())), folder / 'config.json')
    shutil.copyfile(weights, folder / 'model.safetensors')
    source = work / 'tokenizers' / shape.tokenizer
    shutil.copyfile(source / 'tokenizer_config.json', folder / 'tokenizer_config.json')
    # Without the indentation, which is two thirds of the file.
    write_json(json.loads((source / 'tokenizer.json').read_text()), folder / 'tokenizer.json', None)


def export(shape, work, models):
    for step in (*shape.kept, shape.steps):
        name = shape.name if step == shape.steps else f'{shape.name}@step-{step}'
        export_weights(shape, work, work / f'runs/{shape.name}/step-{step}.safetensors', models / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('models', type=pathlib.Path)
    parser.add_argument('names', nargs='*', default=list(SHAPES))
    a = parser.parse_args()
    for name in a.names:
        export(SHAPES[name], a.work, a.models)


if __name__ == '__main__':
    main()
