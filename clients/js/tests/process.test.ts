import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StreamState } from '../src/index.js';
import { Nova, sharedGateway, until } from './lab/nova.js';

let nova: Nova;
beforeAll(async () => {
  nova = new Nova((await sharedGateway()).url);
});

async function start() {
  const stream = await nova.stream();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'lab/child.mjs'), nova.url, stream.id, await nova.token({ ttl_seconds: 3600 })], { stdio: ['pipe', 'pipe', 'inherit'] });
  const states: StreamState[] = [];
  createInterface({ input: child.stdout! }).on('line', line => states.push(JSON.parse(line)));
  await until(() => states.at(-1)?.current).toBe(true);
  return { stream, child, states };
}

/** `FROZEN_SECONDS=600 npx vitest run --project node process page`: as long as a laptop is closed. */
const frozenMs = Number(process.env.FROZEN_SECONDS ?? 70) * 1000;

describe.concurrent('a process', { timeout: 120_000 + frozenMs }, () => {
  test('ends by itself after disconnect: no timer and no socket keeps it', async () => {
    const { child } = await start();
    const exit = once(child, 'exit');
    const started = Date.now();
    child.stdin!.write('disconnect');
    expect(await exit).toEqual([0, null]);
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  // As a laptop that sleeps: no timer runs, no pong goes out, and Nova closes the socket meanwhile (4408).
  test('frozen for a minute or more has the state of now seconds after it goes on', async () => {
    const { stream, child, states } = await start();
    child.kill('SIGSTOP');
    await stream.quality('4k', 9000);
    await new Promise(done => setTimeout(done, frozenMs));
    const before = states.length;
    child.kill('SIGCONT');
    await until(() => states.at(-1), 10_000).toEqual(expect.objectContaining({ connection: 'connected', current: true, quality: '4k', viewer_count: 1 }));
    expect(states.slice(before).filter(state => state.current && state.quality !== '4k')).toEqual([]);
    child.kill();
  });
});
