// What a client does that openapi-typescript made of docs/openapi.json: create, start, a conflict, a new quality, end, list the issues.
import createClient from 'openapi-fetch';
import type { paths } from './generated/nova';

declare const process: { argv: string[]; exit(code: number): never };

const [gateway, broadcaster] = process.argv.slice(2);
const nova = createClient<paths>({ baseUrl: gateway, headers: { Authorization: `Bearer ${broadcaster}` } });

function expect<T>(what: string, actual: T, wanted: T): void {
  if (actual !== wanted) {
    console.error(`${what}: ${JSON.stringify(actual)} in place of ${JSON.stringify(wanted)}`);
    process.exit(1);
  }
}

const created = await nova.POST('/api/v1/streams', { body: { title: 'TypeScript' } });
expect('create', created.response.status, 201);
const params = { path: { stream_id: created.data!.stream_id } };

const started = await nova.POST('/api/v1/streams/{stream_id}/start', { params, body: { quality: '1080p', fps: 60, bitrate_kbps: 5000 } });
expect('start', started.data!.status, 'active');
const change = { new_quality: '720p', new_bitrate_kbps: 3000, reason: 'adaptive_bitrate' } as const;

const stale = await nova.POST('/api/v1/streams/{stream_id}/quality', { params: { ...params, header: { 'If-Match': created.response.headers.get('ETag')! } }, body: change });
expect('a conflict', stale.error?.error_code, 'VERSION_MISMATCH');
const fresh = await nova.POST('/api/v1/streams/{stream_id}/quality', { params: { ...params, header: { 'If-Match': started.response.headers.get('ETag')! } }, body: change });
expect('the new quality', fresh.data!.quality, '720p');

const ended = await nova.POST('/api/v1/streams/{stream_id}/end', { params });
expect('end', ended.data!.end_reason, 'broadcaster_ended');
const issues = await nova.GET('/api/v1/issues', { params: { query: { stream_id: params.path.stream_id, limit: 10 } } });
expect('issues', issues.data!.issues.length, 0);
console.log('The TypeScript client created, started, changed and ended a stream, and listed its issues.');
