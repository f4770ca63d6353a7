import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { NovaStreamViewer, StreamState } from '../src/index.js';
import { Broadcast, command, expectSameAsApi, Nova, sharedGateway, startGateway, startProxy, until, type Place } from './lab/nova.js';

// Each fault breaks a connection in the middle of changes. Afterwards the page shows what the API says, and on the way there nothing older than it showed before.

let gateway: Place, other: Nova, stream: Broadcast;
beforeAll(async () => {
  const [broken, whole] = await Promise.all([startGateway(), sharedGateway()]);
  gateway = broken;
  other = new Nova(whole.url); // The publisher's way, so that the stream changes while the viewer's gateway is away.
});
beforeEach(async () => {
  stream = await other.stream();
});

async function watch(place: { url: string } = gateway, ttl_seconds = 600): Promise<{ viewer: NovaStreamViewer; shown: StreamState[] }> {
  const sub = `faults-${stream.id}`;
  const viewer = new Nova(place.url).viewer(stream.id, () => other.token({ sub, ttl_seconds }));
  const shown: StreamState[] = [];
  viewer.state.subscribe(state => shown.push(state));
  viewer.connect();
  await expectSameAsApi(viewer, stream);
  return { viewer, shown };
}

/** Bitrates rise with each change of these tests, so that an old value is a smaller one. */
function expectNothingOlder(shown: StreamState[]): void {
  const bitrates = shown.map(state => state.bitrate_kbps).filter(kbps => kbps !== null);
  expect(bitrates).toEqual([...bitrates].sort((one, two) => one - two));
  expect(shown.filter(state => state.connection === 'reconnecting').every(state => !state.current && state.title === 'A test')).toBe(true);
}

test('the gateway is killed', async () => {
  const { viewer, shown } = await watch();
  await stream.quality('720p', 5100);
  await until(() => viewer.state.value.quality).toBe('720p');
  const report = viewer.reportIssue({ issue_type: 'lag', severity: 'low' });
  await command('kill', gateway);
  await until(() => viewer.state.value.connection).toBe('reconnecting');
  await stream.quality('4k', 5200);
  const later = viewer.reportIssue({ issue_type: 'lag', severity: 'high' });
  await command('restart', gateway);
  await expectSameAsApi(viewer, stream);
  expectNothingOlder(shown);
  await Promise.all([report, later]);
  const { issues } = await other.call('GET', `issues?stream_id=${stream.id}`, await other.token({ role: 'operator' }));
  expect(issues).toHaveLength(2);
  viewer.disconnect();
});

test('the gateway is drained: viewers come back when they were told', async () => {
  const { viewer, shown } = await watch();
  const waits: number[] = [];
  viewer.on('reconnecting', ({ in_ms }) => waits.push(in_ms));
  await stream.quality('720p', 5100);
  const drained = command('drain', gateway);
  await until(() => waits.length).toBeGreaterThan(0);
  expect(viewer.state.value.retry_reason).toMatch(/^drain retry_after_ms=\d+$/);
  expect(waits[0]).toBeGreaterThanOrEqual(Number(/\d+/.exec(viewer.state.value.retry_reason!)![0]));
  await drained;
  await stream.quality('4k', 5200);
  await command('restart', gateway);
  await expectSameAsApi(viewer, stream);
  expectNothingOlder(shown);
  viewer.disconnect();
});

test('the token is renewed before it ends, and nobody notices', async () => {
  const { viewer, shown } = await watch(gateway, 21); // Half of it is more than the 10 s that are the least.
  const sessions = new Set<unknown>();
  viewer.state.subscribe(state => sessions.add(state.session_id));
  const refreshed = new Promise<string>(resolve => viewer.on('token_refreshed', data => resolve(data.expires_at)));
  expect(Date.parse(await refreshed)).toBeGreaterThan(Date.now());
  await stream.quality('720p', 5100);
  await expectSameAsApi(viewer, stream);
  expect(sessions.size).toBe(1);
  expectNothingOlder(shown);
  viewer.disconnect();
});

test('the connection is cut, and cut again', async () => {
  const proxy = await startProxy(gateway);
  const { viewer, shown } = await watch(proxy);
  for (let kbps = 5100; kbps < 5400; kbps += 100) {
    await stream.quality('720p', kbps);
    await command('proxy', { id: proxy.id, cut: true });
    await until(() => viewer.state.value.current).toBe(false);
    await expectSameAsApi(viewer, stream);
  }
  expectNothingOlder(shown);
  viewer.disconnect();
});

test('500 ms each way', async () => {
  const proxy = await startProxy(gateway, { delayMs: 500 });
  const { viewer, shown } = await watch(proxy);
  await expect(viewer.getStreamInfo()).resolves.toMatchObject({ status: 'active' });
  expect(viewer.state.value.latency_ms).toBeGreaterThan(900);
  await stream.quality('720p', 5100);
  await expectSameAsApi(viewer, stream);
  expectNothingOlder(shown);
  expect(shown.some(state => state.connection === 'reconnecting')).toBe(false);
  viewer.disconnect();
});
