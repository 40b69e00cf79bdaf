"""Figures that answer, in a browser: right, and for everyone."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.pages import browser
from tests.pages.conftest import HTML
from vae_tf import VAE, Autoencoder
from vae_tf.lab import channel

PAGES = {"draw-a-digit": "book/09_mnist", "epochs": "book/09_mnist",
         "latent-explorer": "book/c_going_further",
         "loss-scale": "book/05_unit_gaussian",
         "moving-scale": "book/index",
         "noisy-channel": "book/07_noisy_channel"}
PHONE = {"has_touch": True, "viewport": {"width": 390, "height": 844}}
every_figure = pytest.mark.parametrize("name", PAGES)


@pytest.fixture
def visit(contexts, bases):
    """A function that opens a figure's chapter; nothing may be complained."""
    chromium = contexts["desktop", "light"].browser
    opened, faults = [], []

    def visit(name, scheme="file", before=None, spoiled=False, **options):
        opened.append(chromium.new_context(**options))
        page = opened[-1].new_page()
        watched = browser.watch(page, bases[scheme])
        if not spoiled:
            faults.append(watched)
        if before:
            before(page)
        page.goto(f"{bases[scheme]}{PAGES[name]}.html")
        return page

    yield visit
    for context in opened:
        context.close()
    assert sum(faults, []) == []


def place(page, name):
    return page.locator(f'.figure-place[data-name="{name}"]')


def live(page, name):
    """Return a figure once it has taken its picture's place."""
    place(page, name).scroll_into_view_if_needed()
    figure = place(page, name).locator(".figure-live")
    figure.wait_for()
    return figure


def exported(name):
    """Return what a chapter exported, as arrays."""
    path = HTML / f"_figures/{Path(PAGES[name]).name}-{name}.js"
    contents = json.loads(path.read_text().partition("=")[2].rstrip(";\n"))
    return {key: np.array(value) if isinstance(value, list) else unpacked(value)
            for key, value in contents.items()}


def unpacked(packed):
    numbers = np.frombuffer(base64.b64decode(packed["base64"]),
                            packed["dtype"])
    return numbers.reshape(packed["shape"])


def pixels(canvas):
    """Return what a canvas shows, red of [h, w]."""
    return np.array(canvas.evaluate("""c => {
      const copy = new OffscreenCanvas(c.width, c.height).getContext("2d");
      copy.drawImage(c, 0, 0);
      const {data} = copy.getImageData(0, 0, c.width, c.height);
      return Array.from({length: c.height}, (_, i) => Array.from(
          {length: c.width}, (_, j) => data[4 * (i * c.width + j)]));
    }"""))


def settle(page):
    """Wait for two repaints and until the status is said."""
    page.wait_for_timeout(450)


# The same numbers as in Python.

def rounded(name, model):
    """Return a model with the exported weights, and the exported images."""
    contents = exported("draw-a-digit")
    model.reconstruct(np.zeros([1, 28, 28, 1], np.float32))
    for variable in model.trainable_variables:
        key = f"{name}/{variable.name.partition(':')[0]}"
        variable.assign(np.float32(contents[key]))
    return model, np.float32(contents["images"]) / np.float32(255)


@pytest.fixture(scope="module")
def vae():
    return rounded("vae", VAE())


@pytest.fixture(scope="module")
def autoencoder():
    return rounded("autoencoder", Autoencoder())


@pytest.mark.parametrize("name, spread, least", [
    ("vae", 1.5, 0.2), ("autoencoder", 13, 0.15)])
def test_generation_is_tensorflow_s(visit, name, spread, least, request):
    model, _ = request.getfixturevalue(name)
    page = visit("draw-a-digit")
    live(page, "draw-a-digit")
    z = np.random.default_rng(0).normal(0, spread, [200, 20])
    ours = page.evaluate("""([name, codes]) => {
        const weights = weightsOf(name, unpacked(exported["draw-a-digit"]));
        return codes.map(z => Array.from(generation(
            Float32Array.from(z), weights))); }""", [name, z.tolist()])
    theirs = model.generation(np.float32(z)).numpy().reshape(200, 784)
    assert theirs.std() > least
    assert np.abs(np.array(ours) - theirs).max() < 1e-4


