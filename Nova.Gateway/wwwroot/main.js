import { StreamSocket } from './stream-socket.js';
import * as view from './view.js';

const $ = id => document.getElementById(id);
const infoInterval = 5_000;

let socket;

function watch() {
  const streamId = $('stream').value.trim();
  const token = $('token').value.trim();
  if (!streamId) return;
  socket?.close();
  view.reset();
  $('title').textContent = 'Connecting…';
  socket = new StreamSocket(streamId, token);
  socket.addEventListener('state', ({ detail }) => {
    view.showLink(detail);
    if (detail.state === 'open') socket.askInfo();
    if (detail.state === 'closed' && $('title').textContent === 'Connecting…') $('title').textContent = detail.why;
  });
  socket.addEventListener('latency', ({ detail }) => view.showLatency(detail.ms));
  socket.addEventListener('message', ({ detail }) => received(detail));
  socket.open();
  // In the fragment, which no server sees: a reload comes back to the same stream.
  history.replaceState(null, '', `#${new URLSearchParams({ stream: streamId, token })}`);
}

function received(message) {
  view.show(message);
  if (message.event === 'connection_established' && $('title').textContent === 'Connecting…') $('title').textContent = 'Waiting for the stream to start';
  if (message.event === 'issue_received') $('report-state').textContent = 'Stored. Thank you.';
}

function report(event) {
  event.preventDefault();
  const sent = socket?.send('report_issue', {
    issue_type: $('issue-type').value,
    severity: $('severity').value,
    description: $('issue-text').value,
    report_id: crypto.randomUUID(),
    client_info: { player: 'nova-console', browser: navigator.userAgent.slice(0, 200), os: navigator.platform, network: navigator.connection?.effectiveType },
  });
  $('report-state').textContent = sent ? 'Sending…' : 'Not connected.';
}

/** In Development this machine's gateway hands out tokens; elsewhere the page's user brings one. */
async function developmentToken() {
  try {
    const response = await fetch('/dev/tokens', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"sub":"console"}' });
    return response.ok ? (await response.json()).token : '';
  } catch {
    return '';
  }
}

async function listStreams() {
  const token = $('token').value.trim();
  if (!token) return;
  const response = await fetch('/api/v1/streams?limit=50', { headers: { Authorization: `Bearer ${token}` } });
  if (!response.ok) return;
  const { streams } = await response.json();
  $('streams').replaceChildren(...streams.filter(stream => stream.status !== 'ended').map(stream => {
    const option = document.createElement('option');
    option.value = stream.stream_id;
    option.label = `${stream.title} (${stream.status}, ${stream.viewer_count} watching)`;
    return option;
  }));
}

$('connect').addEventListener('submit', event => {
  event.preventDefault();
  watch();
});
$('report').addEventListener('submit', report);
$('stream').addEventListener('focus', listStreams);
setInterval(() => socket?.askInfo(), infoInterval);

const fragment = new URLSearchParams(location.hash.slice(1));
$('stream').value = fragment.get('stream') ?? '';
$('token').value = fragment.get('token') || await developmentToken();
await listStreams();
if ($('stream').value) watch();
