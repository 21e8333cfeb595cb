#!/usr/bin/env python3
"""Open a dwell report in a real browser and check it against the run it was made from.

    web_check.py RUN REPORT SHOTS [--chromium PATH]

RUN is the run directory, REPORT its page, SHOTS a folder for screenshots. Needs playwright (the Python package; its own
browsers are never downloaded) and a chromium. Prints "ok NAME" or "not ok NAME: why" for each check; exit status 1 if
any failed.
"""

import argparse
import ast
import base64
import csv
import json
import math
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import xml.etree.ElementTree
import zipfile

try:
    from playwright.sync_api import TimeoutError as Late, sync_playwright
except ImportError:
    sys.exit("web_check.py: the Python package playwright is missing (no browser download is needed)")

FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"]
# Pixels are printed to a thousandth, so a point may be off by half of that; the rest is double rounding.
PIXEL = 0.00051
# A busy machine may take its time: milliseconds until an event or a screenshot counts as missing.
LATE = 120000

failures = []
subject = ""  # said before every name, for example "sphere, "


def check(name, passed, detail=""):
    """One line in the form that tools/run-tests reads; a name holds no colon."""
    name = subject + name
    if passed:
        print(f"ok {name}", flush=True)
    else:
        print(f"not ok {name}: {' '.join(str(detail).split()) or 'it is not so'}", flush=True)
        failures.append(name)


# ---- the run ----

