/** What the server says and hears. */

export interface Knob {
  name: string;
  label: string;
  low: number;
  high: number;
  unit: string;
  scale: "linear" | "log";
  default: number;
  value: number;
  group: string;
  axis?: number | null;
}

export interface Axis {
  index: number;
  name: string;
  title: string;
  share: number;
  low: number;
  high: number;
  deviation: number;
  /** Rank correlation with each descriptor that has one. */
  correlations: Record<string, number>;
  /** Words for the two ends; none where the axis has no name. */
  ends?: string[];
}

export interface Descriptor {
  name: string;
  title?: string;
  unit: string;
  scale?: "linear" | "log";
  low: number | null;
  high: number | null;
}

export interface MapInfo {
  axes: Axis[];
  informative: Record<string, number>;
  descriptors: Descriptor[];
  sounds: string[];
  moments: number;
}

export interface Info {
  version: string;
  model: string;
  sample_rate: number;
  channels: number;
  latency: Record<string, number>;
}

export interface Take {
  id: string;
  seconds: number;
  url: string;
}

export interface Status {
  playing: boolean;
  /** Coordinates on all axes. */
  place: number[];
  /** The moment nearest to what sounds. */
  moment: number;
  level_db: number[];
  latency_ms: Record<string, number>;
  /** Rendering time in per cent of the time there is. */
  deadline: { p50: number; p99: number; max: number };
  /** The whole engine, in per cent of one processor. */
  cpu: number;
  dropouts: number;
  limited: number;
  mended: number;
  recording_s: number;
  /** Whether there is an engine. */
  running: boolean;
  message: string;
}

export interface ServerError {
  code: string;
  message: string;
  hint?: string | null;
}

export type News =
  | ({ type: "hello"; knobs: Knob[] } & Status)
  | ({ type: "status" } & Status)
  | { type: "knob"; name: string; value: number }
  | ({ type: "take" } & Take)
  | ({ type: "error" } & ServerError)
  | { type: "pong"; t: number };
