import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** How a child process is started. */
export interface ChildOptions {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** What errors call it. */
  name: string;
  /** Longest wait for an answer. */
  timeoutMs: number;
}

interface Waiting {
  resolve: (line: string) => void;
  reject: (error: Error) => void;
}

/** How long a child may take to end after its stdin has been closed. */
const END_MS = 2000;

/**
 * A contender in a process of its own: it gets a line on stdin, and answers each with one on stdout, so that it takes turns with the others.
 * It has to say "ready" first. What it writes to stderr is quoted when it fails.
 */
export class Child {
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  #errors = "";
  #ended: string | undefined;
  #waiting: Waiting | undefined;

  private constructor({ command, args, env, name, timeoutMs }: ChildOptions) {
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    const { stdin, stdout, stderr } = this.#process;
    if (stdin === null || stdout === null || stderr === null) throw new Error(`${name}: no pipes`);
    // A child that has ended breaks the pipe; the wait for its answer says so.
    stdin.on("error", () => {});
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#lines = createInterface({ input: stdout });
    this.#lines.on("line", (line) => this.#settle((waiting) => waiting.resolve(line)));
    this.#process.on("error", (error) => this.#end(`cannot be started: ${error.message}`));
    // "close" comes after the last of stderr has been read.
    this.#process.on("close", (code, signal) => this.#end(`ended with ${signal ?? `exit code ${code}`}`));
  }

  /**
   * Starts a process and waits until it is ready.
   * @throws (rejects) an Error with what it wrote to stderr
   */
  static async start(options: ChildOptions): Promise<Child> {
    const child = new Child(options);
    try {
      const line = await child.#answer("ready");
      if (line !== "ready") throw new Error(`${options.name}: got ${JSON.stringify(line)}, expected "ready"`);
      return child;
    } catch (error) {
      await child.close();
      throw error;
    }
  }

  /**
   * Sends a line and waits for the answer, whose first word has to be `word`: resolves with the words after it.
   * @throws (rejects) an Error when the child says something else, ends, or is silent for too long
   */
  async ask(line: string, word: string): Promise<string[]> {
    if (this.#ended === undefined) this.#process.stdin?.write(`${line}\n`);
    const answer = await this.#answer(line);
    const [first, ...others] = answer.split(" ");
    if (first !== word) throw new Error(`${this.#name}: asked ${JSON.stringify(line)}, got ${JSON.stringify(answer)}`);
    return others;
  }

  /** Closes its stdin, upon which it ends; one that does not is killed. */
  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
    this.#lines.close();
  }

  #answer(question: string): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#error(this.#ended));
    if (this.#waiting !== undefined) return Promise.reject(new Error(`${this.#name}: asked twice at once`));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle((waiting) => waiting.reject(this.#error(`no answer to ${JSON.stringify(question)} after ${this.#timeoutMs} ms`)));
        this.#process.kill("SIGKILL");
      }, this.#timeoutMs);
      this.#waiting = {
        resolve: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }

  #end(how: string): void {
    this.#ended ??= how;
    this.#settle((waiting) => waiting.reject(this.#error(how)));
  }

  #error(what: string): Error {
    return new Error(`${this.#name}: ${what}${this.#errors === "" ? "" : `; it wrote: ${this.#errors.trim()}`}`);
  }
}
