import type { StepTrace } from "../lag/history.js";
import type { LabResult } from "./lab.js";
import type { WayResult } from "./measure.js";
import { figuresOf, printLab } from "./print.js";
import { timeline, timelineStyle } from "./timeline.js";

/** Steps that a timeline shows. */
const SHOWN_STEPS = 40;

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2330; --faint: #c9ced8; --page: #fff; --bar: #3b6fb6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ee; --faint: #454b58; --page: #15181e; --bar: #7aa7e6; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1040px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 0.3rem; }
pre { font: 12.5px/1.45 ui-monospace, monospace; overflow-x: auto; padding: 0.8rem; border: 1px solid var(--faint); border-radius: 6px; }
svg { width: 100%; height: auto; } .bars rect { fill: var(--bar); }
${timelineStyle({ ink: "var(--ink)", faint: "var(--faint)" })}`;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

/** The steps of a way's last run that its picture shows. */
export function shownSteps({ runs }: WayResult): StepTrace[] {
  const { traces } = runs[runs.length - 1];
  const from = Math.max(0, Math.floor(traces.length / 2) - SHOWN_STEPS / 2);
  return traces.slice(from, from + SHOWN_STEPS);
}

/** Bars of one figure for all ways. */
function bars(rows: readonly { name: string; value: number }[], unit: string): string {
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const height = rows.length * 24;
  const body = rows.map(({ name, value }, n) => {
    const y = n * 24;
    return `<text x="0" y="${y + 16}">${escapeHtml(name)}</text><rect x="230" y="${y + 3}" width="${((value / most) * 620).toFixed(1)}" height="17"/><text x="${236 + (value / most) * 620}" y="${y + 16}">${Number(value.toPrecision(3))} ${unit}</text>`;
  });
  return `<svg class="bars" viewBox="0 0 960 ${height}" role="img" aria-label="${escapeHtml(unit)}">${body.join("")}</svg>`;
}

/** A page of its own: no script, nothing fetched. machine: lines about where it was measured. */
export function labPage(results: readonly LabResult[], machine: string): string {
  const sections = results.map((result) => {
    const { options, ways } = result;
    const figures = ways.map((way) => figuresOf(way, ways[0]));
    const pictures = ways.map((way) => {
      return `<h3>${escapeHtml(way.name)}</h3>${timeline(shownSteps(way), escapeHtml(`timeline of the ranks, ${way.name}`))}`;
    });
    return `<h2>${escapeHtml(options.scenario)}</h2><pre>${escapeHtml(printLab(result))}</pre>
<h3>Rate</h3>${bars(
      figures.map(({ name, stepsPerSecond }) => ({ name, value: stepsPerSecond })),
      "steps/s",
    )}
<h3>99th percentile of a lookup</h3>${bars(
      figures.map(({ name, p99Ms }) => ({ name, value: p99Ms })),
      "ms",
    )}
<h3>Ranks over ${SHOWN_STEPS} steps in the middle of the last round: a colour a step, gaps are waits</h3>${pictures.join("\n")}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>lagbag lab</title><style>${STYLE}</style></head>
<body><h1>lagbag lab: ranks that are late, and what a bounded lag makes of it</h1><pre>${escapeHtml(machine)}</pre>
${sections.join("\n")}
</body></html>
`;
}
