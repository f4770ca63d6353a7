import { expect, test } from 'vitest';
import { command, newName, Nova, sharedGateway, startGateway, type Place } from '../tests/lab/nova.js';

// `npm run return`: how a crowd of this client comes back from a gateway that was drained and started anew, as in a rolling update: a balancer with two gateways.
// Ten viewers a broadcast: 5,000 of one would get 60,000 counts a second between them, more than one process that plays all of them can read on two cores.

const viewers = Number(process.env.VIEWERS ?? 5000);
const perStream = 10;

test(`${viewers} viewers return within the spread that they were told`, { timeout: 300_000 }, async () => {
  const [gateway, second] = await Promise.all([startGateway(), sharedGateway()]);
  const balancer = await command<Place>('start-balancer', { ids: [gateway.id, second.id] });
  const other = new Nova(second.url); // Makes the tokens.
  const nova = new Nova(balancer.url);
  const streams = [];
  for (let i = 0; i < viewers / perStream; i++) streams.push(await other.stream());
  const crowd = [];
  let tokens = 0, refused = 0;
  for (let i = 0; i < viewers; i++) {
    const sub = newName();
    const viewer = nova.viewer(streams[i % streams.length]!.id, () => (tokens++, other.token({ sub, ttl_seconds: 900 })));
    viewer.on('reconnecting', ({ reason }) => refused += /token/i.test(reason) ? 1 : 0);
    viewer.connect();
    crowd.push(viewer);
    if (i % 100 === 99) await new Promise(done => setTimeout(done, 100));
  }
  const all = async (what: string, holds: (viewer: (typeof crowd)[0]) => boolean) => {
    for (const end = Date.now() + 60_000; !crowd.every(holds); await new Promise(done => setTimeout(done, 20))) if (Date.now() > end) throw new Error(what);
  };
  await all('all are there', viewer => viewer.state.value.current && viewer.state.value.viewer_count === perStream);
  expect(tokens).toBe(viewers);

  const back: number[] = [], attempts: number[] = [];
  let closedAt = 0, longestTold = 0;
  for (const viewer of crowd) {
    let tries = 0;
    viewer.on('reconnecting', ({ reason }) => {
      tries++;
      closedAt ||= Date.now();
      longestTold = Math.max(longestTold, Number(/retry_after_ms=(\d+)/.exec(reason)?.[1] ?? 0));
    });
    viewer.on('connection_established', () => {
      back.push(Date.now() - closedAt);
      attempts.push(tries);
    });
  }
  await command('drain', gateway);
  await command('restart', gateway);
  await all('all are back', viewer => viewer.state.value.current && viewer.state.value.viewer_count === perStream);

  back.sort((one, two) => one - two);
  const part = (share: number) => `${(back[Math.floor((back.length - 1) * share)]! / 1000).toFixed(1)} s`;
  const busiest = Math.max(...Object.values(back.reduce<Record<number, number>>((seconds, ms) => ({ ...seconds, [Math.floor(ms / 1000)]: (seconds[Math.floor(ms / 1000)] ?? 0) + 1 }), {})));
  console.log([
    `${viewers} viewers, of which ${back.length} were on the drained gateway and told to wait up to ${(longestTold / 1000).toFixed(1)} s`,
    `back after: half ${part(0.5)}, 99 % ${part(0.99)}, the last ${part(1)}; ${busiest} in the busiest second`,
    `attempts: ${(attempts.reduce((sum, count) => sum + count, 0) / attempts.length).toFixed(2)} each on average, ${Math.max(...attempts)} at most; tokens asked for again: ${tokens - viewers}, refused: ${refused}`,
  ].join('\n'));
  expect(refused).toBe(0);
  expect(tokens).toBe(viewers);
  expect(back.at(-1)).toBeLessThan(longestTold + 3000); // 1 s of waves, and a wait that begins while the balancer still leads to the drained one.
  for (const viewer of crowd) viewer.disconnect();
});