def many(ten):
    """Return digits, digits over digits, noise, and a black picture."""
    random = np.random.default_rng(1)
    mixed = [random.permutation(ten)[:2].max(0) for _ in range(100)]
    noise = random.random([40, 28, 28, 1], np.float32)
    return np.concatenate([ten, mixed, noise, np.zeros_like(noise[:1])])


def test_recognition_is_tensorflow_s(visit, vae):
    page, (vae, ten) = visit("draw-a-digit"), vae
    live(page, "draw-a-digit")
    images = many(ten)
    ours = page.evaluate("""images => {
        const weights = weightsOf("vae", unpacked(exported["draw-a-digit"]));
        return images.map(image => Object.values(
            recognition(Float32Array.from(image), weights)).map(
                v => Array.from(v))); }""", images.reshape(-1, 784).tolist())
    theirs = np.stack(vae.recognition(images), axis=1)
    assert np.abs(np.array(ours) - theirs).max() < 1e-4


def test_the_encoder_is_tensorflow_s(visit, autoencoder):
    page, (autoencoder, ten) = visit("draw-a-digit"), autoencoder
    live(page, "draw-a-digit")
    images = many(ten)
    ours = page.evaluate("""images => {
        const weights = weightsOf("autoencoder",
                                  unpacked(exported["draw-a-digit"]));
        return images.map(image => Array.from(
            encoder(Float32Array.from(image), weights))); }""",
        images.reshape(-1, 784).tolist())
    theirs = autoencoder.encoder(images).numpy()
    assert theirs.std() > 5
    assert np.abs(np.array(ours) - theirs).max() < 1e-4


def test_sixteen_bits_are_read_as_numpy_reads_them(visit):
    page = visit("draw-a-digit")
    bits = np.arange(2 ** 16, dtype=np.uint16)
    bits = bits[np.isfinite(bits.view(np.float16))]
    ours = page.evaluate("bits => bits.map(float16)", bits.tolist())
    assert np.array_equal(np.array(ours), np.float64(bits.view(np.float16)))


def in_float32(numbers, stddev):
    """Return numbers as `channel.information` takes them."""
    return np.float64(np.float32(numbers)), float(np.float32(stddev))


def decoded(z, contents):
    """Decode codes by TensorFlow with the weights that a page has."""
    h = np.float32(z)
    for name in ("g_h1", "g_h2", "g_h3"):
        h = tf.matmul(h, np.float32(contents[f"{name}/Matrix"])) \
            + np.float32(contents[f"{name}/bias"])
        h = tf.nn.sigmoid(h) if name == "g_h3" else tf.nn.relu(h)
    return h.numpy()


def test_the_plane_s_decoder_is_tensorflow_s(visit):
    page, contents = visit("latent-explorer"), exported("latent-explorer")
    live(page, "latent-explorer")
    z = np.random.default_rng(0).uniform(-4, 4, [200, 2]).astype(np.float32)
    ours = page.evaluate("""codes => {
        const weights = unpacked(exported["latent-explorer"]);
        return codes.map(z => Array.from(
            decode(Float32Array.from(z), weights))); }""", z.tolist())
    theirs = decoded(z, contents)
    assert theirs.std() > 0.2
    assert np.abs(np.array(ours) - theirs).max() < 1e-4


INFORMATION = "([numbers, stddev]) => information(numbers, stddev)"


def test_the_channel_is_python_s(visit):
    page = visit("noisy-channel")
    random = np.random.default_rng(2)
    for given in (0.001, 0.0037, 0.1, 0.4, 1.0, 9.9):
        numbers, stddev = in_float32(exported("noisy-channel")["numbers"],
                                     given)
        bits = page.evaluate(INFORMATION, [numbers.tolist(), stddev])
        theirs = channel.information(numbers, np.full(len(numbers), stddev))
        assert abs(bits - theirs) < 1e-6
        pair = page.evaluate("s => heard([0, 0.01], 0, s)", stddev)
        assert abs(pair[1] - channel.confusion(0.01, stddev)) < 1e-6
        # And by counting, when there are neighbours on both sides.
        shares = page.evaluate("([x, s]) => heard(x, x[4], s)",
                               [numbers.tolist(), stddev])
        received = numbers[4] + stddev * random.normal(size=100_000)
        nearest = np.abs(received[:, None] - numbers).argmin(1)
        counted = np.bincount(nearest, minlength=8) / 100_000
        assert np.abs(np.array(shares) - counted).max() < 0.01
        assert abs(sum(shares) - 1) < 1e-9


