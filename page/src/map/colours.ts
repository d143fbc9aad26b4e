/** Colours of points: a perceptually even map for values, eight safe hues and four shapes for kinds. */

/** Viridis (Nuñez, Anderton and Renslow 2018 confirm it for colour vision deficiency), nine even steps. */
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** Okabe and Ito (2008), grey last. */
const KINDS_LIGHT = ["#0072b2", "#d55e00", "#007a5a", "#a0457f", "#b07800", "#3a8fc4", "#5b5b00", "#555555"];
const KINDS_DARK = ["#56b4e9", "#ff8a3d", "#2fc49a", "#dd8fbe", "#f0c03a", "#7fb4ff", "#d8d860", "#b4b4b4"];

/** Colour steps are drawn once each; more would not be told apart. */
export const STEPS = 24;
export const SHAPES = 4;

/** The colour at `t` in [0, 1]; the ends that would vanish into the background are left out. */
export function valueColour(t: number, dark: boolean): string {
  const [low, high] = dark ? [0.2, 1] : [0, 0.88];
  const x = (low + (high - low) * Math.min(1, Math.max(0, t))) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(x));
  const mixed = VIRIDIS[i].map((from, c) => Math.round(from + (x - i) * (VIRIDIS[i + 1][c] - from)));
  return `rgb(${mixed.join(" ")})`;
}

export function kindColour(kind: number, dark: boolean): string {
  const colours = dark ? KINDS_DARK : KINDS_LIGHT;
  return colours[kind % colours.length];
}

/** Kinds beyond the eight colours take the next shape. */
export function kindShape(kind: number): number {
  return Math.floor(kind / KINDS_DARK.length) % SHAPES;
}