def read_csv(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def number(text):
    """A cell as a float, None where empty or not a number."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def read_npy(data):
    """A little reader for what dwell writes: (shape, flat list)."""
    size = struct.unpack("<H", data[8:10])[0] if data[6] == 1 else struct.unpack("<I", data[8:12])[0]
    start = (10 if data[6] == 1 else 12) + size
    header = ast.literal_eval(data[start - size:start].decode("latin-1"))
    code = {"<f8": "d", "<f4": "f", "<i8": "q", "<i4": "i", "|b1": "?", "<u8": "Q", "|u1": "B"}[header["descr"]]
    count = math.prod(header["shape"])
    return header["shape"], list(struct.unpack_from(f"<{count}{code}", data, start))


def read_arrays(path):
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name[:-4]: archive.read(name) for name in archive.namelist() if name.endswith(".npy")}


class Run:
    def __init__(self, folder):
        self.folder = folder
        rows = read_csv(folder / "layers.csv")
        self.layers = [r for r in rows if r.get("state")]
        self.final = next((r for r in rows if r.get("tap") == "final_norm"), None)
        self.blocks = read_csv(folder / "blocks.csv")
        self.heads, self.push, self.tokens = (read_csv(folder / f"{name}.csv") for name in ("heads", "push", "tokens"))
        self.lens = read_csv(folder / "lens.csv")
        self.arrays = read_arrays(folder / "arrays.npz")
        self.manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.replicas = 1 + max(int(float(r.get("replica") or 0)) for r in self.layers)
        self.states = 1 + max(int(float(r["state"])) for r in self.layers)

    def series(self, table, column, replica):
        """Values of a column in order of state or block; None where empty."""
        if table == "push":
            pushed = {int(float(r["state"])): number(r[column]) for r in self.push if r["state"]}
            first = min(int(float(r["state"])) for r in self.layers)
            return [pushed.get(state) for state in range(first, self.states)]
        rows, step = (self.layers, "state") if table == "layers" else (self.blocks, "block")
        own = [(int(float(r[step])), number(r[column])) for r in rows if int(float(r.get("replica") or 0)) == replica]
        return [value for _, value in sorted(own, key=lambda pair: pair[0])]

    def columns(self, table):
        rows = self.layers if table == "layers" else self.blocks
        return list(rows[0]) if rows else []


# ---- geometry of a drawing, written anew: the page's own code is not used ----

def to_pixel(value, attributes, axis):
    kind = attributes[f"data-{axis}-kind"]
    low, high, start, end = (float(attributes[f"data-{axis}-{part}"]) for part in ("low", "high", "from", "to"))
    if kind == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return start + (end - start) * (value - low) / (high - low)


def points_of(path):
    """Points of a path made of M, L and h0."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def axis_places(run, axis):
    """Where each state lies on the axis, from the csv: the column named by the page, t = 0 in the slot it names."""
    values = run.series("layers", axis["column"], 0)
    return [axis["zero"] if v is None else v for v in values]


SVG_SCRIPT = """
() => Array.from(document.querySelectorAll('svg[data-plot="1"]')).map(svg => ({
  id: svg.id,
  attributes: Object.fromEntries(Array.from(svg.attributes).map(a => [a.name, a.value])),
  paths: Array.from(svg.querySelectorAll('path[data-series]')).map(p => ({
    series: p.dataset.series, replica: +p.dataset.replica, d: p.getAttribute('d')}))
}))
"""


def expected_of(run, series, replica):
    name = series.removesuffix(":median")
    table, column = name.split(".", 1)
    if not series.endswith(":median"):
        return run.series(table, column, replica)
    every = [run.series(table, column, r) for r in range(run.replicas)]
    steps = [[v for v in step if v is not None] for step in zip(*every)]
    return [statistics.median(step) if step else None for step in steps]


def check_curve(run, data, svg, path):
    values = expected_of(run, path["series"], path["replica"])
    places = axis_places(run, data["axis"])
    if path["series"].startswith("blocks."):
        places = [(a + b) / 2 for a, b in zip(places, places[1:])]
    log = svg["attributes"]["data-y-kind"] == "log"
    want = [(to_pixel(x, svg["attributes"], "x"), to_pixel(y, svg["attributes"], "y"))
            for x, y in zip(places, values) if y is not None and not (log and y <= 0)]
    got = points_of(path["d"])
    if len(want) != len(got):
        return f"{len(got)} points drawn, {len(want)} values in the csv"
    worst = max((max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in zip(want, got)), default=0)
    return "" if worst <= PIXEL else f"off by {worst:.4f} pixels"


def check_final(run, svg, path):
    """The diamond of the final norm stands at the csv's value, right of the last state."""
    value = number(run.final[path["series"].split(".", 1)[1]]) if run.final else None
    corners = points_of(path["d"])
    if value is None or len(corners) != 4:
        return "the csv has no final norm here"
    x, y = (sum(c[k] for c in corners) / 4 for k in (0, 1))
    beyond = x > to_pixel(run.states - 1, svg["attributes"], "x")
    return "" if beyond and abs(y - to_pixel(value, svg["attributes"], "y")) <= PIXEL else f"at {x:.1f}, {y:.3f}"


def check_curves(page, run, data):
    drawn = finals = 0
    for svg in page.evaluate(SVG_SCRIPT):
        if svg["id"] == "plot-angles":
            continue
        problems = []
        for path in svg["paths"]:
            final = path["series"].startswith("final_norm.")
            problem = check_final(run, svg, path) if final else check_curve(run, data, svg, path)
            finals += final
            drawn += len(points_of(path["d"]))
            if problem:
                problems.append(f"{path['series']} replica {path['replica']}: {problem}")
        check(f"curves of {svg['id']} equal the csv ({len(svg['paths'])} curves)", svg["paths"] and not problems,
              "; ".join(problems[:3]) or "no curve")
    check(f"{drawn} points drawn", drawn > 0)
    check(f"{finals} diamonds of a final norm", (finals > 0) == (run.final is not None))


def check_data(run, data):
    """The embedded numbers are the csv's, to the bit."""
    for table in ("layers", "blocks"):
        shown, wrong = data[table]["columns"], []
        for column in run.columns(table):
            values = [v for r in range(data["drawn"]) for v in run.series(table, column, r)]
            if all(v is None for v in values):
                continue
            if shown.get(column) != values:
                wrong.append(column)
        check(f"embedded {table}, {len(shown)} columns equal the csv", not wrong, ", ".join(wrong))
    for name in ("hist", "hist_centred"):
        if name in run.arrays:
            _, values = read_npy(run.arrays[name])
            check(f"embedded {name} equals arrays.npz", data.get(name) == values[:len(data.get(name) or [None])])
    if run.heads:
        rows = len(data["heads"]["head"])
        wrong = [c for c in run.heads[0] if data["heads"].get(c) != [number(r[c]) for r in run.heads[:rows]]]
        check("embedded heads equal the csv", not wrong, ", ".join(wrong))
    check_labels(run, data)
    for name, array in (("sphere", "sphere"), ("cloud", "pca")):
        if name in data:
            check_points(run, data[name], array)


def check_labels(run, data):
    """Clusters, and identities that go with them: one for all tokens of a cluster, which go on from state to state."""
    if "labels" not in run.arrays:
        return
    shape, values = read_npy(run.arrays["labels"])
    n, wanted = shape[-1], values[:run.states * shape[-1]]
    check("embedded clusters equal arrays.npz", data["labels"] == wanted)
    sizes = [1 + max(wanted[l * n:(l + 1) * n]) for l in range(run.states)]
    known = [len(row) == size and len(set(row)) == size and min(row, default=0) >= 0
             for row, size in zip(data["identities"], sizes)]
    check(f"each of {sum(sizes)} clusters has an identity", len(known) == run.states and all(known), str(sizes))


def check_points(run, info, array):
    shape, values = read_npy(run.arrays[array])
    n, dims = shape[-2], shape[-1]
    packed = struct.unpack(f"<{3 * info['n'] * len(info['states'])}h", base64.b64decode(info["int16"]))
    worst = 0.0
    for f, state in enumerate(info["states"]):
        for i in range(info["n"]):
            token = info["tokens"][i]
            for k in range(dims):
                exact = values[(state * n + token) * dims + k] / info["scale"]
                worst = max(worst, abs(packed[3 * (f * info["n"] + i) + k] / 32767 - exact))
    # Half of a step of 1/32767, and the unit norm's own rounding.
    good = worst <= 0.51 / 32767 + 1e-9
    check(f"coordinates of the animation equal arrays.npz ({array})", good, f"off by {worst:.2e}")
    if array == "pca":
        _, share = read_npy(run.arrays["pca_share"])
        want = [share[3 * l + k] for l in info["states"] for k in range(3)]
        check("shares of the axes equal arrays.npz", info["share"] == want)


# ---- the page ----

def check_figures(page):
    report = page.evaluate("""
      () => Array.from(document.querySelectorAll('figure')).map(f => {
        const marks = f.querySelectorAll('path[d]:not([d=""]),circle,rect,canvas').length;
        const pictures = Array.from(f.querySelectorAll('svg,canvas'));
        const box = pictures.length ? pictures[0].getBoundingClientRect() : {width: 0, height: 0};
        const named = pictures.every(p => p.querySelector('title') || p.getAttribute('aria-label'));
        return {id: f.id, marks, width: box.width, height: box.height, named, source: !!f.querySelector('.source')};
      })""")
    check(f"{len(report)} figures", len(report) > 0)
    for figure in report:
        drawn = figure["marks"] > 0 and figure["width"] > 100 and figure["height"] > 60
        check(f"figure {figure['id']} is drawn, named and says its source",
              drawn and figure["named"] and figure["source"], json.dumps(figure))


def check_heads(page, run):
    for svg in page.query_selector_all("svg[data-heat]"):
        column = svg.query_selector(".cells").get_attribute("data-series").split(".")[1]
        cells = len(svg.query_selector_all(".cells rect"))
        want = sum(1 for r in run.heads if number(r[column]) is not None and not float(r.get("replica") or 0))
        check(f"map of {column} has {want} cells", cells == want, f"{cells} drawn")


def becomes(element, state):
    """Whether an element becomes "visible" or "hidden" before it is too late."""
    try:
        element.wait_for_element_state(state, timeout=LATE)
    except Late:
        return False
    return True


def check_hover(page, run, data):
    """Moving over the first figure shows the value of that state and marks it in every figure."""
    svg = page.query_selector("svg[data-plot]:has(path[data-series]:not(.faint))")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    parts = ("kind", "low", "high", "from", "to")
    attributes = {f"data-x-{part}": svg.get_attribute(f"data-x-{part}") for part in parts}
    state = data["layers"]["steps"] // 2
    unit = box["width"] / float(svg.get_attribute("viewBox").split()[2])
    x = to_pixel(data["layers"]["at"][state], attributes, "x")
    page.mouse.move(box["x"] + unit * x, box["y"] + box["height"] / 2)
    tip = page.query_selector("#tip")
    check("hovering opens the read-out", becomes(tip, "visible"))
    name = svg.query_selector("path[data-series]:not(.faint)").get_attribute("data-series")
    value = expected_of(run, name, 0)[state]
    shown = [c.inner_text().replace("−", "-") for c in tip.query_selector_all("td")]
    numbers = [n for n in map(number, shown) if n is not None]
    # Five significant digits are shown.
    check("the read-out shows the csv's value", any(abs(n - value) <= 1e-4 * abs(value) + 1e-12 for n in numbers),
          f"{shown}, {value}")
    cursors = page.evaluate("""() => Array.from(document.querySelectorAll('.cursor'))
      .map(c => c.getAttribute('visibility'))""")
    check(f"the state is marked in all {len(cursors)} plots", cursors and all(c == "visible" for c in cursors))
    page.mouse.move(2, 2)
    check("leaving closes the read-out", becomes(tip, "hidden"))
    svg.focus()
    before = page.evaluate("() => document.querySelector('.cursor').getAttribute('x1')")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("() => document.querySelector('.cursor').getAttribute('x1')")
    check("the arrow keys move the state", data["layers"]["steps"] == 1 or before != after)
    page.keyboard.press("Escape")


def check_cloud(page, data):
    canvas = page.query_selector("#ball")
    picture = lambda: page.evaluate("() => document.getElementById('ball').toDataURL()")
    frame = lambda: float(canvas.get_attribute("data-frame"))
    info = data.get("sphere") or data["cloud"]
    solid, frames = info["dims"] == 3, len(info["states"])
    canvas.scroll_into_view_if_needed()
    ink = page.evaluate("""() => { const c = document.getElementById('ball');
      const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return pixels.filter((v, i) => i % 4 === 3 && v > 0).length }""")
    check("the cloud is drawn", ink > 500, f"{ink} pixels")
    canvas.focus()
    old = picture()
    page.keyboard.press("ArrowLeft")
    check("arrow keys turn the cloud", (picture() != old) == solid)
    old, box = picture(), canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 25, steps=4)
    page.mouse.up()
    check("dragging turns the cloud", (picture() != old) == solid)
    if frames < 2:
        return
    seek = """f => { const s = document.getElementById('when'); s.value = f; s.dispatchEvent(new Event('input')) }"""
    page.evaluate(seek, frames - 1)
    check("the slider reaches the last frame", frame() == frames - 1, str(frame()))
    page.evaluate(seek, 0)
    page.click("#play")
    page.wait_for_function("() => +document.getElementById('ball').dataset.frame > 0", timeout=LATE)
    check("play moves the tokens", frame() > 0)
    page.click("#play")
    film = page.query_selector_all("svg[data-film]")
    film[-1].click()
    check("the film strip seeks", frame() == frames - 1, str(frame()))


