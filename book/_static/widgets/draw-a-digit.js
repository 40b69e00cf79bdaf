// Draw a digit: a sheet, the encoder's cloud on twenty sliders, the decoder.

figures["draw-a-digit"] = (place, {images, reach, ...arrays}) => {
  const vae = {reach: reach[0], weights: weightsOf("vae", arrays),
               encode: recognition};
  const autoencoder = {reach: reach[1],
                       weights: weightsOf("autoencoder", arrays),
                       encode: (image, weights) => ({
                         z_mean: encoder(image, weights),
                         z_stddev: new Float32Array(n_z)})};
  const n_z = vae.weights["w_mean/bias"].length;
  const black = new Float32Array(784);
  let model = vae, sheet, isFromTest, seen, cloud, z;

  // The sheet -> the cloud, and its middle on the sliders.
  const encode = oncePerFrame(() => {
    seen = isFromTest ? sheet : asMNIST(sheet);
    cloud = seen && model.encode(seen, model.weights);
    z = cloud ? cloud.z_mean.slice() : new Float32Array(n_z);
    paint(seenPicture, seen || black);
    back.disabled = !cloud;
    showDraws();
    decodeNow();
    if (!cloud)
      tell("The sheet is empty. Draw on it, or start from a test image.");
  });

  // The sliders -> a picture.
  function decodeNow() {
    const picture = generation(z, model.weights);
    paint(decoded, picture);
    sliders.forEach((slider, i) => slider.show(z[i], cloud && [
      cloud.z_mean[i], Math.abs(cloud.z_stddev[i])]));
    if (cloud) tell(summary(seen, picture, model === vae && cloud));
  }

  const decode = oncePerFrame(decodeNow);

  function setCode(code) {
    z = code.slice();
    decode();
  }

  // Asked for while a frame is made, these are done in the next one.
  const showDraws = oncePerFrame(() => showCodes(draws));
  const showStrangers = oncePerFrame(() => showCodes(strangers));

  function showCodes(five) {
    for (const one of five) {
      const code = one.code();
      one.show(code && generation(code, model.weights));
    }
  }

  function start(pixels, fromTest) {
    sheet = pixels;
    isFromTest = fromTest;
    pad.show(sheet);
    encode();
  }

  function choose(chosen) {
    model = chosen;
    sliders.forEach(slider => slider.reachTo(model.reach));
    showStrangers();
    encode();
  }

  const makeFive = (name, codeOf) => Array.from({length: 5}, (_, i) =>
    makeDraw(`${name} ${i + 1}`, n_z, codeOf, code => {
      setCode(code);
      decoded.scrollIntoView({block: "nearest"});
    }));

  const pad = makePad(() => { isFromTest = false; encode(); });
  const seenPicture = makePicture("As the encoder sees it");
  const decoded = makePicture("The decoder’s picture of the sliders’ code");
  const sliders = Array.from({length: n_z}, (_, i) => makeSlider(
    `z${i + 1}`, value => { z[i] = value; decode(); }));
  const draws = makeFive("Draw", dice => cloud && sample_z(
    cloud.z_mean, cloud.z_stddev, dice));
  const strangers = makeFive("Random code", dice => dice);
  const tests = Array.from({length: images.length / 784}, (_, i) => {
    const bytes = images.subarray(784 * i, 784 * (i + 1));
    return Float32Array.from(bytes, v => v / 255);
  });
  const back = makeButton("Back to z_mean", () => setCode(cloud.z_mean));
  const without = make("input", {type: "checkbox"});
  without.addEventListener("change", () => choose(
    without.checked ? autoencoder : vae));
  const [status, tell] = makeStatus();

  place.append(
    make("label", {class: "figure-buttons"}, without,
      make("span", {}, "as the article’s autoencoder, without cloud and KL")),
    make("div", {class: "figure-row"},
      captioned(pad.canvas, "Draw here"),
      captioned(seenPicture, "as the encoder sees it"),
      captioned(decoded, "decoded")),
    make("div", {class: "figure-buttons figure-ten"},
      makeButton("Clear", () => start(black.slice(), false)),
      make("span", {}, "or start from a test image:"),
      ...tests.map((pixels, digit) => makeButton(
        digit, () => start(pixels.slice(), true),
        {"aria-label": `Test image ${digit}`}))),
    make("div", {class: "figure-sliders"}, ...sliders.map(s => s.row)),
    make("div", {class: "figure-buttons"}, back,
      makeButton("Throw the dice again", () => {
        [...draws, ...strangers].forEach(one => one.throwDice());
        showDraws();
        showStrangers();
      })),
    ...[["from the cloud", draws], ["codes nobody wrote", strangers]].map(
      ([name, five]) => make("div", {class: "figure-draws"},
        make("span", {}, name), ...five.map(one => one.button))),
    status);
  start(tests[3].slice(), true);
  choose(vae);
};

