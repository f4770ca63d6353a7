// Runs the protocol document's own client class, unmodified, against a gateway. Arguments: the document, gateway host, stream id, token,
// seconds to stay. Prints one JSON line per thing that happened.
import { readFileSync } from 'node:fs';

const [document, host, streamId, token, seconds] = process.argv.slice(2);
const say = what => console.log(JSON.stringify(what));

// The class has the public host in it; only where the socket goes is changed, below the class.
const RealWebSocket = globalThis.WebSocket;
globalThis.WebSocket = class extends RealWebSocket {
  constructor(url) {
    super(url.replace(/^wss:\/\/[^/]+/, `ws://${host}`));
    this.addEventListener('close', event => say({ closed: event.code, clean: event.wasClean }));
  }
};

const block = readFileSync(document, 'utf8').split('```').find(part => part.includes('class NovaStreamViewer'));
const source = block.slice(block.indexOf('class NovaStreamViewer'), block.indexOf('// Usage'));
const NovaStreamViewer = new Function(`${source}\nreturn NovaStreamViewer;`)();

console.debug = console.log;
console.log = text => process.stderr.write(`${text}\n`);
const print = what => console.debug(JSON.stringify(what));

const viewer = new NovaStreamViewer(streamId, token);
for (const event of ['connection_established', 'stream_started', 'viewer_count_changed', 'quality_changed', 'ping', 'stream_info', 'error', 'stream_ended']) {
  viewer.on(event, data => print({ event, data }));
}
viewer.connect();
viewer.ws.addEventListener('close', event => print({ closed: event.code }));
setTimeout(() => viewer.send({ event: 'get_stream_info', data: { request_id: 'from the document' } }), (seconds - 2) * 1000);
setTimeout(() => viewer.disconnect(), seconds * 1000);
