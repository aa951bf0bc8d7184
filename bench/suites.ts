import type { Suite } from "./suite.js";

/** The suites by name. Loaded when asked for: what one of them needs is no need of the others. */
export const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  engine: async () => (await import("./engine/suite.js")).engineSuite,
  scale: async () => (await import("./scale/suite.js")).scaleSuite,
  bls: async () => (await import("./bls/suite.js")).blsSuite,
};
