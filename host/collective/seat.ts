import { EmbeddingError } from "../errors.js";

/**
 * Room for one step that a rank has reserved, or received: there is one at a time of each kind. It is free, or awaited by a call, or
 * held by the step that the call returned.
 */
export class Seat<Step extends { readonly step: number }> {
  readonly #rank: number;
  readonly #act: string;
  readonly #heldAs: string;
  #occupant: Step | "awaited" | undefined;

  /** act: the call that takes the seat. heldAs: what the step is until it leaves, for messages. */
  constructor({ rank, act, heldAs }: { rank: number; act: string; heldAs: string }) {
    this.#rank = rank;
    this.#act = act;
    this.#heldAs = heldAs;
  }

  /** Whether a call waits for a step to sit here. */
  get isAwaited(): boolean {
    return this.#occupant === "awaited";
  }

  /**
   * A call begins to wait.
   * @throws EmbeddingError EMBEDDING_PROTOCOL when another does, or its step is still there
   */
  await(): void {
    if (this.#occupant === undefined) {
      this.#occupant = "awaited";
      return;
    }
    const got =
      this.#occupant === "awaited" ? `a second ${this.#act}` : `${this.#act} while step ${this.#occupant.step} is ${this.#heldAs}`;
    throw this.orderError(got, "one step at a time");
  }

  hold(step: Step): Step {
    this.#occupant = step;
    return step;
  }

  free(): void {
    this.#occupant = undefined;
  }

  orderError(got: string, expected: string): EmbeddingError {
    return new EmbeddingError("EMBEDDING_PROTOCOL", `rank ${this.#rank}: got ${got}, expected ${expected}`, {
      rank: this.#rank,
      got,
      expected,
    });
  }
}
