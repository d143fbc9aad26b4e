/** The map on its two canvases: the points, redrawn when the view changes, and what moves above them. */
import type { Corpus, Scale } from "./corpus";
import { Painter, type Look } from "./painter";
import { nearest, towards } from "./picking";
import { View, fromUnit, toUnit } from "./view";

const TRAIL_MS = 1400;
/** While the view moves, the painted points are moved as a picture, and painted again this often. */
const REPAINT_MS = 140;

export interface Ink {
  ink: string;
  soft: string;
  faint: string;
  accent: string;
  paper: string;
}

export class Scene {
  readonly view = new View();
  trailing = true;
  /** Pictures drawn, and frames in which there was nothing to draw. */
  frames = 0;

  private cursor = -1;
  private line: number[] = [];
  /** Something above the points has changed. */
  private restless = true;

  private readonly painter = new Painter();
  private readonly under: CanvasRenderingContext2D;
  private readonly over: CanvasRenderingContext2D;
  private ratio = 1;
  private xs = new Float32Array(0);
  private ys = new Float32Array(0);
  private stale = true;
  /** The view was moved since the points were painted; nothing else has changed. */
  private shifted = false;
  private painted = { x0: 0, y0: 0, x1: 1, y1: 1, at: -REPAINT_MS };
  private look: Look | null = null;
  private prepared = false;
  /** Where the sound is, in shares of the two scales. */
  private place: [number, number] | null = null;
  private shownPlace: [number, number] | null = null;
  private projected = false;
  private trail: { x: number; y: number; at: number }[] = [];
  private lastFrame = 0;

  constructor(
    readonly corpus: Corpus,
    private readonly points: HTMLCanvasElement,
    overlay: HTMLCanvasElement,
    public x: Scale,
    public y: Scale,
    private ink: Ink,
  ) {
    this.under = points.getContext("2d") as CanvasRenderingContext2D;
    this.over = overlay.getContext("2d") as CanvasRenderingContext2D;
  }

  /** True where dragging can move the place itself; on descriptors it goes from moment to moment. */
  get continuous(): boolean {
    return this.x.axis >= 0 && this.y.axis >= 0 && this.x.axis !== this.y.axis;
  }

  setAxes(x: Scale, y: Scale): void {
    [this.x, this.y] = [x, y];
    this.trail = [];
    this.place = this.shownPlace = null;
    this.view.reset();
    this.stale = true;
    this.projected = false;
  }

  setLook(look: Look, ink: Ink): void {
    [this.look, this.ink] = [look, ink];
    this.prepared = false;
    this.stale = true;
  }

