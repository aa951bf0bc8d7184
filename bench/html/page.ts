import { writeFileSync } from "node:fs";
import { type ComparedReports, countVerdicts } from "../compare/compare.js";
import { formatChange } from "../compare/print.js";
import type { Report } from "../report.js";
import { formatNumber } from "../text-table.js";
import { groupSection } from "./group.js";
import { html, Markup } from "./markup.js";
import { overview } from "./overview.js";
import { STYLE } from "./style.js";

/** A comparison with the file that it was made with. */
export interface PageComparison {
  before: string;
  what: ComparedReports;
}

/** Writes reports as one page that needs nothing else: no script, no request, charts inline. */
export function writePage(file: string, reports: readonly Report[], compared?: PageComparison): void {
  writeFileSync(file, renderPage(reports, compared));
}

export function renderPage(reports: readonly Report[], compared?: PageComparison): string {
  const title = `lagbag bench: ${reports.map(({ suite }) => suite).join(", ")}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="soft">Figures of one table were measured in the same rounds, in turns; compare within a table, and ratios rather than rates. Goals are wishes, not tests.</p>
<nav>${reports.map((report, n) => html`<p><a href="#r${n}">${report.suite}</a>${report.groups.map((group) => html`<a href="#${idOf(n, group.name)}">${group.name}</a> `)}</p>`)}${compared === undefined ? undefined : html`<a href="#compared">comparison</a>`}</nav>
${reports.map(reportSection)}
${compared === undefined ? undefined : comparedSection(compared)}
</main>
</body>
</html>
`;
  return page.text;
}

function idOf(report: number, group: string): string {
  return `r${report}-${group}`;
}

function reportSection(report: Report, n: number): Markup {
  const { suite, groups, quick } = report;
  return html`<h2 id="r${n}">${suite}</h2>
${quick ? html`<p class="missed">--quick: smaller data, few rounds. These figures show that all works, and measure little.</p>` : undefined}
${machineList(report)}
${overview(report)}
${groups.map((group) => groupSection(group, idOf(n, group.name)))}`;
}

function machineList({ suite, machine, seed, quick, options, startedAt }: Report): Markup {
  const { cpu, cores, lastLevelCacheBytes: cache, memoryBytes, loadAverage, os, node, v8, commit } = machine;
  const asked = Object.entries(options).flatMap(([name, value]) => (value === "" ? [] : [`--${name} ${value}`]));
  const entries: [string, string][] = [
    ["command", `npm run bench -- ${[suite, ...asked, `--seed ${seed}`, ...(quick ? ["--quick"] : [])].join(" ")}`],
    ["started", startedAt],
    [
      "processor",
      `${cpu}, ${cores} core${cores === 1 ? "" : "s"}${cache === undefined ? "" : `, ${(cache / 2 ** 20).toFixed(0)} MiB last-level cache`}`,
    ],
    ["memory", `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ["system", os],
    ["Node", `${node}, V8 ${v8}`],
    ["commit", commit ?? "unknown"],
    [
      "load average",
      `${loadAverage.toFixed(2)} at the start${loadAverage > cores / 2 ? ": others were at work, expect wide spreads" : ""}`,
    ],
  ];
  return html`<dl>${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function comparedSection({ before, what }: PageComparison): Markup {
  const { differences, figures, ratiosOnly, missing } = what;
  const counts = countVerdicts(what);
  return html`<section id="compared"><h2>Against ${before}</h2>
<p>${counts.better} better, ${counts.same} the same, ${counts.worse} worse, ${counts.unclear} unclear.</p>
${differences.map((line) => html`<p class="soft">differs: ${line}</p>`)}
${ratiosOnly ? html`<p class="soft">The machines differ, so only ratios within a run are compared.</p>` : undefined}
${missing.map((line) => html`<p class="soft">not compared: ${line}</p>`)}
<div class="scroll"><table><thead><tr><th>figure</th><th></th><th>before</th><th>now</th><th>change (99 %)</th><th></th></tr></thead><tbody>
${figures.map((one) => html`<tr><td>${one.group}: ${one.name}</td><td>${one.kind}</td><td>${formatNumber(one.before)}</td><td>${formatNumber(one.after)}</td><td>${formatChange(one)}</td><td class="${one.verdict}">${one.verdict}</td></tr>`)}
</tbody></table></div></section>`;
}
