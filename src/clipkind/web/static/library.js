// The data set: filter and pages without leaving the page, and pictures that come a little later.

const TRIES = 6;

export function library(section) {
  if (!section) return;
  let number = 0;

  const load = async (query) => {
    const mine = (number += 1);
    const answer = await fetch(`/library?${query}`).catch(() => null);
    if (!answer?.ok || mine !== number) return;
    if (answer.redirected) return location.reload(); // signed out: the door, not the library
    const focused = document.activeElement?.closest("#filter") ? document.activeElement.name : null;
    const caret = focused === "text" ? document.activeElement.selectionStart : null;
    section.innerHTML = await answer.text();
    history.replaceState(null, "", `/?${query}#library`);
    ready();
    if (focused) section.querySelector(`[name="${focused}"]`)?.focus();
    if (caret !== null) section.querySelector('[name="text"]').setSelectionRange(caret, caret);
  };
  const query = () => new URLSearchParams([...new FormData(section.querySelector("#filter"))].filter(([, value]) => value));

  function ready() {
    for (const picture of section.querySelectorAll("img[data-again]")) again(picture);
  }
  let typing = 0;
  section.addEventListener("input", (event) => {
    if (!event.target.closest("#filter")) return;
    clearTimeout(typing);
    typing = setTimeout(() => load(query()), event.target.type === "search" ? 250 : 0);
  });
  section.addEventListener("submit", (event) => {
    if (event.target.id !== "filter") return;
    event.preventDefault();
    load(query());
  });
  section.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-page]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    await load(new URL(link.href).searchParams);
    section.querySelector(".filter").scrollIntoView({ block: "start" });
    section.querySelector(".clip")?.focus({ preventScroll: true });
  });
  ready();
}

// the server makes few pictures at a time and turns away the rest for a moment
function again(picture) {
  let tries = 0;
  const source = picture.src;
  picture.addEventListener("error", () => {
    tries += 1;
    if (tries > TRIES) return picture.classList.add("none");
    return setTimeout(() => (picture.src = `${source}?again=${tries}`), 700 * tries);
  });
  if (picture.complete && !picture.naturalWidth) picture.dispatchEvent(new Event("error"));
}
