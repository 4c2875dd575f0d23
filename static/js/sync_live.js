// Live journal and progress of one run: server-sent events, or htmx polling where a stream cannot be held.
(() => {
  "use strict";
  const LINES_KEPT = 600;
  const POLL_MS = 2000;
  const FAILURES_BEFORE_POLLING = 4;
  const box = document.getElementById("journal-box");
  if (!box?.dataset.live) return;
  const byId = (id) => document.getElementById(id);
  const list = byId("journal-lines");
  let last = box.dataset.last;
  let failures = 0;
  let ended = false;

  const trimAndFollow = () => {
    byId("journal-empty")?.remove();
    while (list.children.length > LINES_KEPT) list.firstElementChild.remove();
    if (byId("journal-follow")?.checked) box.scrollTop = box.scrollHeight;
  };
  const speak = () => {
    const text = document.querySelector("[data-spoken]")?.textContent || document.querySelector(".run-meta")?.innerText;
    const region = byId("live-announce");
    if (region && text && region.textContent !== text) region.textContent = text;
  };
  const finish = () => {
    if (ended) return;
    document.body.dispatchEvent(new Event("run-ended"));
  };

  const listen = () => {
    const source = new EventSource(`${box.dataset.live}?apres=${last}`);
    source.addEventListener("open", () => (failures = 0));
    source.addEventListener("lines", (event) => {
      last = event.lastEventId;
      list.insertAdjacentHTML("beforeend", JSON.parse(event.data).html);
      trimAndFollow();
    });
    source.addEventListener("progress", (event) => {
      const target = byId("run-progress");
      if (target) target.innerHTML = JSON.parse(event.data).html;
      speak();
    });
    source.addEventListener("end", () => {
      source.close();
      finish();
    });
    source.addEventListener("error", () => {
      failures += 1;
      if (source.readyState !== EventSource.CLOSED && failures < FAILURES_BEFORE_POLLING) return;
      source.close();
      poll();
    });
  };

  const poll = () => {
    if (ended) return;
    const known = byId("live-poll").dataset.last || last;
    window.htmx.ajax("GET", `${byId("live-poll").dataset.poll}?apres=${known}`, { target: "#live-poll", swap: "none" });
    setTimeout(poll, POLL_MS);
  };
  document.addEventListener("htmx:afterSettle", () => {
    trimAndFollow();
    speak();
  });
  document.body.addEventListener("run-ended", () => {
    ended = true;
    byId("live-dot")?.remove();
    byId("journal-follow")?.parentElement.remove();
    box.setAttribute("aria-live", "off");
  });

  box.scrollTop = box.scrollHeight;
  window.EventSource ? listen() : poll();
})();
