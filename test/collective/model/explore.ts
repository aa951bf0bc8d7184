import { States } from "./states.js";

/** A system with finitely many states, as the search sees it. */
export interface System {
  /** Bits of every field of a state, in order; at most 64 in all, no field more than 8. */
  readonly widths: readonly number[];
  /** Number of actions; which of them are possible depends on the state. */
  readonly actionCount: number;
  /** Writes the state that every run starts in. */
  initial(state: Uint8Array): void;
  /** Takes an action in `state` and writes the state it leads to over it. False when the action is not possible there; `state` is then lost. */
  act(state: Uint8Array, action: number): boolean;
  /** What must never be, if it is so in the state that act() led to. */
  readonly problem: string | undefined;
  /** An action that nothing obliges anyone to take: a state with no other is an end. */
  isVoluntary(action: number): boolean;
  /** What is wrong with coming to rest in this state, if anything. */
  endProblem(state: Uint8Array): string | undefined;
  /** For people. */
  describe(action: number): string;
  show(state: Uint8Array): string;
}

/** What a search found. */
export interface Exploration {
  states: States;
  /** Actions taken, over all states. */
  transitions: number;
  /** States in which the system may rest. */
  ends: number;
  /** The first violation, with the shortest way to it. */
  violation: { problem: string; trace: string[] } | undefined;
}

/** Takes every action in every state that can be reached, breadth first, until all are known or something is wrong. */
export function explore(system: System): Exploration {
  const states = new States(system.widths);
  const state = new Uint8Array(system.widths.length);
  const next = new Uint8Array(system.widths.length);
  system.initial(state);
  states.add(state, 0, 0);
  let transitions = 0;
  let ends = 0;
  const wrong = (problem: string, position: number, action?: number): Exploration => {
    const trace = states.way(position).map((step) => {
      states.read(step.position, next);
      return `${system.describe(step.action)}  ->  ${system.show(next)}`;
    });
    if (action !== undefined) trace.push(system.describe(action));
    return { states, transitions, ends, violation: { problem, trace } };
  };
  for (let position = 0; position < states.count; position += 1) {
    states.read(position, state);
    let obliged = 0;
    for (let action = 0; action < system.actionCount; action += 1) {
      next.set(state);
      if (!system.act(next, action)) continue;
      if (system.problem !== undefined) return wrong(system.problem, position, action);
      transitions += 1;
      if (!system.isVoluntary(action)) obliged += 1;
      states.add(next, position, action);
    }
    if (obliged > 0) continue;
    ends += 1;
    const problem = system.endProblem(state);
    if (problem !== undefined) return wrong(problem, position);
  }
  return { states, transitions, ends, violation: undefined };
}