def place_of(page, data, token):
    """Where a token is on the canvas, in pixels of the page: from the embedded numbers, by our own projection."""
    info = data.get("sphere") or data["cloud"]
    f, i, n = len(info["states"]) - 1, info["tokens"].index(token), info["n"]
    at = [x / 32767 for x in struct.unpack_from("<3h", base64.b64decode(info["int16"]), 6 * (f * n + i))]
    x, y = (sum(a * v for a, v in zip(at, info["view"][3 * r:3 * r + 3])) for r in range(2))
    box = page.query_selector("#ball").bounding_box()
    unit = box["width"] / 560
    return box["x"] + unit * (280 + 262 * x), box["y"] + unit * (280 - 262 * y)


def check_linked(page, data):
    """A point finds its token, a token its point; the text is tinted by the clusters of the state."""
    page.reload()
    spans = page.query_selector_all(".passage .tk")
    canvas, info = page.query_selector("#ball"), data.get("cloud") or data.get("sphere") or {"states": []}
    frames = len(info["states"])
    seek = """f => { const s = document.getElementById('when'); s.value = f; s.dispatchEvent(new Event('input')) }"""
    classes = """() => Array.from(document.querySelectorAll('.passage .tk')).map(t =>
      (t.className.match(/k\\d/) || [''])[0])"""
    n = len(data["labels"]) // data["layers"]["steps"] if "labels" in data else 0
    for f in {0, frames - 1} if canvas and spans and n else ():
        page.evaluate(seek, f)
        state = data["cloud"]["states"][f]
        ids = [data["labels"][state * n + i] for i in range(len(spans))]
        want = ["" if c < 0 else f"k{data['tints'][data['identities'][state][c]]}" for c in ids]
        check(f"the text has the colours of the clusters of state {state}", page.evaluate(classes) == want)
    if not canvas or "cloud" not in data:
        return
    page.evaluate(seek, frames - 1)
    canvas.scroll_into_view_if_needed()
    info = data["cloud"]
    token = info["tokens"][info["n"] // 2]
    page.mouse.move(*place_of(page, data, token))
    tip = page.query_selector("#tip")
    shown = becomes(tip, "visible")
    marked = canvas.get_attribute("data-marked")
    # Another point may lie on top of it; it must be no farther from the pointer.
    near = marked and math.dist(place_of(page, data, int(marked)), place_of(page, data, token)) <= 1.5
    check("pointing at a point shows its token", shown and near, f"marked {marked}, not {token}")
    if spans and marked:
        text = spans[int(marked)].inner_text().strip()
        check("the read-out says what the token says", text in tip.inner_text(), tip.inner_text())
        check("the token is marked in the text", "on" in spans[int(marked)].get_attribute("class").split())
    page.mouse.move(2, 2)
    check("leaving unmarks the token", becomes(tip, "hidden") and canvas.get_attribute("data-marked") == "")
    old = page.evaluate("() => document.getElementById('ball').toDataURL()")
    for colour in page.eval_on_selector_all("#by option", "o => o.map(x => x.value)")[1:]:
        page.select_option("#by", colour)
        new = page.evaluate("() => document.getElementById('ball').toDataURL()")
        words = page.query_selector("#legend").inner_text().strip()
        check(f"the points can be coloured by {colour}", new != old and words)
        old = new
    if not spans:
        return
    page.query_selector(".passage .tk[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    focused = page.evaluate("""() => [document.activeElement.getAttribute('aria-label'),
      Array.from(document.querySelectorAll('.passage .tk')).indexOf(document.activeElement)]""")
    check("arrow keys go from token to token", focused[1] == 3 and "token 3" in (focused[0] or ""), str(focused))
    want = "3" if 3 in info["tokens"] else ""
    marked = canvas.get_attribute("data-marked")
    check("a token in focus marks its point", marked == want, marked)
    spans[token].hover()
    check("pointing at a token marks its point", canvas.get_attribute("data-marked") == str(token))
    page.mouse.move(2, 2)


def check_definitions(page, run):
    """What a figure shows is said in the words of the registry and the formulas of the manual, one click away."""
    root = pathlib.Path(os.environ.get("DWELL_SOURCE") or pathlib.Path(__file__).parents[2])
    flat = lambda text: re.sub(r"\s+", " ", text.replace("`", "").replace("\\|", "|")).strip()
    manual = flat((root / "docs/instruments.md").read_text(encoding="utf-8"))
    folds = page.eval_on_selector_all(".def", """d => d.map(f => [f.closest('figure').id,
      Array.from(f.querySelectorAll('dt code')).map(c => c.textContent),
      Array.from(f.querySelectorAll('.formula')).map(c => c.firstChild.textContent)])""")
    bare = page.eval_on_selector_all("figure[data-numbers]",
                                     "f => f.filter(x => !x.querySelector('.def')).map(x => x.id)")
    check(f"{len(folds)} figures have a definition", len(folds) > len(bare), f"without one: {bare}")
    said = dict(page.eval_on_selector_all(".def dt", """d => d.map(t => [t.querySelector('code').textContent,
      (t.nextElementSibling.nextElementSibling || t).textContent])"""))
    known = {"energy_b1": "exp(B (G_ij - 1))", "effective_rank": "exp(-Σ p ln p)", "change": "max(0, 1 - cka_u)",
             "ip_mean": "mean and sd of the pairs"}
    wrong = [name for name, part in known.items() if name in said and part not in said[name]]
    check("each column has its own formula", "ip_mean" in said and not wrong, str(wrong))
    foreign = [f for _, _, formulas in folds for f in formulas if flat(f) not in manual]
    check("their formulas are the manual's", folds and not foreign, str(foreign[:2]))
    listed = json.loads(subprocess.run([os.environ["DWELL"], "list", "instruments", "--json"], capture_output=True,
                                       text=True, check=True).stdout) if "DWELL" in os.environ else []
    meanings = {c["name"]: c["meaning"] for m in listed for c in m["columns"]}
    told = dict(page.eval_on_selector_all(".def dt", """d => d.map(t => [t.querySelector('code').textContent,
      t.nextElementSibling.textContent])"""))
    wrong = [name for name, text in told.items() if name in meanings and meanings[name] != text]
    known = sum(1 for name in told if name in meanings)
    check(f"{known} columns are said in the registry's words", not listed or (known > 5 and not wrong), str(wrong[:3]))
    summary = page.query_selector(".def summary")
    summary.focus()
    page.keyboard.press("Enter")
    shown = page.wait_for_selector(".def[open] dl", timeout=LATE) is not None
    named = summary.get_attribute("aria-label").startswith("definition of")
    check("a definition opens by the keyboard", shown and named)
    page.keyboard.press("Enter")


def check_streams(page, run, data):
    """Blocks are as high as their clusters have tokens; ribbons of a state add up to them."""
    blocks = page.evaluate("""() => Array.from(document.querySelectorAll('#alluvial .lumps')).map(g => [
      +g.dataset.state, Array.from(g.querySelectorAll('rect')).map(r => [+r.dataset.id, +r.dataset.size,
      +r.getAttribute('height')])])""")
    n, measured, wrong = len(data["labels"]) // data["layers"]["steps"], data["measured"], []
    unit = None
    for state, column in blocks:
        sizes = {}
        for i in range(n):
            if measured[i] == "1":
                label = data["labels"][state * n + i]
                key = -1 if label < 0 else data["identities"][state][label]
                sizes[key] = sizes.get(key, 0) + 1
        if unit is None:
            _, largest, high = max(column, key=lambda b: b[1])
            unit = high / largest
        # Pixels are printed to a tenth, in the unit too; the least height is 0.6.
        off = any(abs(h - size * unit) > 0.06 * (1 + size / largest) and h > 0.7 for _, size, h in column)
        if off or {k: size for k, size, _ in column} != sizes:
            wrong.append(state)
    check(f"blocks of {len(blocks)} states are their clusters", len(blocks) > 1 and not wrong, str(wrong[:3]))
    block = page.query_selector(f".lumps[data-state='{blocks[0][0]}'] rect")
    block.scroll_into_view_if_needed()
    block.hover()
    tip = page.query_selector("#tip")
    shown = becomes(tip, "visible")
    words = block.get_attribute("data-size")
    check("pointing at a block says how many tokens it has", shown and words in tip.inner_text())
    page.mouse.move(2, 2)


def check_attention(page, run, data):
    """Clicking a cell of a map of heads shows that head; its numbers are the run's."""
    info = data["attention"]
    svg = page.query_selector("svg[data-heat]")
    number_of = lambda name: float(svg.get_attribute(f"data-{name}"))
    before = page.eval_on_selector_all("#attention .cell", "c => c.map(p => p.getAttribute('d')).join()")
    svg.scroll_into_view_if_needed()
    box, block, head = svg.bounding_box(), info["blocks"] - 1, info["heads"] - 1
    unit = box["width"] / float(svg.get_attribute("viewBox").split()[2])
    x = number_of("left") + (block + 0.5) * number_of("cell-width")
    y = number_of("bottom") - (head + 0.5) * number_of("cell-height")
    page.mouse.click(box["x"] + unit * x, box["y"] + unit * y)
    values = page.eval_on_selector_all("#block, #head", "e => e.map(x => +x.value)")
    after = page.eval_on_selector_all("#attention .cell", "c => c.map(p => p.getAttribute('d')).join()")
    shown = values == [block + info["first"], head] and before != after
    check("a click on a cell shows the attention of its head", shown, values)
    figure = page.query_selector("#f-h-attention")
    rows = list(csv.DictReader(saved(page, figure.query_selector("button.csv")).splitlines()))
    shape, exact = read_npy(run.arrays["attention_map"])
    same = info["factor"] > 1 or not wrong_map(shape, exact, rows)
    check("the attention shown is the run's", same, "its numbers differ")
    picture = page.query_selector("#attention")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    unit, side = box["width"] / 520, info["side"]
    page.mouse.move(box["x"] + unit * (52 + 420 * 0.5 / side), box["y"] + unit * (44 + 420 * (side - 0.5) / side))
    tip = page.query_selector("#tip")
    share = float(rows[(side - 1) * side]["share"])
    shown = becomes(tip, "visible") and f"{share:.3f}" in tip.inner_text()
    check("pointing at a cell says its share", shown, tip.inner_text())
    page.mouse.move(2, 2)


def check_falls(page, run, data):
    """Each fall of an energy is marked where it ends, and the read-out says what carries it."""
    with open(run.folder / "events.csv", newline="", encoding="utf-8") as stream:
        falls = [r for r in csv.DictReader(stream) if r["kind"] == "energy_drop"]
    rows = page.eval_on_selector_all(".falls tbody tr", "r => r.map(x => Array.from(x.cells).map(c => c.textContent))")
    check(f"{len(falls)} falls are in the table", len(rows) == min(len(falls), 200))
    same = all(r[0] == f["first"] and f["detail"].startswith(r[1]) for r, f in zip(rows, falls))
    check("each with its block and energy", rows and same)
    for figure, prefix, shift in (("energy", "layers.energy_", 1), ("denergy", "blocks.dE_", 0)):
        svg = page.query_selector(f"#plot-{figure}")
        marks = svg.query_selector_all(".fall")
        series = [p.get_attribute("data-series") for p in svg.query_selector_all("path[data-series]")]
        drawn = {name.removeprefix(prefix) for name in series}
        want = [f for f in falls if f["detail"].split()[0].removeprefix("energy_").rstrip(";") in drawn]
        attributes = {name: svg.get_attribute(name) for name in (f"data-{a}-{part}" for a in "xy" for part in
                                                                 ("kind", "low", "high", "from", "to"))}
        off, places = [], axis_places(run, data["axis"])
        for f in want:
            name, step = f["detail"].split()[0].removeprefix("energy_").rstrip(";"), int(float(f["first"]))
            table = run.series("layers", f"energy_{name}", 0) if shift else run.series("blocks", f"dE_{name}", 0)
            x = to_pixel(places[step + 1] if shift else (places[step] + places[step + 1]) / 2, attributes, "x")
            y = to_pixel(table[step + shift], attributes, "y") - 4
            spots = [points_of(m.get_attribute("d"))[0] for m in marks]
            if not any(abs(a - x) <= PIXEL and abs(b - y) <= PIXEL for a, b in spots):
                off.append(f["detail"][:30])
        check(f"{len(want)} falls are marked in {figure}", want and len(marks) == len(want) and not off, str(off[:2]))
    svg = page.query_selector("#plot-denergy")
    svg.focus()
    page.keyboard.press("Home")
    for _ in range(int(float(falls[0]["first"]))):
        page.keyboard.press("ArrowRight")
    text = page.query_selector("#tip").inner_text()
    pairs = falls[0]["detail"].split("; ", 1)[1].split(", ")[0] if "; " in falls[0]["detail"] else ""
    check("the read-out of a block with a fall says which pairs carry it", "fall of" in text and pairs in text, text)
    page.keyboard.press("Escape")


def saved(page, button):
    """What a button would save: a browser holds back many downloads in a row, so only one is let through."""
    return page.evaluate("""async button => {
      let blob;
      const create = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
      URL.createObjectURL = b => { blob = b; return 'blob:' };
      HTMLAnchorElement.prototype.click = () => {};
      button.click();
      URL.createObjectURL = create;
      HTMLAnchorElement.prototype.click = click;
      return blob.text() }""", button)


def check_download(page, kind):
    button = page.query_selector(f"button.{kind}")
    with page.expect_download() as download:
        button.click()
    text = pathlib.Path(download.value.path()).read_text(encoding="utf-8")
    name = download.value.suggested_filename
    check(f"a button saves {kind}", name.endswith(f".{kind}") and text == saved(page, button), name)


def wrong_columns(run, table, rows):
    """Columns of a saved CSV of states or blocks that differ from the run's; the final norm stands last."""
    step, wrong = ("state", "block")[table == "blocks"], []
    for name in rows[0] if rows else ["nothing"]:
        if name in ("replica", step):
            continue
        got = [number(r[name]) for r in rows if r[step] != "final_norm"]
        want = [v for r in range(run.replicas) for v in run.series(table, name, r)][:len(got)]
        final = [number(r[name]) for r in rows if r[step] == "final_norm"]
        if got != want or (final and final != [number(run.final.get(name))]):
            wrong.append(name)
    return wrong


def wrong_array(run, kind, columns, rows):
    """Whether a saved CSV of histograms, clusters or positions differs from arrays.npz."""
    names = {"labels": "labels", "alluvial": "labels", "cloud": "pca", "attention": "attention_map",
             "tree": "merge_pairs"}
    name = columns if kind == "histogram" else names.get(kind, "sphere")
    shape, values = read_npy(run.arrays[name])
    if kind == "alluvial":
        return wrong_streams(run, shape, values, rows)
    if kind == "attention":
        return wrong_map(shape, values, rows)
    if kind == "tree":
        _, times = read_npy(run.arrays["merge_log_times"])
        want = [(values[2 * k], values[2 * k + 1], times[k]) for k in range(len(rows))]
        got = [(int(r["first"]), int(r["second"]), number(r["log_time"])) for r in rows]
        same = all(a[:2] == b[:2] and (a[2] == b[2] or (a[2] is None and math.isinf(b[2])))
                   for a, b in zip(got, want))
        return [] if got and same else ["mergers"]
    if kind in ("histogram", "labels"):
        last = "pairs" if kind == "histogram" else "cluster"
        got = [number(r[last]) for r in rows]
        return [] if got and got == values[:len(got)] else [last]
    n, dims, wrong = shape[-2], shape[-1], []
    for r in rows:
        first = (int(r["state"]) * n + int(r["token"])) * dims
        at = values[first:first + dims]
        pairs = [(math.atan2(at[1], at[0]), float(r["angle"]))] if kind == "angles" else [
            (want, float(r[axis])) for axis, want in zip("xyz", at)]
        # A step of 1/32767 and five digits; an angle at the seam may be on either side of it.
        wrong += [r for want, got in pairs if min(abs(got - want), abs(abs(got - want) - 2 * math.pi)) > 6e-5]
    return wrong[:1] if rows else ["nothing"]


def wrong_streams(run, shape, values, rows):
    """Tokens that pass from cluster to cluster: as many in all as are measured, in each cluster as many as it has."""
    n, keep = shape[-1], read_npy(run.arrays["keep"])[1]
    for l in range(run.states - 1):
        own = [r for r in rows if int(r["state"]) == l]
        sizes, want = {}, {}
        for r in own:
            sizes[r["cluster"]] = sizes.get(r["cluster"], 0) + int(r["tokens"])
        for i in range(n):
            if keep[i]:
                want[values[l * n + i]] = want.get(values[l * n + i], 0) + 1
        if sorted(sizes.values()) != sorted(want.values()) or sizes.get("-1", 0) != want.get(-1, 0):
            return [f"state {l}"]
    return [] if rows else ["nothing"]


def wrong_map(shape, values, rows):
    """A head's map: shares in steps of 1/255 of their roots."""
    side = shape[-1]
    if len(rows) != side * side:
        return [f"{len(rows)} cells"]
    first = (int(rows[0]["block"]) * shape[1] + int(rows[0]["head"])) * side * side
    roots = [(math.sqrt(float(r["share"])), math.sqrt(values[first + k])) for k, r in enumerate(rows)]
    off = [pair for pair in roots if abs(pair[0] - pair[1]) > 0.51 / 255 + 1e-3]
    return off[:1]


def wrong_table(run, kind, columns, rows):
    """The same of tables that are saved row by row."""
    source, wrong = getattr(run, kind), []
    for name in columns.split(","):
        want = [r.get(name) for r in source]
        got = [r[name] for r in rows] if rows and name in rows[0] else []
        same = all(a == b or number(a) == number(b) for a, b in zip(got, want))
        if not got or len(got) != len(want) or not same:
            wrong.append(name)
    return wrong


def check_saving(page, run):
    """Every figure has its drawing as a whole SVG, whose colours do not depend on the page, and its numbers as CSV."""
    drawings, numbers = [], []
    check_download(page, "svg")
    check_download(page, "csv")
    figures = page.query_selector_all("figure")
    for figure in figures:
        button = figure.query_selector("button.svg")
        text = saved(page, button) if button else "<none/>"
        root = xml.etree.ElementTree.fromstring(text)
        if not root.tag.endswith("}svg") or "var(" in text or "rgb(" not in text:
            drawings.append(figure.get_attribute("id"))
        kind, _, columns = (figure.get_attribute("data-numbers") or "").partition(":")
        button = figure.query_selector("button.csv")
        rows = list(csv.DictReader(saved(page, button).splitlines())) if button else []
        if kind in ("layers", "blocks"):
            wrong = wrong_columns(run, kind, rows)
        elif kind in ("heads", "push", "tokens"):
            wrong = wrong_table(run, kind, columns, rows)
        else:
            wrong = wrong_array(run, kind, columns, rows) if kind else ["no numbers"]
        if wrong:
            numbers.append(f"{figure.get_attribute('id')} {wrong[:3]}")
    check(f"each of {len(figures)} drawings can be saved", figures and not drawings, ", ".join(drawings))
    check(f"each of {len(figures)} CSV has the run's numbers", figures and not numbers, "; ".join(numbers))


def check_behind(page):
    """The table behind a picture, by the keyboard alone."""
    summary = page.query_selector("figure:has(.csv) .behind summary")
    summary.focus()
    page.keyboard.press("Enter")
    try:
        shown = page.wait_for_selector(".behind[open] tbody td", timeout=LATE) is not None
    except Late:
        shown = False
    check("the table behind a picture opens by the keyboard", shown)
    page.keyboard.press("Enter")


STOPS = "svg[tabindex],canvas[tabindex],button,input,summary,a[href],[tabindex='0']"


def check_keyboard(page):
    """The tabulator reaches everything that can be used, and all of it has a name."""
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
    want = page.evaluate("""s => Array.from(document.querySelectorAll(s)).filter(e =>
      e.getClientRects().length && !e.closest('details:not([open]) > :not(summary)'))
      .map((e, i) => { e.dataset.stop = i; return i })""", STOPS)
    reached, nameless = set(), []
    for _ in range(len(want) + 5):
        page.keyboard.press("Tab")
        stop, name = page.evaluate("""() => { const e = document.activeElement, d = e.dataset;
          const label = e.labels && e.labels.length ? e.labels[0].textContent : '';
          const title = e.querySelector && e.querySelector('title');
          return [d.stop === undefined ? -1 : +d.stop, (e.getAttribute('aria-label') || label || e.textContent ||
            (title ? title.textContent : '')).trim()] }""")
        reached.add(stop)
        if stop >= 0 and not name:
            nameless.append(stop)
    missing = set(want) - reached
    check(f"the keyboard reaches {len(want)} places", want and not missing, f"{len(missing)} are not reached")
    check("each of them has a name", not nameless, str(nameless[:5]))


def check_tokens(page, run):
    tokens = run.manifest.get("tokens") or []
    shown = page.query_selector_all(".tokens .token")
    check(f"{len(tokens)} tokens are shown", len(shown) == min(len(tokens), 4096), f"{len(shown)} shown")
    plain = re.compile(r"^[\w.,;:!?'()-]+$", re.ASCII)
    texts = page.evaluate("() => Array.from(document.querySelectorAll('.tokens .token bdi')).map(t => t.textContent)")
    wrong = [t["piece"] for t, text in zip(tokens, texts) if plain.match(t.get("piece") or "") and t["piece"] != text]
    check("tokens are shown as they are", not wrong, str(wrong[:3]))


def check_loss(page, run):
    """The losses as dots and as shades of the text, each at the token that was predicted; clusters by their words."""
    losses = [number(r["nll"]) for r in run.tokens]
    svg = page.query_selector("#plot-loss")
    check("the losses are drawn", svg is not None)
    attributes = {name: svg.get_attribute(name) for name in (f"data-{a}-{part}" for a in "xy" for part in
                                                             ("kind", "low", "high", "from", "to"))}
    dots = svg.evaluate("s => Array.from(s.querySelectorAll('circle.dot')).map(c => [+c.getAttribute('cx'), "
                        "+c.getAttribute('cy')])")
    want = [(to_pixel(i + 1, attributes, "x"), to_pixel(v, attributes, "y"))
            for i, v in enumerate(losses) if v is not None]
    off = [p for p, q in zip(dots, want) if max(abs(p[0] - q[0]), abs(p[1] - q[1])) > PIXEL]
    check(f"{len(want)} losses stand where tokens.csv says", len(dots) == len(want) and not off, str(off[:2]))
    shades = page.evaluate("""() => Array.from(document.querySelectorAll('.told .token')).map(t =>
      [t.textContent, t.dataset.loss ?? null])""")
    want = [[r["piece"], None if i == 0 else run.tokens[i - 1]["nll"]] for i, r in enumerate(run.tokens)]
    plain = [(a, b) for a, b in zip(shades, want) if b[0].isascii()]
    wrong = [a for a, b in plain if a[0] != b[0] or number(a[1]) != number(b[1])]
    check("the text is shaded by the losses", len(shades) == len(want) and plain and not wrong, str(wrong[:2]))
    rows = len({(r["state"], r["cluster"]) for r in run.lens})
    shown = len(page.query_selector_all("#lens tbody tr"))
    check(f"the words of {rows} clusters are there", rows > 0 and shown == min(rows, 300), f"{shown} shown")


# ---- the browser ----

class Watched:
    """A page whose requests and complaints are recorded."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(LATE)
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.context.route("**/*", lambda route: route.continue_() if route.request.url == url else self.refuse(route))
        own = ("data:", "blob:", url)
        self.page.on("request", lambda r: r.url.startswith(own) or self.requests.append(r.url))
        self.page.goto(url)
        self.page.wait_for_timeout(150)

    def refuse(self, route):
        self.requests.append(route.request.url)
        route.abort()

    def finish(self, name):
        check(f"{name}, no console error", not self.complaints, "; ".join(self.complaints[:3]))
        check(f"{name}, no request leaves the page", not self.requests, ", ".join(self.requests[:3]))
        self.context.close()


def luminance(colour):
    """Relative luminance (WCAG 2) of "rgb(r, g, b)"."""
    channels = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def check_scheme(page, name, dark):
    style = page.evaluate("""() => { const s = getComputedStyle(document.body), i = document.querySelector('.intro');
      return [s.backgroundColor, s.color, getComputedStyle(i || document.body).color] }""")
    page_light, ink, soft = (luminance(c) for c in style)
    contrast = lambda a, b: (max(a, b) + 0.05) / (min(a, b) + 0.05)
    check(f"{name}, page is {'dark' if dark else 'light'}", (page_light < 0.1) == dark)
    check(f"{name}, text is readable", contrast(page_light, ink) >= 7 and contrast(page_light, soft) >= 4.5,
          f"{contrast(page_light, ink):.1f}, {contrast(page_light, soft):.1f}")


def look(browser, url, shots):
    """The page in other circumstances: dark, narrow, printed, without script; one screenshot each."""
    for name, options in (("dark", {"color_scheme": "dark", "viewport": {"width": 1240, "height": 900}}),
                          ("narrow", {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}),
                          ("no-script", {"java_script_enabled": False, "viewport": {"width": 1240, "height": 900}})):
        watched = Watched(browser, url, **options)
        watched.page.screenshot(path=str(shots / f"{name}.png"), full_page=True)
        if name != "no-script":
            check_scheme(watched.page, name, name == "dark")
            wide = watched.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
            check(f"{name}, nothing sticks out", wide <= 0, f"{wide} pixels")
        else:
            check("no-script, the drawings are there", watched.page.query_selector("svg.dw").is_visible())
        watched.finish(name)
    watched = Watched(browser, url, viewport={"width": 1000, "height": 900})
    watched.page.emulate_media(media="print")
    watched.page.screenshot(path=str(shots / "print.png"), full_page=True)
    watched.finish("print")


def check_policy(browser, url):
    """A script that got into the page somehow must not run, and must not reach anything."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.evaluate("""() => { const s = document.createElement('script'); s.textContent = 'window.evil = 1';
      document.body.appendChild(s); const i = document.createElement('div');
      i.innerHTML = '<img src=x onerror="window.evil = 2">'; document.body.appendChild(i) }""")
    page.wait_for_timeout(200)
    check("the page's policy stops foreign scripts", page.evaluate("() => window.evil === undefined"))
    context.close()


def check_report(folder, report, shots, chromium, name=""):
    """All checks of one page; returns the names of those that failed."""
    global subject
    subject = f"{name}, " if name else ""
    failures.clear()
    shots.mkdir(parents=True, exist_ok=True)
    run, url = Run(folder), report.resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        watched = Watched(browser, url, color_scheme="light", viewport={"width": 1240, "height": 900})
        page = watched.page
        data = json.loads(page.evaluate("() => document.getElementById('dwell-data').textContent"))
        page.screenshot(path=str(shots / "light.png"), full_page=True)
        check_scheme(page, "light", False)
        check_figures(page)
        check_data(run, data)
        check_curves(page, run, data)
        check_heads(page, run)
        check_tokens(page, run)
        check_hover(page, run, data)
        check_saving(page, run)
        check_behind(page)
        check_definitions(page, run)
        check_keyboard(page)
        if "sphere" in data or "cloud" in data:
            check_cloud(page, data)
        if "cloud" in data or "labels" in data:
            check_linked(page, data)
        if page.query_selector("#alluvial"):
            check_streams(page, run, data)
        if "attention" in data:
            check_attention(page, run, data)
        if page.query_selector(".falls"):
            check_falls(page, run, data)
        if run.tokens:
            check_loss(page, run)
        watched.finish("light")
        look(browser, url, shots)
        check_policy(browser, url)
        browser.close()
    return list(failures)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("shots", type=pathlib.Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    failed = check_report(arguments.run, arguments.report, arguments.shots, arguments.chromium)
    print(f"{len(failed)} of the checks failed" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
