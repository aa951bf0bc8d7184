import { Counters, distance, windowCount } from "#host/collective/counters.js";
import { RankSteps } from "#host/collective/steps.js";

/** What a model is made of. */
export interface WorldOptions {
  ranks: number;
  lagBound: number;
  /** Where the wrapping counters start. */
  start: number;
}

/**
 * Ranks that share counters and windows: the product's Counters and RankSteps, and in place of the windows' bytes the one thing
 * that matters of them, whose step they hold. Every check that concerns one moment is made here; the loops that drive the ranks
 * are in engine-model.ts and spmd-model.ts, and in mutants.ts what goes wrong with small changes.
 *
 * What lies in a window needs no memory of its own. A source writes a step to all receivers in one act, and steps in order, so
 * window w of any receiver holds in the segment of source i the newest step that i has written (or is writing) and that falls on w.
 */
export class World {
  readonly ranks: number;
  readonly lagBound: number;
  readonly start: number;
  readonly counters: Counters;
  readonly steps: readonly RankSteps[];
  /** Where the counters of a state lie among the words, in the order of its fields. */
  readonly #places: readonly number[];
  readonly #bells: readonly number[];
  /** Ranks that are between the first and the last byte of step `written`. */
  readonly writing: boolean[];
  /** The first thing that was wrong. */
  problem: string | undefined;

  constructor(options: WorldOptions) {
    this.ranks = options.ranks;
    this.lagBound = options.lagBound;
    this.start = options.start;
    this.counters = this.makeCounters(new Int32Array(Counters.byteLength(options.ranks) / Int32Array.BYTES_PER_ELEMENT));
    this.#places = this.#findPlaces();
    this.#bells = Array.from({ length: options.ranks + 1 }, (_, who) => this.counters.doorbellIndex(who));
    this.counters.reset(options.start);
    this.steps = Array.from({ length: options.ranks }, (_, rank) => this.makeSteps(rank));
    this.writing = new Array<boolean>(options.ranks).fill(false);
  }

  /** Windows of a receiver. */
  get windows(): number {
    return windowCount(this.lagBound);
  }

  /** Fields of a state that save() fills: released and written of every rank, published of every pair, requested. */
  get fieldCount(): number {
    return this.ranks * (this.ranks + 2) + 1;
  }

