// Support's pages of tasks follow what happens. The server only says that a task has changed; the
// page then fetches itself again and replaces what differs, so that it shows what this person may
// see, in the admin's own words.
(() => {
  const list = document.getElementById("changelist");
  const record = document.querySelector("[data-record]");
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("verb--done");
    setTimeout(() => button.classList.remove("verb--done"), 1500);
  });
  dress(document);
  if (!list && !record) return;
  const HIDDEN = 60_000; // a hidden tab gives its connection back
  const SOON = 150, LATER = 5_000; // until a task that is shown, or any other, is looked at again
  const NUMBER = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
  const line = document.createElement("p");
  line.className = "help";
  line.setAttribute("role", "status");
  (list ?? record).before(line);

  let source, retry, hide, paused = false, missed = 0;
  let due, dueAt = Infinity, fetching = false, state = "", changed = "";

  function connect() {
    if (document.hidden || source?.readyState < EventSource.CLOSED) return;
    clearTimeout(retry);
    paused = false;
    const numbers = record ? [record.dataset.record] : [...list.querySelectorAll(".field-public_id")]
      .map((cell) => cell.textContent.match(NUMBER)?.[0]).filter(Boolean);
    source = new EventSource(`/stream/?support=${numbers.slice(0, 200).join()}${list ? "&list=1" : ""}`);
    source.onopen = () => { missed = 0; tell(""); };
    // The first messages come at once: what has happened since the page was made is in there.
    source.onmessage = ({ data }) => look(NUMBER.test(data) ? SOON : LATER);
    source.addEventListener("paused", () => { paused = true; source.close(); tell("Paused: too many pages are open. Come back to this one to go on."); });
    source.onerror = () => {
      // An answer that is no stream, as after a log-out, closes it: the page then says more.
      if (source.readyState === EventSource.CLOSED) renew();
      source.close();
      tell("Not live: the line is down.");
      missed += 1;
      retry = setTimeout(connect, 500 + Math.random() * Math.min(3500, 700 * missed));
    };
  }
  function look(after) {
    const at = Date.now() + after;
    if (at >= dueAt) return;
    clearTimeout(due);
    dueAt = at;
    due = setTimeout(renew, after);
  }
  async function renew() {
    if (fetching) { due = setTimeout(renew, SOON); return; }
    dueAt = Infinity;
    fetching = true;
    try {
      // A page that follows is nobody at work: it keeps no session alive.
      const answer = await fetch(location.href, { headers: { "X-Follows": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") { clearTimeout(retry); tell("Not live: please log in again."); }
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (list) renewRows(fresh); else renewRecord(fresh);
    } catch { /* the line is down: the stream says so, and brings us back here */
    } finally { fetching = false; }
  }
  const keyOf = (row) => row.querySelector(".action-select")?.value ?? row.querySelector("th a")?.href;
  function rowsOf(page) {
    return new Map([...page.querySelectorAll("#result_list > tbody > tr")].map((row) => [keyOf(row), row]));
  }
  function renewRows(fresh) {
    const was = rowsOf(document), now = rowsOf(fresh);
    for (const [key, row] of now) {
      const cells = was.get(key)?.cells ?? [];
      [...cells].forEach((cell, at) => {
        const other = row.cells[at];
        if (other && !cell.querySelector("input") && cell.innerHTML !== other.innerHTML) cell.replaceWith(document.adoptNode(other.cloneNode(true)));
      });
    }
    const came = [...now.keys()].filter((key) => !was.has(key)).length;
    const left = [...was.keys()].filter((key) => !now.has(key)).length;
    changed = [came && `${came} new`, left && `${left} no longer in this list`].filter(Boolean).join(", ");
    tell(state);
  }
  // What an entry says stays; what is new or another comes in, so that an open detail, a playing
  // video and a selection survive.
  function renewRecord(fresh) {
    for (const place of document.querySelectorAll("[data-record] [data-version]")) {
      const other = fresh.getElementById(place.id);
      if (other && other.dataset.version !== place.dataset.version) place.replaceWith(dress(document.adoptNode(other)));
    }
    const verbs = ".record__verbs";
    if (!document.querySelector(verbs).contains(document.activeElement)) document.querySelector(verbs).replaceWith(fresh.querySelector(verbs));
    const history = document.getElementById("record-history");
    for (const entry of [...fresh.querySelectorAll("#record-history > li")]) {
      if (!document.getElementById(entry.id)) history.append(dress(document.adoptNode(entry)));
    }
  }
  // The viewer's own zone beside UTC; buttons that need a script.
  function dress(root) {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    for (const time of root.querySelectorAll("time[data-moment]")) {
      if (time.querySelector(".moment__here") || !new Date().getTimezoneOffset()) continue;
      const here = document.createElement("span");
      here.className = "moment__here";
      here.textContent = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
      here.title = Intl.DateTimeFormat().resolvedOptions().timeZone;
      time.append(" ", here);
    }
    return root;
  }
  function tell(text) {
    state = text;
    line.textContent = state || (changed ? `${changed}. ` : "");
    if (state || !changed) return;
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Reload";
    line.append(link);
  }
  addEventListener("online", connect);
  addEventListener("focus", connect);
  addEventListener("pageshow", connect);
  addEventListener("pagehide", () => source?.close());
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hide);
    if (document.hidden) hide = setTimeout(() => source?.close(), HIDDEN);
    else connect();
  });
  connect();
})();
