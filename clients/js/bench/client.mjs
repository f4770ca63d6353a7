// One library, followed in a process of its own by compare.mjs: connects cold again and again, then takes many events. Prints its figures as JSON.
import { WebSocket } from 'ws';

const [library, port, connects, events] = process.argv.slice(2);
const http = `http://127.0.0.1:${port}`;
const ws = `ws://127.0.0.1:${port}`;

/** Each connects and calls `heard` with every event; the returned function ends it. */
const libraries = {
  async nova() {
    const { NovaStreamViewer } = await import('../dist/index.js');
    return heard => {
      const viewer = new NovaStreamViewer('stream', 'token', { url: http, WebSocket });
      viewer.on('viewer_count_changed', heard);
      viewer.connect();
      return () => viewer.disconnect();
    };
  },
  async centrifuge() {
    const { Centrifuge } = await import('centrifuge');
    return heard => {
      const centrifuge = new Centrifuge(`${ws}/centrifuge`, { websocket: WebSocket });
      const subscription = centrifuge.newSubscription('stream');
      subscription.on('publication', context => heard(context.data.data));
      subscription.subscribe();
      centrifuge.connect();
      return () => centrifuge.disconnect();
    };
  },
  async signalr() {
    const { HubConnectionBuilder, HttpTransportType, LogLevel } = await import('@microsoft/signalr');
    return heard => {
      const connection = new HubConnectionBuilder().withUrl(`${http}/signalr`, { transport: HttpTransportType.WebSockets, WebSocket }).withAutomaticReconnect().configureLogging(LogLevel.None).build();
      connection.on('viewer_count_changed', heard);
      void connection.start();
      return () => connection.stop();
    };
  },
  /** What any client pays: the socket and JSON.parse. */
  async 'ws alone'() {
    return heard => {
      const socket = new WebSocket(`${ws}/api`);
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.event === 'viewer_count_changed') heard(message.data);
      };
      return () => socket.close();
    };
  },
};

const open = await libraries[library]();
const times = [];
for (let i = 0; i < Number(connects); i++) {
  const started = performance.now();
  let close;
  await new Promise(resolve => close = open(resolve));
  times.push(performance.now() - started);
  await close();
}

const warm = 100_000; // The engine has compiled everything by then.
let count = 0, cpu;
await new Promise(resolve => {
  const close = open(({ viewer_count }) => {
    count++;
    if (viewer_count === 1) process.nextTick(() => fetch(`${http}/flood?events=${events}`, { method: 'POST' }));
    if (count === warm) cpu = process.cpuUsage();
    if (count >= Number(events)) {
      const { user, system } = process.cpuUsage(cpu);
      resolve(console.log(JSON.stringify({ connectMs: times.sort((one, two) => one - two)[Math.floor(times.length / 2)], microseconds: (user + system) / (count - warm) })));
      void close();
    }
  });
});
process.exit(0);
