import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

const root = resolve(import.meta.dirname, '../../../..');
const startMs = 60_000;

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export async function eventually(what: string, probe: () => Promise<boolean>, ms = startMs): Promise<void> {
  const until = Date.now() + ms;
  while (!await probe().catch(() => false)) {
    if (Date.now() > until) throw new Error(`Not within ${ms / 1000} s: ${what}`);
    await new Promise(done => setTimeout(done, 50));
  }
}

/** A program of the repository as it was last built; built now if it never was. */
function programOf(name: string): string {
  const built = () => ['Debug', 'Release'].map(kind => join(root, name, 'bin', kind, 'net10.0', `${name}.dll`)).filter(existsSync)
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0];
  if (!built()) execFileSync('dotnet', ['build', join(root, name)], { stdio: 'inherit' });
  return built()!;
}

export class Program {
  process: ChildProcess | null = null;
  output = '';

  constructor(private readonly command: string[], private readonly environment: Record<string, string>, private readonly isReady: () => Promise<boolean>) {}

  async start(): Promise<void> {
    this.process = spawn(this.command[0]!, this.command.slice(1), { env: { ...process.env, ...this.environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (data: Buffer) => this.output = (this.output + data).slice(-20_000);
    this.process.stdout!.on('data', keep);
    this.process.stderr!.on('data', keep);
    await eventually(`${this.command.join(' ')} is ready\n${this.output}`, this.isReady).catch(error => { throw new Error(`${error.message}\n${this.output}`); });
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }
}

/** Nova as in production: a process for each service, PostgreSQL and Redis. Gateways are added by the tests. */
export class Processes {
  private readonly folder = mkdtempSync(join(tmpdir(), 'nova-js-'));
  private readonly programs: Program[] = [];
  private readonly key = randomBytes(32).toString('base64');
  private settings: Record<string, string> = {};
  redis!: Program;

  async start(): Promise<void> {
    const [redisPort, postgresPort, garnetPort, infraPort, statePort, telemetryPort] = await Promise.all(Array.from({ length: 6 }, freePort)) as [number, number, number, number, number, number];
    const password = randomBytes(16).toString('hex');
    const database = (name: string) => `Host=127.0.0.1;Port=${postgresPort};Username=nova;Password=${password};Database=${name}`;
    this.settings = {
      ASPNETCORE_ENVIRONMENT: 'Development',
      ConnectionStrings__redis: `127.0.0.1:${redisPort}`,
      Authentication__Schemes__Bearer__ValidIssuer: 'nova-js',
      Authentication__Schemes__Bearer__ValidAudiences__0: 'nova',
      Authentication__Schemes__Bearer__SigningKeys__0__Issuer: 'nova-js',
      Authentication__Schemes__Bearer__SigningKeys__0__Value: this.key,
      'services__stream-state__http__0': `http://127.0.0.1:${statePort}`,
      services__telemetry__http__0: `http://127.0.0.1:${telemetryPort}`,
    };
    this.redis = this.add(new Program(
      ['redis-server', '--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--dir', this.folder], {}, () => this.answersPing(redisPort)));
    const infra = this.service('Nova.LocalInfra', infraPort, {
      LocalInfra__DataFolder: join(this.folder, 'data'), LocalInfra__PostgresPort: `${postgresPort}`, LocalInfra__PostgresPassword: password, LocalInfra__RedisPort: `${garnetPort}` });
    await Promise.all([this.redis.start(), infra.start()]);
    await Promise.all([
      this.service('Nova.StreamState', statePort, { ConnectionStrings__streams: database('streams') }).start(),
      this.service('Nova.Telemetry', telemetryPort, { ConnectionStrings__telemetry: database('telemetry') }).start(),
    ]);
  }

  gateway(port: number, settings: Record<string, string>): Program {
    return this.service('Nova.Gateway', port, { Gateway__DrainDelay: '00:00:00', ...settings });
  }

  /** In reverse, since PostgreSQL and Redis are needed until the services have stopped. */
  async stop(): Promise<void> {
    for (const program of this.programs.reverse()) await program.stop('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private service(name: string, port: number, settings: Record<string, string>): Program {
    const url = `http://127.0.0.1:${port}`;
    return this.add(new Program(['dotnet', programOf(name)], { ...this.settings, ...settings, ASPNETCORE_URLS: url }, async () => (await fetch(`${url}/health`)).status === 200));
  }

  private add(program: Program): Program {
    this.programs.push(program);
    return program;
  }

  private async answersPing(port: number): Promise<boolean> {
    return execFileSync('redis-cli', ['-p', `${port}`, 'ping'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().startsWith('PONG');
  }
}
