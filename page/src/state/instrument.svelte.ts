/** The instrument as this page sees it: one object that all panels share. */
import { Sound } from "../audio/sound.svelte";
import { Corpus, type Scale } from "../map/corpus";
import * as api from "./api";
import { Notices } from "./notices.svelte";
import type { Axis, Info, Take } from "./protocol";
import { Remote } from "./remote.svelte";
import { Theme } from "./theme.svelte";

export type Tool = "point" | "walk" | "line";
export const RECENT_S = 60;
const STEP_MS = 1100;
const AGAIN_MS = 500;

export class Instrument {
  readonly remote = new Remote();
  readonly sound = new Sound();
  readonly theme = new Theme();
  readonly notices = new Notices();

  info = $state.raw<Info | null>(null);
  corpus = $state.raw<Corpus | null>(null);
  takes = $state<Take[]>([]);
  /** A sentence instead of the instrument, where it cannot be had. */
  failure = $state("");

  /** The moment under the pointer or the keys, for the map, the list and the card. */
  cursor = $state(-1);
  /** The moment that was last stayed on. */
  moment = $state(-1);
  tool = $state<Tool>("point");
  line = $state<number[]>([]);
  lineSeconds = $state(4);
  fidelity = $state("0.95");
  x = $state.raw<Scale | null>(null);
  y = $state.raw<Scale | null>(null);
  colour = $state("is-centroid");
  helpOpen = $state(false);
  listening = $state(-1);

  async open(): Promise<void> {
    this.remote.onError = (error) => this.notices.say([error.message, error.hint].filter(Boolean).join(" "));
    this.remote.onTake = (take) => this.addTake(take);
    this.remote.onReturn = () => void this.comeBack();
    this.sound.onClosed = () => setTimeout(() => this.listenAgain(), AGAIN_MS);
    this.remote.begin();
    await this.load();
  }

  private async load(): Promise<void> {
    try {
      const [info, map, knobs, takes] = await Promise.all([api.info(), api.map(), api.knobs(), api.takes()]);
      this.info = info;
      this.remote.take(knobs);
      this.takes = takes;
      void this.listen(info);
      this.showCorpus(await Corpus.load(map));
    } catch (error) {
      this.failure = sentence(error);
    }
  }

  /** The axes whose sliders are shown. */
  get shownAxes(): Axis[] {
    const map = this.corpus?.info;
    if (!map) return [];
    const count = this.fidelity === "all" ? map.axes.length : (map.informative[this.fidelity] ?? map.axes.length);
    return map.axes.slice(0, Math.max(1, count));
  }

  toggle(): void {
    this.remote.play(!this.remote.playing);
  }

  record(): void {
    this.remote.record(!this.remote.recording);
  }

  async keepRecent(): Promise<void> {
    try {
      this.addTake(await api.keepRecent(RECENT_S));
    } catch (error) {
      this.notices.say(sentence(error));
    }
  }

  panic(): void {
    this.tool = "point";
    this.line = [];
    this.remote.act("panic");
  }

  audition(moment: number): void {
    this.remote.act("audition", moment);
  }

  /** A click or Enter on a moment: go there, or make it an end of the line. */
  choose(moment: number): void {
    if (this.tool === "line") this.chooseEnd(moment);
    else this.stay(moment);
  }

  stay(moment: number): void {
    this.moment = moment;
    this.tool = "point";
    this.remote.act("moment", moment);
    if (!this.remote.playing) this.remote.play(true);
  }

  place(x: number, y: number): void {
    if (!this.x || !this.y) return;
    this.tool = "point";
    this.remote.act("place", this.x.axis, this.y.axis, x, y);
    if (!this.remote.playing) this.remote.play(true);
  }

  useTool(tool: Tool): void {
    const before = this.tool;
    this.tool = tool;
    this.line = [];
    if (tool === "walk") {
      this.remote.act("walk", Math.floor(Math.random() * 1e6));
      if (!this.remote.playing) this.remote.play(true);
    } else if (before !== "point" && tool === "point") {
      this.holdHere();
    }
  }

  setLineSeconds(seconds: number): void {
    this.lineSeconds = seconds;
    if (this.line.length === 2) this.playLine();
  }

  /** Lets the ear find out what an axis does: lower, as it is, higher, and back. */
  async listenTo(axis: Axis): Promise<void> {
    const bias = [...this.remote.knobs.values()].find((k) => k.axis === axis.index && k.name.startsWith("bias"));
    if (!bias || this.listening >= 0) return;
    const { playing } = this.remote;
    this.listening = axis.index;
    if (!playing) this.remote.play(true);
    const before = bias.value;
    let mine = true; // until somebody else turns the knob: then it stays where they put it
    for (const step of [-2, 0, 2]) {
      if (!mine) break;
      const there = bias.default + step;
      this.remote.set(bias.name, there);
      await new Promise((done) => setTimeout(done, STEP_MS));
      mine = Math.abs((this.remote.knobs.get(bias.name)?.value ?? there) - there) < 1e-6;
    }
    if (mine) this.remote.set(bias.name, before);
    if (!playing) this.remote.play(false);
    this.listening = -1;
  }

  resetKnobs(): void {
    for (const knob of this.remote.knobs.values()) {
      if (knob.axis !== null && knob.axis !== undefined) this.remote.reset(knob.name);
    }
  }

  private chooseEnd(moment: number): void {
    this.line = this.line.length === 1 ? [this.line[0], moment] : [moment];
    if (this.line.length === 2) this.playLine();
  }

  private playLine(): void {
    this.remote.act("line", this.line[0], this.line[1], this.lineSeconds);
    if (!this.remote.playing) this.remote.play(true);
  }

  /** Ends a walk or a line at the moment that is nearest. */
  private holdHere(): void {
    const moment = this.remote.status?.moment ?? -1;
    if (moment >= 0) this.stay(moment);
  }

  private async listen(info: Info): Promise<void> {
    try {
      await this.sound.open(api.socketAddress("/ws/audio"), info.sample_rate, info.channels);
    } catch (error) {
      this.notices.say(`The sound could not be opened: ${sentence(error)}`);
    }
  }

  private showCorpus(corpus: Corpus): void {
    this.corpus = corpus;
    const axes = corpus.scales.filter((scale) => scale.axis >= 0);
    const heard = corpus.descriptors;
    this.x = axes[0] ?? heard[0] ?? null;
    this.y = axes[1] ?? heard[1] ?? this.x;
    if (!corpus.scaleOf(this.colour)) this.colour = heard[0]?.key ?? "sound";
  }

  private async comeBack(): Promise<void> {
    this.listenAgain();
    if (!this.corpus) return this.load();
    try {
      const [knobs, takes] = await Promise.all([api.knobs(), api.takes()]);
      this.remote.take(knobs);
      this.takes = takes;
    } catch (error) {
      this.notices.say(sentence(error));
    }
  }

  /** The stream ended while the instrument is there: ask for it again, unless another tab has it. */
  private listenAgain(): void {
    if (this.remote.connected && this.sound.state === "off") this.sound.claim();
  }

  private addTake(take: Take): void {
    if (!this.takes.some((t) => t.id === take.id)) this.takes.unshift(take);
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const instrument = new Instrument();
