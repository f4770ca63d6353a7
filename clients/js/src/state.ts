import type { Closed } from './errors.js';
import type { Quality, ServerEvents, StreamEnded, StreamError, StreamHealth, StreamInfo, StreamStatus } from './messages.js';

/** Everything a page shows, in the protocol's own names. Null is not known yet. A new object with every change. */
export interface StreamState {
  /** `closed` is for good; `closed` below says why. */
  connection: 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';
  /** Whether the values are those of now. False before the first ones and while the connection is lost. */
  current: boolean;
  /** When the next attempt is due, as `Date.now()` counts; while `reconnecting`. */
  retry_at: number | null;
  /** Why the connection is lost; while `reconnecting`. */
  retry_reason: string | null;
  closed: Closed | null;
  viewer_id: string | null;
  session_id: string | null;
  status: StreamStatus | null;
  title: string | null;
  description: string | null;
  broadcaster_id: string | null;
  broadcaster_name: string | null;
  started_at: string | null;
  viewer_count: number | null;
  peak_viewers: number | null;
  quality: Quality | null;
  fps: number | null;
  /** As the broadcaster announced it. */
  bitrate_kbps: number | null;
  /** As last measured; null when no measurement has come for 15 s. */
  current_bitrate_kbps: number | null;
  health: StreamHealth | null;
  /** The error of the stream that still holds, such as RTMP_CONNECTION_LOST. */
  error: StreamError | null;
  ended: StreamEnded | null;
  /** Round trip of the last question to Nova. */
  latency_ms: number | null;
}

export const initialState: StreamState = {
  connection: 'idle', current: false, retry_at: null, retry_reason: null, closed: null, viewer_id: null, session_id: null, status: null, title: null, description: null,
  broadcaster_id: null, broadcaster_name: null, started_at: null, viewer_count: null, peak_viewers: null, quality: null, fps: null, bitrate_kbps: null,
  current_bitrate_kbps: null, health: null, error: null, ended: null, latency_ms: null,
};

/** Of the connection, not of the stream: they never hold. A broadcaster's tool may use any other code. */
const ofConnection = new Set(['SERVER_ERROR', 'UNAUTHORIZED', 'RATE_LIMITED', 'PROTOCOL_ERROR', 'MESSAGES_DROPPED', 'STREAM_ENDED', 'STREAM_NOT_FOUND']);

const changes: { [Name in keyof ServerEvents]?: (data: ServerEvents[Name]) => Partial<StreamState> } = {
  connection_established: ({ viewer_id, session_id }) => ({ viewer_id, session_id, status: 'scheduled', error: null, ended: null }),
  stream_started: ({ broadcaster_id, title, description, quality, fps, bitrate_kbps, timestamp }) =>
    ({ status: 'active', broadcaster_id, title, description, quality, fps, bitrate_kbps, started_at: timestamp }),
  stream_updated: ({ stream_id, timestamp, visibility, ...texts }) => pick(texts, ['title', 'description', 'broadcaster_name']),
  stream_ended: ended => ({ status: 'ended', ended, viewer_count: ended.final_viewer_count, peak_viewers: ended.peak_viewers, health: null, current_bitrate_kbps: null }),
  viewer_count_changed: ({ viewer_count, peak_viewers }) => ({ viewer_count, peak_viewers }),
  quality_changed: ({ new_quality, new_bitrate_kbps, fps }) => ({ quality: new_quality, bitrate_kbps: new_bitrate_kbps, fps }),
  bitrate_update: ({ current_bitrate_kbps, health }) => ({ current_bitrate_kbps, health }),
  error: error => ofConnection.has(error.error_code) ? {} : { error: error.severity === 'error' || error.severity === 'critical' ? error : null },
};

/** What an event changes; nothing for events of later versions. */
export function changeOf(event: string, data: unknown): Partial<StreamState> {
  return (changes as Record<string, (data: unknown) => Partial<StreamState>>)[event]?.(data) ?? {};
}

/** What the answer to our own question adds. Before the start its quality and bitrate are placeholders. */
export function changeOfInfo(info: StreamInfo, hasCount: boolean): Partial<StreamState> {
  return {
    status: info.status,
    broadcaster_name: info.broadcaster_name,
    ...(hasCount ? {} : { viewer_count: info.viewer_count, peak_viewers: info.peak_viewers }),
    ...(info.status === 'active' ? { quality: info.quality, fps: info.fps, bitrate_kbps: info.bitrate_kbps } : {}),
  };
}

function pick<T extends object, K extends keyof T>(from: T, names: K[]): Pick<T, K> {
  return Object.fromEntries(names.filter(name => from[name] !== undefined).map(name => [name, from[name]])) as Pick<T, K>;
}

/** A value and those who want to hear when it changes: what React's `useSyncExternalStore`, Vue and Svelte take. */
export class Store<T> {
  #value: T;
  #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  /** Calls the listener now and after each change, until the returned function is called. */
  subscribe = (listener: (value: T) => void): (() => void) => {
    const own = (value: T) => listener(value); // The same listener twice is two subscriptions.
    this.#listeners.add(own);
    own(this.#value);
    return () => void this.#listeners.delete(own);
  };

  set(value: T): void {
    if (value === this.#value) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) guarded(listener, value);
  }
}

/** A handler of the page that throws must not break the connection: the error goes where uncaught errors go. */
export function guarded<A>(handler: (argument: A) => void, argument: A): void {
  try {
    handler(argument);
  } catch (error) {
    (globalThis.reportError ?? console.error)(error);
  }
}
