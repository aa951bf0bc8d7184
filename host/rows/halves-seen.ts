/** Up to this part of a shard's halves may be subnormal: then what they cost, on processors where they cost much, is lost among the others. */
const FEW = 1 / 1024;
const INFINITY = 0x7c00;
const SMALLEST_NORMAL = 0x400;

/** Keeps count of the halves that a shard is given, for the choice between the kernel for all halves and the short one for finite ones. */
export class HalvesSeen {
  #all = 0;
  #subnormal = 0;
  #special = 0;

  see(half: number): void {
    const magnitude = half & 0x7fff;
    this.#all += 1;
    if (magnitude >= INFINITY) this.#special += 1;
    else if (magnitude > 0 && magnitude < SMALLEST_NORMAL) this.#subnormal += 1;
  }

  /** No infinity, no NaN, hardly a subnormal. */
  get areOrdinary(): boolean {
    return this.#special === 0 && this.#subnormal <= this.#all * FEW;
  }
}
