// Formulas are set one after another, so that the page answers in between.
if (window.MathJax) MathJax.startup = {async pageReady() {
  for (const place of document.querySelectorAll(".math")) {
    await MathJax.typesetPromise([place]);
    await new Promise(resolve => setTimeout(resolve));
  }
}};

// What is wider than its place, as on a phone: formulas are set smaller, to a
// limit, and so are tables.
addEventListener("load", async () => {
  for (const place of document.querySelectorAll(
      ".pst-scrollable-table-container"))
    place.classList.toggle("tight", place.scrollWidth > place.clientWidth);
  await window.MathJax?.startup?.promise;
  for (const place of document.querySelectorAll("div.math")) {
    const formula = place.querySelector("mjx-container");
    const width = formula.firstElementChild.getBoundingClientRect().width;
    const fit = Math.max(0.7, place.clientWidth / width);
    if (fit < 1) formula.style.fontSize =
      `${parseFloat(formula.style.fontSize || "100") * fit}%`;
  }
});
