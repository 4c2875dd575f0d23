// Behaviour of the page frame: confirmation dialog, toasts, revealed passwords, theme menu. No inline handlers anywhere.
(() => {
  "use strict";
  const TOAST_MS = 7000;
  const byId = (id) => document.getElementById(id);

  // --- Toasts ---------------------------------------------------------------------------------------------------
  const closeLater = (toast) => {
    if (toast.dataset.timed || toast.hasAttribute("data-sticky")) return;
    toast.dataset.timed = "1";
    setTimeout(() => {
      if (!toast.matches(":hover, :focus-within")) toast.remove();
    }, TOAST_MS);
  };
  const watchToasts = () => document.querySelectorAll("[data-toast]").forEach(closeLater);

  // A view may answer with the header HX-Trigger: {"toast": {"text": "…", "kind": "success"}}.
  const showToast = ({ text, kind = "info" }) => {
    const template = byId("toast-template");
    const region = byId("toasts");
    if (!template || !region) return;
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.classList.add(`toast-${kind}`);
    toast.querySelector("p").textContent = text;
    if (kind === "danger") toast.setAttribute("data-sticky", "");
    region.append(toast);
    closeLater(toast);
  };
  document.addEventListener("toast", (event) => showToast(event.detail));

  // --- Confirmation ---------------------------------------------------------------------------------------------
  const ask = (source) => {
    const dialog = byId("confirm-dialog");
    if (!dialog || dialog.open) return Promise.resolve(false);
    const { confirm, confirmText = "", confirmLabel, confirmKind, confirmTyped } = source.dataset;
    const yes = byId("confirm-yes");
    const input = byId("confirm-input");
    byId("confirm-title").textContent = confirm;
    byId("confirm-text").textContent = confirmText;
    byId("confirm-word").textContent = confirmTyped || "";
    byId("confirm-typed").hidden = !confirmTyped;
    yes.textContent = confirmLabel || yes.dataset.default;
    yes.className = `btn btn-${confirmKind || "primary"}`;
    input.value = "";
    const check = () => (yes.disabled = Boolean(confirmTyped) && input.value.trim() !== confirmTyped);
    input.oninput = check;
    check();
    dialog.returnValue = "no";
    dialog.showModal();
    (confirmTyped ? input : yes).focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  };
  const confirmSource = (form, submitter) =>
    submitter?.dataset.confirm ? submitter : form.dataset.confirm ? form : null;

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const source = confirmSource(form, event.submitter);
    if (!source || form.dataset.confirmed) {
      delete form.dataset.confirmed;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await ask(source)) {
      const typed = form.querySelector("[data-confirm-value]");
      if (typed) typed.value = byId("confirm-input").value.trim();
      form.dataset.confirmed = "1";
      form.requestSubmit(event.submitter);
    }
  }, true);

  document.addEventListener("htmx:confirm", async (event) => {
    const source = event.target;
    if (source.tagName === "FORM" || !source.dataset.confirm) return;
    event.preventDefault();
    if (await ask(source)) event.detail.issueRequest(true);
  });

  // --- Small helpers --------------------------------------------------------------------------------------------
  const reveal = (button) => {
    const input = byId(button.dataset.reveal);
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
    button.querySelector(".bi").className = shown ? "bi bi-eye" : "bi bi-eye-slash";
  };
  const markTheme = () => {
    document.querySelectorAll("[data-theme-choice]").forEach((button) => {
      const on = button.dataset.themeChoice === window.atoosyncTheme.get();
      button.classList.toggle("active", on);
      button.setAttribute("aria-pressed", String(on));
    });
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-toast-close], [data-reveal], [data-theme-choice], [data-back]");
    if (!target) return;
    if (target.matches("[data-toast-close]")) target.closest("[data-toast]").remove();
    if (target.matches("[data-reveal]")) reveal(target);
    if (target.matches("[data-back]")) history.back();
    if (target.matches("[data-theme-choice]")) {
      window.atoosyncTheme.set(target.dataset.themeChoice);
      markTheme();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });
  // A second click while the page is on its way would send the form twice.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "dialog" || event.target.matches("[hx-get], [hx-post]")) return;
    const button = event.submitter;
    if (button) setTimeout(() => button.classList.add("is-busy"));
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll(".is-busy").forEach((button) => button.classList.remove("is-busy"));
  });
  document.addEventListener("htmx:responseError", (event) => {
    const region = byId("toasts");
    if (region) showToast({ text: region.dataset.failed.replace("{status}", event.detail.xhr.status), kind: "danger" });
  });
  document.addEventListener("htmx:sendError", () => {
    const region = byId("toasts");
    if (region) showToast({ text: region.dataset.offline, kind: "danger" });
  });
  document.addEventListener("htmx:afterSettle", watchToasts);
  const start = () => {
    watchToasts();
    markTheme();
    document.querySelector("[data-focus]")?.focus();
    // On a phone the present tab may lie outside its scrolling bar.
    document.querySelectorAll(".tab.is-active, .section-link.is-active").forEach((tab) => {
      const scroller = tab.closest(".tabs") || tab.closest("ul");
      if (scroller) scroller.scrollLeft = tab.offsetLeft - (scroller.clientWidth - tab.offsetWidth) / 2;
    });
  };
  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();
