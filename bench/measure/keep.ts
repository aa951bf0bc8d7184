let kept = 0;

/** Takes a value that nobody needs, so that the work behind it is not optimised away: V8 does not know that this state is never looked at. */
export function keep(value: number): void {
  kept = (kept ^ value) | 0;
}
