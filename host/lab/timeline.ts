import type { StepTrace } from "../lag/history.js";

const WIDTH = 960;
const ROW_HEIGHT = 22;
const LEFT = 60;
const AXIS_HEIGHT = 22;
/** Steps take these colours in turn, so that it shows how far ranks are apart. */
const COLOURS = ["#3b6fb6", "#d98032", "#4c9a63", "#b8508c", "#8a76c9", "#8c8c3a"];
const MOST_TICKS = 10;

/**
 * The ranks' last steps as an SVG picture: a row a rank, a bar for each step from its stage's start to its end, thin ones where it pools. Bars of one
 * step have one colour on all ranks; gaps are waits.
 */
export function timeline(traces: readonly StepTrace[], label: string): string {
  if (traces.length === 0) return "";
  const times = traces.flatMap(({ ranks }) => ranks);
  // Ranks pool ahead of their stages, by as many steps as the bound allows: the picture begins with the first stage.
  const startMs = Math.min(...times.map(({ finishStartMs }) => finishStartMs));
  const endMs = Math.max(...times.map(({ finishEndMs }) => finishEndMs));
  const scale = (WIDTH - LEFT) / Math.max(endMs - startMs, 1e-3);
  const x = (ms: number): number => LEFT + (ms - startMs) * scale;
  const height = traces[0].ranks.length * ROW_HEIGHT + AXIS_HEIGHT;
  const bars = traces.flatMap(({ step, ranks }) =>
    ranks.flatMap(({ writeStartMs, writeEndMs, finishStartMs, finishEndMs }, rank) => {
      const y = rank * ROW_HEIGHT;
      const hue = `s${step % COLOURS.length}`;
      const bar = (from: number, to: number, top: number, bottom: number, what: string): string =>
        from < startMs
          ? ""
          : `<rect class="${hue}" x="${x(from).toFixed(2)}" y="${y + top}" width="${Math.max(0.4, (to - from) * scale).toFixed(2)}" height="${bottom - top}"><title>rank ${rank}, step ${step}: ${what} ${(to - from).toFixed(2)} ms</title></rect>`;
      return [bar(writeStartMs, writeEndMs, 9, 13, "pooled"), bar(finishStartMs, finishEndMs, 3, 19, "finished")];
    }),
  );
  const names = traces[0].ranks.map((_, rank) => `<text x="0" y="${rank * ROW_HEIGHT + 15}">rank ${rank}</text>`);
  const tickMs = niceStep((endMs - startMs) / MOST_TICKS);
  const ticks = Array.from({ length: Math.floor((endMs - startMs) / tickMs) + 1 }, (_, n) => {
    const at = x(startMs + n * tickMs).toFixed(2);
    return `<line x1="${at}" x2="${at}" y1="0" y2="${height - AXIS_HEIGHT}"/><text class="tick" x="${at}" y="${height - 6}">${Number((n * tickMs).toPrecision(4))} ms</text>`;
  });
  return `<svg class="timeline" viewBox="0 0 ${WIDTH + 40} ${height}" role="img" aria-label="${label}"><g class="grid">${ticks.join("")}</g>${names.join("")}${bars.join("")}</svg>`;
}

/** What a timeline looks like: rules for a page's style sheet, or for a file of its own. `ink` and `faint` are CSS colours. */
export function timelineStyle({ ink, faint }: { ink: string; faint: string }): string {
  const hues = COLOURS.map((colour, hue) => `.s${hue} { fill: ${colour}; }`).join(" ");
  return `svg text { fill: ${ink}; font: 12px system-ui, sans-serif; } svg .tick { text-anchor: middle; font-size: 11px; } .grid line { stroke: ${faint}; stroke-width: 0.6; } ${hues}`;
}

/** A timeline as a file of its own, readable on light and dark pages. */
export function timelineFile(traces: readonly StepTrace[], label: string): string {
  const style = timelineStyle({ ink: "#808894", faint: "#9aa1ac" });
  return `${timeline(traces, label)
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace(/(<svg[^>]*>)/, `$1<style>${style}</style>`)}\n`;
}

/** The next of 1, 2, 5, 10, 20, ... that is not below. */
function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(atLeast, 1e-6)));
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10);
}
