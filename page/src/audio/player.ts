/** The audio worklet: plays the ring, fades where it runs dry, measures what is heard. */
import { History } from "./history";
import { Ring } from "./ring";

/** Frames kept back so that a stream that stops can still be faded out. */
const RESERVE = 128;
/** Part of the lead that has to be there before the sound starts: the server keeps a little less than all of it. */
const START = 0.75;
/** Rendering quanta between two reports (about 46 ms at 44.1 kHz). */
const REPORT_EVERY = 16;

export interface PlayerOptions {
  channels: number;
  memory: SharedArrayBuffer | null;
}

class Player extends AudioWorkletProcessor {
  private readonly ring: Ring;
  private readonly history: History;
  private readonly peaks: number[];
  private stream: MessagePort | null = null;
  private running = false;
  private quanta = 0;

  constructor(options: AudioWorkletNodeOptions) {
    super();
    const { channels, memory } = options.processorOptions as PlayerOptions;
    this.ring = new Ring(memory ?? new ArrayBuffer(Ring.bytes(channels)), channels);
    this.history = new History(channels, Math.round(sampleRate * 12));
    this.peaks = new Array<number>(channels).fill(0);
    this.port.onmessage = (event: MessageEvent) => this.hear(event.data);
  }

  private hear(message: { type: string; frames?: number; id?: number; port?: MessagePort }): void {
    if (message.type === "heard") {
      const channels = this.history.last(message.frames ?? 0);
      this.port.postMessage({ type: "heard", id: message.id, channels });
    } else if (message.type === "stream" && message.port) {
      this.stream = message.port;
      this.stream.onmessage = (event: MessageEvent) => this.receive(event.data);
    }
  }

  /** Without shared memory the worker sends sound and wishes as messages. */
  private receive(message: { sound?: Float32Array; due?: boolean; lead?: number }): void {
    if (message.sound) this.ring.push(message.sound);
    if (message.due !== undefined) this.ring.due = message.due;
    if (message.lead !== undefined) this.ring.lead = message.lead;
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0];
    const frames = out[0].length;
    const level = this.ring.level;
    if (this.running) this.carryOn(out, frames, level);
    else if (this.ring.due && level >= Math.max(START * this.ring.lead, 2 * frames)) this.begin(out, frames);
    this.measure(out, frames);
    return true;
  }

  private begin(out: Float32Array[], frames: number): void {
    this.ring.skipTo(Math.max(this.ring.lead, 2 * frames));
    this.ring.pull(out, frames);
    fade(out, frames, 0, 1);
    this.running = true;
  }

  private carryOn(out: Float32Array[], frames: number, level: number): void {
    this.ring.noteLevel(level);
    if (level < frames) return this.stop(); // a device with larger quanta than ours: nothing left to fade
    this.ring.pull(out, frames);
    if (level >= 2 * frames && level - frames >= RESERVE) return;
    fade(out, frames, 1, 0);
    this.stop();
  }

  private stop(): void {
    this.running = false;
    if (this.ring.due) this.ring.countUnderrun();
  }

  private measure(out: Float32Array[], frames: number): void {
    for (let c = 0; c < this.peaks.length; c++) {
      const channel = out[Math.min(c, out.length - 1)];
      for (let i = 0; i < frames; i++) this.peaks[c] = Math.max(this.peaks[c], Math.abs(channel[i]));
    }
    this.history.push(out, frames);
    if (++this.quanta % REPORT_EVERY) return;
    const { level, underruns } = this.ring;
    this.port.postMessage({ type: "report", peaks: this.peaks.slice(), level, underruns, running: this.running });
    this.stream?.postMessage({ level, underruns, lowest: this.ring.takeLowest() });
    this.peaks.fill(0);
  }
}

function fade(out: Float32Array[], frames: number, from: number, to: number): void {
  for (const channel of out) {
    for (let i = 0; i < frames; i++) {
      const x = (i + 1) / frames;
      channel[i] *= from + (to - from) * x * x * (3 - 2 * x);
    }
  }
}

registerProcessor("timbrespace-player", Player);
