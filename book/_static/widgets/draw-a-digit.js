// Draw a digit: a sheet, the encoder's cloud on twenty sliders, the decoder.

figures["draw-a-digit"] = (place, {images, ...weights}) => {
  const draws = 5, n_z = weights["w_mean/bias"].length;
  let sheet, isOurs, seen, cloud, z;
  let dice = Array.from({length: draws}, () => normal(n_z));

  const seenPicture = makePicture("As the encoder sees it");
  const decoded = makePicture("The decoder's picture of the sliders' code");
  const [status, tell] = makeStatus();
  const pad = makePad(() => { isOurs = false; encode(); });
  const sliders = Array.from({length: n_z}, (_, i) => makeSlider(i, value => {
    z[i] = value;
    decode();
  }));
  const drawn = dice.map((_, i) => {
    const picture = makePicture(`Draw ${i + 1}`);
    const act = () => { if (cloud) setCode(draw(i)); };
    return {picture, button: makeButton(picture, act, {
      "aria-label": `Draw ${i + 1}: put its code on the sliders`})};
  });

  const draw = i => sample_z(cloud.z_mean, cloud.z_stddev, dice[i]);

  function setCode(code) {
    z = Float32Array.from(code);
    decode();
  }

  function start(digit) {
    sheet = Float32Array.from(images.subarray(784 * digit, 784 * (digit + 1)),
                              v => v / 255);
    isOurs = true;
    pad.show(sheet);
    encode();
  }

  function clear() {
    sheet = new Float32Array(784);
    pad.show(sheet);
    encode();
  }

  const encode = oncePerFrame(() => {
    const empty = !sheet.some(v => v > 0);
    place.classList.toggle("figure-empty", empty);
    seen = empty || isOurs ? sheet : asMNIST(sheet);
    paint(seenPicture, seen);
    if (empty) {
      cloud = null;
      z = new Float32Array(n_z);
      tell("The sheet is empty. Draw on it, or start from a test image.");
    } else {
      cloud = recognition(seen, weights);
      z = cloud.z_mean.slice();
    }
    showDraws();
    decodeNow();
  });

  // Asked for while a frame is made, this is done in the next one.
  const showDraws = oncePerFrame(() => {
    for (const [i, {picture, button}] of drawn.entries()) {
      button.disabled = !cloud;
      paint(picture, cloud ? generation(draw(i), weights)
                           : new Float32Array(784));
    }
  });

  function decodeNow() {
    const picture = generation(z, weights);
    paint(decoded, picture);
    sliders.forEach((slider, i) => slider.show(
      z[i], cloud && cloud.z_mean[i], cloud && Math.abs(cloud.z_stddev[i])));
    if (cloud) tell(summary(picture));
  }

  const decode = oncePerFrame(decodeNow);

  function summary(picture) {
    const error = seen.reduce((sum, v, i) => sum + (v - picture[i]) ** 2, 0);
    const kl = cloud.z_mean.reduce((sum, m, i) => {
      const variance = cloud.z_stddev[i] ** 2;
      return sum + (m * m + variance - Math.log(variance) - 1) / 2;
    }, 0);
    return `Mean squared error of the decoder's picture: ${
      (error / 784).toFixed(4)} per pixel. Latent loss of what is on the `
      + `sheet: ${kl.toFixed(1)} nats.`;
  }

  place.append(
    make("div", {class: "figure-row"},
      captioned(pad.canvas, "Draw here"),
      captioned(seenPicture, "as the encoder sees it"),
      captioned(decoded, "decoded")),
    make("div", {class: "figure-buttons"}, makeButton("Clear", clear),
      "or start from a test image: ",
      ...Array.from({length: images.length / 784}, (_, digit) => makeButton(
        digit, () => start(digit), {"aria-label": `Test image ${digit}`}))),
    make("div", {class: "figure-draws"},
      ...drawn.map(({button}) => button),
      makeButton("Throw the dice again", () => {
        dice = dice.map(() => normal(n_z));
        showDraws();
      })),
    make("div", {class: "figure-sliders"}, ...sliders.map(s => s.row)),
    make("div", {class: "figure-buttons"},
      makeButton("Back to z_mean", () => { if (cloud) setCode(cloud.z_mean); }),
      makeButton("A code nobody wrote", () => setCode(normal(n_z)))),
    status);
  start(7);
};

// One latent variable: a slider, and behind it the cloud, z_mean and z_stddev.
function makeSlider(i, act) {
  const range = 4, name = `z${i + 1}`;
  const bar = make("span", {class: "figure-cloud"});
  const input = make("input", {type: "range", min: -range, max: range,
                               step: 0.05, "aria-label": name});
  const percent = v => 50 + 50 * Math.max(-1, Math.min(1, v / range));
  input.addEventListener("input", () => act(input.valueAsNumber));
  return {
    row: make("div", {}, make("span", {"aria-hidden": "true"}, name),
              make("span", {class: "figure-slider"},
                   make("span", {class: "figure-track"}, bar), input)),
    show(value, mean, stddev) {
      input.value = value;
      const words = mean === null ? "" : `, encoded as ${
        mean.toFixed(2)} plus or minus ${stddev.toFixed(2)}`;
      input.setAttribute("aria-valuetext", value.toFixed(2) + words);
      bar.hidden = mean === null;
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
