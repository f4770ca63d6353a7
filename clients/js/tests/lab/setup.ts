import { createServer, type IncomingMessage } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join, normalize } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePort, Processes, type Program } from './processes.ts';
import { Proxy } from './proxy.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    lab: string;
  }
}

const folder = join(import.meta.dirname, '../..');
const types: Record<string, string> = { html: 'text/html', js: 'text/javascript', m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t' };

/** Starts Nova, and a control server with which tests in Node.js and in Chromium break it. It serves the package's files, too. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const processes = new Processes();
  const gateways = new Map<string, { program: Program; url: string; port: number }>();
  const proxies = new Map<string, Proxy>();
  const started = processes.start();
  const balancing: ReturnType<typeof setInterval>[] = [];
  let shared: Promise<object> | undefined;

  const commands: Record<string, (body: any) => Promise<object>> = {
    'start-gateway': async ({ settings }) => {
      await started;
      const port = await freePort();
      const program = processes.gateway(port, settings ?? {});
      await program.start();
      gateways.set(`${port}`, { program, port, url: `http://127.0.0.1:${port}` });
      return { id: `${port}`, url: `http://127.0.0.1:${port}` };
    },
    'shared-gateway': () => shared ??= commands['start-gateway']!({}),
    kill: async ({ id }) => (await gateways.get(id)!.program.stop('SIGKILL'), {}),
    drain: async ({ id }) => (await gateways.get(id)!.program.stop('SIGTERM'), {}),
    restart: async ({ id }) => (await gateways.get(id)!.program.start(), {}),
    'restart-redis': async () => {
      await processes.redis.stop('SIGKILL');
      await processes.redis.start();
      return {};
    },
    'start-proxy': async ({ id, ...settings }) => {
      const proxy = Object.assign(new Proxy(() => gateways.get(id)!.port), settings);
      const port = await proxy.start();
      proxies.set(`${port}`, proxy);
      return { id: `${port}`, url: `http://127.0.0.1:${port}` };
    },
    /** Leads new connections to gateways that are ready, as a load balancer does. */
    'start-balancer': async ({ ids }: { ids: string[] }) => {
      const ready = new Set<number>(ids.map(Number));
      balancing.push(setInterval(() => ids.forEach(async id => {
        const isReady = await fetch(`http://127.0.0.1:${id}/health`).then(answer => answer.ok, () => false);
        if (isReady) ready.add(Number(id));
        else ready.delete(Number(id));
      }), 250));
      const proxy = new Proxy(() => [...ready][Math.floor(Math.random() * ready.size)] ?? Number(ids[0]));
      const port = await proxy.start();
      proxies.set(`${port}`, proxy);
      return { id: `${port}`, url: `http://127.0.0.1:${port}` };
    },
    proxy: async ({ id, cut, ...settings }) => {
      const proxy = Object.assign(proxies.get(id)!, settings);
      if (cut) proxy.cut();
      return { accepted: proxy.accepted };
    },
  };

  const server = createServer(async (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    const path = new URL(request.url!, 'http://lab').pathname.slice(1);
    try {
      if (request.method === 'GET') {
        const wait = Number(new URL(request.url!, 'http://lab').searchParams.get('wait') ?? 0);
        await new Promise(done => setTimeout(done, wait));
        const file = await readFile(join(folder, normalize(path)));
        response.setHeader('Content-Type', types[path.split('.').pop()!] ?? 'application/octet-stream').end(file);
      } else if (request.method === 'POST') {
        response.end(JSON.stringify(await commands[path]!(await bodyOf(request))));
      } else {
        response.end();
      }
    } catch (error) {
      response.writeHead(request.method === 'GET' ? 404 : 500).end(String(error));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('lab', `http://127.0.0.1:${(server.address() as { port: number }).port}`);
  await started.catch(async error => {
    await processes.stop();
    throw error;
  });

  return async () => {
    balancing.forEach(clearInterval);
    server.closeAllConnections();
    server.close();
    for (const proxy of proxies.values()) proxy.stop();
    await processes.stop();
  };
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}
