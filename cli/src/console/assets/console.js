"use strict";
// Refreshes parts of a page. Every page works without this script.
(() => {
  // A part of a page that asks for itself again, more often while work is under way in it.
  const often = 1000, calm = 5000;

  // If the part is old, says above it since when, and what to do.
  function tellAge(part, why) {
    part.classList.toggle("stale", Boolean(why));
    const whole = part.closest(".columns") ?? part;
    let told = whole.previousElementSibling;
    if (!told?.matches("[data-age]")) {
      told = document.createElement("p");
      told.dataset.age = new Date().toLocaleTimeString();
      told.className = "note bad";
      told.setAttribute("role", "alert");
      whole.before(told);
    }
    told.hidden = !why;
    if (!why) told.dataset.age = new Date().toLocaleTimeString();
    const text = `Not refreshed since ${told.dataset.age}: ${why}`;
    if (why && told.textContent !== text) told.textContent = text;
  }

  const noAnswer = "the console does not answer. Look whether it still runs in its terminal.";
  const refused = (status) => status === 403
    ? "the console was started again. Open the address that it printed."
    : `the console answered ${status}.`;

  // Replaces the content of a part. The focus moves to the element at the same place.
  function replace(part, html) {
    const inner = [...part.querySelectorAll("a, button, input, select, summary, [tabindex]")];
    const place = inner.indexOf(document.activeElement);
    if (part.innerHTML !== html) part.innerHTML = html;
    if (place >= 0) part.querySelectorAll("a, button, input, select, summary, [tabindex]")[place]?.focus({ preventScroll: true });
  }

  async function refresh(part) {
    const is = (what) => part.querySelector(what);
    const wasBusy = Boolean(is("[data-busy]"));
    const was = is("[data-changes]")?.dataset.changes;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { "x-part": "1" } });
      if (answer.ok) replace(part, await answer.text());
      tellAge(part, answer.ok ? "" : refused(answer.status));
    } catch {
      tellAge(part, noAnswer);
    }
    const now = is("[data-changes]")?.dataset.changes;
    // The rest of the page shows the state before, so that ticked boxes there are not lost.
    if (now && now !== was && !is("[data-busy]") && !document.querySelector("main input:checked")) return location.reload();
    const next = wasBusy || is("[data-busy]") ? often : Number(part.dataset.every) || calm;
    if (!document.hidden) return void setTimeout(() => refresh(part), next);
    document.addEventListener("visibilitychange", () => refresh(part), { once: true });
  }

  for (const part of document.querySelectorAll("[data-refresh]")) {
    const first = part.querySelector("[data-busy]") ? often : Number(part.dataset.every) || calm;
    setTimeout(() => refresh(part), first);
  }

  // One box that ticks all rows of a table.
  for (const box of document.querySelectorAll("[data-all]")) {
    box.addEventListener("change", () => {
      for (const one of box.closest("table").querySelectorAll(`[name="${box.dataset.all}"]`)) one.checked = box.checked;
    });
  }

  // A form whose result is shown while somebody fills it in.
  for (const form of document.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(form.dataset.live);
    let timer, turn = 0;
    const ask = async () => {
      const mine = ++turn;
      const body = new URLSearchParams(new FormData(form));
      body.set("part", "1");
      try {
        const answer = await fetch(form.action, { method: "POST", body });
        const text = await answer.text();
        if (mine === turn && answer.ok) shown.innerHTML = text;
        tellAge(shown, answer.ok ? "" : refused(answer.status));
      } catch {
        tellAge(shown, noAnswer);
      }
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); });
  }

  // A text to copy and paste elsewhere.
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const from = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      const said = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = said; }, 1500);
    });
  }

})();
