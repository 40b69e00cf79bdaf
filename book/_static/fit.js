// The program that sets formulas is the largest thing on a page: it comes when
// a formula is on the screen, or when a reader is there to go to one.
const program = document.querySelector('script[type="text/plain"]');
let formulas;

function setFormulas() {
  return formulas ??= program && new Promise(resolve => {
    const script = document.createElement("script");
    script.src = program.src;
    script.onload = () => resolve(MathJax.startup.promise.then(narrow));
    script.onerror = resolve;
    document.head.append(script);
  });
}

if (program) {
  const seen = new IntersectionObserver(
    places => places.some(place => place.isIntersecting) && setFormulas());
  for (const place of document.querySelectorAll(".math")) seen.observe(place);
  for (const sign of ["keydown", "pointermove", "scroll", "touchstart"])
    addEventListener(sign, setFormulas, {once: true, passive: true});
  // One after another, so that the page answers in between.
  MathJax.startup = {async pageReady() {
    for (const place of document.querySelectorAll(".math")) {
      await MathJax.typesetPromise([place]);
      await new Promise(resolve => setTimeout(resolve));
    }
  }};
}

// What is wider than its place, as on a phone: formulas are set smaller, to a
// limit, and so are tables.
function narrow() {
  for (const place of document.querySelectorAll("div.math")) {
    const formula = place.querySelector("mjx-container");
    const width = formula.firstElementChild.getBoundingClientRect().width;
    const fit = Math.max(0.7, place.clientWidth / width);
    if (fit < 1) formula.style.fontSize =
      `${parseFloat(formula.style.fontSize || "100") * fit}%`;
  }
}

// Code in a table may break after its marks, but not in a number.
for (const code of document.querySelectorAll("td code .pre"))
  code.replaceChildren(...code.textContent
    .split(/(?<=[_.(,=/[])(?<!\d\.)(?=\w)/)
    .flatMap((piece, i) => i ? [document.createElement("wbr"), piece] : piece));

addEventListener("load", () => {
  for (const place of document.querySelectorAll(
      ".pst-scrollable-table-container"))
    place.classList.toggle("tight", place.scrollWidth > place.clientWidth);
});
