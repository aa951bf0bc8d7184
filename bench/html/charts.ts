/** Charts as inline SVG, made from numbers and names only. They take the width of the page; their units are CSS pixels at 952 of them. */
import { formatNumber } from "../text-table.js";
import { html, type Markup } from "./markup.js";
import { linearScale, logScale, type Scale, tickLabel } from "./scale.js";

export const CHART_WIDTH = 952;
const RIGHT = CHART_WIDTH - 90;
const ROW = 26;
const AXIS = 30;
/** About, in the chart's font. */
const CHAR_WIDTH = 6.7;
const LABEL_LIMIT = 330;

/** The colour of the n-th series. */
export function colour(series: number): string {
  return `var(--c${(series % 8) + 1})`;
}

/** A median with all that occurred. */
export interface Bar {
  name: string;
  value: number;
  min: number;
  max: number;
}

/** One bar a case, a whisker from the least to the largest round. */
export function barChart(bars: readonly Bar[], unit: string): Markup {
  const left = labelWidth(bars.map(({ name }) => name));
  const scale = linearScale(Math.max(...bars.map(({ max }) => max)), [left, RIGHT]);
  const height = bars.length * ROW + AXIS;
  return frame(`${unit}: ${bars.map(({ name, value }) => `${name} ${formatNumber(value)}`).join("; ")}`, height, [
    verticalGrid(scale, { height: bars.length * ROW, unit }),
    bars.map(({ name, value, min, max }, n) => {
      const y = n * ROW;
      const middle = y + ROW / 2;
      return html`<text x="${left - 10}" y="${middle + 4}" text-anchor="end">${clip(name)}</text>
<rect x="${left}" y="${y + 4}" width="${px(scale.at(value) - left)}" height="${ROW - 8}" rx="2" fill="${colour(n)}"><title>${name}: median ${formatNumber(value)}, ${formatNumber(min)} to ${formatNumber(max)} ${unit}</title></rect>
<path class="whisker" fill="none" d="M${px(scale.at(min))} ${middle}H${px(scale.at(max))}M${px(scale.at(min))} ${middle - 4}v8M${px(scale.at(max))} ${middle - 4}v8"/>
<text x="${px(scale.at(max) + 8)}" y="${middle + 4}">${formatNumber(value)}</text>`;
    }),
  ]);
}

/** Two percentiles of one case. */
export interface Percentiles {
  name: string;
  p50: number;
  p99: number;
}

/** A line from p50 to p99 for each case, on a logarithmic axis. */
export function percentileChart(rows: readonly Percentiles[], unit: string): Markup {
  const left = labelWidth(rows.map(({ name }) => name));
  const values = rows.flatMap(({ p50, p99 }) => [p50, p99]);
  const scale = logScale([Math.min(...values), Math.max(...values)], [left + 10, RIGHT]);
  const title = `${unit}: ${rows.map(({ name, p50, p99 }) => `${name} p50 ${formatNumber(p50)}, p99 ${formatNumber(p99)}`).join("; ")}`;
  return frame(title, rows.length * ROW + AXIS, [
    verticalGrid(scale, { height: rows.length * ROW, unit: `${unit}, logarithmic; filled: p50, hollow: p99` }),
    rows.map(({ name, p50, p99 }, n) => {
      const y = n * ROW + ROW / 2;
      return html`<text x="${left - 10}" y="${y + 4}" text-anchor="end">${clip(name)}</text>
<path d="M${px(scale.at(p50))} ${y}H${px(scale.at(p99))}" stroke="${colour(n)}" stroke-width="2" opacity=".5"/>
<circle cx="${px(scale.at(p50))}" cy="${y}" r="5" fill="${colour(n)}"><title>${name}: p50 ${formatNumber(p50)} ${unit}</title></circle>
<circle cx="${px(scale.at(p99))}" cy="${y}" r="4.5" fill="var(--page)" stroke="${colour(n)}" stroke-width="2"><title>${name}: p99 ${formatNumber(p99)} ${unit}</title></circle>
<text x="${px(scale.at(Math.max(p50, p99)) + 10)}" y="${y + 4}">${formatNumber(p50)} / ${formatNumber(p99)}</text>`;
    }),
  ]);
}

/** One line of a line chart; undefined where it has no value. */
export interface Series {
  name: string;
  values: readonly (number | undefined)[];
}

