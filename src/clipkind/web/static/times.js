// Moments of the server in the reader's own words.

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" });

export function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(element.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    element.textContent = today ? clock.format(moment) : `${day.format(moment)}, ${clock.format(moment)}`;
    element.title = full.format(moment);
  }
}
