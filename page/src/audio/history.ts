/** The newest sound that went to the device, kept for tests and measurements. */
export class History {
  private readonly kept: Float32Array[];
  private position = 0;

  constructor(
    channels: number,
    private readonly capacity: number,
  ) {
    this.kept = Array.from({ length: channels }, () => new Float32Array(capacity));
  }

  push(block: Float32Array[], frames: number): void {
    const first = Math.min(frames, this.capacity - this.position);
    this.kept.forEach((channel, c) => {
      const source = block[Math.min(c, block.length - 1)];
      channel.set(source.subarray(0, first), this.position);
      if (first < frames) channel.set(source.subarray(first, frames), 0);
    });
    this.position = (this.position + frames) % this.capacity;
  }

  /** The last `frames` frames, oldest first, one array per channel. */
  last(frames: number): Float32Array[] {
    const n = Math.min(frames, this.capacity);
    const start = (this.position - n + this.capacity) % this.capacity;
    return this.kept.map((channel) => {
      const out = new Float32Array(n);
      const first = Math.min(n, this.capacity - start);
      out.set(channel.subarray(start, start + first), 0);
      out.set(channel.subarray(0, n - first), first);
      return out;
    });
  }
}
