import { distance, windowCount } from "#host/collective/counters.js";
import { leftOf, Offers, OPEN_STEPS, openSlot } from "#host/collective/offers.js";
import { SharingSteps } from "#host/collective/sharing.js";
import { Act, type ActCode, type RankSteps } from "#host/collective/steps.js";
import { At } from "./at.js";
import { EngineModel, type FinishKind } from "./engine-model.js";
import type { WorldOptions } from "./world.js";

/** Bits of a number of units: at most 3. */
const COUNT_BITS = 2;

/** What a model of work stealing is made of. */
export interface StealingOptions extends WorldOptions {
  /** Units of every step on every rank, 2 or 3; default 2: one that may be stolen, and the one that is left to the owner. */
  units?: number;
  varying?: boolean;
}

/** What a rank does a unit of, or is about to. */
interface Reach {
  /** How far the owner is from this rank, 0 for its own. */
  offset: number;
  step: number;
  /** Left in the offer that was seen. */
  left: number;
  unit: number;
}

/**
 * The engine with work stealing: the product's SharingSteps and Offers. A write is open for as long as units of it are left, or done by somebody;
 * between any two atomic accesses anyone else may act, above all between a helper's look at an offer and its exchange. The ranks' rings
 * when a step is opened are left out: nobody needs them, and a unit of work is never waited for but by its owner.
 */
export class StealingModel extends EngineModel {
  /** Made with the steps, which World's constructor asks for. */
  protected declare readonly offers: Offers;
  protected declare readonly offerWords: Int32Array;
  readonly #places: { offer: number; undone: number[] }[];
  /** Steps of a rank that may be open at a time, by credit and by slots. */
  readonly #most: number;
  readonly #units: number;
  /** Of each rank's open steps, by slot: bit u, unit u is done. */
  readonly #done: number[][];
  readonly #reach: Reach[];

  constructor(options: StealingOptions) {
    const counterBits = Math.ceil(Math.log2(windowCount(options.lagBound) + 1));
    const most = Math.min(OPEN_STEPS, options.lagBound + 2);
    const units = options.units ?? 2;
    const perRank = [
      3,
      1,
      COUNT_BITS,
      1,
      counterBits,
      COUNT_BITS,
      COUNT_BITS,
      ...new Array<number[]>(most).fill([COUNT_BITS, units]).flat(),
    ];
    super(options, Array.from({ length: options.ranks }, () => perRank).flat());
    const { ranks } = this;
    this.#units = units;
    this.#most = most;
    this.#places = Array.from({ length: ranks }, (_, rank) => this.#findPlaces(rank));
    this.#done = Array.from({ length: ranks }, () => new Array<number>(OPEN_STEPS).fill(0));
    this.#reach = Array.from({ length: ranks }, () => ({ offset: 0, step: 0, left: 0, unit: 0 }));
  }

