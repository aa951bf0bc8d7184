import type { System } from "./explore.js";

/** Fields of a state, in order, with their bits. */
const FIELDS = {
  /** Changes that the sleeper may wait for. */
  news: 3,
  bell: 3,
  asleep: 1,
  /** What the sleeper remembers of the bell, and of the news. */
  seen: 3,
  taken: 3,
  /** Where the sleeper is: a value of Sleeper. */
  sleeper: 3,
  /** Its asynchronous waiter: a value of Waiter. */
  waiter: 2,
  /** Whether another loop of the thread awaits that waiter too, and how much news that has seen. */
  other: 1,
  otherTaken: 3,
} as const;
const RINGER_BITS = { rings: 2, at: 2, sawAsleep: 1 } as const;

/** Atomic acts of host/collective/doorbell.ts, as its waiter goes through them. */
const Sleeper = { clear: 0, read: 1, look: 2, say: 3, wait: 4, blocked: 5, awaiting: 6, done: 7 } as const;
/** Doorbell's one asynchronous waiter; "notified" until the event loop has told. */
const Waiter = { none: 0, registered: 1, notified: 2 } as const;
/** Atomic acts of Counters.ring and of the store before it. */
const Ringer = { store: 0, add: 1, load: 2, notify: 3 } as const;

const RINGERS = 2;
const RINGS = 2;
const TOTAL = RINGERS * RINGS;
const FIELD = Object.fromEntries(Object.keys(FIELDS).map((name, field) => [name, field])) as Record<keyof typeof FIELDS, number>;
const FIRST_RINGER = Object.keys(FIELDS).length;

/** A small change to the order of acts. */
export interface BellMistake {
  /** The ringer looks whether somebody sleeps, and rings then. */
  looksBeforeItRings?: boolean;
  /** The sleeper reads the bell after it has looked. */
  readsAfterTheLook?: boolean;
  /** The sleeper says that it sleeps in the next turn only. */
  neverSaysItSleeps?: boolean;
  /** The sleeper says that it is awake although its asynchronous waiter is under way. */
  forgetsItsWaiter?: boolean;
}

/**
 * One doorbell, word by word. EngineModel and SpmdModel take a ring and the wake-up that follows for one act; here is why they may: two threads ring,
 * each of four atomic acts is one of its own, and the sleeper, blocking or not, is woken by other things as well (a stage's promise, a
 * deadline, another loop of its thread), which leave its asynchronous waiter behind. None of its loops may sleep for ever while there is news.
 */
export class BellModel implements System {
  readonly widths = [...Object.values(FIELDS), ...new Array(RINGERS).fill(Object.values(RINGER_BITS)).flat()] as readonly number[];
  /** An act of each ringer; the sleeper's next, blocking or not; its waiter tells; something else wakes it. */
  readonly actionCount = RINGERS + 4;
  readonly problem = undefined;
  readonly #mistake: BellMistake;

  constructor(mistake: BellMistake = {}) {
    this.#mistake = mistake;
  }

  initial(state: Uint8Array): void {
    state.fill(0);
  }

  act(state: Uint8Array, action: number): boolean {
    if (action < RINGERS) return this.#ringerActs(state, FIRST_RINGER + 3 * action);
    if (action === RINGERS) return this.#sleeperActs(state, Sleeper.blocked);
    if (action === RINGERS + 1) return this.#sleeperActs(state, Sleeper.awaiting);
    return action === RINGERS + 2 ? this.#waiterTells(state) : this.#wokenByOther(state);
  }

  isVoluntary(action: number): boolean {
    return action === this.actionCount - 1;
  }

  endProblem(state: Uint8Array): string | undefined {
    if (state[FIELD.sleeper] !== Sleeper.done) return `asleep with ${TOTAL - state[FIELD.taken]} of ${TOTAL} news not seen`;
    const isForgotten = state[FIELD.other] === 1 && state[FIELD.otherTaken] < TOTAL;
    return isForgotten ? `another loop asleep with ${TOTAL - state[FIELD.otherTaken]} of ${TOTAL} news not seen` : undefined;
  }

  describe(action: number): string {
    const names = [
      "the sleeper goes on, blocking",
      "the sleeper goes on, asynchronously",
      "the waiter tells",
      "something else wakes the sleeper",
    ];
    return action < RINGERS ? `ringer ${action}` : names[action - RINGERS];
  }

  show(state: Uint8Array): string {
    return `${Object.keys(FIELDS)
      .map((name, field) => `${name} ${state[field]}`)
      .join(", ")}, ringers ${[...state.subarray(FIRST_RINGER)].join(" ")}`;
  }

