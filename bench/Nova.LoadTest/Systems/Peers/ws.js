// Fan-out with the ws package. Usage: node ws.js <port>
'use strict';
const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => {
  const body = [];
  request.on('data', (chunk) => body.push(chunk));
  request.on('end', () => {
    if (request.method === 'POST') {
      const message = Buffer.concat(body);
      for (const client of viewers.clients) {
        client.send(message, { binary: false });
      }
    }
    response.end();
  });
});
server.keepAliveTimeout = 0; // The publisher keeps its connection.
server.requestTimeout = 0;
const viewers = new WebSocketServer({ server });
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
