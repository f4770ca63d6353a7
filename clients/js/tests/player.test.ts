import Hls, { type HlsConfig } from 'hls.js';
import videojs from 'video.js';
import { expect, test } from 'vitest';
import type { IssueReport } from '../src/index.js';
import { clientInfo, reportPlayback } from '../src/player.js';
import { lab, Nova, sharedGateway, until } from './lab/nova.js';

// tests/fixtures/picture.m3u8 is 6 s in three parts, made by: ffmpeg -f lavfi -i testsrc=size=64x36:rate=10:duration=6 -c:v libx264 -crf 40 -g 20 -pix_fmt yuv420p -f hls -hls_time 2 …

/** The picture with a part that comes late, or not at all. */
function source(late: Record<number, number>, parts = [0, 1, 2]): string {
  const lines = parts.map(part => `#EXTINF:2.0,\n${lab}/tests/fixtures/picture${part}.ts?wait=${late[part] ?? 0}`);
  return URL.createObjectURL(new Blob([`#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n${lines.join('\n')}\n#EXT-X-ENDLIST\n`], { type: 'application/vnd.apple.mpegurl' }));
}

function newVideo(): HTMLVideoElement {
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  return video;
}

function play(url: string, settings: Partial<HlsConfig> = {}) {
  const video = newVideo();
  const hls = new Hls(settings);
  hls.loadSource(url);
  hls.attachMedia(video);
  const reports: IssueReport[] = [];
  const viewer = { reportIssue: async (report: IssueReport) => (reports.push(report), { report_id: '', issue_id: '' }) };
  const stop = reportPlayback(viewer, video, { hls });
  void video.play();
  return { video, hls, reports, end: () => { stop(); hls.destroy(); video.remove(); } };
}

test('a stall is reported when it is over, with its length and what the browser is', async () => {
  const { video, reports, end } = play(source({ 1: 5000 }));
  await until(() => reports.length, 20_000).toBe(1);
  expect(reports[0]).toMatchObject({ issue_type: 'buffering', severity: 'medium', description: expect.stringMatching(/^Playback stood still for \d\.\d s$/) });
  const info = reports[0]!.client_info!;
  expect(info).toMatchObject({ player: `hls.js ${Hls.version}`, browser: expect.stringMatching(/^Chrome \d/), os: 'Linux', stalls: 1, startup_ms: expect.any(Number) });
  expect(info.stalled_ms).toBeGreaterThan(2000);
  expect(info.bandwidth_estimate_kbps).toBeGreaterThan(0);
  await until(() => video.ended, 15_000).toBe(true);
  expect(reports).toHaveLength(1);
  end();
});

test('a start that takes long is reported', async () => {
  const { reports, end } = play(source({ 0: 6000 }));
  await until(() => reports.map(report => report.description).join(), 20_000).toMatch(/^Playback took \d\.\d s to start$/);
  end();
});

test('a playback that fails is reported once, and nothing after the end', async () => {
  const once = { maxTimeToFirstByteMs: 5000, maxLoadTimeMs: 5000, errorRetry: null, timeoutRetry: null };
  const { video, reports, end } = play(source({}, [0, 7]), { fragLoadPolicy: { default: once } });
  await until(() => reports.at(-1)?.issue_type).toBe('playback_error');
  const count = reports.length;
  expect(reports.at(-1)!.description).toMatch(/hls\.js: networkError, fragLoadError/);
  end();
  video.dispatchEvent(new Event('error'));
  expect(reports).toHaveLength(count);
});

test('a report of the picture is stored by Nova, and the page may change it', async () => {
  const nova = new Nova((await sharedGateway()).url);
  const stream = await nova.stream();
  const viewer = nova.viewer(stream.id, await nova.token());
  viewer.connect();
  const element = newVideo();
  const player = (videojs as any)(element, { sources: [{ src: `${lab}/tests/fixtures/none.mp4`, type: 'video/mp4' }] });
  const stop = reportPlayback(viewer, element, { videojs: player, change: report => ({ ...report, client_info: { ...report.client_info, page: 'test' } }) });
  const operator = await nova.token({ role: 'operator' });
  await until(async () => (await nova.call('GET', `issues?stream_id=${stream.id}`, operator)).issues.map((issue: any) => `${issue.issue_type} ${issue.client_info.player} ${issue.client_info.page}`).join())
    .toBe('playback_error video.js test');
  stop();
  player.dispose();
  viewer.disconnect();
});

test('browsers and systems are named', () => {
  expect(clientInfo()).toMatchObject({ player: 'video element', browser: expect.stringMatching(/^Chrome [\d.]+$/), os: 'Linux' });
});
