// Pages of settings: options shown by the value of others, mapping grids, unsaved changes.
(() => {
  "use strict";
  const form = document.querySelector("[data-options-form]");
  if (!form) return;

  // --- Visibility rules ---------------------------------------------------------------------------------------
  const valueOf = (name) => {
    const controls = form.querySelectorAll(`[name="${CSS.escape(name)}"]`);
    const first = controls[0];
    if (!first) return "";
    if (first.type === "checkbox") return String(first.checked);
    if (first.type === "radio") return [...controls].find((control) => control.checked)?.value ?? "";
    return first.value;
  };
  const ruled = [...form.querySelectorAll("[data-visible-if]")].map((element) => [element, JSON.parse(element.dataset.visibleIf)]);
  const applyRules = () => {
    for (const [element, rule] of ruled) {
      element.hidden = !Object.entries(rule).every(([name, wanted]) => wanted.includes(valueOf(name)));
    }
    form.querySelectorAll("[data-option-group]").forEach((group) => {
      group.hidden = ![...group.querySelectorAll("[data-option]")].some((option) => !option.hidden);
      const entry = form.querySelector(`.page-index [href="#${group.id}"]`);
      if (entry) entry.hidden = group.hidden;
    });
    form.querySelectorAll("details.advanced").forEach((part) => {
      part.hidden = ![...part.querySelectorAll("[data-option]")].some((option) => !option.hidden);
    });
  };

  // --- Mapping grids ------------------------------------------------------------------------------------------
  const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));
  const bulk = (table) => {
    const rows = () => [...table.querySelectorAll("[data-mapping-row]")];
    const apply = table.querySelector("[data-mapping-apply]");
    const all = table.querySelector("[data-mapping-all]");
    const fresh = table.querySelector("[data-mapping-new]");
    const count = table.querySelector("[data-mapping-count]");
    const search = table.querySelector("[data-mapping-search]");
    if (!apply) return;
    const pick = (row) => row.querySelector("[data-mapping-pick]");
    const value = (row) => row.querySelector("[data-mapping-value]");
    const shown = () => rows().filter((row) => !row.hidden);
    const refresh = () => {
      const picked = shown().filter((row) => pick(row).checked);
      apply.disabled = picked.length === 0;
      all.checked = picked.length > 0 && picked.length === shown().length;
      all.indeterminate = picked.length > 0 && !all.checked;
      const filled = rows().filter((row) => value(row).value).length;
      count.textContent = count.dataset.text.replace("{filled}", filled).replace("{total}", rows().length);
    };
    all.addEventListener("change", () => {
      shown().forEach((row) => (pick(row).checked = all.checked));
      refresh();
    });
    apply.addEventListener("click", () => {
      shown().filter((row) => pick(row).checked).forEach((row) => {
        value(row).value = fresh.value;
        pick(row).checked = false;
      });
      changed();
      refresh();
    });
    search?.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      rows().forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
      refresh();
    });
    search?.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
    table.addEventListener("change", refresh);
    table.addEventListener("mapping-removed", refresh);
    // The «select all» box fires input before change: reacting to it would untick it again.
    table.addEventListener("input", (event) => event.target.matches("[data-mapping-value]") && refresh());
    refresh();
  };
  // Lines added by hand: the empty one that the server always draws is the pattern of the others.
  const additions = (table) => {
    const add = table.querySelector("[data-mapping-add]");
    const last = [...table.querySelectorAll("[data-mapping-fresh]")].pop();
    const pattern = last?.cloneNode(true);
    const reveal = (part) => part.querySelectorAll("[data-mapping-remove]").forEach((button) => (button.hidden = false));
    reveal(table);
    if (add) {
      add.hidden = false;
      add.addEventListener("click", () => {
        const row = pattern.cloneNode(true);
        reveal(row);
        table.querySelector("tbody").append(row);
        row.querySelector("input, select").focus();
      });
    }
    table.addEventListener("click", (event) => {
      const row = event.target.closest("[data-mapping-remove]")?.closest("tr");
      if (!row) return;
      const next = row.nextElementSibling?.querySelector("[data-mapping-remove], [data-mapping-value]");
      row.remove();
      (next ?? add)?.focus();
      table.dispatchEvent(new Event("mapping-removed"));
      changed();
    });
  };
  const grid = (table) => {
    bulk(table);
    additions(table);
  };
  form.querySelectorAll("[data-mapping]").forEach(grid);

  // --- Live examples of templates -------------------------------------------------------------------------------
  const example = (note) => {
    const control = form.querySelector(`[name="${CSS.escape(note.dataset.exampleOf)}"]`);
    const samples = JSON.parse(note.dataset.samples);
    const shown = note.querySelector("output");
    const fields = /%(?:%|[A-Z]{2})/g;
    const refresh = () => {
      const unknown = [...new Set(control.value.match(fields) ?? [])].filter((name) => !(name in samples));
      const filled = control.value.replace(fields, (name) => samples[name] ?? name).replace(/\s+/g, " ").trim();
      shown.textContent = unknown.length ? `${filled} (${note.dataset.unknown} ${unknown.join(", ")})` : filled;
      note.hidden = !control.value;
    };
    control.addEventListener("input", refresh);
    refresh();
  };
  form.querySelectorAll("[data-example-of]").forEach(example);

  // --- Unsaved changes ----------------------------------------------------------------------------------------
  const note = form.querySelector("[data-dirty-note]");
  let dirty = form.hasAttribute("data-refused");
  const show = () => note && (note.hidden = !dirty);
  form.addEventListener("input", () => { dirty = true; show(); });
  form.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-mapping-pick], [data-mapping-all], [data-mapping-new]")) dirty = true;
    applyRules();
    show();
  });
  form.addEventListener("submit", () => { dirty = false; });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  document.querySelectorAll("[data-leave]").forEach((other) => other.addEventListener("submit", () => { dirty = false; }));
  applyRules();
  show();

  const sections = document.querySelector(".section-nav");
  const current = sections?.querySelector(".is-active");
  if (current) sections.scrollTop = current.offsetTop - sections.clientHeight / 2;

  // --- Place on the page --------------------------------------------------------------------------------------
  // A link of an error leads to one option, also inside a folded part; saving comes back to where the person was.
  const sought = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (sought) {
    const folded = sought.closest("details");
    if (folded) folded.open = true;
    sought.scrollIntoView();
    sought.querySelector("input:not([type=hidden]), select, textarea")?.focus({ preventScroll: true });
  }
  const PLACE = "settings-place";
  const [page, height] = (sessionStorage.getItem(PLACE) ?? "").split(" ");
  sessionStorage.removeItem(PLACE);
  if (page === location.pathname && !form.hasAttribute("data-refused")) window.scrollTo(0, Number(height));
  form.addEventListener("submit", () => sessionStorage.setItem(PLACE, `${location.pathname} ${Math.round(window.scrollY)}`));
})();
