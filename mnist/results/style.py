"""How report.html looks: on a telephone, on a wide screen, by night, and on paper."""

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --faint: #57606a;
  --line: #d0d7de; --ground: #f6f8fa; --note: #fff3cd; --accent: #0b62c4 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191d; --ink: #e6e9ec; --faint: #9aa4af; --line: #3a424b;
    --ground: #20252b; --note: #4a3c10; --accent: #6cb6ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
main { max-width: 76rem; margin: 0 auto; padding: 1rem clamp(.9rem, 3vw, 2.5rem) 3rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .6rem 0 .2rem; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem; padding-bottom: .2rem;
  border-bottom: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 0 0 .4rem }
.scroll + h3 { margin-top: 1.4rem }
p { margin: .6rem 0; max-width: 46rem }
.where { color: var(--faint); margin-top: 0; overflow-wrap: anywhere }
.note { background: var(--note); padding: .5rem .8rem; border-radius: .4rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.6rem, 1fr)); gap: .7rem;
  margin: 1rem 0 }
dl > div { background: var(--ground); border-radius: .5rem; padding: .6rem .8rem }
dt { color: var(--faint); font-size: .85rem }
dd { margin: 0 }
dd b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums }
dd small { color: var(--faint) }
.both, .figures { display: grid; gap: 1.5rem 2.5rem; align-items: start;
  grid-template-columns: minmax(0, 1fr) }
@media (min-width: 62rem) {
  .both, .figures { grid-template-columns: repeat(2, minmax(0, 1fr)) } }
figure { margin: 0; max-width: 36rem }
img { display: block; width: 100%; height: auto }
figcaption { color: var(--faint); font-size: .9rem; margin-top: .4rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .3rem .4rem; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { padding-left: 0 }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom }
tbody th { font-weight: 400; text-align: left }
thead th:first-child, .words th, .words td { text-align: left }
.numbers td { white-space: nowrap }
.words td { vertical-align: top }
.words th { vertical-align: top; white-space: nowrap }
.words td { min-width: 5.5rem }
[scope=colgroup], thead td { border-bottom: 0; padding-bottom: 0 }
code { font-size: .95em }
summary { cursor: pointer; color: var(--accent) }
@media (max-width: 30rem) {
  table { font-size: .82rem }
  th, td { padding: .25rem .35rem } }
footer { margin-top: 3rem; color: var(--faint); font-size: .85rem }
@media (max-width: 62rem) { #worst { order: -1 } }
@media print {
  body { font-size: 10pt }
  main { max-width: none; padding: 0 }
  figure, tr, dl > div { break-inside: avoid }
  h2, h3 { break-after: avoid }
  .both, .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem }
  .scroll { overflow: visible }
  table { font-size: 8.5pt }
  th, td { padding: .15rem .4rem } }
"""
