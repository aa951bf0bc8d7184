/** A subcommand of `lagbag`. */
export interface Command {
  /** One line for `lagbag --help`. */
  summary: string;
  /**
   * Runs it. Resolves to the exit code: 0 done, 1 it failed. Throws a UsageError for a wrong command line (exit code 2), an
   * EmbeddingError for what failed otherwise (exit code 1); both are shown as one line.
   */
  run(args: readonly string[]): Promise<number>;
}

/** A wrong command line: its message is all that the user needs. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
