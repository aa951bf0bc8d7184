import { burnCore } from "./burner.js";
import { predict, timesOf, type WayResult } from "./measure.js";
import { type DelayOptions, planDelays, poissonArrivals, type Scenario } from "./scenarios.js";
import type { Sleep, Spending } from "./stage.js";
import { Subject, type Way } from "./subject.js";
import { type Hot, type Messages, makeWorkload } from "./workload.js";

/** What one laboratory run compares. */
export interface LabOptions extends DelayOptions {
  scenario: Scenario;
  messages: Messages;
  /** "closed": lookups come as fast as they end; a number: Poisson arrivals at this fraction of the synchronous rate. */
  load: "closed" | number;
  /** How stages spend their time where they do not compute; default "block". Ways that hedge need that. */
  sleep?: Sleep;
  ways: readonly Way[];
  rounds: number;
  onProgress?: (text: string) => void;
}

/** What came of it. */
export interface LabResult {
  options: Omit<LabOptions, "onProgress">;
  /** In the order of options.ways. */
  ways: WayResult[];
  /** Lookups a second that were due; undefined in a closed loop. */
  arrivalsPerSecond: number | undefined;
}

const HOT: Partial<Record<Scenario, Hot>> = { skew: "table", rows: "rows" };

/**
 * Runs a scenario in every way, interleaved: a round has a run of each, on the same delays and, with an open loop, the same arrivals. One
 * run before the first warms up and does not count: threads, compilers, and what "auto" has to learn. With an open loop a second one of the first way
 * tells its rate.
 */
export async function runLab(options: LabOptions): Promise<LabResult> {
  const { scenario, messages, load, sleep = "block", ways, rounds, seed, onProgress = () => undefined, ...rest } = options;
  const spending: Spending = scenario === "core" ? "compute" : sleep;
  const workload = makeWorkload({ messages, hot: HOT[scenario] ?? "nothing", seed });
  const subjects: Subject[] = [];
  const stopBurner = scenario === "core" ? burnCore() : undefined;
  try {
    for (const way of ways) subjects.push(await Subject.open(way, { workload, spending, ...rest }));
    const results = ways.map((way): WayResult => ({ name: way.name, lagBound: 0, runs: [], predicted: [] }));
    let arrivalsPerSecond: number | undefined;
    const warmUp = planDelays(scenario, { ...options, seed: seed + 1_000_003 });
    for (const subject of subjects) {
      onProgress(`${scenario}: warming up, ${subject.way.name}`);
      await subject.run(warmUp);
    }
    if (load !== "closed") {
      onProgress(`${scenario}: measuring the rate, ${subjects[0].way.name}`);
      arrivalsPerSecond = (await subjects[0].run(warmUp)).stepsPerSecond * load;
    }
    for (let round = 0; round < rounds; round += 1) {
      const planned = planDelays(scenario, { ...options, seed: seed + round });
      const arrivals =
        arrivalsPerSecond === undefined ? undefined : poissonArrivals(options.steps, { perSecond: arrivalsPerSecond, seed: seed + round });
      for (const index of order(subjects.length, round)) {
        onProgress(`${scenario}: round ${round + 1} of ${rounds}, ${subjects[index].way.name}`);
        const run = await subjects[index].run(planned, arrivals);
        results[index].runs.push(run);
        results[index].lagBound = run.lag.lagBound;
        results[index].predicted.push(predict(timesOf(run.traces, { asynchronous: spending === "promise" }), run.lag.lagBound));
      }
    }
    const { onProgress: _, ...plain } = options;
    return { options: plain, ways: results, arrivalsPerSecond };
  } finally {
    await Promise.all(subjects.map((subject) => subject.close()));
    await stopBurner?.();
  }
}

/** Every round begins with another way, and every second one runs backwards: what befalls one way befalls all. */
function order(count: number, round: number): number[] {
  const forward = Array.from({ length: count }, (_, n) => (n + round) % count);
  return round % 2 === 0 ? forward : forward.reverse();
}
