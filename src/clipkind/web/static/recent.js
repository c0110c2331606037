// Keeps the list of jobs as the server writes it, asking often only while something is under way.

import { tell } from "./progress.js";
import { localTimes } from "./times.js";

const BUSY_MS = 600;
const IDLE_MS = 10000;

export function recent(list) {
  let timer = 0;
  let seen = states(list);

  const refresh = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(list.dataset.from);
      if (answer.redirected) return location.reload();
      if (answer.ok) {
        merge(list, await answer.text());
        localTimes(list);
        seen = announce(list, seen);
        clips(list);
      }
    } catch {
      // the server is away: the list stays as it was, and is asked for again
    }
    return wait();
  };
  const wait = () => {
    timer = setTimeout(() => (document.hidden ? wait() : refresh()), list.querySelector("[data-live]") ? BUSY_MS : IDLE_MS);
  };

  list.addEventListener("submit", async (event) => {
    event.preventDefault();
    const row = event.target.closest(".row");
    event.target.querySelector("button").disabled = true;
    await fetch(`/api/v1/jobs/${row.id.replace("job-", "")}`, { method: "DELETE" }).catch(() => {});
    refresh();
  });
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  wait();
  return { soon: refresh };
}

// Only rows that changed are put in place of the old ones, so that focus and pictures stay.
function merge(list, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const old = new Map([...list.children].map((row) => [row.id, row]));
  const rows = [...fresh.content.children].map((row) => {
    const before = old.get(row.id);
    if (!before) return row;
    if (before.written === row.outerHTML) return before;
    const focused = before.contains(document.activeElement) && document.activeElement.tagName;
    row.written = row.outerHTML;
    before.replaceWith(row);
    if (focused) (row.querySelector(focused) ?? row.querySelector(".name")).focus();
    return row;
  });
  rows.forEach((row, number) => {
    row.written ??= row.outerHTML;
    if (list.children[number] !== row) list.insertBefore(row, list.children[number] ?? null);
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
}

// What became of a clip that was sent from the data set stands on it, too (home.js).
function clips(list) {
  for (const link of document.querySelectorAll(".sent[data-job]")) {
    const row = document.getElementById(`job-${link.dataset.job}`);
    if (!row || !list.contains(row)) continue;
    const under_way = { queued: "Waiting", running: "Running" }[row.dataset.state];
    const told = under_way ?? row.querySelector(".label, .tag").textContent.trim();
    const text = `${told} →`;
    if (link.textContent === text) continue;
    link.textContent = text;
    link.setAttribute("aria-label", `${row.querySelector(".name").textContent}: ${told}`);
  }
}

function states(list) {
  return new Map([...list.querySelectorAll(".row")].map((row) => [row.id, row.dataset.state]));
}

function announce(list, before) {
  const news = [...list.querySelectorAll(".row:not([data-live])")].filter(
    (row) => before.has(row.id) && before.get(row.id) !== row.dataset.state,
  );
  const words = (row, part) => row.querySelector(part).textContent.replace(/\s+/g, " ").trim();
  if (news.length) tell(news.map((row) => `${words(row, ".name")}: ${words(row, ".is")}`).join("; "));
  return states(list);
}
