/** Keys that mean the same everywhere on the page. */
import { instrument } from "./instrument.svelte";

const NATIVE = "button, a, select, summary, [role=tab]";

export function pressed(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const typing = target.matches("input, textarea") || target.isContentEditable;
  if (event.ctrlKey || event.metaKey || event.altKey || typing || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === " " && target.matches(NATIVE)) return;
  const action = ACTIONS[key];
  if (!action || event.repeat) return;
  event.preventDefault();
  action();
}

const ACTIONS: Record<string, () => void> = {
  " ": () => instrument.toggle(),
  r: () => instrument.record(),
  k: () => void instrument.keepRecent(),
  m: () => document.querySelector<HTMLElement>("[role=application]")?.focus(),
  "?": () => (instrument.helpOpen = true),
  Escape: () => instrument.panic(),
};

/** A button that was clicked lets go of the keyboard, so that Space stays with play. */
export function clicked(event: MouseEvent): void {
  const button = (event.target as HTMLElement).closest<HTMLElement>("button");
  if (event.detail > 0 && button && !button.closest("dialog")) button.blur();
}
