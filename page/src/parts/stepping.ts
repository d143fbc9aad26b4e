/** The keys of the ARIA slider pattern: arrows one step, page keys ten, Home and End the limits. */
export interface Range {
  low: number;
  high: number;
  step: number;
}

/** The value after a key, or null if the key means nothing here. */
export function afterKey(key: string, value: number, range: Range): number | null {
  const steps: Record<string, number> = {
    ArrowUp: 1,
    ArrowRight: 1,
    ArrowDown: -1,
    ArrowLeft: -1,
    PageUp: 10,
    PageDown: -10,
  };
  if (key === "Home") return range.low;
  if (key === "End") return range.high;
  return key in steps ? held(value + steps[key] * range.step, range) : null;
}

/** The nearest step inside the range. */
export function held(value: number, range: Range): number {
  const snapped = Math.round(value / range.step) * range.step;
  return Math.min(range.high, Math.max(range.low, Number(snapped.toFixed(6))));
}

/** A step of a hundredth of the range, as a round number. */
export function stepOf(low: number, high: number): number {
  const rough = (high - low) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.99) ?? rough;
}
