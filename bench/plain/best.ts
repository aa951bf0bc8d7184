import { measureRounds } from "../measure/rounds.js";
import { median } from "../statistics.js";
import { BAG_VARIANTS } from "./bags.js";
import type { PlainVariant } from "./lookup.js";
import { SIMPLE_LOOPS } from "./simple.js";
import { SINGLE_ROW_VARIANTS } from "./single-rows.js";

/** Enough to tell variants apart; those that are close by are equally good rivals. */
const ROUNDS = 5;

export interface RankedVariant {
  variant: PlainVariant;
  /** Median over the rounds. */
  unitsPerSecond: number;
}

/** All variants that can do this work. */
export function plainVariants(work: { dims: readonly number[]; bagSize: number }): PlainVariant[] {
  return [SIMPLE_LOOPS, ...BAG_VARIANTS, ...SINGLE_ROW_VARIANTS].filter(({ fits }) => fits(work));
}

/**
 * Times the variants on the work that they are to be rivals in, fastest first. Which one wins depends on the machine and on Node, so it is
 * found out in every run.
 */
export async function rankVariants(
  variants: readonly PlainVariant[],
  timing: { run: (variant: PlainVariant) => () => void; unitsPerRun: number; sampleSeconds: number },
): Promise<RankedVariant[]> {
  const cases = variants.map(
    (variant) => ({ kind: "sync", name: variant.name, unitsPerRun: timing.unitsPerRun, run: timing.run(variant) }) as const,
  );
  const rates = await measureRounds(cases, { rounds: ROUNDS, sampleSeconds: timing.sampleSeconds });
  return variants
    .map((variant, index) => ({ variant, unitsPerSecond: median(rates[index]) }))
    .sort((a, b) => b.unitsPerSecond - a.unitsPerSecond);
}
