/** The way of the sound through this tab: worker -> ring -> worklet -> device. */
import playerAddress from "./player?worker&url";
import { Ring } from "./ring";
import type { StreamNews, StreamStart } from "./stream";

/** `absent`: this browser has no audio worklets; `blocked`: it waits for a first click or key. */
export type SoundState = "off" | "blocked" | "on" | "moved" | "absent";

interface Report {
  type: "report";
  peaks: number[];
  level: number;
  underruns: number;
  running: boolean;
}

interface Heard {
  type: "heard";
  id: number;
  channels: Float32Array[];
}

export class Sound {
  state = $state<SoundState>("off");
  shared = $state(false);
  leadMs = $state(0);
  levelMs = $state(0);
  underruns = $state(0);
  deviceMs = $state(0);
  /** Whether the worklet plays the stream just now. */
  running = $state(false);
  /** Loudest sample per channel of the last report; read by the meter, at its own pace. */
  peaks: number[] = [];
  /** Frames that came from the server. */
  received = 0;
  onClosed: () => void = () => {};

  private context: AudioContext | null = null;
  private node: AudioWorkletNode | null = null;
  private worker: Worker | null = null;
  private start: StreamStart | null = null;
  private questions = new Map<number, (channels: Float32Array[]) => void>();
  private asked = 0;
  private claimed = false;

  /** Builds everything up to the device and opens the stream; `address` is that of the sound's socket. */
  async open(address: string, sampleRate: number, channels: number): Promise<void> {
    if (!("AudioWorkletNode" in window) || !("AudioContext" in window)) {
      this.state = "absent";
      return;
    }
    const context = new AudioContext({ sampleRate, latencyHint: "interactive" });
    this.context = context;
    context.onstatechange = () => this.look();
    await context.audioWorklet.addModule(playerAddress);
    this.connect(context, address, channels);
    this.wake();
    this.claim();
  }

  /** Asks for the stream: the newest listener gets it. */
  claim(): void {
    if (!this.start || !this.worker) return;
    this.claimed = true;
    this.worker.postMessage(this.start);
    this.look();
  }

  /** After a first click or key, browsers let a page make sound. */
  wake(): void {
    void this.context?.resume().then(() => this.look());
    this.look();
  }

  /** What the device got in the last `seconds`, one array per channel. */
  heard(seconds: number): Promise<Float32Array[]> {
    const { node, context } = this;
    if (!node || !context) return Promise.resolve([]);
    const id = ++this.asked;
    return new Promise((resolve) => {
      this.questions.set(id, resolve);
      node.port.postMessage({ type: "heard", id, frames: Math.round(seconds * context.sampleRate) });
    });
  }

  private connect(context: AudioContext, address: string, channels: number): void {
    this.shared = window.crossOriginIsolated && "SharedArrayBuffer" in window;
    const memory = this.shared ? new SharedArrayBuffer(Ring.bytes(channels)) : null;
    const options = { outputChannelCount: [channels], numberOfInputs: 0, processorOptions: { channels, memory } };
    this.node = new AudioWorkletNode(context, "timbrespace-player", options);
    this.node.port.onmessage = (event: MessageEvent<Report | Heard>) => this.fromPlayer(event.data);
    this.node.connect(context.destination);
    this.worker = new Worker(new URL("./stream.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = (event: MessageEvent<StreamNews>) => this.fromStream(event.data);
    this.start = { type: "start", address, sampleRate: context.sampleRate, channels, memory };
    if (!this.shared) this.bridge(this.node, this.worker);
  }

  private bridge(node: AudioWorkletNode, worker: Worker): void {
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ type: "stream", port: port1 }, [port1]);
    worker.postMessage({ type: "port", port: port2 }, [port2]);
  }

  private fromPlayer(message: Report | Heard): void {
    if (message.type === "heard") {
      this.questions.get(message.id)?.(message.channels);
      this.questions.delete(message.id);
      return;
    }
    this.peaks = message.peaks;
    this.running = message.running;
    this.underruns = message.underruns;
  }

  private fromStream(news: StreamNews): void {
    if (news.type === "moved") {
      this.claimed = false;
      this.state = "moved";
    } else if (news.type === "closed") {
      this.claimed = false;
      this.state = "off";
      this.onClosed();
    } else if (news.type === "report") {
      this.leadMs = news.leadMs;
      this.levelMs += 0.2 * (news.levelMs - this.levelMs);
      this.received = news.received;
      this.deviceMs = 1000 * ((this.context?.baseLatency ?? 0) + (this.context?.outputLatency ?? 0));
    } else {
      this.look();
    }
  }

  private look(): void {
    if (!this.claimed || !this.context) return;
    this.state = this.context.state === "running" ? "on" : "blocked";
  }
}
