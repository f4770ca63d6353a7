// Runs the protocol document's first code sample against a gateway, again whenever the server has closed it. Arguments: the document, gateway
// host, stream id, token, seconds to stay. Prints one JSON line per thing that happened; "failed" is what must not.
import { readFileSync } from 'node:fs';

const [document, host, streamId, token, seconds] = process.argv.slice(2);
const say = what => process.stdout.write(`${JSON.stringify(what)}\n`);

// Only what the sample has as placeholders is put in: the host, the stream and the token.
const block = readFileSync(document, 'utf8').split('```').find(part => part.includes('// JavaScript client'));
const source = block.slice(block.indexOf('\n') + 1)
  .replace('wss://api.nova-social.io', `ws://${host}`)
  .replace(/const streamId = "[^"]*"/, `const streamId = ${JSON.stringify(streamId)}`)
  .replace(/const token = "[^"]*"/, `const token = ${JSON.stringify(token)}`);

// The sample's own lines to the console, told as what they mean.
console.log = text => say(text === 'Connected' ? { opened: true } : { said: text });
console.error = (text, error) => say({ failed: `${text} ${error?.message}` });
process.on('uncaughtException', error => say({ failed: `${error}` }));

const handleMessage = message => say({ event: message.event });
const ends = Date.now() + seconds * 1000;
let socket;
const run = () => {
  socket = new Function('handleMessage', `${source}\nreturn ws;`)(handleMessage);
  socket.addEventListener('close', () => Date.now() < ends && setTimeout(run, 500));
};
run();
setTimeout(() => process.exit(0), seconds * 1000);
