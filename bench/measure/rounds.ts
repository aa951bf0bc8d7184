import { type TimedCase, takeSample } from "./sample.js";

export interface RoundOptions {
  /** Rounds that count. One more comes before them: it warms caches and compilers and finds how many runs a sample needs. */
  rounds: number;
  /** Least seconds of a case in a round. */
  sampleSeconds: number;
  /** Called before each sample, for progress. */
  onStart?: (name: string, round: number) => void;
  /** Called after each sample; round -1 is the one that does not count. */
  onSample?: (name: string, round: number) => void;
}

/**
 * Times cases in rounds: every round has one sample of each, so that whatever else the machine does in the meantime befalls all alike, and
 * figures of one round can be divided by each other. Returns each case's units a second, round by round, in the cases' order.
 * @throws (rejects) what a case threw
 */
export async function measureRounds(cases: readonly TimedCase[], options: RoundOptions): Promise<number[][]> {
  const { rounds, sampleSeconds, onStart, onSample } = options;
  const rates = cases.map((): number[] => []);
  const runs = cases.map(() => 1);
  for (let round = -1; round < rounds; round += 1) {
    for (const index of orderOfRound(cases.length, round + 1)) {
      const timed = cases[index];
      onStart?.(timed.name, round);
      const sample = await takeSample(timed, { minSeconds: sampleSeconds, firstRuns: runs[index] });
      runs[index] = sample.runs;
      if (round >= 0) rates[index].push(sample.unitsPerSecond);
      onSample?.(timed.name, round);
    }
  }
  return rates;
}

/** A round for people. */
export function roundName(round: number, rounds: number): string {
  return round < 0 ? "warming up" : `round ${round + 1} of ${rounds}`;
}

/** The order of `count` cases in a round: each round begins with another one, and every second runs backwards, so that no case always follows the same. */
export function orderOfRound(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, n) => (n + (round >> 1)) % count);
  return round % 2 === 0 ? order : order.reverse();
}
