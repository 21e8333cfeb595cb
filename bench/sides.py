"""How forward.py, memory.py, start.py, measure.py and analysis.py start the sides: dwell's programs and the rivals,
each a process of its own.

Both sides print lines of a name and numbers (forward.c, rivals.py)."""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time

import model

RIVALS = ("torch", "onnxruntime")
Case = collections.namedtuple("Case", "label config folder ids ids_file tokens threads build")


class Missing(Exception):
    """A rival that cannot be had, and why."""


LISTS = ("run", "product", "sequence")


def read(lines):
    """{name: its last numbers}, but all lines of `run`, `product` and `sequence`."""
    found = {name: [] for name in LISTS}
    for line in lines:
        name, *words = line.split()
        if name in LISTS:
            found[name].append([float(word) for word in words])
        else:
            found[name] = " ".join(words) if name == "name" else [float(word) for word in words]
    return found


def output(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def dwell(case, repeats, heads, files=(), keep=False):
    program = os.path.join(case.build, "bench/bench_forward")
    return read(output([program, case.folder, case.ids_file, "f32", str(case.threads), str(repeats)] +
                       ["keep"] * keep + ["heads"] * heads + list(files)))


def measure(build, folder, ids, threads, out, *options):
    """The manifest of a run of `dwell measure`."""
    return run_measure(build, threads, out, folder, "--ids=" + ",".join(map(str, ids)), *options)


def measure_states(build, path, threads, out, *options):
    """The same of states from a file."""
    return run_measure(build, threads, out, "--states", path, *options)


def run_measure(build, threads, out, *arguments):
    subprocess.run([os.path.join(build, "src/cli/dwell"), "measure", "-o", out, "-t", str(threads), "-q", "--force",
                    *arguments], check=True)
    with open(os.path.join(out, "run.json")) as f:
        return json.load(f)


def find(tree, key):
    """The value of `key`, at whatever depth."""
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    found = [find(branch, key) for branch in tree] if isinstance(tree, list) else []
    return next((value for value in found if value is not None), None)


class Rival:
    """A running rivals.py that has done its first pass; `facts` are what it printed of it."""

    def __init__(self, kind, case, graphs, heads, files=()):
        folder = graphs if kind == "onnxruntime" else case.folder
        self.errors = tempfile.TemporaryFile("w+")
        self.started = time.monotonic()
        self.process = start_rival([kind, folder, case.ids_file, str(case.threads)] + ["heads"] * heads + list(files),
                                   self.errors)
        lines = []
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            lines.append(line)
        else:
            raise Missing("%s: %s" % (kind, self.last_error()))
        self.facts = read(lines)

    def last_error(self):
        self.process.wait()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["no message"])[-1]

    def run(self):
        print(file=self.process.stdin, flush=True)
        pair = read([self.process.stdout.readline()])["run"]
        time.sleep(0.05)  # its threads go on spinning for a while: not at the expense of the other side
        return pair[0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def start_rival(arguments, errors):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rivals.py")
    return subprocess.Popen([sys.executable, script] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=errors, text=True)


def export(case, graphs):
    """Graphs for onnxruntime; False, and says why, if they cannot be had."""
    with tempfile.TemporaryFile("w+") as errors:
        process = start_rival(["export", case.folder, case.ids_file, graphs], errors)
        process.communicate()
        errors.seek(0)
        if process.returncode:
            print("  skipped: onnxruntime: export: " + (errors.read().strip().splitlines() or ["no message"])[-1])
    return process.returncode == 0


def available(case, graphs):
    """Names of the rivals whose modules are there, onnxruntime's with its graphs made."""
    return [kind for kind in RIVALS if kind != "onnxruntime" or export(case, graphs)]


def weight_files(folder):
    return [os.path.join(folder, name) for name in os.listdir(folder)
            if name.endswith((".safetensors", ".onnx.data", "pytorch_model.bin"))]


def drop_cache(folder):
    """Asks the kernel to forget the weights in `folder`. False if they are still there."""
    gone = True
    for name in weight_files(folder):
        with open(name, "rb") as f:
            os.fsync(f.fileno())  # pages not yet written stay
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            gone = gone and not is_cached(f.fileno())
    return gone


def is_cached(descriptor):
    try:
        return os.preadv(descriptor, [bytearray(1)], os.fstat(descriptor).st_size // 2, os.RWF_NOWAIT) == 1
    except OSError:  # BlockingIOError: it would have to wait for the disk
        return False


def cases(text):
    """The cases that the command line asks for, one after the other, each in a folder of its own; and its options."""
    p = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build", help="the build folder")
    p.add_argument("--shapes", default="gpt2,minilm", help="of random models (default: gpt2,minilm)")
    p.add_argument("--model", help="a checkpoint folder instead")
    p.add_argument("--tokens", type=int, help="default: 512, for minilm 256")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--blocks", type=int, help="other than the shape's")
    p.add_argument("--width", type=int, help="other than the shape's")
    p.add_argument("--alike", action="store_true",
                   help="ids all alike frequent, hardly one twice (default: as the words of a text, 1/rank)")
    a = p.parse_args()
    return a, (make_cases(a) if a.model is None else model_case(a))


def make_case(a, folder, scratch, label, tokens):
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    draw, words = random.Random(2), range(config["vocab_size"])
    ids = [draw.randrange(len(words)) for _ in range(tokens)] if a.alike else \
        draw.choices(words, [1 / (rank + 1) for rank in words], k=tokens)
    ids_file = os.path.join(scratch, "ids.txt")
    with open(ids_file, "w") as f:
        f.write(" ".join(map(str, ids)))
    return Case(label, config, folder, ids, ids_file, tokens, a.threads, a.build)


def model_case(a):
    with tempfile.TemporaryDirectory() as scratch:
        yield make_case(a, a.model, scratch, os.path.basename(os.path.normpath(a.model)), a.tokens or 256)


def make_cases(a):
    for name in a.shapes.split(","):
        make, tokens = model.SHAPES[name]
        sizes = {key: value for key, value in (("blocks", a.blocks), ("width", a.width)) if value}
        with tempfile.TemporaryDirectory() as folder:
            model.write_model(folder, make(**sizes))
            yield make_case(a, folder, folder, name + " (random weights)", a.tokens or tokens)


def title(case):
    return "%s, %d tokens, %d thread(s); load %.1f" % (case.label, case.tokens, case.threads, os.getloadavg()[0])
