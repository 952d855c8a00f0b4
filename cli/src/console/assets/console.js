"use strict";
// What moves by itself. Every page works without it.
(() => {
  // A part of a page that asks for itself again: often while something is under way in it.
  const often = 1000, calm = 5000;

  async function refresh(part) {
    const is = (what) => part.querySelector(what);
    const wasBusy = Boolean(is("[data-busy]"));
    const was = is("[data-changes]")?.dataset.changes;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { "x-part": "1" } });
      if (answer.ok && !part.contains(document.activeElement)) part.innerHTML = await answer.text();
      part.classList.toggle("stale", !answer.ok);
    } catch {
      part.classList.add("stale");
    }
    const now = is("[data-changes]")?.dataset.changes;
    // The rest of the page shows what was before.
    if (now && now !== was && !is("[data-busy]")) return location.reload();
    const next = wasBusy || is("[data-busy]") ? often : Number(part.dataset.every) || calm;
    if (!document.hidden) return void setTimeout(() => refresh(part), next);
    document.addEventListener("visibilitychange", () => refresh(part), { once: true });
  }

  for (const part of document.querySelectorAll("[data-refresh]")) {
    const first = part.querySelector("[data-busy]") ? often : Number(part.dataset.every) || calm;
    setTimeout(() => refresh(part), first);
  }

  // One box for all of a table.
  for (const box of document.querySelectorAll("[data-all]")) {
    box.addEventListener("change", () => {
      for (const one of box.closest("table").querySelectorAll(`[name="${box.dataset.all}"]`)) one.checked = box.checked;
    });
  }

  // A form whose answer is shown while it is filled in.
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
        shown.classList.toggle("stale", !answer.ok);
      } catch {
        shown.classList.add("stale");
      }
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); });
  }

  // What is to be pasted elsewhere.
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

  // A choice that takes effect at once.
  for (const choice of document.querySelectorAll("[data-submit]")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }
})();
