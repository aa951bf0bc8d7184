import type { Command } from "./command.js";

/** The subcommands by name. Loaded when asked for: what one of them needs is no need of the others. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  convert: async () => (await import("./convert.js")).convertCommand,
  cut: async () => (await import("./cut.js")).cutCommand,
  inspect: async () => (await import("./inspect.js")).inspectCommand,
  lab: async () => (await import("../lab/command.js")).labCommand,
  serve: async () => (await import("../serve/command.js")).serveCommand,
};
