import type { Alltoallv, ReceivedStep, SendStep } from "lagbag";
import { differenceOf, messageOf } from "./messages.js";

/** Writes and publishes what this rank has to send. */
export function sendAll(collective: Alltoallv, send: SendStep, seed: number): void {
  const lengths = Array.from({ length: collective.ranks }, (_, receiver) => {
    const message = messageOf({ seed, step: send.step, source: collective.rank, receiver });
    send.segment(receiver).set(message);
    return message.length;
  });
  send.publish(lengths);
}

/** What is wrong with the messages of a step, if anything. */
export function checkAll(collective: Alltoallv, received: ReceivedStep, seed: number): string | undefined {
  for (let source = 0; source < collective.ranks; source += 1) {
    const wrong = differenceOf(received.segment(source), { seed, step: received.step, source, receiver: collective.rank });
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
