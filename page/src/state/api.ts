/** Requests to the server that served this page, and to no other. */
import type { Info, Knob, MapInfo, ServerError, Take } from "./protocol";

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function ask(path: string, method = "GET"): Promise<Response> {
  const answer = await fetch(path, { method, credentials: "same-origin" });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<Refused> {
  const error = (await answer.json().catch(() => null)) as ServerError | null;
  const sentence = [error?.message, error?.hint].filter(Boolean).join(" ");
  return new Refused(answer.status, error?.code ?? "unknown", sentence || `The server refused (${answer.status}).`);
}

async function json<T>(path: string, method = "GET"): Promise<T> {
  return (await (await ask(path, method)).json()) as T;
}

export const info = (): Promise<Info> => json("/api/info");
export const map = (): Promise<MapInfo> => json("/api/map");
export const knobs = (): Promise<Knob[]> => json("/api/knobs");
export const takes = (): Promise<Take[]> => json("/api/takes");
export const keepRecent = (seconds: number): Promise<Take> => json(`/api/takes/recent?seconds=${seconds}`, "POST");

/** One row of numbers per moment: source, seconds, coordinates on all axes, descriptors. */
export async function points(): Promise<{ columns: number; values: Float32Array }> {
  const answer = await ask("/api/points");
  const columns = Number(answer.headers.get("X-Columns"));
  return { columns, values: new Float32Array(await answer.arrayBuffer()) };
}

export function socketAddress(path: string): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}