  override show(state: Uint8Array): string {
    const at = this.fieldCount + 2 * this.ranks + 1;
    const each = (state.length - at) / this.ranks;
    const names = [
      "opened",
      "open",
      "left",
      "reaches",
      "step",
      "of",
      "unit",
      ...new Array<string[]>(this.#most).fill(["undone", "done"]).flat(),
    ];
    const ranks = Array.from({ length: this.ranks }, (_, rank) =>
      names.map((name, n) => `${name} ${state[at + rank * each + n]}`).join(" "),
    );
    return `${super.show(state)}, ${ranks.join(" | ")}`;
  }

  protected makeOffers(words: Int32Array): Offers {
    return new Offers(words);
  }

  protected override makeSteps(rank: number): RankSteps {
    if (rank === 0) {
      const words = new Int32Array(Offers.byteLength(this.ranks) / Int32Array.BYTES_PER_ELEMENT);
      Object.assign(this, { offerWords: words, offers: this.makeOffers(words) });
    }
    return this.makeSharing(rank);
  }

  protected makeSharing(rank: number): SharingSteps {
    return new SharingSteps(this.counters, this.offers, { rank, lagBound: this.lagBound, start: this.start });
  }

  protected sharing(rank: number): SharingSteps {
    return this.steps[rank] as SharingSteps;
  }

  /** Who has nothing to do helps, if anyone needs it. */
  protected override idle(who: number): void {
    if (who === this.ranks || !this.sharing(who).mayHelp()) {
      super.idle(who);
      return;
    }
    const { owner, offer } = this.sharing(who);
    this.#reach[who] = { offset: (owner - who + this.ranks) % this.ranks, step: this.begun(owner), left: leftOf(offer), unit: 0 };
    this.at[who] = At.reaching;
  }

  protected override perform(rank: number, act: ActCode, quick: boolean): number {
    if (act === Act.write && !this.sharing(rank).isOpen) {
      this.beginWrite(rank);
      this.#done[rank][openSlot(this.sharing(rank).opened)] = 0;
      this.sharing(rank).open(this.#units);
    }
    return act === Act.write ? At.writing : super.perform(rank, act, quick);
  }

  protected override goOn(rank: number, kind: number): boolean {
    if (kind !== 0 && (kind !== 1 || this.at[rank] !== At.pooling)) return false;
    if (this.at[rank] === At.writing) this.at[rank] = this.#claim(rank);
    else if (this.at[rank] === At.reaching) this.at[rank] = this.#take(rank);
    else if (this.at[rank] === At.helping) {
      this.endHelp(rank);
      this.deliverRings();
      this.#forget(rank);
      this.at[rank] = At.look;
    } else {
      this.endUnit(rank);
      this.sharing(rank).done();
      this.#forget(rank);
      // The bell may have rung: then the rank looks first what there is.
      this.at[rank] = kind === 0 ? At.writing : At.look;
    }
    return true;
  }

  #claim(rank: number): number {
    const unit = this.sharing(rank).claim();
    if (unit < 0) return At.look;
    this.#begin(rank, { offset: 0, step: (this.sharing(rank).opened - 1) | 0, left: 0, unit });
    return At.pooling;
  }

  /** What counts as written after a look had better be. */
  protected override look(rank: number, finish: FinishKind): ActCode {
    const { written } = this.steps[rank];
    const act = super.look(rank, finish);
    for (let step = written; step !== this.steps[rank].written; step = (step + 1) | 0) {
      const done = this.#done[rank][openSlot(step)];
      if (done !== 2 ** this.#units - 1) this.fail(`rank ${rank} has written a step, and of its units only these are done: ${done}`);
    }
    return act;
  }

  protected override begun(rank: number): number {
    return (this.sharing(rank).opened - 1) | 0;
  }

  /** The step that a rank does, or means to do, a unit of. */
  protected stepReached(rank: number): number {
    return this.#reach[rank].step;
  }

  #take(rank: number): number {
    const unit = this.sharing(rank).take();
    if (unit < 0) {
      this.#forget(rank);
      return At.look;
    }
    this.#begin(rank, { ...this.#reach[rank], unit, left: 0 });
    this.beginHelp(rank);
    return At.helping;
  }

  /** A helper has begun its unit. */
  protected beginHelp(_rank: number): void {}

  /** A helper is through with its unit. */
  protected endHelp(rank: number): void {
    this.endUnit(rank);
    this.sharing(rank).handIn();
  }

  #begin(rank: number, reach: Reach): void {
    const owner = (rank + reach.offset) % this.ranks;
    this.#check(rank, reach);
    for (let other = 0; other < this.ranks; other += 1) {
      const same = this.at[other] === At.pooling || this.at[other] === At.helping;
      const { offset, step, unit } = this.#reach[other];
      if (other !== rank && same && (other + offset) % this.ranks === owner && step === reach.step && unit === reach.unit)
        this.fail(`ranks ${rank} and ${other} do unit ${unit} of rank ${owner} both`);
    }
    if ((this.#done[owner][openSlot(reach.step)] >> reach.unit) & 1)
      this.fail(`rank ${rank} does unit ${reach.unit} of rank ${owner}, which is done`);
    this.#reach[rank] = reach;
  }

  /** The last byte of a unit is written. */
  protected endUnit(rank: number): void {
    const reach = this.#reach[rank];
    this.#check(rank, reach);
    this.#done[(rank + reach.offset) % this.ranks][openSlot(reach.step)] |= 1 << reach.unit;
  }

  /** While somebody works on a unit, its step is being written: so it is not published anywhere, nor over, and its records and windows are there. */
  #check(rank: number, { offset, step }: Reach): void {
    const owner = (rank + offset) % this.ranks;
    if (distance(step, this.steps[owner].written) < 0 || distance(step, this.begun(owner)) > 0)
      this.fail(`rank ${rank} works on step ${distance(step, this.start)} of rank ${owner}, which is not being written`);
  }

  #forget(rank: number): void {
    this.#reach[rank] = { offset: 0, step: 0, left: 0, unit: 0 };
  }

