import { distance } from "#host/collective/counters.js";
import type { System } from "./explore.js";
import { World, type WorldOptions } from "./world.js";

/** Which call of Alltoallv a rank is in. */
const Call = { none: 0, publish: 1, reserve: 2, receive: 3, close: 4, closed: 5 } as const;
const CALL_NAMES = Object.keys(Call);

/** Actions of a rank: what its program calls, and one turn within the call it is in. */
const ACTIONS = ["reserves", "publishes", "receives", "releases", "closes", "goes on in its call"] as const;

/**
 * SPMD ranks: programs that use the calls of Alltoallv in any order that makes sense. Each writes and receives `total` steps, then closes.
 * A rank with nothing to do sleeps at once: the other order of the two is no different for anyone, as EngineModel shows at length.
 */
export class SpmdModel extends World implements System {
  readonly widths: readonly number[];
  readonly actionCount: number;
  protected readonly total: number;
  readonly #call: number[];
  readonly #asleep: boolean[];
  /** Ranks that hold a received step. */
  readonly #holding: boolean[];

  constructor(options: WorldOptions & { total: number }) {
    super(options);
    const { ranks } = this;
    this.total = options.total;
    const counterBits = Math.ceil(Math.log2(this.total + 1));
    this.widths = [
      ...new Array<number>(this.fieldCount).fill(counterBits),
      ...new Array<number>(ranks).fill(3),
      ...new Array<number>(3 * ranks).fill(1),
    ];
    // Nobody requests: every rank writes when its program says so.
    this.widths = this.widths.with(ranks * (ranks + 1), 0);
    this.actionCount = ranks * ACTIONS.length;
    this.#call = new Array<number>(ranks).fill(Call.none);
    this.#asleep = new Array<boolean>(ranks).fill(false);
    this.#holding = new Array<boolean>(ranks).fill(false);
  }

  initial(state: Uint8Array): void {
    state.fill(0);
  }

  act(state: Uint8Array, action: number): boolean {
    const rank = Math.floor(action / ACTIONS.length);
    this.#load(state);
    if (this.#asleep[rank] || !this.#takes(rank, action % ACTIONS.length)) return false;
    this.#settle();
    this.#save(state);
    return true;
  }

  isVoluntary(): boolean {
    return false;
  }

  endProblem(state: Uint8Array): string | undefined {
    this.#load(state);
    const open = this.#call.flatMap((call, rank) => (call === Call.closed ? [] : [`rank ${rank} sleeps in ${CALL_NAMES[call]}`]));
    return open.length === 0 ? undefined : open.join(", ");
  }

  describe(action: number): string {
    return `rank ${Math.floor(action / ACTIONS.length)} ${ACTIONS[action % ACTIONS.length]}`;
  }

  override show(state: Uint8Array): string {
    this.#load(state);
    const calls = this.#call.map((call, rank) => `${CALL_NAMES[call]}${this.#asleep[rank] ? " (asleep)" : ""}`);
    return `${super.show(state)}, in ${calls.join(", ")}`;
  }

  /** Whether close() still has to wait: something written is withheld from another rank. */
  protected mustFlush(rank: number): boolean {
    return this.steps.some((_, peer) => peer !== rank && distance(this.steps[rank].written, this.counters.published(rank, peer)) > 0);
  }

  #takes(rank: number, kind: number): boolean {
    const steps = this.steps[rank];
    if (this.#call[rank] !== Call.none) return kind === 5 && this.#call[rank] !== Call.closed && this.#goesOn(rank);
    const written = distance(steps.written, this.start);
    const received = distance(steps.released, this.start);
    switch (kind) {
      case 0: {
        // A program may not wait for credit that only it can give.
        if (this.writing[rank] || written === this.total || written - received > this.lagBound + 1) return false;
        this.#call[rank] = Call.reserve;
        return true;
      }
      case 1: {
        if (!this.writing[rank]) return false;
        this.endWrite(rank);
        this.#call[rank] = Call.publish;
        return true;
      }
      case 2: {
        // Nor for a message that only it can publish.
        if (this.#holding[rank] || written <= received) return false;
        this.#call[rank] = Call.receive;
        return true;
      }
      case 3: {
        if (!this.#holding[rank]) return false;
        this.readSlice(rank, steps.released);
        this.#holding[rank] = false;
        this.release(rank);
        this.#call[rank] = Call.publish;
        return true;
      }
      case 4: {
        if (received < this.total) return false;
        this.#call[rank] = Call.close;
        return true;
      }
      default:
        return false;
    }
  }

  /** One act within a call: a withheld publish first, then what the call is for. */
  #goesOn(rank: number): boolean {
    const steps = this.steps[rank];
    if (steps.mayPublish()) {
      this.publish(rank);
      return true;
    }
    const call = this.#call[rank];
    if (call === Call.reserve) this.beginWrite(rank);
    if (call === Call.receive) {
      this.readSlice(rank, steps.released);
      this.#holding[rank] = true;
    }
    this.#call[rank] = call === Call.close ? Call.closed : Call.none;
    return true;
  }

  /** Wakes who was rung, sends to sleep who finds nothing, and lets calls return that have nothing left to do. */
  #settle(): void {
    for (let rank = 0; rank < this.ranks; rank += 1) {
      if (this.#call[rank] === Call.publish && !this.steps[rank].mayPublish()) this.#call[rank] = Call.none;
      if (this.takeRing(rank)) this.#asleep[rank] = false;
      if (!this.#asleep[rank]) this.#asleep[rank] = this.#findsNothing(rank);
    }
  }

  #findsNothing(rank: number): boolean {
    const steps = this.steps[rank];
    const call = this.#call[rank];
    if (call < Call.reserve || call === Call.closed || steps.mayPublish()) return false;
    if (call === Call.reserve) return !steps.mayWrite();
    return call === Call.receive ? !steps.hasComplete() : this.mustFlush(rank);
  }

  #load(state: Uint8Array): void {
    this.load(state);
    const { ranks } = this;
    let field = this.fieldCount;
    for (let rank = 0; rank < ranks; rank += 1, field += 1) {
      this.#call[rank] = state[field];
      this.#asleep[rank] = state[field + ranks] === 1;
      this.#holding[rank] = state[field + 2 * ranks] === 1;
      this.writing[rank] = state[field + 3 * ranks] === 1;
    }
  }

  #save(state: Uint8Array): void {
    this.save(state, this.start);
    const { ranks } = this;
    let field = this.fieldCount;
    for (let rank = 0; rank < ranks; rank += 1, field += 1) {
      state[field] = this.#call[rank];
      state[field + ranks] = this.#asleep[rank] ? 1 : 0;
      state[field + 2 * ranks] = this.#holding[rank] ? 1 : 0;
      state[field + 3 * ranks] = this.writing[rank] ? 1 : 0;
    }
  }
}
