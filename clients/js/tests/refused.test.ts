import { beforeAll, expect, test } from 'vitest';
import type { Closed, NovaStreamViewer } from '../src/index.js';
import { newName, Nova, sharedGateway, startGateway, until } from './lab/nova.js';

let nova: Nova;
beforeAll(async () => {
  nova = new Nova((await sharedGateway()).url);
});

const closedOf = async (viewer: NovaStreamViewer): Promise<Closed> => {
  const closed = new Promise<Closed>(resolve => viewer.on('closed', resolve));
  viewer.connect();
  return await closed;
};

test('says in words and as a code why it was refused', async () => {
  const stream = await nova.stream();
  const secret = await nova.stream({ visibility: 'private' });
  const token = await nova.token();
  expect(await closedOf(nova.viewer('0199a3f0-0000-7000-8000-000000000000', token))).toMatchObject({ code: 'stream_not_found', status: 404, message: expect.stringMatching(/stream/i) });
  expect(await closedOf(nova.viewer('a/b?c', token))).toMatchObject({ code: 'stream_not_found', status: 404 });
  expect(await closedOf(nova.viewer(stream.id, 'no.token.this'))).toMatchObject({ code: 'token_invalid', status: 401 });
  expect(await closedOf(nova.viewer(stream.id, ''))).toMatchObject({ code: 'token_missing', status: 401 });
  expect(await closedOf(nova.viewer(secret.id, token))).toMatchObject({ code: 'not_allowed', status: 403 });
  expect(await closedOf(nova.viewer(secret.id, token, { tokenIn: 'subprotocol' }))).toMatchObject({ code: 'not_allowed', status: 403 });
});

test('a provider whose tokens are refused again and again is told, not asked for ever', async () => {
  const stream = await nova.stream();
  let asked = 0;
  expect(await closedOf(nova.viewer(stream.id, () => `bad.${++asked}.token`))).toMatchObject({ code: 'token_invalid' });
  expect(asked).toBe(4);
});

test('a provider that fails or hangs is asked again', async () => {
  const stream = await nova.stream();
  let asked = 0;
  const viewer = nova.viewer(stream.id, () => {
    if (++asked === 1) throw new Error('401 of my own server');
    return nova.token();
  });
  const reasons: string[] = [];
  viewer.on('reconnecting', ({ reason }) => reasons.push(reason));
  viewer.connect();
  await until(() => viewer.state.value.connection).toBe('connected');
  expect(reasons).toEqual(['No token: 401 of my own server']);
  viewer.disconnect();
});

test('the token may travel as a subprotocol', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, await nova.token(), { tokenIn: 'subprotocol' });
  viewer.connect();
  await until(() => viewer.state.value.status).toBe('active');
  viewer.disconnect();
});

test('who is kicked is told so, and stays away', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, () => nova.token({ sub: 'kicked' }));
  viewer.connect();
  await until(() => viewer.state.value.current).toBe(true);
  await nova.call('DELETE', `streams/${stream.id}/viewers/${viewer.state.value.viewer_id}`, stream.token);
  await until(() => viewer.state.value.connection).toBe('closed');
  expect(viewer.state.value.closed).toMatchObject({ code: 'not_allowed', close_code: 4403 });
  expect(await closedOf(nova.viewer(stream.id, await nova.token({ sub: 'kicked' })))).toMatchObject({ code: 'not_allowed', status: 403 });
});

test('a scheduled stream that is deleted is not one that ended', async () => {
  const stream = await nova.stream({ start: false });
  const viewer = nova.viewer(stream.id, await nova.token());
  viewer.connect();
  await until(() => viewer.state.value.current).toBe(true);
  await nova.call('DELETE', `streams/${stream.id}`, stream.token);
  await until(() => viewer.state.value.closed?.code).toBe('stream_not_found');
});

test('a full gateway is tried again when it says, until there is room', async () => {
  const small = new Nova((await startGateway({ Gateway__MaxConnections: '1' })).url);
  const stream = await small.stream();
  const first = small.viewer(stream.id, await small.token());
  first.connect();
  await until(() => first.state.value.current).toBe(true);
  const second = small.viewer(stream.id, await small.token());
  const waits: number[] = [];
  second.on('reconnecting', ({ in_ms }) => waits.push(in_ms));
  second.connect();
  await until(() => waits.length).toBeGreaterThan(0);
  expect(waits[0]).toBeGreaterThanOrEqual(1000); // Retry-After of the refusal.
  expect(second.state.value).toMatchObject({ connection: 'connecting', retry_reason: expect.stringMatching(/\w/) });
  first.disconnect();
  await until(() => second.state.value.current, 30_000).toBe(true);
  second.disconnect();
});

test('who disconnects when it hears that the connection is lost is not connected again', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, () => { throw new Error('none'); });
  viewer.on('reconnecting', () => viewer.disconnect());
  await closedOf(viewer);
  const states: string[] = [];
  viewer.state.subscribe(state => states.push(state.connection));
  await new Promise(done => setTimeout(done, 1_500)); // Longer than the first wait.
  expect(states).toEqual(['closed']);
});

test('an aborted signal disconnects, and nothing is connected after it', async () => {
  const stream = await nova.stream();
  const abort = new AbortController();
  const viewer = nova.viewer(stream.id, await nova.token({ sub: newName() }), { signal: abort.signal });
  viewer.connect();
  await until(() => viewer.state.value.current).toBe(true);
  const asked = viewer.getStreamInfo();
  abort.abort();
  await expect(asked).rejects.toMatchObject({ code: 'disconnected' });
  expect(viewer.state.value.closed?.code).toBe('disconnected');
  viewer.connect();
  expect(viewer.state.value.connection).toBe('closed');
});
