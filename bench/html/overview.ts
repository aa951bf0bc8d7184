/** Charts over several groups of a suite. */
import type { CaseReport, Facts, Group, Report } from "../report.js";
import { lineChart, type Series } from "./charts.js";
import { html, type Markup } from "./markup.js";

/** Rates over the lag bound, and rates over dim and row format, where a suite's groups have such cases. */
export function overview({ groups }: Report): Markup {
  return html`${lagChart(groups)}${formatChart(groups)}`;
}

/** Each group a line: the rate with a lag bound / the rate with lag bound 0. */
function lagChart(groups: readonly Group[]): Markup | undefined {
  const lines = groups.flatMap(({ name, cases }) => {
    const rates = new Map(
      cases.flatMap((one) => (typeof one.facts.lagBound === "number" ? [[one.facts.lagBound, one.summary.median]] : [])),
    );
    const synchronous = rates.get(0);
    return synchronous === undefined || rates.size < 2 ? [] : [{ name, rates, synchronous }];
  });
  if (lines.length === 0) return undefined;
  const bounds = [...new Set(lines.flatMap(({ rates }) => [...rates.keys()]))].sort((a, b) => a - b);
  const series = lines.map(({ name, rates, synchronous }) => ({
    name,
    values: bounds.map((bound) => {
      const rate = rates.get(bound);
      return rate === undefined ? undefined : rate / synchronous;
    }),
  }));
  return html`<figure>${lineChart(bounds.map(String), series, { x: "lag bound", y: "rate / rate with lag bound 0" })}
<figcaption>Rate against lag bound: medians, over those of the synchronous alltoallv.</figcaption></figure>`;
}

/** Each row format a line over the dims; of cases with facts `format` and `dim`, their own or their group's. One chart for each other name that they have. */
function formatChart(groups: readonly Group[]): Markup | undefined {
  const points = groups.flatMap(({ cases, facts }) => cases.flatMap((one) => pointOf(one, facts)));
  const formats = [...new Set(points.map(({ format }) => format))];
  const dims = [...new Set(points.map(({ dim }) => dim))].sort((a, b) => a - b);
  if (formats.length < 2 || dims.length === 0) return undefined;
  const series: Series[] = formats.map((format) => ({
    name: format,
    values: dims.map((dim) => points.find((point) => point.format === format && point.dim === dim)?.rate),
  }));
  return html`<figure>${lineChart(dims.map(String), series, { x: "dim", y: "Mrows/s" })}
<figcaption>Throughput by dim and row format, medians.</figcaption></figure>`;
}

function pointOf(one: CaseReport, group: Facts): { format: string; dim: number; rate: number }[] {
  const format = one.facts.format ?? group.format;
  const dim = one.facts.dim ?? group.dim;
  if (typeof format !== "string" || typeof dim !== "number" || one.unit !== "rows/s") return [];
  return [{ format, dim, rate: one.summary.median / 1e6 }];
}
