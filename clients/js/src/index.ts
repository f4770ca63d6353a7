export { NovaError, type Closed, type ClosedCode } from './errors.js';
export type { WebSocketConstructor, WebSocketLike } from './link.js';
export type * from './messages.js';
export type { StoredReport } from './reports.js';
export type { Store, StreamState } from './state.js';
export type { TokenProvider } from './tokens.js';
export { NovaStreamViewer, type LocalEvents, type ViewerEvents, type ViewerOptions } from './viewer.js';
