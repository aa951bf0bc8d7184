import { seededRandom } from "../../cases/random.js";

/** Which message of which run. */
export interface MessagePlace {
  seed: number;
  step: number;
  source: number;
  receiver: number;
}

/** Most bytes of a message; a few are empty, a few are as long as this. */
export const MESSAGE_BYTES = 200;

/** What the source has to send: bytes that no other message has, of a length that no other message tells. */
export function messageOf({ seed, step, source, receiver }: MessagePlace): Uint8Array {
  const random = seededRandom(((seed * 31 + step) * 31 + source) * 31 + receiver);
  const kind = random();
  const length = kind < 0.2 ? 0 : kind > 0.9 ? MESSAGE_BYTES : Math.floor(random() * MESSAGE_BYTES);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** What is wrong with a received message, if anything. */
export function differenceOf(got: Uint8Array, place: MessagePlace): string | undefined {
  const expected = messageOf(place);
  const where = `step ${place.step}, from ${place.source} to ${place.receiver}`;
  if (got.length !== expected.length) return `${where}: got ${got.length} bytes, expected ${expected.length}`;
  const at = expected.findIndex((byte, n) => byte !== got[n]);
  return at < 0 ? undefined : `${where}: byte ${at}: got ${got[at]}, expected ${expected[at]}`;
}
