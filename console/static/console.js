/* What makes these pages more comfortable. Without it everything can be read and done. */
"use strict";
const remedy = (() => {
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

  document.addEventListener("DOMContentLoaded", beginTimes);
  return { remembered, remember, tellTimes };
})();
