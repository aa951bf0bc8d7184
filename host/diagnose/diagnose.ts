import type { CoreShare } from "../lag/history.js";
import type { StepTimes } from "../lag/simulate.js";
import { candidates, choose, type LagPrediction, predict } from "../lag/tuner.js";
import type { Plan } from "../plan/plan.js";

/** What may be wrong. */
export type FindingKind = "transient-delay" | "persistent-overload" | "hot-rows" | "starved-machine";

/** Something that costs time, and what helps. */
export interface Finding {
  kind: FindingKind;
  /** The ranks it is about. */
  ranks: number[];
  /** What was seen, with its numbers. One sentence. */
  evidence: string;
  /** What helps. One sentence. */
  remedy: string;
  /** transient-delay: the bound to open with. */
  lagBound?: number;
  /** persistent-overload by pooling: the plan for the lookups that were counted; its lookupsPerSample are in `lookupsPerSample`. */
  plan?: Plan;
  /** For TableOptions.lookupsPerSample, table by table, as counted. */
  lookupsPerSample?: number[];
  /** hot-rows: the table, and its rows that are asked for most, with their share of its lookups. */
  table?: string;
  hotRows?: { row: number; share: number }[];
}

/** What the last steps show. */
export interface Diagnosis {
  /** Steps that were looked at; below 64 there are no findings. */
  steps: number;
  /** The costliest first; none: the ranks are balanced. */
  findings: Finding[];
  /** All of it for people. */
  toString(): string;
}

/** What a diagnosis is made from. */
export interface DiagnosisInput {
  times: StepTimes;
  /** The bound in force. */
  lagBound: number;
  maxLagBound: number;
  plan: Plan;
  /** Rows that samples ask for, by table, as counted: null before any. */
  lookupsPerSample: readonly number[] | null;
  /** Makes the plan for these lookups. */
  replan: (lookupsPerSample: readonly number[]) => Plan;
  /** By table: the share of its lookups that each of its shards got, and its hottest rows; only tables cut by rows. */
  cutByRows: readonly { table: number; shardShares: readonly number[]; hotRows: readonly { row: number; share: number }[] }[];
  /** What the cores gave each rank during these steps; zeros, or none at all, where the system does not tell. */
  cores: readonly CoreShare[];
  /** Cores of the machine that this process may use. */
  parallelism: number;
}

const LEAST_STEPS = 64;
/** A rank is persistently late when it is the slowest in so many of the steps ... */
const SLOWEST_SHARE = 0.7;
/** ... by so much over the others' median. */
const SLOWER_BY = 1.2;
/** More lag is worth a finding when it promises this. */
const LAG_GAIN = 1.1;
/** A rank that waits for a core this part of the time in which it could run is starved ... */
const STARVED_SHARE = 0.2;
/** ... if that is this part of all time: one that hardly ever wants a core is not late because it waits for it. */
const STARVED_OF_ALL = 0.1;
/** Ranks look at their cores' times every 20 ms: less than some looks tell nothing. */
const STARVED_FROM_MS = 200;
/** A shard is hot when it gets this much more than its share of the rows. */
const HOT_SHARD = 1.3;
const MOST_LAG = 64;

/** Says what costs time. Pure. */
export function diagnose(input: DiagnosisInput): Diagnosis {
  const { times } = input;
  const findings = times.steps < LEAST_STEPS || times.ranks <= 1 ? [] : [...starved(input), ...overloaded(input), ...delayed(input)];
  const diagnosis: Diagnosis = { steps: times.steps, findings };
  Object.defineProperty(diagnosis, "toString", { value: () => print(diagnosis, times.ranks) });
  return diagnosis;
}

function print({ steps, findings }: Diagnosis, ranks: number): string {
  if (ranks === 0) return "no ranks: all lookups run on the caller's thread";
  if (ranks === 1) return "one rank: nobody waits for anybody";
  if (steps < LEAST_STEPS) return `too few steps: got ${steps}, expected at least ${LEAST_STEPS}`;
  if (findings.length === 0) return `the last ${steps} steps: the ranks are balanced`;
  return findings.map(({ kind, evidence, remedy }) => `${kind}: ${evidence}\n  remedy: ${remedy}`).join("\n");
}

