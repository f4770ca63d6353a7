// What a page loads: bundled, minified, gzipped.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const most = { index: 6144, player: 2048 };
for (const [name, limit] of Object.entries(most)) {
  const { outputFiles } = await build({ entryPoints: [`dist/${name}.js`], bundle: true, minify: true, format: 'esm', write: false });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`${name}: ${bytes} bytes gzipped, ${limit} at most`);
  if (bytes > limit) process.exitCode = 1;
}
