import type { Command } from "./command.js";

/** The subcommands by name. Loaded when asked for: what one of them needs is no need of the others. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  lab: async () => (await import("../lab/command.js")).labCommand,
};
