import { NovaError, type Closed } from './errors.js';
import { Link, type WebSocketConstructor } from './link.js';
import type { ClientEvents, IssueReport, Message, ServerEvents, StreamInfo } from './messages.js';
import { Reports, type StoredReport } from './reports.js';
import { changeOf, changeOfInfo, guarded, initialState, Store, type StreamState } from './state.js';
import { Timers } from './timers.js';
import { Tokens, type TokenProvider } from './tokens.js';

export interface ViewerOptions {
  /** The gateway, such as `https://nova.example.com`. */
  url?: string;
  /** `subprotocol` keeps the token out of URLs, which others log. */
  tokenIn?: 'query' | 'subprotocol';
  /** Aborting it is `disconnect()`. */
  signal?: AbortSignal;
  /** For Node.js before 22: that of the package `ws`. */
  WebSocket?: WebSocketConstructor | (new (url: string, protocols?: string[]) => any);
  fetch?: typeof fetch;
}

/** Events of the client itself, beside those of Nova. */
export interface LocalEvents {
  /** Any message of Nova, also of a later version. */
  message: { event: string; data: unknown };
  /** The connection is lost; the next attempt is due in `in_ms`. */
  reconnecting: { in_ms: number; reason: string };
  /** The connection is closed for good. */
  closed: Closed;
}

export type ViewerEvents = ServerEvents & LocalEvents;

interface Question {
  message: object;
  sentAt: number;
  resolve(info: StreamInfo): void;
  reject(error: NovaError): void;
}

const healthMs = 15_000;
/** How long the values of a new connection are gathered at most before they are shown. */
const gatherMs = 3_000;
const reportMs = 15_000;
const questionMs = 10_000;

/** Follows one broadcast and comes back by itself. It is the class of the protocol's document, with more. */
export class NovaStreamViewer {
  /** What a page shows: always the newest, and never an older value after a newer one. */
  readonly state: Store<StreamState>;
  readonly #handlers = new Map<string, Set<(data: any) => void>>();
  readonly #timers = new Timers();
  readonly #questions = new Map<string, Question>();
  readonly #reports = new Reports();
  readonly #tokens: Tokens;
  readonly #link: Link;
  /** The values of a new connection until all of them are here, so that nobody sees those of the start in between. */
  #gathered: StreamState | null = null;
  #hasInfo = false;
  #hasCount = false;
  #asked = 0;
  #reportedAt = 0;
  #infoId = '';
  /** What Nova said before it closed: a close frame's reason is shorter. */
  #lastError: ServerEvents['error'] | null = null;

