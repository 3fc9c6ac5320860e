"""The style and the script of the page that draws a tape."""

from __future__ import annotations

STYLE = """
body { margin: 0; font: 13px system-ui, "Helvetica Neue", Arial, sans-serif; color: #1d2430;
  background: #fafbfc }
header { position: sticky; top: 0; z-index: 3; display: flex; flex-wrap: wrap; gap: 8px;
  align-items: center; padding: 8px 14px; background: #fffffff0; border-bottom: 1px solid #d5dae2 }
header b { margin-right: 8px }
button { font: inherit; padding: 2px 10px; border: 1px solid #b8c0cc; border-radius: 5px;
  background: #fff; cursor: pointer }
.key { padding: 1px 8px; border: 1px solid #0002; border-radius: 9px; font-size: 11px }
.hint { padding: 0 14px }
main { position: relative; width: max-content; min-width: 100%; padding: 18px 70px 40px;
  box-sizing: border-box }
#edges { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; z-index: 1;
  overflow: visible }
#edges path { fill: none; stroke: #6b7688; stroke-width: 1.2; opacity: .75 }
#edges path.hot { stroke: #d6336c; stroke-width: 2.2; opacity: 1 }
.layers { display: flex; flex-direction: column; gap: 20px; align-items: center }
.layer { display: flex; gap: 26px; align-items: flex-end; justify-content: center }
.node { position: relative; z-index: 2; display: flex; flex-direction: column; align-items: center;
  padding: 3px 10px; border: 1px solid #0003; border-radius: 6px; white-space: nowrap }
.node:hover { outline: 2px solid #d6336c }
.node span { font-size: 11px; color: #4a5364 }
.leaf { border: 1px dashed #6b7688; border-radius: 14px }
.group { border: 1px solid #c3cad6; border-radius: 8px; background: #4a5a780a; align-self: center }
.group > .layers { padding: 10px 34px 18px }
.group > summary { position: relative; z-index: 2; padding: 4px 12px; cursor: pointer;
  font-weight: 600; white-space: nowrap; border-radius: 8px }
.group[open] > summary { text-align: left }
.group:not([open]) > summary { background: #e9edf4 }
.group > summary i { font-weight: 400; color: #6b7688; font-size: 11px; margin-left: 6px }
"""

# An edge ends at the outermost closed box around its node. It goes straight down and then turns to
# its end; where a box is in the way, it goes around those in between.
SCRIPT = """
const svg = document.getElementById("edges"), main = document.getElementById("drawing");

function box(id) {
  let element = document.getElementById("n" + id);
  for (let g = element.closest("details"); g; g = g.parentElement.closest("details"))
    if (!g.open) element = g;
  return element;
}

function draw() {
  const origin = main.getBoundingClientRect(), seen = new Set(), paths = [];
  const place = new Map(), numbers = new Map();
  const rectangle = element => {
    if (!place.has(element)) {
      const r = element.getBoundingClientRect();
      numbers.set(element, numbers.size);
      place.set(element, { l: r.left - origin.left, r: r.right - origin.left,
        t: r.top - origin.top, b: r.bottom - origin.top });
    }
    return place.get(element);
  };
  const shown = document.querySelectorAll(".node, details:not([open])");
  const boxes = [...shown].filter(e => !e.parentElement.closest("details:not([open])"))
    .map(rectangle);
  for (const [source, target] of EDGES) {
    const from = box(source), to = box(target);
    if (from === to) continue;
    const a = rectangle(from), b = rectangle(to);
    const key = numbers.get(from) + " " + numbers.get(to);
    if (seen.has(key)) continue;
    seen.add(key);
    const ax = (a.l + a.r) / 2, bx = (b.l + b.r) / 2, gap = b.t - a.b;
    const bend = Math.max(8, Math.min(44, gap / 2)), turn = Math.max(a.b, b.t - 2 * bend);
    const between = boxes.filter(o => o !== a && o !== b && o.b > a.b && o.t < b.t);
    const blocks = o => o.l < ax && ax < o.r && (o.t < turn || (o.l < bx && bx < o.r));
    let d;
    if (!between.some(blocks)) {
      d = `M${ax} ${a.b} L${ax} ${turn} ` +
        `C${ax} ${b.t - bend / 2} ${bx} ${turn + bend / 2} ${bx} ${b.t - 3}`;
    } else {
      const beside = o => o.t < b.b && b.t < o.b || o.t < a.b && a.t < o.b;
      const right = !boxes.some(o => o !== a && o !== b && beside(o) && o.l > bx);
      const near = between.filter(o => o.l < Math.max(a.r, b.r) && Math.min(a.l, b.l) < o.r);
      const edge = o => right ? o.r : -o.l, s = right ? 1 : -1;
      const out = s * (Math.max(...[a, b, ...near].map(edge)) + 14);
      const ay = (a.t + a.b) / 2, by = (b.t + b.b) / 2, from = s * edge(a), to = s * edge(b);
      d = `M${from} ${ay} C${out} ${ay} ${out} ${ay} ${out} ${ay + 18} ` +
        `L${out} ${by - 18} C${out} ${by} ${out} ${by} ${to + 3 * s} ${by}`;
    }
    paths.push(`<path d="${d}" marker-end="url(#tip)" data-from="${source}" data-to="${target}"/>`);
  }
  svg.innerHTML = '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" ' +
    'markerHeight="6" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill:#6b7688;stroke:none"/>' +
    "</marker></defs>" + paths.join("");
}

for (const node of document.querySelectorAll(".node")) {
  const mark = on => {
    const id = node.id.slice(1);
    for (const path of svg.querySelectorAll(`[data-from="${id}"], [data-to="${id}"]`))
      path.classList.toggle("hot", on);
  };
  node.addEventListener("mouseenter", () => mark(true));
  node.addEventListener("mouseleave", () => mark(false));
}
const groups = document.querySelectorAll("details");
for (const group of groups) group.addEventListener("toggle", draw);
document.getElementById("open").onclick = () => groups.forEach(g => g.open = true);
document.getElementById("close").onclick = () => groups.forEach(g => g.open = false);
window.addEventListener("resize", draw);
window.addEventListener("load", draw);
draw();
"""
