import { beforeAll, expect, test } from 'vitest';
import { expectSameAsApi, newName, Nova, sharedGateway, until } from './lab/nova.js';

let nova: Nova;
beforeAll(async () => {
  nova = new Nova((await sharedGateway()).url);
});

test('shows the state of now to whoever comes late, and each change after it', async () => {
  const stream = await nova.stream();
  await stream.quality('720p', 3000);
  const viewer = nova.viewer(stream.id, await nova.token());
  const shown: string[] = [];
  viewer.state.subscribe(({ quality }) => quality && shown.push(quality));
  viewer.connect();
  await expectSameAsApi(viewer, stream);
  expect(new Set(shown)).toEqual(new Set(['720p'])); // Not the 1080p of the start, which comes first on the wire.

  await stream.quality('4k', 14_000);
  await until(() => viewer.state.value.quality).toBe('4k');
  await stream.post('bitrate', { current_bitrate_kbps: 13_000 });
  await until(() => viewer.state.value.health).toBe('fair');
  await nova.call('PATCH', `streams/${stream.id}`, stream.token, { title: 'Part 2' });
  await until(() => viewer.state.value.title).toBe('Part 2');
  await expectSameAsApi(viewer, stream);
  viewer.disconnect();
});

test('tells a scheduled stream from a live one, and ends for good with its numbers', async () => {
  const stream = await nova.stream({ start: false });
  const viewer = nova.viewer(stream.id, await nova.token());
  const closed = new Promise(resolve => viewer.on('closed', resolve));
  viewer.connect();
  await until(() => viewer.state.value.status).toBe('scheduled');
  await stream.start();
  await until(() => viewer.state.value.status).toBe('active');
  const final = await stream.post('end');
  expect(await closed).toMatchObject({ code: 'stream_ended', close_code: 1000 });
  expect(viewer.state.value).toMatchObject({ connection: 'closed', status: 'ended', ended: { reason: 'broadcaster_ended', peak_viewers: final.peak_viewers } });

  const late = nova.viewer(stream.id, await nova.token()); // For a day, whoever comes hears how it ended.
  late.connect();
  await until(() => late.state.value.connection).toBe('closed');
  expect(late.state.value).toMatchObject({ status: 'ended', closed: { code: 'stream_ended' } });
});

test('an error of the stream holds until the next one; one of the connection does not', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, await nova.token());
  viewer.connect();
  await until(() => viewer.state.value.current).toBe(true);
  const lost = { error_code: 'RTMP_CONNECTION_LOST', error_message: 'The encoder is gone', severity: 'critical', recoverable: false, suggested_action: 'Wait' };
  await stream.post('error', lost);
  await until(() => viewer.state.value.error?.error_code).toBe('RTMP_CONNECTION_LOST');
  for (let i = 0; i < 200; i++) viewer.send({ event: 'get_stream_info', data: { request_id: `${i}` } });
  await new Promise(resolve => viewer.on('error', error => error.error_code === 'RATE_LIMITED' && resolve(error)));
  expect(viewer.state.value.error?.error_code).toBe('RTMP_CONNECTION_LOST');
  await stream.post('heartbeat');
  await until(() => viewer.state.value.error).toBe(null);
  viewer.disconnect();
});

test('asks and is answered', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, await nova.token());
  await expect(viewer.getStreamInfo()).rejects.toMatchObject({ code: 'disconnected' });
  viewer.connect();
  const infos = await Promise.all(Array.from({ length: 20 }, () => viewer.getStreamInfo())); // Before the socket is open: asked once it is.
  expect(new Set(infos.map(info => info.request_id)).size).toBe(20);
  expect(infos[0]).toMatchObject({ status: 'active', broadcaster_name: 'Tester', quality: '1080p' });
  expect(viewer.state.value.latency_ms).toBeGreaterThanOrEqual(0);
  viewer.disconnect();
});

test('a report is stored once, however often it is made, and a wrong one is named', async () => {
  const stream = await nova.stream();
  const sub = newName();
  const viewer = nova.viewer(stream.id, await nova.token({ sub }));
  viewer.connect();
  const first = await viewer.reportIssue({ issue_type: 'buffering', severity: 'high', description: 'It stops', client_info: { player: 'test' } });
  const again = await viewer.reportIssue({ issue_type: 'buffering', severity: 'high', report_id: first.report_id });
  expect(again.issue_id).toBe(first.issue_id);
  const operator = await nova.token({ role: 'operator' });
  const { issues } = await nova.call('GET', `issues?stream_id=${stream.id}`, operator);
  expect(issues).toHaveLength(1);
  expect(issues[0]).toMatchObject({ description: 'It stops', client_info: { player: 'test' } });

  await expect(viewer.reportIssue({ issue_type: 'slow' as any, severity: 'low' })).rejects.toThrow(/issue_type must be one of buffering/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', description: 'é'.repeat(2049) })).rejects.toThrow(/description/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', client_info: { bandwidth_estimate_kbps: -1 } })).rejects.toThrow(/bandwidth_estimate_kbps/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', description: '😀'.slice(0, 1) })).rejects.toThrow(/well-formed/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', description: 'C:\\ud800 is a path' })).resolves.toMatchObject({ report_id: expect.any(String) });
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', client_info: { player: 5 as any } })).rejects.toThrow(/client_info.player/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', client_info: { a: { b: { c: { d: { e: { f: { g: { h: 1 } } } } } } } } })).resolves.toBeTruthy();
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', client_info: { a: { b: { c: { d: { e: { f: { g: { h: {} } } } } } } } } })).rejects.toThrow(/8 levels/);
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low', client_info: { list: Array(1000).fill(0) } })).rejects.toThrow(/900 values/);
  viewer.disconnect();
  await expect(viewer.reportIssue({ issue_type: 'lag', severity: 'low' })).rejects.toMatchObject({ code: 'disconnected' });
});

test('a handler that throws breaks nothing, and several hear one event until they go', async () => {
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, await nova.token());
  const uncaught: unknown[] = [];
  const reportError = globalThis.reportError;
  globalThis.reportError = error => void uncaught.push(error);
  const heard: string[] = [];
  viewer.on('quality_changed', () => { throw new Error('mine'); });
  const off = viewer.on('quality_changed', data => heard.push(data.new_quality));
  viewer.connect();
  await until(() => viewer.state.value.current).toBe(true);
  await stream.quality('720p', 3000);
  await until(() => heard).toEqual(['720p']);
  off();
  await stream.quality('4k', 9000);
  await until(() => viewer.state.value.quality).toBe('4k');
  expect(heard).toEqual(['720p']);
  expect(uncaught).toHaveLength(2);
  globalThis.reportError = reportError;
  viewer.disconnect();
});

test("the protocol's own example runs with this class", async () => {
  const stream = await nova.stream();
  const log: string[] = [];
  const viewer = nova.viewer(stream.id, await nova.token());
  viewer.on('connection_established', data => { log.push(`Connected as viewer: ${data.viewer_id}`); });
  viewer.on('viewer_count_changed', data => { log.push(`Viewers: ${data.viewer_count}`); });
  viewer.on('stream_ended', data => { log.push(`Stream ended after ${data.duration_seconds} seconds`); });
  viewer.connect();
  await until(() => log.join()).toMatch(/Connected as viewer: .*Viewers: 1/);
  await stream.post('end');
  await until(() => log.join()).toMatch(/Stream ended after \d+ seconds/);
});
