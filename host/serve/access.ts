import { createHash, timingSafeEqual } from "node:crypto";
import { RequestError } from "./protocol/request-error.js";

/** Who may ask: everybody without a token, else who shows it. */
export class Access {
  readonly #hash: Buffer | undefined;

  constructor(token: string | undefined) {
    this.#hash = token === undefined ? undefined : hash(token);
  }

  /** Nobody is asked for a token. */
  get isOpen(): boolean {
    return this.#hash === undefined;
  }

  /**
   * Checks an Authorization header ("Bearer TOKEN"). Takes the same time whatever is wrong with it: hashes of one length are compared.
   * @throws RequestError "unauthenticated"
   */
  check(authorization: string | undefined): void {
    if (this.#hash === undefined) return;
    const token = /^Bearer +(.+)$/i.exec(authorization ?? "")?.[1] ?? "";
    if (!timingSafeEqual(hash(token), this.#hash)) {
      throw new RequestError("unauthenticated", "authorization: got no valid token, expected Authorization: Bearer TOKEN");
    }
  }
}

function hash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Whether an address to listen on is this machine's own only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
