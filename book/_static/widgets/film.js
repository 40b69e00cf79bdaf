// Films: what a run has kept from moment to moment, side by side, under one
// slider. A chapter exports "labels", a word for each moment, and whatever is
// to be seen, each under the words that stand below it: bytes are pictures,
// [moments, h, w] or [moments, h, w, 3]; other numbers are points in a plane,
// [moments, n, 2], and "classes" says which of ten colours each has. What has
// one moment only stands still.

const FILM_SECONDS = 4.8;  // what moves longer by itself may not (WCAG 2.2.2)

figures.film = (place, {labels, classes, ...panels}) => {
  const last = labels.length - 1;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const shown = Object.entries(panels).map(([words, moments]) =>
    (moments instanceof Uint8Array ? makeFrames : makePoints)(
      words, moments, classes));
  const readout = make("span", {class: "figure-moment"});
  const slider = make("input", {type: "range", step: 1, min: 0, max: last,
                                value: last, "aria-label": "Moment"});
  const button = makeButton("Play", () => timer ? pause() : play());
  let timer, isNew = !calm;

  function show() {
    const i = slider.valueAsNumber;
    for (const panel of shown) panel.show(i, labels[i]);
    readout.textContent = labels[i];
    slider.setAttribute("aria-valuetext", labels[i]);
  }

  function step() {
    slider.value = slider.valueAsNumber + 1;
    show();
    if (slider.valueAsNumber === last) pause();
  }

  function play() {
    isNew = false;
    if (slider.valueAsNumber === last) slider.value = 0;
    show();
    timer = setInterval(step, 1000 * FILM_SECONDS / last);
    button.textContent = "Pause";
  }

  function pause() {
    isNew = false;
    timer = clearInterval(timer);
    button.textContent = "Play";
  }

  slider.addEventListener("input", () => {
    pause();
    show();
  });
  place.append(
    make("div", {class: "figure-film"}, ...shown.map(panel => panel.element)),
    make("div", {class: "figure-reel"}, button,
      make("span", {class: "figure-slider"},
           make("span", {class: "figure-track"}), slider), readout));
  show();
  whenNear(place, () => isNew && play(), {threshold: 0.9});
};

// A picture that changes. Bytes of one channel are grey.
function makeFrames(words, bytes) {
  const [n, height, width, channels = 1] = bytes.shape;
  const canvas = make("canvas", {width, height, role: "img"});
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const size = height * width * channels;
  return {element: captioned(canvas, words), show(moment, label) {
    const at = size * Math.min(moment, n - 1);
    for (let i = 0; i < height * width; i++) {
      for (let c = 0; c < 3; c++)
        picture.data[4 * i + c] = bytes[at + channels * i + c % channels];
      picture.data[4 * i + 3] = 255;
    }
    context.putImageData(picture, 0, 0);
    canvas.setAttribute("aria-label", n > 1 ? `${words}, ${label}` : words);
  }};
}

// Points that move: digits in their colours. The circle holds 95 % of a unit
// Gaussian, and the plane reaches as far as nearly all of them in the end.
function makePoints(words, places, classes) {
  const [n, size] = places.shape;
  const ends = places.slice(-2 * size).map(Math.abs).sort();
  const reach = 1.1 * Math.max(2.45, ends[Math.floor(0.99 * ends.length)]);
  const points = Array.from(classes, digit => makeSVG(
    "text", {class: `figure-digit-${digit}`}, digit));
  const svg = makeSVG("svg", {
    viewBox: [-reach, -reach, 2 * reach, 2 * reach], role: "img",
    style: `--figure-size: ${reach / 12}px`}, ...points,
    makeSVG("circle", {r: 2.45, class: "figure-ring"}));
  const frame = make("div", {class: "figure-codes"}, svg);
  return {element: captioned(frame, words), show(moment, label) {
    const at = 2 * size * Math.min(moment, n - 1);
    points.forEach((point, i) => {
      point.setAttribute("x", places[at + 2 * i]);
      point.setAttribute("y", -places[at + 2 * i + 1]);
    });
    svg.setAttribute("aria-label", n > 1 ? `${words}, ${label}` : words);
  }};
}
