// The protocol's messages, named as they are on the wire (docs/protocol.md). Later versions add events and members: ignore those you do not know.

export type Quality = '720p' | '1080p' | '4k' | 'auto';
export type StreamStatus = 'scheduled' | 'active' | 'ended';
export type StreamHealth = 'excellent' | 'good' | 'fair' | 'poor';
export type EndReason = 'broadcaster_ended' | 'connection_lost' | 'session_timeout' | 'error';
export type QualityChangeReason = 'adaptive_bitrate' | 'broadcaster_changed' | 'network_congestion' | 'quality_degradation';
export type ErrorSeverity = 'info' | 'warning' | 'error' | 'critical';
export type IssueType = 'buffering' | 'lag' | 'quality' | 'playback_error' | 'other';
export type IssueSeverity = 'low' | 'medium' | 'high';

export interface ConnectionEstablished {
  stream_id: string;
  viewer_id: string;
  session_id: string;
  protocol_version: string;
  timestamp: string;
}

/** The values of the start, also for a viewer who comes later. */
export interface StreamStarted {
  stream_id: string;
  broadcaster_id: string;
  title: string;
  description: string;
  quality: Quality;
  fps: number;
  bitrate_kbps: number;
  timestamp: string;
}

/** Members that are absent did not change. */
export interface StreamUpdated {
  stream_id: string;
  title?: string;
  description?: string;
  broadcaster_name?: string;
  visibility?: 'public' | 'private';
  timestamp: string;
}

export interface StreamEnded {
  stream_id: string;
  duration_seconds: number;
  peak_viewers: number;
  final_viewer_count: number;
  reason: EndReason;
  timestamp: string;
}

export interface ViewerCountChanged {
  stream_id: string;
  viewer_count: number;
  peak_viewers: number;
  change: number;
  timestamp: string;
}

export interface QualityChanged {
  stream_id: string;
  previous_quality: Quality;
  new_quality: Quality;
  previous_bitrate_kbps: number;
  new_bitrate_kbps: number;
  fps: number;
  reason: QualityChangeReason;
  timestamp: string;
}

export interface BitrateUpdate {
  stream_id: string;
  current_bitrate_kbps: number;
  quality: Quality;
  health: StreamHealth;
  timestamp: string;
}

/** `recoverable`: whether the viewer can go on without reconnecting. The last four members come with MESSAGES_DROPPED only. */
export interface StreamError {
  error_code: string;
  error_message: string;
  severity: ErrorSeverity;
  recoverable: boolean;
  suggested_action: string;
  timestamp: string;
  dropped_count?: number;
  dropped_by_event?: Record<string, number>;
  first_dropped_at?: string;
  last_dropped_at?: string;
}

export interface Ping {
  sequence: number;
  timestamp: string;
}

export interface StreamInfo {
  request_id: string;
  stream_id: string;
  status: StreamStatus;
  viewer_count: number;
  peak_viewers: number;
  quality: Quality;
  bitrate_kbps: number;
  fps: number;
  duration_seconds: number;
  broadcaster_name: string;
  timestamp: string;
}

export interface IssueReceived {
  report_id: string;
  issue_id: string;
  stored: true;
}

export interface TokenRefreshed {
  expires_at: string;
}

/** What Nova sends: event and its `data`. */
export interface ServerEvents {
  connection_established: ConnectionEstablished;
  stream_started: StreamStarted;
  stream_updated: StreamUpdated;
  stream_ended: StreamEnded;
  viewer_count_changed: ViewerCountChanged;
  quality_changed: QualityChanged;
  bitrate_update: BitrateUpdate;
  error: StreamError;
  ping: Ping;
  stream_info: StreamInfo;
  issue_received: IssueReceived;
  token_refreshed: TokenRefreshed;
}

/** Members of your own are stored, too; 8,192 bytes and 8 levels in all. */
export interface ClientInfo {
  player?: string | null;
  browser?: string | null;
  os?: string | null;
  network?: string | null;
  bandwidth_estimate_kbps?: number | null;
  [more: string]: unknown;
}

export interface IssueReport {
  issue_type: IssueType;
  severity: IssueSeverity;
  /** At most 4,096 bytes. */
  description?: string | null;
  client_info?: ClientInfo | null;
  /** 1 to 128 characters, yours; the same one again is the same report. The client makes one where it is absent. */
  report_id?: string | null;
}

/** What Nova takes: event and its `data`. */
export interface ClientEvents {
  pong: { sequence?: number; timestamp?: string };
  get_stream_info: { request_id: string };
  report_issue: IssueReport;
  refresh_token: { token: string };
}

/** The protocol's envelope. */
export type Message<Events> = { [Name in keyof Events]: { event: Name; data: Events[Name] } }[keyof Events];