/** Lines over named places on the x axis, evenly spread, with a legend. */
export function lineChart(places: readonly string[], series: readonly Series[], axes: { x: string; y: string }): Markup {
  const left = 60;
  const right = CHART_WIDTH - labelWidth(series.map(({ name }) => name)) - 42;
  const bottom = 250;
  const most = Math.max(...series.flatMap(({ values }) => values.filter((value) => value !== undefined)));
  const scale = linearScale(most, [bottom, 24]);
  const x = (n: number): number => left + 30 + (n / Math.max(1, places.length - 1)) * (right - left - 60);
  const title = `${axes.y} over ${axes.x}: ${series.map(({ name, values }) => `${name} ${values.map((v) => (v === undefined ? "-" : formatNumber(v))).join(", ")}`).join("; ")}`;
  return frame(title, bottom + 44, [
    html`<text class="soft" x="${left}" y="12">${axes.y}</text>`,
    scale.ticks.map((tick) => {
      const y = px(scale.at(tick));
      return html`<path class="grid" d="M${left} ${y}H${right}"/><text class="soft" x="${left - 8}" y="${y + 4}" text-anchor="end">${tickLabel(tick)}</text>`;
    }),
    places.map((place, n) => html`<text class="soft" x="${px(x(n))}" y="${bottom + 18}" text-anchor="middle">${place}</text>`),
    html`<text class="soft" x="${(left + right) / 2}" y="${bottom + 36}" text-anchor="middle">${axes.x}</text>`,
    series.map(({ name, values }, s) => {
      const points = values.flatMap((value, n) =>
        value === undefined ? [] : [{ x: px(x(n)), y: px(scale.at(value)), value, place: places[n] }],
      );
      return html`<polyline fill="none" stroke="${colour(s)}" stroke-width="2.2" points="${points.map((p) => `${p.x},${p.y}`).join(" ")}"/>
${points.map((p) => html`<circle cx="${p.x}" cy="${p.y}" r="4" fill="${colour(s)}"><title>${name}, ${p.place}: ${formatNumber(p.value)}</title></circle>`)}
<rect x="${right + 20}" y="${24 + s * 22}" width="14" height="4" rx="2" fill="${colour(s)}"/><text x="${right + 42}" y="${31 + s * 22}">${clip(name)}</text>`;
    }),
  ]);
}

/** What ranks did when; starts and ends in milliseconds, [rank][step]. */
export interface RankSpans {
  name: string;
  starts: readonly (readonly number[])[];
  ends: readonly (readonly number[])[];
}

/** Bands of rank lanes over one time axis: each box is a rank's work in one step, shaded by the step, so that a lag is seen as a slant. */
export function timelineChart(bands: readonly RankSpans[]): Markup {
  const left = 70;
  const lane = 18;
  const endMs = Math.max(...bands.flatMap(({ ends }) => ends.flat()));
  const scale = linearScale(endMs, [left, CHART_WIDTH - 20]);
  let y = 0;
  const drawn: Markup[] = [];
  for (const [b, { name, starts, ends }] of bands.entries()) {
    drawn.push(html`<text x="${left}" y="${y + 14}">${name}</text>`);
    y += 20;
    for (const [rank, begins] of starts.entries()) {
      drawn.push(html`<text class="soft" x="${left - 8}" y="${y + 13}" text-anchor="end">rank ${rank}</text>`);
      for (const [step, begin] of begins.entries()) {
        const from = scale.at(begin);
        const width = Math.max(1, scale.at(ends[rank][step]) - from - 0.5);
        const shade = 0.35 + 0.65 * ((step % 4) / 3);
        drawn.push(
          html`<rect x="${px(from)}" y="${y + 2}" width="${px(width)}" height="${lane - 4}" rx="1" fill="${colour(b)}" opacity="${shade.toFixed(2)}"><title>rank ${rank}, step ${step}: ${formatNumber(begin)} to ${formatNumber(ends[rank][step])} ms</title></rect>`,
        );
      }
      y += lane;
    }
    y += 10;
  }
  const title = `Time of each rank's steps, ${bands.map(({ name }) => name).join("; ")}`;
  return frame(title, y + AXIS, [
    verticalGrid(scale, { height: y, unit: "ms since the first of these steps began; one box is one step of one rank" }),
    drawn,
  ]);
}

function frame(title: string, height: number, content: readonly (Markup | readonly Markup[])[]): Markup {
  return html`<svg viewBox="0 0 ${CHART_WIDTH} ${height}" role="img" aria-label="${title}">${content}</svg>`;
}

function verticalGrid(scale: Scale, { height, unit }: { height: number; unit: string }): Markup {
  const [first] = scale.ticks;
  return html`${scale.ticks.map((tick) => {
    const x = px(scale.at(tick));
    return html`<path class="grid" d="M${x} 0V${height}"/><text class="soft" x="${x}" y="${height + 13}" text-anchor="middle">${tickLabel(tick)}</text>`;
  })}<text class="soft" x="${px(scale.at(first))}" y="${height + 27}">${unit}</text>`;
}

function labelWidth(names: readonly string[]): number {
  return Math.min(LABEL_LIMIT, 14 + Math.max(...names.map((name) => clip(name).length)) * CHAR_WIDTH);
}

function clip(name: string): string {
  const most = Math.floor(LABEL_LIMIT / CHAR_WIDTH);
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}