  /** Sets all counters to what a state says of them, counted from the start. */
  load(state: Uint8Array): void {
    const { words } = this.counters;
    // Plain stores: nobody else looks at a model's words, and this runs tens of millions of times.
    for (let field = 0; field < this.#places.length; field += 1) words[this.#places[field]] = this.start + state[field];
    for (let who = 0; who < this.#bells.length; who += 1) words[this.#bells[who]] = 0;
    for (let rank = 0; rank < this.ranks; rank += 1) {
      const steps = this.steps[rank];
      steps.released = (this.start + state[rank]) | 0;
      // What RankSteps remembers of completions, it can see again in the counters.
      steps.completed = steps.released;
      steps.written = (this.start + state[this.#places.length + rank]) | 0;
    }
    this.problem = undefined;
  }

  /** Notes all counters in a state, counted from `base`. */
  save(state: Uint8Array, base: number): void {
    const { words } = this.counters;
    for (let field = 0; field < this.#places.length; field += 1) state[field] = words[this.#places[field]] - base;
    for (let rank = 0; rank < this.ranks; rank += 1) state[this.#places.length + rank] = this.steps[rank].written - base;
  }

  /** Whether a rank's (or, with rank === ranks, the caller's) doorbell has rung since load() or the last call. */
  takeRing(rank: number): boolean {
    const { words } = this.counters;
    const rung = words[this.#bells[rank]] !== 0;
    words[this.#bells[rank]] = 0;
    return rung;
  }

  /** Begins to write the step after the last that was begun. */
  beginWrite(rank: number): void {
    const step = (this.begun(rank) + 1) | 0;
    for (let receiver = 0; receiver < this.ranks; receiver += 1) {
      const old = this.#newest(this.#windowOf(step), step - 1);
      if (distance(this.counters.released(receiver), old) <= 0) {
        this.fail(`rank ${rank} writes step ${this.#name(step)} where rank ${receiver} still needs step ${this.#name(old)}`);
      }
    }
    this.writing[rank] = true;
  }

  endWrite(rank: number): void {
    this.writing[rank] = false;
    this.steps[rank].wrote();
  }

  publish(rank: number): void {
    this.steps[rank].publish();
    this.#checkBound();
  }

  /** Reads all of a rank's slice of a step. */
  readSlice(rank: number, step: number): void {
    const window = this.#windowOf(step);
    for (let source = 0; source < this.ranks; source += 1) {
      const newest = this.#newest(window, this.begun(source));
      if (newest !== step) {
        this.fail(`rank ${rank} reads step ${this.#name(step)} of rank ${source} and finds step ${this.#name(newest)}`);
      } else if (distance(this.counters.published(source, rank), step) <= 0) {
        this.fail(`rank ${rank} reads step ${this.#name(step)} of rank ${source}, which has not published it`);
      }
    }
  }

  /** Gives the window of the oldest step back. */
  release(rank: number): void {
    const before = this.counters.released(rank);
    this.releaseWords(rank);
    if (distance(this.counters.released(rank), before) !== 1)
      this.fail(`rank ${rank} released ${distance(this.counters.released(rank), before)} steps in one act`);
  }

  fail(problem: string): void {
    this.problem ??= problem;
  }

  show(state: Uint8Array): string {
    const { ranks } = this;
    const row = (n: number): string => [...state.subarray(ranks * n, ranks * (n + 1))].join(" ");
    const published = Array.from({ length: ranks }, (_, rank) => row(rank + 1));
    const [requested, ...written] = state.subarray(ranks * (ranks + 1), this.fieldCount);
    return `requested ${requested}, written ${written.join(" ")}, published ${published.join(" | ")}, released ${row(0)}`;
  }

  /** The newest step that a rank has begun to write. */
  protected begun(rank: number): number {
    return this.steps[rank].written - (this.writing[rank] ? 0 : 1);
  }

  protected makeCounters(words: Int32Array): Counters {
    return new Counters(words, this.ranks);
  }

  protected makeSteps(rank: number): RankSteps {
    return new RankSteps(this.counters, rank, this.lagBound, this.start);
  }

  protected releaseWords(rank: number): void {
    this.steps[rank].release();
  }

  /** The bound of design 2, for every pair and for whole ranks. */
  #checkBound(): void {
    const { ranks, counters, lagBound } = this;
    let least = counters.released(0);
    for (let rank = 1; rank < ranks; rank += 1) {
      if (distance(counters.released(rank), least) < 0) least = counters.released(rank);
    }
    for (let source = 0; source < ranks; source += 1) {
      let everywhere = counters.published(source, 0);
      for (let receiver = 0; receiver < ranks; receiver += 1) {
        const published = counters.published(source, receiver);
        if (distance(published, everywhere) < 0) everywhere = published;
        const ahead = distance(published, counters.released(receiver));
        if (ahead > lagBound + 1)
          this.fail(
            `rank ${source} has published ${ahead} steps more to rank ${receiver} than that has released, expected at most ${lagBound + 1}`,
          );
      }
      if (distance(everywhere, least) > lagBound + 1)
        this.fail(`rank ${source} has published ${distance(everywhere, least)} steps more than some rank has released`);
    }
  }

  /** The newest step, `last` or older, that falls on a window. */
  #newest(window: number, last: number): number {
    let step = last | 0;
    while (this.#windowOf(step) !== window) step = (step - 1) | 0;
    return step;
  }

  /** The word of each counter: the one that changes when the counter does. */
  #findPlaces(): number[] {
    const { counters, ranks } = this;
    const everyone = Array.from({ length: ranks }, (_, rank) => rank);
    const marks = [
      ...everyone.map((rank) => () => counters.setReleased(rank, 1)),
      ...everyone.flatMap((source) => everyone.map((receiver) => () => counters.setPublished(source, receiver, 1))),
      () => counters.setRequested(1),
    ];
    return marks.map((mark) => {
      counters.words.fill(0);
      mark();
      return counters.words.indexOf(1);
    });
  }

  #windowOf(step: number): number {
    return step & (this.windows - 1);
  }

  #name(step: number): number {
    return distance(step, this.start);
  }
}
