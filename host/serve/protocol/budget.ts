import { RequestError } from "./request-error.js";

/** Bytes that all requests under way may hold together: bodies and answers. */
export class ByteBudget {
  readonly limitBytes: number;
  usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** @throws RequestError "busy" when that would be too much; nothing is taken then */
  take(bytes: number): void {
    if (this.usedBytes + bytes > this.limitBytes) {
      throw new RequestError(
        "busy",
        `requests under way hold ${this.usedBytes} bytes, ${bytes} more would pass the limit of ${this.limitBytes}: try again later`,
      );
    }
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
