import { beforeAll, describe, expect, test } from 'vitest';
import { command, expectSameAsApi, Nova, sharedGateway, startProxy, until, WebSocketHere, type Place } from './lab/nova.js';

let gateway: Place, nova: Nova;
beforeAll(async () => {
  gateway = await sharedGateway();
  nova = new Nova(gateway.url);
});

// Beside each other: each waits for a minute of nothing.
describe.concurrent('silence', { timeout: 180_000 }, () => {
  test('a connection that carries nothing any more is found in 45 s', async () => {
    const stream = await nova.stream();
    const proxy = await startProxy(gateway);
    const viewer = new Nova(proxy.url).viewer(stream.id, await nova.token());
    viewer.connect();
    await expectSameAsApi(viewer, stream);
    await stream.quality('720p', 3000);
    await until(() => viewer.state.value.quality).toBe('720p');
    await command('proxy', { id: proxy.id, silent: 'both' });
    const started = Date.now();
    await stream.quality('4k', 9000);
    await until(() => viewer.state.value.retry_reason, 50_000).toBe('Nova is silent');
    expect(Date.now() - started).toBeLessThan(50_000);
    await command('proxy', { id: proxy.id, silent: 'no' });
    await expectSameAsApi(viewer, stream);
    viewer.disconnect();
  });

  test('4408: Nova hears nothing of the viewer for a minute, and the viewer comes back', async () => {
    const stream = await nova.stream();
    const proxy = await startProxy(gateway);
    const viewer = new Nova(proxy.url).viewer(stream.id, await nova.token());
    const reasons: string[] = [];
    viewer.on('reconnecting', ({ reason }) => reasons.push(reason));
    viewer.connect();
    await expectSameAsApi(viewer, stream);
    await command('proxy', { id: proxy.id, silent: 'up' });
    await until(() => reasons.length, 80_000).toBeGreaterThan(0);
    expect(reasons[0]).toMatch(/60 s|idle|silence|message/i);
    await command('proxy', { id: proxy.id, silent: 'no' });
    await expectSameAsApi(viewer, stream);
    viewer.disconnect();
  });

  test('each ping is answered with its sequence', async () => {
    const stream = await nova.stream();
    const sent: any[] = [];
    const Recording = class extends (WebSocketHere as any) {
      send(text: string) {
        sent.push(JSON.parse(text));
        (super.send as any)(text);
      }
    };
    const viewer = nova.viewer(stream.id, await nova.token(), { WebSocket: Recording as any });
    viewer.connect();
    await until(() => sent.filter(message => message.event === 'pong').map(message => message.data.sequence), 70_000).toEqual([1, 2]);
    expect(viewer.state.value.connection).toBe('connected');
    viewer.disconnect();
  });
});
