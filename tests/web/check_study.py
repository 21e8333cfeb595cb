#!/usr/bin/env python3
"""Makes a small study with the program and checks its page in the browser against its tables.

The environment names the program (DWELL) and the browser (CHROMIUM). Screenshots are kept in DWELL_SHOTS if it is set.
Prints "ok NAME" or "not ok NAME: why", one line per check. With a folder as argument: checks the study in it, whose
page is made anew.
"""

import csv
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

import web_check
from web_check import check, number

# The title tries to end the page's head and to run a script.
PLAN = {
    "title": "Small </title><script>window.evil = 3</script> & \"quoted\"",
    "about": "for the test of the page",
    "models": [{"model": "nursery:gpt2-nursery", "checkpoints": ["step-0", "step-100"]}],
    "prompts": [{"register": "narrative"}],
    "controls": {"random": 2, "repeated": True},
    "flows": [{"name": "sa-beta9", "d": 3, "beta": 9, "n": 12, "starts": 20}],
    "nulls": 19,
    "control_nulls": 19,
    "max_tokens": 48,
    "seed": 1,
}
NUMBERS = ("effect", "lo", "hi", "p", "p_holm", "prompts", "control", "reason", "contrast", "contrast_lo",
           "contrast_hi")


class Study:
    def __init__(self, folder):
        self.verdicts = web_check.read_csv(folder / "verdicts.csv")
        self.words = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
        self.numbers = web_check.read_csv(folder / "numbers.csv")

    def own(self, model):
        """Rows of the network itself, or the flow, over the texts that are averaged over."""
        return [r for r in self.numbers if r["model"] == model and r["variant"] in ("trained", "flow")
                and r["kind"] in ("text", "smiles", "start")]


VERDICTS = """() => Array.from(document.querySelectorAll('tbody.verdict')).map(b => ({
  claim: b.dataset.claim, model: b.dataset.model, group: b.dataset.group, verdict: b.dataset.verdict,
  badge: b.querySelector('.badge').textContent, sentence: b.querySelector('q').textContent,
  numbers: Object.fromEntries(Array.from(b.querySelectorAll('[data-column]')).map(e => [e.dataset.column,
    [e.dataset.value, e.textContent]]))}))"""


def rounds_to(text, value):
    """Is what a reader sees the value to its printed digits?"""
    shown = number(text)
    return shown is not None and abs(shown - value) <= 0.0051 * abs(value) + 1e-300


def check_verdicts(page, study):
    shown = page.evaluate(VERDICTS)
    key = lambda r: (r["claim"], r["model"], r["group"])
    check(f"{len(study.verdicts)} verdicts are there, each once",
          sorted(map(key, shown)) == sorted(map(key, study.verdicts)), f"{len(shown)} shown")
    counted = sum(bool(r["effect"]) and bool(r["contrast"]) for r in study.verdicts)
    check("some of them have effects and contrasts", counted > 0)
    wrong, words = [], {key(r): r["sentence"] for r in study.words}
    for row, want in ((s, w) for s in shown for w in study.verdicts if key(s) == key(w)):
        for name in NUMBERS:
            value, text = row["numbers"].get(name, ["", ""])
            good = value == want[name] and (name == "reason" or not value or rounds_to(text, float(value)))
            if not good:
                wrong.append(f"{key(row)} {name} {value} for {want[name]}")
        if row["verdict"] != want["verdict"] or want["verdict"] not in row["badge"]:
            wrong.append(f"{key(row)} {row['badge']}")
        if row["sentence"] != words[key(row)]:
            wrong.append(f"{key(row)} sentence")
    check("their numbers and words equal verdicts.csv and verdicts.json", not wrong, "; ".join(wrong[:3]))


def check_overview(page, study):
    cells = page.evaluate("""() => Array.from(document.querySelectorAll('.glance a')).map(a => {
      const b = document.querySelector(a.getAttribute('href'));
      return b ? [b.dataset.group, b.dataset.verdict, a.querySelector('.badge').textContent] : null })""")
    primary = [r for r in study.verdicts if r["group"] == "primary"]
    good = [c for c in cells if c and c[0] == "primary" and c[1] in c[2]]
    check("the overview leads to every primary verdict", len(good) == len(cells) == len(primary), str(cells[:3]))
    heading = page.query_selector("main section h2").inner_text()
    check("the verdicts come first", heading == "Verdicts", heading)


def check_open_ones(page, study):
    rows = page.evaluate("() => Array.from(document.querySelectorAll('#s-open tbody tr')).map(r => r.innerText)")
    want = [r for r in study.words if r["verdict"] == "SUSPENDED" and r["group"] != "control"]
    missing = [r["claim"] for r, text in zip(want, rows) if r["model"] not in text or (r["settle"] or "–") not in text]
    check("each suspended verdict stands beside what would settle it", len(rows) == len(want) and not missing,
          str(missing))


FIGURES = """() => Array.from(document.querySelectorAll('#s-strips figure')).map(f => ({
  id: f.id, column: f.querySelector('.source code').textContent,
  axis: Object.fromEntries(Array.from(f.querySelector('svg').attributes).map(a => [a.name, a.value])),
  dots: Array.from(f.querySelectorAll('circle.dot')).map(c => [c.dataset.value, +c.getAttribute('cx'),
    c.querySelector('title').textContent]),
  table: Array.from(f.querySelectorAll('table.numbers tr')).map(r => Array.from(r.cells).map(c =>
    c.dataset.value !== undefined ? c.dataset.value : c.textContent))}))"""


