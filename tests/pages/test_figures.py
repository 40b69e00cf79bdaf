"""Figures that answer, in a browser: right, and for everyone."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from playwright.sync_api import expect

from tests.pages.browser import wide
from tests.pages.conftest import HTML
from vae_tf import VAE, Autoencoder
from vae_tf.lab import channel

PAGES = {"asked-digit": "book/f_your_own_pictures",
         "cat-film": "book/01_one_image", "draw-a-digit": "book/09_mnist",
         "epochs": "book/09_mnist", "latent-explorer": "book/d_latent_space",
         "loss-scale": "book/05_unit_gaussian",
         "moving-scale": "book/index",
         "noisy-channel": "book/07_noisy_channel"}
every_figure = pytest.mark.parametrize("name", PAGES)


class Figure:
    """A figure on its page, once it has taken its picture's place."""

    def __init__(self, visit, name, start=lambda place: None, **options):
        self.page = visit(f"{PAGES[name]}.html", **options)
        self.place = find(self.page, name)
        self.place.scroll_into_view_if_needed()
        start(self.place)
        self.live = self.place.locator(".figure-live")
        self.live.wait_for()
        self.role, self.find = self.live.get_by_role, self.live.locator

    def button(self, name):
        return self.role("button", name=name, exact=True)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def shown(self, canvas):
        """Return what a canvas shows once all is still: red of [h, w]."""
        self.page.wait_for_timeout(450)
        canvas = self.find("canvas").nth(canvas) \
            if isinstance(canvas, int) else canvas.locator("canvas")
        return np.array(canvas.evaluate("""c => {
          const copy = new OffscreenCanvas(c.width, c.height).getContext("2d");
          copy.drawImage(c, 0, 0);
          const {data} = copy.getImageData(0, 0, c.width, c.height);
          return Array.from({length: c.height}, (_, i) => Array.from(
              {length: c.width}, (_, j) => data[4 * (i * c.width + j)]));
        }"""))

    def said(self):
        self.page.wait_for_timeout(450)
        return self.find("[role=status]").text_content()

    def drag(self, target, *places):
        """Drag the mouse over places of a target, from 0 to 1 in x and y."""
        target.scroll_into_view_if_needed()
        self.page.mouse.move(*point(target, *places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*point(target, *place), steps=8)
        self.page.mouse.up()

    def swipe(self, target, *places):
        """Do so with a finger, which must not scroll the page."""
        target.scroll_into_view_if_needed()
        self.page.wait_for_timeout(450)
        where = self.page.evaluate("scrollY")
        touches = self.page.context.new_cdp_session(self.page)
        for i, place in enumerate([*places, None]):
            points = [dict(zip("xy", point(target, *place)))] if place else []
            touches.send("Input.dispatchTouchEvent", {
                "type": "touchStart" if i == 0 else
                "touchMove" if place else "touchEnd", "touchPoints": points})
        self.page.wait_for_timeout(450)
        assert self.page.evaluate("scrollY") == where


def find(page, name):
    return page.locator(f'.figure-place[data-name="{name}"]')


def picture(page, name):
    """Return the image that a figure stands in for."""
    return page.locator(f'*:has(> .figure-place[data-name="{name}"])').locator(
        "img").first


def point(target, x, y):
    box = target.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def exported(name):
    """Return what a chapter exported, as arrays."""
    path = HTML / f"_figures/{Path(PAGES[name]).name}-{name}.js"
    contents = json.loads(path.read_text().partition("=")[2].rstrip(";\n"))
    return {key: np.array(value) if isinstance(value, list) else np.frombuffer(
        base64.b64decode(value["base64"]), value["dtype"]).reshape(
            value["shape"]) for key, value in contents.items()}


def rows(pictures):
    """Return pictures as a canvas has them, five in a row."""
    return pictures.reshape(-1, 5, 28, 28).swapaxes(1, 2).reshape(-1, 140)


def assert_near(shown, expected, most=1.01):
    assert np.abs(np.squeeze(shown) - np.squeeze(expected)).max() <= most


@pytest.fixture(scope="module")
def networks():
    """Return both networks with the exported weights, and ten digits."""
    contents = exported("draw-a-digit")
    models = {"vae": VAE(), "autoencoder": Autoencoder()}
    for name, model in models.items():
        model.reconstruct(np.zeros([1, 28, 28, 1], np.float32))
        for variable in model.trainable_variables:
            key = f"{name}/{variable.name.partition(':')[0]}"
            variable.assign(np.float32(contents[key]))
    return *models.values(), np.float32(contents["images"]) / np.float32(255)


# The same numbers as in Python.

def test_the_networks_are_tensorflow_s(visit, networks):
    vae, autoencoder, ten = networks
    random = np.random.default_rng(1)
    images = np.concatenate([
        ten, [random.permutation(ten)[:2].max(0) for _ in range(50)],
        random.random([40, 28, 28, 1], np.float32), np.zeros_like(ten[:1])])
    page = Figure(visit, "draw-a-digit").page
    for name, model, encode, spread in (
            ("vae", vae, "recognition", 1.5),
            ("autoencoder", autoencoder, "encoder", 13)):
        z = np.float32(random.normal(0, spread, [100, 20]))
        drawn, codes = page.evaluate("""([name, encode, codes, images]) => {
          const weights = weightsOf(name, unpacked(exported["draw-a-digit"]));
          const list = answer => answer instanceof Float32Array
              ? Array.from(answer) : Object.values(answer).flatMap(list);
          return [codes.map(z => list(generation(Float32Array.from(z),
                                                 weights))),
                  images.map(image => list(window[encode](
                      Float32Array.from(image), weights)))]; }""",
            [name, encode, z.tolist(), images.reshape(-1, 784).tolist()])
        theirs = model.generation(z).numpy().reshape(-1, 784)
        assert theirs.std() > 0.15
        assert_near(drawn, theirs, 1e-4)
        encoded = getattr(model, encode)(images)
        assert_near(codes, np.concatenate(encoded, axis=1) if name == "vae"
                    else encoded, 3e-4)
    drawn = np.array(page.evaluate("Array.from(normal(100000))"))
    assert abs(drawn.mean()) < 0.02 and abs(drawn.std() - 1) < 0.02


def decoded(z):
    """Decode codes of the plane by TensorFlow with the page's weights."""
    h, contents = np.float32(z), exported("latent-explorer")
    for name, activation in (("g_h1", tf.nn.relu), ("g_h2", tf.nn.relu),
                             ("g_h3", tf.nn.sigmoid)):
        h = activation(h @ np.float32(contents[f"{name}/Matrix"])
                       + np.float32(contents[f"{name}/bias"])).numpy()
    return h


def test_the_channel_is_python_s(visit):
    page, contents = Figure(visit, "noisy-channel").page, exported(
        "noisy-channel")
    numbers = np.float64(np.float32(contents["numbers"]))

    def bits(stddev):
        return page.evaluate("([x, stddev]) => information(x, stddev)",
                             [numbers.tolist(), stddev])

    for stddev in map(float, np.float32([0.001, 0.0037, 0.1, 0.4, 1, 9.9])):
        assert abs(bits(stddev) - channel.information(
            numbers, np.full(len(numbers), stddev))) < 1e-6
        pair = page.evaluate("s => heard([0, 0.01], 0, s)", stddev)
        assert abs(pair[1] - channel.confusion(0.01, stddev)) < 1e-6
    for stddev, drawn in zip(contents["stddevs"][::7], contents["bits"][::7]):
        assert abs(bits(float(np.float32(stddev))) - drawn) < 1e-6


# Mouse, touch, keys.

def test_a_digit_is_drawn_by_mouse_and_keys(visit, networks):
    vae, autoencoder, ten = networks
    three = ten[3:4]
    figure = Figure(visit, "draw-a-digit")
    sheet, switch = figure.find(".figure-sheet"), figure.role("checkbox")
    start, clear = figure.shown(2), figure.button("Clear")
    z = vae.recognition(three)[0].numpy()
    rebuilt = vae.generation(z).numpy()
    assert_near(figure.shown(0), 255 * three)
    assert_near(start, 255 * rebuilt)
    error = np.mean((rebuilt - three) ** 2)
    assert abs(float(re.search(r"picture: ([\d.]+)", figure.said())[1])
               - error) < 1e-4
    figure.role("slider", name="z1", exact=True).focus()
    figure.press("End")
    z[0, 0] = 4
    assert_near(figure.shown(2), 255 * vae.generation(z))
    figure.button("Back to z_mean").click()
    assert np.array_equal(figure.shown(2), start)
    draw = figure.role("button", name="Draw 1")
    before = figure.shown(draw)
    figure.role("button", name="Throw the dice").click()
    after = figure.shown(draw)
    assert np.abs(after - before).max() > 10
    draw.click()
    assert np.array_equal(figure.shown(2), after)
    clear.click()
    assert "The sheet is empty" in figure.said() and draw.is_disabled()
    sheet.focus()
    figure.press(*5 * ["ArrowUp"], " ", *10 * ["ArrowDown"], " ")
    drawn = figure.shown(0)
    assert (drawn[10:18, 13:15] > 200).all() and drawn[:, :11].max() == 0
    clear.click()
    figure.drag(sheet, (0.1, 0.1), (0.3, 0.5))  # small, in a corner
    seen = figure.shown(1) / figure.shown(1).sum()
    assert 17 <= np.ptp(np.nonzero(seen)[0]) + 1 <= 24
    assert_near([seen.sum(1) @ np.arange(28), seen.sum(0) @ np.arange(28)],
                [13.5, 13.5], 0.5)
    assert "Latent loss" in figure.said()
    figure.role("button", name="Test image 3").click()
    switch.press("Space")
    rebuilt = figure.shown(2)
    assert_near(rebuilt, 255 * autoencoder.reconstruct(three))
    assert "no latent loss" in figure.said()
    assert np.array_equal(figure.shown(draw), rebuilt)


def assert_explores(figure, z):
    """Check picture, sentence and mark for a code of the plane."""
    # A pointer's place is whole pixels, a code two decimals.
    shown = figure.shown(0).ravel()
    assert np.abs(shown - 255 * decoded([z])).mean() < 1
    assert_near(code_in(figure.said()), z, 0.02)
    box, mark = (figure.find(one).bounding_box()
                 for one in (".figure-codes", ".figure-mark"))
    at = mark["x"] + mark["width"] / 2 - box["x"]
    assert abs(at / box["width"] - (z[0] + 4) / 8) < 0.01


def code_in(said):
    words = re.search(r"Code (\S+), (\S+):", said).groups()
    return [float(word.replace("−", "-")) for word in words]


def test_mouse_and_keys_walk_the_plane(visit):
    figure, contents = Figure(visit, "latent-explorer"), exported(
        "latent-explorer")
    plane = figure.find(".figure-codes")
    assert_explores(figure, [0, 0])
    figure.drag(plane, (0.5, 0.5), (0.75, 0.25), (0.25, 0.625))
    figure.page.mouse.move(*point(plane, 0.9, 0.9))
    assert_explores(figure, [-2, -1])
    figure.button("To the middle").click()
    plane.focus()
    figure.press(*3 * ["ArrowRight"], "Shift+ArrowUp", "ArrowDown")
    assert_explores(figure, [0.3, 0.4])
    figure.press(*12 * ["Shift+ArrowLeft"])
    assert_explores(figure, [-4, 0.4])
    figure.button("A code nobody wrote").click()
    said = figure.said()
    away = np.hypot(*(np.float64(contents["codes"]) - code_in(said)).T)
    named = int(re.search(r"is (?:a|an(?= 8)) (\d)\.", said)[1])
    assert away[contents["labels"] == named].min() - away.min() < 0.02


def test_a_finger_draws_walks_and_moves_a_slider(visit):
    figure = Figure(visit, "draw-a-digit", width="phone")
    figure.button("Clear").tap()
    figure.swipe(figure.find(".figure-sheet"),
                 *((0.5, 0.2 + step / 10) for step in range(7)))
    assert (figure.shown(0)[6:22, 13:15] > 200).all()
    figure.role("checkbox").tap()
    assert "no latent loss" in figure.said()
    figure = Figure(visit, "latent-explorer", width="phone")
    figure.swipe(figure.find(".figure-codes"),
                 (0.5, 0.3), (0.5, 0.5), (0.25, 0.75))
    assert_explores(figure, [-2, -2])
    figure = Figure(visit, "epochs", width="phone")
    slider = figure.role("slider")
    slider.scroll_into_view_if_needed()
    figure.page.touchscreen.tap(*point(slider, 0.98, 0.5))
    assert slider.input_value() == "9"


def test_sliders_show_the_pictures_and_numbers_of_each_place(visit):
    for name, shows, says in (
            ("epochs", {0: "pictures"}, {"losses": "{:.1f} nats"}),
            ("loss-scale", {1: "rebuilt", 2: "samples"},
             {"errors": "error {:.4f} per", "nats": "and {:.1f} nats"}),
            ("moving-scale", {0: "samples"},
             {"weights": "weight {:g} on the KL"})):
        figure, contents = Figure(visit, name), exported(name)
        slider = figure.role("slider")
        slider.focus()
        figure.press("End", "Home")
        for i in range(len(contents[[*says][0]])):
            for canvas, key in shows.items():
                assert_near(figure.shown(canvas), rows(contents[key][i]))
            said = figure.said()
            for key, text in says.items():
                assert text.format(float(contents[key][i])) in said
            figure.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == (
            "after epoch 9" if name == "epochs" else "weight 784")


def test_the_first_page_s_figure_moves_until_it_is_paused(visit):
    figure = Figure(visit, "moving-scale")
    slider, status = figure.role("slider"), figure.find("[role=status]")
    for weight in (0.1, 1, 10, 784, 10):     # there, and back
        expect(slider).to_have_attribute("aria-valuetext", f"weight {weight}")
    figure.button("Pause").click()
    kept = slider.input_value()
    figure.page.wait_for_timeout(2000)
    assert slider.input_value() == kept
    figure.button("Play").click()
    expect(slider).not_to_have_value(kept)
    expect(status).to_be_empty()      # it would tell of another weight


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_a_film_runs_once_when_it_is_seen_and_stops_for_a_hand(visit, width):
    def keep_moments(page):
        page.add_init_script("""window.moments = [];
            new MutationObserver(changes => changes.forEach(({target}) =>
                moments.push(target.getAttribute("aria-valuetext"))))
            .observe(document, {attributes: true, subtree: true,
                                attributeFilter: ["aria-valuetext"]})""")

    figure, contents = Figure(visit, "cat-film", width=width,
                              before=keep_moments), exported("cat-film")
    slider, labels = figure.role("slider"), list(contents["labels"])
    figure.live.scroll_into_view_if_needed()
    figure.page.wait_for_function("n => moments.length >= n",
                                  arg=len(labels))
    play = figure.button("Play")
    expect(play).to_be_visible()
    assert figure.page.evaluate("moments") == labels
    play.evaluate("e => { e.click(); setTimeout(() => e.click(), 1100) }")
    for _ in range(2):      # paused on the way, and so it stays
        figure.page.wait_for_timeout(1500)
        expect(play).to_be_visible()
        assert figure.page.evaluate("moments.length") in range(
            len(labels) + 2, 2 * len(labels) - 1)
    play.click()
    slider.focus()
    figure.press("End", "Home")     # a hand on the slider pauses it
    expect(play).to_be_visible()
    for i, label in enumerate(labels):
        assert slider.get_attribute("aria-valuetext") == label
        if i % 6 == 0:
            assert_near(figure.shown(0), contents["output"][i, ..., 0], 0)
            assert_near(figure.shown(1), contents["photo"][..., 0], 0)
        assert figure.role("img", name=f"output, {label}",
                           exact=True).is_visible()
        figure.press("ArrowRight")
    if width == "phone":
        figure.page.touchscreen.tap(*point(slider, 0.5, 0.5))
        assert 8 < int(slider.input_value()) < 15


def test_a_film_lies_still_for_who_wants_no_motion(visit):
    def start(place):
        place.get_by_role("button", name="Start it").click()

    figure = Figure(visit, "cat-film", start, reduced_motion="reduce")
    figure.live.scroll_into_view_if_needed()
    figure.page.wait_for_timeout(700)
    assert figure.button("Play").is_visible()
    last = len(exported("cat-film")["labels"]) - 1
    assert figure.role("slider").input_value() == str(last)


def test_a_film_of_points_and_of_grey_pictures(visit):
    """No chapter need have one for them to be right."""
    figure = Figure(visit, "cat-film")
    random = np.random.default_rng(0)
    codes = np.float32(random.normal(0, 3, [3, 5, 2]).round(2))
    sheets = random.integers(0, 256, [3, 4, 6], dtype=np.uint8)
    figure.page.evaluate("""([codes, sheets]) => {
        const film = make("div", {class: "figure-live", id: "film"});
        figures.film(film, {
            labels: ["epoch 0", "epoch 1", "epoch 9"],
            classes: Uint8Array.of(0, 1, 1, 7, 9),
            codes: Object.assign(Float32Array.from(codes.flat(2)),
                                 {shape: [3, 5, 2]}),
            sheet: Object.assign(Uint8Array.from(sheets.flat(2)),
                                 {shape: [3, 4, 6]})});
        document.querySelector(".figure-place").append(film); }""",
        [codes.tolist(), sheets.tolist()])
    figure.live = figure.page.locator("#film")
    figure.role, figure.find = figure.live.get_by_role, figure.live.locator
    figure.role("slider").focus()
    figure.press("Home", "End")     # one of them moves it, and so it pauses
    for i in (2, 1, 0):
        assert np.float32(figure.live.evaluate(
            """f => [...f.querySelectorAll("text")].map(e => [
                e.getAttribute("x"), -e.getAttribute("y")])"""
            )).tolist() == codes[i].tolist()
        assert_near(figure.shown(0), sheets[i], 0)
        figure.press("ArrowLeft")
    assert figure.role("img", name="codes, epoch 0").is_visible()
    assert figure.find("text").all_text_contents() == [*"01179"]
    box = figure.find("svg").bounding_box()
    for text in figure.find("text").all():
        mark = text.bounding_box()
        assert box["x"] < mark["x"] < box["x"] + box["width"]


def test_noise_decides_what_is_heard(visit):
    figure, contents = Figure(visit, "noisy-channel"), exported(
        "noisy-channel")
    figure.role("slider").focus()
    figure.press("Home")
    said = figure.said()
    assert "The name apple is heard right 100.0% of" in said
    assert "3.00 pass" in said
    figure.press("End")
    assert "0.05 pass" in figure.said()
    figure.role("combobox").select_option("plum")
    figure.role("button", name="Send it").click()
    number, name = re.search(r"Sent as 9.4, (-?[\d.]+) arrived, and (\w+) was "
                             "heard", figure.said()).groups()
    nearest = np.abs(contents["numbers"] - float(number)).argmin()
    assert contents["names"][nearest] == name


# For everyone.

@every_figure
def test_who_wants_less_motion_is_asked_and_every_control_is_usable(
        visit, name):
    def start(place):
        place.page.wait_for_timeout(450)
        assert picture(place.page, name).is_visible()
        assert place.locator(".figure-live").count() == 0
        place.get_by_role("button", name="Start it").click()

    figure = Figure(visit, name, start, reduced_motion="reduce")
    image = picture(figure.page, name)
    assert not image.is_visible()
    for role in ("button", "slider", "combobox", "img", "application"):
        assert not re.search(rf"- {role}(:|$| \[)",
                             figure.live.aria_snapshot(), re.MULTILINE)
    for tag in ("button", "input", "select", ".figure-sheet"):
        for control in figure.find(tag).all()[:1]:
            control.focus()
            figure.press("Shift")  # as if it had been reached by Tab
            assert control.evaluate(
                "e => getComputedStyle(e).outlineWidth") == "3px"
    for width in (320, 390, 1280):
        figure.page.set_viewport_size({"width": width, "height": 900})
        assert wide(figure.page) == []
        assert figure.live.evaluate("f => f.scrollWidth <= f.clientWidth")
        sizes = figure.live.evaluate("""f => [...f.querySelectorAll(
            "button, input, select")].map(e => e.getBoundingClientRect())
            .filter(box => box.width).map(box => [box.width, box.height])""")
        assert np.min(sizes) >= 24
    figure.page.emulate_media(media="print")
    assert image.is_visible() and not figure.live.is_visible()


@every_figure
def test_where_a_figure_cannot_run_the_picture_stays(visit, name):
    def open_without(body):
        page = visit(f"{PAGES[name]}.html", "http", spoiled=True,
                     before=lambda page: page.route(
                         "**/_figures/*", lambda route: route.abort()
                         if body is None else route.fulfill(
                             body=body, content_type="text/javascript")))
        find(page, name).scroll_into_view_if_needed()
        return page, "could not be loaded"

    for page, text in (
            (visit(f"{PAGES[name]}.html", java_script_enabled=False),
             "Where JavaScript runs"),
            *map(open_without, (None, "", 'exported["x"]={};', "broken("))):
        expect(find(page, name)).to_contain_text(text)
        assert picture(page, name).is_visible()
        assert find(page, name).locator(".figure-live").count() == 0
