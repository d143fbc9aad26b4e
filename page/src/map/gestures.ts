/** Pointers over the map: hover, tap, drag the sound, move and magnify the view. */
import type { View } from "./view";

const STILL_PX = 4;

export interface Handlers {
  hover(x: number, y: number): void;
  leave(): void;
  tap(x: number, y: number): void;
  drag(x: number, y: number): void;
  drop(): void;
  /** The view has moved. */
  viewed(): void;
}

interface Finger {
  x: number;
  y: number;
}

export class Gestures {
  private readonly fingers = new Map<number, Finger>();
  private start: Finger | null = null;
  private mode: "none" | "press" | "drag" | "view" = "none";

  constructor(
    private readonly element: HTMLElement,
    private readonly view: View,
    private readonly handlers: Handlers,
  ) {}

  down(event: PointerEvent): void {
    const finger = this.locate(event);
    this.element.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, finger);
    const moving = event.button === 1 || event.button === 2 || event.shiftKey || this.fingers.size > 1;
    if (this.mode === "drag" && moving) this.handlers.drop();
    this.mode = moving ? "view" : "press";
    this.start = finger;
  }

  move(event: PointerEvent): void {
    const finger = this.locate(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.handlers.hover(finger.x, finger.y);
      return;
    }
    if (this.mode === "view") this.moveView(event.pointerId, before, finger);
    else this.play(finger);
    this.fingers.set(event.pointerId, finger);
  }

  up(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.mode === "press" && this.start && event.type === "pointerup") this.handlers.tap(this.start.x, this.start.y);
    if (this.mode === "drag") this.handlers.drop();
    if (this.fingers.size === 0) this.mode = "none";
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const { x, y } = this.locate(event);
    const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
    this.view.zoomAt(x, y, Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0016)));
    this.handlers.viewed();
  }

  private play(finger: Finger): void {
    if (!this.start) return;
    if (this.mode === "press" && Math.hypot(finger.x - this.start.x, finger.y - this.start.y) > STILL_PX) {
      this.mode = "drag";
    }
    if (this.mode === "drag") this.handlers.drag(finger.x, finger.y);
  }

  /** One pointer pans; the distance of two magnifies about their middle. */
  private moveView(id: number, before: Finger, finger: Finger): void {
    const share = 1 / this.fingers.size;
    this.view.pan((finger.x - before.x) * share, (finger.y - before.y) * share);
    const other = [...this.fingers].find(([key]) => key !== id)?.[1];
    if (other) {
      const factor = apart(finger, other) / Math.max(1, apart(before, other));
      this.view.zoomAt((finger.x + other.x) / 2, (finger.y + other.y) / 2, factor);
    }
    this.handlers.viewed();
  }

  private locate(event: MouseEvent): Finger {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function apart(a: Finger, b: Finger): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
