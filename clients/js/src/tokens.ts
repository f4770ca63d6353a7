/** Called when a token is needed: at the first connect, before the old one ends, and after Nova refused it. */
export type TokenProvider = () => string | Promise<string>;

/** A token with less life than this is not used for a new connection. */
const spareMs = 30_000;
/** Nova takes six refreshes a minute: a provider that returns the same token again and again stays below that. */
const leastMs = 10_000;

export class Tokens {
  readonly #provider: TokenProvider | null;
  #token = '';
  #pending: Promise<string> | null = null;

  constructor(source: string | TokenProvider) {
    this.#provider = typeof source === 'function' ? source : null;
    if (typeof source === 'string') this.#token = source;
  }

  /** Whether there can be another one. */
  get renewable(): boolean {
    return this.#provider !== null;
  }

  /** The token at hand while it lives, else a new one. Several callers at once share one call of the provider. */
  async get(): Promise<string> {
    if (!this.#provider || (this.#token && this.#msLeft() > spareMs)) return this.#token;
    return await this.renew();
  }

  async renew(): Promise<string> {
    const pending = this.#pending ??= (async () => this.#provider!())();
    try {
      return this.#token = await pending;
    } finally {
      if (this.#pending === pending) this.#pending = null;
    }
  }

  /** Nova refused it, or the provider does not answer: the next `get` asks the provider anew. */
  forget(): void {
    this.#pending = null;
    if (this.#provider) this.#token = '';
  }

  /** Half to three quarters of its life from now: many viewers who came together do not ask their server together. */
  msUntilRefresh(): number | null {
    const left = this.#msLeft();
    return this.#provider && Number.isFinite(left) ? Math.max(leastMs, left * (0.5 + Math.random() / 4)) : null;
  }

  /** By the clock of this machine; where that is wrong, Nova's warning and 4401 still come. Without a readable `exp` it lives until refused. */
  #msLeft(): number {
    try {
      const payload = JSON.parse(atob(this.#token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')));
      return typeof payload.exp === 'number' ? payload.exp * 1000 - Date.now() : Infinity;
    } catch {
      return Infinity;
    }
  }
}
