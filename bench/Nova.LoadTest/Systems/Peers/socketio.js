// Fan-out with socket.io over WebSocket only. Usage: node socketio.js <port>
'use strict';
const http = require('http');
const { Server } = require('socket.io');

const server = http.createServer((request, response) => {
  const body = [];
  request.on('data', (chunk) => body.push(chunk));
  request.on('end', () => {
    if (request.method === 'POST') {
      io.emit('event', JSON.parse(Buffer.concat(body).toString()));
    }
    response.end();
  });
});
server.keepAliveTimeout = 0; // The publisher keeps its connection.
server.requestTimeout = 0;
const io = new Server(server, { transports: ['websocket'], serveClient: false });
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
