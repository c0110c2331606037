// The pictures a model saw: arrow keys move between them, a dialog shows them large, and the video
// goes where they are. A click on a chart takes the video there too.

export function frames() {
  const video = document.getElementById("video");
  const charts = [...document.querySelectorAll(".chart")];
  const film = document.getElementById("film");
  if (video) playable(video, charts);
  for (const chart of charts) chart.addEventListener("click", (event) => seek(video, at(chart, event)));
  if (film) strip(film, video);
}

function playable(video, charts) {
  const refuse = () => {
    video.classList.add("hidden");
    document.querySelector("[data-play]")?.remove();
    // a file that is no longer there fails as one of a kind that cannot be played
    const say = (gone) => document.getElementById(gone ? "gone-video" : "no-video").classList.remove("hidden");
    fetch(video.src, { method: "HEAD" }).then((answer) => say(answer.status === 404), () => say(false));
  };
  video.addEventListener("error", refuse);
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) refuse();
  const move = () => charts.forEach((chart) => playhead(chart, video.currentTime));
  for (const event of ["timeupdate", "seeking", "seeked"]) video.addEventListener(event, move);
}

function playhead(chart, time) {
  const start = Number(chart.dataset.start);
  const end = Number(chart.dataset.end);
  const line = chart.querySelector(".playhead");
  const x = `${(100 * Math.min(Math.max((time - start) / (end - start), 0), 1)).toFixed(2)}%`;
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  line.classList.remove("hidden");
}

function at(chart, event) {
  const box = chart.getBoundingClientRect();
  const start = Number(chart.dataset.start);
  return start + ((event.clientX - box.left) / box.width) * (Number(chart.dataset.end) - start);
}

function seek(video, time) {
  if (video && !video.error) video.currentTime = time;
}

function strip(film, video) {
  const links = [...film.querySelectorAll("a")];
  const viewer = document.getElementById("viewer");
  let current = 0;

  // one stop of the tab key for all of them; arrows move inside
  const point = (number) => {
    current = Math.min(Math.max(number, 0), links.length - 1);
    links.forEach((link, k) => (link.tabIndex = k === current ? 0 : -1));
  };
  const look = (number) => {
    point(number);
    const link = links[current];
    film.querySelector("[aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    const picture = document.getElementById("viewer-picture");
    picture.src = link.href;
    picture.alt = link.getAttribute("aria-label");
    document.getElementById("viewer-words").textContent = link.getAttribute("aria-label");
    viewer.querySelector('[data-go="-1"]').disabled = current === 0;
    viewer.querySelector('[data-go="1"]').disabled = current === links.length - 1;
    seek(video, Number(link.dataset.time));
  };
  const row = () => {
    const top = links[0].getBoundingClientRect().top;
    return links.filter((link) => link.getBoundingClientRect().top === top).length;
  };
  const steps = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -row(), ArrowDown: row,
    Home: () => -links.length, End: () => links.length };

  point(0);
  links.forEach((link, number) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    look(number);
    viewer.showModal();
  }));
  film.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    point(current + steps[event.key]());
    links[current].focus();
  });
  viewer.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      look(current + steps[event.key]());
    }
  });
  viewer.addEventListener("close", () => {
    // to the frame looked at last, if nobody went elsewhere meanwhile
    if (film.contains(document.activeElement) || document.activeElement === document.body) links[current].focus();
  });
  viewer.addEventListener("click", (event) => {
    const { go, play, close } = event.target.dataset;
    if (go) look(current + Number(go));
    if (play !== undefined || close !== undefined || event.target === viewer) viewer.close();
    if (play !== undefined) {
      video.scrollIntoView({ block: "center" });
      video.play();
    }
  });
}
