/** The page's one style sheet. Colours are variables, so that charts follow the reader's light or dark setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2330; --soft: #5b6577; --line: #dfe3ea; --panel: #f5f7fa;
  --good: #1a7f4b; --bad: #b3361e;
  --c1: #2563c9; --c2: #d9730d; --c3: #16907a; --c4: #a43fb0; --c5: #8a6d1f; --c6: #c93756; --c7: #5b6577; --c8: #4aa3df;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181f; --ink: #e4e8ef; --soft: #9aa5b8; --line: #2c3442; --panel: #1b212b;
    --good: #5fd39a; --bad: #ff8a70;
    --c1: #6ea8ff; --c2: #ffab5c; --c3: #4fd1b5; --c4: #d98be2; --c5: #d9b95c; --c6: #ff7f9a; --c7: #9aa5b8; --c8: #8fd0ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 21px; margin: 48px 0 4px; padding-top: 16px; border-top: 2px solid var(--line); }
h3 { font-size: 17px; margin: 36px 0 2px; }
h4 { font-size: 14px; margin: 22px 0 2px; }
p { margin: 4px 0; }
.soft, figcaption, .facts { color: var(--soft); font-size: 13px; }
nav { margin: 16px 0; font-size: 14px; }
nav a { margin-right: 14px; }
nav a:first-child { font-weight: 600; }
a { color: var(--c1); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; padding: 12px 16px; background: var(--panel); border-radius: 8px; font-size: 13px; }
dt { color: var(--soft); }
dd { margin: 0; }
figure { margin: 14px 0 18px; overflow-x: auto; }
svg { display: block; width: 100%; min-width: 560px; height: auto; font: 12px system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
svg text { fill: var(--ink); }
svg text.soft { fill: var(--soft); font-size: 11px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .whisker { stroke: var(--ink); stroke-width: 1.2; opacity: .65; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; margin: 10px 0; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 600; text-align: right; border-bottom: 1px solid var(--line); padding: 3px 0 3px 18px; white-space: nowrap; }
td { text-align: right; padding: 3px 0 3px 18px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; }
.met, .better { color: var(--good); font-weight: 600; }
.missed, .worse { color: var(--bad); font-weight: 600; }
.unclear { color: var(--soft); }
details { margin: 6px 0; font-size: 13px; }
summary { cursor: pointer; color: var(--soft); }
@media print { body { font-size: 12px; } figure, table { break-inside: avoid; } }
`;
