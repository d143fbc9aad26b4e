/** Which moment is meant: the nearest to a pixel, or the next in a direction. A scan of 10,000 takes some 30 µs. */

/** Index of the point nearest to (x, y), or -1 if none lies within `reach` pixels. */
export function nearest(xs: Float32Array, ys: Float32Array, x: number, y: number, reach = Infinity): number {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; i < xs.length; i++) {
    const dx = xs[i] - x;
    const dy = ys[i] - y;
    const distance = dx * dx + dy * dy;
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

/** The next point from point `from` towards (dx, dy): near, and not far off the way. */
export function towards(xs: Float32Array, ys: Float32Array, from: number, dx: number, dy: number): number {
  let best = from;
  let least = Infinity;
  for (let i = 0; i < xs.length; i++) {
    const along = (xs[i] - xs[from]) * dx + (ys[i] - ys[from]) * dy;
    const aside = Math.abs((xs[i] - xs[from]) * dy - (ys[i] - ys[from]) * dx);
    if (along <= 1 || aside > along) continue;
    const cost = along + 2 * aside;
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  return best;
}
