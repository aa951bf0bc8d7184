import { type CaseReport, type Comparison, type Facts, type Group, reachesGoal } from "../report.js";
import { formatCount, formatNumber } from "../text-table.js";
import { barChart, percentileChart, timelineChart } from "./charts.js";
import { html, type Markup } from "./markup.js";

/** Rates of rows are shown in millions. */
const MILLION = 1e6;

/** A group: what it is, its charts, its tables. */
export function groupSection(group: Group, id: string): Markup {
  const { name, description, facts, comparisons } = group;
  const cases = inOrder(group.cases);
  return html`<section id="${id}">
<h3>${name}</h3>
<p>${description}</p>
${chartsOf({ ...group, cases })}
${caseTable(cases, facts)}
${comparisons.length === 0 ? undefined : comparisonTable(comparisons)}
<details><summary>all rounds and facts</summary>${factList(facts)}${cases.map((one) => html`<p class="facts">${one.name} (${one.unit}): ${one.rounds.map(formatNumber).join(", ")}</p>${factList(one.facts)}`)}</details>
</section>`;
}

/** Lag bounds ascend; everything else stands as it was measured. */
function inOrder(cases: readonly CaseReport[]): CaseReport[] {
  const bound = ({ facts }: CaseReport): number => (typeof facts.lagBound === "number" ? facts.lagBound : Number.POSITIVE_INFINITY);
  return cases.toSorted((a, b) => (bound(a) === bound(b) ? 0 : bound(a) - bound(b)));
}

function chartsOf({ cases, timelines }: Group): Markup {
  const percentiles = cases.flatMap(({ name, facts: { p50Us, p99Us } }) =>
    typeof p50Us === "number" && typeof p99Us === "number" ? [{ name, p50: p50Us, p99: p99Us }] : [],
  );
  const { scale, unit } = unitOf(cases);
  const bars = cases.map(({ name, summary }) => ({
    name,
    value: summary.median / scale,
    min: summary.min / scale,
    max: summary.max / scale,
  }));
  const spans = timelines?.map(({ name, startsMs, endsMs }) => ({ name, starts: startsMs, ends: endsMs }));
  return html`<figure>${barChart(bars, unit)}<figcaption>Medians of the rounds; whiskers reach from the least to the largest.</figcaption></figure>
${percentiles.length === 0 ? undefined : html`<figure>${percentileChart(percentiles, "us")}<figcaption>Latency percentiles, medians over the rounds.</figcaption></figure>`}
${spans === undefined || spans.length === 0 ? undefined : html`<figure>${timelineChart(spans)}<figcaption>Some steps of one run of each: when each rank's stage began and ended. Ranks in step stand in columns; where a lag is allowed they slant.</figcaption></figure>`}`;
}

function caseTable(cases: readonly CaseReport[], facts: Facts): Markup {
  const { scale, unit } = unitOf(cases);
  const bytes = Number(facts.bytesPerBatch) / Number(facts.rowsPerBatch);
  const hasBytes = Number.isFinite(bytes) && cases.every((one) => one.unit === "rows/s");
  const hasLatency = cases.some((one) => one.facts.p50Us !== undefined);
  return html`<div class="scroll"><table><thead><tr><th>case</th><th>${unit}</th><th>min</th><th>quartiles</th><th>max</th>${hasBytes ? html`<th>GB/s</th>` : undefined}${hasLatency ? html`<th>p50 us</th><th>p99 us</th>` : undefined}</tr></thead><tbody>
${cases.map(({ name, summary, facts: own }) => {
  const [median, min, q1, q3, max] = [summary.median, summary.min, summary.q1, summary.q3, summary.max].map((value) =>
    formatNumber(value / scale),
  );
  return html`<tr><td>${name}</td><td>${median}</td><td>${min}</td><td>${q1} – ${q3}</td><td>${max}</td>${hasBytes ? html`<td>${formatNumber((summary.median * bytes) / 1e9)}</td>` : undefined}${hasLatency ? html`<td>${percentile(own.p50Us)}</td><td>${percentile(own.p99Us)}</td>` : undefined}</tr>`;
})}
</tbody></table></div>`;
}

function percentile(fact: Facts[string] | undefined): string {
  return typeof fact === "number" ? formatNumber(fact) : "-";
}

function comparisonTable(comparisons: readonly Comparison[]): Markup {
  return html`<div class="scroll"><table><thead><tr><th>ratio, round by round</th><th>median</th><th>min</th><th>max</th><th>goal</th><th></th></tr></thead><tbody>
${comparisons.map((one) => {
  const { of, to, what, summary, goal, lowerIsBetter } = one;
  const met = reachesGoal(one);
  return html`<tr><td>${what === undefined ? "" : `${what}, `}${of} / ${to}</td><td>${formatNumber(summary.median)}</td><td>${formatNumber(summary.min)}</td><td>${formatNumber(summary.max)}</td><td>${goal === undefined ? "" : `${lowerIsBetter ? "≤" : "≥"} ${goal}`}</td><td>${met === undefined ? undefined : met ? html`<span class="met">✓ reached</span>` : html`<span class="missed">✗ not reached</span>`}</td></tr>`;
})}
</tbody></table></div>`;
}

function factList(facts: Facts): Markup | undefined {
  const entries = Object.entries(facts);
  if (entries.length === 0) return undefined;
  return html`<p class="facts">${entries.map(([name, value]) => `${name}: ${factText(value)}`).join(" · ")}</p>`;
}

function factText(value: Facts[string]): string {
  if (typeof value === "number") return Number.isInteger(value) ? formatCount(value) : formatNumber(value);
  return typeof value === "string"
    ? value
    : value.map((one: number | string) => (typeof one === "number" ? formatNumber(one) : one)).join(", ");
}

/** How a group's rates are shown. */
export function unitOf(cases: readonly CaseReport[]): { scale: number; unit: string } {
  const unit = cases[0]?.unit ?? "rows/s";
  return unit === "rows/s" ? { scale: MILLION, unit: "Mrows/s" } : { scale: 1, unit };
}
