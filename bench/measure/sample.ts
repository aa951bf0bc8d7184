import Benchmark from "benchmark";

/**
 * Something that is timed: one run does `unitsPerRun` units of work. An external case runs elsewhere, in another process for instance, and
 * times itself: it resolves with the runs of a sample and the seconds that they took.
 */
export type TimedCase = { name: string; unitsPerRun: number } & (
  | { kind: "sync"; run: () => void }
  | { kind: "async"; run: () => Promise<void> }
  | { kind: "external"; run: (minSeconds: number) => Promise<{ runs: number; seconds: number }> }
);

/** How long a sample is to be. */
export interface SampleOptions {
  /** A sample is repeated with more runs until it takes this long. */
  minSeconds: number;
  /** Runs to begin with, best the `runs` of the sample before: then the first cycle is long enough. */
  firstRuns: number;
}

export interface Sample {
  unitsPerSecond: number;
  /** Runs that were timed. */
  runs: number;
}

/**
 * Takes one sample of a case with Benchmark.js, which repeats it in a compiled loop, by its own clock. Nothing of the case is handed over
 * as `setup` or `teardown`: these recompile the function's text, closures vanish, and what is timed then is an empty loop.
 * @throws (rejects) what the case threw; an Error when Benchmark.js timed nothing
 */
export async function takeSample(timed: TimedCase, options: SampleOptions): Promise<Sample> {
  if (timed.kind !== "external") return takeOwnSample(timed, options);
  const { runs, seconds } = await timed.run(options.minSeconds);
  if (!(runs > 0 && seconds > 0)) throw new Error(`${timed.name}: timed nothing: ${runs} runs, ${seconds} s`);
  return { unitsPerSecond: (runs * timed.unitsPerRun) / seconds, runs };
}

function takeOwnSample(timed: Exclude<TimedCase, { kind: "external" }>, { minSeconds, firstRuns }: SampleOptions): Promise<Sample> {
  return new Promise((resolve, reject) => {
    let failure: { cause: unknown } | undefined;
    const note = (cause: unknown): void => {
      failure ??= { cause };
    };
    const benchmark = new Benchmark(timed.name, {
      initCount: firstRuns,
      minTime: minSeconds,
      // One sample: the rounds are ours, so that the cases take turns.
      minSamples: 1,
      maxTime: 0,
      defer: timed.kind === "async",
      fn:
        timed.kind === "sync"
          ? () => {
              timed.run();
            }
          : (deferred: Benchmark.Deferred) => {
              // A deferred that is never resolved would hang the run, so a failure resolves it too.
              timed
                .run()
                .catch(note)
                .then(() => deferred.resolve());
            },
    });
    const finish = (): void => {
      const { error, hz, count } = benchmark;
      if (error !== undefined) note(error);
      if (failure !== undefined) reject(failure.cause);
      else if (!(hz > 0 && hz < Number.POSITIVE_INFINITY && count > 0))
        reject(new Error(`${timed.name}: Benchmark.js timed nothing: ${count} runs, ${hz} Hz`));
      else resolve({ unitsPerSecond: hz * timed.unitsPerRun, runs: count });
    };
    benchmark.on("complete", finish);
    benchmark.on("error", () => note(benchmark.error));
    benchmark.run();
  });
}
