import { beforeAll, expect, test } from 'vitest';
import { command, expectSameAsApi, Nova, sharedGateway, startProxy, until, type Place } from './lab/nova.js';

let gateway: Place, nova: Nova;
beforeAll(async () => {
  gateway = await sharedGateway();
  nova = new Nova(gateway.url);
});

async function watched() {
  const stream = await nova.stream();
  const proxy = await startProxy(gateway);
  const viewer = new Nova(proxy.url).viewer(stream.id, await nova.token());
  viewer.connect();
  await expectSameAsApi(viewer, stream);
  return { stream, proxy, viewer };
}

test('a page kept for "back" closes its socket and comes back with the state of now', async () => {
  const { stream, viewer } = await watched();
  window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
  expect(viewer.state.value).toMatchObject({ connection: 'reconnecting', current: false });
  await stream.quality('4k', 9000);
  window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  await expectSameAsApi(viewer, stream);
  viewer.disconnect();
});

test('a socket that died meanwhile is found 5 s after the network is back', async () => {
  const { stream, proxy, viewer } = await watched();
  await command('proxy', { id: proxy.id, silent: 'both' });
  await stream.quality('4k', 9000);
  window.dispatchEvent(new Event('online'));
  await until(() => viewer.state.value.retry_reason, 12_000).toBe('Nova is silent');
  await command('proxy', { id: proxy.id, silent: 'no' });
  await expectSameAsApi(viewer, stream);
  viewer.disconnect();
});

test('whoever waits for the next attempt makes it when the page is shown again', async () => {
  const { stream, proxy, viewer } = await watched();
  let attempts = 0;
  viewer.on('reconnecting', () => attempts++);
  const random = Math.random;
  Math.random = () => 0.999; // The longest waits: 1, 2, 4, 8, 16 s.
  await command('proxy', { id: proxy.id, cut: true, refuse: true });
  await until(() => attempts, 60_000).toBe(5);
  Math.random = random;
  await command('proxy', { id: proxy.id, refuse: false });
  document.dispatchEvent(new Event('visibilitychange'));
  await until(() => viewer.state.value.connection, 8_000).toBe('connected');
  await expectSameAsApi(viewer, stream);
  viewer.disconnect();
  window.dispatchEvent(new Event('online')); // Nobody listens any more.
  expect(viewer.state.value.connection).toBe('closed');
});