// {"vae/d_h1/w": numbers, …} -> those of one model: {"d_h1/w": numbers, …}.
function weightsOf(model, arrays) {
  return Object.fromEntries(Object.entries(arrays)
    .filter(([name]) => name.startsWith(`${model}/`))
    .map(([name, numbers]) => [name.slice(model.length + 1), numbers]));
}

// Without a cloud there is no latent loss.
function summary(seen, picture, cloud) {
  const error = seen.reduce((sum, v, i) => sum + (v - picture[i]) ** 2, 0);
  return `Mean squared error of the decoder’s picture: ${
    (error / 784).toFixed(4)} per pixel. ` + (cloud
    ? `Latent loss of what is on the sheet: ${
      latent_loss(cloud).toFixed(1)} nats.`
    : "A code that is a point has no latent loss.");
}

function latent_loss({z_mean, z_stddev}) {
  return z_mean.reduce((sum, mean, i) => {
    const variance = z_stddev[i] ** 2;
    return sum + (mean ** 2 + variance - Math.log(variance) - 1) / 2;
  }, 0);
}

// A picture of a code from dice, on a button that puts it on the sliders.
function makeDraw(name, n_z, codeOf, act) {
  let dice = normal(n_z);
  const picture = makePicture(name);
  const draw = {
    code: () => codeOf(dice),
    throwDice() { dice = normal(n_z); },
    show(pixels) {
      draw.button.disabled = !pixels;
      paint(picture, pixels || new Float32Array(784));
    }};
  draw.button = makeButton(picture, () => act(draw.code()), {
    "aria-label": `${name}: put its code on the sliders`});
  return draw;
}

// One latent variable: a slider, and behind it the cloud, z_mean and z_stddev.
function makeSlider(name, act) {
  let end;
  const bar = make("span", {class: "figure-cloud"});
  const input = make("input", {type: "range", "aria-label": name});
  const percent = v => 50 + 50 * Math.max(-1, Math.min(1, v / end));
  input.addEventListener("input", () => act(input.valueAsNumber));
  return {
    row: make("div", {}, make("span", {"aria-hidden": "true"}, name),
              make("span", {class: "figure-slider"},
                   make("span", {class: "figure-track"}, bar), input)),
    reachTo(furthest) {
      end = furthest;
      Object.assign(input, {min: -end, max: end, step: end / 80});
    },
    show(value, cloud) {
      const [mean, stddev] = cloud || [0, 0];
      input.value = value;
      input.setAttribute("aria-valuetext", value.toFixed(2) + (cloud
        ? `, encoded as ${mean.toFixed(2)} plus or minus ${stddev.toFixed(2)}`
        : ""));
      bar.hidden = !cloud;
      bar.style.left = `${percent(mean - stddev)}%`;
      bar.style.right = `${100 - percent(mean + stddev)}%`;
    }};
}

