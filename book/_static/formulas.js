// A formula wider than its place, as on a phone, is set smaller, to a limit.
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const place of document.querySelectorAll("div.math")) {
    const formula = place.querySelector("mjx-container");
    const width = formula.firstElementChild.getBoundingClientRect().width;
    const fit = Math.max(0.7, place.clientWidth / width);
    if (fit < 1) formula.style.fontSize =
      `${parseFloat(formula.style.fontSize || "100") * fit}%`;
  }
});
