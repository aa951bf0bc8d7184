import { distance } from "#host/collective/counters.js";
import { Act, type ActCode } from "#host/collective/steps.js";
import { At, isAtWork } from "./at.js";
import type { System } from "./explore.js";
import { World, type WorldOptions } from "./world.js";

/** Actions of a rank. */
const RANK_ACTIONS = [
  "look, with a stage",
  "look, with a quick finish",
  "the stage settles",
  "look, with a stage that goes on elsewhere",
] as const;
/** Actions of the caller. */
const CALLER_ACTIONS = ["look", "request"] as const;

/** What a rank knows of finishing a step, see RankSteps.next. */
export interface FinishKind {
  quick: boolean;
  startsOnly: boolean;
}

/**
 * The engine: every rank runs the loop of host/shard/loop.ts, the caller that of host/engine.ts and dispatch.ts. Requests come one
 * by one whenever there is a slot of the ring, or never again. A look may find the finish of a step quick, or only to be started, or neither, and a stage may take any time.
 *
 * varying: the bound in force changes at any time (lagBound "auto"), and ranks see it change at different times: every look of every rank
 * takes any bound up to lagBound.
 *
 * Runs have no end and steps no largest number: all counters are noted relative to the steps that the caller has collected, which
 * is all that the product's code can see of them (it compares differences only), so there are finitely many states.
 */
export class EngineModel extends World implements System {
  readonly widths: readonly number[];
  readonly actionCount: number;
  protected readonly at: number[];
  protected readonly pending: boolean[];
  readonly #eager: boolean;
  /** Bounds that a rank may work with in a look: the largest first. */
  readonly #bounds: readonly number[];
  #collected = 0;

  /** moreWidths: bits of the fields that loadMore and saveMore know of. */
  constructor(options: WorldOptions & { eager?: boolean; varying?: boolean }, moreWidths: readonly number[] = []) {
    super(options);
    this.#eager = options.eager ?? false;
    this.#bounds = Array.from({ length: options.varying === true ? options.lagBound + 1 : 1 }, (_, n) => options.lagBound - n);
    const { ranks } = this;
    const counterBits = Math.ceil(Math.log2(this.slots + 1));
    this.widths = [
      ...new Array<number>(this.fieldCount).fill(counterBits),
      ...new Array<number>(ranks + 1).fill(3),
      ...new Array<number>(ranks).fill(1),
      ...moreWidths,
    ];
    this.actionCount = ranks * RANK_ACTIONS.length * this.#bounds.length + CALLER_ACTIONS.length;
    this.at = new Array<number>(ranks + 1).fill(At.look);
    this.pending = new Array<boolean>(ranks).fill(false);
  }

  /** Steps that may be under way: slots of the request ring. */
  get slots(): number {
    return super.windows;
  }

  initial(state: Uint8Array): void {
    state.fill(0);
  }

