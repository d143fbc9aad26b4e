/** Dragging with the pointer: how far from where it began, until it ends. */
export interface Drag {
  move(dx: number, dy: number, event: PointerEvent): void;
  end?(moved: boolean): void;
}

const STILL_PX = 3;

export function drag(event: PointerEvent, handlers: Drag): void {
  const target = event.currentTarget as HTMLElement;
  const { clientX, clientY, pointerId } = event;
  let moved = false;
  target.setPointerCapture(pointerId);
  const move = (e: PointerEvent): void => {
    if (e.pointerId !== pointerId) return;
    const [dx, dy] = [e.clientX - clientX, e.clientY - clientY];
    moved ||= Math.hypot(dx, dy) > STILL_PX;
    if (moved) handlers.move(dx, dy, e);
  };
  const end = (e: PointerEvent): void => {
    if (e.pointerId !== pointerId) return;
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
    handlers.end?.(moved);
  };
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}
