// A server on Node.js (nghttp2 and OpenSSL) for one row of the table: prints its port, and ends with its stdin.
//
//     server.mjs MANNER CERTIFICATES|- [asks]

import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import tls from "node:tls";

const [manner, directory, asks] = process.argv.slice(2);
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const GRPC = { ":status": 200, "content-type": "application/grpc" };

// Head, body and trailers of an answer.
const ANSWERS = {
  healthy: [GRPC, SERVING, { "grpc-status": "0" }],
  "not-serving": [GRPC, Buffer.from([0, 0, 0, 0, 2, 8, 2]), { "grpc-status": "0" }],
  page: [{ ":status": 200, "content-type": "text/html" }, Buffer.from("<h1>It works!</h1>")],
  "not-found": [{ ":status": 404, "content-type": "text/plain" }, Buffer.from("no such page")],
  web: [{ ":status": 200, "content-type": "application/grpc-web+proto" }, SERVING, { "grpc-status": "0" }],
  busy: [{ ":status": 503, "content-type": "application/grpc" }, Buffer.alloc(0), { "grpc-status": "14" }],
  "without-status": [GRPC, SERVING],
  "without-message": [GRPC, Buffer.alloc(0), { "grpc-status": "0" }],
  garbled: [GRPC, Buffer.from([0, 0, 0, 0, 3, 255, 255, 255]), { "grpc-status": "0" }],
  compressed: [{ ...GRPC, "grpc-encoding": "snappy" }, Buffer.from([1, 0, 0, 0, 2, 8, 1]), { "grpc-status": "0" }],
  long: [GRPC, Buffer.concat([Buffer.from([0, 0, 2, 0, 0]), Buffer.alloc(1 << 17)]), { "grpc-status": "0" }],
  odd: [GRPC, Buffer.alloc(0), { "grpc-status": "fine" }],
  "counts-wrong": [{ ...GRPC, "content-length": "99" }, SERVING, { "grpc-status": "0" }],
  // As a proxy without a route for the call.
  proxy: [{ ...GRPC, server: "proxy", "grpc-status": "12" }],
  unauthenticated: [GRPC, Buffer.alloc(0), { "grpc-status": "16", "grpc-message": "a token is missing" }],
};

const ENDS = {
  refuses: (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  "http1-only": (stream) => stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED),
  crashes: (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  calms: (stream) => stream.session.destroy(new Error("calm"), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
  cuts: () => sockets.forEach((socket) => socket.destroy()),
  silent: () => {},
};

function answer(stream) {
  // A client that has seen enough goes away.
  stream.on("error", () => {});
  if (ENDS[manner]) return ENDS[manner](stream);
  const [head, body, trailers] = ANSWERS[manner] ?? ANSWERS.healthy;
  if (!body) return stream.respond(head, { endStream: true });
  stream.respond(head, { waitForTrailers: Boolean(trailers) });
  if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

function make() {
  const settings = manner === "no-streams" ? { maxConcurrentStreams: 0 } : {};
  if (directory === "-") {
    return manner === "http1" ? http.createServer((_, response) => response.end("hello")) : http2.createServer({ settings });
  }
  const read = (name) => readFileSync(`${directory}/${name}`);
  const options = {
    key: read("server.key"), cert: read("server.crt"), ca: read("ca.crt"), settings,
    requestCert: asks === "asks", rejectUnauthorized: asks === "asks",
  };
  // A TLS server of its own, whose ALPN is what the row wants.
  if (manner === "without-alpn") return tls.createServer(options, (socket) => socket.resume());
  if (manner === "only-http1") return tls.createServer({ ...options, ALPNProtocols: ["http/1.1"] }, (socket) => socket.resume());
  return http2.createSecureServer(options);
}

// Sessions do not give their sockets away.
const sockets = new Set();
const server = make();
server.on("connection", (socket) => sockets.add(socket));
server.on("stream", answer);
server.on("session", (session) => session.on("error", () => {}));
for (const event of ["sessionError", "tlsClientError", "secureConnection"]) server.on(event, () => {});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
