// Loss scale: one slider through networks whose KL counted less or more.

figures["loss-scale"] = (place, contents) => {
  const {weights, errors, nats, originals, rebuilt, samples} = contents;
  const size = originals.length, n = size / 784;
  const original = makeGrid("The originals", n);
  const again = makeGrid("", n), drawn = makeGrid("", n);
  const errorBar = makeBar("error"), natsBar = makeBar("KL");
  const readout = make("span", {class: "figure-value"});
  const [status, tell] = makeStatus();
  const slider = make("input", {type: "range", step: 1, min: 0,
                                max: weights.length - 1,
                                value: weights.indexOf(1)});

  const show = oncePerFrame(() => {
    const i = slider.valueAsNumber, one = [size * i, size * (i + 1)];
    const weight = `weight ${Number(weights[i].toPrecision(3))}`;
    paintGrid(again, rebuilt.subarray(...one));
    paintGrid(drawn, samples.subarray(...one));
    again.setAttribute("aria-label", `Reconstructions, ${weight}`);
    drawn.setAttribute("aria-label", `Samples, ${weight}`);
    errorBar.show(errors[i] / Math.max(...errors), errors[i].toFixed(4));
    natsBar.show(nats[i] / Math.max(...nats), nats[i].toFixed(1));
    readout.textContent = Number(weights[i].toPrecision(3));
    slider.setAttribute("aria-valuetext", weight);
    tell(`With ${weight} on the KL: squared error ${errors[i].toFixed(4)} `
      + `per pixel, and ${nats[i].toFixed(1)} nats per image.`);
  });

  slider.addEventListener("input", show);
  paintGrid(original, originals);
  place.append(
    make("label", {class: "figure-wide"},
      make("span", {}, "weight of the KL"),
      make("span", {class: "figure-slider"},
           make("span", {class: "figure-track"}), slider), readout),
    make("div", {class: "figure-thirds"},
      captioned(original, "originals"),
      captioned(again, "reconstructions"),
      captioned(drawn, "samples")),
    make("div", {role: "group", "aria-label": "Error and KL"},
      errorBar.row, natsBar.row),
    status);
  show();
};
