/** Draws the points once per view into a canvas, from small pictures of each colour, shape and size. */
import { STEPS, kindColour, kindShape, valueColour } from "./colours";
import type { Corpus, Scale } from "./corpus";

const SIZES = 6;
const CELL = 24;

export interface Look {
  dark: boolean;
  /** What colours the points: a scale, or null for the sound they come from. */
  colour: Scale | null;
  /** What sizes them, where it is known. */
  size: Scale | null;
}

/** Per point: which picture. Changes with the look, not with the view. */
export class Painter {
  private readonly sheet: HTMLCanvasElement = document.createElement("canvas");
  private picture = new Uint16Array(0);
  private ratio = 1;

  /** `room` in square pixels: a small window gets small points. */
  prepare(corpus: Corpus, look: Look, ratio: number, room: number): void {
    this.ratio = ratio;
    const pens = look.colour ? valuePens(look.dark) : kindPens(corpus, look.dark);
    this.drawSheet(pens, (2.1 + 160 / (corpus.size + 90)) * Math.min(1, Math.max(0.62, Math.sqrt(room / 450_000))));
    this.picture = Uint16Array.from({ length: corpus.size }, (_, i) => {
      const pen = look.colour ? step(look.colour.shown[i], look.colour.colours, STEPS) : corpus.source[i] % (pens.length - 1);
      return (pen < 0 ? pens.length - 1 : pen) * SIZES + (look.size ? Math.max(0, step(look.size.shown[i], look.size.colours, SIZES)) : 2);
    });
  }

  paint(context: CanvasRenderingContext2D, xs: Float32Array, ys: Float32Array): void {
    const { canvas } = context;
    const cell = CELL * this.ratio;
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < xs.length; i++) {
      const x = xs[i] * this.ratio - cell / 2;
      const y = ys[i] * this.ratio - cell / 2;
      if (!(x > -cell && y > -cell && x < canvas.width && y < canvas.height)) continue;
      const at = this.picture[i];
      context.drawImage(this.sheet, (at % SIZES) * cell, Math.floor(at / SIZES) * cell, cell, cell, x, y, cell, cell);
    }
  }

  private drawSheet(pens: Pen[], base: number): void {
    const cell = CELL * this.ratio;
    this.sheet.width = SIZES * cell;
    this.sheet.height = pens.length * cell;
    const context = this.sheet.getContext("2d") as CanvasRenderingContext2D;
    context.scale(this.ratio, this.ratio);
    pens.forEach((pen, row) => {
      context.fillStyle = pen.colour;
      context.globalAlpha = pen.alpha;
      for (let size = 0; size < SIZES; size++) {
        const radius = base * (0.62 + (0.95 * size) / (SIZES - 1));
        drawShape(context, pen.shape, (size + 0.5) * CELL, (row + 0.5) * CELL, radius);
      }
    });
  }
}

interface Pen {
  colour: string;
  shape: number;
  alpha: number;
}

function unknownPen(dark: boolean): Pen {
  return { colour: dark ? "#6a7078" : "#a6a9ae", shape: 0, alpha: 0.55 };
}

function valuePens(dark: boolean): Pen[] {
  const pens = Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1));
  return [...pens.map((t) => ({ colour: valueColour(t, dark), shape: 0, alpha: 0.82 })), unknownPen(dark)];
}

function kindPens(corpus: Corpus, dark: boolean): Pen[] {
  const count = Math.min(32, Math.max(1, corpus.info.sounds.length));
  const pens = Array.from({ length: count }, (_, i) => i);
  return [
    ...pens.map((i) => ({ colour: kindColour(i, dark), shape: kindShape(i), alpha: 0.82 })),
    unknownPen(dark),
  ];
}

/** A value's place in its range in whole steps; -1 where it is unknown. */
function step(value: number, [low, high]: [number, number], steps: number): number {
  const t = (value - low) / (high - low || 1);
  return Number.isFinite(t) ? Math.min(steps - 1, Math.max(0, Math.floor(t * steps))) : -1;
}

/** A disc, a square, a triangle or a diamond of about the same area. */
export function drawShape(context: CanvasRenderingContext2D, shape: number, x: number, y: number, r: number): void {
  context.beginPath();
  if (shape === 0) context.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  else polygon(context, x, y, shape === 2 ? 3 : 4, 1.3 * r);
  context.fill();
}

function polygon(context: CanvasRenderingContext2D, x: number, y: number, corners: number, r: number): void {
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
}
