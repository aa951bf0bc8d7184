import { EmbeddingError } from "../../errors.js";
import { show } from "../../resolve.js";

/** A value in a configuration file, and where it stands: every error names the file and the path. */
export class Place {
  readonly value: unknown;
  readonly #file: string;
  readonly #path: string;

  constructor(value: unknown, file: string, path: string) {
    this.value = value;
    this.#file = file;
    this.#path = path;
  }

  /** @throws EmbeddingError EMBEDDING_OPTIONS */
  fail(expected: string): never {
    const where = this.#path === "" ? this.#file : `${this.#file}: ${this.#path}`;
    throw new EmbeddingError("EMBEDDING_OPTIONS", `${where}: got ${show(this.value)}, expected ${expected}`, { got: this.value, expected });
  }

  /** The fields of an object that has no others than `names`. */
  object(names: readonly string[]): Record<string, Place | undefined> {
    const entries = this.entries();
    for (const [name] of entries) {
      if (!names.includes(name)) this.#below(name, name).fail(`one of ${names.join(", ")}`);
    }
    return Object.fromEntries(entries);
  }

  /** The fields of an object, whatever their names. */
  entries(): [string, Place][] {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) this.fail("an object");
    return Object.entries(this.value as object).map(([name, value]) => [name, this.#below(name, value)]);
  }

  needed(fields: Readonly<Record<string, Place | undefined>>, name: string): Place {
    return fields[name] ?? this.#below(name, undefined);
  }

  list<T>(read: (at: Place) => T): T[] {
    if (!Array.isArray(this.value) || this.value.length === 0) this.fail("an array with at least one element");
    return (this.value as unknown[]).map((one, n) => read(new Place(one, this.#file, `${this.#path}[${n}]`)));
  }

  text(): string {
    if (typeof this.value !== "string" || this.value === "") this.fail("a text that is not empty");
    return this.value as string;
  }

  number(): number {
    if (typeof this.value !== "number") this.fail("a number");
    return this.value as number;
  }

  integer(low: number, high: number): number {
    const { value } = this;
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) this.fail(`an integer from ${low} to ${high}`);
    return value as number;
  }

  flag(): boolean {
    if (typeof this.value !== "boolean") this.fail("true or false");
    return this.value as boolean;
  }

  choice<T extends string>(...choices: readonly T[]): T {
    if (!choices.includes(this.value as T)) this.fail(choices.map((one) => `"${one}"`).join(" or "));
    return this.value as T;
  }

  #below(name: string, value: unknown): Place {
    const step = /^[A-Za-z_][\w-]*$/.test(name) ? name : JSON.stringify(name);
    return new Place(value, this.#file, this.#path === "" ? step : `${this.#path}.${step}`);
  }
}
