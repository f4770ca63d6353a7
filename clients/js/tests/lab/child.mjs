// A viewer in a process of its own, which a test can stop. It says each state as a line, and ends after "disconnect" on its input.
import { WebSocket } from 'ws';
import { NovaStreamViewer } from '../../dist/index.js';

const [url, stream, token] = process.argv.slice(2);
const viewer = new NovaStreamViewer(stream, token, { url, WebSocket });
viewer.state.subscribe(state => console.log(JSON.stringify(state)));
viewer.connect();
process.stdin.once('data', () => {
  viewer.disconnect();
  process.stdin.destroy();
});
