import { expect, inject } from 'vitest';
import { NovaStreamViewer, type TokenProvider, type ViewerOptions } from '../../src/index.js';

export const lab = inject('lab');

export async function command<T = {}>(name: string, body: object = {}): Promise<T> {
  const answer = await fetch(`${lab}/${name}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`);
  return await answer.json();
}

export interface Place {
  id: string;
  url: string;
}

export const startGateway = (settings: Record<string, string> = {}) => command<Place>('start-gateway', { settings });
/** For tests that break no gateway. */
export const sharedGateway = () => command<Place>('shared-gateway');
export const startProxy = (gateway: Place, settings: object = {}) => command<Place>('start-proxy', { id: gateway.id, ...settings });

const isNode = typeof process !== 'undefined' && !('document' in globalThis);
/** Node.js before 22 has none of its own. */
export const WebSocketHere: ViewerOptions['WebSocket'] = isNode ? (await import('ws')).WebSocket as any : globalThis.WebSocket as any;

/** Calls of a publisher and of an operator, and what a page's own server does: tokens. */
export class Nova {
  constructor(readonly url: string) {}

  async token(claims: { sub?: string; role?: string; streams?: string | string[]; ttl_seconds?: number } = {}): Promise<string> {
    const answer = await fetch(`${this.url}/dev/tokens`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ sub: newName(), ...claims }) });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()).token;
  }

  async call<T = any>(method: string, path: string, token: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined as T;
  }

  async stream(options: { start?: boolean; visibility?: string } = {}): Promise<Broadcast> {
    const broadcaster = newName();
    const token = await this.token({ sub: broadcaster, role: 'broadcaster', ttl_seconds: 3600 });
    const { stream_id } = await this.call('POST', 'streams', token, { title: 'A test', broadcaster_name: 'Tester', visibility: options.visibility ?? 'public' });
    const stream = new Broadcast(this, stream_id, token);
    if (options.start ?? true) await stream.start();
    return stream;
  }

  viewer(streamId: string, token: string | TokenProvider, options: ViewerOptions = {}): NovaStreamViewer {
    return new NovaStreamViewer(streamId, token, { url: this.url, WebSocket: WebSocketHere!, ...options });
  }
}

export class Broadcast {
  constructor(readonly nova: Nova, readonly id: string, readonly token: string) {}

  post = (call: string, body: object = {}) => this.nova.call('POST', `streams/${this.id}/${call}`, this.token, body);
  start = () => this.post('start', { quality: '1080p', fps: 60, bitrate_kbps: 5000 });
  quality = (new_quality: string, new_bitrate_kbps: number) => this.post('quality', { new_quality, new_bitrate_kbps, reason: 'adaptive_bitrate' });
  get = () => this.nova.call('GET', `streams/${this.id}`, this.token);
}

let names = 0;
export const newName = () => `${isNode ? 'node' : 'browser'}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}-${++names}`;

/** Repeats an expectation until it holds. (`expect.poll` is not for tests that run beside each other.) */
export function until<T>(read: () => T | Promise<T>, ms = 30_000, pauseMs = 25): { [Matcher in 'toBe' | 'toEqual' | 'toMatch' | 'toBeGreaterThan']: (expected: any) => Promise<void> } {
  return new Proxy({} as any, {
    get: (_, matcher: string) => async (expected: unknown) => {
      for (const end = Date.now() + ms; ;) {
        try {
          return (expect(await read()) as any)[matcher](expected);
        } catch (error) {
          if (Date.now() > end) throw error;
          await new Promise(done => setTimeout(done, pauseMs));
        }
      }
    },
  });
}

/** What a page shows is what the API says, and is said to be current. */
export async function expectSameAsApi(viewer: NovaStreamViewer, stream: Broadcast, ms = 60_000): Promise<void> {
  await until(async () => {
    const { status, title, viewer_count, peak_viewers, quality, fps, bitrate_kbps } = await stream.get();
    const wanted = { connection: 'connected', current: true, status, title, viewer_count, peak_viewers, quality, fps, bitrate_kbps };
    const state: Record<string, unknown> = { ...viewer.state.value };
    return Object.entries(wanted).filter(([name, value]) => state[name] !== value).map(([name, value]) => `${name} is ${state[name]}, not ${value}`).join();
  }, ms, 200).toBe(''); // Each look costs a call of the API.
}
