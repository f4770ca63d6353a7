// One viewer's connection: opens it, answers pings, comes back when the server says that coming back helps, and learns from a plain
// GET why it was refused, since a browser hides an upgrade's status from the page.

const retryable = new Set([1001, 1005, 1006, 1008, 1011, 1013, 4408]);
const longestWait = 15_000;

export class StreamSocket extends EventTarget {
  #url;
  #ws;
  #attempt = 0;
  #timer;
  #asked = new Map();
  #stopped = false;

  constructor(streamId, token) {
    super();
    const base = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;
    this.#url = new URL(`${base}/api/v1/streams/${encodeURIComponent(streamId)}/ws`);
    this.#url.searchParams.append('token', token);
  }

  open() {
    this.#say('state', { state: 'connecting' });
    const ws = this.#ws = new WebSocket(this.#url);
    ws.addEventListener('open', () => {
      this.#attempt = 0;
      this.#say('state', { state: 'open' });
    });
    ws.addEventListener('message', event => this.#received(JSON.parse(event.data)));
    ws.addEventListener('close', event => this.#closed(event));
  }

  close() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#ws?.close();
  }

  send(event, data) {
    if (this.#ws?.readyState !== WebSocket.OPEN) return false;
    this.#ws.send(JSON.stringify({ event, data }));
    return true;
  }

  /** Asks for the stream's numbers; the answer comes as stream_info, its round trip as latency. */
  askInfo() {
    const id = crypto.randomUUID();
    if (this.send('get_stream_info', { request_id: id })) this.#asked.set(id, performance.now());
  }

  #received(message) {
    const { event, data } = message;
    if (event === 'ping') this.send('pong', { sequence: data.sequence, timestamp: new Date().toISOString() });
    if (event === 'stream_info' && this.#asked.has(data.request_id)) {
      this.#say('latency', { ms: performance.now() - this.#asked.get(data.request_id) });
      this.#asked.delete(data.request_id);
    }
    this.#say('message', message);
  }

  async #closed({ code, reason }) {
    this.#asked.clear();
    if (this.#stopped) return;
    const refusal = code === 1006 ? await this.#whyRefused() : null;
    if (this.#stopped) return;
    if (refusal && refusal.status !== 503 && refusal.status !== 429) {
      this.#say('state', { state: 'closed', why: refusal.detail });
      return;
    }
    if (!retryable.has(code)) {
      this.#say('state', { state: 'closed', why: reason || `Closed with ${code}` });
      return;
    }
    const wait = this.#waitBeforeRetry(code, reason, refusal);
    this.#say('state', { state: 'connecting', why: refusal?.detail ?? `Connection lost, trying again in ${Math.ceil(wait / 1000)} s` });
    this.#timer = setTimeout(() => this.open(), wait);
  }

  #waitBeforeRetry(code, reason, refusal) {
    const told = Number(/retry_after_ms=(\d+)/.exec(reason)?.[1] ?? (refusal?.retryAfter ?? 0) * 1000);
    const backoff = Math.min(longestWait, 500 * 2 ** this.#attempt++) * (0.5 + Math.random() / 2);
    return code === 1008 ? Math.max(30_000, backoff) : Math.max(told, backoff);
  }

  async #whyRefused() {
    const url = new URL(this.#url);
    url.protocol = location.protocol;
    try {
      const response = await fetch(url, { cache: 'no-store' });
      if (response.status === 426) return null; // It would be accepted now.
      const problem = await response.json().catch(() => ({}));
      return { status: response.status, detail: problem.detail ?? `Refused with ${response.status}`, retryAfter: Number(response.headers.get('Retry-After')) };
    } catch {
      return null;
    }
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
