// What the page shows. Everything from the network goes in as text, never as markup.

const $ = id => document.getElementById(id);
const number = new Intl.NumberFormat('en');
const keptEvents = 300;
const keptCounts = 120;

let startedAt = null;
let finalDuration = null;
let total = 0;
let counts = [];

export function reset() {
  startedAt = finalDuration = null;
  total = 0;
  counts = [];
  $('events').replaceChildren();
  $('notice').hidden = true;
  for (const id of ['viewers', 'quality', 'bitrate', 'latency', 'duration']) $(id).textContent = '–';
  for (const id of ['peak', 'fps', 'health', 'broadcaster', 'description']) $(id).textContent = '';
  showStatus('–');
  drawCounts();
}

export function showLink({ state, why }) {
  $('link').dataset.state = state;
  $('link').textContent = why ?? { connecting: 'Connecting…', open: 'Connected', closed: 'Closed', idle: 'Not connected' }[state];
  $('send').disabled = state !== 'open';
}

export function showLatency(ms) {
  $('latency').textContent = ms < 10 ? ms.toFixed(1) : Math.round(ms);
}

/** Puts a message in the log and its values in the tiles. */
export function show({ event, data }) {
  (handlers[event] ?? (() => {}))(data);
  if (event !== 'ping' && event !== 'stream_info') log(event, data);
}

const handlers = {
  stream_started(data) {
    startedAt = Date.parse(data.timestamp);
    $('title').textContent = data.title;
    $('description').textContent = data.description;
    showStatus('active');
    showQuality(data.quality, data.fps, data.bitrate_kbps);
  },
  stream_info(data) {
    $('broadcaster').textContent = data.broadcaster_name;
    showStatus(data.status);
    showCount(data.viewer_count, data.peak_viewers);
    if (data.fps > 0) showQuality(data.quality, data.fps);
  },
  viewer_count_changed(data) {
    showCount(data.viewer_count, data.peak_viewers);
  },
  quality_changed(data) {
    showQuality(data.new_quality, data.fps, data.new_bitrate_kbps);
  },
  bitrate_update(data) {
    $('bitrate').textContent = number.format(data.current_bitrate_kbps);
    $('health').textContent = data.health;
    $('health').dataset.health = data.health;
  },
  stream_ended(data) {
    finalDuration = data.duration_seconds;
    showStatus('ended');
    showCount(data.final_viewer_count, data.peak_viewers);
    notice('info', `The stream has ended after ${clock(data.duration_seconds)}, with at most ${number.format(data.peak_viewers)} viewers.`);
  },
  error(data) {
    notice(data.severity, `${data.error_message}. ${data.suggested_action}.`);
  },
};

const summaries = {
  connection_established: d => `You are viewer ${d.viewer_id.slice(0, 8)}, protocol ${d.protocol_version}`,
  stream_started: d => `${d.title} · ${d.quality} ${d.fps} fps, ${number.format(d.bitrate_kbps)} kbps`,
  stream_ended: d => `${d.reason} after ${clock(d.duration_seconds)}`,
  viewer_count_changed: d => `${number.format(d.viewer_count)} watching (${d.change >= 0 ? '+' : '−'}${Math.abs(d.change)}), peak ${number.format(d.peak_viewers)}`,
  quality_changed: d => `${d.previous_quality} → ${d.new_quality}, ${number.format(d.new_bitrate_kbps)} kbps: ${d.reason.replaceAll('_', ' ')}`,
  bitrate_update: d => `${number.format(d.current_bitrate_kbps)} kbps, ${d.health}`,
  error: d => `${d.error_code}: ${d.error_message}`,
  issue_received: d => `Report kept as ${d.issue_id}`,
};

function log(event, data) {
  const item = document.createElement('li');
  item.dataset.event = event;
  const details = item.appendChild(document.createElement('details'));
  const summary = details.appendChild(document.createElement('summary'));
  const at = new Date(data.timestamp ?? Date.now());
  append(summary, 'time', at.toLocaleTimeString('en-GB') + '.' + String(at.getMilliseconds()).padStart(3, '0'));
  append(summary, 'span', event).className = 'name';
  append(summary, 'span', summaries[event]?.(data) ?? '').className = 'what';
  append(details, 'pre', JSON.stringify(data, null, 2));
  $('events').prepend(item);
  while ($('events').childElementCount > keptEvents) $('events').lastElementChild.remove();
  $('total').textContent = number.format(++total);
}

function append(parent, tag, text) {
  const element = parent.appendChild(document.createElement(tag));
  element.textContent = text;
  return element;
}

function showStatus(status) {
  $('status').textContent = status === 'active' ? 'live' : status;
  $('status').dataset.status = status;
}

function showQuality(quality, fps, kbps) {
  $('quality').textContent = quality;
  $('fps').textContent = `${fps} fps`;
  if (kbps !== undefined) $('bitrate').textContent = number.format(kbps);
}

function showCount(viewers, peak) {
  $('viewers').textContent = number.format(viewers);
  $('peak').textContent = `peak ${number.format(peak)}`;
  counts = [...counts, viewers].slice(-keptCounts);
  drawCounts();
}

function drawCounts() {
  const top = Math.max(1, ...counts);
  const points = counts.map((count, i) => `${(i / Math.max(1, counts.length - 1)) * 240},${44 - (count / top) * 36}`);
  const line = points.length > 1 ? `M${points.join('L')}` : '';
  $('spark').querySelector('.line').setAttribute('d', line);
  $('spark').querySelector('.area').setAttribute('d', line && `${line}L240,48L0,48Z`);
}

function notice(severity, text) {
  $('notice').dataset.severity = severity;
  $('notice').textContent = text;
  $('notice').hidden = false;
}

function clock(seconds) {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return `${h ? `${h}:` : ''}${h ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
}

setInterval(() => {
  if (finalDuration !== null) $('duration').textContent = clock(finalDuration);
  else if (startedAt !== null) $('duration').textContent = clock(Math.max(0, (Date.now() - startedAt) / 1000));
}, 500);
