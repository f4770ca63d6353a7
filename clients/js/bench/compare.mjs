// `npm run compare`: size, cold connect and CPU per event of this client beside those of Centrifugo and SignalR. The server plays the frames that each library expects, with the
// same data and 25 ms each way, so that round trips count and servers do not. Each library runs in a process of its own; each measurement is the median of five.
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { WebSocketServer } from 'ws';

const delayMs = 25, connects = 20, events = 400_000;
const timestamp = new Date().toISOString();
const count = number => ({ event: 'viewer_count_changed', data: { stream_id: '550e8400-e29b-41d4-a716-446655440000', viewer_count: number, peak_viewers: number, change: 1, timestamp } });
const later = run => setTimeout(run, 2 * delayMs); // A request's way there and the answer's way back.

let flood = () => {};
const server = createServer((request, response) => later(() => {
  if (request.url.startsWith('/flood')) flood(Number(new URL(request.url, 'http://server').searchParams.get('events')));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ negotiateVersion: 1, connectionId: 'c', connectionToken: 't', availableTransports: [{ transport: 'WebSockets', transferFormats: ['Text'] }] }));
}));
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => later(() => sockets.handleUpgrade(request, socket, head, client => {
  const path = request.url;
  const frame = path.startsWith('/centrifuge') ? message => JSON.stringify({ push: { channel: 'stream', pub: { data: message } } })
    : path.startsWith('/signalr') ? message => `${JSON.stringify({ type: 1, target: message.event, arguments: [message.data] })}\x1e`
    : message => JSON.stringify(message);
  flood = number => {
    let sent = 1;
    const some = () => {
      for (let i = 0; i < 500 && sent < number; i++) client.send(frame(count(++sent)));
      if (sent < number) setImmediate(some);
    };
    some();
  };
  if (path.startsWith('/api')) {
    client.send(JSON.stringify({ event: 'connection_established', data: { stream_id: 's', viewer_id: 'v', session_id: 'x', protocol_version: '1.0', timestamp } }));
    client.send(frame(count(1)));
  }
  client.on('message', data => later(() => {
    for (const line of data.toString().split(/[\n\x1e]/).filter(Boolean)) {
      const message = JSON.parse(line);
      if (message.event === 'get_stream_info') client.send(JSON.stringify({ event: 'stream_info', data: { ...message.data, status: 'active', viewer_count: 1, peak_viewers: 1 } }));
      if (message.connect) client.send(JSON.stringify({ id: message.id, connect: { client: 'c', version: '6', ping: 25, pong: true } }));
      if (message.subscribe) client.send(`${JSON.stringify({ id: message.id, subscribe: {} })}\n${frame(count(1))}`);
      if (message.protocol) client.send(`{}\x1e${frame(count(1))}`);
    }
  }));
})));
await new Promise(done => server.listen(0, '127.0.0.1', done));

async function sizeOf(contents) {
  const { outputFiles } = await build({ stdin: { contents, resolveDir: '.' }, bundle: true, minify: true, format: 'esm', platform: 'browser', write: false });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const imports = {
  nova: "export { NovaStreamViewer } from './dist/index.js'",
  centrifuge: "export { Centrifuge } from 'centrifuge'",
  signalr: "export { HubConnectionBuilder, HttpTransportType, LogLevel } from '@microsoft/signalr'",
  'ws alone': null,
};
console.log(`| | gzipped | cold connect, ${2 * delayMs} ms round trip | CPU per event |\n|---|---|---|---|`);
for (const [library, contents] of Object.entries(imports)) {
  const runs = [];
  for (let i = 0; i < 5; i++) runs.push(JSON.parse((await promisify(execFile)(process.execPath, ['bench/client.mjs', library, server.address().port, connects, events])).stdout));
  const median = name => runs.map(run => run[name]).sort((one, two) => one - two)[2];
  console.log(`| ${library} | ${contents ? `${await sizeOf(contents)} bytes` : ''} | ${median('connectMs').toFixed(0)} ms | ${median('microseconds').toFixed(1)} µs |`);
}
server.closeAllConnections();
server.close();
process.exit(0);
