// Figures that answer. Each takes the place of the picture that its chapter
// drew once its data have come; until then, or without, the picture stays.

// name: function (place, contents), by its own script; all others are films
const figures = {};
const exported = {};  // name: what the chapter exported, by its data's script

function startFigures() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const place of document.querySelectorAll(".figure-place")) {
    if (calm)
      offer(place);
    else
      whenNear(place, () => load(place));
  }
}

function whenNear(place, act, near = {rootMargin: "600px"}) {
  const observer = new IntersectionObserver(entries => {
    if (entries.some(entry => entry.isIntersecting)) {
      observer.disconnect();
      act();
    }
  }, near);
  observer.observe(place);
}

function offer(place) {
  const button = make("button", {type: "button"}, "Start it");
  button.addEventListener("click", () => load(place));
  say(place, "This figure moves while it is used, and your settings ask for "
      + "less motion. ", button);
}

function load(place) {
  const script = make("script", {src: place.dataset.src});
  const stay = () => say(place, "The numbers behind this figure could not be "
      + "loaded; the picture above is what the chapter drew.");
  script.addEventListener("error", stay);
  script.addEventListener("load", () => {
    const figure = make("div", {class: "figure-live", role: "group",
                                "aria-label": place.dataset.title});
    try {
      const {name} = place.dataset;
      (figures[name] ?? figures.film)(figure, unpacked(exported[name]));
    } catch (error) {
      stay();
      throw error;
    }
    place.append(figure);
    place.parentElement.classList.add("figure-answers");
  });
  document.head.append(script);
}

// Numbers from base64, little-endian, as page.export packed them.
function unpacked(contents) {
  const types = {uint8: Uint8Array, float16: Uint16Array,
                 float32: Float32Array, float64: Float64Array};
  return Object.fromEntries(Object.entries(contents).map(([key, value]) => {
    if (Array.isArray(value)) return [key, value];
    const bytes = Uint8Array.from(atob(value.base64), c => c.charCodeAt(0));
    const numbers = new types[value.dtype](bytes.buffer);
    return [key, Object.assign(
      value.dtype === "float16" ? Float32Array.from(numbers, float16)
                                : numbers, {shape: value.shape})];
  }));
}

function float16(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = bits >> 10 & 31, fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction)
                          : 2 ** -24 * fraction);
}

// What figures are built of.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function makeButton(label, act, attributes = {}) {
  const button = make("button", {type: "button", ...attributes}, label);
  button.addEventListener("click", act);
  return button;
}

function makePicture(label, attributes = {}) {
  return make("canvas", {width: 28, height: 28, role: "img",
                         "aria-label": label, ...attributes});
}

function captioned(canvas, caption) {
  return make("figure", {}, canvas, make("figcaption", {}, caption));
}

// Grey levels in [0, 1], or white bytes for a black picture without any.
function paint(canvas, pixels) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < pixels.length; i++) {
    picture.data.fill(255 * pixels[i], 4 * i, 4 * i + 3);
    picture.data[4 * i + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

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

// A share in [0, 1] as a bar, with a name before it and words after.
function makeBar(name) {
  const bar = make("span", {class: "figure-cloud"}), words = make("span");
  const row = make("div", {class: "figure-bar"}, make("span", {}, name),
                   make("span", {class: "figure-slider"}, bar), words);
  return {row, show(share, text, isChosen = false) {
    bar.style.right = `${100 - 100 * share}%`;
    words.textContent = text;
    row.classList.toggle("figure-chosen", isChosen);
  }};
}

function say(place, ...words) {
  place.querySelector("p").replaceChildren(...words);
}

function makeSVG(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// However often it is asked for, the act is done once before a repaint.
function oncePerFrame(act) {
  let asked = false;
  return () => {
    if (!asked) requestAnimationFrame(() => { asked = false; act(); });
    asked = true;
  };
}

// Dice of the unit Gaussian, each from two uniform numbers. (Box, Muller)
function normal(n) {
  return Float32Array.from({length: n}, () =>
    Math.sqrt(-2 * Math.log(1 - Math.random()))
      * Math.cos(2 * Math.PI * Math.random()));
}

// For screen readers: what is true once nothing has moved for a while.
function makeStatus() {
  const status = make("p", {role: "status"});
  let timer;
  return [status, words => {
    clearTimeout(timer);
    timer = setTimeout(() => { status.textContent = words; }, 300);
  }];
}

document.addEventListener("DOMContentLoaded", startFigures);
