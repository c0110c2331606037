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
  const smallest = Number(model.dataset.smallest ?? 1);
  const { risk } = form.elements;
  risk.disabled = !calibrated;
  for (const option of risk.options) option.disabled = option.hidden = option.value !== "" && Number(option.value) < smallest;
  if (!calibrated || risk.selectedOptions[0]?.disabled) risk.value = "";
  document.getElementById("risk-least").textContent =
    calibrated && smallest <= 0.5 ? `Single labels begin at ${Number((100 * smallest).toFixed(2))}\u00a0% risk.` : "";
}

form.elements.model.addEventListener("change", fits);
fits();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.name === "video_id") return send.one({ video_id: button.value }, button.dataset.name, mark(button));
  const url = form.elements.url?.value.trim();
  if (!url) return form.elements.url?.focus();
  form.elements.url.value = "";
  return send.one({ url }, url);
});

// The list of jobs is out of sight from here: the clip itself says what became of it.
function mark(button) {
  const item = button.closest("li");
  item.querySelector(".sent")?.remove();
  const said = document.createElement("span");
  said.className = "sent";
  said.textContent = "Sending…";
  item.append(said);
  return (job, why) => {
    if (!said.isConnected) return;
    if (!job) {
      said.classList.add("bad");
      said.textContent = why ?? "Not sent";
      return;
    }
    const link = document.createElement("a");
    link.className = "sent";
    link.href = `/jobs/${job}`;
    link.dataset.job = job;
    link.textContent = "In the queue →";
    link.setAttribute("aria-label", `${button.dataset.name}: in the queue`);
    said.replaceWith(link);
  };
}

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
