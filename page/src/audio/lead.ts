/**
 * How far ahead of the device the ring is kept: raised at once after an underrun, lowered while all is calm.
 *
 * Lowering needs nothing to be dropped: the server sends to the level it is told, so the ring simply drains.
 */
export const LOWEST_MS = 30;
export const HIGHEST_MS = 200;
export const FIRST_MS = 140;

const RAISE_MS = 30;
const LOWER_MS = 5;
/** Spare time that has to stay in the ring while the lead is lowered. */
const MARGIN_MS = 50;
const CALM_S = 10;

export class Lead {
  ms = FIRST_MS;
  private calm = 0;
  private spare = Infinity;
  /** After an underrun the lead does not go below this for a while. */
  private floor = LOWEST_MS;

  /** Every `seconds`: the lowest level since the last call, in ms, and how many underruns there were. */
  update(seconds: number, lowestMs: number, underruns: number): number {
    if (underruns > 0) return this.raise();
    this.calm += seconds;
    this.spare = Math.min(this.spare, lowestMs);
    if (this.calm >= CALM_S) this.settle();
    return this.ms;
  }

  private raise(): number {
    this.floor = Math.min(HIGHEST_MS, this.ms + RAISE_MS / 2);
    this.ms = Math.min(HIGHEST_MS, this.ms + RAISE_MS);
    this.calm = 0;
    this.spare = Infinity;
    return this.ms;
  }

  private settle(): void {
    const wished = this.ms - LOWER_MS;
    if (this.spare > MARGIN_MS + LOWER_MS) this.ms = Math.max(this.floor, wished, LOWEST_MS);
    this.floor = Math.max(LOWEST_MS, this.floor - 1);
    this.calm = 0;
    this.spare = Infinity;
  }
}
