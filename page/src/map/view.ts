/** What part of the map is seen: data -> [0, 1] -> pixels. */
import type { Scale } from "./corpus";

const CLOSEST = 40;
const FARTHEST = 0.5;

export class View {
  width = 1;
  height = 1;
  /** Data in the unit square, shown magnified and shifted. */
  zoom = 1;
  centreX = 0.5;
  centreY = 0.5;

  constructor(
    public margin = { left: 30, right: 56, top: 62, bottom: 20 },
  ) {}

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
  }

  private get spanX(): number {
    return Math.max(1, this.width - this.margin.left - this.margin.right) * this.zoom;
  }

  private get spanY(): number {
    return Math.max(1, this.height - this.margin.top - this.margin.bottom) * this.zoom;
  }

  private get originX(): number {
    return this.margin.left + (this.width - this.margin.left - this.margin.right) / 2;
  }

  private get originY(): number {
    return this.margin.top + (this.height - this.margin.top - this.margin.bottom) / 2;
  }

  toX(unit: number): number {
    return this.originX + (unit - this.centreX) * this.spanX;
  }

  toY(unit: number): number {
    return this.originY - (unit - this.centreY) * this.spanY;
  }

  unitX(pixel: number): number {
    return this.centreX + (pixel - this.originX) / this.spanX;
  }

  unitY(pixel: number): number {
    return this.centreY - (pixel - this.originY) / this.spanY;
  }

  /** Magnifies by `factor` and keeps what lies under the pixel there. */
  zoomAt(x: number, y: number, factor: number): void {
    const [ux, uy] = [this.unitX(x), this.unitY(y)];
    this.zoom = Math.min(CLOSEST, Math.max(FARTHEST, this.zoom * factor));
    this.centreX += ux - this.unitX(x);
    this.centreY += uy - this.unitY(y);
    this.hold();
  }

  pan(dx: number, dy: number): void {
    this.centreX -= dx / this.spanX;
    this.centreY += dy / this.spanY;
    this.hold();
  }

  reset(): void {
    [this.zoom, this.centreX, this.centreY] = [1, 0.5, 0.5];
  }

  /** The data never leaves the window altogether. */
  private hold(): void {
    this.centreX = Math.min(1.2, Math.max(-0.2, this.centreX));
    this.centreY = Math.min(1.2, Math.max(-0.2, this.centreY));
  }
}

/** A shown value as a share of its scale. */
export function toUnit(scale: Scale, shown: number): number {
  return (shown - scale.low) / (scale.high - scale.low || 1);
}

export function fromUnit(scale: Scale, unit: number): number {
  return scale.low + unit * (scale.high - scale.low);
}
