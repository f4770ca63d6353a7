import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { backoffMs, verdictOfClose, verdictOfRefusal } from '../src/retry.js';
import { Tokens } from '../src/tokens.js';

const docs = new URL('../../../docs/', import.meta.url);

describe('close codes', () => {
  const verdict = (code: number, reason = '') => verdictOfClose(code, reason, true);

  test('each code of the table in protocol.md is obeyed', async () => {
    const page = await readFile(new URL('protocol.md', docs), 'utf8');
    const rows = [...page.matchAll(/^\| (\d{4}) \| .* \| ([^|]+) \|$/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(12);
    for (const [, code, advice] of rows) {
      const comesBack = /^(yes|after|with a new token)/.test(advice!);
      expect([code, 'retryMs' in verdict(Number(code))]).toEqual([code, comesBack]);
    }
  });

  test('what Nova says is waited for, a flood half a minute, and codes of proxies like a lost connection', () => {
    expect(verdict(1001, 'drain retry_after_ms=2345')).toMatchObject({ retryMs: 2345 });
    expect(verdict(1013, 'fell behind, retry_after_ms=1500')).toMatchObject({ retryMs: 1500 });
    expect(verdict(1008)).toMatchObject({ retryMs: 30_000 });
    expect(verdict(1012)).toMatchObject({ retryMs: 0 });
    expect(verdictOfClose(4401, '', false)).toMatchObject({ closed: { code: 'token_expired' } });
  });
});

test('refusals: only 401 with a provider, 426, 429, 503 and what is not of Nova are tried again', () => {
  const error_code = 'CONNECTION_REJECTED';
  expect(verdictOfRefusal(426, { error_code }, null, true)).toMatchObject({ retryMs: 0 });
  expect(verdictOfRefusal(503, { error_code, detail: 'full' }, '7', true)).toMatchObject({ retryMs: 7000, message: 'full' });
  expect(verdictOfRefusal(429, { error_code }, 'Wed, 21 Oct', true)).toMatchObject({ retryMs: 0 });
  expect(verdictOfRefusal(401, { error_code, reason: 'token_expired' }, null, true)).toMatchObject({ needsToken: true });
  expect(verdictOfRefusal(401, { error_code, reason: 'token_expired' }, null, false)).toMatchObject({ closed: { code: 'token_expired' } });
  for (const status of [400, 403, 404]) {
    expect(verdictOfRefusal(status, { error_code }, null, true)).toMatchObject({ closed: { status } });
    expect(verdictOfRefusal(status, {}, '3', true)).toMatchObject({ retryMs: 3000 }); // A proxy's own page.
  }
});

test('the wait is spread from nothing to a bound that doubles to 30 s', () => {
  for (const [attempt, bound] of [[0, 1000], [3, 8000], [5, 30_000], [50, 30_000]] as const) {
    const waits = Array.from({ length: 2000 }, () => backoffMs(attempt));
    expect(Math.max(...waits)).toBeLessThanOrEqual(bound);
    expect(waits.filter(wait => wait < bound / 4).length).toBeGreaterThan(350); // A quarter of them, give or take.
    expect(waits.filter(wait => wait > bound * 3 / 4).length).toBeGreaterThan(350);
  }
});

describe('tokens', () => {
  const jwt = (seconds: number) => `e30.${btoa(JSON.stringify({ exp: Date.now() / 1000 + seconds, name: 'ü?>' })).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.x`;

  test('the provider is asked when less than 30 s are left, and once for several callers', async () => {
    let asked = 0;
    const lifetimes = [20, 600];
    const tokens = new Tokens(async () => jwt(lifetimes[asked++]!));
    const [one, two] = await Promise.all([tokens.get(), tokens.get()]);
    expect([one === two, asked]).toEqual([true, 1]);
    const third = await tokens.get();
    expect(await tokens.get()).toBe(third);
    expect(asked).toBe(2);
    const left = tokens.msUntilRefresh()!;
    expect(left).toBeGreaterThan(299_000);
    expect(left).toBeLessThan(451_000);
    tokens.forget();
    lifetimes.push(5);
    await tokens.get();
    expect([asked, tokens.msUntilRefresh()]).toEqual([3, 10_000]);
  });

  test('a token that is no JWT is used as it is', async () => {
    expect(await new Tokens('opaque').get()).toBe('opaque');
    expect(new Tokens('opaque').msUntilRefresh()).toBe(null);
  });
});
