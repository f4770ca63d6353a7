import { NovaError } from './errors.js';
import type { IssueReport } from './messages.js';

export interface StoredReport {
  report_id: string;
  issue_id: string;
}

interface Waiting {
  message: object;
  resolve(stored: StoredReport): void;
  reject(error: NovaError): void;
}

const issueTypes = ['buffering', 'lag', 'quality', 'playback_error', 'other'];
const severities = ['low', 'medium', 'high'];
/** A page that reports more than this while Nova is away has a fault of its own. */
const most = 100;
/** `crypto.randomUUID` is absent on a page without TLS. */
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
/** Half of an emoji, as a cut text ends in: JSON escapes it, and Nova takes no such text. */
const loneSurrogate = /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/;
const depthOf = (value: unknown): number => value && typeof value === 'object' ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** Reports that Nova has not acknowledged. Each is sent again until it is; its `report_id` makes it one row. */
export class Reports {
  #waiting = new Map<string, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  add(report: IssueReport, signal?: AbortSignal): { message: object; stored: Promise<StoredReport> } {
    const report_id = report.report_id ?? newId();
    const message = { event: 'report_issue', data: { ...report, report_id } };
    const stored = new Promise<StoredReport>((resolve, reject) => {
      const wrong = this.#whatIsWrong(report, report_id);
      if (wrong) return reject(new NovaError('invalid_report', wrong));
      if (this.#waiting.size >= most) return reject(new NovaError('too_many', `${most} reports wait for Nova already`));
      const stop = () => signal?.removeEventListener('abort', giveUp);
      const giveUp = () => this.#reject(report_id, new NovaError('aborted', 'The report was given up; Nova may have stored it'));
      if (signal?.aborted) return giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.set(report_id, {
        message,
        resolve: stored => (stop(), resolve(stored)),
        reject: error => (stop(), reject(error)),
      });
    });
    return { message, stored };
  }

  /** What Nova has not acknowledged, oldest first. */
  messages(): object[] {
    return [...this.#waiting.values()].map(waiting => waiting.message);
  }

  received({ report_id, issue_id }: StoredReport): void {
    this.#waiting.get(report_id)?.resolve({ report_id, issue_id });
    this.#waiting.delete(report_id);
  }

  /** Nova says that a value is wrong, and not of which report: so all that wait. What is checked here makes that rare. */
  rejectAll(error: NovaError): void {
    for (const id of [...this.#waiting.keys()]) this.#reject(id, error);
  }

  #reject(report_id: string, error: NovaError): void {
    this.#waiting.get(report_id)?.reject(error);
    this.#waiting.delete(report_id);
  }

  /** Nova's own limits, so that a mistake is told at once and with its name. */
  #whatIsWrong({ issue_type, severity, description, client_info }: IssueReport, report_id: string): string | null {
    if (!issueTypes.includes(issue_type)) return `issue_type must be one of ${issueTypes.join(', ')}`;
    if (!severities.includes(severity)) return `severity must be one of ${severities.join(', ')}`;
    if (report_id.length < 1 || report_id.length > 128) return 'report_id must have 1 to 128 characters';
    if (this.#waiting.has(report_id)) return 'report_id is that of a report that waits already';
    if (bytesOf(description ?? '') > 4096) return 'description must have at most 4096 bytes';
    if (bytesOf(JSON.stringify(client_info ?? {})) > 8192) return 'client_info must have at most 8192 bytes';
    if (loneSurrogate.test(JSON.stringify([report_id, description, client_info]))) return 'description, client_info and report_id must be well-formed Unicode';
    if (depthOf(client_info) > 8) return 'client_info must have at most 8 levels';
    if (JSON.stringify(client_info ?? {}).split(/[,[{]/).length > 900) return 'client_info must have at most 900 values';
    for (const name of ['player', 'browser', 'os', 'network']) {
      if (!['string', 'undefined'].includes(typeof (client_info?.[name] ?? undefined))) return `client_info.${name} must be text`;
    }
    const kbps = client_info?.bandwidth_estimate_kbps ?? 0;
    if (!(typeof kbps === 'number' && kbps >= 0)) return 'client_info.bandwidth_estimate_kbps must be 0 or more';
    return null;
  }
}