  #ringerActs(state: Uint8Array, ringer: number): boolean {
    const [rings, at, sawAsleep] = [ringer, ringer + 1, ringer + 2];
    const order = this.#mistake.looksBeforeItRings
      ? [Ringer.store, Ringer.load, Ringer.add, Ringer.notify]
      : [Ringer.store, Ringer.add, Ringer.load, Ringer.notify];
    if (state[rings] === RINGS) return false;
    switch (order[state[at]]) {
      case Ringer.store:
        state[FIELD.news] += 1;
        break;
      case Ringer.add:
        state[FIELD.bell] += 1;
        break;
      case Ringer.load:
        state[sawAsleep] = state[FIELD.asleep];
        break;
      default:
        if (state[sawAsleep] === 1) this.#notify(state);
        state[sawAsleep] = 0;
        state[rings] += 1;
    }
    state[at] = (state[at] + 1) % order.length;
    return true;
  }

  #notify(state: Uint8Array): void {
    if (state[FIELD.sleeper] === Sleeper.blocked) state[FIELD.sleeper] = Sleeper.clear;
    if (state[FIELD.waiter] === Waiter.registered) state[FIELD.waiter] = Waiter.notified;
  }

  #sleeperActs(state: Uint8Array, kind: typeof Sleeper.blocked | typeof Sleeper.awaiting): boolean {
    const { readsAfterTheLook, neverSaysItSleeps, forgetsItsWaiter } = this.#mistake;
    const at = state[FIELD.sleeper];
    // Only how it waits is of two kinds.
    if (at > Sleeper.wait || (at < Sleeper.wait && kind === Sleeper.awaiting)) return false;
    switch (at) {
      case Sleeper.clear:
        if (state[FIELD.waiter] === Waiter.none || forgetsItsWaiter) state[FIELD.asleep] = 0;
        state[FIELD.sleeper] = readsAfterTheLook ? Sleeper.look : Sleeper.read;
        break;
      case Sleeper.read:
        state[FIELD.seen] = state[FIELD.bell];
        state[FIELD.sleeper] = readsAfterTheLook ? Sleeper.say : Sleeper.look;
        break;
      case Sleeper.look:
        this.#look(state);
        break;
      case Sleeper.say:
        state[FIELD.asleep] = neverSaysItSleeps ? 0 : 1;
        state[FIELD.sleeper] = Sleeper.wait;
        break;
      default:
        this.#wait(state, kind);
    }
    return true;
  }

  #look(state: Uint8Array): void {
    const isNew = state[FIELD.news] > state[FIELD.taken];
    state[FIELD.taken] = state[FIELD.news];
    if (isNew) state[FIELD.sleeper] = state[FIELD.taken] === TOTAL ? Sleeper.done : Sleeper.clear;
    else state[FIELD.sleeper] = this.#mistake.readsAfterTheLook ? Sleeper.read : Sleeper.say;
  }

  /** Atomics.wait and waitAsync compare the bell and go to sleep in one act; an asynchronous waiter of before is waited for instead. */
  #wait(state: Uint8Array, kind: typeof Sleeper.blocked | typeof Sleeper.awaiting): void {
    if (state[FIELD.bell] !== state[FIELD.seen]) {
      state[FIELD.sleeper] = Sleeper.clear;
      return;
    }
    if (kind === Sleeper.awaiting && state[FIELD.waiter] === Waiter.none) state[FIELD.waiter] = Waiter.registered;
    state[FIELD.sleeper] = kind;
  }

  /** The event loop settles the promise of a notified waiter, where the thread lets it. */
  #waiterTells(state: Uint8Array): boolean {
    const at = state[FIELD.sleeper];
    if (state[FIELD.waiter] !== Waiter.notified || (at !== Sleeper.awaiting && at !== Sleeper.clear && at !== Sleeper.done)) return false;
    state[FIELD.waiter] = Waiter.none;
    state[FIELD.other] = 0;
    state[FIELD.otherTaken] = 0;
    if (at === Sleeper.awaiting) state[FIELD.sleeper] = Sleeper.clear;
    return true;
  }

  /** A deadline ends a blocking wait. What was awaited goes on being awaited by one loop, while another takes its turn. */
  #wokenByOther(state: Uint8Array): boolean {
    const at = state[FIELD.sleeper];
    if (at !== Sleeper.awaiting && at !== Sleeper.blocked) return false;
    if (at === Sleeper.awaiting && state[FIELD.other] === 0) {
      state[FIELD.other] = 1;
      state[FIELD.otherTaken] = state[FIELD.taken];
    }
    state[FIELD.sleeper] = Sleeper.clear;
    return true;
  }
}
