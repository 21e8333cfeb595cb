#!/usr/bin/env python3
"""A forward pass by a rival: the counterpart of forward.c, a process of its own.

usage: rivals.py torch FOLDER IDS.txt THREADS [heads] [STATES.bin [HEADS.bin]]
       rivals.py onnxruntime GRAPHS IDS.txt THREADS [heads] [STATES.bin [HEADS.bin]]
       rivals.py export FOLDER IDS.txt GRAPHS      write GRAPHS/states.onnx and GRAPHS/heads.onnx for onnxruntime

torch: transformers' model of FOLDER with eager attention. onnxruntime: the same graph, exported by torch.onnx for this
number of tokens, all graph optimisations on, outputs left where onnxruntime made them. All hidden states are kept, and
with `heads` all attention matrices.

Prints lines of a name and numbers: as forward.c `block`, `done` and `peak` after the first pass, and a line `ready`;
then for each line read a line `run`. STATES.bin and HEADS.bin receive what the first pass gave, as one array."""
import os
import sys
import time


def say(name, *values):
    print(name, *("%.6f" % v if isinstance(v, float) else v for v in values), flush=True)


def peak_bytes():
    """VmHWM: ru_maxrss would be that of the process that started this one, if it was larger."""
    with open("/proc/self/status") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith("VmHWM:"))


def read_ids(name):
    with open(name) as f:
        return [int(word) for word in f.read().split()]


def load_torch(folder):
    import torch
    from transformers import AutoModel, logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    model.config.use_cache = False  # of keys and values: nothing here is generated
    return torch, model


def torch_runner(folder, ids, threads, heads):
    torch, model = load_torch(folder)
    torch.set_num_threads(threads)
    batch = torch.tensor([ids])
    blocks = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))

    def first_block(*_):
        say("block", time.monotonic())
        handle.remove()
    handle = blocks[0].register_forward_hook(first_block)

    def run():
        with torch.no_grad():
            out = model(batch, output_hidden_states=True, output_attentions=heads)
        return list(out.hidden_states), list(out.attentions) if heads else []
    return "torch %s" % torch.__version__, run


def onnx_runner(folder, ids, threads, heads):
    import numpy
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(os.path.join(folder, "heads.onnx" if heads else "states.onnx"), options,
                                           providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    batch = {"ids": onnxruntime.OrtValue.ortvalue_from_numpy(numpy.array([ids], numpy.int64))}

    def run():
        out = dict(zip(names, session.run_with_ort_values(names, batch)))
        return tuple([out[n] for n in names if n.startswith(kind)] for kind in ("state", "heads"))
    return "onnxruntime %s" % onnxruntime.__version__, run


def export(folder, ids, out):
    torch, model = load_torch(folder)
    import onnx

    class Outputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids):
            out = self.model(ids, output_hidden_states=True, output_attentions=True)
            return tuple(out.hidden_states) + tuple(out.attentions)
    blocks = model.config.num_hidden_layers
    names = ["state%d" % i for i in range(blocks + 1)] + ["heads%d" % i for i in range(blocks)]
    path = os.path.join(out, "heads.onnx")
    torch.onnx.export(Outputs().eval(), (torch.tensor([ids]),), path, dynamo=True, external_data=True,
                      input_names=["ids"], output_names=names)
    graph = onnx.load(path, load_external_data=False)  # both graphs share the file of weights
    states = [o for o in graph.graph.output if o.name.startswith("state")]
    del graph.graph.output[:]
    graph.graph.output.extend(states)
    onnx.save(graph, os.path.join(out, "states.onnx"))


def write(name, tensors):
    with open(name, "wb") as f:
        for tensor in tensors:
            tensor.numpy().tofile(f)


def serve(label, run, files):
    out = run()
    say("done", time.monotonic())
    say("peak", peak_bytes())
    for name, tensors in zip(files, out):
        write(name, tensors)
    print("name", label)
    say("ready")
    for _ in sys.stdin:
        out = None
        wall, used = time.perf_counter(), time.process_time()
        out = run()
        used, wall = time.process_time() - used, time.perf_counter() - wall
        say("run", wall, used)


def main():
    kind, folder, ids = sys.argv[1], sys.argv[2], read_ids(sys.argv[3])
    if kind == "export":
        return export(folder, ids, sys.argv[4])
    heads = sys.argv[5:6] == ["heads"]
    runner = {"torch": torch_runner, "onnxruntime": onnx_runner}[kind]
    return serve(*runner(folder, ids, int(sys.argv[4]), heads), sys.argv[5 + heads:])


if __name__ == "__main__":
    sys.exit(main())
