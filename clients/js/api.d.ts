// index
export { NovaError, type Closed, type ClosedCode } from './errors.js';
export type { WebSocketConstructor, WebSocketLike } from './link.js';
export type * from './messages.js';
export type { StoredReport } from './reports.js';
export type { Store, StreamState } from './state.js';
export type { TokenProvider } from './tokens.js';
export { NovaStreamViewer, type LocalEvents, type ViewerEvents, type ViewerOptions } from './viewer.js';

// viewer
import { type Closed } from './errors.js';
import { type WebSocketConstructor } from './link.js';
import type { ClientEvents, IssueReport, Message, ServerEvents, StreamInfo } from './messages.js';
import { type StoredReport } from './reports.js';
import { Store, type StreamState } from './state.js';
import { type TokenProvider } from './tokens.js';
export interface ViewerOptions {
    url?: string;
    tokenIn?: 'query' | 'subprotocol';
    signal?: AbortSignal;
    WebSocket?: WebSocketConstructor | (new (url: string, protocols?: string[]) => any);
    fetch?: typeof fetch;
}
export interface LocalEvents {
    message: {
        event: string;
        data: unknown;
    };
    reconnecting: {
        in_ms: number;
        reason: string;
    };
    closed: Closed;
}
export type ViewerEvents = ServerEvents & LocalEvents;
export declare class NovaStreamViewer {
    readonly streamId: string;
    readonly state: Store<StreamState>;
    constructor(streamId: string, token: string | TokenProvider, options?: ViewerOptions);
    connect(): void;
    on<Name extends keyof ViewerEvents>(event: Name, handler: (data: ViewerEvents[Name]) => void): () => void;
    send(message: Message<ClientEvents>): boolean;
    disconnect(): void;
    getStreamInfo(): Promise<StreamInfo>;
    reportIssue(report: IssueReport, options?: {
        signal?: AbortSignal;
    }): Promise<StoredReport>;
}

// state
import type { Closed } from './errors.js';
import type { Quality, StreamEnded, StreamError, StreamHealth, StreamInfo, StreamStatus } from './messages.js';
export interface StreamState {
    connection: 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed';
    current: boolean;
    retry_at: number | null;
    retry_reason: string | null;
    closed: Closed | null;
    viewer_id: string | null;
    session_id: string | null;
    status: StreamStatus | null;
    title: string | null;
    description: string | null;
    broadcaster_id: string | null;
    broadcaster_name: string | null;
    started_at: string | null;
    viewer_count: number | null;
    peak_viewers: number | null;
    quality: Quality | null;
    fps: number | null;
    bitrate_kbps: number | null;
    current_bitrate_kbps: number | null;
    health: StreamHealth | null;
    error: StreamError | null;
    ended: StreamEnded | null;
    latency_ms: number | null;
}
export declare const initialState: StreamState;
export declare function changeOf(event: string, data: unknown): Partial<StreamState>;
export declare function changeOfInfo(info: StreamInfo, hasCount: boolean): Partial<StreamState>;
export declare class Store<T> {
    constructor(value: T);
    get value(): T;
    subscribe: (listener: (value: T) => void) => (() => void);
    set(value: T): void;
}
export declare function guarded<A>(handler: (argument: A) => void, argument: A): void;

// errors
export type ClosedCode = 
'stream_ended'
 | 'stream_not_found'
 | 'not_allowed' | 'token_missing' | 'token_expired' | 'token_invalid'
 | 'bad_request'
 | 'disconnected';
export interface Closed {
    code: ClosedCode;
    message: string;
    close_code?: number;
    status?: number;
}
export declare class NovaError extends Error {
    readonly code: ClosedCode | 'timeout' | 'aborted' | 'invalid_report' | 'rejected' | 'too_many' | 'no_websocket';
    readonly name = "NovaError";
    constructor(code: ClosedCode | 'timeout' | 'aborted' | 'invalid_report' | 'rejected' | 'too_many' | 'no_websocket', message: string);
}

// messages
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
    description?: string | null;
    client_info?: ClientInfo | null;
    report_id?: string | null;
}
export interface ClientEvents {
    pong: {
        sequence?: number;
        timestamp?: string;
    };
    get_stream_info: {
        request_id: string;
    };
    report_issue: IssueReport;
    refresh_token: {
        token: string;
    };
}
export type Message<Events> = {
    [Name in keyof Events]: {
        event: Name;
        data: Events[Name];
    };
}[keyof Events];

// tokens
export type TokenProvider = () => string | Promise<string>;
export declare class Tokens {
    constructor(source: string | TokenProvider);
    get renewable(): boolean;
    get(): Promise<string>;
    renew(): Promise<string>;
    forget(): void;
    msUntilRefresh(): number | null;
}

// player
import type { ClientInfo, IssueReport } from './messages.js';
import type { NovaStreamViewer } from './viewer.js';
export interface HlsLike {
    readonly bandwidthEstimate: number;
    on(event: any, listener: (event: any, data: any) => void): void;
    off(event: any, listener: (event: any, data: any) => void): void;
}
export interface VideoJsLike {
    error(): any;
    tech(safe?: any): any;
    on(event: any, listener: () => void): void;
    off(event: any, listener: () => void): void;
}
export interface PlaybackOptions {
    hls?: HlsLike;
    videojs?: VideoJsLike;
    change?: (report: IssueReport) => IssueReport | null;
}
export declare function reportPlayback(viewer: Pick<NovaStreamViewer, 'reportIssue'>, video: HTMLVideoElement, options?: PlaybackOptions): () => void;
export declare function clientInfo({ hls, videojs }?: PlaybackOptions): ClientInfo;
