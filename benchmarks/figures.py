"""Milliseconds from an interaction with a figure to its repainted picture.

`python -m benchmarks.figures` opens the rendered chapters in Chromium, draws
with the mouse, moves each figure's first slider or its plane with the arrow
keys, and prints the median and the 95th percentile over 100 interactions: of
the time spent computing and painting, and of that until the frame is done,
which includes waiting for the screen's next one, every 16.7 ms.
"""

import numpy as np
from playwright.sync_api import sync_playwright

from tests.pages import browser
from tests.pages.conftest import HTML

FIGURES = {"draw-a-digit": "09_mnist", "epochs": "09_mnist",
           "latent-explorer": "c_going_further",
           "loss-scale": "05_unit_gaussian", "moving-scale": "index",
           "noisy-channel": "07_noisy_channel"}
# A message posted in a frame's first act arrives when it has been painted.
WATCH = """kind => {
  window.milliseconds = [];
  const painted = new MessageChannel();
  let begun, frame, waiting = false;
  painted.port1.onmessage = () => {
    const end = performance.now();
    milliseconds.push([end - frame + begun[1], end - begun[0]]);
    waiting = false;
  };
  addEventListener(kind, event => {
    if (waiting) return;
    waiting = true;
    const start = performance.now();
    requestAnimationFrame(() => {
      frame = performance.now();
      painted.port2.postMessage(0);
    });
    queueMicrotask(() => { begun = [start, performance.now() - start]; });
  }, true);
}"""


def main():
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        for name, chapter in FIGURES.items():
            first = "keydown" if name == "latent-explorer" else "input"
            for kind, act in ((first, keys), ("pointermove", mouse)):
                if act is keys or name == "draw-a-digit":
                    report(name, kind, measure(chromium, name, chapter, kind,
                                               act))
        chromium.close()


def measure(chromium, name, chapter, kind, act):
    """Return [n, 2] milliseconds: computing and painting, and in all."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto((HTML / f"book/{chapter}.html").as_uri())
    place = page.locator(f'.figure-place[data-name="{name}"]')
    place.scroll_into_view_if_needed()
    place.locator(".figure-live").wait_for()
    page.wait_for_timeout(1000)
    page.evaluate(WATCH, kind)
    act(page, place)
    found = np.array(page.evaluate("milliseconds"))
    page.close()
    return found[10:]  # the first ones are compiled while they run


def keys(page, place):
    place.locator("input[type=range], .figure-codes").first.focus()
    for i in range(110):
        page.keyboard.press("ArrowLeft" if i % 8 < 4 else "ArrowRight")
        page.wait_for_timeout(30)


def mouse(page, place):
    place.get_by_role("button", name="Clear").click()
    box = place.locator(".figure-sheet").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    for i in range(110):
        page.mouse.move(box["x"] + 100 + 60 * np.sin(i / 9),
                        box["y"] + 60 + i)
        page.wait_for_timeout(30)
    page.mouse.up()


def report(name, kind, found):
    for what, column in (("work", 0), ("to the frame", 1)):
        median, late = np.percentile(found[:, column], [50, 95])
        print(f"{name:15} {kind:12} {what:13} {median:5.1f} {late:5.1f} ms "
              f"(n = {len(found)})")


if __name__ == "__main__":
    main()
