/**
 * A ring of interleaved sound between one writer (the worker) and one reader (the worklet).
 *
 * Memory: CELLS 32-bit integers, then `frames * channels` 32-bit floats. `frames` is a power of two; the two
 * counters run on for ever (modulo 2^32) and are masked when used, so full and empty are never confused.
 * Works on shared memory, and on ordinary memory where the reader owns it alone.
 */
export const FRAMES = 1 << 15;

const WRITTEN = 0;
const READ = 1;
/** 1 while a stream is due: running dry is then an underrun, else it is silence. */
const DUE = 2;
const UNDERRUNS = 3;
/** Frames the reader waits for before it starts. */
const LEAD = 4;
/** The lowest level seen since it was last taken. */
const LOWEST = 5;
const CELLS = 8;

export class Ring {
  private readonly cells: Int32Array;
  private readonly sound: Float32Array;

  constructor(
    memory: ArrayBufferLike,
    readonly channels: number,
  ) {
    this.cells = new Int32Array(memory, 0, CELLS);
    this.sound = new Float32Array(memory, CELLS * 4, FRAMES * channels);
  }

  static bytes(channels: number): number {
    return CELLS * 4 + FRAMES * channels * 4;
  }

  get level(): number {
    return (Atomics.load(this.cells, WRITTEN) - Atomics.load(this.cells, READ)) | 0;
  }

  get due(): boolean {
    return Atomics.load(this.cells, DUE) === 1;
  }

  set due(value: boolean) {
    Atomics.store(this.cells, DUE, value ? 1 : 0);
  }

  get lead(): number {
    return Atomics.load(this.cells, LEAD);
  }

  set lead(frames: number) {
    Atomics.store(this.cells, LEAD, frames);
  }

  get underruns(): number {
    return Atomics.load(this.cells, UNDERRUNS);
  }

  countUnderrun(): void {
    Atomics.add(this.cells, UNDERRUNS, 1);
  }

  /** Reader: remember the level if it is the lowest so far. */
  noteLevel(frames: number): void {
    if (frames < Atomics.load(this.cells, LOWEST)) Atomics.store(this.cells, LOWEST, frames);
  }

  /** Writer: the lowest level since the last call. */
  takeLowest(): number {
    return Atomics.exchange(this.cells, LOWEST, FRAMES);
  }

  /** Writer: append interleaved sound; what does not fit is left out. Returns the frames taken. */
  push(sound: Float32Array): number {
    const frames = Math.min(sound.length / this.channels, FRAMES - this.level);
    const start = Atomics.load(this.cells, WRITTEN);
    const first = Math.min(frames, FRAMES - (start & (FRAMES - 1)));
    const cut = first * this.channels;
    this.sound.set(sound.subarray(0, cut), (start & (FRAMES - 1)) * this.channels);
    this.sound.set(sound.subarray(cut, frames * this.channels), 0);
    Atomics.store(this.cells, WRITTEN, (start + frames) | 0);
    return frames;
  }

  /** Reader: take `frames` frames (they must be there) into one array per output channel. */
  pull(outputs: Float32Array[], frames: number): void {
    const start = Atomics.load(this.cells, READ);
    for (let c = 0; c < outputs.length; c++) {
      const from = Math.min(c, this.channels - 1);
      const out = outputs[c];
      for (let i = 0; i < frames; i++) {
        out[i] = this.sound[((start + i) & (FRAMES - 1)) * this.channels + from];
      }
    }
    Atomics.store(this.cells, READ, (start + frames) | 0);
  }

  /** Reader: forget all but the newest `frames` frames. */
  skipTo(frames: number): void {
    const surplus = this.level - frames;
    if (surplus > 0) Atomics.add(this.cells, READ, surplus);
  }
}
