/** Numbers as they are read. */

export function decimals(knob: { low: number; high: number }): number {
  const span = knob.high - knob.low;
  return span > 500 ? 0 : span > 20 ? 1 : 2;
}

/** A knob's number, with a true minus sign. */
export function figure(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace("-", "−");
}

export function withUnit(value: number, digits: number, unit: string): string {
  return figure(value, digits) + (unit ? ` ${unit}` : "");
}

/** Reads what was typed: comma or point, minus or hyphen, unit or none. */
export function parse(text: string): number {
  return Number.parseFloat(text.replace("−", "-").replace(",", "."));
}

/** A measured value, short: some are very small. */
export function measured(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "–";
  if (unit === "Hz" && value >= 1000) return `${(value / 1000).toFixed(1)} kHz`;
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return withUnit(value, 2 - Math.ceil(Math.log10(size)) - 1, unit);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return withUnit(value, digits, unit);
}

/** 0:07.3 or 1:02 */
export function clock(seconds: number, tenths = true): string {
  const minutes = Math.floor(seconds / 60);
  const rest = tenths ? (seconds % 60).toFixed(1).padStart(4, "0") : String(Math.floor(seconds % 60)).padStart(2, "0");
  return `${minutes}:${rest}`;
}

/** A path's last part, without the suffix. */
export function shortName(sound: string): string {
  const last = sound.split(/[\\/]/).at(-1) ?? sound;
  return last.replace(/\.(wav|flac|ogg|mp3|aiff?|opus)$/i, "");
}
