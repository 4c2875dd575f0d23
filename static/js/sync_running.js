// Says the progress of running runs to screen readers, in steps, from outside the block that htmx replaces.
(() => {
  "use strict";
  const region = document.getElementById("live-announce");
  if (!region) return;
  const speak = () => {
    const text = [...document.querySelectorAll("[data-spoken]")].map((one) => one.textContent).join(". ");
    if (text && text !== region.textContent) region.textContent = text;
  };
  document.addEventListener("htmx:afterSettle", speak);
})();
