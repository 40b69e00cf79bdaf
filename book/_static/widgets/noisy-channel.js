// Noisy channel: a name is sent as a number, noise is added, a name is heard.

figures["noisy-channel"] = (place, {names, numbers, stddevs, bits}) => {
  const [status, tell] = makeStatus();
  const line = makeSVG("svg", {viewBox: "-1 -1 12 2.6", role: "img",
                               "aria-label": "The number line of names"});
  const curve = makeCurve(stddevs, bits);
  const sender = make("select", {}, ...names.map(
    (name, i) => make("option", {value: i}, name)));
  const slider = make("input", {type: "range", min: -3, max: 1, step: 0.02,
                                value: -1});
  const bars = names.map(name => makeBar(name));
  const readout = make("span", {class: "figure-value"});
  let arrived = null;

  const stddev = () => 10 ** slider.valueAsNumber;
  const show = oncePerFrame(() => {
    const sent = Number(sender.value);
    const bitsLeft = information(numbers, stddev());
    const shares = heard(numbers, numbers[sent], stddev());
    drawLine(line, names, numbers, sent, stddev(), arrived);
    shares.forEach((share, i) => bars[i].show(
      share, percent(share), i === sent));
    curve.show(stddev(), bitsLeft);
    readout.textContent = stddev().toPrecision(2);
    slider.setAttribute("aria-valuetext", readout.textContent);
    tell((arrived === null ? "" : report(sent, arrived))
      + `The name ${names[sent]} is heard right ${
        percent(shares[sent])} of the time. `
      + `Of the ${Math.log2(names.length)} bits of a name ${
        bitsLeft.toFixed(2)} pass.`);
  });

  function report(sent, number) {
    const distances = Array.from(numbers, v => Math.abs(v - number));
    const nearest = distances.indexOf(Math.min(...distances));
    return `Sent as ${numbers[sent]}, ${
      number.toFixed(3)} arrived, and ${names[nearest]} was heard. `;
  }

  function send() {
    arrived = numbers[Number(sender.value)] + stddev() * normal(1)[0];
    show();
  }

  function forget() {
    arrived = null;
    show();
  }

  sender.value = names.indexOf("apple");
  slider.addEventListener("input", forget);
  sender.addEventListener("change", forget);
  place.append(
    make("div", {class: "figure-buttons"},
      make("label", {}, "The sender means ", sender),
      makeButton("Send it", send)),
    make("label", {class: "figure-wide"}, make("span", {}, "standard deviation"),
      make("span", {class: "figure-slider"},
           make("span", {class: "figure-track"}), slider), readout),
    line,
    make("div", {class: "figure-halves"},
      make("div", {role: "group", "aria-label": "How often each is heard"},
           ...bars.map(bar => bar.row)),
      curve.svg),
    status);
  show();
};

const percent = share => `${(100 * share).toFixed(1)}%`;

// The names' numbers, the cloud of the one that is sent, and what arrived.
function drawLine(svg, names, numbers, sent, stddev, arrived) {
  const cloud = y => Math.exp(-(((y - numbers[sent]) / stddev) ** 2) / 2);
  const points = Array.from({length: 1201}, (_, i) => i / 100 - 1);
  points.push(numbers[sent]);
  points.sort((a, b) => a - b);
  const path = points.map(y => `${y},${(-0.9 * cloud(y)).toFixed(4)}`);
  svg.replaceChildren(
    makeSVG("polygon", {points: `-1,0 ${path.join(" ")} 11,0`, class: "figure-fill"}),
    makeSVG("line", {x1: -1, x2: 11, y1: 0, y2: 0, class: "figure-axis"}),
    ...Array.from(numbers, (number, i) => makeSVG("g", {
      class: i === sent ? "figure-chosen" : ""},
      makeSVG("line", {x1: number, x2: number, y1: 0, y2: 0.12,
                       class: "figure-axis"}),
      makeSVG("text", {x: number, y: 0.6 + 0.5 * ((i + sent) % 2)}, names[i]))),
    ...(arrived === null ? [] : [makeSVG("circle", {
      cx: Math.max(-0.9, Math.min(10.9, arrived)), cy: 0, r: 0.14,
      class: "figure-point"})]));
}

// Bits against noise on a logarithmic axis, with a point that moves.
function makeCurve(stddevs, bits) {
  const x = v => 30 + 50 * (Math.log10(v) + 3), y = v => 130 - 38 * v;
  const point = makeSVG("circle", {r: 5, class: "figure-point"});
  const ticks = [0.001, 0.01, 0.1, 1, 10].map(v => makeSVG(
    "text", {x: x(v), y: 148}, v));
  const levels = [0, 1, 2, 3].flatMap(v => [
    makeSVG("line", {x1: 30, x2: 230, y1: y(v), y2: y(v),
                     class: "figure-grid"}),
    makeSVG("text", {x: 18, y: y(v) + 4}, v)]);
  const path = Array.from(stddevs, (v, i) => `${x(v)},${y(bits[i])}`);
  const svg = makeSVG("svg", {viewBox: "0 0 245 172", role: "img"},
    ...levels, ...ticks,
    makeSVG("text", {x: 130, y: 166}, "standard deviation of the noise"),
    makeSVG("text", {x: 130, y: 8}, "bits of a name that pass"),
    makeSVG("polyline", {points: path.join(" "), class: "figure-curve"}),
    point);
  return {svg, show(stddev, value) {
    point.setAttribute("cx", x(stddev));
    point.setAttribute("cy", y(value));
    svg.setAttribute("aria-label", "Bits that pass against the noise: "
      + `${value.toFixed(2)} at ${stddev.toPrecision(2)}`);
  }};
}
