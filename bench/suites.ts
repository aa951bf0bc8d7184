import type { Suite } from "./suite.js";

/** The suites by name. Loaded when asked for: what one of them needs is no need of the others. */
export const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  kernels: async () => (await import("./kernels/suite.js")).kernelsSuite,
  exchange: async () => (await import("./exchange/suite.js")).exchangeSuite,
  engine: async () => (await import("./engine/suite.js")).engineSuite,
  formats: async () => (await import("./formats/suite.js")).formatsSuite,
  scale: async () => (await import("./scale/suite.js")).scaleSuite,
  keys: async () => (await import("./keys/suite.js")).keysSuite,
  bls: async () => (await import("./bls/suite.js")).blsSuite,
  serve: async () => (await import("./serve/suite.js")).serveSuite,
  dlrm: async () => (await import("./dlrm/suite.js")).dlrmSuite,
};