def test_the_curve_was_drawn_through_the_same_numbers(visit):
    page, contents = visit("noisy-channel"), exported("noisy-channel")
    for stddev, bits in zip(contents["stddevs"][::7], contents["bits"][::7]):
        numbers, stddev = in_float32(contents["numbers"], stddev)
        ours = page.evaluate(INFORMATION, [numbers.tolist(), stddev])
        assert abs(ours - bits) < 1e-6


def test_dice_are_a_unit_gaussian(visit):
    dice = np.array(visit("epochs").evaluate(
        "Array.from(normal(100000))"))
    assert abs(dice.mean()) < 0.02 and abs(dice.std() - 1) < 0.02
    assert 0.025 < np.mean(np.abs(dice) > 2) < 0.065


# Mouse, touch, keys.

def test_start(visit, vae):
    page, (vae, ten) = visit("draw-a-digit"), vae
    figure = live(page, "draw-a-digit")
    settle(page)
    sheet, _, decoded = [pixels(figure.locator("canvas").nth(i))
                         for i in range(3)]
    seven = ten[7:8]
    assert np.abs(sheet - 255 * seven[0, :, :, 0]).max() <= 1
    expected = vae.generation(vae.recognition(seven)[0])[0, :, :, 0]
    assert np.abs(decoded - 255 * expected).max() <= 1.01
    error = float(np.mean((expected - seven[0, :, :, 0]) ** 2))
    said = figure.locator("[role=status]").text_content()
    assert abs(float(re.search(r"picture: ([\d.]+)", said)[1])
               - error) < 1e-4


def middle(canvas, x=0.5, y=0.5):
    box = canvas.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_the_mouse_draws_and_a_drawing_is_encoded(visit):
    page = visit("draw-a-digit")
    figure = live(page, "draw-a-digit")
    sheet = figure.locator(".figure-sheet")
    decoded = figure.locator("canvas").nth(2)
    figure.get_by_role("button", name="Clear").click()
    settle(page)
    before = pixels(decoded)
    page.mouse.move(*middle(sheet, 0.5, 0.2))
    page.mouse.down()
    page.mouse.move(*middle(sheet, 0.5, 0.8), steps=8)
    page.mouse.up()
    settle(page)
    drawn = pixels(sheet)
    assert (drawn[6:22, 13:15] > 200).all() and drawn[:, :10].max() == 0
    assert np.abs(pixels(decoded) - before).max() > 100
    assert "Latent loss" in figure.locator("[role=status]").text_content()


def test_a_small_drawing_in_a_corner_is_centred(visit):
    page = visit("draw-a-digit")
    figure = live(page, "draw-a-digit")
    sheet = figure.locator(".figure-sheet")
    figure.get_by_role("button", name="Clear").click()
    page.mouse.move(*middle(sheet, 0.1, 0.1))
    page.mouse.down()
    page.mouse.move(*middle(sheet, 0.3, 0.5), steps=5)
    page.mouse.up()
    settle(page)
    seen = pixels(figure.locator("canvas").nth(1))
    y, x = np.nonzero(seen)
    assert 17 <= np.ptp(y) + 1 <= 24
    weights = seen / seen.sum()
    assert abs(weights.sum(1) @ np.arange(28) - 13.5) < 0.5
    assert abs(weights.sum(0) @ np.arange(28) - 13.5) < 0.5


def test_a_finger_draws_and_does_not_scroll(visit):
    page = visit("draw-a-digit", **PHONE)
    figure = live(page, "draw-a-digit")
    sheet = figure.locator(".figure-sheet")
    figure.get_by_role("button", name="Clear").tap()
    sheet.scroll_into_view_if_needed()
    settle(page)
    where = page.evaluate("scrollY")
    touches = page.context.new_cdp_session(page)

    def touch(kind, *points):
        touches.send("Input.dispatchTouchEvent", {
            "type": kind, "touchPoints": [{"x": x, "y": y}
                                          for x, y in points]})

    touch("touchStart", middle(sheet, 0.5, 0.2))
    for step in range(1, 7):
        touch("touchMove", middle(sheet, 0.5, 0.2 + step / 10))
    touch("touchEnd")
    settle(page)
    assert (pixels(sheet)[6:22, 13:15] > 200).all()
    assert page.evaluate("scrollY") == where


