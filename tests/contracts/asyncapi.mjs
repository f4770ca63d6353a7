// Checks docs/asyncapi.yaml with the official parser, and that the reference page in Nova.Gateway is built from it. --write builds the page.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Parser, stringify } from '@asyncapi/parser';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const source = new URL('../../docs/asyncapi.yaml', import.meta.url);
const target = new URL('../../Nova.Gateway/Http/Reference/', import.meta.url);

/** Spectral's: 0 error, 1 warning, 2 information, 3 hint. */
const severities = ['error', 'warning', 'information', 'hint'];

const { document, diagnostics } = await new Parser().parse(await readFile(source, 'utf8'));
for (const { severity, code, message, path, range } of diagnostics) {
  console.log(`docs/asyncapi.yaml:${range.start.line + 1}: ${severities[severity]} ${code}: ${message} (${path.join('.')})`);
}

if (!document || diagnostics.some(({ severity }) => severity <= 1)) {
  process.exit(1);
}

const built = await buildReference(stringify(document));
const isWritten = process.argv.includes('--write');
for (const [name, content] of Object.entries(built)) {
  const file = new URL(name, target);
  if (isWritten) {
    await writeFile(file, content);
  } else if (await readFile(file, 'utf8').catch(() => '') !== content) {
    console.log(`Nova.Gateway/Http/Reference/${name} is stale; run in tests/contracts: npm ci && npm run reference`);
    process.exitCode = 1;
  }
}

console.log(`${document.allMessages().length} messages; ${Object.entries(built).map(([name, content]) => `${name} ${content.length} characters`).join(', ')}`);

/** Script and style of the page. The parser stays here: the page gets what it has parsed, and only the parser's models to read that with. */
async function buildReference(contract) {
  const { outputFiles: [script] } = await build({
    entryPoints: [`${here}reference.mjs`],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'eof',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [{
      name: 'contract',
      setup({ onResolve, onLoad }) {
        const given = {
          contract: `export default ${contract}`,
          '@asyncapi/parser': "export * from '@asyncapi/parser/esm/document.js'; export * from '@asyncapi/parser/esm/models/index.js'; export { unstringify } from '@asyncapi/parser/esm/stringify.js';",
          '@asyncapi/specs': `export default { schemas: { '${document.version()}': {} } };`,
          '@stoplight/spectral-core': 'export class Document {}',
          './parser': 'export class Parser {}',
        };
        onResolve({ filter: /^(contract|@asyncapi\/parser|@asyncapi\/specs|@stoplight\/spectral-core)$/ }, ({ path }) => ({ path, namespace: 'given' }));
        onResolve({ filter: /^\.\/parser$/ }, ({ path, importer }) => importer.includes('react-component') ? { path, namespace: 'given' } : undefined);
        onLoad({ filter: /.*/, namespace: 'given' }, ({ path }) => ({ contents: given[path], resolveDir: here }));
      },
    }],
  });
  return {
    'socket.js': script.text,
    'socket.css': await readFile(`${here}node_modules/@asyncapi/react-component/styles/default.min.css`, 'utf8') + await readFile(`${here}reference.css`, 'utf8'),
  };
}
