// Filter row on phones, and the drawer that shows one line of the journal.
(() => {
  "use strict";
  const toggle = document.querySelector("[data-filters-toggle]");
  toggle?.addEventListener("click", () => {
    const row = document.getElementById(toggle.getAttribute("aria-controls"));
    const open = row.classList.toggle("is-open");
    toggle.setAttribute("aria-expanded", String(open));
    if (open) row.querySelector("select, input")?.focus();
  });

  const drawer = document.getElementById("drawer");
  if (!drawer) return;
  let opener = null;
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "drawer-body") return;
    opener = event.detail.requestConfig.elt;
    if (!drawer.open) drawer.showModal();
    drawer.scrollTop = 0;
  });
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer || event.target.closest("[data-drawer-close]")) drawer.close();
  });
  drawer.addEventListener("close", () => {
    if (opener?.isConnected) opener.focus();
  });
})();
