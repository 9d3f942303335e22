/* What makes these pages more comfortable. Without it everything can be read and done. */
"use strict";
(() => {
  const remembered = (name) => { try { return localStorage.getItem(`remedy.${name}`); } catch { return null; } };
  const remember = (name, value) => { try { localStorage.setItem(`remedy.${name}`, value); } catch { /* not kept */ } };

  /* Times: in the reader's zone or in UTC; the other one is the title. */
  const two = (number) => String(number).padStart(2, "0");
  const offset = (minutes) => {
    const size = Math.abs(minutes), rest = size % 60;
    return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${rest ? `:${two(rest)}` : ""}`;
  };
  const utc = (at) => `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const local = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())} ${offset(-at.getTimezoneOffset())}`;
  const isUtc = () => remembered("times") === "utc";
  const tellTimes = (root) => {
    for (const each of root.querySelectorAll("time[datetime]")) {
      const at = new Date(each.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const [shown, beside] = isUtc() ? [utc(at), local(at)] : [local(at), utc(at)];
      if (each.textContent !== shown) each.textContent = shown;
      if (each.title !== beside) each.title = beside;
    }
  };
  const tellSwitch = (button) => { button.textContent = isUtc() ? "Show times here in my zone" : "Show times in UTC"; };
  const beginTimes = () => {
    tellTimes(document);
    for (const button of document.querySelectorAll("[data-switch=times]")) {
      button.hidden = false;
      tellSwitch(button);
      button.addEventListener("click", () => {
        remember("times", isUtc() ? "local" : "utc");
        tellSwitch(button);
        tellTimes(document);
      });
    }
  };

  /* Notices at the edge of the window, where they move nothing. */
  const notice = (words, href, link) => {
    const told = document.createElement("p");
    told.append(words);
    if (href) {
      const anchor = document.createElement("a");
      anchor.href = href;
      anchor.append(link);
      told.append(" ", anchor);
    }
    document.getElementById("notices").replaceChildren(told);
  };

  /* Live parts: elements with `data-live`, fetched again from there when the stream says that something changed. */
  const USED_SECONDS = 3, LOOK_SECONDS = 1, FIRST_TRY_SECONDS = 15, LONGEST_TRY_SECONDS = 240;
  const live = { stream: null, isOpen: false, wasOpen: false, isExpired: false, tries: 0, timer: 0, behind: new Set() };
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const isPaused = () => remembered("paused") === "yes";
  const usedAt = new WeakMap();
  const noteUse = (event) => {
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
  const expired = () => {
    live.isExpired = true;
    disconnect();
    notice("Your session has ended: what you see is no longer updated.", location.href, "Sign in again");
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

  const answered = (event) => {
    const { ctx } = event.detail, { raw, status } = ctx.response;
    const isStream = ctx.sourceElement === live.stream;
    if (status === 401 || raw.redirected) expired();
    else if (status !== 200 && isStream) later();
    if (status !== 200 || raw.redirected) event.preventDefault(); /* a page about an error is no part of this one */
  };
  const beforeSwap = (event) => {
    const { ctx, tasks } = event.detail, part = ctx.sourceElement;
    if (part?.dataset?.live && (isPaused() || isInUse(part))) {
      event.preventDefault();
      live.behind.add(part);
      tellLive();
      return;
    }
    for (const task of tasks) tellTimes(task.fragment);
  };
  const beginLive = () => {
    if (!document.body.dataset.stream || !parts().length) return;
    for (const each of document.querySelectorAll("[data-live-bar]")) each.hidden = false;
    for (const each of ["pointermove", "pointerdown", "keydown"]) {
      document.addEventListener(each, noteUse, { passive: true });
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
    setInterval(() => live.behind.forEach(refresh), LOOK_SECONDS * 1000);
    connect();
    tellLive();
  };

  document.addEventListener("DOMContentLoaded", () => { beginTimes(); beginLive(); });
})();
