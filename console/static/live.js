/* Keeps parts of a page up to date. Without it one loads the page again. */
"use strict";
(() => {
  const { remembered, remember, tellTimes } = remedy;

  /* Notices at the edge of the window, where they move nothing. */
  const notice = (words, ...actions) => {
    const told = document.createElement("p");
    told.append(words, " ", ...actions);
    document.getElementById("notices").replaceChildren(told);
  };

  /* Live parts: elements with `data-live`, fetched again from there when the stream says that something changed. */
  const USED_SECONDS = 3, ALONE_SECONDS = 120, LOOK_SECONDS = 1, FIRST_TRY_SECONDS = 15, LONGEST_TRY_SECONDS = 240;
  const live = {
    stream: null, isOpen: false, wasOpen: false, isExpired: false, tries: 0, timer: 0, behind: new Set(), held: new Map(),
    usedAt: Date.now(),
  };
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const isPaused = () => remembered("paused") === "yes";
  const usedAt = new WeakMap();
  const noteUse = (event) => {
    live.usedAt = Date.now();
    const part = event.target instanceof Element && event.target.closest("[data-live]");
    if (part) usedAt.set(part, Date.now());
  };
  const isChanged = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((each) => each.selected !== each.defaultSelected);
    return field.value !== field.defaultValue;
  };
  const isSelected = (part) => {
    const selection = getSelection();
    return Boolean(selection) && !selection.isCollapsed && selection.containsNode(part, true);
  };
  /* Nothing moves under somebody's hand: what is focused, chosen, typed into, open, selected or pointed at stays. */
  const isInUse = (part) => part.contains(document.activeElement) || isSelected(part) ||
    part.querySelector("details[open]:not([data-open])") !== null ||
    [...part.querySelectorAll("input:not([type=hidden]), select, textarea")].some(isChanged) ||
    Date.now() - (usedAt.get(part) ?? 0) < USED_SECONDS * 1000;

  /* What would move what somebody reads is held until they ask for it, or nobody has been at the page for a while. All
     else in its part changes where it stands. Parts with `data-moves` are waited for: they may move. */
  const isLeftAlone = () => document.hidden || Date.now() - live.usedAt > ALONE_SECONDS * 1000;
  const isInSight = (element) => element.getBoundingClientRect().top < innerHeight;
  const standing = (part, fresh) => {
    const trial = fresh.cloneNode(true), olds = [...part.children];
    const heights = olds.map((each) => isInSight(each) ? each.offsetHeight : null);
    const place = document.createElement("div");
    place.className = "trial";
    trial.removeAttribute("data-live");
    place.append(trial);
    part.after(place);
    const news = [...trial.children];
    const isAlike = olds.length === news.length && olds.every((each, at) => each.tagName === news[at].tagName);
    const stay = olds.map((_, at) => isAlike && (heights[at] === null || heights[at] === news[at].offsetHeight));
    place.remove();
    return stay;
  };
  /* Shows what stays where it stands, and holds the rest. Returns whether something is held. */
  const holdWhatMoves = (part, fresh) => {
    live.held.delete(part);
    if (!isInSight(part) || isLeftAlone() || "moves" in part.dataset) return false;
    const stay = standing(part, fresh), olds = [...part.children], news = [...fresh.cloneNode(true).children];
    if (stay.every(Boolean)) return false;
    olds.forEach((each, at) => { if (stay[at] && !each.isEqualNode(news[at])) each.replaceWith(news[at]); });
    live.held.set(part, fresh.cloneNode(true));
    return true;
  };
  const showHeld = () => {
    for (const [part, fresh] of live.held) {
      live.behind.delete(part);
      part.replaceWith(fresh);
      refresh(fresh); /* there may be something newer, which came while its part was in use */
    }
    live.held.clear();
    tellHeld();
  };
  const tellHeld = () => {
    const notices = document.getElementById("notices"), shown = notices.querySelector("[data-show-held]");
    if (!live.held.size && shown) notices.replaceChildren();
    if (!live.held.size || shown || live.isExpired) return;
    const show = document.createElement("button");
    show.type = "button";
    show.dataset.showHeld = "";
    show.append("Show it");
    show.addEventListener("click", () => {
      showHeld();
      document.getElementById("main").focus({ preventScroll: true });
    });
    notice("There is news that would move what you read.", show);
  };

  const tellLive = () => {
    for (const each of document.querySelectorAll("[data-live-state]")) {
      const words = live.isExpired ? "Signed out" : isPaused() ? "Updates are paused"
        : live.behind.size ? "Updates wait while this page is in use"
        : live.isOpen ? "Live" : live.stream ? "Connecting" : "Not connected: asks now and then";
      if (each.textContent !== words) each.textContent = words;
    }
    for (const each of document.querySelectorAll("[data-switch=live]")) {
      each.textContent = isPaused() ? "Resume updates" : "Pause updates";
    }
  };
  const linkHere = (words) => {
    const link = document.createElement("a");
    link.href = location.href;
    link.append(words);
    return link;
  };
  const expired = () => {
    live.isExpired = true;
    disconnect();
    notice("Your session has ended: what you see is no longer updated.", linkHere("Sign in again"));
  };
  /* What a part shows was deleted, or its reader's rights were taken, while the page is open. */
  const gone = (part) => {
    part.removeAttribute("data-live");
    notice("What you see is not there any more, or no longer for you. It is not updated.", linkHere("Load the page again"));
  };
  const refresh = (part) => {
    if (isPaused() || live.isExpired || !part.isConnected) return;
    if (isInUse(part)) {
      live.behind.add(part);
    } else {
      live.behind.delete(part);
      const select = part.id ? `#${CSS.escape(part.id)}` : null;
      htmx.ajax("GET", part.dataset.live, { source: part, target: part, swap: "outerMorph", select });
    }
    tellLive();
  };
  const refreshAll = () => parts().forEach(refresh);

  const connect = () => {
    if (live.stream || isPaused() || live.isExpired) return;
    const stream = live.stream = document.createElement("div");
    stream.hidden = true;
    stream.setAttribute("hx-sse:connect", document.body.dataset.stream);
    stream.addEventListener("changed", refreshAll);
    stream.addEventListener("htmx:sse:after:connection", opened);
    stream.addEventListener("htmx:sse:error", failed);
    stream.addEventListener("htmx:sse:close", () => { if (live.stream === stream) later(); });
    document.body.append(stream);
    htmx.process(stream);
  };
  const disconnect = () => {
    const { stream } = live;
    live.stream = null;
    live.isOpen = false;
    clearTimeout(live.timer);
    if (stream) {
      stream.removeAttribute("hx-sse:connect");
      htmx.process(stream, true); /* which ends its request */
      stream.remove();
    }
    tellLive();
  };
  const opened = () => {
    const isAgain = live.wasOpen || live.tries > 0;
    Object.assign(live, { isOpen: true, wasOpen: true, tries: 0 });
    if (isAgain) refreshAll();
    tellLive();
  };
  const failed = (event) => {
    live.isOpen = false;
    if (event.detail.status === 401) expired();
    tellLive();
  };
  /* Without a stream: ask for the parts now and then, and for the stream again. */
  const later = () => {
    disconnect();
    if (isPaused() || live.isExpired) return;
    const seconds = Math.min(FIRST_TRY_SECONDS * 2 ** live.tries, LONGEST_TRY_SECONDS);
    live.timer = setTimeout(() => {
      if (document.hidden) return later();
      live.tries += 1;
      refreshAll();
      connect();
    }, seconds * 1000 * (0.8 + 0.4 * Math.random()));
  };

  /* A gateway may answer a sign-in page of its own, with 200 and where it was asked. */
  const isStreamOfOurs = (raw) => raw.headers.get("Content-Type")?.startsWith("text/event-stream");
  const isOfPart = (part, fragment) => {
    const [fresh, ...more] = fragment?.children ?? [];
    return Boolean(fresh) && !more.length && fresh.tagName === part.tagName && fresh.id === part.id;
  };
  const answered = (event) => {
    const { ctx } = event.detail, { raw, status } = ctx.response;
    const isStream = ctx.sourceElement === live.stream;
    const isSignedOut = status === 401 || raw.redirected || (isStream && status === 200 && !isStreamOfOurs(raw));
    if (isSignedOut) expired();
    else if (status !== 200 && isStream) later();
    else if ([403, 404].includes(status) && ctx.sourceElement?.dataset?.live) gone(ctx.sourceElement);
    if (status !== 200 || isSignedOut) event.preventDefault(); /* a page about an error is no part of this one */
  };
  const beforeSwap = (event) => {
    const { ctx, tasks } = event.detail, part = ctx.sourceElement;
    if (part?.dataset?.live && !isOfPart(part, tasks[0]?.fragment)) {
      event.preventDefault();
      expired();
      return;
    }
    if (part?.dataset?.live && (isPaused() || isInUse(part))) {
      event.preventDefault();
      live.behind.add(part);
      tellLive();
      return;
    }
    for (const task of tasks) tellTimes(task.fragment);
    const fresh = part?.dataset?.live && tasks[0]?.fragment.firstElementChild;
    if (fresh && holdWhatMoves(part, fresh)) event.preventDefault();
    tellHeld();
  };
  const beginLive = () => {
    if (!document.body.dataset.stream || !parts().length) return;
    for (const each of document.querySelectorAll("[data-live-bar]")) each.hidden = false;
    for (const each of ["pointermove", "pointerdown", "keydown", "scroll"]) {
      document.addEventListener(each, noteUse, { passive: true, capture: true });
    }
    document.addEventListener("htmx:before:response", answered);
    document.addEventListener("htmx:before:swap", beforeSwap);
    document.addEventListener("htmx:error", (event) => { if (event.detail.ctx?.sourceElement === live.stream) later(); });
    for (const each of document.querySelectorAll("[data-switch=live]")) {
      each.addEventListener("click", () => {
        remember("paused", isPaused() ? "no" : "yes");
        if (isPaused()) {
          disconnect();
        } else {
          live.tries = 1;
          connect();
        }
        tellLive();
      });
    }
    setInterval(() => {
      live.behind.forEach(refresh);
      const isAsked = !isPaused() && !live.isExpired;
      if (isAsked && live.held.size && isLeftAlone() && ![...live.held.keys()].some(isInUse)) showHeld();
    }, LOOK_SECONDS * 1000);
    connect();
    tellLive();
  };

  document.addEventListener("DOMContentLoaded", beginLive);
})();
