import type { Closed } from './errors.js';
import { backoffMs, verdictOfClose, verdictOfRefusal, type Verdict } from './retry.js';
import { Timers } from './timers.js';
import { Tokens } from './tokens.js';

/** The part of a browser's WebSocket that is used; the package `ws` has it, too. */
export interface WebSocketLike {
  readonly readyState: number;
  onmessage: ((event: { data: any }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: any) => void) | null;
  onopen: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

export interface LinkHandlers {
  connecting(): void;
  received(message: { event: string; data: any }): void;
  /** The socket is gone and the next attempt is due in `ms`. */
  waiting(ms: number, reason: string): void;
  closed(closed: Closed): void;
  /** Whether the connection lives is in doubt: send something that Nova answers. */
  probe(): void;
}

export interface LinkSettings {
  url: URL;
  tokens: Tokens;
  WebSocket: WebSocketConstructor;
  fetch: typeof fetch;
  tokenIn: 'query' | 'subprotocol';
}

/** Nova pings every 30 s: after this long without a message it is asked. */
const silenceMs = 40_000;
const answerMs = 5_000;
/** From the attempt to the first message. */
const openMs = 15_000;
/** A connection that lived this long was a good one, and the next wait begins small. */
const steadyMs = 5_000;
/** Tokens that Nova refuses one after the other, before the provider is taken to be wrong. */
const mostRefusedTokens = 3;

/** One connection that comes back: it opens sockets, notices those that died, learns why they closed, and waits as long as it should. */
export class Link {
  readonly #timers = new Timers();
  #socket: WebSocketLike | null = null;
  #page: AbortController | null = null;
  /** Counts attempts; what belongs to an older one is ignored. */
  #turn = 0;
  #attempt = 0;
  #refusedTokens = 0;
  /** The first message of this connection; 0 before it. */
  #connectedAt = 0;
  #heardAt = 0;
  /** Nova said that no attempt is welcome before this. */
  #notBefore = 0;
  #asking: AbortController | null = null;

  constructor(private readonly settings: LinkSettings, private readonly handlers: LinkHandlers) {}

  get running(): boolean {
    return this.#page !== null;
  }

  start(): void {
    if (this.running) return;
    this.#attempt = this.#refusedTokens = 0;
    this.#listenToPage();
    void this.#connect();
  }

  stop(): void {
    this.#turn++;
    this.#page?.abort();
    this.#page = null;
    this.#asking?.abort();
    this.#drop();
  }

