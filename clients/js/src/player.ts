// For pages that play the picture: reports what their viewers suffer, by itself. `@nova/stream-client/player`, apart from the client so that others do not load it.

import type { ClientInfo, IssueReport } from './messages.js';
import type { NovaStreamViewer } from './viewer.js';

/** What is used of hls.js 1.x. */
export interface HlsLike {
  readonly bandwidthEstimate: number;
  on(event: any, listener: (event: any, data: any) => void): void;
  off(event: any, listener: (event: any, data: any) => void): void;
}

/** What is used of a video.js 8 player. */
export interface VideoJsLike {
  error(): any;
  tech(safe?: any): any;
  on(event: any, listener: () => void): void;
  off(event: any, listener: () => void): void;
}

export interface PlaybackOptions {
  hls?: HlsLike;
  videojs?: VideoJsLike;
  /** Called with each report before it is sent; return null to keep it. */
  change?: (report: IssueReport) => IssueReport | null;
}

/** A start or a stall that lasts this long is worth a report, and twice that long a severe one. */
const startMs = 5_000;
const stallMs = 2_000;
const longStallMs = 10_000;
/** Of 10 s of frames, more than a tenth that the machine could not show. */
const framesMs = 10_000;
const droppedShare = 0.1;
/** One report of a type a minute says enough; Nova takes ten a minute of all types. */
const pauseMs = 60_000;

/** Watches a video element until the returned function is called. */
export function reportPlayback(viewer: Pick<NovaStreamViewer, 'reportIssue'>, video: HTMLVideoElement, options: PlaybackOptions = {}): () => void {
  const { hls, videojs } = options;
  const reportedAt: Record<string, number> = {};
  const numbers: Record<string, number> = { stalls: 0, stalled_ms: 0 };
  const stop = new AbortController();
  let stalled = 0, stallTimer = 0, startTimer = 0, hasPlayed = false, playAsked = 0;
  let frames = { droppedVideoFrames: 0, totalVideoFrames: 0 };

  const report = (issue_type: IssueReport['issue_type'], severity: IssueReport['severity'], description: string) => {
    if (performance.now() - (reportedAt[issue_type] ?? -Infinity) < pauseMs) return;
    reportedAt[issue_type] = performance.now();
    const full: IssueReport = { issue_type, severity, description, client_info: { ...clientInfo(options), ...numbers } };
    const changed = options.change ? options.change(full) : full;
    if (changed) viewer.reportIssue(changed).catch(() => {}); // Closed for good: nobody waits for it any more.
  };
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const on = (event: string, handler: () => void) => video.addEventListener(event, handler, { signal: stop.signal });

  const stallEnds = () => {
    clearTimeout(stallTimer);
    if (!stalled) return;
    const ms = performance.now() - stalled;
    stalled = 0;
    numbers.stalled_ms! += Math.round(ms);
    if (ms >= stallMs) report('buffering', ms >= longStallMs ? 'high' : 'medium', `Playback stood still for ${seconds(ms)}`);
  };
  on('play', () => {
    if (hasPlayed || playAsked) return;
    playAsked = performance.now();
    startTimer = setTimeout(() => report('buffering', 'high', `Playback has not started for ${seconds(2 * startMs)}`), 2 * startMs) as unknown as number;
  });
  on('playing', () => {
    clearTimeout(startTimer);
    if (!hasPlayed) {
      const ms = performance.now() - (playAsked || performance.now());
      numbers.startup_ms = Math.round(ms);
      if (ms >= startMs) report('buffering', ms >= 2 * startMs ? 'high' : 'medium', `Playback took ${seconds(ms)} to start`);
    }
    hasPlayed = true;
    stallEnds();
  });
  on('waiting', () => {
    if (!hasPlayed || stalled || video.seeking) return;
    stalled = performance.now();
    numbers.stalls!++;
    stallTimer = setTimeout(() => report('buffering', 'high', `Playback has stood still for ${seconds(longStallMs)}`), longStallMs) as unknown as number;
  });
  on('pause', () => {
    clearTimeout(startTimer);
    playAsked = 0;
    stallEnds();
  });
  on('ended', stallEnds);
  const failed = (what: string) => report('playback_error', 'high', [...what].slice(0, 500).join(''));
  on('error', () => failed(`Media error ${video.error?.code ?? ''}: ${video.error?.message ?? ''}`));
  const hlsFailed = (_: unknown, data: any) => data.fatal && failed(`hls.js: ${data.type}, ${data.details}`);
  hls?.on('hlsError', hlsFailed);
  const videojsFailed = () => failed(`video.js: ${videojs?.error()?.message ?? 'error'}`);
  videojs?.on('error', videojsFailed);

  const frameTimer = setInterval(() => {
    const now = video.getVideoPlaybackQuality();
    const [dropped, total] = [now.droppedVideoFrames - frames.droppedVideoFrames, now.totalVideoFrames - frames.totalVideoFrames];
    frames = now;
    numbers.dropped_frames = now.droppedVideoFrames;
    if (total >= 50 && dropped > total * droppedShare && document.visibilityState === 'visible') {
      report('lag', 'medium', `${Math.round(100 * dropped / total)} % of the frames were dropped for ${framesMs / 1000} s`);
    }
  }, framesMs);

  return () => {
    stop.abort();
    clearTimeout(stallTimer);
    clearTimeout(startTimer);
    clearInterval(frameTimer);
    hls?.off('hlsError', hlsFailed);
    videojs?.off('error', videojsFailed);
  };
}

/** What the browser tells of itself. */
export function clientInfo({ hls, videojs }: PlaybackOptions = {}): ClientInfo {
  const agent = navigator.userAgent;
  const of = (...known: [RegExp, string][]) => known.map(([pattern, name]) => [pattern.exec(agent), name] as const).find(([match]) => match);
  const named = (found: ReturnType<typeof of>) => found && `${found[1]} ${found[0]![1] ?? ''}`.replaceAll('_', '.').trim();
  const bitsPerSecond = hls?.bandwidthEstimate || videojs?.tech({ IWillNotUseThisInPlugins: true })?.vhs?.systemBandwidth;
  return {
    player: hls ? `hls.js ${(hls.constructor as any).version ?? ''}`.trim() : videojs ? 'video.js' : 'video element',
    browser: named(of([/Firefox\/([\d.]+)/, 'Firefox'], [/Edg\/([\d.]+)/, 'Edge'], [/OPR\/([\d.]+)/, 'Opera'], [/Chrom(?:e|ium)\/([\d.]+)/, 'Chrome'], [/Version\/([\d.]+).*Safari/, 'Safari'])) ?? null,
    os: named(of([/Android ([\d.]+)/, 'Android'], [/(?:iPhone|CPU) OS ([\d_]+)/, 'iOS'], [/Mac OS X ([\d_]+)/, 'macOS'], [/Windows NT ([\d.]+)/, 'Windows'], [/Linux/, 'Linux'])) ?? null,
    network: (navigator as any).connection?.effectiveType ?? null,
    bandwidth_estimate_kbps: bitsPerSecond ? Math.round(bitsPerSecond / 1000) : null,
  };
}
