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
