/** The moments of the corpus as columns of numbers, and the scales on which they are shown. */
import { points } from "../state/api";
import type { Axis, Descriptor, MapInfo } from "../state/protocol";

const SOURCE = 0;
const SECONDS = 1;
const FIRST_AXIS = 2;

/** A quantity that can be an axis of the map or its colour. */
export interface Scale {
  key: string;
  title: string;
  unit: string;
  /** Index of the latent axis, or -1 for a descriptor. */
  axis: number;
  values: Float32Array;
  /** The values as shown: some by their logarithm. */
  shown: Float32Array;
  logarithmic: boolean;
  low: number;
  high: number;
  /** The range that colours are spread over: a few values at either end share the last colour. */
  colours: [number, number];
  ends: [string, string];
}

export class Corpus {
  readonly size: number;
  readonly source: Float32Array;
  readonly seconds: Float32Array;
  readonly scales: Scale[];

  constructor(
    readonly info: MapInfo,
    private readonly rows: Float32Array,
    private readonly columns: number,
  ) {
    this.size = columns > 0 ? Math.floor(rows.length / columns) : 0;
    this.source = this.column(SOURCE);
    this.seconds = this.column(SECONDS);
    const first = FIRST_AXIS + info.axes.length;
    const axes = info.axes.map((axis, i) =>
      this.scale(`axis-${i}`, axisTitle(axis), FIRST_AXIS + i, { axis: i, ends: axisEnds(axis) }),
    );
    const heard = info.descriptors.map((d, i) =>
      this.scale(`is-${d.name}`, d.title ?? d.name, first + i, { unit: d.unit, log: d.scale === "log", ends: descriptorEnds(info, d) }),
    );
    this.scales = [...axes, ...heard];
  }

  static async load(info: MapInfo): Promise<Corpus> {
    const { columns, values } = await points();
    return new Corpus(info, values, columns);
  }

  scaleOf(key: string): Scale | undefined {
    return this.scales.find((scale) => scale.key === key);
  }

  get descriptors(): Scale[] {
    return this.scales.filter((scale) => scale.axis < 0);
  }

  sound(moment: number): string {
    return this.info.sounds[this.source[moment]] ?? "";
  }

  private column(index: number): Float32Array {
    return Float32Array.from({ length: this.size }, (_, i) => this.rows[i * this.columns + index]);
  }

  private scale(
    key: string,
    title: string,
    column: number,
    { axis = -1, unit = "", log = false, ends }: { axis?: number; unit?: string; log?: boolean; ends: [string, string] },
  ): Scale {
    const values = this.column(column);
    const logarithmic = log && values.every((v) => Number.isNaN(v) || v > 0);
    const shown = logarithmic ? values.map((v) => Math.log2(v)) : values;
    const sorted = shown.filter((v) => Number.isFinite(v)).sort();
    const [low, high] = span(sorted);
    const colours: [number, number] = [quantile(sorted, 0.03), quantile(sorted, 0.97)];
    return { key, title, unit, axis, values, shown, logarithmic, low, high, colours, ends };
  }
}

/** Where nearly all values lie: the ends, unless a few lie far outside. */
function span(sorted: Float32Array): [number, number] {
  if (sorted.length === 0) return [0, 1];
  const [low, high] = [quantile(sorted, 0.01), quantile(sorted, 0.99)];
  const reach = 0.5 * (high - low) || 0.5;
  return [Math.max(sorted[0], low - reach), Math.min(sorted[sorted.length - 1], high + reach)];
}

function quantile(sorted: Float32Array, share: number): number {
  return sorted.length ? sorted[Math.round(share * (sorted.length - 1))] : share;
}

/** "brightness (axis 2)", or "axis 5" where no name is supported. */
export function axisTitle(axis: Axis): string {
  const plain = `axis ${axis.index + 1}`;
  return axis.name === plain ? plain : `${axis.name} (${plain})`;
}

/** Words for the two ends of an axis. */
export function axisEnds(axis: Axis): [string, string] {
  return axis.ends?.length === 2 ? [axis.ends[0], axis.ends[1]] : ["−", "+"];
}

/** Words for the two ends of what is measured: those of an axis that is named after it, else plain ones. */
function descriptorEnds(info: MapInfo, descriptor: Descriptor): [string, string] {
  const axis = info.axes.find((a) => a.name === descriptor.title && a.ends?.length === 2);
  if (!axis?.ends) return ["less", "more"];
  const rising = (axis.correlations[descriptor.name] ?? 1) >= 0;
  return rising ? [axis.ends[0], axis.ends[1]] : [axis.ends[1], axis.ends[0]];
}
