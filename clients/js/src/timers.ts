/** Timers by name, so that `disconnect` leaves none behind. */
export class Timers {
  #running = new Map<string, ReturnType<typeof setTimeout>>();

  /** Replaces the timer of that name. A browser takes at most 2^31 - 1 ms; longer is cut, and whoever waits looks at the clock again. */
  set(name: string, ms: number, run: () => void): void {
    this.clear(name);
    this.#running.set(name, setTimeout(() => {
      this.#running.delete(name);
      run();
    }, Math.min(ms, 2 ** 31 - 1)));
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  clear(name: string): void {
    clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  clearAll(): void {
    for (const name of [...this.#running.keys()]) this.clear(name);
  }
}
