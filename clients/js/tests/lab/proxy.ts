import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** A network between a viewer and a gateway: late, silent in one or both directions, or cut. */
export class Proxy {
  delayMs = 0;
  /** Bytes of this direction vanish, and nothing is closed. */
  silent: 'no' | 'up' | 'both' = 'no';
  /** New connections are closed at once. */
  refuse = false;
  /** Connections so far. */
  accepted = 0;
  #server!: Server;
  #sockets = new Set<Socket>();

  constructor(private readonly target: () => number) {}

  async start(): Promise<number> {
    this.#server = createServer(client => this.#forward(client)).listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as { port: number }).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }

  #forward(client: Socket): void {
    this.accepted++;
    if (this.refuse) return void client.destroy();
    // Silence is for the connections of its time: a later one goes through.
    const server = connect(this.target(), '127.0.0.1');
    let silenced = { up: false, down: false };
    const copy = (from: Socket, to: Socket, direction: 'up' | 'down') => {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', data => {
        if (this.silent !== 'no') silenced = { up: true, down: this.silent === 'both' };
        if (!silenced[direction]) setTimeout(() => to.writable && to.write(data), this.delayMs);
      });
      from.on('end', () => silenced[direction] || setTimeout(() => to.end(), this.delayMs));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!silenced[direction]) setTimeout(() => to.destroy(), this.delayMs + 50);
      });
    };
    copy(client, server, 'up');
    copy(server, client, 'down');
  }
}