def check_strip(study, figure):
    header, *rows = figure["table"]
    want = {(r["text"], m): r[figure["column"]] for m in header[1:] for r in study.own(m)}
    got = {(row[0], m): value for row in rows for m, value in zip(header[1:], row[1:])}
    if {k: v for k, v in got.items() if v} != {k: v for k, v in want.items() if v}:
        return "the table differs from numbers.csv"
    axis = {f"data-x-{p}": figure["axis"][f"data-x-{p}"] for p in ("low", "high", "from", "to")}
    axis["data-x-kind"] = "linear"
    dots, values = sorted(d[0] for d in figure["dots"]), sorted(v for v in want.values() if v)
    # Where numbers are 0 or 1 a share is drawn instead, for subjects that have a verdict.
    if dots != values and not (figure["column"] == "plateau" and set(dots) <= set(values)):
        return "the dots differ from numbers.csv"
    off = [d for d in figure["dots"] if abs(web_check.to_pixel(float(d[0]), axis, "x") - d[1]) > web_check.PIXEL]
    return f"{off[0]} is at the wrong place" if off else ""


def check_strips(page, study):
    figures = page.evaluate(FIGURES)
    wrong = [f"{f['id']} {problem}" for f in figures if (problem := check_strip(study, f))]
    check(f"{len(figures)} figures by text equal numbers.csv", figures and not wrong, "; ".join(wrong[:3]))
    saved = []
    for figure in page.query_selector_all("figure"):
        table = figure.evaluate("""f => Array.from(f.querySelectorAll('table.numbers tr')).map(r => Array.from(r.cells)
          .map(c => c.dataset.value !== undefined ? c.dataset.value : c.textContent))""")
        text = web_check.saved(page, figure.query_selector("button.csv"))
        if list(csv.reader(text.splitlines())) != table or "<svg" not in web_check.saved(
                page, figure.query_selector("button.svg")):
            saved.append(figure.get_attribute("id"))
    check("each figure is saved as SVG and CSV", not saved, ", ".join(saved))


def check_training(page, study):
    series = {r["series"] for r in study.numbers if r["step"] and r["model"] != r["series"]}
    figures = page.query_selector_all("#s-training figure")
    check(f"{len(series)} trainings are drawn", len(figures) == len(series))
    for figure, name in zip(figures, sorted(series)):
        models = sorted({(float(r["step"]), r["model"]) for r in study.numbers if r["series"] == name and r["step"]})
        rows = figure.evaluate("""f => Array.from(f.querySelectorAll('.numbers tbody tr')).map(r =>
          Array.from(r.cells).map(c => c.dataset.value))""")
        wrong = [] if len(rows) == len(models) else ["steps"]
        for (step, model), (shown, mean) in zip(models, rows):
            values = [float(r["trend"]) for r in study.own(model) if r["trend"]]
            if float(shown) != step or not math.isclose(float(mean), sum(values) / len(values), rel_tol=1e-12):
                wrong.append(model)
        points = web_check.points_of(figure.query_selector("path[data-series]").get_attribute("d"))
        check(f"the training of {name} equals numbers.csv", not wrong and len(points) == len(models), str(wrong))


def check_study(folder, page_path, shots, chromium):
    web_check.subject = "study, "
    web_check.failures.clear()
    shots.mkdir(parents=True, exist_ok=True)
    study, url = Study(folder), page_path.resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=web_check.FLAGS)
        watched = web_check.Watched(browser, url, color_scheme="light", viewport={"width": 1240, "height": 900})
        page = watched.page
        page.screenshot(path=str(shots / "light.png"), full_page=True)
        web_check.check_scheme(page, "light", False)
        title = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["title"]
        check("the title is text", page.query_selector("h1").inner_text() == title and
              page.evaluate("() => window.evil === undefined"))
        web_check.check_figures(page)
        check_verdicts(page, study)
        check_overview(page, study)
        check_open_ones(page, study)
        check_strips(page, study)
        check_training(page, study)
        web_check.check_keyboard(page)
        watched.finish("light")
        web_check.look(browser, url, shots)
        web_check.check_policy(browser, url)
        browser.close()
    return not web_check.failures


def main():
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory(prefix="dwell-web-") as temporary:
        folder = pathlib.Path(temporary)
        shots = pathlib.Path(os.environ.get("DWELL_SHOTS") or folder / "shots") / "study"
        study = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "study"
        page = folder / "study.html"
        (folder / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
        make = [] if len(sys.argv) > 1 else [["study", folder / "plan.json", "-q", "-o", study]]
        for step in [*make, ["report", study, "-q", "-o", page]]:
            result = subprocess.run([os.environ["DWELL"], *map(str, step)], capture_output=True, text=True)
            if result.returncode != 0:
                check(f"study, dwell {step[0]}", False, result.stderr)
                return 1
        return 0 if check_study(study, page, shots, chromium) else 1


if __name__ == "__main__":
    sys.exit(main())
