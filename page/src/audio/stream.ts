/** The worker: takes sound from the server (ts.pcm.v1), fills the ring, reports the level ten times a second. */
import { Lead } from "./lead";
import { Ring } from "./ring";

export interface StreamStart {
  type: "start";
  address: string;
  sampleRate: number;
  channels: number;
  memory: SharedArrayBuffer | null;
}

export type StreamNews =
  | { type: "open"; block: number }
  | { type: "moved" }
  | { type: "closed"; reason: string }
  | { type: "report"; leadMs: number; levelMs: number; underruns: number; received: number };

const MAGIC = 0x5354;
const VERSION = 1;
const HEADER = 16;
const REPORT_S = 0.1;

/** Where the sound goes: shared memory, or messages to the worklet. */
interface Sink {
  push(sound: Float32Array): void;
  tell(due: boolean, lead: number): void;
  read(): { level: number; underruns: number; lowest: number };
}

class SharedSink implements Sink {
  constructor(private readonly ring: Ring) {}

  push(sound: Float32Array): void {
    this.ring.push(sound);
  }

  tell(due: boolean, lead: number): void {
    this.ring.due = due;
    this.ring.lead = lead;
  }

  read(): { level: number; underruns: number; lowest: number } {
    return { level: this.ring.level, underruns: this.ring.underruns, lowest: this.ring.takeLowest() };
  }
}

class PortSink implements Sink {
  private state = { level: 0, underruns: 0, lowest: Infinity };

  constructor(
    private readonly port: MessagePort,
    private readonly channels: number,
  ) {
    port.onmessage = (event: MessageEvent<{ level: number; underruns: number; lowest: number }>) => {
      const lowest = Math.min(this.state.lowest, event.data.lowest);
      this.state = { ...event.data, lowest };
    };
  }

  push(sound: Float32Array): void {
    this.state.level += sound.length / this.channels;
    this.port.postMessage({ sound }, [sound.buffer]);
  }

  tell(due: boolean, lead: number): void {
    this.port.postMessage({ due, lead });
  }

  read(): { level: number; underruns: number; lowest: number } {
    const now = { ...this.state };
    this.state.lowest = Infinity;
    return now;
  }
}

class Stream {
  private readonly sink: Sink;
  private readonly lead = new Lead();
  private readonly socket: WebSocket;
  private readonly timer: ReturnType<typeof setInterval>;
  private due = false;
  private moved = false;
  private seen = 0;
  private received = 0;

  constructor(
    private readonly start: StreamStart,
    port: MessagePort | null,
  ) {
    this.sink = start.memory
      ? new SharedSink(new Ring(start.memory, start.channels))
      : new PortSink(port as MessagePort, start.channels);
    this.seen = this.sink.read().underruns;
    this.socket = new WebSocket(start.address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.take(event.data);
    this.socket.onclose = (event) => this.end(event.reason);
    this.timer = setInterval(() => this.report(), REPORT_S * 1000);
  }

  /** Ends quietly: a next stream may begin at once. */
  close(): void {
    this.socket.onclose = null;
    this.socket.close();
    clearInterval(this.timer);
    this.setDue(false);
  }

  private take(data: string | ArrayBuffer): void {
    if (typeof data !== "string") return this.play(data);
    const message = JSON.parse(data) as { type: string; block?: number };
    if (message.type === "hello") {
      this.setDue(true);
      tell({ type: "open", block: message.block ?? 0 });
    } else if (message.type === "moved") {
      this.moved = true;
      this.setDue(false);
      tell({ type: "moved" });
    }
  }

  private play(data: ArrayBuffer): void {
    const view = new DataView(data);
    const strange = view.getUint16(0, true) !== MAGIC || view.getUint8(2) !== VERSION || view.getUint8(3) !== 0;
    const channels = view.getUint16(14, true);
    if (strange || channels !== this.start.channels || this.moved) return;
    const sound = new Float32Array(data, HEADER, view.getUint16(12, true) * channels);
    this.received += sound.length / channels;
    this.sink.push(this.start.memory ? sound : sound.slice());
  }

  private setDue(due: boolean): void {
    this.due = due;
    this.sink.tell(due, this.frames(this.lead.ms));
  }

  private report(): void {
    if (!this.due) return;
    const { level, underruns, lowest } = this.sink.read();
    const { received } = this;
    const before = this.lead.ms;
    this.lead.update(REPORT_S, this.ms(lowest), underruns - this.seen);
    this.seen = underruns;
    if (this.lead.ms !== before) this.sink.tell(true, this.frames(this.lead.ms));
    if (this.socket.readyState === WebSocket.OPEN) {
      const t = performance.now(); // so that the server can tell a late report from an old level
      this.socket.send(JSON.stringify({ buffer: level, lead_ms: this.lead.ms, underruns, received, t }));
    }
    tell({ type: "report", leadMs: this.lead.ms, levelMs: this.ms(level), underruns, received });
  }

  private end(reason: string): void {
    clearInterval(this.timer);
    this.setDue(false);
    if (!this.moved) tell({ type: "closed", reason });
  }

  private frames(ms: number): number {
    return Math.round((ms / 1000) * this.start.sampleRate);
  }

  private ms(frames: number): number {
    return (frames / this.start.sampleRate) * 1000;
  }
}

type Order = StreamStart | { type: "port"; port: MessagePort };

const scope = self as unknown as {
  postMessage(news: StreamNews): void;
  onmessage: ((event: MessageEvent<Order>) => void) | null;
};

function tell(news: StreamNews): void {
  scope.postMessage(news);
}

let stream: Stream | null = null;
let port: MessagePort | null = null;

scope.onmessage = (event) => {
  if (event.data.type === "port") {
    port = event.data.port;
    return;
  }
  stream?.close();
  stream = new Stream(event.data, port);
};