  act(state: Uint8Array, action: number): boolean {
    const [rank, kind, bound] = this.#decode(action);
    if (this.#cannotAct(state, rank, kind)) return false;
    this.#load(state);
    if (this.#bounds.length > 1 && rank < this.ranks) this.steps[rank].lagBound = bound;
    if (!(rank < this.ranks ? this.#rankActs(rank, kind) : this.#callerActs(kind))) return false;
    if (this.#eager) this.#takeLocalActs();
    this.#save(state);
    return true;
  }

  /** Goes from any state of the whole model to the state of the reduced model that stands for it. */
  reduce(state: Uint8Array): void {
    this.#load(state);
    this.#takeLocalActs();
    this.#save(state);
  }

  isVoluntary(action: number): boolean {
    return action === this.actionCount - 1;
  }

  endProblem(state: Uint8Array): string | undefined {
    const open = state[this.ranks * (this.ranks + 1)];
    return open === 0 ? undefined : `${open} requested steps are not over, and everyone sleeps`;
  }

  describe(action: number): string {
    const [rank, kind, bound] = this.#decode(action);
    return rank < this.ranks ? `rank ${rank}, bound ${bound}: ${RANK_ACTIONS[kind]}` : `caller: ${CALLER_ACTIONS[kind]}`;
  }

  #decode(action: number): [rank: number, kind: number, bound: number] {
    const perRank = RANK_ACTIONS.length * this.#bounds.length;
    const rank = Math.floor(action / perRank);
    return [rank, action % RANK_ACTIONS.length, this.#bounds[Math.floor((action % perRank) / RANK_ACTIONS.length)]];
  }

  override show(state: Uint8Array): string {
    const names = Object.keys(At);
    const rest = [...state.subarray(this.fieldCount)];
    const at = rest.slice(0, this.ranks + 1).map((code) => names[code]);
    return `${super.show(state)}, at ${at.join(" ")}, pending ${rest.slice(this.ranks + 1, 2 * this.ranks + 1).join(" ")}`;
  }

  /** A rank finished its slice without a promise. */
  protected finishAtOnce(rank: number): void {
    this.readSlice(rank, this.steps[rank].released);
    this.release(rank);
  }

  /** A stage has started and returned a promise. */
  protected beginFinish(rank: number): void {
    this.readSlice(rank, this.steps[rank].released);
  }

  /** The promise is settled: the stage has read its slice to the end. */
  protected endFinish(rank: number): void {
    this.readSlice(rank, this.steps[rank].released);
    this.release(rank);
  }

  /** Where a rank or the caller goes that found nothing to do: the wait returns at once when the bell has rung since it was read. */
  protected idle(who: number): void {
    this.at[who] = this.at[who] === At.rung ? At.look : At.asleep;
  }

  /**
   * Takes every act at once that nobody else can see: the end of a write, a publish to oneself, a look that finds nothing. Who will
   * find something need not know whether the bell has rung.
   */
  #takeLocalActs(): void {
    for (let rank = 0; rank < this.ranks; rank += 1) {
      while (this.at[rank] !== At.asleep && this.#takesLocalAct(rank));
      if (this.at[rank] === At.rung) this.at[rank] = At.look;
    }
    const caller = this.ranks;
    while (this.at[caller] <= At.rung && !this.#isOver(this.#collected)) this.idle(caller);
    if (this.at[caller] === At.rung) this.at[caller] = At.look;
  }

  #takesLocalAct(rank: number): boolean {
    if (this.at[rank] === At.writing) return this.#rankActs(rank, 0);
    const steps = this.steps[rank];
    if (this.#mayPublishToItself(rank)) {
      // The loop may have others first. They do not see in which order, and neither stands in the other's way.
      steps.peer = rank;
      this.publish(rank);
      this.deliverRings();
      this.at[rank] = At.look;
      return true;
    }
    return steps.next(false, this.pending[rank]) === Act.idle && this.#turn(rank, { quick: false, startsOnly: false });
  }

  #mayPublishToItself(rank: number): boolean {
    const step = this.counters.published(rank, rank);
    return distance(this.steps[rank].written, step) > 0 && distance(step, this.counters.released(rank)) <= this.lagBound;
  }

  /** An act of a rank that is in the middle of something. */
  protected goOn(rank: number, kind: number): boolean {
    if (kind !== 0) return false;
    this.endWrite(rank);
    this.at[rank] = At.look;
    return true;
  }

  #rankActs(rank: number, kind: number): boolean {
    if (isAtWork(this.at[rank])) return this.goOn(rank, kind);
    if (kind === 2) return this.#settle(rank);
    if (this.at[rank] === At.asleep) return false;
    // Without a step to finish all looks are the same.
    if (kind !== 0 && (this.pending[rank] || !this.steps[rank].hasComplete())) return false;
    return this.#turn(rank, { quick: kind === 1, startsOnly: kind === 3 });
  }

  /** One turn of the loop, from the look on to where the bell is read again. */
  #turn(rank: number, finish: FinishKind): boolean {
    if (this.at[rank] === At.dozing) {
      this.at[rank] = At.asleep;
      return true;
    }
    const act = this.look(rank, finish);
    if (act === Act.idle) {
      this.idle(rank);
      return true;
    }
    const next = this.perform(rank, act, finish.quick);
    this.deliverRings();
    this.at[rank] = next;
    return true;
  }

  protected look(rank: number, { quick, startsOnly }: FinishKind): ActCode {
    return this.steps[rank].next(quick, this.pending[rank], startsOnly);
  }

  /** Does, or begins, what next() said. Returns where the rank is then. */
  protected perform(rank: number, act: ActCode, quick: boolean): number {
    if (act === Act.write) {
      this.beginWrite(rank);
      return At.writing;
    }
    if (act === Act.publish) this.publish(rank);
    else if (quick) this.finishAtOnce(rank);
    else {
      this.pending[rank] = true;
      this.beginFinish(rank);
    }
    return At.look;
  }

  #settle(rank: number): boolean {
    if (!this.pending[rank]) return false;
    this.pending[rank] = false;
    this.endFinish(rank);
    this.deliverRings();
    this.at[rank] = At.look;
    return true;
  }

  #callerActs(kind: number): boolean {
    return kind === 0 ? this.#collect() : this.#request();
  }