  protected override loadMore(state: Uint8Array, from: number): void {
    let at = from;
    for (let rank = 0; rank < this.ranks; rank += 1) {
      const sharing = this.sharing(rank);
      const { offer, undone } = this.#places[rank];
      sharing.opened = (sharing.written + state[at++]) | 0;
      sharing.isOpen = state[at++] === 1;
      this.offers.open(rank, (sharing.opened - 1) | 0, state[at++]);
      const word = this.offerWords[offer];
      const offset = state[at++] + (this.at[rank] >= At.reaching ? 1 : 0);
      this.#reach[rank] = { offset, step: (this.start + state[at++]) | 0, left: state[at++], unit: state[at++] };
      for (let n = 0; n < this.#most; n += 1) {
        const slot = openSlot(sharing.written + n);
        this.offerWords[undone[slot]] = state[at++];
        this.#done[rank][slot] = state[at++];
      }
      this.offerWords[offer] = word;
    }
    for (let rank = 0; rank < this.ranks; rank += 1) if (this.at[rank] >= At.reaching) this.#see(rank);
  }

  /** Gives a rank back whom it helps, and the offer that it has seen. */
  #see(rank: number): void {
    const { offset, step, left } = this.#reach[rank];
    const sharing = this.sharing(rank);
    sharing.owner = (rank + offset) % this.ranks;
    const { offer, undone } = this.#places[sharing.owner];
    const before = [this.offerWords[offer], this.offerWords[undone[openSlot(step)]]];
    this.offers.open(sharing.owner, step, left);
    sharing.offer = this.offerWords[offer];
    [this.offerWords[offer], this.offerWords[undone[openSlot(step)]]] = before;
  }

  protected override saveMore(state: Uint8Array, from: number, base: number): void {
    let at = from;
    for (let rank = 0; rank < this.ranks; rank += 1) {
      const sharing = this.sharing(rank);
      const { offset, step, left, unit } = this.#reach[rank];
      const ahead = distance(sharing.opened, sharing.written);
      state[at++] = ahead;
      state[at++] = sharing.isOpen ? 1 : 0;
      state[at++] = ahead > 0 ? leftOf(this.offers.look(rank)) : 0;
      state[at++] = offset > 0 ? offset - 1 : 0;
      state[at++] = this.at[rank] >= At.pooling ? distance(step, base) : 0;
      state[at++] = left;
      state[at++] = unit;
      for (let n = 0; n < this.#most; n += 1) {
        const of = sharing.written + n;
        state[at++] = n < ahead ? this.offers.undone(rank, of) : 0;
        state[at++] = n < ahead ? this.#done[rank][openSlot(of)] : 0;
      }
    }
  }

  /** The words of a rank among the offers' words. */
  #findPlaces(rank: number): { offer: number; undone: number[] } {
    const find = (change: () => void): number => {
      this.offerWords.fill(0);
      change();
      return this.offerWords.findIndex((word) => word !== 0);
    };
    const offer = find(() => this.offers.take(rank, 0));
    const undone = Array.from({ length: OPEN_STEPS }, (_, step) => find(() => this.offers.handIn(rank, step)));
    this.offerWords.fill(0);
    return { offer, undone };
  }
}
