// What is wider than its place, as on a phone: formulas are set smaller, to a
// limit, and the words of tables may break.
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
