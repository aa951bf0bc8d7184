import { EngineModel } from "./engine-model.js";
import { explore } from "./explore.js";
import type { WorldOptions } from "./world.js";

/**
 * Holds the engine's reduced model against the whole one: counts the states of the whole whose reduced form the reduced one never
 * reaches. None, or taking acts at once that nobody else sees loses schedules that matter.
 */
export function lostStates(options: WorldOptions): { whole: number; reduced: number; lost: number } {
  const whole = explore(new EngineModel(options)).states;
  const model = new EngineModel({ ...options, eager: true });
  const reduced = explore(model).states;
  const state = new Uint8Array(model.widths.length);
  let lost = 0;
  for (let position = 0; position < whole.count; position += 1) {
    whole.read(position, state);
    model.reduce(state);
    if (!reduced.has(state)) lost += 1;
  }
  return { whole: whole.count, reduced: reduced.count, lost };
}
