// What the browser adds to the server's pages: keeps what is being typed, greys a price that is
// being asked for, listens for changed rows. What may be ordered and what it costs is not known here.
(() => {
  const $ = (id) => document.getElementById(id);
  const on = (events, act) => events.split(" ").forEach((name) => document.addEventListener(name, act, true));
  const say = (text) => { $("said").textContent = text; };
  // Times and figures as the page speaks; English in the person's own kind of English.
  const { lang } = document.documentElement;
  const locale = (lang === "en" && navigator.languages.find((one) => /^en\b/.test(one))) || lang;

  const ADD_UP_AFTER = 3_000; // and no more often

  // --- Replace only what differs, so that focus, selection, typing and a playing video survive ---
  const touched = new Set(); // ids of the fields edited since the server was last asked
  const live = (node) => [...node.querySelectorAll("input, select, textarea")]
    .map((control) => (/radio|checkbox/.test(control.type) ? control.checked : control.value)).join("\n");
  const shape = (node) => {
    const bare = node.cloneNode(true);
    for (const control of bare.querySelectorAll("input, option, textarea")) {
      if (!/radio|checkbox|hidden/.test(control.type) && control.tagName === "INPUT") control.removeAttribute("value");
      control.removeAttribute("checked");
      control.removeAttribute("selected");
      if (control.tagName === "TEXTAREA") control.textContent = "";
    }
    for (const shown of bare.querySelectorAll("[data-count]")) shown.replaceWith(shown.id);
    for (const time of bare.querySelectorAll("time")) time.removeAttribute("title");
    return bare.outerHTML;
  };
  // A video stays while it is watched, and as long as it shows the same file: a browser or an
  // extension may have changed its other attributes.
  const same = (was, kid) => was.matches(".task-row__pick") || (was.matches("video")
    ? kid.matches("video") && (was.src === kid.src || !was.paused)
    : shape(was) === shape(kid) && (touched.has(was.id) || live(was) === live(kid)));
  // The focus goes on in what stands where the focused element stood: by its id, or in its cell.
  function refocus(lost, olds) {
    const cell = [...olds].find(([id, was]) => id && was.contains(lost))?.[0];
    const ids = [lost.id, ...(lost.dataset.then ?? "").split(" ")];
    if (lost.dataset.then) ids.push(ids.shift()); // a moved entry takes the focus along
    const next = ids.map((id) => id && $(id)).find(Boolean) || $(cell)?.querySelector("a, button, input, select, textarea, summary");
    next?.focus({ preventScroll: true });
  }
  // What was typed after the question left stays, also where its field is drawn anew.
  function carry(was, kid) {
    for (const control of was.querySelectorAll("textarea, input[type=text], input[type=number], input[type=url]")) {
      const now = kid.querySelector(`#${CSS.escape(control.id)}`);
      if (now) now.value = control.value;
    }
  }
  function renew(old, fresh, added = []) {
    for (const { name, value } of fresh.attributes) if (/^(data-|aria-)/.test(name)) old.setAttribute(name, value);
    if (fresh.className !== old.className) old.className = fresh.className;
    if ("wrong" in fresh.dataset) old.open = true;
    const olds = new Map([...old.children].map((kid) => [kid.id, kid]));
    const kids = [...fresh.children].map((kid) => {
      const was = kid.id && olds.get(kid.id);
      if (was && "renew" in kid.dataset) return renew(was, kid, added), was;
      if (was && same(was, kid)) {
        for (const shown of kid.querySelectorAll("[data-count]")) $(shown.id).replaceWith(shown), count(shown);
        return was;
      }
      if (was && touched.has(was.id)) carry(was, kid);
      added.push(kid);
      return kid;
    });
    const focused = old.contains(document.activeElement) && document.activeElement;
    for (const kid of [...old.children]) if (!kids.includes(kid)) kid.remove();
    kids.forEach((kid, at) => { if (old.children[at] !== kid) old.insertBefore(kid, old.children[at] ?? null); });
    if (focused && !focused.isConnected) refocus(focused, olds);
    return added;
  }
  htmx.defineExtension("keep", {
    isInlineSwap: (style) => style === "keep",
    handleSwap(style, target, fragment) {
      if (style !== "keep") return false;
      const fresh = fragment.firstElementChild;
      if (fresh?.id !== target.id) { lost(target); return []; } // a proxy's page, not our fragment
      dress(fresh);
      const before = typed();
      const added = renew(target, fresh);
      if (target.dataset.page) history.replaceState(null, "", target.dataset.page);
      if (target.id === "task-parameters" && typed() !== before) ask();
      return added;
    },
  });
  on("htmx:oobBeforeSwap", ({ detail }) => {
    for (const fresh of [...detail.fragment.children]) {
      const was = $(fresh.id);
      dress(fresh);
      const has = (name) => was && fresh.dataset[name] === was.dataset[name];
      if (fresh.matches(".task-row") && !(has("status") && has("pointsCharged"))) addUp();
      if (!was) continue;
      if (fresh.dataset.says && !has("status")) {
        say(fresh.dataset.says);
        document.dispatchEvent(new CustomEvent("ended", { detail: fresh.dataset }));
      }
      renew(was, fresh).forEach((node) => htmx.process(node));
      fresh.remove();
    }
    detail.shouldSwap = detail.fragment.childElementCount > 0;
    setTimeout(() => {
      trim();
      chosen();
    });
  });
  // New rows push the last ones off, which then are the first of the next page.
  function trim() {
    const rows = $("task-rows"), older = $("task-older");
    if (!rows) return;
    const most = rows.dataset.pageSize;
    while (rows.childElementCount > most && !rows.lastElementChild.querySelector(":checked")) {
      rows.lastElementChild.remove();
      if (!older) continue;
      const next = new URL(older.dataset.list, location);
      next.searchParams.set("before", rows.lastElementChild.dataset.task);
      older.href = next;
      $("task-pages").hidden = older.hidden = false;
    }
  }
  // What is added up says the same as the rows, a moment later.
  let adding;
  function addUp() {
    adding ??= setTimeout(() => {
      adding = undefined;
      if ($("task-totals")) htmx.trigger("#task-totals", "rows");
    }, ADD_UP_AFTER);
  }

  // --- How long a task takes so far, by the server's clock ---
  const ahead = Date.now() / 1000 - document.body.dataset.now; // seconds
  function tick(root) {
    for (const shown of root.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.round(Date.now() / 1000 - ahead - shown.dataset.since));
      const [words, figure] = seconds < 600 ? [shown.dataset.seconds, seconds] : [shown.dataset.minutes, Math.floor(seconds / 60)];
      shown.textContent = words.replace("#count#", figure);
    }
  }
  setInterval(() => document.hidden || tick(document), 1_000);

  // --- How much of the prompt the model takes ---
  function count(shown) {
    const length = [...($(shown.dataset.count)?.value ?? "")].length;
    shown.querySelector("span").textContent = length < 1_000 ? length : length.toLocaleString(locale);
    shown.toggleAttribute("data-over", length > shown.dataset.max);
  }

  // --- The price by the button; the server says whether the form can be sent ---
  let edits = 0, asked = 0, busy = false;
  function price(state) {
    const order = $("task-order");
    if (!order) return;
    order.dataset.price = state ?? order.dataset.price ?? "";
    const waits = ["stale", "asking"].includes(order.dataset.price);
    const refused = $("task-quote").dataset.canSubmit === "false" && order.dataset.price !== "lost";
    $("task-generate").disabled = busy || waits || refused;
  }
  function lost(elt) {
    if (elt.id === "task-quote") price("lost");
    else if (elt.id === "task-form") $("task-lost").hidden = false;
    else say($("said").dataset.unreachable);
  }
  const typed = () => new URLSearchParams(new FormData($("task-form") ?? undefined)).toString();
  const edited = () => { edits += 1; price("stale"); };
  const ask = () => { edited(); setTimeout(() => htmx.trigger("#task-form", "fields")); };
  on("input", ({ target }) => {
    if (!target.closest("#task-form")) return;
    for (let field = target.closest(".field"); field; field = field.parentElement.closest(".field")) touched.add(field.id);
    if ($(`${target.id}-count`)) count($(`${target.id}-count`));
    edited();
  });
  on("htmx:beforeRequest", ({ detail: { elt } }) => {
    if (elt.id === "task-quote") { asked = edits; return price("asking"); }
    if (!elt.closest("#task-form")) return;
    touched.clear();
    if (elt.id !== "task-form") return;
    busy = true;
    $("task-lost").hidden = true;
    price();
  });
  on("htmx:beforeSwap", ({ detail }) => {
    if (detail.elt.id === "task-quote" && asked !== edits) detail.shouldSwap = false; // superseded
  });
  on("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
    if (elt.id === "task-form") busy = false;
    const answered = xhr.status >= 200 && (xhr.status < 400 || [409, 422, 429, 503].includes(xhr.status));
    if (elt.id === "task-quote" && answered && asked === edits && $("task-order").dataset.price !== "lost") price("");
    else if (elt.id === "task-form" && answered) touched.size || $("task-quote").dataset.ask === "true" ? ask() : price("");
    else price();
  });
  on("htmx:sendError htmx:timeout htmx:responseError", ({ detail }) => lost(detail.elt));
  on("htmx:afterSettle", ({ detail: { elt, xhr } }) => {
    if (elt.id === "task-form" && xhr?.status >= 400)
      (elt.querySelector("[aria-invalid=true]") ?? elt.querySelector("#task-problem .notice"))?.focus();
  });
  on("ordered", ({ detail }) => {
    sessionStorage.removeItem("form");
    say(detail.says);
    $(detail.focus)?.focus({ preventScroll: true });
    (detail.focus.endsWith("notice") ? $(detail.focus) : $("task-receipt")).scrollIntoView({ block: "nearest" });
  });

  // --- Sent away to log in: what was typed since the draft was last kept comes back with us ---
  const whose = () => `${document.body.dataset.user} ${document.body.dataset.team}`;
  function keepForm() {
    const form = $("task-form");
    if (form) sessionStorage.form = JSON.stringify([whose(), [...new FormData(form)]]);
  }
  on("leaving", keepForm);
  on("htmx:beforeOnLoad", ({ detail: { xhr } }) => { if (xhr.getResponseHeader("HX-Redirect")) keepForm(); });
  on("submit", ({ target }) => { if ("leave" in target.dataset) sessionStorage.clear(); });
  on("DOMContentLoaded", () => {
    setTimeout(dress, 0, document); // on its own: a slow phone takes a while for the first time, and htmx begins now
    price();
    const [was, typed] = JSON.parse(sessionStorage.form ?? "[]");
    if (was !== whose() || !$("task-form")) return;
    sessionStorage.removeItem("form");
    const values = {};
    for (const [name, value] of typed) if (!/^(csrf|submit_key|quote_key|portal_team)/.test(name)) (values[name] ??= []).push(value);
    htmx.ajax("POST", $("task-parameters").dataset.url, { target: "#task-parameters", swap: "keep", values });
  });

  // --- A first page carries its styles; the next ones find their file in the browser's cache ---
  // Nobody waits for that file, so it comes when all is loaded and something is drawn.
  addEventListener("load", () => {
    const drawn = new PerformanceObserver(() => { drawn.disconnect(); keepStyles(); keepZone(); });
    drawn.observe({ type: "paint", buffered: true });
  });
  async function keepStyles() {
    const file = $("styles")?.dataset.file;
    if (!file || !navigator.cookieEnabled) return;
    const answer = await fetch(file).catch(() => null);
    if (!answer?.ok || !await answer.text().catch(() => "")) return;
    setCookie("portal_styles", file);
  }
  // --- Days of a filter begin where the person is ---
  function keepZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
    if (!document.cookie.split("; ").includes(`portal_zone=${zone}`)) setCookie("portal_zone", zone);
  }
  function setCookie(name, value) {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  }

  // --- Tasks that are ticked in a list ---
  function chosen() {
    const form = $("task-chosen"), all = $("task-chosen-all");
    if (!form) return;
    const picks = [...document.querySelectorAll("#task-rows .task-row__pick input")];
    const count = picks.filter((pick) => pick.checked).length;
    $("task-chosen-count").textContent = form.dataset.words.replace("#count#", count);
    $("task-chosen-all-label").hidden = false;
    all.checked = count === picks.length;
    all.indeterminate = count > 0 && !all.checked;
    for (const button of form.querySelectorAll("[data-most]")) button.disabled = count < button.dataset.least || count > button.dataset.most;
  }
  on("change", ({ target }) => {
    if (target.id === "task-chosen-all")
      for (const pick of document.querySelectorAll("#task-rows .task-row__pick input")) pick.checked = target.checked;
    chosen();
  });
  on("htmx:afterSettle DOMContentLoaded", chosen);

  // --- Small things: local times, copy buttons, previews that do not load, open menus ---
  const formats = new Map(); // making one takes longer than all that it does afterwards
  function written(at, options) {
    const key = JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
    return formats.get(key).format(at);
  }
  function dress(root) {
    tick(root);
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
      const second = "precise" in time.dataset ? "2-digit" : undefined;
      time.textContent = written(at, { day: "numeric", month: "short", year, hour: "2-digit", minute: "2-digit", second });
    }
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
    for (const image of root.querySelectorAll(".preview img")) if (image.complete && !image.naturalWidth) image.remove();
    root.querySelectorAll("[data-count]").forEach((shown) => $(shown.dataset.count) && count(shown));
  }
  on("pointerover", ({ target }) => {
    const time = target.closest?.("time[datetime]");
    if (time && !time.title) time.title = written(new Date(time.dateTime), { dateStyle: "full", timeStyle: "long", timeZone: "UTC" });
  });
  on("error", ({ target }) => { if (target.matches?.(".preview :is(img, video)")) target.remove(); });
  const MENUS = ":is(.menu, .picker__box)[open]";
  on("click", async ({ target, detail }) => {
    const copy = target.closest?.("[data-copy]");
    // A click on a model closes the list; the arrow keys, which also click, leave it open.
    const chosen = detail && target.closest?.(".picker__item");
    for (const menu of document.querySelectorAll(MENUS)) if (chosen || !menu.contains(target)) menu.open = false;
    if (chosen) $("model-now").focus();
    if (copy) await navigator.clipboard.writeText(copy.dataset.copy).then(() => say($("said").dataset.copied), () => say($("said").dataset.failed));
  });
  on("keydown", ({ key }) => {
    const menu = key === "Escape" && document.querySelector(MENUS);
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
})();