// A sheet of 28 x 28 pixels and a soft pen, for pointers and for arrow keys.
function makePad(act) {
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0],
                 ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  const canvas = makePicture(
    "A sheet to draw on. Arrow keys move the pen, space sets it down or "
    + "lifts it.", {tabindex: 0, role: "application", class: "figure-sheet"});
  let sheet, pen = [14, 14], isDown = false, byKeys = false;

  function repaint() {
    paint(canvas, sheet);
    if (byKeys) {
      const context = canvas.getContext("2d");
      context.fillStyle = isDown ? "#e69f00" : "#56b4e9";
      context.fillRect(Math.round(pen[1]) - 1, Math.round(pen[0]) - 1, 2, 2);
    }
  }

  function drawTo(point) {
    stroke(sheet, pen, point);
    pen = point;
    repaint();
    act();
  }

  function pointOf(event) {
    const box = canvas.getBoundingClientRect();
    return [28 * (event.clientY - box.top) / box.height,
            28 * (event.clientX - box.left) / box.width];
  }

  canvas.addEventListener("pointerdown", event => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    byKeys = false;
    pen = pointOf(event);
    drawTo(pen);
  });
  canvas.addEventListener("pointermove", event => {
    if (canvas.hasPointerCapture(event.pointerId)) drawTo(pointOf(event));
  });
  canvas.addEventListener("keydown", event => {
    if (event.key === " ") {
      isDown = !isDown;
    } else if (!steps[event.key]) {
      return;
    }
    event.preventDefault();
    byKeys = true;
    const step = steps[event.key] || [0, 0];
    const point = pen.map((v, i) => Math.max(0, Math.min(28, v + step[i])));
    if (isDown) {
      drawTo(point);
    } else {
      pen = point;
      repaint();
    }
  });
  canvas.addEventListener("blur", () => {
    byKeys = isDown = false;
    repaint();
  });
  return {canvas, show(pixels) { sheet = pixels; repaint(); }};
}

// Ink every pixel near the way from one point to another, softly.
function stroke(sheet, [y0, x0], [y1, x1]) {
  const dy = y1 - y0, dx = x1 - x0, length = dy * dy + dx * dx;
  for (let i = 0; i < 784; i++) {
    const y = Math.floor(i / 28) + 0.5, x = i % 28 + 0.5;
    const along = length ? ((y - y0) * dy + (x - x0) * dx) / length : 0;
    const t = Math.max(0, Math.min(1, along));
    const away = Math.hypot(y - y0 - t * dy, x - x0 - t * dx);
    sheet[i] = Math.max(sheet[i], Math.min(1, Math.max(0, 1.7 - away)));
  }
}

// MNIST's digits are 20 pixels high or wide, their ink's centre in the middle.
// Of an empty sheet there is nothing to see: undefined.
function asMNIST(sheet) {
  const ys = [], xs = [];
  let ink = 0, cy = 0, cx = 0;
  sheet.forEach((v, i) => {
    if (v) {
      const y = Math.floor(i / 28), x = i % 28;
      ys.push(y), xs.push(x);
      ink += v, cy += v * y, cx += v * x;
    }
  });
  if (!ink) return undefined;
  const size = 1 + Math.max(Math.max(...ys) - Math.min(...ys),
                            Math.max(...xs) - Math.min(...xs));
  const scale = Math.max(0.5, size / 20);  // at most twice as large
  return sheet.map((_, i) => between(
    sheet, cy / ink + scale * (Math.floor(i / 28) - 13.5),
    cx / ink + scale * (i % 28 - 13.5)));
}

// The grey level between four pixels, black outside.
function between(sheet, y, x) {
  const i = Math.floor(y), j = Math.floor(x), t = y - i, u = x - j;
  const at = (k, l) => k < 0 || k > 27 || l < 0 || l > 27
    ? 0 : sheet[28 * k + l];
  return (1 - t) * ((1 - u) * at(i, j) + u * at(i, j + 1))
      + t * ((1 - u) * at(i + 1, j) + u * at(i + 1, j + 1));
}
