// Every example of docs/protocol.md is a value of the types in src/messages.ts: a member that one of them lacks or spells otherwise does not compile.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const fromViewers = new Set(['pong', 'get_stream_info', 'report_issue', 'refresh_token']);
const examples = [...page.matchAll(/^```json\n(\{"event".*\})\n```$/gm)].map(match => JSON.parse(match[1]));
const seen = new Set(examples.map(example => example.event));
const lines = examples.map(({ event, data }, index) =>
  `export const example${index}: ${fromViewers.has(event) ? 'ClientEvents' : 'ServerEvents'}['${event}'] = ${JSON.stringify(data)};`);
const names = [...seen].map(event => `'${event}'`).join(' | ');
const file = new URL('../tests/examples.generated.ts', import.meta.url);
writeFileSync(file, `import type { ClientEvents, ServerEvents } from '../src/messages.js';
${lines.join('\n')}
// And there is an example of every event.
export const all: Exclude<keyof ServerEvents | keyof ClientEvents, ${names}> extends never ? true : false = true;
`);
try {
  execFileSync('npx', ['tsc', '-p', 'tests'], { stdio: 'inherit', cwd: new URL('..', import.meta.url) });
  console.log(`${examples.length} examples of ${seen.size} events are values of the types`);
} finally {
  rmSync(file);
}
