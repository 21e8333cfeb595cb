#!/usr/bin/env python3
"""Pages of 1024 tokens and 48 blocks in a browser: bytes, milliseconds from the click to the first picture and until
the page answers, pictures per second while the tokens move: on the sphere, and in three dimensions beside their text.

    report.py [REPEATS]      run by `PARTS=report make bench`; DWELL names the program, CHROMIUM the browser
"""
import array
import io
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import zipfile

from playwright.sync_api import sync_playwright

TOKENS, BLOCKS, WIDTH, SECONDS = 1024, 48, 32, 4


def words():
    """A made-up text as numpy's strings, so that the page has one."""
    header = str({"descr": "<U8", "fortran_order": False, "shape": (TOKENS,)}).encode("latin-1")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    text = b"".join(f" word{i % 300}".ljust(8, "\0").encode("utf-32-le") for i in range(TOKENS))
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + text


def write_states(path):
    """States of made-up tokens that drift apart into eight groups: npz without numpy."""
    draw = random.Random(1)
    centres = [[draw.gauss(0, 1) for _ in range(WIDTH)] for _ in range(8)]
    start = [[draw.gauss(0, 1) for _ in range(WIDTH)] for _ in range(TOKENS)]
    values = array.array("f")
    for state in range(BLOCKS + 1):
        pull = state / BLOCKS
        for i, token in enumerate(start):
            values.extend(x + 2 * pull * c for x, c in zip(token, centres[i % 8]))
    header = str({"descr": "<f4", "fortran_order": False, "shape": (BLOCKS + 1, TOKENS, WIDTH)}).encode("latin-1")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    member = io.BytesIO()
    member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values.tobytes())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("states.npy", member.getvalue())
        archive.writestr("tokens.npy", words())


def first_picture(browser, url):
    """Milliseconds from the start of the navigation to the first contentful paint, and to the end of the scripts."""
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    page.goto(url)
    page.wait_for_timeout(300)
    paint, ready = page.evaluate("""() => [performance.getEntriesByName('first-contentful-paint')[0].startTime,
      performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd]""")
    page.close()
    return paint, ready


def pictures_per_second(browser, url):
    """Drawn pictures while it plays, started again whenever it is at the end."""
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    page.goto(url)
    count = page.evaluate("""seconds => new Promise(done => {
      const ball = document.getElementById('ball'), play = document.getElementById('play'), began = performance.now();
      let count = 0, last = ball.dataset.frame;
      play.click();
      (function watch() {
        if (ball.dataset.frame !== last) { last = ball.dataset.frame; count++; }
        if (play.getAttribute('aria-pressed') === 'false') play.click();
        if (performance.now() - began < 1000 * seconds) requestAnimationFrame(watch); else done(count);
      })() })""", SECONDS)
    page.close()
    return count / SECONDS


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    dwell = os.environ["DWELL"]
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = pathlib.Path(temporary)
        write_states(folder / "states.npz")
        kinds = {
            "states": ["measure", "--states", folder / "states.npz", "--nulls", "19"],
            "flow": ["simulate", "--n", str(TOKENS), "--d", "3", "--beta", "9", "--until", "1e3", "--log-times",
                     "--frames", str(BLOCKS + 1), "--nulls", "19"],
        }
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        for name, arguments in kinds.items():
            page = folder / f"{name}.html"
            for command in [[*arguments, "-q", "-o", folder / name], ["report", folder / name, "-q", "-o", page]]:
                subprocess.run([dwell, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
            times = [first_picture(browser, page.as_uri()) for _ in range(repeats)]
            paint, ready = (statistics.median(column) for column in zip(*times))
            line = f"{name:8} {page.stat().st_size / 1e6:6.2f} MB   first picture {paint:6.0f} ms"
            line += f"   answers {ready:6.0f} ms"
            line += f"   plays {pictures_per_second(browser, page.as_uri()):5.1f} pictures/s"
            print(line, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
