// What to say of a job under way: the same words as the server's (pages/live.py).

export const over = (job) => ["done", "failed", "cancelled"].includes(job.state);

export function words(job) {
  if (job.state === "queued") return job.place ? `Waiting, number ${job.place} in the queue` : "Waiting";
  if (job.step === "fetching") return `Fetching: ${bytes(job.done)}${job.total ? ` of ${bytes(job.total)}` : ""}`;
  if (job.step === "decoding") return job.total ? `Looking at frame ${job.done} of ${job.total}` : "Opening the video";
  return job.step === "network" ? "Asking the network" : "Starting";
}

export function share(job) {
  if (job.total) return job.done / job.total;
  return job.state === "queued" ? 0 : null;
}

export function left(job) {
  if (job.eta_s === null) return "";
  return `About ${span(job.eta_s)} left`;
}

function span(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)}\u00a0s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}\u00a0min ${whole % 60}\u00a0s`;
  return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
}

export function bytes(size) {
  for (const [unit, factor] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (size >= factor) return `${Number((size / factor).toPrecision(3))}\u00a0${unit}`;
  }
  return `${size} bytes`;
}

export function show(bar, value) {
  if (value === null) bar.removeAttribute("value");
  else {
    bar.max = 1;
    bar.value = value;
  }
}

// for who cannot see the page change
export function tell(text) {
  document.getElementById("news").textContent = text;
}
