// The first page: files dropped or chosen go out at once, and the list of jobs keeps itself fresh.

import { library } from "./library.js";
import { recent } from "./recent.js";
import { uploads } from "./upload.js";

const form = document.getElementById("send");
const list = recent(document.getElementById("recent"));
const send = uploads(form, document.getElementById("uploads"), list.soon);

function fits() {
  const model = form.elements.model.selectedOptions[0];
  const calibrated = model.dataset.calibrated === "yes";
  form.elements.risk.disabled = !calibrated;
  if (!calibrated) form.elements.risk.value = "";
}

form.elements.model.addEventListener("change", fits);
fits();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.name === "video_id") return send.one({ video_id: button.value }, button.dataset.name);
  const url = form.elements.url?.value.trim();
  if (!url) return form.elements.url?.focus();
  form.elements.url.value = "";
  return send.one({ url }, url);
});

const files = form.elements.video;
files.multiple = true;
files.addEventListener("change", () => {
  send.files([...files.files]);
  files.value = "";
});

// anywhere on the page: who misses the field must not lose the page to the file
let inside = 0;
const drop = document.getElementById("drop");
const light = (on) => drop.classList.toggle("over", on);
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => {
  if (holdsFiles(event)) light((inside += 1) > 0);
});
addEventListener("dragleave", (event) => {
  if (holdsFiles(event)) light((inside = Math.max(inside - 1, 0)) > 0);
});
addEventListener("dragover", (event) => {
  if (holdsFiles(event)) event.preventDefault();
});
addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  light((inside = 0) > 0);
  send.files([...event.dataTransfer.files]);
});

library(document.getElementById("library"));
