// What every page has: times in the reader's own zone, and questions before something is deleted.

import { localTimes } from "./times.js";

document.documentElement.classList.add("scripted");
localTimes(document);

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});