def test_keys_draw(visit):
    page = visit("draw-a-digit")
    figure = live(page, "draw-a-digit")
    figure.get_by_role("button", name="Clear").click()
    sheet = figure.locator(".figure-sheet")
    sheet.focus()
    for key in 5 * ["ArrowUp"] + [" "] + 10 * ["ArrowDown"] + [" "] + 3 * [
            "ArrowLeft"]:
        page.keyboard.press(key)
    figure.get_by_role("button", name="Clear").focus()
    settle(page)
    drawn = pixels(sheet)
    assert (drawn[10:18, 13:15] > 200).all() and drawn[:, :11].max() == 0
    assert "Latent loss" in figure.locator("[role=status]").text_content()


def test_an_empty_sheet_says_so(visit):
    page = visit("draw-a-digit")
    figure = live(page, "draw-a-digit")
    figure.get_by_role("button", name="Clear").click()
    settle(page)
    said = figure.locator("[role=status]")
    assert "The sheet is empty" in said.text_content()
    assert figure.get_by_role("button", name="Draw 1").is_disabled()
    assert not figure.locator(".figure-cloud").first.is_visible()
    figure.get_by_role("button", name="Test image 3").click()
    settle(page)
    assert "Latent loss" in said.text_content()
    assert figure.get_by_role("button", name="Draw 1").is_enabled()


def test_a_slider_moves_the_code_by_keys_and_back(visit, vae):
    page, (vae, ten) = visit("draw-a-digit"), vae
    figure = live(page, "draw-a-digit")
    settle(page)
    decoded = figure.locator("canvas").nth(2)
    before = pixels(decoded)
    slider = figure.get_by_role("slider", name="z1", exact=True)
    slider.focus()
    page.keyboard.press("End")
    settle(page)
    z = vae.recognition(ten[7:8])[0].numpy()
    z[0, 0] = 4
    expected = 255 * vae.generation(z)[0, :, :, 0]
    assert np.abs(pixels(decoded) - expected).max() <= 1.01
    assert slider.get_attribute("aria-valuetext").startswith("4.00, encoded")
    figure.get_by_role("button", name="Back to z_mean").click()
    settle(page)
    assert np.array_equal(pixels(decoded), before)


def test_dice_change_the_draws_and_a_draw_becomes_the_code(visit):
    page = visit("draw-a-digit")
    figure = live(page, "draw-a-digit")
    settle(page)
    draw = figure.get_by_role("button", name="Draw 1")
    before = pixels(draw.locator("canvas"))
    figure.get_by_role("button", name="Throw the dice").click()
    settle(page)
    after = pixels(draw.locator("canvas"))
    assert np.abs(after - before).max() > 10
    draw.click()
    settle(page)
    assert np.array_equal(pixels(figure.locator("canvas").nth(2)), after)


def draws(figure, name):
    """Return what the five buttons of a name show, [5, 28, 28]."""
    return np.stack([pixels(figure.get_by_role(
        "button", name=f"{name} {i + 1}").locator("canvas"))
        for i in range(5)])


@pytest.mark.parametrize("touch", [False, True])
def test_the_autoencoder_rebuilds_but_has_no_cloud(visit, autoencoder, touch):
    page = visit("draw-a-digit", **(PHONE if touch else {}))
    figure, (autoencoder, ten) = live(page, "draw-a-digit"), autoencoder
    settle(page)
    cloud, random = draws(figure, "Draw"), draws(figure, "Random code")
    assert all(np.abs(one - cloud[0]).max() > 10 for one in cloud[1:])
    switch = figure.get_by_role("checkbox")
    switch.tap() if touch else switch.press("Space")
    settle(page)
    expected = autoencoder.reconstruct(ten[7:8])[0, :, :, 0]
    shown = pixels(figure.locator("canvas").nth(2))
    assert np.abs(shown - 255 * expected).max() <= 1.01
    assert "no latent loss" in figure.locator("[role=status]").text_content()
    assert all(np.array_equal(one, shown) for one in draws(figure, "Draw"))
    # Of the same dice: hardly any pixel is white, as a stroke would be.
    strangers = draws(figure, "Random code")
    assert np.mean(strangers > 230) < 0.2 * np.mean(random > 230)
    figure.get_by_role("button", name="Random code 2").click()
    settle(page)
    assert np.array_equal(pixels(figure.locator("canvas").nth(2)),
                          strangers[1])
    switch.uncheck()
    settle(page)
    assert np.array_equal(draws(figure, "Random code"), random)
    assert np.array_equal(draws(figure, "Draw"), cloud)