function starved({ cores, parallelism, times }: DiagnosisInput): Finding[] {
  const share = cores.map(({ coreMs, waitForCoreMs }) => waitForCoreMs / Math.max(coreMs + waitForCoreMs, Number.MIN_VALUE));
  const ranks = cores.flatMap(({ elapsedMs, waitForCoreMs }, rank) =>
    elapsedMs >= STARVED_FROM_MS && share[rank] >= STARVED_SHARE && waitForCoreMs >= STARVED_OF_ALL * elapsedMs ? [rank] : [],
  );
  if (ranks.length === 0) return [];
  const worst = Math.max(...ranks.map((rank) => share[rank]));
  const fewer =
    times.ranks > parallelism
      ? `open with ${parallelism} ranks, one a core`
      : "give the process the cores to itself, or open with fewer ranks";
  return [
    {
      kind: "starved-machine",
      ranks,
      evidence: `${names(ranks)} waited for a core up to ${percent(worst)} of the time in which they could run; ${times.ranks} ranks and the caller share ${parallelism} cores`,
      remedy: fewer,
    },
  ];
}

/** Each rank's time in a step. */
function busyOf({ ranks, steps, writeMs, finishMs }: StepTimes, part: "all" | "write"): number[][] {
  return Array.from({ length: ranks }, (_, rank) =>
    Array.from({ length: steps }, (_, step) => writeMs[step * ranks + rank] + (part === "all" ? finishMs[step * ranks + rank] : 0)),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Ranks that are the slowest in most of the steps, by far. */
function persistentlyLate(times: StepTimes): { rank: number; factor: number }[] {
  const busy = busyOf(times, "all");
  return busy.flatMap((own, rank) => {
    const others = busy.filter((_, other) => other !== rank);
    const slowest = own.filter((ms, step) => ms > SLOWER_BY * Math.max(...others.map((other) => other[step]))).length;
    const factor = median(own) / Math.max(median(others.flat()), Number.MIN_VALUE);
    return slowest >= SLOWEST_SHARE * times.steps && factor >= SLOWER_BY ? [{ rank, factor }] : [];
  });
}

function overloaded(input: DiagnosisInput): Finding[] {
  return persistentlyLate(input.times).map(({ rank, factor }) => {
    const own = busyOf(input.times, "all")[rank];
    const pooling = median(busyOf(input.times, "write")[rank]) / Math.max(median(own), Number.MIN_VALUE);
    const seen = `rank ${rank} takes ${factor.toFixed(2)} times as long as the others, in most steps: every lag bound runs at its pace`;
    if (pooling < 0.5) {
      return {
        kind: "persistent-overload",
        ranks: [rank],
        evidence: `${seen}; ${percent(1 - pooling)} of it is the stage`,
        remedy: "no plan helps, for all ranks have slices of one size: look at the stage, or at the core, of this rank",
      } as const;
    }
    return hotRows(input, rank, seen) ?? replanned(input, rank, seen);
  });
}

/** The rank is late because a shard of a table that is cut by rows has the rows that everybody asks for. */
function hotRows({ plan, cutByRows }: DiagnosisInput, rank: number, seen: string): Finding | undefined {
  for (const { table, shardShares, hotRows: rows } of cutByRows) {
    const { name, shards } = plan.tables[table];
    const all = shards.reduce((sum, shard) => sum + plan.shards[shard].rowCount, 0);
    const hot = shards.findIndex((shard, n) => {
      const { rank: owner, rowCount } = plan.shards[shard];
      return owner === rank && shardShares[n] >= (HOT_SHARD * rowCount) / all;
    });
    if (hot < 0) continue;
    const { firstRow, rowCount } = plan.shards[shards[hot]];
    const top = rows.filter(({ row }) => row >= firstRow && row < firstRow + rowCount).slice(0, 16);
    return {
      kind: "hot-rows",
      ranks: [rank],
      table: name,
      hotRows: top,
      evidence: `${seen}; its rows ${firstRow} to ${firstRow + rowCount - 1} of table "${name}" get ${percent(shardShares[hot])} of that table's lookups, the ${top.length} hottest of them ${percent(top.reduce((sum, { share }) => sum + share, 0))}`,
      remedy: `replicate the table: engine.replicate([${JSON.stringify(name)}]) does it at once, for every rank may read all rows, and replicated: true on opening`,
    };
  }
  return undefined;
}

function replanned({ lookupsPerSample, replan, plan }: DiagnosisInput, rank: number, seen: string): Finding {
  const finding: Finding = { kind: "persistent-overload", ranks: [rank], evidence: `${seen}; it is pooling`, remedy: "" };
  if (lookupsPerSample === null) return { ...finding, remedy: "give the planner lookupsPerSample, or split its largest table" };
  const next = replan(lookupsPerSample);
  const better = next.imbalance.gatheredBytes;
  return {
    ...finding,
    plan: next,
    lookupsPerSample: [...lookupsPerSample],
    remedy: `open with these lookupsPerSample (${lookupsPerSample.map((n) => Number(n.toPrecision(3))).join(", ")}), and sharding "auto" where it is fixed: the plan then gathers ${better.toFixed(2)} times the mean on its busiest rank, it was planned for ${plan.imbalance.gatheredBytes.toFixed(2)}`,
  };
}

/** Delays that come and go: what more lag would gain. */
function delayed({ times, lagBound, maxLagBound }: DiagnosisInput): Finding[] {
  const bounds = [...new Set([...candidates(Math.max(MOST_LAG, maxLagBound)), lagBound])].sort((a, b) => a - b);
  const predictions = bounds.map((bound) => predict(times, bound));
  const rateAt = (bound: number): number => predictions.find((one) => one.lagBound === bound)?.stepsPerSecond ?? 0;
  const { lagBound: better } = choose(predictions, { latencyBudgetMs: Number.POSITIVE_INFINITY }, times.steps);
  const gain = rateAt(better) / Math.max(rateAt(lagBound), Number.MIN_VALUE);
  if (better <= lagBound || gain < LAG_GAIN) return [];
  const late = latestRanks(times);
  return [
    {
      kind: "transient-delay",
      ranks: late,
      lagBound: better,
      evidence: `${names(late)} ${late.length === 1 ? "is" : "are"} late now and then; ${compare(predictions, lagBound, better)}`,
      remedy: `lagBound ${better}${better > maxLagBound ? "" : " (the windows have room for it)"}, or "auto"`,
    },
  ];
}

function compare(predictions: readonly LagPrediction[], lagBound: number, better: number): string {
  const rate = (bound: number): string => (predictions.find((one) => one.lagBound === bound)?.stepsPerSecond ?? 0).toFixed(0);
  return `by their times lag bound ${lagBound} gives at most ${rate(lagBound)} steps/s, lag bound ${better} gives ${rate(better)}`;
}

/** The ranks that were the slowest of a step at least half as often as their share. */
function latestRanks({ ranks, steps, writeMs, finishMs }: StepTimes): number[] {
  const times = new Array<number>(ranks).fill(0);
  for (let step = 0; step < steps; step += 1) {
    let slowest = 0;
    for (let rank = 1; rank < ranks; rank += 1) {
      const [a, b] = [step * ranks + rank, step * ranks + slowest];
      if (writeMs[a] + finishMs[a] > writeMs[b] + finishMs[b]) slowest = rank;
    }
    times[slowest] += 1;
  }
  return times.flatMap((count, rank) => (count >= steps / (2 * ranks) ? [rank] : []));
}

function names(ranks: readonly number[]): string {
  return `rank${ranks.length === 1 ? "" : "s"} ${ranks.join(", ")}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
