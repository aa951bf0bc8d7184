import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Path of a file in test/golden/tables: compiled tests run from build/test, so it is found from the package's root. */
export function golden(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve("lagbag/package.json")), "test", "golden", "tables", name);
}
