/** Puts values on an axis. */
export interface Scale {
  /** Where a value lies, in the chart's units. */
  at(value: number): number;
  /** Values with a line and a label, ascending. */
  ticks: number[];
}

/** About so many ticks on a linear axis. */
const TICKS = 5;

/** From 0 to a round number that is at least `most`. */
export function linearScale(most: number, [from, to]: readonly [number, number]): Scale {
  const top = most > 0 && Number.isFinite(most) ? most : 1;
  const step = roundStep(top / TICKS);
  const last = Math.ceil(top / step - 1e-9);
  const ticks = Array.from({ length: last + 1 }, (_, n) => n * step);
  return { at: (value) => from + (value / (last * step)) * (to - from), ticks };
}

/** Decades, or with little to show 1, 2, 5 in each. Values have to be above 0. */
export function logScale([least, most]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  const first = Math.floor(Math.log10(least) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(most) - 1e-9));
  const steps = last - first > 3 ? [1] : [1, 2, 5];
  const ticks = Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n))
    .flatMap((decade) => steps.map((step) => step * decade))
    .filter((tick) => tick <= 10 ** last * 1.0001);
  return { at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from), ticks };
}

/** 1, 2, 2.5 or 5 times a power of ten, at least `least`. */
function roundStep(least: number): number {
  const decade = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 2.5, 5].find((step) => step * decade >= least * 0.999) ?? 10) * decade;
}

/** A tick's label: 0, 0.5, 200, 2k, 3M. */
export function tickLabel(value: number): string {
  if (value >= 1e6) return `${short(value / 1e6)}M`;
  if (value >= 1e3) return `${short(value / 1e3)}k`;
  return short(value);
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
