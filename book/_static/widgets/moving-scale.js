// Moving scale: the samples of the loss scale, one weight after another.

figures["moving-scale"] = (place, {weights, samples}) => {
  const size = samples.length / weights.length, n = size / 784;
  const drawn = makeGrid("", n), [status, tell] = makeStatus();
  const readout = make("span", {class: "figure-value"});
  const slider = make("input", {type: "range", step: 1, value: 0, min: 0,
                                max: weights.length - 1});
  const button = makeButton("Pause", () => timer ? pause() : play());
  let timer, way = 1;

  function show() {
    const i = slider.valueAsNumber;
    const weight = `weight ${Number(weights[i].toPrecision(3))}`;
    paintGrid(drawn, samples.subarray(size * i, size * (i + 1)));
    drawn.setAttribute("aria-label", `${n} samples, ${weight}`);
    slider.setAttribute("aria-valuetext", weight);
    readout.textContent = Number(weights[i].toPrecision(3));
  }

  function step() {
    const i = slider.valueAsNumber;
    if (i + way < 0 || i + way >= weights.length) way = -way;
    slider.value = i + way;
    show();
  }

  function play() {
    timer = setInterval(step, 1500);
    button.textContent = "Pause";
    tell("");
  }

  function pause() {
    timer = clearInterval(timer);
    button.textContent = "Play";
  }

  slider.addEventListener("input", () => {
    pause();
    show();
    tell(`Samples with ${slider.getAttribute("aria-valuetext")} on the KL.`);
  });
  place.append(
    drawn,
    make("label", {class: "figure-wide"},
      make("span", {}, "weight of the KL"),
      make("span", {class: "figure-slider"},
           make("span", {class: "figure-track"}), slider), readout),
    make("div", {class: "figure-wide"}, button, status));
  show();
  play();
};
