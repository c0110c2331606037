// The page of a job: follows it by server-sent events, or by asking where those cannot be had.

import { frames } from "./frames.js";
import { left, over, share, show, tell, words } from "./progress.js";
import { localTimes } from "./times.js";

const ASK_MS = 1000;
const LOST = "The server does not answer; trying again…";

function follow(live) {
  const { url, events } = live.dataset;
  const note = live.querySelector(".left");
  let last = "";
  let timer = 0;
  let source = null;

  // true when the job is over
  const update = (told) => {
    if (over(told)) {
      swap().then(() => tell(document.title), () => location.reload());
      return true;
    }
    const text = words(told);
    live.querySelector(".words").textContent = text;
    show(live.querySelector("progress"), share(told));
    note.textContent = left(told);
    mark(live, told.step);
    if (told.step !== last) tell(text);
    last = told.step;
    return false;
  };

  const ask = async () => {
    let wait = ASK_MS;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      // deleted, or signed out: the page that the server has for that
      if ([401, 404].includes(answer.status)) return location.reload();
      if (answer.ok && update(await answer.json())) return stop();
      wait = 1000 * Number(answer.headers.get("Retry-After")) || ASK_MS;
    } catch {
      note.textContent = LOST;
    }
    timer = setTimeout(ask, wait);
    return undefined;
  };

  const start = () => {
    source = new EventSource(events);
    source.addEventListener("job", (event) => update(JSON.parse(event.data)) && stop());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) ask();
      else note.textContent = LOST;
    });
  };
  const stop = () => {
    source.close();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", attend);
  };
  // browsers keep few connections to a server: pages that nobody looks at must not hold them all
  const attend = () => {
    source.close();
    clearTimeout(timer);
    if (!document.hidden) start();
  };
  document.addEventListener("visibilitychange", attend);
  start();

  live.querySelector("[data-cancel]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    const answer = await fetch(url, { method: "DELETE" }).catch(() => null);
    button.disabled = Boolean(answer?.ok);
    tell(answer?.ok ? "Cancelling" : "It could not be cancelled; try again");
  });
}

function mark(live, step) {
  const steps = [...live.querySelectorAll("[data-step]")];
  const now = steps.findIndex((item) => item.dataset.step === step);
  steps.forEach((item, number) => {
    item.className = number < now ? "past" : number === now ? "now" : "next";
    if (number === now) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
}

// The server writes the answer as it does for those without a script; its page takes our place.
async function swap() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  localTimes(document);
  begin();
}

function begin() {
  const live = document.getElementById("live");
  if (live) follow(live);
  frames();
}

begin();
