import { KEPT_SAMPLES, type RankShare, type TimelineSample } from "../watch/timeline.js";
import { type Html, html } from "./html.js";

const WIDTH = 960;
const LABEL = 64;
const LANE = 34;
const LANE_GAP = 8;
const COLUMN = (WIDTH - LABEL) / KEPT_SAMPLES;
const LAG_HEIGHT = 40;

/** What a rank's time goes to, in the order in which it is stacked. */
const PARTS = [
  { name: "write", title: "pooling" },
  { name: "finish", title: "reducing, stage" },
  { name: "credit", title: "waits for credit: others are behind" },
  { name: "data", title: "waits for messages" },
] as const;

/** What part of a rank's time the full height of a lane may stand for. */
const SCALES = [0.05, 0.1, 0.25, 0.5, 1];

/** The smallest scale on which all samples fit. */
function scaleOf(samples: readonly TimelineSample[]): number {
  let most = 0;
  for (const { ranks } of samples)
    for (const { write, finish, credit, data } of ranks) most = Math.max(most, write + finish + credit + data);
  return SCALES.find((scale) => scale >= most) ?? 1;
}

/** A lane for each rank: where each second of the last two minutes went. */
export function timelineChart(samples: readonly TimelineSample[]): Html {
  const scale = scaleOf(samples);
  const ranks = samples.at(-1)?.ranks.length ?? 0;
  const height = ranks * (LANE + LANE_GAP) + 14;
  const lanes = Array.from({ length: ranks }, (_, rank) => {
    const top = rank * (LANE + LANE_GAP);
    const bars = samples.map((sample, n) => {
      const x = WIDTH - (samples.length - n) * COLUMN;
      return sample.ranks[rank] === undefined ? html`` : stack(sample.ranks[rank], { x, bottom: top + LANE, scale });
    });
    return html`<text x="0" y="${top + LANE / 2 + 4}">rank ${rank}</text><rect class="track" x="${LABEL}" y="${top}" width="${WIDTH - LABEL}" height="${LANE}"/>${bars}`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="What each rank did, second by second">${lanes}<text x="${LABEL}" y="${height - 2}">${KEPT_SAMPLES} s ago; full height: ${scale * 100} % of the time</text><text x="${WIDTH}" y="${height - 2}" text-anchor="end">now</text></svg>`;
}

function stack(share: RankShare, { x, bottom, scale }: { x: number; bottom: number; scale: number }): Html {
  let y = bottom;
  const bars = PARTS.flatMap(({ name }) => {
    const height = (share[name] / scale) * LANE;
    if (height < 0.05) return [];
    y = Math.max(bottom - LANE, y - height);
    return [
      html`<rect class="${name}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(COLUMN - 0.5).toFixed(1)}" height="${height.toFixed(1)}"/>`,
    ];
  });
  return html`${bars}`;
}

/** What the colours mean. */
export function timelineKey(): Html {
  return html`<p class="quiet">${PARTS.map(({ name, title }) => html`<svg class="key" viewBox="0 0 1 1" preserveAspectRatio="none"><rect class="${name}" width="1" height="1"/></svg>${title}`)} &middot; blank: idle</p>`;
}

/** The largest lag of a rank, second by second. */
export function lagChart(samples: readonly TimelineSample[], lagBound: number): Html {
  const lags = samples.map(({ ranks }) => Math.max(0, ...ranks.map(({ lagSteps }) => lagSteps)));
  const most = Math.max(lagBound, ...lags, 1);
  const points = lags.map(
    (lag, n) => `${(WIDTH - (lags.length - 1 - n) * COLUMN).toFixed(1)},${(LAG_HEIGHT - 2 - (lag / most) * (LAG_HEIGHT - 6)).toFixed(1)}`,
  );
  return html`<svg viewBox="0 0 ${WIDTH} ${LAG_HEIGHT}" role="img" aria-label="Lag of the slowest rank"><text x="0" y="${LAG_HEIGHT - 4}">lag 0..${most}</text><rect class="track" x="${LABEL}" y="0" width="${WIDTH - LABEL}" height="${LAG_HEIGHT}"/><polyline class="lag" points="${points.join(" ")}"/></svg>`;
}
