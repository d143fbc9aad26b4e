"""How the report of a space looks, in light and in dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f6f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --soft: #9aa1ad; --line: #33373f; --accent: #6db3dc; --paper: #15171b; --panel: #1d2026; }
}
body { background: var(--paper); max-width: 70rem; } code, pre { background: var(--panel); }
h2 { font-size: 1.45rem; margin-top: 3.6rem; } p { max-width: 48rem; }
.split { display: grid; grid-template-columns: minmax(0, 3fr) minmax(15rem, 2fr); gap: 2rem; align-items: start; }
ul { padding-left: 1.1rem; } li { margin: .55rem 0; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .85rem; padding: .2rem .4rem; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.frame { fill: none; stroke: var(--line); } .points { fill: none; stroke-linecap: round; stroke-opacity: .75; }
.bar { fill: var(--accent); fill-opacity: .8; } .mark { stroke: var(--soft); stroke-dasharray: 2 3; fill: none; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem; }
.map { background: var(--panel); border-radius: 8px; padding: .3rem; } .map > svg { width: 100%; display: block; }
.key { white-space: nowrap; margin-right: .6rem; } .key svg { width: .9rem; height: .9rem; vertical-align: -2px; }
.key .points { stroke-opacity: 1; }
dl { display: grid; grid-template-columns: 4rem 1fr; gap: .4rem 1rem; max-width: 48rem; margin: .6rem 0; }
dt { font-weight: 600; } dd { margin: 0; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--accent); }
.wide { overflow-x: auto; } .wide td:nth-child(-n+4) { white-space: nowrap; }
.groups td:nth-child(2) { white-space: normal; min-width: 10rem; }
.groups audio + small { white-space: normal; }
td i { color: var(--soft); }
td small { color: var(--soft); white-space: nowrap; } td, th { vertical-align: top; }
.meter { display: inline-block; width: 4.5rem; height: .6rem; margin-right: .5rem; border-radius: 3px;
  background: linear-gradient(90deg, var(--accent) calc(var(--part) * 100%), var(--line) 0); }
.stops { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .6rem; margin: 1rem 0 .6rem; }
.stop, .glide { background: var(--panel); border-radius: 8px; padding: .5rem; text-align: center; font-size: .9rem; }
.stop audio, .glide audio { width: 100%; } .stop small { color: var(--soft); display: block; }
.glide + img { width: 100%; height: 8rem; object-fit: fill; border-radius: 8px; margin: .6rem 0; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .4rem; }
.curves svg { width: 100%; display: block; } .curves text { font-size: 7.4px; }
.curves .title { fill: var(--ink); font-weight: 600; font-size: 8px; }
.main { fill: none; stroke: var(--accent); stroke-width: 2; } .other { fill: none; stroke: var(--soft);
  stroke-width: .7; stroke-opacity: .7; }
.heat { font-size: .86rem; border-collapse: separate; border-spacing: 2px; }
.heat td { text-align: center; padding: .25rem .5rem; border: 0; border-radius: 4px; min-width: 6.4rem;
  font-variant-numeric: tabular-nums; }
.heat th { border: 0; padding: .25rem .5rem; white-space: nowrap; } .heat small { display: block; font-weight: 400;
  font-size: .72rem; color: inherit; opacity: .7; } .heat .faint { opacity: .75; }
.heat .all td, .heat .all th { border-top: 1px solid var(--line); border-radius: 0; padding-top: .5rem; }
@media (max-width: 46rem) { .split { grid-template-columns: 1fr; } .stops { grid-template-columns: 1fr; }
  .maps { grid-template-columns: 1fr; } }
"""

SCRIPT = """<script>
// One sound at a time.
document.addEventListener("play", event => document.querySelectorAll("audio").forEach(
  player => { if (player !== event.target) player.pause(); }), true);
</script>"""
