// Latent explorer: a plane of codes, and the picture of the one pointed at.

const PLANE = 4;  // the sheet shows codes from -4 to 4

figures["latent-explorer"] = (place, {codes, labels, ...weights}) => {
  const [status, tell] = makeStatus();
  const picture = makePicture("");
  const caption = make("figcaption");
  const sheet = makePlane(codes, labels, () => repaint());
  const repaint = oncePerFrame(() => {
    const z = sheet.z;
    paint(picture, decode(Float32Array.from(z), weights));
    sheet.mark();
    const words = z.map(v => v.toFixed(2).replace("-", "−")).join(", ");
    picture.setAttribute("aria-label", `The picture decoded from ${words}`);
    caption.textContent = `decoded from (${words})`;
    tell(`Code ${words}: ${Math.hypot(...z).toFixed(1)} standard deviations `
      + `from the middle. ${neighbour(z, codes, labels)}`);
  });

  place.append(
    make("div", {class: "figure-plane"},
      captioned(sheet.element, "drag, or focus it and use the arrow keys"),
      make("figure", {}, picture, caption)),
    make("div", {class: "figure-buttons"},
      makeButton("A code nobody wrote", () => sheet.move(normal(2))),
      makeButton("To the middle", () => sheet.move([0, 0]))),
    status);
  repaint();
};

function neighbour([x, y], codes, labels) {
  const away = Array.from(labels, (_, i) =>
    Math.hypot(codes[2 * i] - x, codes[2 * i + 1] - y));
  const nearest = away.indexOf(Math.min(...away));
  return `The nearest test image shown, ${away[nearest].toFixed(2)} away, `
    + `is ${labels[nearest] === 8 ? "an" : "a"} ${labels[nearest]}.`;
}

// Digits where their codes are, the prior's circles, and a mark that moves.
function makePlane(codes, labels, act) {
  const steps = {ArrowUp: [0, 1], ArrowDown: [0, -1],
                 ArrowLeft: [-1, 0], ArrowRight: [1, 0]};
  const mark = make("span", {class: "figure-mark"});
  const svg = makeSVG("svg", {viewBox: [-PLANE, -PLANE, 2 * PLANE, 2 * PLANE],
                              "aria-hidden": "true"},
    ...Array.from(labels, (label, i) => makeSVG("text", {
      x: codes[2 * i], y: -codes[2 * i + 1], class: `figure-digit-${label}`},
      label)),
    ...[1, 2, 3].flatMap(r => [
      makeSVG("circle", {r, class: "figure-ring"}),
      makeSVG("text", {x: 0, y: r, class: "figure-ring-name"}, `${r}σ`)]));
  const element = make("div", {
    tabindex: 0, role: "application", class: "figure-sheet figure-codes",
    "aria-label": "The plane of codes. Arrow keys move the code, with shift "
      + "in larger steps."}, svg, mark);
  const plane = {element, z: [0, 0], mark() {
    mark.style.left = `${50 + 50 * plane.z[0] / PLANE}%`;
    mark.style.top = `${50 - 50 * plane.z[1] / PLANE}%`;
  }, move(z) {
    plane.z = Array.from(z, v => Math.max(-PLANE, Math.min(PLANE, v)));
    act();
  }};

  function follow(event) {
    const box = element.getBoundingClientRect();
    plane.move([PLANE * (2 * (event.clientX - box.left) / box.width - 1),
                PLANE * (1 - 2 * (event.clientY - box.top) / box.height)]);
  }

  element.addEventListener("pointerdown", event => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    follow(event);
  });
  element.addEventListener("pointermove", event => {
    if (element.hasPointerCapture(event.pointerId)) follow(event);
  });
  element.addEventListener("keydown", event => {
    if (!steps[event.key]) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.5 : 0.1;
    plane.move(plane.z.map((v, i) => v + step * steps[event.key][i]));
  });
  return plane;
}
