// Sends videos to the API, one request each, and shows how far each one is.

import { bytes, show, tell } from "./progress.js";

const API = "/api/v1/jobs";
const AT_ONCE = 2;
const TRIES = 20;

export function uploads(form, list, sent) {
  const waiting = [];
  let under_way = 0;

  // as they are at the moment the video is given, not when its turn comes
  const options = () => ({
    model: form.elements.model.value,
    tta: form.elements.tta.checked,
    risk: form.elements.risk.value,
  });

  const next = () => {
    while (under_way < AT_ONCE && waiting.length) {
      under_way += 1;
      waiting.shift()().finally(() => {
        under_way -= 1;
        next();
      });
    }
  };

  // `told` hears of the job's id, or why there is none
  const enqueue = (name, begin, told = () => {}) => {
    const row = rowOf(name);
    const refuse = (why) => {
      told(null, why);
      fail(row, name, why);
    };
    list.append(row);
    waiting.push(async () => {
      if (!row.isConnected) return told(null);
      try {
        for (let tries = 1; ; tries += 1) {
          const answer = await begin(row);
          if (answer === null) {
            told(null);
            return row.remove();
          }
          if (answer.status === 202) {
            tell(`${name} is in the queue`);
            told(answer.body.id);
            await sent();
            return row.remove();
          }
          if (answer.status === 401) return location.reload(); // signed out: the door, not words for programs
          const retry = [429, 503].includes(answer.status) && tries < TRIES;
          if (!retry) return refuse(answer.body.detail ?? `The server refused it (${answer.status})`);
          await pause(row, answer);
          if (!row.isConnected) return told(null);
        }
      } catch {
        return refuse("The server does not answer. Try again.");
      }
    });
    next();
  };

  return {
    files(chosen) {
      const max = Number(form.dataset.max);
      const asked = options();
      for (const file of chosen) {
        if (file.size > max) {
          const row = rowOf(file.name);
          list.append(row);
          fail(row, file.name, `It has ${bytes(file.size)}; at most ${bytes(max)} are taken. Send a shorter part.`);
        } else enqueue(file.name, (row) => upload(row, file, asked));
      }
    },
    one(what, name, told) {
      const { model, tta, risk } = options();
      const body = JSON.stringify({ ...what, model, tta, risk: risk ? Number(risk) : null });
      enqueue(name, async () => {
        const answer = await fetch(API, { method: "POST", headers: { "Content-Type": "application/json" }, body });
        return { status: answer.status, body: await answer.json().catch(() => ({})), retry: answer.headers.get("Retry-After") };
      }, told);
    },
  };
}

// fetch cannot tell how much has been sent, XMLHttpRequest can
function upload(row, file, asked) {
  const data = new FormData();
  for (const [name, value] of Object.entries(asked)) data.append(name, value);
  data.append("video", file, file.name);
  const request = new XMLHttpRequest();
  const bar = row.querySelector("progress");
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      show(bar, event.loaded / event.total);
      row.querySelector(".words").textContent = `Sending: ${bytes(event.loaded)} of ${bytes(event.total)}`;
    };
    request.onload = () => resolve({ status: request.status, body: request.response ?? {}, retry: request.getResponseHeader("Retry-After") });
    request.onerror = reject;
    request.onabort = () => resolve(null);
    row.querySelector("button").onclick = () => request.abort();
    request.open("POST", API);
    request.responseType = "json";
    request.send(data);
  });
}

async function pause(row, answer) {
  const seconds = Math.min(Math.max(Number(answer.retry) || 2, 1), 60);
  row.querySelector(".words").textContent = `${answer.body.detail ?? "The server is busy"} (again in ${seconds} s)`;
  row.querySelector("button").onclick = () => row.remove();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function rowOf(name) {
  const row = document.getElementById("sending").content.firstElementChild.cloneNode(true);
  row.querySelector(".name").textContent = name;
  row.querySelector("progress").setAttribute("aria-label", `Sending ${name}`);
  const button = row.querySelector("button");
  button.setAttribute("aria-label", `Stop sending ${name}`);
  button.onclick = () => row.remove();
  return row;
}

function fail(row, name, why) {
  row.classList.add("failed");
  row.querySelector("progress").remove();
  row.querySelector(".words").textContent = why;
  const button = row.querySelector("button");
  button.textContent = "Hide";
  button.setAttribute("aria-label", `Hide ${name}`);
  button.onclick = () => row.remove();
  tell(`${name}: ${why}`);
}
