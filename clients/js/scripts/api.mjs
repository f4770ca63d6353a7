// api.d.ts is all that others may use: a change of it is seen in review. `npm run api -- --write` makes it anew.
import { readFileSync, writeFileSync } from 'node:fs';

const parts = ['index', 'viewer', 'state', 'errors', 'messages', 'tokens', 'player'];
const api = parts.map(part => {
  const text = readFileSync(new URL(`../dist/${part}.d.ts`, import.meta.url), 'utf8');
  return `// ${part}\n${text.replace(/^\s*(#private;|\/\/# sourceMappingURL.*)\n?/gm, '').replace(/^ *\/\*\*[\s\S]*?\*\/\n/gm, '')}`;
}).join('\n');
const file = new URL('../api.d.ts', import.meta.url);
if (process.argv.includes('--write')) {
  writeFileSync(file, api);
} else if (readFileSync(file, 'utf8') !== api) {
  console.error('The public interface has changed. Run `npm run api`, look at the difference of api.d.ts, and say in CHANGELOG.md what breaks.');
  process.exitCode = 1;
}
