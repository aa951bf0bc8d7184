import { BellModel } from "./bell-model.js";
import { EngineModel } from "./engine-model.js";
import type { System } from "./explore.js";
import * as mutants from "./mutants.js";
import { SpmdModel } from "./spmd-model.js";
import { StealingModel } from "./stealing-model.js";
import * as stealing from "./stealing-mutants.js";
import type { WorldOptions } from "./world.js";

/** What a model is made of, as plain data. */
export interface ModelOptions extends WorldOptions {
  /** Units of every step, for models of work stealing: 2 or 3. */
  units?: number;
  /** Steps of every rank, for models of SPMD programs. */
  total?: number;
  /** Take acts at once that nobody else sees, for models of the engine. */
  eager?: boolean;
  /** Every look of a rank takes any bound up to lagBound, for models of the engine. */
  varying?: boolean;
}

const spmd = (options: ModelOptions): WorldOptions & { total: number } => ({ total: 1, ...options });

/** Every model by the name of what it is, so that another thread can be asked for it. */
export const CATALOGUE = {
  engine: (options: ModelOptions): System => new EngineModel(options),
  stealing: (options: ModelOptions): System => new StealingModel(options),
  spmd: (options: ModelOptions): System => new SpmdModel(spmd(options)),
  creditOffByOne: (options: ModelOptions): System => new mutants.CreditOffByOne(options),
  tooFewWindows: (options: ModelOptions): System => new mutants.TooFewWindows(spmd(options)),
  writesWithoutCredit: (options: ModelOptions): System => new mutants.WritesWithoutCredit(spmd(options)),
  completesTooEarly: (options: ModelOptions): System => new mutants.CompletesTooEarly(options),
  comparesPlainly: (options: ModelOptions): System => new mutants.ComparesPlainly(options),
  releasesBeforeReading: (options: ModelOptions): System => new mutants.ReleasesBeforeReading(options),
  readsTheBellLast: (options: ModelOptions): System => new mutants.ReadsTheBellLast(options),
  closesWithoutHandingOver: (options: ModelOptions): System => new mutants.ClosesWithoutHandingOver(spmd(options)),
  mutePublished: (options: ModelOptions): System => new (mutants.mute("published"))(options),
  muteReleased: (options: ModelOptions): System => new (mutants.mute("released"))(options),
  muteRequested: (options: ModelOptions): System => new (mutants.mute("requested"))(options),
  muteOver: (options: ModelOptions): System => new (mutants.mute("over"))(options),
  takesUnseen: (options: ModelOptions): System => new stealing.TakesUnseen(options),
  offersWithoutStep: (options: ModelOptions): System => new (stealing.keepsBits(0))(options),
  offersOneBitOfTheStep: (options: ModelOptions): System => new (stealing.keepsBits(1))(options),
  offersTwoBitsOfTheStep: (options: ModelOptions): System => new (stealing.keepsBits(2))(options),
  closesTooEarly: (options: ModelOptions): System => new stealing.ClosesTooEarly(options),
  handsInFirst: (options: ModelOptions): System => new stealing.HandsInFirst(options),
  handsInSilently: (options: ModelOptions): System => new stealing.HandsInSilently(options),
  bell: (): System => new BellModel(),
  bellLooksBeforeItRings: (): System => new BellModel({ looksBeforeItRings: true }),
  bellReadAfterTheLook: (): System => new BellModel({ readsAfterTheLook: true }),
  bellNeverSaysItSleeps: (): System => new BellModel({ neverSaysItSleeps: true }),
  bellForgetsItsWaiter: (): System => new BellModel({ forgetsItsWaiter: true }),
} as const;

/** Name of a model. */
export type ModelName = keyof typeof CATALOGUE;