  /** False if there is no open socket. */
  send(message: object): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  async #connect(): Promise<void> {
    const turn = ++this.#turn;
    this.handlers.connecting();
    if (turn !== this.#turn) return; // Somebody who heard of it disconnected.
    this.#timers.set('open', openMs, () => {
      this.settings.tokens.forget();
      this.#wait(0, 'The token provider does not answer');
    });
    let token: string;
    try {
      token = await this.settings.tokens.get();
    } catch (error) {
      if (turn === this.#turn) this.#wait(0, `No token: ${error instanceof Error ? error.message : error}`);
      return;
    }
    if (turn !== this.#turn) return;
    try {
      this.#open(token.trim(), turn);
    } catch (error) {
      this.#wait(0, `No socket: ${error instanceof Error ? error.message : error}`); // A token that is no header value, or ws: on a page of https:.
    }
  }

  #open(token: string, turn: number): void {
    const { WebSocket, tokenIn } = this.settings;
    const socket = this.#socket = tokenIn === 'query'
      ? new WebSocket(this.#address(token, 'ws'))
      : new WebSocket(this.#address(null, 'ws'), ['nova.v1', `nova-token.${token}`]);
    let wasOpen = false;
    this.#connectedAt = 0;
    const gone = (code: number, reason: string) => {
      this.#drop();
      if (code === 1006 && !wasOpen) void this.#askWhy(token, turn);
      else this.#judge(verdictOfClose(code, reason, this.settings.tokens.renewable));
    };
    socket.onopen = () => void (wasOpen = true);
    socket.onmessage = ({ data }) => {
      this.#timers.clear('open');
      this.#connectedAt ||= Date.now();
      this.#refusedTokens = 0;
      this.#heard();
      let message;
      try {
        message = JSON.parse(data);
      } catch {
        return; // Not the protocol: later versions may send it, and this one does not understand it.
      }
      if (message?.data) this.handlers.received(message);
    };
    socket.onclose = ({ code, reason }) => gone(code, reason);
    socket.onerror = () => {}; // A close event follows; the package ws throws where nobody listens.
    this.#timers.set('open', openMs, () => gone(1006, 'Nova did not answer'));
  }

  /** Lets go of the socket. Nothing of it is heard any more. */
  #drop(): void {
    this.#timers.clearAll();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState < 2) socket.close();
  }

  #heard(): void {
    this.#heardAt = Date.now();
    if (!this.#timers.has('silence')) this.#watch(silenceMs);
  }

  /** One timer that looks at the clock, not a new one with each message. */
  #watch(ms: number): void {
    this.#timers.set('silence', ms, () => {
      const left = this.#heardAt + silenceMs - Date.now();
      if (left > 0) return this.#watch(left);
      this.#watch(silenceMs);
      this.#probe();
    });
  }

  /** Asks Nova for a sign of life; without one the socket is dead, whatever it says of itself. */
  #probe(): void {
    if (this.#socket?.readyState !== 1 || this.#timers.has('answer')) return;
    const asked = Date.now();
    this.#timers.set('answer', answerMs, () => {
      if (this.#heardAt >= asked) return;
      this.#drop();
      this.#wait(0, 'Nova is silent');
    });
    this.handlers.probe();
  }

  /** A browser hides why a socket was refused. A plain GET of its address is answered as the upgrade was, and 426 where it would succeed now. */
  async #askWhy(token: string, turn: number): Promise<void> {
    const { tokenIn, fetch } = this.settings;
    let verdict: Verdict = { retryMs: 0, message: 'Nova cannot be reached' };
    const asking = this.#asking = new AbortController();
    this.#timers.set('ask', openMs, () => asking.abort());
    try {
      const inQuery = tokenIn === 'query';
      const response = await fetch(this.#address(inQuery ? token : null, 'http'), {
        cache: 'no-store', signal: asking.signal, ...(inQuery ? {} : { headers: { Authorization: `Bearer ${token}` } }) });
      const problem = await response.json().catch(() => ({}));
      verdict = verdictOfRefusal(response.status, problem, response.headers.get('Retry-After'), this.settings.tokens.renewable && this.#refusedTokens < mostRefusedTokens);
    } catch {
      // Unreachable, or a proxy's answer that the page may not read.
    }
    if (turn === this.#turn) this.#judge(verdict);
  }

  #judge(verdict: Verdict): void {
    if ('closed' in verdict) return this.handlers.closed(verdict.closed);
    if (verdict.needsToken) {
      this.#refusedTokens++;
      this.settings.tokens.forget();
    }
    this.#wait(verdict.retryMs, verdict.message);
  }

  /** Not before what Nova said, and then spread by our own backoff where Nova did not spread it. */
  #wait(toldMs: number, reason: string): void {
    this.#turn++;
    this.#timers.clearAll();
    if (this.#connectedAt && Date.now() - this.#connectedAt > steadyMs) this.#attempt = 0;
    this.#connectedAt = 0;
    this.#notBefore = Date.now() + toldMs;
    const ms = Math.max(toldMs, backoffMs(this.#attempt++));
    this.#timers.set('retry', ms, () => void this.#connect());
    this.handlers.waiting(ms, reason); // Last: whoever hears of it may disconnect.
  }

  /** The network or the page is back: a dead socket is found now and not in a minute, and nobody waits longer than Nova said. */
  #wake(): void {
    if (!this.#timers.has('retry')) return this.#probe();
    this.#timers.clear('retry');
    this.#attempt = 0;
    this.#connectWhenWelcome();
  }

  #connectWhenWelcome(): void {
    const ms = this.#notBefore - Date.now();
    if (ms > 0) this.#timers.set('retry', ms, () => void this.#connect());
    else void this.#connect();
  }

  #listenToPage(): void {
    this.#page = new AbortController();
    const options = { signal: this.#page.signal };
    const wake = () => this.#wake();
    globalThis.addEventListener?.('online', wake, options);
    globalThis.document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake(), options);
    globalThis.document?.addEventListener('resume', wake, options);
    // A page with an open socket is not kept for "back", or comes back with a dead one.
    globalThis.addEventListener?.('pagehide', event => {
      if (!(event as PageTransitionEvent).persisted) return;
      this.#turn++;
      this.#drop();
      this.handlers.waiting(0, 'The page is asleep');
    }, options);
    globalThis.addEventListener?.('pageshow', event => {
      if ((event as PageTransitionEvent).persisted) this.#connectWhenWelcome();
    }, options);
  }

  #address(token: string | null, scheme: 'ws' | 'http'): string {
    const url = new URL(this.settings.url);
    url.protocol = scheme + (/^(https|wss):$/.test(url.protocol) ? 's:' : ':');
    if (token !== null) url.searchParams.append('token', token);
    return url.href;
  }
}
