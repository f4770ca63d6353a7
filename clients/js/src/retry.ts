import type { Closed } from './errors.js';

/** What a closed or refused socket means: come back after `ms` at the earliest, or do not. */
export type Verdict = { retryMs: number; needsToken?: boolean; message: string } | { closed: Closed };

const closedFor = (code: Closed['code'], message: string, more: Partial<Closed>): Verdict => ({ closed: { code, message, ...more } });

/** The table "Close codes" of docs/protocol.md. */
export function verdictOfClose(close_code: number, reason: string, canRenew: boolean): Verdict {
  const retryMs = Number(/retry_after_ms=(\d+)/.exec(reason)?.[1] ?? 0);
  switch (close_code) {
    case 1000: return closedFor('stream_ended', reason || 'The broadcast has ended', { close_code });
    case 1002: case 1003: case 1007: case 1009: return closedFor('bad_request', reason || 'Nova did not understand a message', { close_code });
    case 4403: return closedFor('not_allowed', reason || 'You may not watch this stream', { close_code });
    case 4401: return canRenew
      ? { retryMs: 0, needsToken: true, message: 'The token has expired' }
      : closedFor('token_expired', 'The token has expired', { close_code });
    case 1008: return { retryMs: 30_000, message: reason };
    default: return { retryMs, message: reason || 'The connection is lost' };
  }
}

/** The table "Before the upgrade" of docs/protocol.md: what a plain GET of the socket's address is answered. */
export function verdictOfRefusal(status: number, problem: { detail?: string; reason?: string; error_code?: string }, retryAfter: string | null, canRenew: boolean): Verdict {
  // Without an error_code something in between answered, such as a proxy whose Nova is being replaced: that passes.
  if (!problem.error_code) return { retryMs: 1000 * (Number(retryAfter) || 0), message: `Something before Nova answered ${status}` };
  const message = problem.detail ?? `Nova refused the connection with ${status}`;
  switch (status) {
    case 400: return closedFor('bad_request', message, { status });
    case 401: {
      const code = problem.reason === 'token_missing' || problem.reason === 'token_expired' ? problem.reason : 'token_invalid';
      return canRenew ? { retryMs: 0, needsToken: true, message } : closedFor(code, message, { status });
    }
    case 403: return closedFor('not_allowed', message, { status });
    case 404: return closedFor('stream_not_found', message, { status });
    default: return { retryMs: 1000 * (Number(retryAfter) || 0), message }; // 426 would be accepted now; 429 and 503 say when.
  }
}

/** Full jitter: anything from nothing to the bound, which doubles from 1 to 30 s. A crowd that lost one gateway comes back spread evenly. */
export const backoffMs = (attempt: number): number => Math.random() * Math.min(30_000, 1000 * 2 ** attempt);
