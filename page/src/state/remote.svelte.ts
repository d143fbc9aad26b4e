/** The control socket: what the instrument is doing, and what we ask of it. */
import { SvelteMap } from "svelte/reactivity";
import { Refused, info, socketAddress } from "./api";
import type { Knob, News, ServerError, Status, Take } from "./protocol";

const RETRY_MS = [300, 600, 1000, 2000, 3000];
const PING_MS = 1000;
/** Own movements are not overruled by the echo of older ones. */
const HOLD_MS = 250;
/** A button shows at once what it asked for. */
const ASKED_MS = 400;
/** Sliders send at most this often. */
const SEND_MS = 16;

export class Remote {
  connected = $state(false);
  /** True once a connection was lost and until it is back. */
  gone = $state(false);
  /** True if there is a server again, but another one, which does not know this page. */
  stranger = $state(false);
  status = $state.raw<Status | null>(null);
  playing = $state(false);
  recording = $state(false);
  roundTripMs = $state(0);
  readonly knobs = new SvelteMap<string, Knob>();

  onTake: (take: Take) => void = () => {};
  onError: (error: ServerError) => void = () => {};
  onReturn: () => void = () => {};

  private socket: WebSocket | null = null;
  private tries = 0;
  private asked = -ASKED_MS;
  private readonly waiting = new Map<string, number>();
  private readonly moved = new Map<string, number>();
  private readonly echoes = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  begin(): void {
    this.open();
    setInterval(() => this.send({ type: "ping", t: performance.now() }), PING_MS);
  }

  private open(): void {
    const socket = new WebSocket(socketAddress("/ws/control"));
    this.socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.hear(JSON.parse(event.data) as News);
    socket.onclose = () => this.lost();
    socket.onopen = () => this.opened();
  }

  /** An event of the instrument: play, place, moment, ... */
  act(name: string, ...values: number[]): void {
    this.send({ type: "event", name, values });
  }

  /** Moves a knob here at once and, shortly after, in the instrument. */
  set(name: string, value: number): void {
    const knob = this.knobs.get(name);
    if (!knob || !Number.isFinite(value)) return;
    const held = Math.min(knob.high, Math.max(knob.low, value));
    this.knobs.set(name, { ...knob, value: held });
    this.moved.set(name, performance.now());
    this.waiting.set(name, held);
    this.timer ??= setTimeout(() => this.flush(), SEND_MS);
  }

  reset(name: string): void {
    const knob = this.knobs.get(name);
    if (knob) this.set(name, knob.default);
  }

  value(name: string): number {
    return this.knobs.get(name)?.value ?? 0;
  }

  play(on: boolean): void {
    this.playing = on;
    this.asked = performance.now();
    this.act(on ? "play" : "stop");
  }

  record(on: boolean): void {
    this.recording = on;
    this.asked = performance.now();
    this.send({ type: "record", on });
  }

  take(knobs: Knob[]): void {
    for (const knob of knobs) this.knobs.set(knob.name, knob);
  }

  private flush(): void {
    this.timer = null;
    for (const [name, value] of this.waiting) this.send({ type: "set", name, value });
    this.waiting.clear();
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private opened(): void {
    const back = this.gone;
    this.tries = 0;
    this.connected = true;
    this.gone = this.stranger = false;
    this.send({ type: "ping", t: performance.now() });
    if (back) this.onReturn();
  }

  private lost(): void {
    this.connected = false;
    this.gone = true;
    const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
    setTimeout(() => this.open(), wait);
    if (this.tries > 1) void this.lookWhoIsThere();
  }

  private async lookWhoIsThere(): Promise<void> {
    this.stranger = await info().then(
      () => false,
      (error: unknown) => error instanceof Refused && (error.status === 401 || error.status === 403),
    );
  }

  private hear(news: News): void {
    if (news.type === "status") this.see(news);
    else if (news.type === "knob") this.echo(news.name, news.value);
    else if (news.type === "take") this.onTake(news);
    else if (news.type === "error") this.onError(news);
    else if (news.type === "pong") this.roundTripMs = performance.now() - news.t;
    else if (news.type === "hello") {
      this.take(news.knobs);
      this.see(news);
    }
  }

  /** What was just asked for is believed until the instrument has had time to do it. */
  private see(status: Status): void {
    this.status = status;
    if (performance.now() - this.asked < ASKED_MS) return;
    this.playing = status.playing;
    this.recording = status.recording_s > 0;
  }

  /** The instrument says where a knob stands; while it is being moved here, the last word waits. */
  private echo(name: string, value: number): void {
    if (!this.echoes.has(name)) this.settle(name);
    this.echoes.set(name, value);
  }

  private settle(name: string): void {
    const since = performance.now() - (this.moved.get(name) ?? -HOLD_MS);
    if (since < HOLD_MS) {
      setTimeout(() => this.settle(name), HOLD_MS - since + 1);
      return;
    }
    queueMicrotask(() => {
      const knob = this.knobs.get(name);
      const value = this.echoes.get(name);
      this.echoes.delete(name);
      if (knob && value !== undefined && knob.value !== value) this.knobs.set(name, { ...knob, value });
    });
  }
}
