import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Has V8 collect garbage: it does not see the weight of dropped wasm memories, and the next workload needs the room. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
