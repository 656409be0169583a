// Tells of the end of one's own tasks while nobody looks at the page: by a number in its title and,
// where this browser was asked to, by a notification. app.js says when a task on the page has ended.
(() => {
  const { user } = document.body.dataset;
  if (!user) return;
  const WANTED = `notices-${user}`; // whether this person wants notifications from this browser
  const SEEN = "notices-seen"; // the end that was seen last; tells the other tabs of the browser
  const { title } = document;
  const unseen = new Set(), seen = new Set(), shown = new Map();

  const count = () => { document.title = unseen.size ? `(${unseen.size}) ${title}` : title; };
  function forget(end) {
    seen.add(end);
    unseen.delete(end);
    shown.get(end)?.close();
    shown.delete(end);
    count();
  }
  function see(end) {
    forget(end);
    localStorage[SEEN] = end;
  }
  function notify(end, { task, says, url }) {
    if (!localStorage[WANTED]) return;
    try {
      const note = new Notification("Midsync Portal", { body: says, tag: task, lang: document.documentElement.lang });
      note.onclick = () => {
        note.close();
        if (location.pathname === url) focus();
        else open(url, `task-${task}`);
      };
      shown.set(end, note);
    } catch { /* phones let only apps and workers */ }
  }
  document.addEventListener("ended", ({ detail }) => {
    const end = `${detail.task} ${detail.status}`;
    if (detail.by !== user || seen.has(end)) return;
    if (document.hasFocus() && !document.hidden) { see(end); return; }
    if (document.hidden) unseen.add(end);
    count();
    notify(end, detail);
  });
  seen.add(localStorage[SEEN]); // also: Chromium tells of changes only who has looked once
  addEventListener("storage", ({ key, newValue }) => { if (key === SEEN && newValue) forget(newValue); });
  const look = () => { if (!document.hidden) for (const end of [...unseen, ...shown.keys()]) see(end); };
  document.addEventListener("visibilitychange", look);
  addEventListener("focus", look);

  // --- The choice, on the page of notifications ---
  const card = document.getElementById("notices-browser");
  if (!card) return;
  const button = card.querySelector("button");
  let unable = !isSecureContext || !("Notification" in window);
  function draw() {
    const { permission } = unable ? {} : Notification;
    const isOn = permission === "granted" && localStorage[WANTED];
    const state = unable ? "unable" : permission === "denied" ? "denied" : isOn ? "on" : "off";
    for (const part of card.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
    button.classList.toggle("button--main", state === "off");
    card.hidden = false;
  }
  button.addEventListener("click", async () => {
    if (Notification.permission === "granted" && localStorage[WANTED]) localStorage.removeItem(WANTED);
    else if (await Notification.requestPermission() === "granted") {
      try {
        new Notification("Midsync Portal", { body: card.dataset.hello, tag: WANTED });
        localStorage[WANTED] = "1";
      } catch { unable = true; }
    }
    draw();
  });
  draw();
})();
