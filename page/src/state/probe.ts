/** `window.timbrespace`: what measurements and tests may ask of the page. */
const probe: Record<string, unknown> = {};

export function expose(what: Record<string, unknown>): void {
  Object.assign(probe, what);
  Object.assign(window, { timbrespace: probe });
}
