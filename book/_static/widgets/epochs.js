// Epochs: one slider through the pictures that chapter 9 kept while training.

figures["epochs"] = (place, {pictures, originals, losses}) => {
  const size = originals.length, n = size / 784;
  const rebuilt = makeGrid("", n), [status, tell] = makeStatus();
  const original = makeGrid("The originals", n);
  const caption = make("figcaption");
  const slider = make("input", {type: "range", step: 1, value: 1, min: 0,
                                max: losses.length - 1});

  function show() {
    const epoch = slider.valueAsNumber;
    const when = epoch ? `after epoch ${epoch}` : "after the first step";
    paintGrid(rebuilt, pictures.subarray(size * epoch, size * (epoch + 1)));
    rebuilt.setAttribute("aria-label", `The same digits, decoded ${when}`);
    slider.setAttribute("aria-valuetext", when);
    caption.textContent = when;
    tell(`Loss ${epoch ? "averaged over that epoch" : "at that step"}: ${
      losses[epoch].toFixed(1)} nats per image.`);
  }

  slider.addEventListener("input", show);
  paintGrid(original, originals);
  place.append(
    make("div", {class: "figure-halves"},
      make("figure", {}, rebuilt, caption), captioned(original, "originals")),
    make("label", {class: "figure-wide"}, make("span", {}, "epoch"),
      make("span", {class: "figure-slider"},
           make("span", {class: "figure-track"}), slider)),
    status);
  show();
};

// Five digits to a row, as plots.merge lays them out.
function makeGrid(label, n) {
  return make("canvas", {width: 28 * 5, height: 28 * Math.ceil(n / 5),
                         role: "img", "aria-label": label});
}

function paintGrid(canvas, bytes) {
  const merged = new Float32Array(canvas.width * canvas.height);
  bytes.forEach((v, i) => {
    const image = Math.floor(i / 784), y = Math.floor(i % 784 / 28);
    const row = 28 * Math.floor(image / 5) + y;
    merged[row * canvas.width + 28 * (image % 5) + i % 28] = v / 255;
  });
  paint(canvas, merged);
}