  resize(width: number, height: number, ratio: number): void {
    this.view.resize(width, height);
    this.prepared = false;
    this.ratio = ratio;
    for (const { canvas } of [this.under, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.stale = true;
    this.projected = false;
  }

  /** What is marked: the moment under the pointer or the keys (or -1), and the ends of a line. */
  mark(cursor: number, line: number[]): void {
    [this.cursor, this.line] = [cursor, line];
    this.restless = true;
  }

  /** The view was moved. */
  touch(): void {
    this.restless = true;
    this.projected = false;
    this.shifted = true;
  }

  pick(x: number, y: number, reach?: number): number {
    this.project();
    return nearest(this.xs, this.ys, x, y, reach);
  }

  step(from: number, dx: number, dy: number): number {
    this.project();
    if (from < 0) return this.pick(this.view.width / 2, this.view.height / 2);
    return towards(this.xs, this.ys, from, dx, dy);
  }

  /** Pixel of a moment. */
  at(moment: number): [number, number] {
    this.project();
    return [this.xs[moment], this.ys[moment]];
  }

  /** The data's coordinates under a pixel. */
  dataAt(x: number, y: number): [number, number] {
    return [fromUnit(this.x, this.view.unitX(x)), fromUnit(this.y, this.view.unitY(y))];
  }

  /** Where the sound is: coordinates on all axes, as the engine reports them. */
  follow(coordinates: number[] | null, moment: number): void {
    this.place = coordinates && this.continuous ? this.onAxes(coordinates) : this.onMoment(moment);
  }

  /** Where the pointer has just taken the sound; the engine's word comes later. */
  lead(x: number, y: number): void {
    this.place = [this.view.unitX(x), this.view.unitY(y)];
    this.shownPlace = this.place;
    this.restless = true;
  }

  /** Shows a moment that lies outside the window. */
  reveal(moment: number): void {
    const [x, y] = this.at(moment);
    const { width, height } = this.view;
    const dx = Math.max(0, 40 - x) || Math.min(0, width - 40 - x);
    const dy = Math.max(0, 60 - y) || Math.min(0, height - 30 - y);
    if (dx || dy) {
      this.view.pan(dx, dy);
      this.touch();
    }
  }

  /** One animation frame. */
  draw(now: number): void {
    const elapsed = Math.min(100, now - this.lastFrame);
    this.lastFrame = now;
    this.frames++;
    if (this.look && !this.prepared) {
      this.painter.prepare(this.corpus, this.look, this.ratio, this.view.width * this.view.height);
      this.prepared = true;
    }
    this.restless ||= this.stale;
    if (this.stale || (this.shifted && now - this.painted.at > REPAINT_MS)) this.paint(now);
    else if (this.shifted) this.shift();
    if (this.glide(elapsed, now) || this.restless) this.drawOver(now);
    this.restless = false;
  }

  private paint(now: number): void {
    this.project();
    this.painter.paint(this.under, this.xs, this.ys);
    this.points.style.transform = "";
    const { view } = this;
    this.painted = { x0: view.toX(0), y0: view.toY(0), x1: view.toX(1), y1: view.toY(1), at: now };
    this.stale = this.shifted = false;
  }

  /** Moves the picture of the points to where they are now. */
  private shift(): void {
    const { view, painted } = this;
    const scale = (view.toX(1) - view.toX(0)) / (painted.x1 - painted.x0);
    const [dx, dy] = [view.toX(0) - scale * painted.x0, view.toY(0) - scale * painted.y0];
    this.points.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  private project(): void {
    if (this.projected && this.xs.length) return;
    this.projected = true;
    const { corpus, view, x, y } = this;
    if (this.xs.length !== corpus.size) [this.xs, this.ys] = [new Float32Array(corpus.size), new Float32Array(corpus.size)];
    for (let i = 0; i < corpus.size; i++) {
      this.xs[i] = view.toX(toUnit(x, x.shown[i]));
      this.ys[i] = view.toY(toUnit(y, y.shown[i]));
    }
  }

  private onAxes(coordinates: number[]): [number, number] | null {
    const [x, y] = [coordinates[this.x.axis], coordinates[this.y.axis]];
    return x === undefined || y === undefined ? null : [toUnit(this.x, x), toUnit(this.y, y)];
  }

  private onMoment(moment: number): [number, number] | null {
    if (!(moment >= 0 && moment < this.corpus.size)) return null;
    const unit: [number, number] = [toUnit(this.x, this.x.shown[moment]), toUnit(this.y, this.y.shown[moment])];
    return Number.isFinite(unit[0] + unit[1]) ? unit : null;
  }

  /** Lets the ring follow the sound; whether it, or what is left of its trail, has moved. */
  private glide(elapsed: number, now: number): boolean {
    if (!this.place) return false;
    const before = this.shownPlace;
    this.shownPlace ??= this.place;
    const share = 1 - Math.exp(-elapsed / 70);
    const [x, y] = this.shownPlace;
    this.shownPlace = [x + share * (this.place[0] - x), y + share * (this.place[1] - y)];
    const last = this.trail.at(-1);
    const far = !last || Math.hypot(last.x - this.shownPlace[0], last.y - this.shownPlace[1]) > 0.002;
    if (this.trailing && far) this.trail.push({ x: this.shownPlace[0], y: this.shownPlace[1], at: now });
    const trailed = this.trail.length > 1;
    while (this.trail.length && now - this.trail[0].at > TRAIL_MS) this.trail.shift();
    if (Math.hypot(this.place[0] - this.shownPlace[0], this.place[1] - this.shownPlace[1]) < 1e-4) {
      this.shownPlace = this.place;
    }
    return before?.[0] !== this.shownPlace[0] || before?.[1] !== this.shownPlace[1] || trailed;
  }

  private drawOver(now: number): void {
    const { over, view } = this;
    over.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    over.clearRect(0, 0, view.width, view.height);
    this.drawLine();
    this.drawTrail(now);
    if (this.shownPlace) this.ring(view.toX(this.shownPlace[0]), view.toY(this.shownPlace[1]), 11, 3);
    if (this.cursor >= 0 && this.cursor < this.corpus.size) this.drawCursor();
  }

  private drawTrail(now: number): void {
    const { over, view, trail } = this;
    over.strokeStyle = this.ink.accent;
    over.lineCap = "round";
    for (let i = 1; i < trail.length; i++) {
      const age = 1 - (now - trail[i].at) / TRAIL_MS;
      over.globalAlpha = 0.55 * Math.max(0, age);
      over.lineWidth = 1 + 2.5 * Math.max(0, age);
      over.beginPath();
      over.moveTo(view.toX(trail[i - 1].x), view.toY(trail[i - 1].y));
      over.lineTo(view.toX(trail[i].x), view.toY(trail[i].y));
      over.stroke();
    }
    over.globalAlpha = 1;
  }

  private drawLine(): void {
    const { over } = this;
    const ends = this.line.map((moment) => this.at(moment));
    if (ends.length === 2) {
      over.strokeStyle = this.ink.soft;
      over.lineWidth = 1.5;
      over.setLineDash([5, 5]);
      over.beginPath();
      over.moveTo(...ends[0]);
      over.lineTo(...ends[1]);
      over.stroke();
      over.setLineDash([]);
    }
    ends.forEach(([x, y], i) => this.letter(x, y, i === 0 ? "A" : "B"));
  }

  private letter(x: number, y: number, letter: string): void {
    const { over } = this;
    this.disc(x, y, 9, this.ink.ink);
    over.fillStyle = this.ink.paper;
    over.font = "600 11px 'Inter Variable', system-ui, sans-serif";
    over.textAlign = "center";
    over.textBaseline = "middle";
    over.fillText(letter, x, y + 0.5);
  }

  private drawCursor(): void {
    const [x, y] = this.at(this.cursor);
    const { over } = this;
    over.strokeStyle = this.ink.paper;
    over.lineWidth = 4;
    over.beginPath();
    over.arc(x, y, 7, 0, 2 * Math.PI);
    over.stroke();
    over.strokeStyle = this.ink.ink;
    over.lineWidth = 1.75;
    over.stroke();
  }

  private ring(x: number, y: number, radius: number, width: number): void {
    const { over } = this;
    over.beginPath();
    over.arc(x, y, radius, 0, 2 * Math.PI);
    over.strokeStyle = this.ink.paper;
    over.lineWidth = width + 3;
    over.stroke();
    over.strokeStyle = this.ink.accent;
    over.lineWidth = width;
    over.stroke();
    this.disc(x, y, 2.5, this.ink.accent);
  }

  private disc(x: number, y: number, radius: number, colour: string): void {
    this.over.fillStyle = colour;
    this.over.beginPath();
    this.over.arc(x, y, radius, 0, 2 * Math.PI);
    this.over.fill();
  }
}