def code_in(said):
    """Return the two numbers of the code that a status names."""
    words = re.search(r"Code (\S+), (\S+):", said).groups()
    return [float(word.replace("−", "-")) for word in words]


def shows(page, z):
    """Assert that the explorer shows the picture of a code, and says so."""
    settle(page)
    figure = live(page, "latent-explorer")
    expected = 255 * decoded([z], exported("latent-explorer"))
    shown = pixels(figure.locator("canvas"))
    # A pointer's place is whole pixels, a code two decimals.
    assert np.abs(shown.ravel() - expected).mean() < 1
    said = figure.locator("[role=status]").text_content()
    x, y = code_in(said)
    assert abs(x - z[0]) < 0.02 and abs(y - z[1]) < 0.02
    box = figure.locator(".figure-codes").bounding_box()
    mark = figure.locator(".figure-mark").bounding_box()
    at = mark["x"] + mark["width"] / 2 - box["x"]
    assert abs(at / box["width"] - (z[0] + 4) / 8) < 0.01
    return said


def test_the_mouse_walks_the_plane(visit):
    page = visit("latent-explorer")
    plane = live(page, "latent-explorer").locator(".figure-codes")
    shows(page, [0, 0])
    page.mouse.move(*middle(plane, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*middle(plane, 0.75, 0.25), steps=5)
    shows(page, [2, 2])
    page.mouse.move(*middle(plane, 0.25, 0.625), steps=5)
    page.mouse.up()
    page.mouse.move(*middle(plane, 0.9, 0.9))
    shows(page, [-2, -1])


def test_keys_walk_the_plane_and_stay_on_it(visit):
    page = visit("latent-explorer")
    live(page, "latent-explorer").locator(".figure-codes").focus()
    for key in 3 * ["ArrowRight"] + ["Shift+ArrowUp"] + ["ArrowDown"]:
        page.keyboard.press(key)
    shows(page, [0.3, 0.4])
    for _ in range(12):
        page.keyboard.press("Shift+ArrowLeft")
    shows(page, [-4, 0.4])


def test_a_finger_walks_the_plane_and_does_not_scroll(visit):
    page = visit("latent-explorer", **PHONE)
    plane = live(page, "latent-explorer").locator(".figure-codes")
    plane.scroll_into_view_if_needed()
    settle(page)
    where = page.evaluate("scrollY")
    touches = page.context.new_cdp_session(page)
    for kind, x, y in (("Start", 0.5, 0.3), ("Move", 0.5, 0.5),
                       ("Move", 0.25, 0.75)):
        x, y = middle(plane, x, y)
        touches.send("Input.dispatchTouchEvent", {
            "type": f"touch{kind}", "touchPoints": [{"x": x, "y": y}]})
    touches.send("Input.dispatchTouchEvent", {
        "type": "touchEnd", "touchPoints": []})
    settle(page)
    assert page.evaluate("scrollY") == where
    shows(page, [-2, -2])


def test_the_neighbour_that_is_named_is_the_nearest(visit):
    page, contents = visit("latent-explorer"), exported("latent-explorer")
    figure = live(page, "latent-explorer")
    figure.get_by_role("button", name="A code nobody wrote").click()
    settle(page)
    said = figure.locator("[role=status]").text_content()
    z = np.array(code_in(said))
    away = np.hypot(*(np.float64(contents["codes"]) - z).T)
    named = int(re.search(r"is (?:a|an(?= 8)) (\d)\.", said)[1])
    assert away[contents["labels"] == named].min() - away.min() < 0.02
    figure.get_by_role("button", name="To the middle").click()
    shows(page, [0, 0])


def test_ten_digits_have_ten_colours_on_the_plane(visit):
    figure = live(visit("latent-explorer"), "latent-explorer")
    colours = [figure.locator(f".figure-digit-{digit}").first.evaluate(
        "e => getComputedStyle(e).fill") for digit in range(10)]
    assert len(set(colours)) == 10


def test_epochs_shows_the_pictures_of_each(visit):
    page, contents = visit("epochs"), exported("epochs")
    figure = live(page, "epochs")
    slider = figure.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    for epoch, pictures in enumerate(contents["pictures"][..., 0]):
        rows = pictures.reshape(-1, 5, 28, 28).swapaxes(1, 2)
        settle(page)
        shown = pixels(figure.locator("canvas").first)
        assert np.abs(shown - rows.reshape(-1, 140)).max() <= 1
        said = figure.locator("[role=status]").text_content()
        assert f"{contents['losses'][epoch]:.1f} nats" in said
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "after epoch 9"


def test_loss_scale_moves_pictures_samples_error_and_kl_together(visit):
    page, contents = visit("loss-scale"), exported("loss-scale")
    figure = live(page, "loss-scale")
    slider = figure.get_by_role("slider")
    settle(page)
    assert slider.get_attribute("aria-valuetext") == "weight 1"
    slider.focus()
    page.keyboard.press("Home")
    for i, weight in enumerate((0, 0.1, 0.3, 1, 3, 10, 30)):
        settle(page)
        assert slider.get_attribute("aria-valuetext") == f"weight {weight}"
        for name, canvas in (("rebuilt", 1), ("samples", 2)):
            rows = contents[name][i].reshape(-1, 5, 28, 28).swapaxes(1, 2)
            shown = pixels(figure.locator("canvas").nth(canvas))
            assert np.abs(shown - rows.reshape(-1, 140)).max() <= 1
        said = figure.locator("[role=status]").text_content()
        assert f"error {contents['errors'][i]:.4f} per" in said
        assert f"and {contents['nats'][i]:.1f} nats" in said
        page.keyboard.press("ArrowRight")
    assert contents["nats"][0] > contents["nats"][-1]


def test_the_first_page_s_figure_moves_until_it_is_paused(visit):
    page = visit("moving-scale")
    contents, theirs = exported("moving-scale"), exported("loss-scale")
    assert contents.keys() == {"weights", "samples"}
    assert all(np.array_equal(contents[k], theirs[k]) for k in contents)
    figure = live(page, "moving-scale")
    slider = figure.get_by_role("slider")
    for weight in (0, 0.1, 0.3, 1, 3, 10, 30, 10):      # there, and back
        expect(slider).to_have_attribute("aria-valuetext", f"weight {weight}")
    figure.get_by_role("button", name="Pause").click()
    kept = slider.input_value()
    page.wait_for_timeout(2000)
    assert slider.input_value() == kept
    slider.press("ArrowLeft")
    said = figure.locator("[role=status]")
    expect(said).to_contain_text("on the KL")
    kept = slider.input_value()
    figure.get_by_role("button", name="Play").click()
    expect(slider).not_to_have_value(kept)
    expect(said).to_be_empty()      # it would tell of another weight


def test_whoever_takes_the_first_page_s_slider_stops_it(visit):
    page, contents = visit("moving-scale"), exported("moving-scale")
    figure = live(page, "moving-scale")
    figure.get_by_role("slider").focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    for i, weight in enumerate((0, 0.1, 0.3, 1, 3, 10, 30)):
        settle(page)
        rows = contents["samples"][i].reshape(-1, 5, 28, 28).swapaxes(1, 2)
        shown = pixels(figure.locator("canvas"))
        assert np.abs(shown - rows.reshape(-1, 140)).max() <= 1
        said = figure.locator("[role=status]").text_content()
        assert f"weight {weight} on the KL" in said
        page.keyboard.press("ArrowRight")
    assert figure.get_by_role("button", name="Play").is_visible()


def test_noise_decides_what_is_heard(visit):
    page = visit("noisy-channel")
    figure = live(page, "noisy-channel")
    slider, said = (figure.get_by_role("slider"),
                    figure.locator("[role=status]"))
    slider.focus()
    page.keyboard.press("Home")
    settle(page)
    assert "The name apple is heard right 100.0% of" in said.text_content()
    assert "3.00 pass" in said.text_content()
    page.keyboard.press("End")
    settle(page)
    assert "0.05 pass" in said.text_content()
    figure.get_by_role("combobox").select_option("plum")
    figure.get_by_role("button", name="Send it").click()
    settle(page)
    found = re.search(r"Sent as 9.4, (-?[\d.]+) arrived, and (\w+) was heard",
                      said.text_content())
    contents = exported("noisy-channel")
    nearest = np.abs(contents["numbers"] - float(found[1])).argmin()
    assert contents["names"][nearest] == found[2]


def test_a_finger_moves_a_slider(visit):
    page = visit("epochs", **PHONE)
    figure = live(page, "epochs")
    slider = figure.get_by_role("slider")
    slider.scroll_into_view_if_needed()
    page.touchscreen.tap(*middle(slider, 0.98))
    assert slider.input_value() == "9"


# For everyone.

def picture(page, name):
    """Return the image that a figure stands in for."""
    return page.locator(f'*:has(> .figure-place[data-name="{name}"])').locator(
        "img").first


@every_figure
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_figure_takes_its_picture_s_place_but_not_in_print(
        visit, name, scheme):
    page = visit(name, scheme)
    figure = live(page, name)
    assert not picture(page, name).is_visible()
    page.emulate_media(media="print")
    assert picture(page, name).is_visible() and not figure.is_visible()


@every_figure
def test_without_scripts_the_picture_stays_with_a_sentence(visit, name):
    page = visit(name, spoiled=True, java_script_enabled=False)
    assert picture(page, name).is_visible()
    assert "Where JavaScript runs" in place(page, name).inner_text()


@every_figure
@pytest.mark.parametrize("body", [None, "", 'exported["x"]={};', "broken("])
def test_without_its_data_the_picture_stays_with_a_sentence(
        visit, name, body):
    def answer(route):
        route.abort() if body is None else route.fulfill(
            body=body, content_type="text/javascript")

    page = visit(name, "http", lambda page: page.route(
        "**/_figures/*", answer), spoiled=True)
    place(page, name).scroll_into_view_if_needed()
    expect(place(page, name)).to_contain_text("could not be loaded")
    assert picture(page, name).is_visible()
    assert place(page, name).locator(".figure-live").count() == 0


@every_figure
def test_who_wants_less_motion_is_asked_first(visit, name):
    page = visit(name, reduced_motion="reduce")
    place(page, name).scroll_into_view_if_needed()
    settle(page)
    assert picture(page, name).is_visible()
    assert place(page, name).locator(".figure-live").count() == 0
    place(page, name).get_by_role("button", name="Start it").click()
    place(page, name).locator(".figure-live").wait_for()
    assert not picture(page, name).is_visible()


@every_figure
@pytest.mark.parametrize("width, mode", [
    (320, "light"), (390, "light"), (390, "dark"), (1280, "light"),
    (1280, "dark")])
def test_a_figure_has_no_barriers(visit, name, width, mode):
    page = visit(name, "http", spoiled=True, color_scheme=mode,
                 viewport={"width": width, "height": 900})
    figure = live(page, name)
    settle(page)
    assert browser.wide(page) == []
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth")
    assert figure.evaluate("""f => [...f.querySelectorAll(
        "button, input, select")].filter(e => {
          const box = e.getBoundingClientRect();
          return box.height < 24 || box.width < 24;
        }).map(e => e.outerHTML)""") == []
    found = Axe().run(page, ".figure-live", browser.AXE).response
    assert found["violations"] == [] and found["passes"]


@every_figure
def test_every_control_has_a_name_and_its_focus_is_seen(visit, name):
    page = visit(name)
    figure = live(page, name)
    snapshot = figure.aria_snapshot()
    for role in ("button", "slider", "combobox", "img", "application"):
        assert not re.search(rf"- {role}(:|$| \[)", snapshot, re.MULTILINE)
    for tag in ("button", "input", "select", ".figure-sheet"):
        for control in figure.locator(tag).all()[:1]:
            control.focus()
            page.keyboard.press("Shift")  # as if it had been reached by Tab
            assert control.evaluate(
                "e => getComputedStyle(e).outlineWidth") == "3px"


@pytest.mark.parametrize("name", sorted({*PAGES.values()}))
def test_what_is_a_page_s_own_is_light(name):
    page = HTML / f"{name}.html"
    pictures = set(re.findall(r"_images/[\w.-]+", page.read_text()))
    data = list(HTML.glob(f"_figures/{page.stem}-*.js"))
    scripts = list(HTML.glob("_static/widgets/*"))
    files = [page, *(HTML / name for name in pictures), *data, *scripts]
    assert pictures and data and scripts
    assert sum(file.stat().st_size for file in files) < 1.5e6