  constructor(readonly streamId: string, token: string | TokenProvider, options: ViewerOptions = {}) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket as WebSocketConstructor | undefined;
    if (!WebSocket) throw new NovaError('no_websocket', 'There is no WebSocket here: pass the one of the package ws as options.WebSocket (Node.js has its own from version 22)');
    this.state = new Store<StreamState>(initialState);
    this.#tokens = new Tokens(token);
    const url = new URL(`/api/v1/streams/${encodeURIComponent(streamId)}/ws`, options.url ?? 'https://api.nova-social.io');
    this.#link = new Link(
      { url, tokens: this.#tokens, WebSocket, fetch: options.fetch ?? fetch.bind(globalThis), tokenIn: options.tokenIn ?? 'query' },
      {
        connecting: () => this.#change({ connection: this.#unconnected, retry_at: null }),
        received: message => this.#received(message),
        waiting: (ms, reason) => this.#lost(ms, reason),
        closed: closed => this.#close(this.#explained(closed)),
        probe: () => void this.getStreamInfo().catch(() => {}),
      });
    options.signal?.addEventListener('abort', () => this.disconnect(), { once: true });
    this.#isAborted = () => options.signal?.aborted ?? false;
  }

  readonly #isAborted: () => boolean;

  connect(): void {
    if (this.#link.running || this.#isAborted()) return;
    this.state.set(initialState);
    this.#link.start();
  }

  /** Calls `handler` with the `data` of each such event. The returned function ends that. */
  on<Name extends keyof ViewerEvents>(event: Name, handler: (data: ViewerEvents[Name]) => void): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /** Sends a message as it is; false if there is no connection. */
  send(message: Message<ClientEvents>): boolean {
    return this.#link.send(message);
  }

  /** Closes for good. No timer and no listener is left; `connect()` begins anew. */
  disconnect(): void {
    if (this.#link.running) this.#close({ code: 'disconnected', message: 'You disconnected' });
  }

  /** Asks Nova. Asked again after a reconnect; rejected after 10 s, or when the connection is closed for good. */
  getStreamInfo(): Promise<StreamInfo> {
    return new Promise<StreamInfo>((resolve, reject) => {
      if (!this.#link.running) return reject(this.#whyClosed());
      const request_id = `info-${++this.#asked}`;
      const question: Question = { message: { event: 'get_stream_info', data: { request_id } }, sentAt: 0, resolve, reject };
      this.#questions.set(request_id, question);
      this.#timers.set(request_id, questionMs, () => {
        this.#questions.delete(request_id);
        reject(new NovaError('timeout', `Nova has not answered for ${questionMs / 1000} s`));
      });
      this.#ask(question);
    });
  }

  /** Resolves once Nova has stored the report for good; until then it is sent again, also after a reconnect, and stored once. */
  reportIssue(report: IssueReport, options: { signal?: AbortSignal } = {}): Promise<StoredReport> {
    if (!this.#link.running) return Promise.reject(this.#whyClosed());
    const { message, stored } = this.#reports.add(report, options.signal);
    if (this.#reports.messages().includes(message)) this.#report(message);
    this.#repeatReports();
    return stored;
  }

  #received(message: { event: string; data: any }): void {
    const { event, data } = message;
    if (event === 'connection_established') this.#established();
    if (event === 'ping') this.#link.send({ event: 'pong', data: { sequence: data.sequence, timestamp: new Date().toISOString() } });
    if (event === 'stream_info') this.#answered(data);
    if (event === 'issue_received') this.#reports.received(data);
    if (event === 'token_refreshed') this.#refreshInTime();
    if (event === 'error') this.#failed(data);
    if (event === 'bitrate_update') this.#measureEnds();
    this.#apply(event, data);
    this.#emit(event, data);
    this.#emit('message', message);
  }

  #established(): void {
    const { health, current_bitrate_kbps, viewer_count, peak_viewers } = this.state.value;
    // A measurement holds for 15 s, and a count until the next one: they are not repeated to whoever connects.
    this.#gathered = { ...initialState, health, current_bitrate_kbps, viewer_count, peak_viewers, connection: 'connected', current: true };
    this.#hasInfo = this.#hasCount = false;
    this.#lastError = null;
    this.#infoId = `info-${this.#asked + 1}`;
    this.#timers.set('gather', gatherMs, () => this.#show());
    for (const question of this.#questions.values()) this.#ask(question);
    void this.getStreamInfo().catch(() => {});
    for (const report of this.#reports.messages()) this.#report(report);
    this.#repeatReports();
    this.#refreshInTime();
  }

  get #unconnected(): 'connecting' | 'reconnecting' {
    return this.state.value.session_id ? 'reconnecting' : 'connecting';
  }

  #apply(event: string, data: any): void {
    const change = changeOf(event, data);
    if (event === 'viewer_count_changed') this.#hasCount = true;
    if (!this.#gathered) return this.#change(change);
    Object.assign(this.#gathered, change);
    if (event === 'stream_ended' || (this.#hasCount && this.#hasInfo)) this.#show();
  }

  #show(): void {
    this.#timers.clear('gather');
    if (this.#gathered) this.state.set(this.#gathered);
    this.#gathered = null;
  }

  /** Of what is shown, and of what will be. */
  #change(change: Partial<StreamState>, isShown = true): void {
    if (this.#gathered) Object.assign(this.#gathered, change);
    if (!isShown) return;
    const names = Object.keys(change) as (keyof StreamState)[];
    if (names.some(name => change[name] !== this.state.value[name])) this.state.set({ ...this.state.value, ...change });
  }

  #ask(question: Question): void {
    question.sentAt = Date.now();
    this.#link.send(question.message);
  }

  #answered(info: StreamInfo): void {
    const question = this.#questions.get(info.request_id);
    this.#questions.delete(info.request_id);
    this.#timers.clear(info.request_id);
    if (!question) return;
    this.#change({ latency_ms: Date.now() - question.sentAt });
    if (info.request_id === this.#infoId) {
      this.#hasInfo = true;
      this.#change(changeOfInfo(info, this.#hasCount), !this.#gathered); // Late, where what was gathered is shown already.
    }
    question.resolve(info);
  }

  #failed(error: ServerEvents['error']): void {
    if (!error.recoverable) this.#lastError = error;
    // It comes 60 s before the end. To many at once, where a broadcaster's tool says it: so spread.
    if (error.error_code === 'UNAUTHORIZED' && error.severity === 'warning') this.#timers.set('refresh', Math.random() * 20_000, () => this.#refresh());
    // A broadcaster's tool may say that, too; of a report of ours Nova says it at once.
    if (error.error_code === 'PROTOCOL_ERROR' && error.recoverable && Date.now() - this.#reportedAt < 5_000) this.#reports.rejectAll(new NovaError('rejected', error.error_message));
  }

  #measureEnds(): void {
    this.#timers.set('health', healthMs, () => this.#change({ health: null, current_bitrate_kbps: null }));
  }

  #report(message: object): void {
    this.#reportedAt = Date.now();
    this.#link.send(message);
  }

  #repeatReports(): void {
    if (this.#reports.size > 0 && !this.#timers.has('reports')) {
      this.#timers.set('reports', reportMs, () => {
        for (const report of this.#reports.messages()) this.#report(report);
        this.#repeatReports();
      });
    }
  }

  #refreshInTime(): void {
    const ms = this.#tokens.msUntilRefresh();
    if (ms !== null) this.#timers.set('refresh', ms, () => this.#refresh());
  }

  /** On the open socket; `token_refreshed` follows. Where it fails, Nova closes with 4401 and the next connection has a new token. */
  #refresh(): void {
    if (!this.#tokens.renewable) return;
    this.#timers.set('refresh', questionMs, () => this.#refresh());
    this.#tokens.renew().then(token => void this.#link.send({ event: 'refresh_token', data: { token } }), () => {});
  }

  #lost(ms: number, reason: string): void {
    this.#gathered = null;
    this.#timers.clear('gather');
    this.#timers.clear('refresh');
    this.#change({ connection: this.#unconnected, current: false, retry_at: Date.now() + ms, retry_reason: reason });
    this.#emit('reconnecting', { in_ms: ms, reason });
  }

  #explained(closed: Closed): Closed {
    const error = this.#lastError;
    if (closed.code === 'stream_ended' && error?.error_code === 'STREAM_NOT_FOUND') return { ...closed, code: 'stream_not_found', message: error.error_message };
    return closed.code === 'not_allowed' && error?.error_code === 'UNAUTHORIZED' ? { ...closed, message: error.error_message } : closed;
  }

  #close(closed: Closed): void {
    if (this.#gathered?.ended) this.#show();
    this.#gathered = null; // Half of it would be older than what is shown.
    this.#link.stop();
    this.#timers.clearAll();
    this.#change({ connection: 'closed', current: closed.code === 'stream_ended', retry_at: null, retry_reason: null, closed });
    for (const { reject } of this.#questions.values()) reject(this.#whyClosed());
    this.#questions.clear();
    this.#reports.rejectAll(this.#whyClosed());
    this.#emit('closed', closed);
  }

  #whyClosed(): NovaError {
    const { closed } = this.state.value;
    return closed ? new NovaError(closed.code, closed.message) : new NovaError('disconnected', 'Call connect() first');
  }

  #emit(event: string, data: unknown): void {
    for (const handler of [...this.#handlers.get(event) ?? []]) guarded(handler, data);
  }
}
