"""How the report of a benchmark looks, in light and in dark, on a wide screen and on a phone."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f6f7f9; --good: #1d7a46; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --soft: #9aa1ad; --line: #33373f; --accent: #6db3dc; --paper: #15171b; --panel: #1d2026;
    --good: #6fce96; }
}
html { scroll-padding-top: 4rem; }
body { background: var(--paper); max-width: 104rem; padding: 2rem 1.6rem 5rem; }
code, pre { background: var(--panel); } pre { max-width: 60rem; white-space: pre-wrap; overflow-wrap: anywhere; }
p { max-width: 48rem; } ul { padding-left: 1.1rem; max-width: 52rem; } li { margin: .5rem 0; }
h2 { font-size: 1.5rem; margin-top: 4rem; } h3 { font-size: 1.1rem; margin: 1.4rem 0 .5rem; }
h4 { font-size: .84rem; font-weight: 500; margin: 0 0 .35rem; line-height: 1.3; overflow-wrap: anywhere; }
h4 b, .boxes b, th b { color: var(--accent); font-variant-numeric: tabular-nums; font-weight: 650; }
.how { color: var(--soft); margin: 0 0 1rem; } .note { color: var(--soft); font-size: .85rem; margin: .4rem 0; }
.none { color: var(--soft); font-size: .84rem; font-style: italic; margin: .2rem 0; }
a { color: var(--accent); }
nav .links { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .92rem; margin: 1.4rem 0 .6rem; }
nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
.bar { position: sticky; top: 0; z-index: 5; background: var(--paper); border-bottom: 1px solid var(--line);
  display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; align-items: center; padding: .5rem 0; font-size: .88rem; }
.bar label { white-space: nowrap; cursor: pointer; } .bar input { accent-color: var(--accent); margin: 0 .2rem 0 0; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); }
.bar details { margin: 0; } .choose[open] { flex-basis: 100%; }
.boxes { columns: 15rem; column-gap: 1.5rem; max-height: 50vh; overflow-y: auto; padding: .4rem 0; }
.boxes label { display: block; white-space: normal; break-inside: avoid; padding: .1rem 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); gap: .5rem 2.2rem; }
.cards { display: grid; gap: .7rem; align-items: stretch;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--card)), 1fr)); }
:root:has(#large:checked) .cards { grid-template-columns:
  repeat(auto-fill, minmax(min(100%, 1.9 * var(--card)), 1fr)); }
:root:has(#large:checked) .columns { grid-template-columns: 1fr; }
.card { background: var(--panel); border-radius: 8px; padding: .55rem .6rem; min-width: 0;
  content-visibility: auto; contain-intrinsic-size: auto 12rem; }
.card img, .strip img { margin: 0; width: 100%; border-radius: 2px; } .coarse { image-rendering: pixelated; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .7rem; align-items: start; }
.stack { display: grid; gap: .5rem; }
figure { margin: 0; min-width: 0; }
figcaption { color: var(--soft); font-size: .76rem; line-height: 1.35; padding-top: .2rem; }
.strip { display: grid; grid-template-columns: minmax(6rem, 9rem) minmax(0, 1fr) 4.6rem; gap: .2rem .8rem;
  align-items: center; padding: .22rem 0; border-top: 1px solid var(--line); }
.strip h4 { margin: 0; } .strip small { font-variant-numeric: tabular-nums; line-height: 1.25; }
.strip.first { border: 0; } .strip.first h4 { font-weight: 650; }
.wide { overflow-x: auto; margin: .4rem 0 .2rem; }
table { font-size: .88rem; margin: 0; border-collapse: separate; border-spacing: 0; }
td, th { padding: .24rem .7rem; vertical-align: top; border-bottom: 1px solid var(--line); }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding: .2rem 0; }
thead th { vertical-align: bottom; font-weight: 600; line-height: 1.25; }
thead th small, tbody th small { display: block; font-weight: 400; }
tbody th { position: sticky; left: 0; background: var(--paper); font-weight: 500; min-width: 14rem; max-width: 19rem;
  z-index: 1; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th.n { white-space: normal; }
td small { font-size: .76rem; font-weight: 400; } tbody tr:hover > * { background: var(--panel); }
td.best { color: var(--good); font-weight: 650; } td.best::before { content: "★ "; }
td.tied::before { content: "• "; color: var(--good); } td.none { font-size: .76rem; text-align: right;
  white-space: nowrap; } td.none[colspan] { text-align: left; white-space: normal; }
th button { all: unset; cursor: pointer; } th button:hover { color: var(--accent); }
th button:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " ▴"; } th[aria-sort=descending] button::after { content: " ▾"; }
.text td { max-width: 34rem; } .text td p { margin: .1rem 0; } .short { white-space: nowrap; }
.text td small { display: inline-block; } .text tbody th { min-width: 8rem; }
.verdict { white-space: nowrap; font-weight: 600; } .held { color: var(--good); } .not { color: #c2413f; }
.open { color: var(--soft); font-weight: 500; }
svg { display: block; width: 100%; } svg text { fill: var(--soft); font: 9px system-ui, sans-serif; }
.frame { fill: none; stroke: var(--line); }
svg .fill { fill: var(--accent); fill-opacity: .8; }
.seeds { fill: none; stroke: var(--accent); stroke-width: 1.1; }
.others { fill: none; stroke: var(--soft); stroke-width: .5; stroke-opacity: .28; }
.points path { fill: none; stroke-linecap: round; stroke-opacity: .75; }
.cross { stroke: var(--soft); stroke-width: .7; stroke-opacity: .6; fill: none; } .dot { fill: var(--accent); }
svg .label { fill: var(--ink); font-size: 9px; font-weight: 600; paint-order: stroke; stroke: var(--paper);
  stroke-width: 2.5; }
.keys { font-size: .84rem; max-width: none; margin: .2rem 0 .6rem; } .key { white-space: nowrap; margin-right: .9rem; }
.key svg { display: inline-block; width: .8rem; height: .8rem; vertical-align: -1px; margin-right: .25rem; }
.key path { stroke-opacity: 1; }
.chart { max-width: 40rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.2rem; max-width: 60rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.lines { position: absolute; width: 0; height: 0; }
@media (max-width: 46rem) {
  body { padding: 1.2rem .8rem 3rem; } .bar { font-size: .82rem; gap: .1rem .8rem; }
  .strip { grid-template-columns: minmax(0, 1fr) auto; } .strip > :nth-child(2) { order: 3; grid-column: 1 / -1; }
  tbody th { min-width: 7rem; max-width: 9rem; } .text td { min-width: 12rem; }
  .text td.n, .text td.short { min-width: 0; } td, th { padding: .3rem .45rem; } h2 { margin-top: 3rem; }
}
@media print { .bar, nav { display: none; } .card { break-inside: avoid; } }
"""

SCRIPT = """<script>
// Tables sort by a click on a column's head; without this they stand in the grid's order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.querySelectorAll("th[scope=col]")], body = table.tBodies[0], first = [...body.rows];
  const value = (row, at) => parseFloat(row.cells[at]?.dataset.v ?? "NaN");
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.ariaSort === "ascending" ? "descending" : "ascending", sign = now === "ascending" ? 1 : -1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      body.append(...first.slice().sort((a, b) => {
        const [x, y] = [value(a, at), value(b, at)];
        return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : sign * (x - y);
      }));
    });
  });
}
</script>"""
