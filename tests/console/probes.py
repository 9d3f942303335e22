"""Scripts that tests run in a page, where only the page itself knows the answer."""

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries().filter((each) => !each.hadRecentInput)) {
    window.shifts.push([entry.value, ...entry.sources.map((source) => source.node?.nodeName ?? "?")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
"""From the page's beginning: what has moved that nobody pressed for, and by how much, in layout-shift's own score."""

MORE_NEEDS = """
(part) => {
  const gone = [...Array(12)].map(() => document.createElement("p"));
  for (const each of gone) each.textContent = "A need that is gone";
  part.querySelector(":scope > div").replaceChildren(...gone);
  part.querySelector("dd").textContent = "of before";
  return new Promise((done) => setTimeout(() => { window.shifts = []; done(); }, 500));
}
"""
"""Makes the first page one of before: with other needs, which take more room, and other words in a line that stays."""

SHIFTED = "() => window.shifts.reduce((sum, [value]) => sum + value, 0)"

OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"
"""Pixels by which the page is wider than its window; what scrolls inside an element of its own does not count."""

CLIPPED = """
() => [...document.querySelectorAll("main *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
    && ["hidden", "clip"].includes(getComputedStyle(each).overflowX) && !each.closest(".sr-only, .skip, select, input"))
  .map((each) => each.outerHTML.slice(0, 120))
"""
"""Elements that hide a part of what is in them."""

CONTROLS = """
() => {
  const seen = (each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest("[inert]");
  const names = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const all = [...document.querySelectorAll(names)]
    .filter((each) => seen(each) && !each.disabled && each.tabIndex >= 0);
  const groups = new Set();
  window.controls = all.filter((each) => {
    if (each.type !== "radio") return true;
    const name = `${each.form?.id}/${each.name}`;
    if (groups.has(name)) return false;
    groups.add(name);
    return true;
  });
  document.activeElement?.blur();
  window.scrollTo(0, 0);
  return window.controls.length;
}
"""
"""How many controls can be reached by Tab; of radio buttons of one name, one."""

FOCUSED = """
() => {
  const each = document.activeElement;
  if (!each || each === document.body) return null;
  const at = window.controls.indexOf(each);
  const group = each.type === "radio" ? window.controls.findIndex((other) => other.name === each.name) : at;
  const style = getComputedStyle(each);
  const around = (of) => of.outlineStyle !== "none" && parseFloat(of.outlineWidth) >= 2;
  const box = each.getBoundingClientRect();
  const onScreen = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return { at: at < 0 ? group : at, isVisible: around(style) && onScreen, html: each.outerHTML.slice(0, 120) };
}
"""
"""Which control has the focus, and whether that can be seen; None where none has."""

TALLER_TEXT = "() => { document.documentElement.style.fontSize = '200%'; }"
"""The reader's own text size, as in the browser's settings: twice as large."""

WORDS = """
() => {
  const main = document.querySelector("main").cloneNode(true);
  for (const each of main.querySelectorAll("time, script, .uplot")) each.remove();
  return main.textContent.split(/\\s+/).filter((word) => word && !/\\d|^(s|min)$/.test(word));
}
"""
"""The words of the page's main part, without numbers: ages grow from one look to the next."""

AXE = """
async ([tags, rules]) => {
  const only = rules.length ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const found = await axe.run(document, { runOnly: only, resultTypes: ["violations", "incomplete"] });
  const told = (each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 160)} (${node.failureSummary})`);
  return [found.violations.flatMap(told), found.incomplete.map((each) => each.id)];
}
"""
"""What is wrong with the page, and by which rules axe could not say."""
