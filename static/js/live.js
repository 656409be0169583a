// One stream of changed rows per page; app.js puts them where they belong. Whatever was missed
// comes with the first message, so coming back needs no memory of where one was: after sleep,
// silence or a cut the page just connects anew.
(() => {
  const feed = document.getElementById("feed");
  const line = document.getElementById("live");
  if (!feed) return;
  const STALLED = 3_000; // a connection that does not come about; longer each time, up to 15 s
  const SILENT = 40_000; // two heartbeats of the server are missing
  const SLEPT = 5_000; // the page's clock stood still
  const HIDDEN = 60_000; // a hidden tab gives its connection back: browsers allow only six
  const REPLACED = /^<\w+[^>]*? id="([\w-]+)"[^>]* hx-swap-oob="true"/; // what a message puts in place
  const PLACES = [1, 2]; // of one browser: so many hidden tabs may wait for the end of a task
  const WAITED = 3_600_000; // and no longer
  const MINE = `[data-by="${document.body.dataset.user}"][data-says=""]`; // under way
  let source, stream = 0, retry, hide, paused = false, missed = 0, heard = 0, ticked = Date.now();
  let until = 0, giveUp; // the moment until which this tab may wait; gives its place back

  const rests = () => document.hidden && !(Date.now() < until && document.querySelector(MINE));
  function leave() {
    if (!rests()) { hide = setTimeout(leave, HIDDEN); return; }
    source?.close();
    giveUp?.();
  }
  // Locks are shared by the tabs of a browser; pages without https have none, so there nobody waits.
  const takePlace = () => PLACES.forEach((place) => navigator.locks?.request(`waits-${place}`, { ifAvailable: true }, (lock) => {
    if (!lock || !document.hidden || until || !document.querySelector(MINE)) return undefined;
    until = Date.now() + WAITED;
    return new Promise((give) => { giveUp = () => { until = 0; give(); }; });
  }));

  // A stream begins with a page of rows in one piece; each is put in place in a task of its own, so
  // that no press has to wait for all of them. Timers would be slow in a hidden tab.
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data: [of, html] }) => {
    const [, id] = REPLACED.exec(html) ?? []; // a row may have left the page meanwhile
    if (of === stream && (!id || document.getElementById(id)))
      htmx.swap(feed, html, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
  };

  function connect() {
    if (rests() || source?.readyState < EventSource.CLOSED) return;
    clearTimeout(retry);
    paused = false;
    const url = new URL(feed.dataset.stream, location);
    const rows = [...document.querySelectorAll("#task-rows > [data-task]")].map((row) => row.dataset.task);
    if (url.searchParams.has("rows")) url.searchParams.set("rows", rows.join());
    url.searchParams.set("lang", document.documentElement.lang);
    heard = Date.now();
    const its = stream += 1;
    source = new EventSource(url);
    source.onopen = () => { missed = 0; hear(); badge(); };
    source.onmessage = ({ data }) => { hear(); port2.postMessage([its, data]); };
    source.addEventListener("beat", hear);
    source.addEventListener("paused", () => { paused = true; source.close(); badge("paused"); giveUp?.(); });
    source.onerror = ({ target }) => lose(target.readyState === EventSource.CLOSED);
  }
  async function lose(refused) { // refused: an answer, but no stream
    source?.close();
    badge("lost");
    missed += 1;
    clearTimeout(retry);
    retry = setTimeout(connect, 500 + Math.random() * Math.min(3500, 700 * missed));
    if (!refused) return;
    const headers = { "X-Portal-Team": document.body.dataset.team ?? "" };
    const page = await fetch(location.href, { method: "HEAD", redirect: "manual", headers }).catch(() => null);
    if (page?.type === "opaqueredirect" || page?.status === 404) { // logged out, or of that team no more
      document.dispatchEvent(new Event("leaving"));
      location.reload();
    }
  }
  function anew() {
    if (paused) return;
    source?.close();
    connect(); // which a tab that rests does when it is shown again
  }
  function hear() { heard = Date.now(); }
  function badge(state) {
    line.hidden = !state;
    line.textContent = state ? line.dataset[state] : "";
  }

  setInterval(() => {
    const slept = !document.hidden && Date.now() - ticked > SLEPT; // hidden tabs' clocks are slow
    ticked = Date.now();
    if (!source || paused || rests()) return;
    const quiet = ticked - heard;
    if (source.readyState === EventSource.OPEN && (slept || quiet > SILENT)) anew();
    else if (source.readyState === EventSource.CONNECTING && quiet > STALLED * Math.min(5, 1 + missed)) lose(false);
    else if (source.readyState === EventSource.CLOSED && slept) connect();
  }, 1_000);
  addEventListener("offline", () => badge(paused ? "paused" : "lost"));
  addEventListener("online", anew);
  addEventListener("focus", connect);
  addEventListener("pageshow", connect);
  addEventListener("pagehide", () => source?.close());
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hide);
    if (document.hidden) {
      hide = setTimeout(leave, HIDDEN);
      takePlace();
    } else {
      giveUp?.();
      connect();
    }
  });
  new MutationObserver(anew).observe(feed, { attributeFilter: ["data-stream"] }); // another list is shown
  // Not before the page is drawn, where the browser can tell: the stream needs a connection of its own.
  window.requestIdleCallback ? requestIdleCallback(connect, { timeout: 1_000 }) : setTimeout(connect);
})();
