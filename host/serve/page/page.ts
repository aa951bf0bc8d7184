import type { Model } from "../model/model.js";
import type { Repository } from "../model/repository.js";
import type { HotFeatures } from "../watch/hot.js";
import type { Timeline } from "../watch/timeline.js";
import { lagChart, timelineChart, timelineKey } from "./chart.js";
import { type Html, html } from "./html.js";
import { POLICY, STYLE } from "./style.js";

const REFRESH_SECONDS = 2;
const MIB = 2 ** 20;
/** Tables and features that are shown of a model. */
const MOST_SHOWN = 32;

/** What the page tells of. */
export interface PageParts {
  repository: Repository;
  timeline: Timeline;
  hot: HotFeatures;
  version: string;
  startedAt: Date;
}

/** The status page, and the policy that it is sent with. */
export function renderPage(parts: PageParts): { html: string; policy: string } {
  const { repository, version, startedAt } = parts;
  const state = repository.ready
    ? html`<span class="good">ready</span>`
    : html`<span class="bad">${repository.draining ? "draining" : repository.live ? "loading" : "not live"}</span>`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}"><title>lagbag</title><style>__STYLE__</style></head>
<body><main><header><h1>lagbag ${version}</h1>${state}<span class="quiet">up since ${startedAt.toISOString().slice(0, 19)}Z</span></header>
${repository.models.map((model) => modelSection(model, parts))}
</main></body></html>`;
  return { html: page.text.replace("__STYLE__", () => STYLE), policy: POLICY };
}

function modelSection(model: Model, { timeline, hot }: PageParts): Html {
  const samples = timeline.of(model);
  return html`<section><div><h2>${model.name}</h2><span class="quiet">version ${model.version}, ${model.shapes.map(({ kind }) => kind).join(" and ")}</span>
<span class="${model.state === "READY" ? "good" : "bad"}">${model.state}</span><span class="bad">${model.reason}</span></div>
${figures(model, samples.at(-1))}
<h3>Ranks</h3>${samples.length === 0 ? html`<p class="quiet">no samples yet</p>` : html`${timelineChart(samples)}${timelineKey()}<h3>Lag</h3>${lagChart(samples, model.stats()?.lag.lagBound ?? 0)}`}
<h3>Hot features</h3>${hotTable(model, hot)}
<h3>Tables</h3>${tablesTable(model)}</section>`;
}

function figures(model: Model, latest: { lookupsPerSecond: number; samplesPerSecond: number; queued: number } | undefined): Html {
  const stats = model.stats();
  if (stats === undefined) return html``;
  const figure = (name: string, value: string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  const { success, fail } = model.statistics;
  return html`<dl>${[
    figure("requests answered", count(success.count)),
    figure("refused or failed", count(fail.count)),
    figure("requests/s", count(latest?.lookupsPerSecond ?? 0)),
    figure("samples/s", count(latest?.samplesPerSecond ?? 0)),
    figure("mean ms", success.count === 0 ? "-" : (success.ns / success.count / 1e6).toFixed(3)),
    figure("queued", count(stats.queuedLookups)),
    figure("tables", `${count(stats.memory.tableBytes / MIB)} MiB`),
    figure("exchange in use", `${count(stats.memory.heapUsedBytes / MIB)} of ${count(stats.memory.heapBytes / MIB)} MiB`),
  ]}</dl>`;
}

function hotTable(model: Model, hot: HotFeatures): Html {
  const features = hot.of(model);
  if (features.length === 0) return html`<p class="quiet">no lookups seen yet</p>`;
  const all = features.reduce((sum, { rows }) => sum + rows, 0);
  const rows = features.slice(0, MOST_SHOWN).map(({ feature, rows: own, top }) => {
    const shown = top.map(({ row, share }) => `${row} (${(share * 100).toFixed(0)} %)`).join(", ");
    return html`<tr><td>${feature}</td><td class="n">${((own / Math.max(1, all)) * 100).toFixed(1)} %</td><td>${shown}</td></tr>`;
  });
  return html`<div class="scroll"><table><tr><th>feature</th><th class="n">of all rows</th><th>rows asked for most (one lookup in 16)</th></tr>${rows}</table></div>`;
}

function tablesTable(model: Model): Html {
  const rows = model.tables.slice(0, MOST_SHOWN).map(({ name, numRows, dim }) => {
    const placed = model.plan?.tables.find((table) => table.name === name);
    const ranks = placed === undefined ? "" : [...new Set(placed.shards.map((shard) => model.plan?.shards[shard].rank))].join(", ");
    return html`<tr><td>${name}</td><td class="n">${count(numRows)}</td><td class="n">${dim}</td><td>${placed?.by ?? ""}</td><td>${ranks}</td></tr>`;
  });
  const more = model.tables.length - rows.length;
  return html`<div class="scroll"><table><tr><th>table</th><th class="n">rows</th><th class="n">dim</th><th>cut by</th><th>ranks</th></tr>${rows}</table></div>${more > 0 ? html`<p class="quiet">and ${more} more</p>` : html``}`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