  /** Counts the steps that all ranks have released. */
  #collect(): boolean {
    const caller = this.ranks;
    if (this.at[caller] === At.asleep) return false;
    if (this.at[caller] === At.dozing) {
      this.at[caller] = At.asleep;
      return true;
    }
    const before = this.#collected;
    while (this.#isOver(this.#collected)) this.#collected = (this.#collected + 1) | 0;
    if (this.#collected === before) this.idle(caller);
    else this.at[caller] = At.look;
    return true;
  }

  #isOver(step: number): boolean {
    return this.steps.every((_, rank) => distance(this.counters.released(rank), step) > 0);
  }

  #request(): boolean {
    const requested = this.counters.requested();
    if (distance(requested, this.#collected) >= this.slots) return false;
    this.counters.setRequested(requested + 1);
    for (let rank = 0; rank < this.ranks; rank += 1) this.counters.ring(rank);
    this.deliverRings();
    return true;
  }

  /** Wakes who sleeps, and notes for who looks that the bell has rung since. Elsewhere the bell is read later. */
  protected deliverRings(): void {
    for (let who = 0; who <= this.ranks; who += 1) {
      if (!this.takeRing(who)) continue;
      if (this.at[who] === At.asleep) this.at[who] = At.look;
      else if (this.at[who] === At.look) this.at[who] = At.rung;
    }
  }

  /** What can be seen of a state without loading it: most actions that are not possible. */
  #cannotAct(state: Uint8Array, who: number, kind: number): boolean {
    const at = state[this.fieldCount + who];
    if (who === this.ranks) return kind === 0 && at === At.asleep;
    if (kind === 2) return isAtWork(at) || state[this.fieldCount + this.ranks + 1 + who] === 0;
    return at === At.asleep;
  }

  #load(state: Uint8Array): void {
    this.load(state);
    const places = this.fieldCount;
    this.#collected = this.start;
    for (let who = 0; who <= this.ranks; who += 1) this.at[who] = state[places + who];
    for (let rank = 0; rank < this.ranks; rank += 1) {
      this.pending[rank] = state[places + this.ranks + 1 + rank] === 1;
      this.writing[rank] = this.at[rank] === At.writing;
    }
    this.loadMore(state, places + 2 * this.ranks + 1);
  }

  /** Fields that a model of more than this adds to a state, from place `from` on. */
  protected loadMore(_state: Uint8Array, _from: number): void {}

  protected saveMore(_state: Uint8Array, _from: number, _base: number): void {}

  #save(state: Uint8Array): void {
    this.save(state, this.#collected);
    const places = this.fieldCount;
    for (let who = 0; who <= this.ranks; who += 1) state[places + who] = this.at[who];
    for (let rank = 0; rank < this.ranks; rank += 1) state[places + this.ranks + 1 + rank] = this.pending[rank] ? 1 : 0;
    this.saveMore(state, places + 2 * this.ranks + 1, this.#collected);
  }

  protected override releaseWords(rank: number): void {
    if (this.steps[rank].release()) this.counters.ring(this.ranks);
  }
}
