/** Why a connection is closed for good. */
export type ClosedCode =
  /** The broadcast is over; `state.ended` has its numbers. */
  | 'stream_ended'
  /** The scheduled broadcast was deleted, or there is no such stream. */
  | 'stream_not_found'
  /** This viewer may not watch: kicked, or the stream is private. */
  | 'not_allowed'
  | 'token_missing'
  | 'token_expired'
  | 'token_invalid'
  /** Nova did not understand the request or a message. */
  | 'bad_request'
  /** You called `disconnect()` or aborted the signal. */
  | 'disconnected';

/** The connection is closed for good. `message` is a sentence for people, in English. */
export interface Closed {
  code: ClosedCode;
  message: string;
  /** The socket's close code, where it was open. */
  close_code?: number;
  /** The HTTP status of the refusal, where it was not. */
  status?: number;
}

/** What the promises of a viewer are rejected with. */
export class NovaError extends Error {
  override readonly name = 'NovaError';

  constructor(readonly code: ClosedCode | 'timeout' | 'aborted' | 'invalid_report' | 'rejected' | 'too_many' | 'no_websocket', message: string) {
    super(message);
  }
}
