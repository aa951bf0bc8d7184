/** What is said about the rounds of a measurement. The median and the spread, no mean: one stolen core would move it. */
export interface Summary {
  rounds: number;
  median: number;
  min: number;
  /** A quarter of the rounds lies below. */
  q1: number;
  /** A quarter of the rounds lies above. */
  q3: number;
  max: number;
}

/** The value below which the share `q` of ascending values lies, linear between neighbours. */
export function quantile(ascending: readonly number[], q: number): number {
  if (ascending.length === 0) throw new RangeError("quantile: got no values, expected at least one");
  const place = q * (ascending.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, ascending.length - 1);
  return ascending[below] + (place - below) * (ascending[above] - ascending[below]);
}

/** Leaves `values` as they are. */
export function summarise(values: readonly number[]): Summary {
  const ascending = values.toSorted((a, b) => a - b);
  const at = (q: number): number => quantile(ascending, q);
  return { rounds: values.length, median: at(0.5), min: at(0), q1: at(0.25), q3: at(0.75), max: at(1) };
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  return summarise(values).median;
}

/** of[n] / to[n]: what happened in round n to both, a busy neighbour for instance, cancels out. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  if (of.length !== to.length) throw new RangeError(`ratios: got ${of.length} and ${to.length} rounds, expected as many of each`);
  return of.map((value, round) => value / to[round]);
}
