// Loaded before the page is painted: follows the system's light or dark mode, or the person's choice.
(() => {
  "use strict";
  const KEY = "atoosync-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto"; // storage may be closed by the browser's settings
    }
  };
  const apply = () => {
    const theme = chosen() === "auto" ? (system.matches ? "dark" : "light") : chosen();
    document.documentElement.dataset.bsTheme = theme;
    document.dispatchEvent(new CustomEvent("atoosync:theme", { detail: theme }));
  };
  window.atoosyncTheme = {
    get: chosen,
    set(value) {
      try {
        localStorage.setItem(KEY, value);
      } catch {
        // the choice then lasts for this page only
      }
      apply();
    },
  };
  system.addEventListener("change", apply);
  apply();
})();
