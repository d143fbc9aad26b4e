/** From a movement of the hand to its sound, in parts. */
export interface Part {
  name: string;
  ms: number;
}

const NAMES: Record<string, string> = {
  step: "until the next step of the model",
  codec: "decoder: look-ahead and window",
  stage: "limiter's look-ahead",
  engine: "rendered ahead",
};
/** Measured here instead. */
const OURS = new Set(["total", "lead"]);

export function latencyParts(
  server: Record<string, number>,
  here: { roundTripMs: number; levelMs: number; deviceMs: number },
): Part[] {
  const theirs = Object.entries(server).filter(([name]) => !OURS.has(name));
  return [
    { name: "control message", ms: here.roundTripMs / 2 },
    ...theirs.map(([name, ms]) => ({ name: NAMES[name] ?? name.replaceAll("_", " "), ms })),
    { name: "in hand in this tab", ms: here.levelMs },
    { name: "sound device", ms: here.deviceMs },
  ];
}
